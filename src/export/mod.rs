//! Tables as files: CSV and Excel workbooks.
//!
//! What a cell looks like and where it may not be believed is decided here, by pure writers over any sink. `spool` is
//! the one effect: a temporary file, written beside the reading. Knows the domain only: neither what the tables hold
//! nor who asks for them.

mod csv;
mod inert;
mod spool;
mod table;
mod xlsx;

#[cfg(test)]
mod tests;

pub use spool::{Exported, Spool};
pub use table::{About, Cell, Column, Format, Row};

use std::io;

/// The most rows of one worksheet, its header apart.
pub const MOST_ROWS: u32 = 1_048_575;
/// The most bytes of one file.
pub const MOST_BYTES: u64 = 1 << 30;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("a worksheet holds at most {0} rows: narrow the filter, or ask for CSV")]
    TooManyRows(u32),
    #[error("an export has at most {0} bytes: narrow the filter")]
    TooLarge(u64),
    /// Nobody waits for it any more.
    #[error("the export was given up")]
    GivenUp,
    #[error("the file cannot be written")]
    Storage(#[source] io::Error),
    /// What writes workbooks stopped; its panics count, as it has no other word for a full disk.
    #[error("the workbook cannot be written: {0}")]
    Workbook(String),
}
