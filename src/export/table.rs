//! What a file is made from: columns, rows of cells, and words about the whole.

use chrono::{NaiveDate, SecondsFormat};

use crate::domain::Instant;

/// The kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
}

impl Format {
    pub const ALL: [Self; 2] = [Self::Csv, Self::Xlsx];

    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// A column, called as the schema calls the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// In a workbook, in characters.
    pub width: u8,
    /// Its cells are instants or empty.
    pub is_instant: bool,
}

impl Column {
    pub const fn new(name: &'static str, width: u8) -> Self {
        Self { name, width, is_instant: false }
    }

    pub const fn instant(name: &'static str) -> Self {
        Self { name, width: 20, is_instant: true }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Empty,
    /// Whatever it says, it stays text.
    Text(String),
    Instant(Instant),
    Date(NaiveDate),
    Flag(bool),
    Count(u64),
}

impl Cell {
    /// None is an empty cell.
    pub fn some<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }

    /// Several texts in one cell.
    pub fn list(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| text.as_ref().to_owned()).collect();
        Self::Text(texts.join("; "))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Instant> for Cell {
    fn from(instant: Instant) -> Self {
        Self::Instant(instant)
    }
}

impl From<NaiveDate> for Cell {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The platform that it is about: a worksheet of its own.
    pub platform: &'static str,
    pub cells: Vec<Cell>,
}

/// What is said inside the file about where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The list, as the address names it.
    pub list: &'static str,
    pub workspace: String,
    /// The instant that was read.
    pub as_of: Instant,
    /// The last commit that the instant saw. None when there was none.
    pub generation: Option<Instant>,
    /// JSON, as it was asked for. None: everything.
    pub filter: Option<String>,
    /// Likewise. None: the list's own order.
    pub order: Option<String>,
    pub made_at: Instant,
    /// The worksheet that is there even when nothing was found.
    pub platform: &'static str,
}

impl About {
    /// What the file is called where it is kept.
    pub fn file_name(&self, format: Format) -> String {
        let as_of = self.as_of.format("%Y-%m-%dT%H-%M-%SZ");
        format!("slategate-{}-{as_of}.{}", self.list, format.extension())
    }
}

/// An instant as the API writes it.
pub fn written(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
