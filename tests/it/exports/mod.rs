//! Lists as files: what is in them, what may not happen to whoever opens them, and who may have them.

mod agreement;
mod doors;
mod guarded;
mod large;
mod reviews;
mod workbooks;

use std::collections::BTreeMap;

use calamine::{Data, Range, Reader as _, Xlsx};
use slategate::store::views::Role;

use crate::support::{Served, World};

/// A row by the names of its columns.
type Row = BTreeMap<String, String>;

/// A gateway, and somebody who may read.
struct Desk {
    served: Served,
    token: String,
}

/// What came back, read to its end.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    bytes: Vec<u8>,
}

impl Desk {
    async fn of(world: &World) -> Self {
        Self { served: world.serve().await, token: world.token(world.workspace, Role::Viewer).await }
    }

    fn request(&self, name: &str, parameters: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let url = format!("http://{}/exports/{name}", self.served.address);
        self.served.client.get(url).query(parameters).bearer_auth(&self.token)
    }

    async fn ask(&self, name: &str, parameters: &[(&str, &str)]) -> Answer {
        Answer::to(self.request(name, parameters)).await
    }

    async fn csv(&self, name: &str, parameters: &[(&str, &str)]) -> Vec<Row> {
        self.ask(&format!("{name}.csv"), parameters).await.rows()
    }

    async fn book(&self, name: &str, parameters: &[(&str, &str)]) -> Book {
        let answer = self.ask(&format!("{name}.xlsx"), parameters).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Book(answer.bytes)
    }
}

impl Answer {
    async fn to(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The code and the message of the one error.
    fn refusal(&self) -> (u16, String, String) {
        let answer: serde_json::Value = serde_json::from_slice(&self.bytes).unwrap();
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["requestId"], self.header("x-request-id"), "{answer}");
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (self.status, text(&error["extensions"]["code"]), text(&error["message"]))
    }

    /// The rows of a CSV file, which is well made.
    fn rows(&self) -> Vec<Row> {
        assert_eq!(self.status, 200, "{}", self.text());
        let text = std::str::from_utf8(&self.bytes).unwrap().strip_prefix('\u{feff}').unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().unwrap().clone();
        let rows: Vec<Row> = reader
            .records()
            .map(|record| names.iter().zip(record.unwrap().iter()).map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
            .collect();
        assert_eq!(text.matches("\r\n").count(), rows.len() + 1);
        rows
    }
}

/// An Excel workbook.
struct Book(Vec<u8>);

impl Book {
    fn open(&self) -> Xlsx<std::io::Cursor<&[u8]>> {
        Xlsx::new(std::io::Cursor::new(self.0.as_slice())).unwrap()
    }

    fn sheets(&self) -> Vec<String> {
        self.open().sheet_names()
    }

    fn sheet(&self, name: &str) -> Range<Data> {
        self.open().worksheet_range(name).unwrap()
    }

    /// What the worksheet says where it comes from.
    fn about(&self) -> BTreeMap<String, Data> {
        self.sheet("About").rows().map(|row| (row[0].to_string(), row[1].clone())).collect()
    }

    /// A file inside.
    fn part(&self, name: &str) -> String {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(self.0.as_slice())).unwrap();
        std::io::read_to_string(archive.by_name(name).unwrap()).unwrap()
    }
}
