use std::io::{Cursor, Write as _};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use tokio_util::task::TaskTracker;

use super::csv::CsvFile;
use super::inert::inert;
use super::xlsx::Book;
use super::*;
use crate::domain::Instant;

const COLUMNS: &[Column] = &[
    Column::new("name", 20),
    Column::instant("at"),
    Column::new("on", 10),
    Column::new("flag", 6),
    Column::new("count", 6),
];

fn instant(text: &str) -> Instant {
    DateTime::parse_from_rfc3339(text).expect("is RFC 3339").to_utc()
}

fn about() -> About {
    About {
        list: "things",
        workspace: "default".to_owned(),
        as_of: instant("2026-03-01T00:00:00Z"),
        generation: Some(instant("2026-02-28T23:00:00.5Z")),
        filter: Some(r#"{"search":"=1"}"#.to_owned()),
        order: None,
        made_at: instant("2026-03-02T08:00:00Z"),
        platform: "Here",
    }
}

fn row(platform: &'static str, name: &str) -> Row {
    let on = NaiveDate::from_ymd_opt(2026, 3, 1).expect("is a date");
    let cells = vec![name.into(), instant("2026-03-01T12:00:00Z").into(), on.into(), true.into(), Cell::Count(7)];
    Row { platform, cells }
}

fn csv_of(rows: &[Row]) -> String {
    let mut file = CsvFile::new(Vec::new(), COLUMNS, &about()).expect("memory takes it");
    for row in rows {
        file.write(row).expect("memory takes it");
    }
    String::from_utf8(file.finish().expect("memory takes it")).expect("is UTF-8")
}

fn book_of(rows: &[Row]) -> Vec<u8> {
    let mut book = Book::new(COLUMNS, about()).expect("a workbook begins");
    for row in rows {
        book.write(row).expect("a row is written");
    }
    let mut bytes = Cursor::new(Vec::new());
    book.finish(&mut bytes).expect("memory takes it");
    bytes.into_inner()
}

/// Takes away the guards, as whoever reads a file by machine does.
fn unguarded(text: &str) -> String {
    let mut plain = String::new();
    let mut begins = true;
    for (at, sign) in text.char_indices() {
        let is_guard = begins && sign == '\'' && is_guarded(&text[at + 1..], at == 0);
        begins = matches!(sign, ';' | '\t' | '\n' | '\r');
        if !is_guard {
            plain.push(sign);
        }
    }
    plain
}

/// Only at the front of the whole text does a tab or a line break need a guard.
fn is_guarded(rest: &str, is_first: bool) -> bool {
    if is_first { inert(rest).starts_with('\'') } else { inert(&format!(";{rest}")).starts_with(";'") }
}

#[test]
fn an_apostrophe_that_guards_nothing_stays() {
    for text in ["\t'\t", ";'a", "'", "''=1", ";''=1"] {
        assert_eq!(unguarded(&inert(text)), text);
    }
}

#[test]
fn a_csv_file_is_rfc_4180_with_a_mark_and_says_where_each_row_is_from() {
    assert_eq!(
        csv_of(&[row("Here", "a, \"b\"")]),
        "\u{feff}name,at,on,flag,count,asOf,generation,filter\r\n\
         \"a, \"\"b\"\"\",2026-03-01T12:00:00Z,2026-03-01,true,7,2026-03-01T00:00:00Z,2026-02-28T23:00:00.500Z,\
         \"{\"\"search\"\":\"\"=1\"\"}\"\r\n"
    );
}

#[test]
fn what_could_begin_a_formula_is_guarded_wherever_a_cell_could_begin() {
    for (text, written) in [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("  =1", "'  =1"),
        ("\u{a0}\u{200b}\u{feff}=1", "'\u{a0}\u{200b}\u{feff}=1"),
        ("＝1", "'＝1"),
        ("－1", "'－1"),
        ("﹢1", "'﹢1"),
        ("\u{2212}1", "'\u{2212}1"),
        ("a;=1", "a;'=1"),
        ("a; -1; b", "a;' -1; b"),
        ("a\n@b", "a\n'@b"),
        ("'=1", "''=1"),
        ("a=b", "a=b"),
        ("a - b + c @ d", "a - b + c @ d"),
        ("it's", "it's"),
        ("", ""),
        ("a\u{0}b\u{1b}\u{ffff}", "a\u{fffd}b\u{fffd}\u{fffd}"),
    ] {
        assert_eq!(inert(text), written, "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_cell_begins_a_formula_and_every_text_can_be_read_back(
        text in "([=+@;\t\r\n '\"＝－a1,|-]|\u{200b}|\u{2212}|\\PC){0,24}"
    ) {
        let written = csv_of(&[row("Here", &text)]);
        let mut reader = ::csv::Reader::from_reader(written.trim_start_matches('\u{feff}').as_bytes());
        let rows: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("is CSV");
        prop_assert_eq!(rows.len(), 1);
        let cell = rows[0][0].to_owned();
        for part in cell.split([';', '\t', '\r', '\n']) {
            let seen = part.trim_start_matches(|sign: char| sign.is_whitespace() || "\u{200b}\u{feff}\u{ad}".contains(sign));
            prop_assert!(!seen.starts_with(['=', '+', '-', '@', '＝', '－', '\u{2212}']), "{:?}", cell);
        }
        prop_assert!(!cell.starts_with(['\t', '\r', '\n']));
        let printable = text.replace(|sign: char| sign.is_control() && !"\t\r\n".contains(sign), "\u{fffd}");
        prop_assert_eq!(unguarded(&cell), printable);
    }
}

#[test]
fn a_worksheet_that_is_full_refuses_and_names_the_other_format() {
    let mut book = Book::with_most_rows(COLUMNS, about(), 2).expect("a workbook begins");
    for platform in ["Here", "There", "Here", "There"] {
        book.write(&row(platform, "a")).expect("there is room");
    }
    let refused = book.write(&row("Here", "a")).expect_err("there is none");
    assert_eq!(refused.to_string(), "a worksheet holds at most 2 rows: narrow the filter, or ask for CSV");
}

#[test]
fn the_same_rows_make_the_same_workbook() {
    let rows = [row("Here", "a"), row("There", "=b"), row("Here", "c")];
    assert_eq!(book_of(&rows), book_of(&rows));
}

#[test]
fn a_file_is_called_after_its_list_and_instant() {
    assert_eq!(about().file_name(Format::Xlsx), "slategate-things-2026-03-01T00-00-00Z.xlsx");
}

#[tokio::test]
async fn a_spool_ends_as_a_whole_file() {
    use std::io::Read as _;
    let tasks = TaskTracker::new();
    for format in Format::ALL {
        let spool = Spool::begin(&tasks, format, COLUMNS, about());
        assert!(spool.put(vec![row("Here", "a"), row("Here", "b")]).await);
        assert!(spool.put(vec![row("There", "c")]).await);
        let mut exported = spool.finish().await.expect("there is room");
        let mut bytes = Vec::new();
        exported.file.read_to_end(&mut bytes).expect("can be read");
        assert_eq!((exported.bytes, exported.rows, exported.format), (bytes.len() as u64, 3, format));
        let expected = [row("Here", "a"), row("Here", "b"), row("There", "c")];
        assert_eq!(bytes, if format == Format::Csv { csv_of(&expected).into_bytes() } else { book_of(&expected) });
    }
}

#[tokio::test]
async fn a_spool_that_is_dropped_ends_its_thread() {
    let tasks = TaskTracker::new();
    for format in Format::ALL {
        let spool = Spool::begin(&tasks, format, COLUMNS, about());
        assert!(spool.put(vec![row("Here", "a")]).await);
    }
    tasks.close();
    tasks.wait().await;
}

#[test]
fn a_file_stops_at_its_largest_size_and_when_nobody_waits() {
    let watch = Arc::new(spool::Watch::default());
    let file = tempfile::tempfile().expect("there is room");
    let mut sink = spool::Watched { file, watch: Arc::clone(&watch), bytes: 0, most: 4 };
    sink.write_all(b"1234").expect("fits");
    assert!(!watch.is_full());
    sink.write_all(b"5").expect_err("is one too many");
    assert!(watch.is_full());

    let watch = Arc::new(spool::Watch::default());
    let file = tempfile::tempfile().expect("there is room");
    let mut sink = spool::Watched { file, watch: Arc::clone(&watch), bytes: 0, most: 4 };
    drop(spool::GivesUp(watch));
    sink.write_all(b"1").expect_err("nobody waits");
}
