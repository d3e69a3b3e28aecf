use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use async_graphql::parser::types::{BaseType, TypeKind, TypeSystemDefinition};
use async_graphql::parser::{parse_query, parse_schema};
use async_graphql::{Name, Variables};
use proptest::prelude::*;
use serde_json::json;

use super::lists::PLAIN;
use super::{GuardError, Limit, check};

const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

/// The query `GraphiQL` 5 sends, as `getIntrospectionQuery` of graphql-js 16 writes it with every option on.
const INTROSPECTION: &str = r"
query IntrospectionQuery {
  __schema {
    description
    queryType { name kind } mutationType { name kind } subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
}
fragment TypeRef on __Type {
  kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
    kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}";

fn judge(query: &str) -> Result<(), GuardError> {
    judge_with(query, json!({}))
}

fn judge_with(query: &str, variables: serde_json::Value) -> Result<(), GuardError> {
    check(&parse_query(query).unwrap(), &Variables::from_json(variables)).map(|_| ())
}

fn exceeded(limit: Limit, found: u64) -> Result<(), GuardError> {
    Err(GuardError::Exceeded { limit, found })
}

fn nested(depth: usize) -> String {
    format!("{{{}{}", "a{".repeat(depth - 1) + "a", "}".repeat(depth))
}

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_limit_passes_what_it_allows_and_names_what_it_refuses() {
    let aliases = |count| format!("{{ f {{ {} }} }}", repeated(count, |index| format!("a{index}: a")));
    let directives = |count| format!("query {} {{ a }}", repeated(count, |_| "@d".to_owned()));
    let roots = |count| format!("{{ {} }}", repeated(count, |_| "a".to_owned()));
    // One field of the root and one of each item.
    let cost = |first: u64| format!("{{ list(first: {first}) {{ nodes {{ id }} }} }}");

    assert_eq!(judge(&nested(15)), Ok(()));
    assert_eq!(judge(&nested(16)), exceeded(Limit::Depth, 16));
    assert_eq!(judge(&aliases(50)), Ok(()));
    assert_eq!(judge(&aliases(51)), exceeded(Limit::Aliases, 51));
    assert_eq!(judge(&directives(50)), Ok(()));
    assert_eq!(judge(&directives(51)), exceeded(Limit::Directives, 51));
    assert_eq!(judge(&roots(20)), Ok(()));
    assert_eq!(judge(&roots(21)), exceeded(Limit::RootFields, 21));
    assert_eq!(judge(&cost(49_999)), Ok(()));
    assert_eq!(judge(&cost(50_000)), exceeded(Limit::Cost, 100_001));
}

#[test]
fn selections_are_counted_with_fragments_expanded() {
    // The spread counts too: 20 roots of one field, one spread and 498 leaves each.
    let document = |leaves: usize| {
        let roots = repeated(20, |_| "a { ...f }".to_owned());
        format!("{{ {roots} }} fragment f on T {{ {} }}", repeated(leaves, |_| "b".to_owned()))
    };
    assert_eq!(judge(&document(498)), Ok(()));
    assert_eq!(judge(&document(499)), exceeded(Limit::Selections, 10_020));
}

#[test]
fn every_operation_adds_to_the_selections() {
    let operations = repeated(21, |index| format!("query q{index} {{ ...f }}"));
    let document = format!("{operations} fragment f on Query {{ a {{ {} }} }}", "b ".repeat(500));
    assert!(matches!(judge(&document), Err(GuardError::Exceeded { limit: Limit::Selections, .. })));
}

#[test]
fn depth_and_root_fields_see_through_fragments() {
    let through = format!("{{ a {{ ...f }} }} fragment f on T {{ {} }}", &nested(15)[1..nested(15).len() - 1]);
    assert_eq!(judge(&through), exceeded(Limit::Depth, 16));
    let roots = format!("{{ ...f ... on Query {{ a }} }} fragment f on Query {{ {} }}", "a ".repeat(20));
    assert_eq!(judge(&roots), exceeded(Limit::RootFields, 21));
}

#[test]
fn pages_multiply_and_take_their_size_from_literals_variables_defaults_or_twenty() {
    // outer page x (nodes + inner list + inner page x (edges + node + id)) is over the limit exactly when stated.
    let query = |outer: &str, head: &str| {
        format!("{head} {{ a({outer}) {{ nodes {{ b(last: 100) {{ edges {{ node {{ id }} }} }} }} }} }}")
    };
    let cost_of = |page: u64| 1 + page * (1 + 1 + 100 * 3);
    assert_eq!(judge(&query("first: 331", "")), Ok(()));
    assert_eq!(judge(&query("first: 332", "")), exceeded(Limit::Cost, cost_of(332)));
    let variable = query("first: $n", "query Q($n: Int = 400)");
    assert_eq!(judge_with(&variable, json!({ "n": 332 })), exceeded(Limit::Cost, cost_of(332)));
    assert_eq!(judge_with(&variable, json!({ "n": 5 })), Ok(()));
    assert_eq!(judge(&variable), exceeded(Limit::Cost, cost_of(400)));
    let thrice = "{ a { nodes { b { nodes { c { nodes { d { nodes { id } } } } } } } } }";
    assert_eq!(judge(thrice), exceeded(Limit::Cost, 1 + 20 * (2 + 20 * (2 + 20 * (2 + 20 * 2)))));
}

#[test]
fn only_variables_that_size_a_page_make_the_price_theirs() {
    let priced = |query: &str| {
        let judged = check(&parse_query(query).unwrap(), &Variables::default());
        judged.unwrap().is_priced_by_variables
    };
    assert!(!priced("query Q($a: String) { a(first: 5, after: $a) { nodes { id } } }"));
    assert!(priced("query Q($n: Int) { a { ...f } } fragment f on T { b(last: $n) { nodes { id } } }"));
    assert!(priced("query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"));
}

#[test]
fn nodes_by_id_cost_as_much_as_there_are_ids() {
    let ids = (0..1000).map(|index| index.to_string()).collect::<Vec<_>>();
    let query = format!("query Q($ids: [ID!]!) {{ nodes(ids: $ids) {{ {} }} }}", "id ".repeat(101));
    assert_eq!(judge_with(&query, json!({ "ids": ids })), exceeded(Limit::Cost, 101_001));
}

#[test]
fn a_list_that_is_no_page_counts_as_twenty() {
    let chain = |levels: usize| {
        let (begin, end) = ("controlResults { subject { ", " } }".repeat(levels));
        format!("{{ assets(first: 1) {{ nodes {{ {}id{end} }} }} }}", begin.repeat(levels))
    };
    assert_eq!(judge(&chain(3)), Ok(()));
    // Each level is a list with its subjects; the innermost subject has an id.
    let list = |below: u64| 1 + 20 * (1 + below);
    assert_eq!(judge(&chain(4)), exceeded(Limit::Cost, 1 + (1 + list(list(list(list(1)))))));
    let page = "{ controlResults(first: 30) { nodes { id } } }";
    assert_eq!(judge(page), Ok(()), "a page of this name is a page");
}

#[test]
fn every_plain_list_of_the_schema_is_known_by_its_name() {
    let document = parse_schema(crate::graphql::sdl()).unwrap();
    let types = document.definitions.iter().filter_map(|definition| match definition {
        TypeSystemDefinition::Type(definition) => Some(&definition.node),
        _ => None,
    });
    let (leaves, composites): (Vec<_>, Vec<_>) =
        types.partition(|definition| matches!(definition.kind, TypeKind::Scalar | TypeKind::Enum(_)));
    let is_leaf = |name: &Name| leaves.iter().any(|leaf| leaf.name.node == *name) || BUILT_IN.contains(&name.as_str());
    let mut lists = BTreeSet::new();
    for definition in composites {
        let fields = match &definition.kind {
            TypeKind::Object(object) => &object.fields,
            TypeKind::Interface(interface) => &interface.fields,
            _ => continue,
        };
        for field in fields {
            if let BaseType::List(item) = &field.node.ty.node.base
                && let BaseType::Named(item) = &item.base
                && !is_leaf(item)
            {
                lists.insert(field.node.name.node.as_str());
            }
        }
    }
    assert!(lists.remove("edges") && lists.remove("nodes"));
    assert_eq!(lists.into_iter().collect::<Vec<_>>(), PLAIN);
}

#[test]
fn introspection_cannot_go_round_in_circles() {
    let circle = "{ __schema { types { interfaces { possibleTypes { interfaces { name } } } } } }";
    assert_eq!(judge(circle), exceeded(Limit::Introspection, 3));
    let through = "{ __schema { types { fields { ...F } } } } fragment F on __Field { type { ...T } } \
        fragment T on __Type { inputFields { type { fields { name } } } }";
    assert_eq!(judge(through), exceeded(Limit::Introspection, 3));
    let wide = format!("{{ __schema {{ types {{ {} }} }} }}", "name ".repeat(700));
    assert_eq!(judge(&wide), exceeded(Limit::Cost, 1 + (1 + 150 * 700)));
}

#[test]
fn cost_saturates() {
    let mut query = "id".to_owned();
    for _ in 0..7 {
        query = format!("l(first: 9223372036854775807) {{ nodes {{ {query} }} }}");
    }
    assert_eq!(judge(&format!("{{ {query} }}")), exceeded(Limit::Cost, u64::MAX));
}

#[test]
fn a_fragment_cycle_is_named_by_a_member_of_it() {
    let query = "{ ...a } fragment a on T { x ...b } fragment b on T { ...c } fragment c on T { y { ...b } }";
    let cycle = |name: &str| Err(GuardError::FragmentCycle { name: name.to_owned() });
    assert_eq!(judge(query), cycle("b"));
    assert_eq!(judge("{ x } fragment unused on T { ...unused }"), cycle("unused"));
}

#[test]
fn the_introspection_query_of_graphiql_passes() {
    assert_eq!(judge(INTROSPECTION), Ok(()));
}

#[test]
fn an_unknown_fragment_is_left_to_validation() {
    assert_eq!(judge("{ a ...nowhere }"), Ok(()));
}

/// `levels` fragments, each spreading the next `fan` times.
fn bomb(levels: usize, fan: usize) -> String {
    let mut text = "{ ...f0 }".to_owned();
    for level in 0..levels {
        write!(text, " fragment f{level} on Query {{ {} }}", format!("...f{} ", level + 1).repeat(fan)).unwrap();
    }
    write!(text, " fragment f{levels} on Query {{ a }}").unwrap();
    text
}

/// How long this thread has run: other work shares the machine.
fn on_the_processor() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(times.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn every_known_attack_is_refused_within_twenty_milliseconds() {
    let attacks = [
        ("doubling 20", bomb(20, 2)),
        ("doubling 24", bomb(24, 2)),
        ("doubling 99", bomb(99, 2)),
        ("twenty by six", bomb(6, 20)),
        ("thirty by six", bomb(6, 30)),
        ("long chain", bomb(1_500, 1)),
        ("aliases", format!("{{ {} }}", repeated(4_000, |index| format!("a{index}: a")))),
        ("duplicate fields", format!("{{ a {{ {} }} }}", "b ".repeat(30_000))),
        ("type names", format!("{{ {} }}", "__typename ".repeat(5_000))),
        ("directives on the operation", format!("query {} {{ a }}", "@d ".repeat(20_000))),
        ("directives on a fragment", format!("{{ ...f }} fragment f on T {} {{ a }}", "@d ".repeat(20_000))),
        ("directives on a variable", format!("query Q($a: Int {}) {{ a }}", "@d ".repeat(20_000))),
        ("cycle", "{ ...a } fragment a on T { ...b ...b } fragment b on T { ...a ...a }".to_owned()),
        ("unused chain", format!("{{ a }} {}", &bomb(1_500, 1)["{ ...f0 }".len()..])),
    ];
    for (name, attack) in attacks {
        assert!(attack.len() <= 64 * 1024, "{name} would be refused by its length already");
        let document = parse_query(&attack).unwrap();
        let timed = || {
            let started = on_the_processor();
            assert!(check(&document, &Variables::default()).is_err(), "{name} passed");
            on_the_processor().saturating_sub(started)
        };
        // The first try also pays for cold memory.
        let took = (0..5).map(|_| timed()).min().unwrap();
        assert!(took < Duration::from_millis(20), "{name} took {took:?}");
    }
}

proptest! {
    #[test]
    fn no_document_makes_it_panic(text in "[{}a-c .@():$0-9\\[\\]!]{0,200}") {
        if let Ok(document) = parse_query(&text) {
            let _ = check(&document, &Variables::default());
        }
    }
}
