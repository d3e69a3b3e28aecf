use serde_json::{Value, json};

use super::{EMPLOYMENT, ada, document, shown};
use crate::scim::{Document, ScimType};

#[test]
fn only_what_is_declared_is_kept_under_its_declared_name() {
    let read = document(json!({
        "SCHEMAS": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:x"],
        "id": "mine", "meta": { "version": "mine" }, "password": "secret", "title": "Countess",
        "USERNAME": "ada", "ExternalID": "7", "Active": "False", "displayname": null,
        "name": { "GIVENNAME": "Ada", "middleName": "B", "familyName": null, "odd": 1 },
        "emails": [{ "VALUE": "a@b.example", "primary": "TRUE", "$ref": "x" }, {}, null, { "value": "a@b.example", "primary": true }],
        "phoneNumbers": [{ "value": "1" }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "D" },
        (EMPLOYMENT.to_uppercase()): { "STARTSON": "2026-01-01", "boss": "x" },
        "nonsense": { "deep": [1, 2, { "a": null }] },
    }));
    let expected = json!({
        "userName": "ada", "externalId": "7", "active": false, "name": { "givenName": "Ada" },
        "emails": [{ "value": "a@b.example", "primary": true }],
        EMPLOYMENT: { "startsOn": "2026-01-01" },
    });
    assert_eq!(shown(&read), expected);
    assert_eq!(Document::from_kept(&read.kept()), Some(read));
}

#[test]
fn what_is_of_another_kind_is_refused() {
    let mut many = Vec::new();
    for number in 0..51 {
        many.push(json!({ "value": format!("{number}@x.example") }));
    }
    let cases = [
        (json!([]), ScimType::InvalidSyntax),
        (json!("x"), ScimType::InvalidSyntax),
        (json!({}), ScimType::InvalidValue),
        (json!({ "userName": " " }), ScimType::InvalidValue),
        (json!({ "userName": 7 }), ScimType::InvalidValue),
        (json!({ "userName": ["x"] }), ScimType::InvalidValue),
        (json!({ "userName": "a\u{0}b" }), ScimType::InvalidValue),
        (json!({ "userName": "x".repeat(513) }), ScimType::InvalidValue),
        (json!({ "userName": "x", "active": "perhaps" }), ScimType::InvalidValue),
        (json!({ "userName": "x", "active": 1 }), ScimType::InvalidValue),
        (json!({ "userName": "x", "name": "Ada" }), ScimType::InvalidValue),
        (json!({ "userName": "x", "name": { "givenName": {} } }), ScimType::InvalidValue),
        (json!({ "userName": "x", "emails": ["a@b"] }), ScimType::InvalidValue),
        (json!({ "userName": "x", "emails": many }), ScimType::InvalidValue),
        (json!({ "userName": "x", EMPLOYMENT: "2026" }), ScimType::InvalidValue),
        (json!({ "userName": "x", EMPLOYMENT: { "endsOn": 2026 } }), ScimType::InvalidValue),
        (json!({ "userName": "x", "schemas": "urn:ietf:params:scim:schemas:core:2.0:User" }), ScimType::InvalidValue),
        (
            json!({ "userName": "x", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"] }),
            ScimType::InvalidValue,
        ),
        (
            json!({ "userName": "x", "emails": [{ "value": "a@b", "primary": true }, { "value": "b@b", "primary": true }] }),
            ScimType::InvalidValue,
        ),
    ];
    for (body, expected) in cases {
        let refused = Document::from_body(body.clone());
        assert_eq!(refused.as_ref().err().and_then(|error| error.scim_type), Some(expected), "{body}: {refused:?}");
    }
}

fn email_of(body: Value) -> Option<String> {
    document(body).person().ok().map(|person| person.email)
}

#[test]
fn the_main_address_is_the_primary_then_the_work_then_the_first_then_the_user_name() {
    let [home, work, main] = [
        json!({ "value": "home@x.example", "type": "home" }),
        json!({ "value": "Work@X.example", "type": "Work" }),
        json!({ "value": "main@x.example", "primary": true }),
    ];
    let cases = [
        (json!([home, work, main]), "u@x.example", Some("main@x.example")),
        (json!([home, work]), "u@x.example", Some("work@x.example")),
        (json!([home]), "u@x.example", Some("home@x.example")),
        (json!([{ "type": "work" }]), "U@x.example", Some("u@x.example")),
        (json!([]), " u@x.example", Some("u@x.example")),
        (json!([]), "ada", None),
        (json!([{ "value": "nobody" }]), "u@x.example", None),
        (json!([main, { "value": "nobody" }]), "u@x.example", None),
    ];
    for (emails, user_name, expected) in cases {
        let body = json!({ "userName": user_name, "emails": emails });
        assert_eq!(email_of(body).as_deref(), expected, "{emails} {user_name}");
    }
    let person = ada().person().unwrap();
    assert_eq!(person.aliases.into_iter().collect::<Vec<_>>(), ["ada@home.example"]);
    let body = json!({ "userName": "u@x.example", "emails": [main, home] });
    let aliases = document(body).person().unwrap().aliases;
    assert_eq!(aliases.into_iter().collect::<Vec<_>>(), ["home@x.example", "u@x.example"]);
}

#[test]
fn the_full_name_is_the_first_name_that_is_not_blank() {
    let parts = json!({ "givenName": "Ada", "familyName": "King" });
    let cases = [
        (json!({ "displayName": "D", "name": { "formatted": "F" } }), "D"),
        (json!({ "displayName": " ", "name": { "formatted": "F", "givenName": "G" } }), "F"),
        (json!({ "name": parts }), "Ada King"),
        (json!({ "name": { "familyName": "King" } }), "King"),
        (json!({}), "u@x.example"),
    ];
    for (mut body, expected) in cases {
        body["userName"] = json!("u@x.example");
        assert_eq!(document(body.clone()).person().unwrap().full_name, expected, "{body}");
    }
}

#[test]
fn dates_are_days_whatever_follows_them() {
    let starts = |text: &str| {
        let read = document(json!({ "userName": "u@x.example", EMPLOYMENT: { "startsOn": text } }));
        read.person().map(|person| person.starts_on.map(|date| date.to_string()))
    };
    for day in ["2026-03-31", "2026-03-31T23:59:00Z", "2026-03-31t00:00:00+14:00", "2026-03-31 00:00", " 2026-03-31 "] {
        assert_eq!(starts(day).unwrap().as_deref(), Some("2026-03-31"), "{day}");
    }
    assert_eq!(starts(" "), Ok(None));
    for wrong in ["2026-02-30", "31.03.2026", "2026-3-31", "20260331", "2026-03-3x", "+12026-03-31", "today"] {
        assert!(starts(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn silence_about_active_stays_silence() {
    assert_eq!(document(json!({ "userName": "u@x.example" })).person().unwrap().works_here, None);
    let said = document(json!({ "userName": "u@x.example" })).active_unless_said();
    assert_eq!(said.person().unwrap().works_here, Some(true));
    let said = document(json!({ "userName": "u@x.example", "active": "false" })).active_unless_said();
    assert_eq!(said.person().unwrap().works_here, Some(false));
}
