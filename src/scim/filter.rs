//! Filters (RFC 7644, section 3.4.2.2): the grammar, over the attributes that there are.

use super::error::{ScimError, ScimType, Shown};
use super::evaluate::fits;
use super::lexer::{Lexer, Token};
use super::path::{At, Part, Place, part_of, resolve};
use super::schema::{Attribute, Kind};
use super::user::User;
use crate::domain::Instant;

/// Brackets within brackets.
const DEEPEST: usize = 16;
/// Comparisons in one filter.
const MOST_TESTS: usize = 64;
/// The part of a list's element that is meant when none is named.
const VALUE: &str = "value";

#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    /// Some element of a list fits.
    Element(At, Box<Filter>),
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub of: Subject,
    pub operator: Operator,
    pub operand: Operand,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Of a user.
    Place(At),
    /// Of a list's element.
    Part(&'static Attribute),
}

crate::words! {
    Operator {
        Equal = "eq", NotEqual = "ne", Contains = "co", StartsWith = "sw", EndsWith = "ew",
        Greater = "gt", GreaterOrEqual = "ge", Less = "lt", LessOrEqual = "le", Present = "pr",
    }
}

/// What it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Also of `pr`, which compares with nothing.
    Nothing,
    /// Lower-cased where case tells nothing.
    Text(String),
    Boolean(bool),
    Instant(Instant),
}

/// What every user that fits has, for an index to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Narrowed {
    Id(String),
    /// Lower-cased.
    UserName(String),
    ExternalId(String),
    /// An e-mail address, lower-cased.
    Address(String),
}

impl Subject {
    pub fn attribute(self) -> &'static Attribute {
        match self {
            Self::Place(at) => at.last(),
            Self::Part(part) => part,
        }
    }
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, ScimError> {
        let mut parser = Parser::new(text, ScimType::InvalidFilter)?;
        let filter = parser.any(None)?;
        parser.end()?;
        Ok(filter)
    }

    pub fn fits(&self, user: &User) -> bool {
        fits(self, &user.written())
    }

    /// What an index can find the users by that may fit.
    pub fn narrowed(&self) -> Option<Narrowed> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::narrowed),
            Self::Element(at, within) => {
                within.equal_value().filter(|_| at.attribute.name == "emails").map(Narrowed::Address)
            }
            Self::Test(Test { of: Subject::Place(at), operator: Operator::Equal, operand: Operand::Text(text) }) => {
                let text = text.clone();
                match (at.attribute.name, at.part.map(|part| part.name)) {
                    ("id", None) => Some(Narrowed::Id(text)),
                    ("userName", None) => Some(Narrowed::UserName(text)),
                    ("externalId", None) => Some(Narrowed::ExternalId(text)),
                    ("emails", Some(VALUE)) => Some(Narrowed::Address(text)),
                    _ => None,
                }
            }
            Self::Any(_) | Self::Not(_) | Self::Test(_) => None,
        }
    }

    /// The value that an element that fits has.
    fn equal_value(&self) -> Option<String> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::equal_value),
            Self::Test(Test { of: Subject::Part(part), operator: Operator::Equal, operand: Operand::Text(text) }) => {
                (part.name == VALUE).then(|| text.clone())
            }
            Self::Any(_) | Self::Not(_) | Self::Element(..) | Self::Test(_) => None,
        }
    }
}

