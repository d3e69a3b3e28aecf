//! CSV by RFC 4180, in UTF-8 with a byte order mark: without it Excel takes names for Latin-1 and spoils them.

use std::io::{self, Write};

use super::ExportError;
use super::inert::inert;
use super::table::{About, Cell, Column, Row, written};

/// What stands behind the columns of each row, so that a row that was copied elsewhere still says where it is from.
const PROVENANCE: [&str; 3] = ["asOf", "generation", "filter"];

pub struct CsvFile<W: Write> {
    writer: ::csv::Writer<W>,
    provenance: [String; 3],
}

impl<W: Write> CsvFile<W> {
    pub fn new(mut sink: W, columns: &[Column], about: &About) -> Result<Self, ExportError> {
        sink.write_all("\u{feff}".as_bytes()).map_err(ExportError::Storage)?;
        let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(sink);
        writer.write_record(columns.iter().map(|column| column.name).chain(PROVENANCE)).map_err(refused)?;
        let generation = about.generation.map(written).unwrap_or_default();
        let filter = inert(about.filter.as_deref().unwrap_or_default()).into_owned();
        Ok(Self { writer, provenance: [written(about.as_of), generation, filter] })
    }

    pub fn write(&mut self, row: &Row) -> Result<(), ExportError> {
        for cell in &row.cells {
            match cell {
                Cell::Empty => self.writer.write_field(""),
                Cell::Text(text) => self.writer.write_field(inert(text).as_bytes()),
                Cell::Instant(instant) => self.writer.write_field(written(*instant)),
                Cell::Date(date) => self.writer.write_field(date.to_string()),
                Cell::Flag(flag) => self.writer.write_field(if *flag { "true" } else { "false" }),
                Cell::Count(count) => self.writer.write_field(count.to_string()),
            }
            .map_err(refused)?;
        }
        self.writer.write_record(&self.provenance).map_err(refused)
    }

    /// The sink, with everything in it.
    pub fn finish(self) -> Result<W, ExportError> {
        self.writer.into_inner().map_err(|error| ExportError::Storage(error.into_error()))
    }
}

fn refused(error: ::csv::Error) -> ExportError {
    ExportError::Storage(match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}
