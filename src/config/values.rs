//! What each kind of value looks like.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use axum::http::HeaderValue;
use chrono_tz::Tz;
use secrecy::SecretString;
use url::{Host, Url};

use super::Schedule;
use crate::atlas::is_allowed_base_url;
use crate::http::{NoProxies, Proxies};
use crate::store::views::Role;
use crate::telemetry::{self, LogFormat};

const LONGEST_TAG: usize = 255;

/// Why a value cannot be used, without the value, and what would do.
pub struct Unusable {
    pub problem: String,
    pub expected: String,
}

pub struct Database {
    pub url: SecretString,
    pub file: Option<PathBuf>,
}

fn unusable(problem: impl Into<String>, expected: impl Into<String>) -> Unusable {
    Unusable { problem: problem.into(), expected: expected.into() }
}

pub fn database(text: &str) -> Result<Database, Unusable> {
    let expected = "sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";
    if let Some(rest) = text.strip_prefix("sqlite:") {
        let path = sqlite_path(rest)?;
        return Ok(Database { url: format!("sqlite://{path}").into(), file: Some(PathBuf::from(path)) });
    }
    let url = Url::parse(text).map_err(|error| unusable(format!("is no URL ({error})"), expected))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(unusable("is neither SQLite nor PostgreSQL", expected));
    }
    Ok(Database { url: text.into(), file: None })
}

fn sqlite_path(rest: &str) -> Result<&str, Unusable> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.strip_suffix("?mode=rwc").unwrap_or(rest);
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(unusable("names no file", "sqlite://PATH"));
    }
    if path.contains(['?', '#', '%']) {
        return Err(unusable("has `?`, `#` or `%` in the path", "sqlite://PATH with plain characters"));
    }
    Ok(path)
}

pub fn socket_address(text: &str) -> Result<SocketAddr, Unusable> {
    text.parse().map_err(|_| unusable("is no address with a port", "ADDRESS:PORT, such as 127.0.0.1:8080"))
}

pub fn boolean(text: &str) -> Result<bool, Unusable> {
    text.parse().map_err(|_| unusable("is neither true nor false", "true or false"))
}

pub fn number(range: RangeInclusive<u32>) -> impl Fn(&str) -> Result<u32, Unusable> {
    move |text| {
        let expected = || format!("a whole number from {} to {}", range.start(), range.end());
        let number = text.parse().map_err(|_| unusable("is no whole number", expected()))?;
        if range.contains(&number) { Ok(number) } else { Err(unusable("is out of range", expected())) }
    }
}

/// Keys are sent there, so only the vendor's own hosts will do, or this machine for tests.
pub fn atlas_base_url(text: &str) -> Result<Url, Unusable> {
    let expected = "https://cloud.mongodb.com, https://cloud.mongodbgov.com, or a loopback address";
    let url = Url::parse(text).map_err(|error| unusable(format!("is no URL ({error})"), expected))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(unusable("carries a user name or password", expected));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("has a path or query", expected));
    }
    if is_allowed_base_url(&url) { Ok(url) } else { Err(unusable("is not an allowed host over HTTPS", expected)) }
}

/// Whatever it says about a caller is believed, so it is asked over HTTPS only, or on this machine.
pub fn issuer(text: &str) -> Result<(Url, String), Unusable> {
    let expected = "an https URL as the issuer's tokens spell it, such as https://id.example.com/realms/main";
    let url = Url::parse(text).map_err(|error| unusable(format!("is no URL ({error})"), expected))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("carries a user name, password, query or fragment", expected));
    }
    let local = match url.host() {
        Some(Host::Domain(host)) => host == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (local && url.scheme() == "http") {
        Ok((url, text.to_owned()))
    } else {
        Err(unusable("is not HTTPS", expected))
    }
}

pub fn word(text: &str) -> Result<String, Unusable> {
    if text.chars().count() <= LONGEST_TAG && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(unusable("is too long or has control characters", format!("at most {LONGEST_TAG} characters")))
}

/// Words of roles that ask by GraphQL, separated by commas.
pub fn roles(text: &str) -> Result<Vec<Role>, Unusable> {
    let role = |word: &str| Role::from_word(&word.trim().to_ascii_uppercase()).filter(|role| *role != Role::Scim);
    let roles: Option<Vec<Role>> = text.split(',').map(role).collect();
    roles.ok_or_else(|| unusable("names something that is no role", "a list such as viewer,analyst,admin"))
}

/// Origins as browsers spell them, separated by commas. A star would be every page there is.
pub fn origins(text: &str) -> Result<Vec<HeaderValue>, Unusable> {
    let expected = "a list of origins such as https://app.example.com,https://b.example:8443";
    let origin = |text: &str| {
        let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
        let origin = url.origin().ascii_serialization();
        // A star in a host would look like a pattern and match nothing.
        (origin == text.trim() && !origin.contains('*')).then(|| HeaderValue::try_from(origin).ok()).flatten()
    };
    let origins: Option<Vec<HeaderValue>> = text.split(',').map(origin).collect();
    origins.ok_or_else(|| unusable("names something that is no origin", expected))
}

pub fn proxies(text: &str) -> Result<Proxies, Unusable> {
    text.parse().map_err(|error: NoProxies| unusable(error.to_string(), "a list such as 10.0.0.0/8,2001:db8::1"))
}

/// A collector. What goes there tells of operations, so it may be any host that the operator names, but no password
/// stands in the address: the log and command lines would show it.
pub fn collector(text: &str) -> Result<Url, Unusable> {
    let expected = "an http or https URL without a user name or query, such as http://collector:4318";
    let url = Url::parse(text).map_err(|error| unusable(format!("is no URL ({error})"), expected))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable("is neither HTTP nor HTTPS", expected));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("carries a user name, password, query or fragment", expected));
    }
    Ok(url)
}

pub fn ratio(text: &str) -> Result<f64, Unusable> {
    let expected = "a number from 0 to 1, such as 0.1";
    let ratio: f64 = text.parse().map_err(|_| unusable("is no number", expected))?;
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err(unusable("is out of range", expected)) }
}

pub fn schedule(text: &str) -> Result<Schedule, Unusable> {
    text.parse().map_err(|error: super::ScheduleError| {
        unusable(error.to_string(), "cron text of five or six fields, seconds first, such as `0 0 * * * *`")
    })
}

pub fn time_zone(text: &str) -> Result<Tz, Unusable> {
    text.parse().map_err(|_| unusable("is no known time zone", "an IANA name, such as Europe/Berlin"))
}

pub fn tag_name(text: &str) -> Result<String, Unusable> {
    if text.chars().count() <= LONGEST_TAG {
        return Ok(text.to_owned());
    }
    Err(unusable("is longer than an Atlas tag may be", format!("at most {LONGEST_TAG} characters")))
}

pub fn log_filter(text: &str) -> Result<String, Unusable> {
    if telemetry::is_filter(text) {
        return Ok(text.to_owned());
    }
    Err(unusable("is no log filter", "a filter such as info,slategate::sync=debug"))
}

pub fn log_format(text: &str) -> Result<LogFormat, Unusable> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(unusable("is no known format", "text or json")),
    }
}
