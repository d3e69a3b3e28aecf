//! The walk behind the guard: sums of selection sets, each computed once.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value, Variables};

use super::{DEFAULT_PAGE, GuardError, Limit, lists};
use crate::graphql::presence::is_mark;

/// What one selection set amounts to with its fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) selections: u64,
    pub(super) depth: u64,
    pub(super) cost: u64,
    /// Fields of this very level.
    pub(super) fields: u64,
    /// Longest chain of spreads.
    pub(super) nesting: u64,
    /// Longest chain of introspection's lists.
    pub(super) introspected: u64,
    /// This level selects `edges` or `nodes`: the field above is a list.
    paged: bool,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.cost = self.cost.saturating_add(other.cost);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
        self.nesting = self.nesting.max(other.nesting);
        self.introspected = self.introspected.max(other.introspected);
        self.paged |= other.paged;
    }
}

/// What is counted as it is written, without expanding anything.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) aliases: u64,
    pub(super) directives: u64,
    pub(super) selections: u64,
    /// Some `first`, `last` or `ids` is a variable.
    pub(super) is_priced_by_variables: bool,
}

/// The arguments that say how long a list is.
const SIZES: [&str; 3] = ["first", "last", "ids"];

pub(super) struct Folder<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    /// The largest list that a variable's own default asks for, over all operations.
    defaults: HashMap<&'a str, u64>,
    done: HashMap<&'a str, Totals>,
    pub(super) written: Written,
}

impl<'a> Folder<'a> {
    pub(super) fn new(document: &'a ExecutableDocument, variables: &'a Variables) -> Self {
        let mut folder = Self {
            document,
            variables,
            defaults: HashMap::new(),
            done: HashMap::with_capacity(document.fragments.len()),
            written: Written::default(),
        };
        for (_, operation) in document.operations.iter() {
            folder.read_operation(&operation.node);
        }
        for fragment in document.fragments.values() {
            folder.count_directives(&fragment.node.directives);
            folder.count_written(&fragment.node.selection_set.node);
        }
        folder
    }

    fn read_operation(&mut self, operation: &'a OperationDefinition) {
        self.count_directives(&operation.directives);
        self.count_written(&operation.selection_set.node);
        for variable in &operation.variable_definitions {
            self.count_directives(&variable.node.directives);
            if let Some(size) = variable.node.default_value.as_ref().and_then(|value| size_of(&value.node)) {
                let known = self.defaults.entry(&variable.node.name.node).or_default();
                *known = size.max(*known);
            }
        }
    }

    fn count_directives(&mut self, directives: &[Positioned<Directive>]) {
        self.written.directives = self.written.directives.saturating_add(directives.len() as u64);
    }

