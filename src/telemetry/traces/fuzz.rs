//! The door for fuzzing.

use super::TraceParent;

/// What is read of a header is written as one that reads the same.
pub fn parent(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(parent) = TraceParent::parse(text) {
        assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
        assert_eq!(parent.ids().trace.len() + parent.ids().span.len(), 48);
    }
}
