use serde_json::{Value, json};

use super::{EMPLOYMENT, ada, document, shown};
use crate::scim::{Document, Patch, ScimError, ScimType};

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn patched(before: &Document, operations: &Value) -> Result<Value, ScimError> {
    let patch = Patch::from_body(json!({ "schemas": [SCHEMA], "Operations": operations }))?;
    patch.apply(before).map(|after| shown(&after))
}

/// `ada` with these attributes instead; null takes one away.
fn with(changes: &Value) -> Value {
    let mut whole = shown(&ada());
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            whole.as_object_mut().unwrap().remove(name);
        } else {
            whole[name] = value.clone();
        }
    }
    whole
}

fn check(cases: Vec<(Value, Value)>) {
    for (operations, changes) in cases {
        let after = patched(&ada(), &operations).unwrap_or_else(|error| panic!("{operations}: {error}"));
        assert_eq!(after, with(&changes), "{operations}");
    }
}

fn work() -> Value {
    json!({ "value": "Ada@example.com", "type": "work", "primary": true })
}

fn home() -> Value {
    json!({ "value": "ada@home.example", "type": "home", "display": "Ada at home" })
}

#[test]
fn identity_providers_are_understood() {
    let starts_on = format!("{EMPLOYMENT}:startsOn");
    let department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
    check(vec![
        // Okta.
        (json!([{ "op": "replace", "value": { "active": false } }]), json!({ "active": false })),
        // Entra ID.
        (json!([{ "op": "Replace", "path": "active", "value": "False" }]), json!({ "active": false })),
        (json!([{ "op": "Add", "path": "displayName", "value": "A" }]), json!({ "displayName": "A" })),
        (
            json!([{ "op": "Add", "path": "name.givenName", "value": "G" }]),
            json!({ "name": { "formatted": "Ada King", "familyName": "King", "givenName": "G" } }),
        ),
        (
            json!([{ "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "n@x.example" }]),
            json!({ "emails": [{ "value": "n@x.example", "type": "work", "primary": true }, home()] }),
        ),
        (
            json!([{ "op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@x.example" }]),
            json!({ "emails": [work(), home(), { "value": "o@x.example", "type": "other" }] }),
        ),
        (
            json!([{ "op": "Add", "path": starts_on, "value": "2025-01-01T00:00:00Z" }]),
            json!({ EMPLOYMENT: { "startsOn": "2025-01-01T00:00:00Z", "endsOn": "2026-12-31" } }),
        ),
        (
            json!([{ "op": "Replace", "value": { "name.familyName": "F", (&starts_on): "2025-01-01", (department): "D", "title": "T" } }]),
            json!({ "name": { "formatted": "Ada King", "familyName": "F", "givenName": "Ada" },
                 EMPLOYMENT: { "startsOn": "2025-01-01", "endsOn": "2026-12-31" } }),
        ),
        (
            json!([{ "op": "Add", "path": department, "value": "D" }, { "op": "Remove", "path": "title" },
                { "op": "Replace", "path": "addresses[type eq \"work\"].locality", "value": "L" },
                { "op": "Replace", "path": "name.middleName", "value": "M" }]),
            json!({}),
        ),
    ]);
}

#[test]
fn values_are_added_replaced_and_removed() {
    let other = json!({ "value": "o@x.example" });
    check(vec![
        (json!([{ "op": "add", "path": "emails", "value": [other] }]), json!({ "emails": [work(), home(), other] })),
        (json!([{ "op": "add", "path": "emails", "value": other }]), json!({ "emails": [work(), home(), other] })),
        (json!([{ "op": "add", "path": "emails", "value": [home()] }]), json!({})),
        (json!([{ "op": "add", "value": { "emails": [other] } }]), json!({ "emails": [work(), home(), other] })),
        (json!([{ "op": "replace", "path": "emails", "value": [other] }]), json!({ "emails": [other] })),
        (json!([{ "op": "replace", "path": "emails", "value": [] }]), json!({ "emails": null })),
        (json!([{ "op": "remove", "path": "emails" }]), json!({ "emails": null })),
        (json!([{ "op": "remove", "path": "emails[type eq \"home\"]" }]), json!({ "emails": [work()] })),
        (json!([{ "op": "remove", "path": "emails[type eq \"none\"]" }]), json!({})),
        (
            json!([{ "op": "remove", "path": "emails[type pr].display" }]),
            json!({ "emails": [work(), { "value": "ada@home.example", "type": "home" }] }),
        ),
        (
            json!([{ "op": "remove", "path": "emails.display" }]),
            json!({ "emails": [work(), { "value": "ada@home.example", "type": "home" }] }),
        ),
        (json!([{ "op": "remove", "path": "emails", "value": [{ "type": "home" }] }]), json!({ "emails": [work()] })),
        (
            json!([{ "op": "replace", "path": "emails[type eq \"home\"]", "value": other }]),
            json!({ "emails": [work(), other] }),
        ),
        (
            json!([{ "op": "add", "path": "emails[type eq \"home\"]", "value": { "display": "D" } }]),
            json!({ "emails": [work(), { "value": "ada@home.example", "type": "home", "display": "D" }] }),
        ),
        (
            json!([{ "op": "replace", "path": "name", "value": { "givenName": "G" } }]),
            json!({ "name": { "formatted": "Ada King", "familyName": "King", "givenName": "G" } }),
        ),
        (json!([{ "op": "remove", "path": "name" }]), json!({ "name": null })),
        (
            json!([{ "op": "remove", "path": "name.formatted" }]),
            json!({ "name": { "familyName": "King", "givenName": "Ada" } }),
        ),
        (json!([{ "op": "replace", "path": "displayName", "value": null }]), json!({ "displayName": null })),
        (json!([{ "op": "remove", "path": "active" }]), json!({ "active": null })),
        (json!([{ "op": "remove", "path": EMPLOYMENT }]), json!({ EMPLOYMENT: null })),
        (
            json!([{ "op": "remove", "path": format!("{EMPLOYMENT}:endsOn") }]),
            json!({ EMPLOYMENT: { "startsOn": "2024-02-29" } }),
        ),
        (
            json!([{ "op": "add", "path": EMPLOYMENT, "value": { "endsOn": "2027-01-01" } }]),
            json!({ EMPLOYMENT: { "startsOn": "2024-02-29", "endsOn": "2027-01-01" } }),
        ),
        (
            json!([{ "op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:userName", "value": "n" }]),
            json!({ "userName": "n" }),
        ),
        (json!([{ "op": "add", "value": { "id": "x", "meta": {}, "schemas": [] } }]), json!({})),
        (
            json!([{ "op": "remove", "path": "emails" }, { "op": "add", "path": "emails.value", "value": "o@x.example" }]),
            json!({ "emails": [other] }),
        ),
        (
            json!([{ "op": "remove", "path": "emails" },
                { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "o@x.example" }]),
            json!({ "emails": [{ "value": "o@x.example", "type": "work" }] }),
        ),
    ]);
}

#[test]
fn a_new_primary_address_is_the_only_one() {
    let was = |mut email: Value| {
        email["primary"] = json!(false);
        email
    };
    let now = |mut email: Value| {
        email["primary"] = json!(true);
        email
    };
    let other = json!({ "value": "o@x.example", "type": "other", "primary": true });
    check(vec![
        (
            json!([{ "op": "add", "path": "emails[type eq \"home\"].primary", "value": "True" }]),
            json!({ "emails": [was(work()), now(home())] }),
        ),
        (
            json!([{ "op": "add", "path": "emails", "value": [other] }]),
            json!({ "emails": [was(work()), home(), other] }),
        ),
        (
            json!([{ "op": "add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "o@x.example" }]),
            json!({ "emails": [was(work()), home(), other] }),
        ),
    ]);
    let both = json!([{ "op": "replace", "path": "emails[type pr].primary", "value": true }]);
    assert_eq!(patched(&ada(), &both).unwrap()["emails"], json!([was(work()), now(home())]));
}

#[test]
fn what_cannot_be_done_is_refused_and_says_why() {
    let cases = [
        (json!([{ "op": "replace", "path": "emails[type eq \"none\"].value", "value": "x" }]), ScimType::NoTarget),
        (json!([{ "op": "add", "path": "emails[type sw \"none\"].value", "value": "x" }]), ScimType::NoTarget),
        (json!([{ "op": "remove" }]), ScimType::NoTarget),
        (json!([{ "op": "remove", "path": "userName" }]), ScimType::InvalidValue),
        (json!([{ "op": "replace", "path": "id", "value": "x" }]), ScimType::Mutability),
        (json!([{ "op": "remove", "path": "meta.version" }]), ScimType::Mutability),
        (json!([{ "op": "replace", "path": "activ", "value": false }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "", "value": false }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "emails[", "value": false }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "emails[type eq \"work\"]value", "value": "x" }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "emails[type eq \"work\"].value.x", "value": "x" }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "name[givenName eq \"Ada\"]", "value": "x" }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "emails.value", "value": "x@y.example" }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": 7, "value": "x" }]), ScimType::InvalidPath),
        (json!([{ "op": "replace", "path": "active", "value": "no" }]), ScimType::InvalidValue),
        (json!([{ "op": "replace", "path": "name", "value": "Ada" }]), ScimType::InvalidValue),
        (json!([{ "op": "replace", "value": "Ada" }]), ScimType::InvalidValue),
        (json!([{ "op": "replace" }]), ScimType::InvalidValue),
        (json!([{ "op": "move", "path": "active" }]), ScimType::InvalidSyntax),
        (json!([{ "path": "active" }]), ScimType::InvalidSyntax),
        (json!(["replace"]), ScimType::InvalidSyntax),
        (json!([]), ScimType::InvalidValue),
        (json!("replace"), ScimType::InvalidSyntax),
        (json!(vec![json!({ "op": "replace", "path": "active", "value": true }); 201]), ScimType::InvalidValue),
    ];
    for (operations, expected) in cases {
        let refused = patched(&ada(), &operations);
        assert_eq!(
            refused.as_ref().err().and_then(|error| error.scim_type),
            Some(expected),
            "{operations}: {refused:?}"
        );
    }
    let other = json!({ "schemas": ["urn:x"], "Operations": [{ "op": "remove", "path": "active" }] });
    assert!(Patch::from_body(other).is_err());
    assert!(Patch::from_body(json!({})).is_err());
}

#[test]
fn a_list_does_not_grow_beyond_its_bound() {
    let add =
        |number: usize| json!({ "op": "add", "path": "emails", "value": { "value": format!("{number}@x.example") } });
    let many: Vec<Value> = (0..48).map(add).collect();
    let full = patched(&ada(), &json!(many)).unwrap();
    assert_eq!(full["emails"].as_array().unwrap().len(), 50);
    let full = document(full);
    for one_more in [add(99), json!({ "op": "add", "path": "emails[type eq \"x\"].value", "value": "99@x.example" })] {
        assert!(patched(&full, &json!([one_more])).is_err());
    }
}

#[test]
fn names_of_operations_are_read_in_any_case() {
    let body = json!({ "SCHEMAS": [SCHEMA], "operations": [{ "OP": "REPLACE", "Path": "Active", "Value": "fAlse" }] });
    assert_eq!(shown(&Patch::from_body(body).unwrap().apply(&ada()).unwrap()), with(&json!({ "active": false })));
}
