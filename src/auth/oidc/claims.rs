//! What a checked token says: who, in which role, where, and until when.

use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use super::OidcSettings;
use crate::domain::Instant;
use crate::store::views::Role;

/// How far the issuer's clock may be off.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// The e-mail address or name of a caller is cut at so many characters.
const LONGEST_NAME: usize = 200;
/// No e-mail address is longer (RFC 5321, section 4.5.3.1).
const LONGEST_ADDRESS: usize = 320;

/// A caller that the issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Never reused by the issuer.
    pub subject: String,
    /// For people to read.
    pub name: String,
    /// The e-mail address, in lower case, unless the issuer says that it did not verify it.
    pub address: Option<String>,
    pub role: Role,
    /// None: the default workspace.
    pub workspace: Option<String>,
    /// Leeway included.
    pub expires_at: Instant,
}

/// None for claims that let nobody in: expired, not yet valid, without a known role, or without a workspace where one
/// is asked for.
pub(super) fn read(claims: &Value, settings: &OidcSettings, now: Instant) -> Option<Identity> {
    let expires_at = instant(claims.get("exp")?)?.checked_add_signed(LEEWAY)?;
    if expires_at <= now {
        return None;
    }
    if let Some(not_before) = claims.get("nbf")
        && instant(not_before)?.checked_sub_signed(LEEWAY)? > now
    {
        return None;
    }
    let subject = claims.get("sub")?.as_str().filter(|subject| !subject.is_empty())?;
    let role = highest_role(find(claims, &settings.role_claim)?)?;
    let workspace = match &settings.workspace_claim {
        Some(claim) => Some(find(claims, claim)?.as_str()?.to_owned()),
        None => None,
    };
    let readable = ["email", "preferred_username", "name"].iter().find_map(|claim| claims.get(*claim)?.as_str());
    let name = readable.unwrap_or(subject).chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let address = address(claims);
    Some(Identity { subject: subject.to_owned(), name, address, role, workspace, expires_at })
}

/// `email`, unless `email_verified` says no (`OpenID` Connect Core 1.0, section 5.1).
fn address(claims: &Value) -> Option<String> {
    let is_doubtful = matches!(claims.get("email_verified"), Some(Value::Bool(false)));
    let address = claims.get("email")?.as_str().filter(|address| address.len() <= LONGEST_ADDRESS && !is_doubtful)?;
    Some(address.trim().to_lowercase())
}

/// A claim by its whole name, else by a path of names with dots between them, as Keycloak's `realm_access.roles`.
fn find<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| name.split('.').try_fold(claims, |value, part| value.get(part)))
}

/// The highest of the roles that are named. Words that are no role of ours are somebody else's, and an identity
/// provider has an API token.
fn highest_role(claim: &Value) -> Option<Role> {
    let words: Vec<&str> = match claim {
        Value::String(word) => vec![word],
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let roles = words.iter().filter_map(|word| Role::from_word(&word.to_ascii_uppercase()));
    roles.filter(|role| *role != Role::Scim).max()
}

/// Seconds since 1970, which may have a fraction (RFC 7519, section 2, `NumericDate`).
fn instant(value: &Value) -> Option<Instant> {
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e11)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    DateTime::from_timestamp_micros((seconds * 1e6) as i64)
}

#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(claims: &Value) {
    let settings = OidcSettings {
        issuer: url::Url::parse("https://id.example").unwrap_or_else(|error| panic!("{error}")),
        issuer_text: "https://id.example".to_owned(),
        audience: "slategate".to_owned(),
        role_claim: "realm_access.roles".to_owned(),
        workspace_claim: None,
    };
    let now = DateTime::UNIX_EPOCH;
    if let Some(identity) = read(claims, &settings, now) {
        assert!(identity.expires_at > now && !identity.subject.is_empty(), "{claims}");
        assert!(
            identity.name.chars().count() <= LONGEST_NAME && !identity.name.chars().any(char::is_control),
            "{claims}"
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn settings(workspace: Option<&str>) -> OidcSettings {
        OidcSettings {
            issuer: "https://id.example".parse().unwrap(),
            issuer_text: "https://id.example".to_owned(),
            audience: "slategate".to_owned(),
            role_claim: "realm_access.roles".to_owned(),
            workspace_claim: workspace.map(str::to_owned),
        }
    }

    fn at(seconds: i64) -> Instant {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn role_of(roles: &Value) -> Option<Role> {
        let claims = json!({ "sub": "u", "exp": 1000, "realm_access": { "roles": roles } });
        Some(read(&claims, &settings(None), at(0))?.role)
    }

    #[test]
    fn the_highest_known_role_counts() {
        assert_eq!(role_of(&json!(["offline_access", "viewer", "Admin", "analyst"])), Some(Role::Admin));
        assert_eq!(role_of(&json!("ANALYST")), Some(Role::Analyst));
        for none in [
            json!([]),
            json!("root"),
            json!("scim"),
            json!(["superadmin"]),
            json!(7),
            json!(null),
            json!({ "admin": true }),
        ] {
            assert_eq!(role_of(&none), None, "{none}");
        }
    }

    #[test]
    fn a_claim_is_found_by_its_whole_name_first() {
        let claims = json!({ "a.b": 1, "a": { "b": 2, "c": 3 } });
        assert_eq!(find(&claims, "a.b"), Some(&json!(1)));
        assert_eq!(find(&claims, "a.c"), Some(&json!(3)));
        assert_eq!(find(&claims, "a.c.d"), None);
    }

    #[test]
    fn instants_have_a_minute_of_leeway() {
        let lets_in = |claims: &Value, now| read(claims, &settings(None), at(now)).is_some();
        let roles = json!({ "roles": ["viewer"] });
        let claims = json!({ "sub": "u", "nbf": 500, "exp": 1000.5, "realm_access": roles });
        for (now, expected) in [(439, false), (440, true), (1060, true), (1061, false)] {
            assert_eq!(lets_in(&claims, now), expected, "{now}");
        }
        for exp in [json!("1000"), json!(null), json!(1e300), json!([])] {
            assert!(!lets_in(&json!({ "sub": "u", "exp": exp, "realm_access": roles }), 0), "{exp}");
        }
        assert!(!lets_in(&json!({ "sub": "u", "exp": 1000, "nbf": "0", "realm_access": roles }), 0));
        assert!(!lets_in(&json!({ "sub": "u", "realm_access": roles }), 0));
        assert!(!lets_in(&json!({ "sub": "", "exp": 1000, "realm_access": roles }), 0));
    }

    #[test]
    fn a_workspace_that_is_asked_for_must_be_named() {
        let claims = json!({ "sub": "u", "exp": 1000, "realm_access": { "roles": ["viewer"] }, "ws": "emea" });
        let workspace = |claim| read(&claims, &settings(claim), at(0)).map(|identity| identity.workspace);
        assert_eq!(workspace(None), Some(None));
        assert_eq!(workspace(Some("ws")), Some(Some("emea".to_owned())));
        assert_eq!(workspace(Some("other")), None);
    }

    proptest! {
        #[test]
        fn no_number_breaks_the_reader(seconds in any::<f64>()) {
            let _read = instant(&json!(seconds));
        }
    }
}
