use serde_json::{Value, json};

use super::{EMPLOYMENT, ada, user};
use crate::scim::{ListRequest, Precondition, Projection};

fn bounds(query: &str) -> Option<(u64, u64)> {
    ListRequest::from_query(query).ok().map(|request| (request.start, request.count))
}

#[test]
fn pages_are_bounded_and_odd_numbers_mean_the_nearest() {
    let cases = [
        ("", Some((1, 100))),
        ("startIndex=5&count=2", Some((5, 2))),
        ("startIndex=0&count=-1", Some((1, 0))),
        ("startIndex=-9&count=0", Some((1, 0))),
        ("count=5000", Some((1, 200))),
        ("startIndex=9223372036854775807", Some((9_223_372_036_854_775_807, 100))),
        ("startIndex=9223372036854775808", None),
        ("startIndex=one", None),
        ("count=1.5", None),
        ("count=", None),
        ("sortBy=userName&unknown=1", Some((1, 100))),
        ("filter=userName+eq+%22a%2Bb%40x.example%22", Some((1, 100))),
        ("filter=nonsense", None),
    ];
    for (query, expected) in cases {
        assert_eq!(bounds(query), expected, "{query}");
    }
}

#[test]
fn a_search_says_the_same_in_json() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "active eq true", "startIndex": 3,
        "count": 7, "attributes": ["userName"], "excludedAttributes": null,
    });
    let (request, projection) = ListRequest::from_search(body).unwrap();
    assert_eq!((request.start, request.count, request.filter.is_some()), (3, 7, true));
    assert_eq!(projection, Projection::from_query("attributes=userName"));
    for wrong in [
        json!([]),
        json!({ "filter": 7 }),
        json!({ "startIndex": "1" }),
        json!({ "count": 1.5 }),
        json!({ "attributes": "userName" }),
    ] {
        assert!(ListRequest::from_search(wrong.clone()).is_err(), "{wrong}");
    }
}

/// Names of what an answer shows, with those of parts.
fn shown(query: &str) -> Vec<String> {
    let resource = Projection::from_query(query).of(user(ada()).written());
    let mut names = Vec::new();
    for (name, value) in resource.as_object().unwrap() {
        match value {
            Value::Object(parts) if name != "meta" => names.extend(parts.keys().map(|part| format!("{name}.{part}"))),
            Value::Array(list) if name == "emails" => {
                let of = |element: &Value| {
                    let mut parts: Vec<&str> = element.as_object().unwrap().keys().map(String::as_str).collect();
                    parts.sort_unstable();
                    parts.join("+")
                };
                names.push(format!("{name}[{}]", list.iter().map(of).collect::<Vec<_>>().join(" ")));
            }
            _ => names.push(name.clone()),
        }
    }
    names.sort();
    names
}

#[test]
fn answers_show_what_is_asked_for_and_always_who_it_is() {
    assert_eq!(shown("attributes=userName,NAME.GIVENNAME"), ["id", "name.givenName", "schemas", "userName"]);
    assert_eq!(shown("attributes=emails.value"), ["emails[value value]", "id", "schemas"]);
    let of_employment = format!("attributes={EMPLOYMENT}:endsOn,nothing,title");
    assert_eq!(shown(&of_employment), ["id", "schemas", &format!("{EMPLOYMENT}.endsOn")]);
    assert_eq!(shown(&format!("attributes={EMPLOYMENT}")).len(), 4);
    let all = shown("");
    assert_eq!(shown("attributes=title"), all, "what is not kept asks for nothing");
    let without = shown("excludedAttributes=emails.display,id,schemas,meta,name.formatted,displayName");
    let gone: Vec<&String> = all.iter().filter(|name| !without.contains(name)).collect();
    assert_eq!(gone, ["displayName", "emails[primary+type+value display+type+value]", "meta", "name.formatted"]);
    assert_eq!(shown("attributes=userName&excludedAttributes=userName"), ["id", "schemas", "userName"]);
}

#[test]
fn a_version_is_known_by_its_weak_and_its_strong_tag() {
    let user = user(ada());
    let version = user.version();
    let holds = |tags: &str| Precondition::if_match(tags).check(&user).is_ok();
    assert!(version.starts_with("W/\""), "{version}");
    assert!(holds(&version) && holds(version.trim_start_matches("W/")) && holds("*"));
    assert!(holds(&format!("\"x\", {version}")));
    assert!(!holds("\"x\"") && !holds(""));
}
