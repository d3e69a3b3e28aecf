//! Lists of users: which ones, how many, from where on (RFC 7644, section 3.4.2).

use serde_json::{Value, json};
use url::form_urlencoded;

use super::document::take;
use super::error::ScimError;
use super::filter::Filter;
use super::projection::Projection;
use super::user::User;

/// Users in one answer.
pub const MOST: u64 = 200;
/// The same where the client does not say.
const USUAL: u64 = 100;

#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    pub filter: Option<Filter>,
    /// The number of the first, from 1.
    pub start: u64,
    /// 0: only how many there are.
    pub count: u64,
}

/// A page of users.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub users: Vec<User>,
    pub total: u64,
    pub start: u64,
}

impl Default for ListRequest {
    fn default() -> Self {
        Self { filter: None, start: 1, count: USUAL }
    }
}

impl ListRequest {
    /// Reads the query string of a GET.
    pub fn from_query(query: &str) -> Result<Self, ScimError> {
        let mut request = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "filter" => request.filter = Some(Filter::parse(&value)?),
                "startIndex" => request.starts_at(&json_number(&value))?,
                "count" => request.counts(&json_number(&value))?,
                _ => {}
            }
        }
        Ok(request)
    }

    /// Reads the body of a POST to `/.search`.
    pub fn from_search(body: Value) -> Result<(Self, Projection), ScimError> {
        let Value::Object(mut body) = body else { return Err(ScimError::syntax("A search is a JSON object.")) };
        let mut request = Self::default();
        match take(&mut body, "filter") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => request.filter = Some(Filter::parse(&text)?),
            Some(_) => return Err(ScimError::value("`filter` is a text.")),
        }
        if let Some(start) = take(&mut body, "startIndex").filter(|value| !value.is_null()) {
            request.starts_at(&start)?;
        }
        if let Some(count) = take(&mut body, "count").filter(|value| !value.is_null()) {
            request.counts(&count)?;
        }
        let [attributes, excluded] = ["attributes", "excludedAttributes"].map(|name| take(&mut body, name));
        Ok((request, Projection::from_lists(&texts(attributes)?, &texts(excluded)?)))
    }

    /// Below 1 means 1.
    fn starts_at(&mut self, value: &Value) -> Result<(), ScimError> {
        self.start = number("startIndex", value)?.max(1);
        Ok(())
    }

    /// Below 0 means 0.
    fn counts(&mut self, value: &Value) -> Result<(), ScimError> {
        self.count = number("count", value)?.min(MOST);
        Ok(())
    }
}

impl Found {
    pub fn written(&self, projection: &Projection) -> Value {
        let users: Vec<Value> = self.users.iter().map(|user| projection.of(user.written())).collect();
        list(&users, self.total, self.start)
    }
}

/// A list in the protocol's shape.
pub fn list(resources: &[Value], total: u64, start: u64) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn json_number(text: &str) -> Value {
    text.trim().parse::<i64>().map_or(Value::Null, Value::from)
}

fn number(name: &str, value: &Value) -> Result<u64, ScimError> {
    let number = value.as_i64().ok_or_else(|| ScimError::value(format!("`{name}` is a whole number.")))?;
    Ok(u64::try_from(number).unwrap_or(0))
}

fn texts(value: Option<Value>) -> Result<Vec<String>, ScimError> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => serde_json::from_value(value)
            .map_err(|_| ScimError::value("`attributes` and `excludedAttributes` are lists of texts.")),
    }
}
