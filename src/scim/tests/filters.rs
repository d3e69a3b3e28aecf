use proptest::prelude::*;

use super::{ada, user};
use crate::scim::filter::{Filter, Narrowed};
use crate::scim::{ScimType, User};

fn fits(filter: &str, user: &User) -> bool {
    Filter::parse(filter).unwrap_or_else(|error| panic!("{error}")).fits(user)
}

#[test]
fn filters_say_who_fits() {
    let ada = user(ada());
    let cases = [
        (r#"userName eq "ada@EXAMPLE.com""#, true),
        (r#"USERNAME EQ "ada@example.com""#, true),
        (r#"userName eq "ada""#, false),
        (r#"userName ne "ada@example.com""#, false),
        (r#"userName sw "ADA@""#, true),
        (r#"userName ew ".com""#, true),
        (r#"userName co "@ex""#, true),
        (r#"userName gt "a""#, true),
        (r#"userName lt "a""#, false),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada""#, true),
        (r#"externalId eq "00uAda""#, true),
        (r#"externalId eq "00UADA""#, false),
        (r#"id eq "0123456789abcdef0123456789abcdef""#, true),
        (r#"name.familyName eq "king""#, true),
        (r#"name.givenName eq "king""#, false),
        ("name pr", true),
        ("externalId pr", true),
        ("active eq true", true),
        ("active eq True", true),
        (r#"active eq "true""#, true),
        ("active ne true", false),
        ("active eq false", false),
        (r#"emails.value eq "ADA@home.example""#, true),
        (r#"emails eq "ada@home.example""#, true),
        (r#"emails co "home""#, true),
        (r#"emails.type eq "work""#, true),
        (r#"emails.type ne "work""#, true),
        ("emails.primary eq true", true),
        (r#"emails[type eq "work"]"#, true),
        (r#"emails[type eq "work" and value ew "home.example"]"#, false),
        (r#"emails[type eq "home" and value ew "home.example"]"#, true),
        (r#"emails[type eq "work"].value eq "ada@example.com""#, true),
        (r#"emails[type eq "home"].value eq "ada@example.com""#, false),
        (r#"emails[not (type eq "work")].display pr"#, true),
        (r#"emails[type eq "other"]"#, false),
        (r#"urn:ietf:params:scim:schemas:extension:slategate:2.0:User:startsOn ge "2024-02-29""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:slategate:2.0:User:endsOn lt "2026-12-31""#, false),
        (r#"meta.created ge "2026-11-02T10:00:00+01:00""#, true),
        (r#"meta.lastModified gt "2026-11-03T09:00:00.5Z""#, false),
        (r#"meta.resourceType eq "User""#, true),
        (r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:User""#, true),
        ("displayName eq null", false),
        ("displayName ne null", true),
        ("not (active eq true)", false),
        ("not(active eq false)", true),
        // `and` binds closer than `or`.
        (r#"active eq true or active eq false and userName eq "x""#, true),
        (r#"(active eq true or active eq false) and userName eq "x""#, false),
        (r#"displayName eq "Ada \u004covelace""#, true),
    ];
    for (filter, expected) in cases {
        assert_eq!(fits(filter, &ada), expected, "{filter}");
    }
}

#[test]
fn what_is_not_there_fits_only_what_asks_for_that() {
    let bare = user(super::document(serde_json::json!({ "userName": "bob" })));
    for (filter, expected) in [
        ("displayName pr", false),
        (r#"displayName eq "x""#, false),
        (r#"displayName ne "x""#, true),
        ("displayName eq null", true),
        ("displayName ne null", false),
        (r#"displayName lt "zzz""#, false),
        ("emails pr", false),
        ("active eq false", false),
        ("active ne false", true),
        (r#"not (emails[type eq "work"])"#, true),
    ] {
        assert_eq!(fits(filter, &bare), expected, "{filter}");
    }
}

#[test]
fn what_is_no_filter_is_refused_as_such() {
    let deep = format!("{}active eq true{}", "(".repeat(17), ")".repeat(17));
    let long = ["active eq true"; 65].join(" and ");
    let huge = format!("userName eq \"{}\"", "x".repeat(5_000));
    let cases = [
        "",
        "userName",
        "userName eq",
        "userName eq ada",
        "userName eq 'ada'",
        "userName eq \"ada",
        r#"userName is "ada""#,
        r#"userName eq "ada" and"#,
        r#"userName eq "ada" userName eq "ada""#,
        r#"(userName eq "ada""#,
        r#"userName eq "ada")"#,
        r#"not userName eq "ada""#,
        r#"title eq "boss""#,
        "activ eq true",
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x""#,
        "active gt true",
        "active eq 1",
        r#"active co "tr""#,
        "userName eq 5",
        "userName eq true",
        r#"name eq "Ada""#,
        r#"meta.created co "2026""#,
        r#"meta.created gt "yesterday""#,
        r#"userName[type eq "work"]"#,
        r#"name[givenName eq "x"]"#,
        r#"schemas[value eq "x"]"#,
        r#"emails[type eq "work""#,
        r#"emails[type eq "work"].nothing eq "x""#,
        r#"emails[userName eq "x"]"#,
        r#"emails[emails[type eq "x"]]"#,
        "userName eq \"a\u{0}\"",
        "userName eq \"\\u0000\"",
        "userName eq \"\\ud800\"",
        "userName\u{a0}eq \"x\"",
        "ünlich eq \"x\"",
        &deep,
        &long,
        &huge,
    ];
    for filter in cases {
        let refused = Filter::parse(filter);
        assert!(
            refused
                .as_ref()
                .is_err_and(|error| error.scim_type == Some(ScimType::InvalidFilter) && error.status == 400),
            "{filter}: {refused:?}"
        );
        assert!(refused.is_err_and(|error| error.detail.len() < 400), "{filter}");
    }
}

#[test]
fn an_index_is_used_where_whoever_fits_must_be_in_it() {
    let narrowed = |filter: &str| Filter::parse(filter).unwrap().narrowed();
    let cases = [
        (r#"userName eq "Ada""#, Some(Narrowed::UserName("ada".to_owned()))),
        (r#"externalId eq "X""#, Some(Narrowed::ExternalId("X".to_owned()))),
        (r#"id eq "X""#, Some(Narrowed::Id("X".to_owned()))),
        (r#"emails.value eq "A@b""#, Some(Narrowed::Address("a@b".to_owned()))),
        (r#"emails eq "A@b""#, Some(Narrowed::Address("a@b".to_owned()))),
        (r#"emails[value eq "A@b"]"#, Some(Narrowed::Address("a@b".to_owned()))),
        (r#"emails[type eq "work"].value eq "A@b""#, Some(Narrowed::Address("a@b".to_owned()))),
        (r#"active eq true and userName eq "ada""#, Some(Narrowed::UserName("ada".to_owned()))),
        (r#"active eq true or userName eq "ada""#, None),
        (r#"not (userName eq "ada")"#, None),
        (r#"not (emails[value eq "a@b"])"#, None),
        (r#"emails[not (value eq "a@b")]"#, None),
        (r#"emails[type eq "work"]"#, None),
        (r#"userName ne "ada""#, None),
        (r#"displayName eq "ada""#, None),
        ("userName eq null", None),
    ];
    for (filter, expected) in cases {
        assert_eq!(narrowed(filter), expected, "{filter}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_is_refused(text in "\\PC{0,80}") {
        drop(Filter::parse(&text));
    }

    #[test]
    fn words_of_filters_in_any_order_are_filters_or_refused(
        words in proptest::collection::vec(
            prop_oneof![
                Just("userName"), Just("eq"), Just("and"), Just("or"), Just("not"), Just("("), Just(")"), Just("emails["),
                Just("]"), Just("].value"), Just("type"), Just("\"x\""), Just("true"), Just("pr"), Just("active"),
            ],
            0..24,
        )
    ) {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            let fits = filter.fits(&user(ada()));
            prop_assert_ne!(fits, Filter::Not(Box::new(filter)).fits(&user(ada())));
        }
    }

    #[test]
    fn a_quoted_text_means_itself(text in "[^\\p{C}]{0,40}") {
        let quoted = serde_json::Value::String(text.clone()).to_string();
        let named = user(super::document(serde_json::json!({ "userName": "x", "externalId": text })));
        let filter = format!("externalId eq {quoted}");
        prop_assert!(fits(&filter, &named), "{}", filter);
    }
}
