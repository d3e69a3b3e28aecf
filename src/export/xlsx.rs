//! Excel workbooks: a worksheet for each platform, and one that says where it all comes from.
//!
//! Rows go to temporary files as they come, so a workbook takes the memory of one row. Text is written as text: there
//! is no formula and no link in it, whatever it says.

use std::borrow::Cow;
use std::io::{Seek, Write};

use chrono::{Datelike as _, NaiveTime};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format as Style, Workbook, Worksheet, XlsxError};

use super::inert::printable;
use super::table::{About, Cell, Column, Row, written};
use super::{ExportError, MOST_ROWS};
use crate::domain::Instant;

/// The most that a cell holds, in units of UTF-16.
const LONGEST_TEXT: usize = 32_767;
/// Stands at the end of a text that was cut.
const CUT: &str = "… (cut: CSV has all of it)";
const ABOUT: &str = "About";
/// Day 0 of the calendar of worksheets is this many days before 1970.
const EPOCH: f64 = 25_569.0;
const MICROS_A_DAY: f64 = 86_400_000_000.0;
/// Earlier days are counted differently by different programs, and later ones have no number.
const DATED: std::ops::RangeInclusive<i32> = 1901..=9998;

pub struct Book {
    workbook: Workbook,
    sheets: Vec<Sheet>,
    columns: &'static [Column],
    about: About,
    styles: Styles,
    most_rows: u32,
}

struct Sheet {
    platform: &'static str,
    rows: u32,
}

struct Styles {
    header: Style,
    instant: Style,
    date: Style,
}

impl Book {
    pub fn new(columns: &'static [Column], about: About) -> Result<Self, ExportError> {
        Self::with_most_rows(columns, about, MOST_ROWS)
    }

    pub(super) fn with_most_rows(
        columns: &'static [Column],
        about: About,
        most_rows: u32,
    ) -> Result<Self, ExportError> {
        let styles = Styles {
            header: Style::new().set_bold(),
            instant: Style::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: Style::new().set_num_format("yyyy-mm-dd"),
        };
        let mut workbook = Workbook::new();
        let made_at = ExcelDateTime::from_timestamp(about.made_at.timestamp()).map_err(refused)?;
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
        let mut book = Self { workbook, sheets: Vec::new(), columns, about, styles, most_rows };
        book.sheet(book.about.platform)?;
        Ok(book)
    }

    pub fn write(&mut self, row: &Row) -> Result<(), ExportError> {
        let at = self.sheet(row.platform)?;
        let sheet = &mut self.sheets[at];
        if sheet.rows == self.most_rows {
            return Err(ExportError::TooManyRows(self.most_rows));
        }
        sheet.rows += 1;
        let number = sheet.rows;
        let worksheet = self.workbook.worksheet_from_index(at).map_err(refused)?;
        for (column, cell) in (0..).zip(&row.cells) {
            put(worksheet, &self.styles, (number, column), cell).map_err(refused)?;
        }
        Ok(())
    }

