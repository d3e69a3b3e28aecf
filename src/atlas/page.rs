//! Lists: page after page, numbered by us, until no `next` link is left.
//!
//! The address in a `next` link is never followed, so no answer decides where a signed request goes.

use std::collections::HashSet;

use serde_json::Value;

use super::client::{Body, Client};
use super::endpoint::Endpoint;
use super::error::AtlasError;

/// A list that has not ended by then never will.
const MOST_PAGES: u32 = 1_000;

/// How much of one list is read, over all its pages.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How often a list that changed while it was read is read at most.
const MOST_READS: u32 = 3;

/// What was read of a list: all of it, or the rows before a failure.
#[derive(Debug)]
pub struct Listing<T> {
    /// Each once, in the order of Atlas.
    pub rows: Vec<T>,
    /// None when the list was read to the end.
    pub failure: Option<AtlasError>,
}

impl Client {
    /// Reads a list to its end, or as far as it goes, and keeps of each row what `keep` makes of it. Pages that do not
    /// fit together are read again, and so is a page that says that there are more rows than it has.
    pub async fn list<T>(&self, endpoint: &Endpoint, keep: impl Fn(&Value) -> T) -> Listing<T> {
        let mut before: Option<Reading<T>> = None;
        for reads in 1..=MOST_READS {
            let mut reading = Reading::default();
            if let Err(error) = self.pages(endpoint, &mut reading, &keep).await {
                return Listing { rows: reading.rows, failure: Some(error) };
            }
            if reading.fits_together() || before.is_some_and(|before| before.agrees_with(&reading)) {
                return Listing { rows: reading.rows, failure: None };
            }
            tracing::debug!(list = ?endpoint.kind(), reads, "atlas list changed while it was read");
            if reads < MOST_READS {
                self.note_retry("unstable_list");
            }
            before = Some(reading);
        }
        let rows = before.map_or_else(Vec::new, |reading| reading.rows);
        Listing { rows, failure: Some(AtlasError::UnstableList) }
    }

    async fn pages<T>(
        &self,
        endpoint: &Endpoint,
        reading: &mut Reading<T>,
        keep: impl Fn(&Value) -> T,
    ) -> Result<(), AtlasError> {
        for number in 1..=MOST_PAGES {
            let body = self.read(endpoint, Some(number)).await?;
            if !reading.add(body, endpoint.row_id(), &keep)? {
                return Ok(());
            }
        }
        Err(AtlasError::unexpected("a list without an end"))
    }
}

struct Reading<T> {
    rows: Vec<T>,
    ids: HashSet<String>,
    first_ids: HashSet<String>,
    pages: u32,
    bytes: usize,
    /// What each page said that the list has. Pages may leave it out.
    totals: HashSet<u64>,
}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            ids: HashSet::new(),
            first_ids: HashSet::new(),
            pages: 0,
            bytes: 0,
            totals: HashSet::new(),
        }
    }
}

impl<T> Reading<T> {
    /// Adds the new rows of a page and says whether another page follows.
    fn add(
        &mut self,
        Body { mut value, bytes }: Body,
        row_id: &str,
        keep: impl Fn(&Value) -> T,
    ) -> Result<bool, AtlasError> {
        self.pages += 1;
        self.bytes += bytes;
        if self.bytes > MOST_BYTES {
            return Err(AtlasError::unexpected("a list of more than 64 MiB"));
        }
        let Some(Value::Array(rows)) = value.get_mut("results").map(Value::take) else {
            return Err(AtlasError::unexpected("a list without results"));
        };
        self.totals.extend(value["totalCount"].as_u64());
        let id_of = |row: &Value| row.get(row_id).and_then(Value::as_str).map(str::to_owned);
        if let Some(first) = rows.first().and_then(id_of)
            && !self.first_ids.insert(first)
        {
            return Err(AtlasError::unexpected("a page that was served before"));
        }
        let known = self.rows.len();
        for row in rows {
            if id_of(&row).is_none_or(|id| self.ids.insert(id)) {
                self.rows.push(keep(&row));
            }
        }
        let more = has_next(&value)?;
        if more && self.rows.len() == known {
            return Err(AtlasError::unexpected("a page with nothing new before the end of the list"));
        }
        Ok(more)
    }

    /// Nothing slid between two pages, as far as the counts tell, and no page says that it lacks rows.
    fn fits_together(&self) -> bool {
        let rows = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        let fits = |total: &u64| if self.pages < 2 { *total <= rows } else { *total == rows };
        self.totals.iter().all(fits)
    }

    /// A page that shows the same rows twice is a whole by itself: the count is an estimate, says Atlas.
    fn agrees_with(&self, after: &Self) -> bool {
        self.pages < 2 && after.pages < 2 && self.rows.len() == after.rows.len() && self.ids == after.ids
    }
}

fn has_next(body: &Value) -> Result<bool, AtlasError> {
    match &body["links"] {
        Value::Null => Ok(false),
        Value::Array(links) => Ok(links.iter().any(|link| link["rel"] == "next")),
        _ => Err(AtlasError::unexpected("a list whose links are no list")),
    }
}

#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(pages: impl Iterator<Item = Value>) {
    let mut reading = Reading::default();
    for value in pages.take(MOST_PAGES as usize) {
        if !matches!(reading.add(Body { value, bytes: 1 }, "id", Value::clone), Ok(true)) {
            break;
        }
    }
    let ids: Vec<&str> = reading.rows.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "an id is kept twice");
    assert!(reading.pages < 2 || !reading.fits_together() || reading.totals.len() < 2);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// A page whose parts are right, left out, or of another type.
    fn page() -> impl Strategy<Value = Value> {
        let id = prop_oneof![4 => "[a-d]".prop_map(Value::from), 1 => Just(Value::Null), 1 => any::<i64>().prop_map(Value::from)];
        let row = prop_oneof![6 => id.prop_map(|id| json!({ "id": id })), 1 => Just(json!([])), 1 => Just(json!("a"))];
        let rows = prop::collection::vec(row, 0..6).prop_map(Value::from);
        let results = prop_oneof![9 => rows, 1 => Just(json!({})), 1 => Just(Value::Null)];
        let links = prop::sample::select(vec![json!([{ "rel": "next" }]), json!([]), json!("next"), json!([null, 7])]);
        let total = prop::sample::select(vec![json!(4), json!(-1), json!("4"), Value::Null]);
        (results, links, total)
            .prop_map(|(results, links, total)| json!({ "results": results, "links": links, "totalCount": total }))
    }

    proptest! {
        #[test]
        fn no_pages_break_the_reader_and_no_id_is_kept_twice(pages in prop::collection::vec(page(), 0..12)) {
            fuzz(pages.into_iter());
        }
    }
}