/// Reads filters, and the brackets of paths.
pub struct Parser<'a> {
    pub lexer: Lexer<'a>,
    depth: usize,
    tests: usize,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str, blame: ScimType) -> Result<Self, ScimError> {
        Ok(Self { lexer: Lexer::new(text, blame)?, depth: 0, tests: 0 })
    }

    pub fn end(&mut self) -> Result<(), ScimError> {
        match self.lexer.peek()? {
            None => Ok(()),
            Some(_) => Err(self.lexer.wrong("goes on after its end")),
        }
    }

    /// `of`: the list whose elements are meant.
    pub fn any(&mut self, of: Option<&'static Attribute>) -> Result<Filter, ScimError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.lexer.wrong("is nested too deeply"));
        }
        let mut parts = vec![self.all(of)?];
        while self.lexer.takes("or")? {
            parts.push(self.all(of)?);
        }
        self.depth -= 1;
        Ok(joined(parts, Filter::Any))
    }

    fn all(&mut self, of: Option<&'static Attribute>) -> Result<Filter, ScimError> {
        let mut parts = vec![self.one(of)?];
        while self.lexer.takes("and")? {
            parts.push(self.one(of)?);
        }
        Ok(joined(parts, Filter::All))
    }

    fn one(&mut self, of: Option<&'static Attribute>) -> Result<Filter, ScimError> {
        match self.lexer.next()? {
            Some(Token::Open) => self.bracketed(of),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                self.lexer.expect(&Token::Open, "a bracket after `not`")?;
                Ok(Filter::Not(Box::new(self.bracketed(of)?)))
            }
            Some(Token::Word(word)) => self.about(word, of),
            _ => Err(self.lexer.wrong("lacks a comparison such as `userName eq \"ada@example.com\"`")),
        }
    }

    fn bracketed(&mut self, of: Option<&'static Attribute>) -> Result<Filter, ScimError> {
        let filter = self.any(of)?;
        self.lexer.expect(&Token::Close, "a closing bracket")?;
        Ok(filter)
    }

    fn about(&mut self, name: &str, of: Option<&'static Attribute>) -> Result<Filter, ScimError> {
        if let Some(list) = of {
            let Some(Part::Kept(part)) = part_of(list, name) else { return Err(self.unknown(name)) };
            return self.test(Subject::Part(part)).map(Filter::Test);
        }
        let Some(Place::Attribute(at)) = resolve(name) else { return Err(self.unknown(name)) };
        if !matches!(self.lexer.peek()?, Some(Token::OpenList)) {
            let value = at.attribute.part(VALUE).filter(|_| at.attribute.many && at.part.is_none());
            return self.test(Subject::Place(At { part: at.part.or(value), ..at })).map(Filter::Test);
        }
        let within = self.elements(at)?;
        let part = match self.lexer.peek()? {
            Some(Token::Word(word)) => word.strip_prefix('.').map(str::to_owned),
            _ => None,
        };
        let Some(part) = part else { return Ok(Filter::Element(at, Box::new(within))) };
        self.lexer.next()?;
        let Some(part) = at.attribute.part(&part) else { return Err(self.unknown(&part)) };
        let test = Filter::Test(self.test(Subject::Part(part))?);
        Ok(Filter::Element(at, Box::new(Filter::All(vec![within, test]))))
    }

    /// `[...]` after a list.
    pub fn elements(&mut self, at: At) -> Result<Filter, ScimError> {
        if !at.attribute.many || at.attribute.parts.is_empty() || at.part.is_some() {
            return Err(self.lexer.wrong(&format!("asks for elements of {}, which has none", Shown(at.last().name))));
        }
        self.lexer.expect(&Token::OpenList, "a bracket")?;
        let within = self.any(Some(at.attribute))?;
        self.lexer.expect(&Token::CloseList, "a closing bracket")?;
        Ok(within)
    }

    fn test(&mut self, of: Subject) -> Result<Test, ScimError> {
        self.tests += 1;
        if self.tests > MOST_TESTS {
            return Err(self.lexer.wrong(&format!("compares more than {MOST_TESTS} times")));
        }
        let operator = match self.lexer.next()? {
            Some(Token::Word(word)) => Operator::from_word(&word.to_ascii_lowercase()),
            _ => None,
        };
        let Some(operator) = operator else {
            return Err(self.lexer.wrong(&format!("lacks an operator after {}", Shown(of.attribute().name))));
        };
        let operand = match operator {
            Operator::Present => Operand::Nothing,
            operator => self.operand(of.attribute(), operator)?,
        };
        Ok(Test { of, operator, operand })
    }

    fn operand(&mut self, attribute: &'static Attribute, operator: Operator) -> Result<Operand, ScimError> {
        use Operator::{Contains, EndsWith, Equal, NotEqual, StartsWith};
        let is_equality = matches!(operator, Equal | NotEqual);
        let is_of_text = matches!(operator, Contains | StartsWith | EndsWith);
        let read = match (attribute.kind, self.lexer.next()?) {
            (_, Some(Token::Word("null"))) if is_equality => Some(Operand::Nothing),
            (Kind::Text | Kind::Reference, Some(Token::Text(text))) => {
                Some(Operand::Text(if attribute.case_exact { text } else { text.to_lowercase() }))
            }
            (Kind::Boolean, Some(Token::Word(word))) if is_equality => boolean(word).map(Operand::Boolean),
            (Kind::Boolean, Some(Token::Text(text))) if is_equality => boolean(&text).map(Operand::Boolean),
            (Kind::DateTime, Some(Token::Text(text))) if !is_of_text => {
                text.parse::<Instant>().ok().map(Operand::Instant)
            }
            _ => None,
        };
        read.ok_or_else(|| {
            let (name, operator) = (Shown(attribute.name), operator.word());
            self.lexer.wrong(&format!("compares {name} by `{operator}` with what it cannot be compared with"))
        })
    }

    fn unknown(&self, name: &str) -> ScimError {
        self.lexer.wrong(&format!("names {}, which is no attribute here", Shown(name)))
    }
}

/// True and false in any case, as some clients write them as text.
pub fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(true) } else { is("false").then_some(false) }
}

fn joined(mut parts: Vec<Filter>, join: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}
