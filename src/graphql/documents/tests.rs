use std::fmt::Write as _;

use async_graphql::{Extensions, Request, Value, Variables, value};
use serde_json::json;

use super::{Asked, Documents, ManifestError, Refused, hash};
use crate::graphql::guard::{GuardError, Limit};

const LIST: &str = "query L($n: Int) { list(first: $n) { nodes { id } } }";

fn hex(text: &str) -> String {
    let mut hex = String::new();
    for byte in hash(text) {
        write!(hex, "{byte:02x}").unwrap();
    }
    hex
}

fn text(query: &str) -> Asked {
    Asked { request: Request::new(query), id: None }
}

fn by_id(id: &str) -> Asked {
    Asked { request: Request::new(""), id: Some(id.to_owned()) }
}

fn registered(query: &str, hash: &str) -> Asked {
    let mut request = Request::new(query);
    let extension = value!({ "version": 1, "sha256Hash": hash });
    request.extensions = Extensions([("persistedQuery".to_owned(), extension)].into());
    Asked { request, id: None }
}

fn sized(mut asked: Asked, n: u32) -> Asked {
    asked.request.variables = Variables::from_json(json!({ "n": n }));
    asked
}

/// What runs, written out again, or why nothing does.
fn admitted(documents: &Documents, asked: Asked, trusted_only: bool) -> Result<usize, Refused> {
    let mut request = documents.admit(asked, trusted_only)?;
    Ok(request.parsed_query().expect("is parsed already").operations.iter().count())
}

#[test]
fn a_registered_query_is_known_by_its_hash_from_then_on() {
    let documents = Documents::default();
    let hash = hex("{ a }");

    assert_eq!(admitted(&documents, registered("", &hash), false), Err(Refused::NotFound));
    assert_eq!(admitted(&documents, registered("{ a }", &hash), false), Ok(1));
    assert_eq!(admitted(&documents, registered("", &hash), false), Ok(1));
    assert_eq!(admitted(&documents, registered("", &hash.to_uppercase()), false), Ok(1));
    assert_eq!(admitted(&documents, by_id(&format!("sha256:{hash}")), false), Ok(1));
}

#[test]
fn a_hash_of_something_else_registers_nothing() {
    let documents = Documents::default();
    for wrong in [hex("{ b }"), "abc".to_owned(), "zz".repeat(32)] {
        let refused = admitted(&documents, registered("{ a }", &wrong), false);
        assert_eq!(refused, Err(Refused::Malformed("provided sha does not match query")));
    }
    assert_eq!(admitted(&documents, registered("", &hex("{ a }")), false), Err(Refused::NotFound));
}

#[test]
fn what_the_parser_or_the_guard_refuses_is_not_kept() {
    let documents = Documents::default();
    let deep = format!("{}a{}", "{ a ".repeat(16), "}".repeat(16));
    for text in ["{ a", deep.as_str()] {
        assert!(admitted(&documents, registered(text, &hex(text)), false).is_err());
        assert_eq!(admitted(&documents, registered("", &hex(text)), false), Err(Refused::NotFound));
    }
}

#[test]
fn a_known_document_is_priced_by_the_variables_of_each_request() {
    let documents = Documents::default();
    let dear = Err(Refused::Guard(GuardError::Exceeded { limit: Limit::Cost, found: 1 + 60_000 * 2 }));

    assert_eq!(admitted(&documents, sized(text(LIST), 10), false), Ok(1));
    assert_eq!(admitted(&documents, sized(text(LIST), 60_000), false), dear);
    assert_eq!(admitted(&documents, sized(registered("", &hex(LIST)), 60_000), false), dear);
    assert_eq!(admitted(&documents, sized(registered("", &hex(LIST)), 10), false), Ok(1));
}

#[test]
fn the_extension_must_be_of_the_one_known_version() {
    let cases = [
        (value!({ "version": 2, "sha256Hash": "x" }), "Unsupported persisted query version"),
        (value!({ "sha256Hash": "x" }), "Unsupported persisted query version"),
        (value!({ "version": 1 }), "the extension `persistedQuery` needs a `sha256Hash`"),
        (Value::from(true), "the extension `persistedQuery` must be an object"),
    ];
    for (extension, expected) in cases {
        let mut asked = text("{ a }");
        asked.request.extensions = Extensions([("persistedQuery".to_owned(), extension)].into());
        assert_eq!(admitted(&Documents::default(), asked, false), Err(Refused::Malformed(expected)));
    }
}

#[test]
fn one_request_names_one_document() {
    let documents = Documents::default();
    let both = Asked { id: Some("x".to_owned()), ..text("{ a }") };
    assert_eq!(admitted(&documents, both, false), Err(Refused::Malformed("give `query` or `documentId`, not both")));
    let twice = Asked { id: Some("x".to_owned()), ..registered("", &hex("{ a }")) };
    let refused = Refused::Malformed("give `documentId` or `persistedQuery`, not both");
    assert_eq!(admitted(&documents, twice, false), Err(refused));
    let none = Refused::Malformed("the parameter `query` is missing");
    assert_eq!(admitted(&documents, text(""), false), Err(none));
}

