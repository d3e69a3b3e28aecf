//! What commands print: text for people, or one JSON document whose names are spelled as in the schema.

use std::io::{self, Write};

use chrono::SecondsFormat;
use clap::Args;
use serde::Serialize;

use crate::domain::Instant;

#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Format {
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

impl Format {
    /// Prints the document, or the text that stands for it.
    pub(super) fn print(
        self,
        out: &mut (dyn Write + Send),
        document: &impl Serialize,
        text: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        if !self.json {
            return Ok(text(out)?);
        }
        serde_json::to_writer_pretty(&mut *out, document)?;
        Ok(writeln!(out)?)
    }
}

/// An instant as the API writes it.
pub(super) fn written(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
