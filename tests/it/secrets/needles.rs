//! A secret in every spelling in which it may lie somewhere, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use slategate::domain::hex;

/// Somewhere that a secret may have got to.
pub struct Place {
    pub name: String,
    pub content: Vec<u8>,
}

impl Place {
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: content.into() }
    }
}

/// Name of a spelling, and the bytes that give it away wherever they stand.
pub fn needles(secret: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let hex = hex(bytes);
    let percent = |all: bool, upper: bool| {
        let spell = |byte: &u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' if !all => {
                char::from(*byte).to_string()
            }
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        };
        bytes.iter().map(spell).collect::<String>()
    };
    let decimal: Vec<String> = bytes.iter().map(ToString::to_string).collect();
    let mut needles = vec![
        ("plain".to_owned(), secret.to_owned()),
        ("hex".to_owned(), hex.clone()),
        ("hex in capitals".to_owned(), hex.to_uppercase()),
        ("URL".to_owned(), percent(false, true)),
        ("URL in small letters".to_owned(), percent(false, false)),
        ("URL of every byte".to_owned(), percent(true, true)),
        ("JSON".to_owned(), secret.replace('/', "\\/")),
        ("JSON for HTML".to_owned(), secret.replace('&', "\\u0026")),
        ("numbers".to_owned(), decimal.join(", ")),
    ];
    for (name, engine) in [("base64", STANDARD), ("base64 of URLs", URL_SAFE)] {
        for before in 0..3 {
            let text = engine.encode([&vec![0; before], bytes].concat());
            // What depends on the bytes before and behind is no mark.
            let (from, to) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
            needles.push((format!("{name} after {before}"), text[from..to].to_owned()));
        }
    }
    needles.into_iter().map(|(name, text)| (name, text.into_bytes())).collect()
}

/// Where a secret is found, and how it is spelled there.
pub fn find(places: &[Place], secret: &str) -> Vec<String> {
    let needles = needles(secret);
    let mut found = Vec::new();
    for place in places {
        for (spelling, needle) in &needles {
            let mut windows = place.content.windows(needle.len());
            if let Some(at) = windows.position(|window| window == needle.as_slice()) {
                let around = &place.content[at.saturating_sub(200)..(at + 80).min(place.content.len())];
                found.push(format!("{} ({spelling}): {}", place.name, String::from_utf8_lossy(around)));
            }
        }
    }
    found
}

#[test]
fn a_secret_is_found_in_every_spelling_wherever_it_stands() {
    let secret = "cNy/7b9d1c34+52fe=4f6a&8a03%9c1e";
    for (name, needle) in needles(secret) {
        let place = Place::new("there", [b"before ".as_slice(), &needle, b" behind"].concat());
        assert!(!find(&[place], secret).is_empty(), "{name}");
    }
    for before in 0..7 {
        for behind in 0..4 {
            let text = [&vec![b'x'; before], secret.as_bytes(), &vec![b'y'; behind]].concat();
            for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                assert!(!find(&[Place::new("there", encoded)], secret).is_empty(), "{before} {behind}");
            }
        }
    }
    let half = &secret[..secret.len() / 2];
    assert!(find(&[Place::new("there", half)], secret).is_empty(), "a part of it is not it");
}
