//! Words, texts and brackets of filters and paths.

use super::error::{ScimError, ScimType, Shown};

/// No client asks longer ones; an address of HTTP holds few more.
const LONGEST: usize = 4_096;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token<'a> {
    /// An attribute, an operator, `true`, a number.
    Word(&'a str),
    /// What stood between quotes.
    Text(String),
    Open,
    Close,
    OpenList,
    CloseList,
}

pub struct Lexer<'a> {
    text: &'a str,
    rest: &'a str,
    peeked: Option<Token<'a>>,
    /// What is said to be wrong.
    blame: ScimType,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, blame: ScimType) -> Result<Self, ScimError> {
        let lexer = Self { text, rest: text, peeked: None, blame };
        if text.len() > LONGEST { Err(lexer.wrong(&format!("has more than {LONGEST} bytes"))) } else { Ok(lexer) }
    }

    /// The next token, left where it is. None at the end.
    pub fn peek(&mut self) -> Result<Option<&Token<'a>>, ScimError> {
        if self.peeked.is_none() {
            self.peeked = self.read()?;
        }
        Ok(self.peeked.as_ref())
    }

    pub fn next(&mut self) -> Result<Option<Token<'a>>, ScimError> {
        match self.peeked.take() {
            Some(token) => Ok(Some(token)),
            None => self.read(),
        }
    }

    /// Takes this token, or says that it is missing.
    pub fn expect(&mut self, token: &Token<'_>, shown: &str) -> Result<(), ScimError> {
        if self.next()?.as_ref() == Some(token) { Ok(()) } else { Err(self.wrong(&format!("lacks {shown}"))) }
    }

    /// Takes this word, in whatever case, if it comes next.
    pub fn takes(&mut self, word: &str) -> Result<bool, ScimError> {
        let is_next = matches!(self.peek()?, Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        if is_next {
            self.peeked = None;
        }
        Ok(is_next)
    }

    /// Says what is wrong with the whole.
    pub fn wrong(&self, what: &str) -> ScimError {
        let kind = if self.blame == ScimType::InvalidPath { "path" } else { "filter" };
        ScimError::bad(self.blame, format!("The {kind} {} {what}.", Shown(self.text)))
    }

    fn read(&mut self) -> Result<Option<Token<'a>>, ScimError> {
        self.rest = self.rest.trim_start_matches(' ');
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let token = match first {
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenList,
            ']' => Token::CloseList,
            '"' => return self.quoted().map(Some),
            _ => return self.word().map(Some),
        };
        self.rest = &self.rest[1..];
        Ok(Some(token))
    }

    fn word(&mut self) -> Result<Token<'a>, ScimError> {
        let end = self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return Err(self.wrong("holds a character that has no meaning there"));
        }
        self.rest = rest;
        Ok(Token::Word(word))
    }

    /// A JSON string.
    fn quoted(&mut self) -> Result<Token<'a>, ScimError> {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        });
        let Some((end, _)) = end else { return Err(self.wrong("has a text that does not end")) };
        let (quoted, rest) = self.rest.split_at(end + 1);
        let text: String = serde_json::from_str(quoted).map_err(|_| self.wrong("has a text that is no JSON string"))?;
        if text.chars().any(char::is_control) {
            return Err(self.wrong("has a text with control characters"));
        }
        self.rest = rest;
        Ok(Token::Text(text))
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$' | ':' | '.' | '+')
}
