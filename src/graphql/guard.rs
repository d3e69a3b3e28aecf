//! Judges a parsed document before anything is validated or executed.
//!
//! async-graphql expands fragments again and again, so a few hundred bytes can cost it minutes. This walk visits each
//! selection set once and folds fragments from the leaves up. It knows no types: a field that selects `edges` or `nodes`
//! counts as a list of `first` or `last` items, and as one of twenty where it names no size, though such a page may hold
//! fifty; so does each list that is no page, by its name. The whole document is judged, whichever operation will run,
//! because validation reads all of it.

#[cfg(test)]
mod differential;
mod fold;
mod lists;
#[cfg(test)]
mod tests;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod twin;

use async_graphql::Variables;
use async_graphql::parser::types::ExecutableDocument;

use fold::Folder;

/// A list's size where the document names none.
pub const DEFAULT_PAGE: u64 = 20;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Fields inside fields, fragments expanded.
    Depth,
    /// Aliases as written.
    Aliases,
    /// Directives as written, on whatever they stand.
    Directives,
    /// Fields of one operation's root, fragments expanded.
    RootFields,
    /// Fields, spreads and inline fragments, fragments expanded.
    Selections,
    /// Fragments spread inside fragments.
    FragmentNesting,
    /// Lists of introspection inside one another: `fields`, `inputFields`, `interfaces` and `possibleTypes`.
    Introspection,
    /// Fields an operation may have to answer: each counts once per item of every list it is in.
    Cost,
}

impl Limit {
    /// The most that passes.
    pub const fn allowed(self) -> u64 {
        match self {
            Self::Depth => 15,
            Self::Aliases | Self::Directives => 50,
            Self::RootFields => 20,
            Self::Selections => 10_000,
            Self::FragmentNesting => 24,
            Self::Introspection => 2,
            Self::Cost => 100_000,
        }
    }

    /// The word for clients in `extensions.limit`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Depth => "DEPTH",
            Self::Aliases => "ALIASES",
            Self::Directives => "DIRECTIVES",
            Self::RootFields => "ROOT_FIELDS",
            Self::Selections => "SELECTIONS",
            Self::FragmentNesting => "FRAGMENT_NESTING",
            Self::Introspection => "INTROSPECTION",
            Self::Cost => "COST",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Depth => "levels of nested fields",
            Self::Aliases => "aliases",
            Self::Directives => "directives",
            Self::RootFields => "root fields",
            Self::Selections => "selections with fragments expanded",
            Self::FragmentNesting => "levels of nested fragments",
            Self::Introspection => "levels of nested lists of introspection",
            Self::Cost => "fields to answer, counting every item of every list",
        }
    }

    fn check(self, found: u64) -> Result<(), GuardError> {
        if found > self.allowed() { Err(GuardError::Exceeded { limit: self, found }) } else { Ok(()) }
    }
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    #[error("the document has {found} {}, and at most {} are allowed", limit.noun(), limit.allowed())]
    Exceeded { limit: Limit, found: u64 },
    #[error("the fragment `{name}` spreads itself")]
    FragmentCycle { name: String },
}

impl GuardError {
    /// The word for clients in `extensions.code`.
    pub const fn code(&self) -> &'static str {
        "BAD_INPUT"
    }

    /// Which limit, what it allows, and what was found.
    pub const fn exceeded(&self) -> Option<(Limit, u64, u64)> {
        match self {
            Self::Exceeded { limit, found } => Some((*limit, limit.allowed(), *found)),
            Self::FragmentCycle { .. } => None,
        }
    }
}

/// What is worth knowing of a document that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// With other variables the verdict may be another: a variable sizes a page.
    pub is_priced_by_variables: bool,
    /// Fields, spreads and inline fragments as written.
    pub selections_written: u64,
}

/// Passes a document that is safe to validate and to execute, in time linear in its length.
pub fn check(document: &ExecutableDocument, variables: &Variables) -> Result<Judged, GuardError> {
    let mut folder = Folder::new(document, variables);
    Limit::Aliases.check(folder.written.aliases)?;
    Limit::Directives.check(folder.written.directives)?;
    folder.fold_fragments()?;
    let mut selections = 0_u64;
    for (_, operation) in document.operations.iter() {
        let totals = folder.fold(&operation.node.selection_set.node);
        Limit::Depth.check(totals.depth)?;
        Limit::FragmentNesting.check(totals.nesting)?;
        Limit::RootFields.check(totals.fields)?;
        Limit::Introspection.check(totals.introspected)?;
        selections = selections.saturating_add(totals.selections);
        Limit::Selections.check(selections)?;
        Limit::Cost.check(totals.cost)?;
    }
    Ok(Judged {
        is_priced_by_variables: folder.written.is_priced_by_variables,
        selections_written: folder.written.selections,
    })
}
