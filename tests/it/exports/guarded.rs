//! Names that somebody chose to be more than names, on their way into a spreadsheet.

use calamine::Data;
use serde_json::json;
use slategate::demo::{self, keys::READER};

use super::Desk;
use crate::on_both_databases;
use crate::support::{Setting, World};

const RUNS: &str = "=cmd|' /C calc'!A0";
const LINKS: &str = "@SUM(1);=HYPERLINK(\"http://evil.example\",\"click\")";
const MARKUP: &str = "+<b>&\"]]>_x003D_";

on_both_databases! {
    async fn no_name_becomes_a_formula_a_link_or_markup(database) {
        let mut estate = demo::organizations();
        let own = estate.iter_mut().find(|own| own.name == READER.organization).unwrap();
        own.users[0]["username"] = json!(RUNS);
        own.users[0]["firstName"] = json!(LINKS);
        own.users[0]["lastName"] = json!("");
        own.projects[0].clusters[0]["name"] = json!(MARKUP);
        own.projects[0].clusters[0]["tags"] = json!([{ "key": "description", "value": RUNS }, { "key": "=k", "value": "v" }]);
        let world = World::synced_with(&database, READER.public, Setting { estate: Some(estate), ..Setting::default() }).await;
        let desk = Desk::of(&world).await;

        let accounts = desk.csv("accounts", &[]).await;
        let account = accounts.iter().find(|row| row["login"].contains("cmd")).unwrap();
        assert_eq!(account["login"], format!("'{RUNS}"));
        assert_eq!(account["displayName"], "'@SUM(1);'=HYPERLINK(\"http://evil.example\",\"click\")");
        let assets = desk.csv("assets", &[]).await;
        let asset = assets.iter().find(|row| row["name"].contains("<b>")).unwrap();
        assert_eq!(asset["name"], format!("'{MARKUP}"));
        assert_eq!(asset["description"], format!("'{RUNS}"));
        assert!(asset["tags"].contains("; '=k=v") || asset["tags"].starts_with("'=k=v"), "{}", asset["tags"]);
        for row in accounts.iter().chain(&assets) {
            for (column, cell) in row {
                assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{column}: {cell}");
            }
        }

        for (list, expected) in [("accounts", [RUNS, LINKS]), ("assets", [MARKUP, RUNS])] {
            let book = desk.book(list, &[]).await;
            let sheet = book.sheet("MongoDB Atlas");
            let texts: Vec<&str> = sheet.cells().filter_map(|(_, _, cell)| match cell {
                Data::String(text) => Some(text.as_str()),
                _ => None,
            }).collect();
            // As they are: a workbook keeps text apart from formulas.
            assert!(expected.iter().all(|text| texts.contains(text)), "{list}");
            for part in ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"] {
                let xml = book.part(part);
                assert!(!xml.contains("<f>") && !xml.contains("<f ") && !xml.contains("<hyperlink"), "{list} {part}");
            }
        }
    }
}
