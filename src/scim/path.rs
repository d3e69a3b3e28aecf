//! Where in a user something is: `userName`, `name.givenName`, `urn:...:User:startsOn`.

use super::schema::{
    Attribute, COMMON_ATTRIBUTES, EMPLOYMENT, EMPLOYMENT_ATTRIBUTES, LEFT_OUT, LEFT_OUT_PARTS, USER, USER_ATTRIBUTES,
    find,
};

/// A place that text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The user as a whole.
    User,
    /// The extension as a whole.
    Employment,
    Attribute(At),
    /// Something that others declare. It is not kept.
    LeftOut,
}

/// An attribute or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub in_employment: bool,
    pub attribute: &'static Attribute,
    pub part: Option<&'static Attribute>,
}

/// A part of an attribute that text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Kept(&'static Attribute),
    LeftOut,
}

impl At {
    /// What stands there: the part where there is one.
    pub fn last(&self) -> &'static Attribute {
        self.part.unwrap_or(self.attribute)
    }
}

/// None: there is no such attribute anywhere.
pub fn resolve(text: &str) -> Option<Place> {
    if let Some(rest) = below(text, EMPLOYMENT) {
        return match rest {
            "" => Some(Place::Employment),
            rest => find(EMPLOYMENT_ATTRIBUTES, rest)
                .map(|attribute| Place::Attribute(At { in_employment: true, attribute, part: None })),
        };
    }
    if let Some(rest) = below(text, USER) {
        return if rest.is_empty() { Some(Place::User) } else { of_user(rest) };
    }
    if is_urn(text) {
        return Some(Place::LeftOut);
    }
    of_user(text)
}

pub fn is_urn(text: &str) -> bool {
    text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

/// What follows the schema's name and a colon; nothing when the name is all.
fn below<'a>(text: &'a str, schema: &str) -> Option<&'a str> {
    let start = text.get(..schema.len()).filter(|start| start.eq_ignore_ascii_case(schema))?;
    let rest = &text[start.len()..];
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') }
}

fn of_user(text: &str) -> Option<Place> {
    let (name, part) = match text.split_once('.') {
        Some((name, part)) => (name, Some(part)),
        None => (text, None),
    };
    if LEFT_OUT.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Some(Place::LeftOut);
    }
    let attribute = find(USER_ATTRIBUTES, name).or_else(|| find(COMMON_ATTRIBUTES, name))?;
    let Some(part) = part else {
        return Some(Place::Attribute(At { in_employment: false, attribute, part: None }));
    };
    part_of(attribute, part).map(|part| match part {
        Part::Kept(part) => Place::Attribute(At { in_employment: false, attribute, part: Some(part) }),
        Part::LeftOut => Place::LeftOut,
    })
}

/// The part of an attribute that has this name.
pub fn part_of(attribute: &'static Attribute, name: &str) -> Option<Part> {
    let is_left_out =
        || !attribute.parts.is_empty() && LEFT_OUT_PARTS.iter().any(|known| known.eq_ignore_ascii_case(name));
    attribute.part(name).map(Part::Kept).or_else(|| is_left_out().then_some(Part::LeftOut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            None => "nothing".to_owned(),
            Some(Place::User) => "user".to_owned(),
            Some(Place::Employment) => "employment".to_owned(),
            Some(Place::LeftOut) => "left out".to_owned(),
            Some(Place::Attribute(at)) => {
                let part = at.part.map(|part| format!(".{}", part.name)).unwrap_or_default();
                format!("{}{}{part}", if at.in_employment { "+" } else { "" }, at.attribute.name)
            }
        }
    }

    #[test]
    fn a_place_is_found_in_any_case_and_with_the_names_of_schemas() {
        let cases = [
            ("userName", "userName"),
            ("USERNAME", "userName"),
            ("name.givenname", "name.givenName"),
            ("emails.value", "emails.value"),
            ("externalId", "externalId"),
            ("meta.lastModified", "meta.lastModified"),
            ("urn:ietf:params:scim:schemas:core:2.0:User:name.familyName", "name.familyName"),
            ("urn:ietf:params:scim:schemas:core:2.0:User", "user"),
            ("URN:IETF:params:scim:schemas:extension:slategate:2.0:user:startsOn", "+startsOn"),
            ("urn:ietf:params:scim:schemas:extension:slategate:2.0:User", "employment"),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", "left out"),
            ("urn:ietf:params:scim:schemas:extension:slategate:2.0:Users", "left out"),
            ("title", "left out"),
            ("addresses.streetAddress", "left out"),
            ("name.middleName", "left out"),
            ("urn:ietf:params:scim:schemas:extension:slategate:2.0:User:boss", "nothing"),
            ("activ", "nothing"),
            ("userName.value", "nothing"),
            ("emails.value.x", "nothing"),
            ("startsOn", "nothing"),
            ("", "nothing"),
            ("ürn:", "nothing"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
