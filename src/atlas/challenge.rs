//! Finds the digest challenge among the `WWW-Authenticate` headers of a 401 and rewrites it plainly.
//!
//! diqwest's parser looks at the first header only, is case-sensitive, and knows nothing of several challenges
//! in one header; what leaves here it reads without surprise.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

const ALGORITHMS: [&str; 6] = ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"];

/// A digest challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    pub nonce: String,
    /// The last answer was refused for its nonce's age only.
    pub stale: bool,
    /// The nonce may be answered again. Not with `-sess`: its key would need the first answer's client nonce.
    pub is_reusable: bool,
    /// In the one spelling that diqwest reads.
    pub header: String,
}

/// The first digest challenge that can be answered, whatever stands before it.
pub(super) fn find(headers: &HeaderMap) -> Option<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(challenges)
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("digest"))
        .find_map(|(_, params)| digest(&params))
}

type Params<'a> = Vec<(&'a str, String)>;

fn digest(params: &Params) -> Option<Challenge> {
    let get =
        |name: &str| params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let (realm, nonce, opaque) = (get("realm")?, get("nonce")?, get("opaque"));
    // diqwest's parser and its answer put these between quotes as they are.
    if [realm, nonce, opaque.unwrap_or_default()].iter().any(|value| value.contains(['"', '\\'])) {
        return None;
    }
    let wanted = get("algorithm").unwrap_or("MD5");
    let algorithm = ALGORITHMS.into_iter().find(|known| known.eq_ignore_ascii_case(wanted))?;
    let mut said = vec![format!(r#"realm="{realm}""#), format!(r#"nonce="{nonce}""#), format!("algorithm={algorithm}")];
    if let Some(offered) = get("qop") {
        offered.split(',').find(|qop| qop.trim().eq_ignore_ascii_case("auth"))?;
        said.push(r#"qop="auth""#.to_owned());
    }
    said.extend(opaque.map(|opaque| format!(r#"opaque="{opaque}""#)));
    if get("userhash").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        said.push("userhash=true".to_owned());
    }
    Some(Challenge {
        nonce: nonce.to_owned(),
        stale: get("stale").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        is_reusable: !algorithm.ends_with("-sess"),
        header: format!("Digest {}", said.join(", ")),
    })
}

/// The challenges of one header, each with its parameters.
fn challenges(header: &str) -> Vec<(&str, Params<'_>)> {
    let mut found: Vec<(&str, Params)> = Vec::new();
    for item in split_outside_quotes(header) {
        let (word, rest) = item.split_at(item.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(item.len()));
        let rest = rest.trim_start();
        let param = if let Some(value) = rest.strip_prefix('=') {
            Some((word, value))
        } else {
            found.push((word, Vec::new()));
            rest.split_once('=').map(|(key, value)| (key.trim(), value))
        };
        if let (Some((_, params)), Some((key, value))) = (found.last_mut(), param) {
            params.push((key, unquote(value.trim())));
        }
    }
    found
}

/// Splits at commas, trims, and leaves out what is empty.
fn split_outside_quotes(text: &str) -> Vec<&str> {
    let (mut items, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                items.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items.into_iter().map(str::trim).filter(|item| !item.is_empty()).collect()
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    use super::*;

    fn find_in(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        find(&headers)
    }

    #[test]
    fn the_form_that_atlas_sends_is_read() {
        let sent =
            r#"Digest realm="MMS Public API", domain="", nonce="a+b/c=", algorithm=MD5, qop="auth", stale=false"#;
        let challenge = find_in(&[sent]).unwrap();
        assert_eq!(
            challenge,
            Challenge {
                nonce: "a+b/c=".to_owned(),
                stale: false,
                is_reusable: true,
                header: r#"Digest realm="MMS Public API", nonce="a+b/c=", algorithm=MD5, qop="auth""#.to_owned(),
            }
        );
    }

    #[test]
    fn other_schemes_before_it_and_odd_spelling_do_not_hide_it() {
        let plain = r#"Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", opaque="o""#;
        let forms: [&[&str]; 3] = [
            &[
                r#"Bearer realm="x""#,
                r#"digest REALM="r", Nonce="n", algorithm=sha-256, qop="auth-int, auth", opaque="o""#,
            ],
            &[
                r#"Bearer realm="x, y", error="z", DIGEST realm="r",nonce = "n",algorithm="SHA-256",qop=auth,opaque="o""#,
            ],
            &["Negotiate", r#"Basic abc==, Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", opaque=o"#],
        ];
        for form in forms {
            let challenge = find_in(form).unwrap();
            assert_eq!((challenge.header.as_str(), challenge.is_reusable), (plain, true), "{form:?}");
        }
    }

    #[test]
    fn staleness_is_read_in_any_case() {
        assert!(find_in(&[r#"Digest realm="r", nonce="n", stale=TRUE"#]).unwrap().stale);
        assert!(!find_in(&[r#"Digest realm="r", nonce="n""#]).unwrap().stale);
    }

    #[test]
    fn a_nonce_with_a_session_key_is_answered_once() {
        for (algorithm, reusable) in
            [("MD5", true), ("SHA-512-256", true), ("md5-sess", false), ("SHA-256-sess", false)]
        {
            let header = format!(r#"Digest realm="r", nonce="n", algorithm={algorithm}, qop="auth""#);
            assert_eq!(find_in(&[&header]).unwrap().is_reusable, reusable, "{algorithm}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        let unusable = [
            r#"Bearer realm="r""#,
            r#"Digest nonce="n""#,
            r#"Digest realm="r""#,
            r#"Digest realm="r", nonce="n", qop="auth-int""#,
            r#"Digest realm="r", nonce="n", algorithm=TOMORROW"#,
            r#"Digest realm="r", nonce="n\"o""#,
        ];
        for header in unusable {
            assert_eq!(find_in(&[header]), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(text in "[ -~]{0,60}") {
            let challenge = find_in(&[&format!("Digest {text}")]);
            prop_assert!(challenge.is_none_or(|found| found.header.starts_with("Digest realm=")));
        }

        #[test]
        fn bytes_of_any_kind_do_not_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append(WWW_AUTHENTICATE, value);
            }
            find(&headers);
        }

        #[test]
        fn a_challenge_survives_other_schemes_and_the_order_of_its_parameters(
            realm in "[ !#-\\[\\]-~]{0,20}",
            nonce in "[A-Za-z0-9+/=]{1,40}",
            stale in any::<bool>(),
            before in prop::sample::select(vec!["", "Bearer realm=\"x, Digest y\", ", "Negotiate, ", "Basic abc==, "]),
            order in Just(vec![0, 1, 2, 3, 4]).prop_shuffle(),
        ) {
            let params = [
                format!("realm=\"{realm}\""),
                format!("nonce=\"{nonce}\""),
                "algorithm=SHA-256".to_owned(),
                "qop=\"auth,auth-int\"".to_owned(),
                format!("stale={stale}"),
            ];
            let params: Vec<&str> = order.into_iter().map(|index: usize| params[index].as_str()).collect();
            let found = find_in(&[&format!("{before}digest {}", params.join(", "))]).unwrap();
            prop_assert_eq!((found.nonce.as_str(), found.stale), (nonce.as_str(), stale));
            let plain = format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"");
            prop_assert_eq!(found.header, plain);
        }
    }
}
