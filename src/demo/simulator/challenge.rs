//! HTTP Digest as Atlas speaks it: challenges, nonces and the checking of answers.
//!
//! The layout and the rules are those of Jetty's authenticator, which Atlas's challenges match: an unknown, expired or used-up
//! nonce is `stale=true`, a repeated count or a wrong answer is a plain 401. Knows no key but the one it is asked about.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::domain::Instant;

const REALM: &str = "MMS Public API";

/// How long a nonce lives, how often it may be used, and who gets it.
#[derive(Debug, Clone)]
pub struct NonceRules {
    pub life: Duration,
    pub uses: u32,
    /// Hand the living nonce to every caller instead of a new one to each. Clients that restart their count then collide.
    pub shared: bool,
}

impl Default for NonceRules {
    fn default() -> Self {
        Self { life: Duration::from_mins(1), uses: 1024, shared: false }
    }
}

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No credentials, wrong ones, or a count that was seen before.
    Plain,
    /// The nonce is unknown, expired or used up.
    Stale,
}

/// The nonces that were handed out and are still alive.
#[derive(Debug, Default)]
pub struct NonceBook {
    nonces: HashMap<String, Nonce>,
    latest: Option<String>,
}

#[derive(Debug)]
struct Nonce {
    issued: Instant,
    seen: HashSet<u32>,
}

impl NonceBook {
    /// A `WWW-Authenticate` value with a nonce that works from now on.
    pub fn challenge(&mut self, stale: bool, rules: &NonceRules, now: Instant) -> String {
        self.nonces.retain(|_, nonce| !expired(nonce, rules, now));
        let reusable = self.latest.take().filter(|latest| {
            rules.shared && self.nonces.get(latest).is_some_and(|nonce| nonce.seen.len() < rules.uses as usize)
        });
        let nonce = reusable.unwrap_or_else(fresh_nonce);
        self.nonces.entry(nonce.clone()).or_insert_with(|| Nonce { issued: now, seen: HashSet::new() });
        self.latest = Some(nonce.clone());
        format!(r#"Digest realm="{REALM}", domain="", nonce="{nonce}", algorithm=MD5, qop="auth", stale={stale}"#)
    }

    /// Checks the nonce and its count, and marks the count as seen whatever the answer is worth.
    pub fn redeem(&mut self, credentials: &Credentials, rules: &NonceRules, now: Instant) -> Result<(), Denied> {
        let nonce = self.nonces.get_mut(&credentials.nonce).ok_or(Denied::Stale)?;
        if expired(nonce, rules, now) || credentials.count > rules.uses {
            return Err(Denied::Stale);
        }
        if nonce.seen.insert(credentials.count) { Ok(()) } else { Err(Denied::Plain) }
    }
}

fn expired(nonce: &Nonce, rules: &NonceRules, now: Instant) -> bool {
    (now - nonce.issued).to_std().is_ok_and(|age| age >= rules.life)
}

fn fresh_nonce() -> String {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    STANDARD.encode(bytes)
}

/// The parts of an `Authorization: Digest` header.
#[derive(Debug)]
pub struct Credentials {
    pub username: String,
    nonce: String,
    uri: String,
    /// As sent: eight hex digits that go into the hash.
    count_text: String,
    count: u32,
    client_nonce: String,
    response: String,
}

impl Credentials {
    /// None when the header is no digest answer to our challenge.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.split_once(' ')?;
        let fields = parameters(rest)?;
        let field = |name: &str| fields.get(name).cloned();
        let well_formed = scheme.eq_ignore_ascii_case("digest")
            && field("realm")? == REALM
            && field("qop")? == "auth"
            && field("algorithm").is_none_or(|algorithm| algorithm.eq_ignore_ascii_case("md5"));
        let count_text = field("nc").filter(|count| count.len() == 8)?;
        let count = u32::from_str_radix(&count_text, 16).ok().filter(|count| *count > 0)?;
        let parsed = Self {
            username: field("username")?,
            nonce: field("nonce")?,
            uri: field("uri")?,
            count_text,
            count,
            client_nonce: field("cnonce")?,
            response: field("response")?,
        };
        well_formed.then_some(parsed)
    }

    /// Answers the challenge with this private key, for this very request line.
    pub fn answers(&self, private: &str, method: &str, target: &str) -> bool {
        let secret = md5_hex(&format!("{}:{REALM}:{private}", self.username));
        let request = md5_hex(&format!("{method}:{target}"));
        let Self { nonce, count_text, client_nonce, .. } = self;
        self.uri == target
            && self.response == md5_hex(&format!("{secret}:{nonce}:{count_text}:{client_nonce}:auth:{request}"))
    }
}

/// Splits `name=value, name="quoted, value"` without splitting inside values.
fn parameters(mut rest: &str) -> Option<HashMap<String, String>> {
    let mut fields = HashMap::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if rest.is_empty() {
            return Some(fields);
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        fields.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        rest = after;
    }
}

fn md5_hex(text: &str) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::digest(text.as_bytes()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_equal_signs_and_commas_stay_whole() {
        let fields = parameters(r#"username="a,b", nonce="x+/y==", qop=auth, uri="/p?a=1&b=2""#).unwrap();
        assert_eq!(fields["username"], "a,b");
        assert_eq!(fields["nonce"], "x+/y==");
        assert_eq!(fields["qop"], "auth");
        assert_eq!(fields["uri"], "/p?a=1&b=2");
    }

    #[test]
    fn a_header_that_lacks_a_part_is_no_answer() {
        let whole = r#"Digest username="abcdefgh", realm="MMS Public API", nonce="n", uri="/", qop=auth, nc=00000001, cnonce="c", response="r""#;
        assert!(Credentials::parse(whole).is_some());
        for broken in [
            whole.replace("qop=auth", "qop=auth-int"),
            whole.replace("nc=00000001", "nc=1"),
            whole.replace("nc=00000001", "nc=00000000"),
            whole.replace("MMS Public API", "elsewhere"),
            whole.replace(r#", cnonce="c""#, ""),
            whole.replace("Digest ", "Basic "),
            format!("{whole}, algorithm=SHA-256"),
        ] {
            assert!(Credentials::parse(&broken).is_none(), "{broken}");
        }
    }
}
