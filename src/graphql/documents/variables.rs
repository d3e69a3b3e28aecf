//! Variables that an operation cannot do without.
//!
//! The library misses them only where they are used, when fields beside them may have been answered already. The
//! specification has such a request refused before anything runs.

use async_graphql::parser::types::{ExecutableDocument, VariableDefinition};
use async_graphql::{Positioned, ServerError, Value, Variables};

use super::chosen;

/// The mistake in the variables of the operation that will run, if there is one.
pub fn mistake(document: &ExecutableDocument, operation: Option<&str>, given: &Variables) -> Option<ServerError> {
    chosen(document, operation)?.variable_definitions.iter().find_map(|definition| complaint(definition, given))
}

fn complaint(definition: &Positioned<VariableDefinition>, given: &Variables) -> Option<ServerError> {
    let VariableDefinition { name, var_type, default_value, .. } = &definition.node;
    let message = match given.get(&name.node) {
        _ if var_type.node.nullable => return None,
        None if default_value.is_some() => return None,
        None => format!("Variable \"${}\" of required type \"{}\" was not provided.", name.node, var_type.node),
        Some(Value::Null) => {
            format!("Variable \"${}\" of non-null type \"{}\" must not be null.", name.node, var_type.node)
        }
        Some(_) => return None,
    };
    Some(ServerError::new(message, Some(definition.pos)))
}
