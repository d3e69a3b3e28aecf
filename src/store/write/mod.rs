//! Writing.
pub struct Writer;
