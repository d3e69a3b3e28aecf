//! The guard against a slow twin that expands every fragment for real and counts what is there.

use std::fmt::Write as _;

use async_graphql::Variables;
use async_graphql::parser::parse_query;
use proptest::prelude::*;
use serde_json::json;

use super::fold::Folder;
use super::{Limit, check};

/// A part of a selection set, before any fragment is expanded.
#[derive(Debug, Clone)]
enum Part {
    Field {
        name: &'static str,
        size: Size,
        alias: bool,
        directives: usize,
        below: Vec<Part>,
    },
    Inline {
        directives: usize,
        below: Vec<Part>,
    },
    /// Of a fragment that many places later; a field where there is none.
    Spread(usize),
}

#[derive(Debug, Clone, Copy)]
enum Size {
    Unsaid,
    First(u64),
    Last(u64),
    /// The request's variable `n`.
    Variable,
}

/// What `n` is in each request.
const N: u64 = 30;

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let size = prop_oneof![
        3 => Just(Size::Unsaid),
        1 => (0_u64..600).prop_map(Size::First),
        1 => (0_u64..40).prop_map(Size::Last),
        1 => Just(Size::Variable),
    ];
    let name = prop_oneof![2 => Just("a"), 1 => Just("nodes"), 1 => Just("edges")];
    let leaf = prop_oneof![
        (name.clone(), any::<bool>(), 0_usize..4).prop_map(|(name, alias, directives)| Part::Field {
            name,
            size: Size::Unsaid,
            alias,
            directives,
            below: Vec::new()
        }),
        (0_usize..4).prop_map(Part::Spread),
    ];
    let part = leaf.prop_recursive(5, 40, 4, move |below| {
        let below = prop::collection::vec(below, 1..5);
        prop_oneof![
            4 => (name.clone(), size.clone(), any::<bool>(), 0_usize..4, below.clone()).prop_map(
                |(name, size, alias, directives, below)| Part::Field { name, size, alias, directives, below }
            ),
            1 => (0_usize..4, below).prop_map(|(directives, below)| Part::Inline { directives, below }),
        ]
    });
    prop::collection::vec(part, 1..5)
}

/// The first set is the operation's, each other one a fragment's. A fragment spreads only those after it.
fn documents() -> impl Strategy<Value = Vec<Vec<Part>>> {
    prop::collection::vec(parts(), 1..6)
}

fn write(text: &mut String, parts: &[Part], level: usize, levels: usize) {
    for part in parts {
        match part {
            Part::Field { name, size, alias, directives, below } => {
                let size = match size {
                    Size::Unsaid => String::new(),
                    Size::First(first) => format!("(first: {first})"),
                    Size::Last(last) => format!("(last: {last})"),
                    Size::Variable => "(first: $n)".to_owned(),
                };
                let alias = if *alias { "other: " } else { "" };
                write!(text, " {alias}{name}{size}{}", " @d".repeat(*directives)).unwrap();
                if !below.is_empty() {
                    text.push_str(" {");
                    write_below(text, below, level, levels);
                }
            }
            Part::Inline { directives, below } => {
                write!(text, " ... on T{} {{", " @d".repeat(*directives)).unwrap();
                write_below(text, below, level, levels);
            }
            Part::Spread(_) if target(part, level, levels).is_none() => text.push_str(" a"),
            Part::Spread(_) => write!(text, " ...f{}", target(part, level, levels).unwrap()).unwrap(),
        }
    }
}

fn write_below(text: &mut String, below: &[Part], level: usize, levels: usize) {
    write(text, below, level, levels);
    text.push_str(" }");
}

fn target(part: &Part, level: usize, levels: usize) -> Option<usize> {
    match part {
        Part::Spread(further) => Some(level + 1 + further).filter(|target| *target < levels),
        _ => None,
    }
}

/// A field with everything below it, fragments expanded.
struct Field {
    name: &'static str,
    items: u64,
    below: Vec<Field>,
}

/// The fields of a set, and how many fields, spreads and inline fragments it took to say so.
fn expand(document: &[Vec<Part>], parts: &[Part], level: usize) -> (Vec<Field>, u64) {
    let (mut fields, mut selections) = (Vec::new(), 0);
    for part in parts {
        selections += 1;
        match part {
            Part::Field { name, size, below, .. } => {
                let (below, inner) = expand(document, below, level);
                let is_paged = below.iter().any(|field| field.name != "a");
                let items = match size {
                    _ if !is_paged => 1,
                    Size::Unsaid => 20,
                    Size::First(size) | Size::Last(size) => *size,
                    Size::Variable => N,
                };
                fields.push(Field { name, items, below });
                selections += inner;
            }
            Part::Inline { below, .. } => {
                let (below, inner) = expand(document, below, level);
                fields.extend(below);
                selections += inner;
            }
            Part::Spread(_) => match target(part, level, document.len()) {
                None => fields.push(Field { name: "a", items: 1, below: Vec::new() }),
                Some(target) => {
                    let (below, inner) = expand(document, &document[target], target);
                    fields.extend(below);
                    selections += inner;
                }
            },
        }
    }
    (fields, selections)
}

fn depth(fields: &[Field]) -> u64 {
    fields.iter().map(|field| 1 + depth(&field.below)).max().unwrap_or(0)
}

fn cost(fields: &[Field]) -> u64 {
    let costs = fields.iter().map(|field| field.items.saturating_mul(cost(&field.below)).saturating_add(1));
    costs.fold(0, u64::saturating_add)
}

/// Aliases and directives as written.
fn written(parts: &[Part]) -> (u64, u64) {
    parts.iter().fold((0, 0), |(aliases, directives), part| {
        let (own, on_it, below) = match part {
            Part::Field { alias, directives, below, .. } => (u64::from(*alias), *directives, below.as_slice()),
            Part::Inline { directives, below } => (0, *directives, below.as_slice()),
            Part::Spread(_) => (0, 0, [].as_slice()),
        };
        let below = written(below);
        (aliases + own + below.0, directives + on_it as u64 + below.1)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_guard_counts_what_plain_expansion_finds(document in documents()) {
        let mut text = "query Q($n: Int) {".to_owned();
        write_below(&mut text, &document[0], 0, document.len());
        for (level, parts) in document.iter().enumerate().skip(1) {
            write!(text, " fragment f{level} on T {{").unwrap();
            write_below(&mut text, parts, level, document.len());
        }
        let parsed = parse_query(&text).unwrap();
        let variables = Variables::from_json(json!({ "n": N }));
        let (fields, selections) = expand(&document, &document[0], 0);
        let (aliases, directives) = document.iter().map(|parts| written(parts)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));

        let mut folder = Folder::new(&parsed, &variables);
        prop_assert_eq!((folder.written.aliases, folder.written.directives), (aliases, directives));
        folder.fold_fragments().unwrap();
        let totals = folder.fold(&parsed.operations.iter().next().unwrap().1.node.selection_set.node);
        prop_assert_eq!(totals.selections, selections, "{}", text);
        prop_assert_eq!((totals.depth, totals.fields), (depth(&fields), fields.len() as u64), "{}", text);
        prop_assert_eq!(totals.cost, cost(&fields), "{}", text);

        let passes = [
            (Limit::Aliases, aliases),
            (Limit::Directives, directives),
            (Limit::Depth, depth(&fields)),
            (Limit::RootFields, fields.len() as u64),
            (Limit::Selections, selections),
            (Limit::Cost, cost(&fields)),
        ];
        let passes = passes.iter().all(|(limit, found)| *found <= limit.allowed());
        prop_assert_eq!(check(&parsed, &variables).is_ok(), passes, "{}", text);
    }
}
