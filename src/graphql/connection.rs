//! Relay connections: windows, cursors and pages, written once for every list.

use async_graphql::SimpleObject;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::error::ApiError;
use crate::store::read::page::{Cursor, Slice, SortKey, Window};

/// The most items that one page can have.
pub const LARGEST_PAGE: u64 = 500;
const DEFAULT_PAGE: u64 = 50;

/// Where a page stands in its list.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PageInfo {
    /// Whether more items follow this page. Exact when paging forward; when paging backward, whether `before` was given.
    pub has_next_page: bool,
    /// Whether more items precede this page. Exact when paging backward; when paging forward, whether `after` was given.
    pub has_previous_page: bool,
    /// The cursor of the page's first item: pass it as `before` to page backward. Null when the page is empty.
    pub start_cursor: Option<String>,
    /// The cursor of the page's last item: pass it as `after` to page forward. Null when the page is empty.
    pub end_cursor: Option<String>,
}

/// The paging arguments of a list, as sent.
#[derive(Debug, Default)]
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// A list and its order; a cursor is good for one of them only.
#[derive(Debug, Clone, Copy)]
pub struct List {
    pub name: &'static str,
    pub order: &'static str,
}

impl PageArgs {
    pub fn window(&self, list: List) -> Result<Window, ApiError> {
        let (count, backward) = match (self.first, self.last) {
            (Some(_), Some(_)) => {
                return Err(ApiError::BadInput(format!(
                    "give `first` or `last`, not both; each is at most {LARGEST_PAGE}"
                )));
            }
            (None, Some(from_end)) => (Some(from_end), true),
            (from_start, None) => (from_start, false),
        };
        Ok(Window {
            limit: count.map_or(Ok(DEFAULT_PAGE), |count| page_size(count, backward))?,
            backward,
            after: self.after.as_deref().map(|cursor| list.decode(cursor, "after")).transpose()?,
            before: self.before.as_deref().map(|cursor| list.decode(cursor, "before")).transpose()?,
        })
    }
}

fn page_size(count: i32, backward: bool) -> Result<u64, ApiError> {
    let argument = if backward { "last" } else { "first" };
    u64::try_from(count)
        .ok()
        .filter(|count| *count <= LARGEST_PAGE)
        .ok_or_else(|| ApiError::BadInput(format!("`{argument}` must be between 0 and {LARGEST_PAGE}, not {count}")))
}

impl List {
    fn encode(self, cursor: &Cursor) -> String {
        let key = match &cursor.key {
            SortKey::Id => Value::Null,
            SortKey::Number(number) => Value::from(*number),
            SortKey::Text(text) => Value::from(text.as_str()),
        };
        let parts = Value::from(vec![self.name.into(), self.order.into(), key, cursor.id.into()]);
        URL_SAFE_NO_PAD.encode(parts.to_string())
    }

    fn decode(self, cursor: &str, argument: &str) -> Result<Cursor, ApiError> {
        self.read(cursor)
            .ok_or_else(|| ApiError::BadInput(format!("`{argument}` is not a cursor of this list and order")))
    }

    fn read(self, cursor: &str) -> Option<Cursor> {
        let (name, order, key, id): (String, String, Value, i64) =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        if name != self.name || order != self.order {
            return None;
        }
        let key = match key {
            Value::Null => SortKey::Id,
            Value::Number(number) => SortKey::Number(number.as_i64()?),
            Value::String(text) => SortKey::Text(text),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        self.is_ordered_by(&key).then_some(Cursor { key, id })
    }

    /// A cursor that is understood says the same when it is written again.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn fuzz(self, cursor: &str) {
        if let Some(read) = self.read(cursor) {
            assert_eq!(self.read(&self.encode(&read)), Some(read), "{cursor}");
        }
    }

    /// Instants are kept as numbers; a list without an order goes by id.
    fn is_ordered_by(self, key: &SortKey) -> bool {
        match key {
            SortKey::Id => self.order.is_empty(),
            SortKey::Number(_) => self.order.contains("_AT "),
            SortKey::Text(_) => !self.order.is_empty() && !self.order.contains("_AT "),
        }
    }
}

/// A count of a whole list, under way.
pub type Counting = BoxFuture<'static, Result<u64, ApiError>>;

/// Counts the whole list, if anybody asks.
type Count = Box<dyn Fn() -> Counting + Send + Sync>;

/// A page of a list.
pub struct Page<E> {
    pub edges: Vec<E>,
    pub info: PageInfo,
    count: Count,
}

/// An item with its cursor, as each connection's edge type is made.
pub trait Edge {
    type Node;

    fn new(node: Self::Node, cursor: String) -> Self;
}

impl<E: Edge> Page<E> {
    pub fn new<V>(
        list: List,
        window: &Window,
        slice: Slice<V>,
        node: impl Fn(V) -> E::Node,
        count: impl Fn() -> Counting + Send + Sync + 'static,
    ) -> Self {
        let cursor_of = |row: Option<&(V, Cursor)>| row.map(|(_, cursor)| list.encode(cursor));
        let (more, beyond) = (slice.has_more, if window.backward { &window.before } else { &window.after }.is_some());
        let info = PageInfo {
            has_next_page: if window.backward { beyond } else { more },
            has_previous_page: if window.backward { more } else { beyond },
            start_cursor: cursor_of(slice.rows.first()),
            end_cursor: cursor_of(slice.rows.last()),
        };
        let edges = slice.rows.into_iter().map(|(view, cursor)| E::new(node(view), list.encode(&cursor))).collect();
        Self { edges, info, count: Box::new(count) }
    }

