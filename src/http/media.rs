//! Media types: what a client may send and what it is answered in.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Media {
    #[default]
    Json,
    GraphQlResponse,
}

impl Media {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }

    /// The form the client likes best, the first named among equals; JSON when it does not care, none when it takes
    /// neither.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut named = headers.get_all(ACCEPT).iter().peekable();
        if named.peek().is_none() {
            return Some(Self::default());
        }
        let ranges = named.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        Self::best(ranges.filter_map(Range::parse))
    }

    fn best(ranges: impl Iterator<Item = Range>) -> Option<Self> {
        let mut by_name: [Option<(Self, u16)>; 2] = [None, None];
        let mut by_wildcard = None;
        for range in ranges {
            match range.form {
                Some(form) => {
                    let taken = by_name.iter().flatten().any(|(known, _)| *known == form);
                    if let (false, Some(slot)) = (taken, by_name.iter_mut().find(|slot| slot.is_none())) {
                        *slot = Some((form, range.quality));
                    }
                }
                None => by_wildcard = by_wildcard.max(Some(range.quality)),
            }
        }
        let json_named = by_name.iter().flatten().any(|(form, _)| *form == Self::Json);
        let wildcard = by_wildcard.filter(|_| !json_named).map(|quality| (Self::Json, quality));
        let mut best: Option<(Self, u16)> = None;
        for (form, quality) in by_name.into_iter().flatten().chain(wildcard) {
            if quality > best.map_or(0, |(_, known)| known) {
                best = Some((form, quality));
            }
        }
        best.map(|(form, _)| form)
    }
}

/// One entry of an `Accept` header that concerns us.
struct Range {
    /// None is a wildcard.
    form: Option<Media>,
    /// In thousandths.
    quality: u16,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let form = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/json" => Some(Media::Json),
            "application/graphql-response+json" => Some(Media::GraphQlResponse),
            "*/*" | "application/*" => None,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(Self { form, quality: quality.map_or(1000, thousandths) })
    }
}

/// `0.75` as 750; nonsense counts as nothing wanted.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{fraction:0<3}");
    match (whole, digits.get(..3).and_then(|digits| digits.parse::<u16>().ok())) {
        ("1", Some(0)) => 1000,
        ("0", Some(thousandths)) => thousandths,
        _ => 0,
    }
}

/// Whether the body is JSON in UTF-8. Forms, multipart and plain text are what a foreign page can send without asking,
/// so they are never read.
pub(super) fn is_json_body(headers: &HeaderMap) -> bool {
    is_body_of(&["application/json"], headers)
}

/// The same for JSON under one of these names.
pub(super) fn is_body_of(kinds: &[&str], headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)))
        && parts.all(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        Media::negotiate(&headers)
    }

    #[test]
    fn the_form_is_the_one_the_client_prefers() {
        let json = Some(Media::Json);
        let graphql = Some(Media::GraphQlResponse);
        for (accept, expected) in [
            ("application/json", json),
            ("application/graphql-response+json", graphql),
            ("application/graphql-response+json, application/json;q=0.9", graphql),
            ("application/json;q=0.9, application/graphql-response+json", graphql),
            ("application/json, application/graphql-response+json", json),
            ("application/graphql-response+json;q=0.4, application/json;q=0.5", json),
            ("APPLICATION/JSON; charset=utf-8", json),
            ("*/*", json),
            ("application/*", json),
            ("text/html, */*;q=0.8", json),
            ("application/graphql-response+json;q=0.5, */*;q=0.1", graphql),
            ("text/html", None),
            ("application/json;q=0", None),
            ("application/json;q=0, */*", None),
            ("application/json;q=nonsense", None),
            ("", None),
        ] {
            assert_eq!(accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn silence_means_json() {
        assert_eq!(Media::negotiate(&HeaderMap::new()), Some(Media::Json));
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, value.parse().unwrap());
            is_json_body(&headers)
        };
        for taken in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
            assert!(read(taken), "{taken}");
        }
        for refused in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"]
        {
            assert!(!read(refused), "{refused}");
        }
        assert!(!read("application/json; charset=utf-16"));
        assert!(!is_json_body(&HeaderMap::new()));
    }
}
