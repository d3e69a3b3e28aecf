//! The guard's slow twin, for tests: expands every fragment for real and counts what is there.
//!
//! Written against the guard's promise and not against its code. It stops where more than the allowed selections were
//! seen, since then the document is refused whatever else it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Value, Variables};

use super::{DEFAULT_PAGE, Limit};

/// Whether the guard has to let it through.
pub fn passes(document: &ExecutableDocument, variables: &Variables) -> bool {
    let twin = Twin { document, variables, defaults: defaults(document) };
    let (aliases, directives) = written(document);
    let mut fits = aliases <= Limit::Aliases.allowed() && directives <= Limit::Directives.allowed();
    let mut chains = Chains { document, known: BTreeMap::new() };
    for name in document.fragments.keys() {
        let nesting = chains.longest(name.as_str(), &mut BTreeSet::new());
        fits &= nesting.is_some_and(|nesting| nesting <= Limit::FragmentNesting.allowed());
    }
    if !fits {
        return false;
    }
    let mut selections = 0;
    document.operations.iter().all(|(_, operation)| {
        let set = &operation.node.selection_set.node;
        let Some(fields) = twin.expand(set, &mut selections) else { return false };
        chains.of_set(set, &mut BTreeSet::new()).is_some_and(|nesting| nesting <= Limit::FragmentNesting.allowed())
            && depth(&fields) <= Limit::Depth.allowed()
            && fields.len() as u64 <= Limit::RootFields.allowed()
            && cost(&fields) <= Limit::Cost.allowed()
    })
}

/// A field with everything below it, fragments expanded.
struct Expanded {
    name: String,
    items: u64,
    below: Vec<Expanded>,
}

fn depth(fields: &[Expanded]) -> u64 {
    fields.iter().map(|field| 1 + depth(&field.below)).max().unwrap_or(0)
}

fn cost(fields: &[Expanded]) -> u64 {
    let costs = fields.iter().map(|field| field.items.saturating_mul(cost(&field.below)).saturating_add(1));
    costs.fold(0, u64::saturating_add)
}

/// The largest default of each variable, over all operations.
fn defaults(document: &ExecutableDocument) -> BTreeMap<String, u64> {
    let mut defaults: BTreeMap<String, u64> = BTreeMap::new();
    for variable in document.operations.iter().flat_map(|(_, operation)| &operation.node.variable_definitions) {
        if let Some(size) = variable.node.default_value.as_ref().and_then(|value| size_of(&value.node)) {
            let known = defaults.entry(variable.node.name.node.to_string()).or_default();
            *known = size.max(*known);
        }
    }
    defaults
}

fn size_of(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::List(items) => Some(items.len() as u64),
        _ => None,
    }
}

/// Aliases and directives as they stand in the text.
fn written(document: &ExecutableDocument) -> (u64, u64) {
    let (mut aliases, mut directives) = (0, 0);
    let mut open: Vec<&SelectionSet> = Vec::new();
    for (_, operation) in document.operations.iter() {
        directives += operation.node.directives.len();
        directives += operation.node.variable_definitions.iter().map(|own| own.node.directives.len()).sum::<usize>();
        open.push(&operation.node.selection_set.node);
    }
    for fragment in document.fragments.values() {
        directives += fragment.node.directives.len();
        open.push(&fragment.node.selection_set.node);
    }
    while let Some(set) = open.pop() {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => {
                    aliases += u64::from(field.node.alias.is_some());
                    directives += field.node.directives.len();
                    open.push(&field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => {
                    directives += inline.node.directives.len();
                    open.push(&inline.node.selection_set.node);
                }
                Selection::FragmentSpread(spread) => directives += spread.node.directives.len(),
            }
        }
    }
    (aliases, directives as u64)
}

/// How long chains of fragments are.
struct Chains<'a> {
    document: &'a ExecutableDocument,
    known: BTreeMap<&'a str, u64>,
}

impl<'a> Chains<'a> {
    /// The longest chain of spreads within a fragment. None: it spreads itself in the end.
    fn longest(&mut self, name: &'a str, above: &mut BTreeSet<&'a str>) -> Option<u64> {
        if let Some(known) = self.known.get(name) {
            return Some(*known);
        }
        if !above.insert(name) {
            return None;
        }
        let longest = match self.document.fragments.get(name) {
            Some(fragment) => self.of_set(&fragment.node.selection_set.node, above)?,
            None => 0,
        };
        above.remove(name);
        self.known.insert(name, longest);
        Some(longest)
    }

    fn of_set(&mut self, set: &'a SelectionSet, above: &mut BTreeSet<&'a str>) -> Option<u64> {
        let mut longest = 0;
        for item in &set.items {
            longest = longest.max(match &item.node {
                Selection::Field(field) => self.of_set(&field.node.selection_set.node, above)?,
                Selection::InlineFragment(inline) => self.of_set(&inline.node.selection_set.node, above)?,
                Selection::FragmentSpread(spread) => {
                    1 + self.longest(spread.node.fragment_name.node.as_str(), above)?
                }
            });
        }
        Some(longest)
    }
}

struct Twin<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    defaults: BTreeMap<String, u64>,
}

impl Twin<'_> {
    /// The fields of a set. None: too many selections.
    fn expand(&self, set: &SelectionSet, selections: &mut u64) -> Option<Vec<Expanded>> {
        let mut fields = Vec::new();
        for item in &set.items {
            *selections += 1;
            if *selections > Limit::Selections.allowed() {
                return None;
            }
            match &item.node {
                Selection::Field(field) => {
                    let below = self.expand(&field.node.selection_set.node, selections)?;
                    let is_paged = below.iter().any(|field| matches!(field.name.as_str(), "edges" | "nodes"));
                    let items = self.items(&field.node, is_paged);
                    fields.push(Expanded { name: field.node.name.node.to_string(), items, below });
                }
                Selection::InlineFragment(inline) => {
                    fields.extend(self.expand(&inline.node.selection_set.node, selections)?);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        fields.extend(self.expand(&fragment.node.selection_set.node, selections)?);
                    }
                }
            }
        }
        Some(fields)
    }

    fn items(&self, field: &Field, is_paged: bool) -> u64 {
        if is_paged {
            let asked = ["first", "last"].iter().filter_map(|name| self.argument(field, name)).max();
            asked.unwrap_or(DEFAULT_PAGE)
        } else {
            self.argument(field, "ids").unwrap_or(1)
        }
    }

    fn argument(&self, field: &Field, name: &str) -> Option<u64> {
        let given = |name: Name| {
            let default = || self.defaults.get(name.as_str()).copied().map_or(Value::Null, Value::from);
            Ok::<_, Infallible>(self.variables.get(&name).cloned().unwrap_or_else(default))
        };
        let Ok(value) = field.get_argument(name)?.node.clone().into_const_with(given);
        size_of(&value)
    }
}