    pub async fn total_count(&self) -> Result<u64, ApiError> {
        (self.count)().await
    }
}

/// Defines a connection and its edge.
macro_rules! connection {
    (
        $(#[doc = $about:literal])+ $connection:ident,
        $(#[doc = $edge_about:literal])+ $edge:ident,
        $node:ty
    ) => {
        pub struct $connection(pub $crate::graphql::connection::Page<$edge>);

        $(#[doc = $about])+
        #[async_graphql::Object]
        impl $connection {
            /// The items of this page, each with its cursor.
            async fn edges(&self) -> &[$edge] {
                &self.0.edges
            }

            /// The items of this page, without their cursors.
            async fn nodes(&self) -> Vec<&$node> {
                self.0.edges.iter().map(|edge| &edge.node).collect()
            }

            /// Where this page stands in the list.
            async fn page_info(&self) -> &$crate::graphql::connection::PageInfo {
                &self.0.info
            }

            /// How many items the whole list has under the same filter. Counted only when it is asked for.
            async fn total_count(&self) -> Result<i32, $crate::graphql::error::ApiError> {
                Ok($crate::graphql::scalars::int(self.0.total_count().await?))
            }
        }

        $(#[doc = $edge_about])+
        #[derive(async_graphql::SimpleObject)]
        pub struct $edge {
            /// The item.
            node: $node,
            /// Where the item stands in its list: pass it as `after` or `before`. Good for this list and order only.
            cursor: String,
        }

        impl $crate::graphql::connection::Edge for $edge {
            type Node = $node;

            fn new(node: $node, cursor: String) -> Self {
                Self { node, cursor }
            }
        }
    };
}
pub(super) use connection;

#[cfg(test)]
mod tests {
    use super::*;

    const BY_NAME: List = List { name: "assets", order: "NAME ASC" };
    const BY_AGE: List = List { name: "assets", order: "CREATED_AT ASC" };

    fn refusal(args: &PageArgs) -> String {
        match args.window(BY_NAME) {
            Err(ApiError::BadInput(message)) => message,
            other => panic!("not refused as bad input: {other:?}"),
        }
    }

    #[test]
    fn without_arguments_a_page_is_the_first_fifty() {
        let window = PageArgs::default().window(BY_NAME).expect("nothing is wrong");

        assert_eq!((window.limit, window.backward, window.after), (50, false, None));
    }

    #[test]
    fn sizes_beyond_the_limit_are_refused_with_the_limit() {
        let sized = |first, last| PageArgs { first, last, ..PageArgs::default() };

        assert_eq!(refusal(&sized(Some(501), None)), "`first` must be between 0 and 500, not 501");
        assert_eq!(refusal(&sized(None, Some(-1))), "`last` must be between 0 and 500, not -1");
        assert_eq!(refusal(&sized(Some(1), Some(1))), "give `first` or `last`, not both; each is at most 500");
        assert_eq!(sized(None, Some(500)).window(BY_NAME).expect("is the limit").limit, 500);
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let by_id = List { name: "syncRuns", order: "" };
        let text = SortKey::Text("a \"b\"\u{0}|".to_owned());
        for (list, key) in [(by_id, SortKey::Id), (BY_AGE, SortKey::Number(i64::MIN)), (BY_NAME, text)] {
            let cursor = Cursor { key, id: 9 };
            assert_eq!(list.read(&list.encode(&cursor)), Some(cursor));
        }
    }

    #[test]
    fn a_cursor_with_a_key_of_another_kind_is_refused() {
        for (list, key) in [(BY_NAME, SortKey::Number(7)), (BY_AGE, SortKey::Id), (BY_NAME, SortKey::Id)] {
            assert_eq!(list.read(&list.encode(&Cursor { key, id: 1 })), None);
        }
    }

    #[test]
    fn a_cursor_of_another_order_or_no_cursor_is_refused() {
        let foreign = BY_AGE.encode(&Cursor { key: SortKey::Number(1), id: 1 });

        for cursor in [foreign, "x".to_owned(), URL_SAFE_NO_PAD.encode("[]")] {
            let args = PageArgs { after: Some(cursor), ..PageArgs::default() };
            assert_eq!(refusal(&args), "`after` is not a cursor of this list and order");
        }
    }

    #[test]
    fn the_last_page_read_forward_has_no_next() {
        struct Number;
        impl Edge for Number {
            type Node = i32;
            fn new(_: i32, _: String) -> Self {
                Self
            }
        }
        let after = Cursor { key: SortKey::Id, id: 1 };
        let window = Window { limit: 2, after: Some(after), ..Window::default() };
        let slice = Slice { rows: vec![(5, Cursor { key: SortKey::Id, id: 2 })], has_more: false };

        let page: Page<Number> = Page::new(BY_NAME, &window, slice, |n| n, || Box::pin(async { Ok(2) }));

        assert!(!page.info.has_next_page);
        assert!(page.info.has_previous_page);
        assert_eq!(page.info.start_cursor, page.info.end_cursor);
    }
}