#[test]
fn every_common_manifest_is_understood() {
    let pairs = json!({ "5d41402abc4b2a76b9719d911017c592": "{ a }" });
    let apollo = json!({
        "format": "apollo-persisted-query-manifest", "version": 1,
        "operations": [{ "id": "5d41402abc4b2a76b9719d911017c592", "name": "A", "type": "query", "body": "{ a }" }],
    });
    for manifest in [pairs, apollo] {
        let documents = Documents::trusting(&manifest.to_string()).unwrap();
        assert_eq!(documents.trusted(), 1);
        let id = "5d41402abc4b2a76b9719d911017c592";
        for asked in [
            by_id(id),
            by_id(&format!("sha256:{}", hex("{ a }"))),
            registered("", id),
            registered("", &hex("{ a }")),
            registered("{ a }", &hex("{ a }")),
            text("{ a }"),
        ] {
            assert_eq!(admitted(&documents, asked, true), Ok(1));
        }
    }
}

#[test]
fn a_bad_manifest_says_what_is_wrong_with_it() {
    let refusal = |manifest: &str| Documents::trusting(manifest).unwrap_err().to_string();
    let cases = [
        ("[]", "it must be a JSON object"),
        (r#"{"a":7}"#, "the document `a` must be text"),
        (r#"{"a":"{ a"}"#, "the document `a` cannot be trusted:"),
        (r#"{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}"#, "only version 1"),
        (r#"{"format":"apollo-persisted-query-manifest"}"#, "it lists no `operations`"),
        (
            r#"{"format":"apollo-persisted-query-manifest","operations":[{"id":"a"}]}"#,
            "operation 1 needs an `id` and a `body`",
        ),
        (r#"{"format":"other","operations":[]}"#, "its format is `other` and not `apollo-persisted-query-manifest`"),
        ("{", "it is no JSON: "),
    ];
    for (manifest, expected) in cases {
        assert!(refusal(manifest).starts_with(expected), "{manifest}: {}", refusal(manifest));
    }
    let operation = json!({ "id": "a", "body": "{ a }" });
    let twice = json!({ "format": "apollo-persisted-query-manifest", "operations": [operation, operation] });
    assert_eq!(Documents::trusting(&twice.to_string()).unwrap_err(), ManifestError::Twice("a".to_owned()));
}

#[test]
fn nothing_but_trusted_documents_runs_where_that_is_asked_for() {
    let documents = Documents::trusting(r#"{"list":"{ a }"}"#).unwrap();
    assert_eq!(admitted(&documents, text("{ b }"), false), Ok(1));

    assert_eq!(admitted(&documents, by_id("list"), true), Ok(1));
    assert_eq!(admitted(&documents, by_id("other"), true), Err(Refused::UnknownId));
    assert_eq!(admitted(&documents, text("{ b }"), true), Err(Refused::Untrusted));
    assert_eq!(admitted(&documents, registered("{ b }", &hex("{ b }")), true), Err(Refused::Untrusted));
    assert_eq!(admitted(&documents, registered("", &hex("{ b }")), true), Err(Refused::NotSupported));
    let hashed = by_id(&format!("sha256:{}", hex("{ b }")));
    assert_eq!(admitted(&documents, hashed, true), Err(Refused::UnknownId));
}

#[test]
fn what_cannot_be_parsed_is_told_in_one_line_without_the_text() {
    for (query, expected) in
        [("{", "Syntax error: expected selection"), ("# nothing", "Syntax error: expected executable definition")]
    {
        let refused = Documents::default().admit(text(query), false).expect_err("cannot be parsed");
        assert_eq!(refused.to_string(), expected);
    }
    let long = format!("{{ a(x: {} }}", "[".repeat(10_000));
    let refused = Documents::default().admit(text(&long), false).expect_err("cannot be parsed");
    assert!(refused.to_string().len() < 200, "{refused}");
}

#[test]
fn a_required_variable_is_missed_before_anything_runs() {
    let query = "query A($n: Int!, $o: Int, $d: Int! = 1) { a(n: $n, o: $o, d: $d) } query B { b }";
    let refused = |name: &str, variables: serde_json::Value| {
        let mut asked = text(query);
        asked.request = asked.request.operation_name(name).variables(Variables::from_json(variables));
        Documents::default().admit(asked, false).err().map(|refused| refused.to_string())
    };
    let (missing, null) = ("Variable \"$n\" of required type \"Int!\" was not provided.", "must not be null.");
    assert_eq!(refused("A", json!({})).as_deref(), Some(missing));
    assert!(refused("A", json!({ "n": null })).is_some_and(|message| message.ends_with(null)));
    assert!(refused("A", json!({ "n": 1, "d": null })).is_some_and(|message| message.starts_with("Variable \"$d\"")));
    assert_eq!(refused("A", json!({ "n": 1 })), None);
    assert_eq!(refused("B", json!({})), None);
}

#[test]
fn what_is_added_to_a_document_does_not_count_when_it_is_judged_again() {
    let aliases = (0..50).map(|index| format!("a{index}: a")).collect::<Vec<_>>().join(" ");
    let query =
        format!("query Q($n: Int) {{ l(first: $n) {{ ... on T {{ {aliases} }} nodes @skip(if: true) {{ id }} }} }}");
    let documents = Documents::default();

    assert_eq!(admitted(&documents, sized(text(&query), 1), false), Ok(1));
    assert_eq!(admitted(&documents, sized(text(&query), 2), false), Ok(1));
}
