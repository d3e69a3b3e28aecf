//! One list of a fetch: its rows in our words, and how the reading ended.

use serde_json::Value;

use crate::atlas::convert::OddRow;
use crate::atlas::{AtlasCategory, AtlasError, Client, Endpoint, Read};
use crate::domain::{ScopeFailure, ScopeKind, ScopeRead};

/// The rows that could be read, and whether that is all of them.
pub(super) struct List<T> {
    pub rows: Vec<T>,
    pub scope: ScopeRead,
}

impl<T> List<T> {
    pub fn may_have_rows(&self) -> bool {
        !self.rows.is_empty() || self.scope.failure.is_some()
    }

    /// The same list, as one of a project.
    pub fn of_project(mut self, project: &str) -> Self {
        self.scope.project = Some(project.to_owned());
        self
    }
}

/// Reads a list of the organization or project `id`. Fails only with what bars every other call too. A row that
/// `convert` cannot read is left out, and the list then counts as not read to the end.
pub(super) async fn read_list<T>(
    client: &Client,
    kind: ScopeKind,
    read: Read,
    id: &str,
    convert: impl Fn(&Value) -> Result<Option<T>, OddRow>,
) -> Result<List<T>, AtlasError> {
    let (converted, failure) = match Endpoint::new(read, id) {
        Ok(endpoint) => {
            let listing = client.list(&endpoint, convert).await;
            (listing.rows, listing.failure)
        }
        Err(error) => (Vec::new(), Some(error)),
    };
    let failure = failure.map(|error| scope_failure(kind, error)).transpose()?;
    let (mut rows, mut odd) = (Vec::new(), Vec::new());
    for row in converted {
        match row {
            Ok(row) => rows.extend(row),
            Err(row) => odd.push(row),
        }
    }
    let failure = failure.or_else(|| odd_rows(kind, &odd));
    Ok(List { rows, scope: ScopeRead { kind, project: None, failure } })
}

/// The failure as one of this list only, unless it bars every call.
pub(super) fn scope_failure(kind: ScopeKind, error: AtlasError) -> Result<ScopeFailure, AtlasError> {
    if error.bars_every_call() {
        return Err(error);
    }
    tracing::warn!(scope = kind.word(), code = error.code(), "atlas list was not read to the end");
    Ok(ScopeFailure { code: error.code().to_owned(), message: error.to_string(), rows_were_read: false })
}

fn odd_rows(kind: ScopeKind, odd: &[OddRow]) -> Option<ScopeFailure> {
    let first = odd.first()?;
    tracing::warn!(scope = kind.word(), rows = odd.len(), field = first.field, "atlas rows could not be read");
    let message = match odd.len() {
        1 => format!("One row could not be read: {first}."),
        count => format!("{count} rows could not be read. The first: {first}."),
    };
    Some(ScopeFailure { code: AtlasCategory::UnexpectedResponse.word().to_owned(), message, rows_were_read: true })
}
