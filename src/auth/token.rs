//! How a token is spelled: `slg_<random>_<check>`, base62, the check being a CRC-32 of all before it.
//!
//! The check tells a mistyped or made-up token without a look at the database; it is no secret.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

const PREFIX: &str = "slg_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 32 of 62 characters carry 190 random bits.
const RANDOM: usize = 32;
/// 62^6 is more than 2^32.
const CHECK: usize = 6;
const LENGTH: usize = PREFIX.len() + RANDOM + 1 + CHECK;

/// A well-formed token. Whether it opens anything, only the store knows.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        while text.len() < PREFIX.len() + RANDOM {
            let mut byte = [0];
            getrandom::fill(&mut byte)?;
            // 248 is the last multiple of 62 in a byte; beyond it the first characters would be likelier.
            if byte[0] < 248 {
                text.push(char::from(ALPHABET[usize::from(byte[0]) % ALPHABET.len()]));
            }
        }
        let check = check(&text);
        text.push('_');
        text.push_str(&check);
        Ok(Self(text.into()))
    }

    /// None for whatever [`Token::generate`] cannot have made.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.is_ascii() {
            return None;
        }
        let (body, given) = text.split_at(LENGTH - CHECK);
        let signed = body.strip_suffix('_')?;
        let random = signed.strip_prefix(PREFIX)?;
        let spelled = random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (spelled && check(signed) == given).then(|| Self(text.to_owned().into()))
    }

    /// The text to hand over, once.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is stored: SHA-256 in hex. A token is too random to be guessed from it.
    pub fn hash(&self) -> String {
        super::hex(&Sha256::digest(self.expose()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

fn check(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = ['0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(ALPHABET[rest % ALPHABET.len()]);
        rest /= ALPHABET.len();
    }
    digits.iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &str = "slg_0123456789ABCDEFGHIJabcdefghij01_4gEx71";

    #[test]
    fn a_generated_token_parses_to_itself() {
        let token = Token::generate().unwrap();
        let parsed = Token::parse(token.expose()).unwrap();
        assert_eq!(parsed.expose(), token.expose());
        assert_eq!(token.expose().len(), 43);
        assert!(token.expose().starts_with("slg_"));
    }

    #[test]
    fn the_spelling_and_the_hash_stay_what_they_are() {
        let token = Token::parse(KNOWN).unwrap();
        assert_eq!(token.hash(), "730303a73df5a5ce7fb0d18000f07e34da49df968e786ddfd9e35e68598e4e14");
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(Token::generate().unwrap().expose(), Token::generate().unwrap().expose());
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Token::parse(KNOWN)), "Some(Token(redacted))");
    }

    proptest! {
        #[test]
        fn any_changed_character_is_refused(at in 0..LENGTH, other in "[ -~]") {
            let changed = format!("{}{other}{}", &KNOWN[..at], &KNOWN[at + 1..]);
            prop_assert_eq!(Token::parse(&changed).is_some(), changed == KNOWN);
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in "\\PC{0,60}") {
            prop_assert!(Token::parse(&text).is_none());
        }

        #[test]
        fn any_text_of_the_right_size_is_refused_without_a_panic(text in "slg_\\PC{32}_\\PC{6}") {
            prop_assert!(Token::parse(&text).is_none());
        }
    }
}
