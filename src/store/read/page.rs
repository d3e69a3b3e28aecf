//! Keyset pages: a window over rows ordered by one column and then by id.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use sea_orm::sea_query::{
    Asterisk, Condition, Expr, ExprTrait, Order, Query, SelectStatement, UnionType, WindowStatement,
};

/// Where a row stands in its list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub key: SortKey,
    pub id: i64,
}

/// The value of the column that a list is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// Ordered by id alone.
    Id,
    Number(i64),
    Text(String),
}

/// The part of a list that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Window {
    /// At most so many rows.
    pub limit: u64,
    /// Count from the end (`last`) rather than from the start (`first`).
    pub backward: bool,
    pub after: Option<Cursor>,
    pub before: Option<Cursor>,
}

/// Rows in the list's order, and whether more lie beyond in the direction that was counted.
#[derive(Debug, Clone)]
pub struct Slice<T> {
    pub rows: Vec<(T, Cursor)>,
    pub has_more: bool,
}

impl<T> Default for Slice<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), has_more: false }
    }
}

impl<T> Slice<T> {
    /// The same, cheap to clone.
    pub fn shared(self) -> Slice<Arc<T>> {
        let rows = self.rows.into_iter().map(|(row, cursor)| (Arc::new(row), cursor)).collect();
        Slice { rows, has_more: self.has_more }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

/// A table's alias and a column of it.
pub(super) type ColumnOf = (&'static str, &'static str);

/// What a list is ordered by: a column and the id that breaks ties.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyset {
    /// None: by id alone.
    pub column: Option<ColumnOf>,
    pub id: ColumnOf,
    pub direction: Direction,
}

impl Keyset {
    pub(super) fn apply(self, select: &mut SelectStatement, window: &Window) {
        let order = self.cut(select, window);
        if let Some(column) = self.column {
            select.order_by(column, order.clone());
        }
        select.order_by(self.id, order).limit(window.limit + 1);
    }

    /// The same window of many lists at once, one for each value of `parent`.
    pub(super) fn apply_each(self, mut select: SelectStatement, window: &Window, parent: ColumnOf) -> SelectStatement {
        let order = self.cut(&mut select, window);
        let mut place = WindowStatement::partition_by(parent);
        if let Some(column) = self.column {
            place.order_by(column, order.clone());
        }
        place.order_by(self.id, order);
        select.expr_window_as(Expr::cust("ROW_NUMBER()"), place, "place");
        Query::select()
            .column(Asterisk)
            .from_subquery(select, "pages")
            .and_where(Expr::col("place").lte(window.limit + 1))
            .order_by("place", Order::Asc)
            .to_owned()
    }

    /// The same window of a few lists in one statement, each found by its own index. Rows come in any order. None where
    /// there is no list.
    pub(super) fn apply_all(
        self,
        lists: impl IntoIterator<Item = SelectStatement>,
        window: &Window,
    ) -> Option<SelectStatement> {
        let pages = lists.into_iter().map(|mut select| {
            self.apply(&mut select, window);
            Query::select().column(Asterisk).from_subquery(select, "page").to_owned()
        });
        pages.reduce(|mut all, page| all.union(UnionType::All, page).to_owned())
    }

    /// Leaves out what lies beyond the cursors. The order to read the rest in.
    fn cut(self, select: &mut SelectStatement, window: &Window) -> Order {
        let ascending = self.direction == Direction::Ascending;
        if let Some(after) = &window.after {
            select.cond_where(self.beyond(after, ascending));
        }
        if let Some(before) = &window.before {
            select.cond_where(self.beyond(before, !ascending));
        }
        if ascending == window.backward { Order::Desc } else { Order::Asc }
    }

    fn beyond(self, cursor: &Cursor, greater: bool) -> Condition {
        let past = |expr: Expr, value: Expr| if greater { expr.gt(value) } else { expr.lt(value) };
        let by_id = past(Expr::col(self.id), Expr::val(cursor.id));
        let key = match &cursor.key {
            SortKey::Id => None,
            SortKey::Number(number) => Some(Expr::val(*number)),
            SortKey::Text(text) => Some(Expr::val(text.clone())),
        };
        match (self.column, key) {
            (Some(column), Some(key)) => {
                // Said twice so that an index on the column starts at the cursor.
                let from = Expr::col(column);
                let from = if greater { from.gte(key.clone()) } else { from.lte(key.clone()) };
                Condition::all().add(from).add(Condition::any().add(past(Expr::col(column), key)).add(by_id))
            }
            _ => Condition::all().add(by_id),
        }
    }
}

impl Window {
    /// One slice for each parent, from rows in the order of their places.
    pub(super) fn slices<K: Eq + Hash, T>(
        &self,
        rows: impl IntoIterator<Item = (K, (T, Cursor))>,
    ) -> HashMap<K, Slice<T>> {
        let mut lists: HashMap<K, Vec<(T, Cursor)>> = HashMap::new();
        for (parent, row) in rows {
            lists.entry(parent).or_default().push(row);
        }
        lists.into_iter().map(|(parent, rows)| (parent, self.slice(rows))).collect()
    }

    /// The same from rows of lists by id, in any order.
    pub(super) fn slices_by_id<K: Eq + Hash, T>(
        &self,
        mut rows: Vec<(K, (T, Cursor))>,
        direction: Direction,
    ) -> HashMap<K, Slice<T>> {
        rows.sort_by_key(|(_, (_, cursor))| cursor.id);
        if (direction == Direction::Ascending) == self.backward {
            rows.reverse();
        }
        self.slices(rows)
    }

    /// Cuts the one row that was read too many and puts rows into the list's order.
    pub(super) fn slice<T>(&self, mut rows: Vec<(T, Cursor)>) -> Slice<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        if self.backward {
            rows.reverse();
        }
        Slice { rows, has_more }
    }
}
