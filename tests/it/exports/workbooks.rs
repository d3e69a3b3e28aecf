//! Excel workbooks, as somebody else's reader finds them.

use calamine::{Data, DataType as _};
use chrono::{NaiveDateTime, SecondsFormat, TimeDelta};
use serde_json::json;

use super::{Desk, Row};
use crate::on_both_databases;
use crate::support::World;

const LISTS: [&str; 3] = ["accounts", "assets", "control-results"];

fn written(at: NaiveDateTime) -> String {
    at.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A worksheet's instants are parts of a day, and not exact to the microsecond.
fn to_the_second(text: &str) -> String {
    text.get(..19).map(|text| format!("{text}Z")).unwrap_or_default()
}

/// What a cell says, as CSV would; and whether it is an instant.
fn said(cell: &Data) -> (String, bool) {
    match cell {
        Data::Empty => (String::new(), false),
        Data::String(text) => (text.clone(), false),
        Data::Bool(flag) => (flag.to_string(), false),
        Data::DateTime(_) => (written(cell.as_datetime().unwrap()), true),
        other => panic!("{other:?}"),
    }
}

on_both_databases! {
    async fn a_workbook_holds_the_cells_of_the_csv_file_and_its_dates_are_dates(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        for list in LISTS {
            let rows = desk.csv(list, &[]).await;
            let book = desk.book(list, &[]).await;
            let sheet = book.sheet("MongoDB Atlas");
            let mut lines = sheet.rows();
            let titles: Vec<String> = lines.next().unwrap().iter().map(ToString::to_string).collect();
            let mut instants = 0;
            let found: Vec<Row> = lines
                .map(|line| {
                    let cells = titles.iter().zip(line).map(|(title, cell)| {
                        let (text, is_instant) = said(cell);
                        instants += usize::from(is_instant);
                        assert!(text.is_empty() || is_instant == title.ends_with(" (UTC)"), "{title}: {text}");
                        let text = if is_instant { to_the_second(&text) } else { text };
                        (title.trim_end_matches(" (UTC)").to_owned(), text)
                    });
                    cells.collect()
                })
                .collect();
            let expected: Vec<Row> = rows
                .into_iter()
                .map(|mut row| {
                    for name in ["asOf", "generation", "filter"] {
                        row.remove(name);
                    }
                    for (_, text) in row.iter_mut().filter(|(name, _)| titles.contains(&format!("{name} (UTC)"))) {
                        *text = to_the_second(text);
                    }
                    row
                })
                .collect();
            assert_eq!(found, expected, "{list}");
            assert!(instants > 20, "{list}");
        }
    }

    async fn it_says_where_it_comes_from(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        world.clock.advance(TimeDelta::minutes(5));
        let filter = json!({ "kind": ["USER"] }).to_string();
        let order = json!({ "field": "LOGIN", "direction": "DESC" }).to_string();
        let parameters = [("filter", filter.as_str()), ("orderBy", &order), ("asOf", &world.now())];
        let as_of = world.now();
        world.clock.advance(TimeDelta::minutes(5));
        let book = desk.book("accounts", &parameters).await;
        assert_eq!(book.sheets(), ["MongoDB Atlas", "About"]);
        let about = book.about();
        let rows = desk.csv("accounts", &parameters).await;
        assert_eq!(about["Export"], Data::String("accounts".to_owned()));
        assert_eq!(about["Workspace"], Data::String("default".to_owned()));
        assert_eq!(written(about["As of (UTC)"].as_datetime().unwrap()), as_of);
        let generation = written(about["Generation: last commit that it shows (UTC)"].as_datetime().unwrap());
        assert_eq!(generation, rows[0]["generation"]);
        assert_eq!(about["Filter"], Data::String(filter.clone()));
        assert_eq!(about["Order"], Data::String(order.clone()));
        assert_eq!(about["Rows"].as_f64(), Some(f64::from(u32::try_from(rows.len()).unwrap())));
        assert_eq!(written(about["Made at (UTC)"].as_datetime().unwrap()), world.now());
        let whole = desk.book("accounts", &[]).await.about();
        assert_eq!(whole["Filter"], Data::String("none".to_owned()));
    }

    async fn its_header_stands_still_and_can_be_filtered_by(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let book = desk.book("assets", &[]).await;
        let sheet = book.part("xl/worksheets/sheet1.xml");
        assert!(sheet.contains(r#"<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>"#));
        let rows = desk.csv("assets", &[]).await.len();
        assert!(sheet.contains(&format!("<autoFilter ref=\"A1:AI{}\"", rows + 1)), "{rows}");
        assert!(book.part("xl/styles.xml").contains("<b/>"));
        let empty = desk.book("assets", &[("filter", r#"{"search":"no such thing"}"#)]).await;
        assert_eq!(empty.sheets(), ["MongoDB Atlas", "About"]);
        assert_eq!(empty.sheet("MongoDB Atlas").height(), 1);
    }
}