    fn count_written(&mut self, set: &SelectionSet) {
        for item in set.items.iter().filter(|item| !is_mark(item)) {
            self.written.selections += 1;
            self.count_directives(item.node.directives());
            match &item.node {
                Selection::Field(field) => {
                    self.written.aliases += u64::from(field.node.alias.is_some());
                    self.written.is_priced_by_variables |= is_sized_by_a_variable(&field.node);
                    self.count_written(&field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => self.count_written(&inline.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    /// Sums every fragment after those it spreads, without recursing from one into the next: a chain may be long.
    pub(super) fn fold_fragments(&mut self) -> Result<(), GuardError> {
        let spreads: HashMap<&'a str, Vec<&'a str>> =
            self.document.fragments.iter().map(|(name, fragment)| (name.as_str(), self.spreads_of(fragment))).collect();
        let mut waiting: HashMap<&'a str, usize> = spreads.iter().map(|(name, into)| (*name, into.len())).collect();
        let mut users: HashMap<&'a str, Vec<&'a str>> = HashMap::new();
        for (name, into) in &spreads {
            for target in into {
                users.entry(target).or_default().push(name);
            }
        }
        let mut ready: Vec<&'a str> = waiting.iter().filter(|(_, left)| **left == 0).map(|(name, _)| *name).collect();
        while let Some(name) = ready.pop() {
            waiting.remove(name);
            let totals = self.fold(&self.document.fragments[name].node.selection_set.node);
            Limit::FragmentNesting.check(totals.nesting)?;
            self.done.insert(name, totals);
            for user in users.get(name).into_iter().flatten() {
                if let Some(left) = waiting.get_mut(user) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(user);
                    }
                }
            }
        }
        match cycle_member(&waiting, &spreads) {
            Some(name) => Err(GuardError::FragmentCycle { name: name.to_owned() }),
            None => Ok(()),
        }
    }

    /// The fragments that one fragment spreads, each spread once; a name nobody defines is left to validation.
    fn spreads_of(&self, fragment: &'a Positioned<FragmentDefinition>) -> Vec<&'a str> {
        let mut found = Vec::new();
        let mut open = vec![&fragment.node.selection_set.node];
        while let Some(set) = open.pop() {
            for item in &set.items {
                match &item.node {
                    Selection::Field(field) => open.push(&field.node.selection_set.node),
                    Selection::InlineFragment(inline) => open.push(&inline.node.selection_set.node),
                    Selection::FragmentSpread(spread) => found.push(spread.node.fragment_name.node.as_str()),
                }
            }
        }
        found.retain(|name| self.document.fragments.contains_key(*name));
        found
    }

    /// Sums one selection set, given that the fragments it spreads are summed.
    pub(super) fn fold(&self, set: &SelectionSet) -> Totals {
        let mut totals = Totals::default();
        for item in set.items.iter().filter(|item| !is_mark(item)) {
            totals.selections = totals.selections.saturating_add(1);
            totals.add(match &item.node {
                Selection::Field(field) => self.fold_field(&field.node),
                Selection::InlineFragment(inline) => self.fold(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let inner = self.done.get(spread.node.fragment_name.node.as_str()).copied().unwrap_or_default();
                    Totals { nesting: inner.nesting.saturating_add(1), ..inner }
                }
            });
        }
        totals
    }

    fn fold_field(&self, field: &Field) -> Totals {
        let inner = self.fold(&field.selection_set.node);
        let name = field.name.node.as_str();
        let items = if inner.paged { self.page_of(field) } else { self.length_of(field, name) };
        Totals {
            selections: inner.selections,
            depth: inner.depth.saturating_add(1),
            cost: inner.cost.saturating_mul(items).saturating_add(1),
            fields: 1,
            nesting: inner.nesting,
            introspected: inner.introspected.saturating_add(u64::from(lists::lead_back(name))),
            paged: matches!(name, "edges" | "nodes"),
        }
    }

    fn page_of(&self, field: &Field) -> u64 {
        let asked = SIZES[..2].iter().filter_map(|name| self.argument_size(field, name)).max();
        asked.unwrap_or(DEFAULT_PAGE)
    }

    /// `nodes(ids: [...])` is as long as the list it is given; what is no list counts once.
    fn length_of(&self, field: &Field, name: &str) -> u64 {
        self.argument_size(field, SIZES[2]).or_else(|| lists::length(name)).unwrap_or(1)
    }

    fn argument_size(&self, field: &Field, name: &str) -> Option<u64> {
        // A variable stands in as its size, so that a long value is never copied.
        let sized = |name: Name| Ok::<_, Infallible>(self.variable_size(&name).map_or(Value::Null, Value::from));
        let argument = field.get_argument(name)?.node.clone();
        let Ok(value) = argument.into_const_with(sized);
        size_of(&value)
    }

    fn variable_size(&self, name: &Name) -> Option<u64> {
        match self.variables.get(name) {
            Some(given) => size_of(given),
            None => self.defaults.get(name.as_str()).copied(),
        }
    }
}

fn is_sized_by_a_variable(field: &Field) -> bool {
    SIZES.iter().filter_map(|name| field.get_argument(name)).any(|size| size.node.clone().into_const().is_none())
}

fn size_of(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::List(items) => Some(items.len() as u64),
        _ => None,
    }
}

/// A fragment that truly lies on a cycle: whoever waits on one only is found by following the spreads.
fn cycle_member<'a>(waiting: &HashMap<&'a str, usize>, spreads: &HashMap<&'a str, Vec<&'a str>>) -> Option<&'a str> {
    let mut name = *waiting.keys().min()?;
    let mut seen = HashSet::new();
    while seen.insert(name) {
        name = *spreads[name].iter().find(|next| waiting.contains_key(*next))?;
    }
    Some(name)
}