    /// Writes the workbook into `sink`.
    pub fn finish(mut self, sink: impl Write + Seek + Send) -> Result<(), ExportError> {
        let last = u16::try_from(self.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
        for (at, sheet) in self.sheets.iter().enumerate() {
            let worksheet = self.workbook.worksheet_from_index(at).map_err(refused)?;
            worksheet.autofilter(0, 0, sheet.rows, last).map_err(refused)?;
        }
        self.tell_where_from().map_err(refused)?;
        self.workbook.save_to_writer(sink).map_err(refused)
    }

    /// The number of a platform's worksheet, which is made when it is first needed.
    fn sheet(&mut self, platform: &'static str) -> Result<usize, ExportError> {
        if let Some(known) = self.sheets.iter().position(|sheet| sheet.platform == platform) {
            return Ok(known);
        }
        let worksheet = self.workbook.add_worksheet_with_constant_memory().map_err(refused)?;
        begin(worksheet, platform, self.columns, &self.styles.header).map_err(refused)?;
        self.sheets.push(Sheet { platform, rows: 0 });
        Ok(self.sheets.len() - 1)
    }

    fn tell_where_from(&mut self) -> Result<(), XlsxError> {
        let about = &self.about;
        let text = |text: &Option<String>, none: &str| Cell::Text(text.clone().unwrap_or_else(|| none.to_owned()));
        let rows: u32 = self.sheets.iter().map(|sheet| sheet.rows).sum();
        let lines = [
            ("Export", Cell::from(about.list)),
            ("Workspace", Cell::from(about.workspace.as_str())),
            ("As of (UTC)", Cell::from(about.as_of)),
            ("Generation: last commit that it shows (UTC)", Cell::some(about.generation)),
            ("Filter", text(&about.filter, "none")),
            ("Order", text(&about.order, "the list's own")),
            ("Rows", Cell::Count(rows.into())),
            ("Made at (UTC)", Cell::from(about.made_at)),
            ("Made by", Cell::from(concat!("Slategate ", env!("CARGO_PKG_VERSION")))),
        ];
        let worksheet = self.workbook.add_worksheet_with_constant_memory()?;
        worksheet.set_name(ABOUT)?.set_column_width(0, 42)?.set_column_width(1, 60)?;
        for (row, (label, cell)) in (0..).zip(&lines) {
            worksheet.write_string_with_format(row, 0, *label, &self.styles.header)?;
            put(worksheet, &self.styles, (row, 1), cell)?;
        }
        Ok(())
    }
}

fn begin(worksheet: &mut Worksheet, name: &str, columns: &[Column], header: &Style) -> Result<(), XlsxError> {
    worksheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (at, column) in (0..).zip(columns) {
        worksheet.set_column_width(at, f64::from(column.width))?;
        let zone = if column.is_instant { " (UTC)" } else { "" };
        worksheet.write_string_with_format(0, at, format!("{}{zone}", column.name), header)?;
    }
    Ok(())
}

fn put(worksheet: &mut Worksheet, styles: &Styles, (row, column): (u32, u16), cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => return Ok(()),
        Cell::Text(text) => worksheet.write_string(row, column, fitting(&printable(text)))?,
        Cell::Instant(instant) => match serial(*instant) {
            Some(serial) => worksheet.write_number_with_format(row, column, serial, &styles.instant)?,
            None => worksheet.write_string(row, column, written(*instant))?,
        },
        Cell::Date(date) => match serial(date.and_time(NaiveTime::MIN).and_utc()) {
            Some(serial) => worksheet.write_number_with_format(row, column, serial, &styles.date)?,
            None => worksheet.write_string(row, column, date.to_string())?,
        },
        Cell::Flag(flag) => worksheet.write_boolean(row, column, *flag)?,
        Cell::Count(count) => worksheet.write_number(row, column, u32::try_from(*count).unwrap_or(u32::MAX))?,
    };
    Ok(())
}

/// Days and parts of a day, as worksheets count them.
#[expect(clippy::cast_precision_loss, reason = "microseconds of these years are exact in 53 bits")]
fn serial(instant: Instant) -> Option<f64> {
    DATED.contains(&instant.year()).then(|| instant.timestamp_micros() as f64 / MICROS_A_DAY + EPOCH)
}

/// As much of it as a cell holds, with a word at the end where that is not all.
fn fitting(text: &str) -> Cow<'_, str> {
    if text.encode_utf16().count() <= LONGEST_TEXT {
        return Cow::Borrowed(text);
    }
    let room = LONGEST_TEXT - CUT.encode_utf16().count();
    let mut taken = 0;
    let kept = text.chars().take_while(|sign| {
        taken += sign.len_utf16();
        taken <= room
    });
    Cow::Owned(kept.chain(CUT.chars()).collect())
}

fn refused(error: XlsxError) -> ExportError {
    match error {
        XlsxError::IoError(error) | XlsxError::TempFileError(_, error) => ExportError::Storage(error),
        error => ExportError::Workbook(error.to_string()),
    }
}
