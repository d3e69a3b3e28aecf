//! Lists: page after page, numbered by us, until no `next` link is left.
//!
//! The address in a `next` link is never followed, so no answer decides where a signed request goes.

use std::collections::HashSet;

use serde_json::Value;

use super::client::Client;
use super::endpoint::Endpoint;
use super::error::AtlasError;

/// A list that has not ended by then never will.
const MOST_PAGES: u32 = 10_000;

/// What was read of a list: all of it, or the rows before a failure.
#[derive(Debug)]
pub struct Listing {
    /// Each once, in the order of Atlas.
    pub rows: Vec<Value>,
    /// None when the list was read to the end.
    pub failure: Option<AtlasError>,
}

impl Client {
    /// Reads a list to its end, or as far as it goes.
    pub async fn list(&self, endpoint: &Endpoint) -> Listing {
        let mut reading = Reading::default();
        for number in 1..=MOST_PAGES {
            let step = match self.read(endpoint, Some(number)).await {
                Ok(body) => reading.add(body, endpoint.row_id()),
                Err(error) => Err(error),
            };
            match step {
                Ok(true) => {}
                Ok(false) => return Listing { rows: reading.rows, failure: None },
                Err(error) => return Listing { rows: reading.rows, failure: Some(error) },
            }
        }
        Listing { rows: reading.rows, failure: Some(AtlasError::unexpected("a list without an end")) }
    }
}

#[derive(Default)]
struct Reading {
    rows: Vec<Value>,
    ids: HashSet<String>,
    first_ids: HashSet<String>,
}

impl Reading {
    /// Adds the new rows of a page and says whether another page follows.
    fn add(&mut self, mut body: Value, row_id: &str) -> Result<bool, AtlasError> {
        let Some(Value::Array(rows)) = body.get_mut("results").map(Value::take) else {
            return Err(AtlasError::unexpected("a list without results"));
        };
        let id_of = |row: &Value| row.get(row_id).and_then(Value::as_str).map(str::to_owned);
        if let Some(first) = rows.first().and_then(id_of)
            && !self.first_ids.insert(first)
        {
            return Err(AtlasError::unexpected("a page that was served before"));
        }
        let known = self.rows.len();
        for row in rows {
            if id_of(&row).is_none_or(|id| self.ids.insert(id)) {
                self.rows.push(row);
            }
        }
        let more = has_next(&body);
        if more && self.rows.len() == known {
            return Err(AtlasError::unexpected("a page with nothing new before the end of the list"));
        }
        Ok(more)
    }
}

fn has_next(body: &Value) -> bool {
    body["links"].as_array().is_some_and(|links| links.iter().any(|link| link["rel"] == "next"))
}
