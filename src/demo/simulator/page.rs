//! Query parameters and paged lists, with Atlas's bounds and links.
//!
//! The links name Atlas's own host on purpose: whoever follows them instead of counting pages goes astray.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::Refused;

const HOST: &str = "https://cloud.mongodb.com";
const MOST_PER_PAGE: usize = 500;

/// The parsed query of one request.
#[derive(Debug)]
pub struct Query {
    path: String,
    pairs: Vec<(String, String)>,
    page: usize,
    per_page: usize,
    count: bool,
    pub envelope: bool,
}

impl Query {
    pub fn parse(path: &str, query: Option<&str>) -> Result<Self, Refused> {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        let mut parsed = Self { path: path.to_owned(), pairs, page: 1, per_page: 100, count: true, envelope: false };
        parsed.page = parsed.number("pageNum", 1, usize::MAX)?.unwrap_or(1);
        parsed.per_page = parsed.number("itemsPerPage", 1, MOST_PER_PAGE)?.unwrap_or(100);
        parsed.count = parsed.flag("includeCount")?.unwrap_or(true);
        parsed.envelope = parsed.flag("envelope")?.unwrap_or(false);
        parsed.flag("pretty")?;
        Ok(parsed)
    }

    /// Every value of a repeatable parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        match self.all(name).next() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(Refused::invalid(name, format!("{name} must be true or false, not {other}."))),
        }
    }

    fn number(&self, name: &str, least: usize, most: usize) -> Result<Option<usize>, Refused> {
        let Some(text) = self.all(name).next() else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| Refused::invalid(name, format!("{name} {text} is out of bounds.")))
    }

    /// The asked page of these rows. `counts` says whether the list knows `includeCount`.
    pub fn list(&self, rows: &[Value], counts: bool) -> Value {
        let start = (self.page - 1).saturating_mul(self.per_page).min(rows.len());
        let end = start.saturating_add(self.per_page).min(rows.len());
        let mut links = vec![self.link("self", self.page)];
        if end < rows.len() {
            links.push(self.link("next", self.page + 1));
        }
        if self.page > 1 {
            links.push(self.link("previous", self.page - 1));
        }
        let mut body = json!({ "links": links, "results": rows[start..end] });
        if self.count || !counts {
            body["totalCount"] = json!(rows.len());
        }
        body
    }

    fn link(&self, relation: &str, page: usize) -> Value {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let paging = ["pageNum", "itemsPerPage"];
        query.extend_pairs(self.pairs.iter().filter(|(key, _)| !paging.contains(&key.as_str())));
        query.append_pair("itemsPerPage", &self.per_page.to_string()).append_pair("pageNum", &page.to_string());
        json!({ "href": format!("{HOST}{}?{}", self.path, query.finish()), "rel": relation })
    }
}

/// The `links` of a single object below [`super::endpoint::ROOT`].
pub fn self_link(path: &str) -> Value {
    json!([{ "href": format!("{HOST}{}{path}", super::endpoint::ROOT), "rel": "self" }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relations(body: &Value) -> Vec<&str> {
        body["links"].as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect()
    }

    #[test]
    fn links_lead_to_the_neighbours_that_exist() {
        let rows: Vec<Value> = (0..5).map(Value::from).collect();
        let page = |number: u32| {
            let query = format!("itemsPerPage=2&pageNum={number}&name=a%26b");
            Query::parse("/api/atlas/v2/orgs", Some(&query)).unwrap().list(&rows, true)
        };
        assert_eq!(relations(&page(1)), ["self", "next"]);
        assert_eq!(relations(&page(2)), ["self", "next", "previous"]);
        assert_eq!(relations(&page(3)), ["self", "previous"]);
        assert_eq!(page(3)["results"], json!([4]));
        assert_eq!(page(9)["results"], json!([]));
        assert_eq!(
            page(1)["links"][1]["href"],
            "https://cloud.mongodb.com/api/atlas/v2/orgs?name=a%26b&itemsPerPage=2&pageNum=2"
        );
    }

    #[test]
    fn the_count_can_be_left_out_only_where_the_list_knows_it() {
        let query = Query::parse("/x", Some("includeCount=false")).unwrap();
        assert_eq!(query.list(&[], true).get("totalCount"), None);
        assert_eq!(query.list(&[], false)["totalCount"], 0);
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        for bad in ["pageNum=0", "pageNum=-1", "itemsPerPage=0", "itemsPerPage=501", "itemsPerPage=x", "includeCount=1"]
        {
            assert!(Query::parse("/x", Some(bad)).is_err(), "{bad}");
        }
        assert!(Query::parse("/x", Some("pageNum=7&itemsPerPage=500")).is_ok());
    }
}
