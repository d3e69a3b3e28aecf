//! Which operation of a document is meant.

use async_graphql::Request;
use async_graphql::parser::types::OperationType;

use super::documents::chosen;

/// The operation that a request means, as far as metrics and traces tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// As it stands in the document.
    pub name: Option<String>,
    pub kind: OperationType,
}

impl Meant {
    /// A request that means nothing counts as a query without a name.
    pub fn by(request: &mut Request) -> Self {
        let asked = request.operation_name.clone();
        let Ok(document) = request.parsed_query() else { return Self::default() };
        let Some(operation) = chosen(document, asked.as_deref()) else { return Self::default() };
        let only = || document.operations.iter().next().and_then(|(name, _)| name.map(ToString::to_string));
        Self { kind: operation.ty, name: asked.or_else(only) }
    }
}

impl Default for Meant {
    fn default() -> Self {
        Self { name: None, kind: OperationType::Query }
    }
}
