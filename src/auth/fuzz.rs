//! Door for the fuzz target: whatever a stranger presents as a token.

use super::oidc::Oidc;
use super::{Token, fingerprint};

pub fn token(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(token) = Token::parse(&text) {
        assert_eq!((token.expose(), token.hash()), (text.as_ref(), fingerprint(&text)));
        assert!(text.is_ascii() && !format!("{token:?}").contains(text.as_ref()));
        assert!(!Oidc::concerns(&text), "a token has one meaning");
    }
    super::oidc::fuzz(&text);
}
