//! Interval rows: closing the ones that hold, and batches of new ones.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityName, EntityTrait, IdenStatic, Iterable,
    PrimaryKeyToColumn, Statement, Value,
};

use super::{CHUNK, ROWS, Writer};
use crate::store::StoreError;

/// A statement that inserts arrays ends with the row that takes it beyond so many bytes.
const STATEMENT_BYTES: usize = 8 * 1024 * 1024;

impl Writer {
    /// Ends today's rows of these identities.
    pub(super) async fn close(
        &self,
        table: &'static str,
        identity: &'static str,
        ids: &[i64],
    ) -> Result<(), StoreError> {
        for chunk in ids.chunks(CHUNK) {
            let update = Query::update()
                .table(table)
                .value("valid_to", self.at)
                .and_where(self.among(identity, chunk))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            self.tx.execute(&update).await?;
        }
        Ok(())
    }

    /// Inserts rows in batches; their ids come from the database. All rows have the same columns.
    pub(super) async fn insert<A>(&self, rows: Vec<A>) -> Result<(), StoreError>
    where
        A: ActiveModelTrait + Send + 'static,
        <A::Entity as EntityTrait>::PrimaryKey: Iterable + PrimaryKeyToColumn,
    {
        match self.tx.get_database_backend() {
            DbBackend::Postgres => self.insert_columns(rows).await,
            _ => self.insert_values(rows).await,
        }
    }

    async fn insert_values<A>(&self, rows: Vec<A>) -> Result<(), StoreError>
    where
        A: ActiveModelTrait + Send + 'static,
        <A::Entity as EntityTrait>::PrimaryKey: Iterable + PrimaryKeyToColumn,
    {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<A> = rows.by_ref().take(ROWS).collect();
            A::Entity::insert_many(chunk).exec_without_returning(self.tx.as_ref()).await?;
        }
        Ok(())
    }

    /// Few large statements: a round trip each, and one array for each column, which PostgreSQL reads in half the time
    /// that it needs for JSON.
    async fn insert_columns<A: ActiveModelTrait>(&self, rows: Vec<A>) -> Result<(), StoreError> {
        let Some(first) = rows.first() else { return Ok(()) };
        let columns: Vec<_> =
            <A::Entity as EntityTrait>::Column::iter().filter(|c| !first.get(*c).is_not_set()).collect();
        let table = A::Entity::default().table_name().to_owned();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut arrays: Vec<ArrayText> = columns.iter().map(|_| ArrayText::default()).collect();
            while arrays.iter().map(ArrayText::len).sum::<usize>() < STATEMENT_BYTES
                && let Some(row) = rows.next()
            {
                for (column, array) in columns.iter().zip(&mut arrays) {
                    let value = row.get(*column).into_value();
                    let value = value.ok_or_else(|| DbErr::AttrNotSet(format!("{table}.{}", column.as_str())))?;
                    array.push(&value).map_err(|what| DbErr::Type(format!("{table}.{}: {what}", column.as_str())))?;
                }
            }
            let names = columns.iter().map(IdenStatic::as_str).collect::<Vec<_>>().join(", ");
            let parameters: Vec<_> =
                arrays.iter().enumerate().map(|(at, array)| format!("${}::{}[]", at + 1, array.kind)).collect();
            let sql = format!(
                "INSERT INTO {table} ({names}) SELECT {names} FROM unnest({}) AS given ({names})",
                parameters.join(", ")
            );
            let values: Vec<_> = arrays.into_iter().map(|array| array.finish().into()).collect();
            self.tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
        }
        Ok(())
    }
}

/// Values of one column as PostgreSQL writes an array.
#[derive(Debug, Default)]
struct ArrayText {
    text: String,
    /// The type of its elements.
    kind: &'static str,
}

impl ArrayText {
    fn len(&self) -> usize {
        self.text.len()
    }

    /// What is no kind of value that interval tables have comes back.
    fn push(&mut self, value: &Value) -> Result<(), String> {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        match value {
            Value::BigInt(number) => self.bare("bigint", *number),
            Value::Int(number) => self.bare("integer", *number),
            Value::Bool(yes) => self.bare("boolean", *yes),
            Value::String(text) => {
                self.kind = "text";
                match text {
                    Some(text) => self.quoted(text),
                    None => self.text.push_str("NULL"),
                }
            }
            other => return Err(format!("{other:?}")),
        }
        Ok(())
    }

    fn bare(&mut self, kind: &'static str, value: Option<impl ToString>) {
        self.kind = kind;
        self.text.push_str(&value.map_or_else(|| "NULL".to_owned(), |value| value.to_string()));
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for piece in text.split_inclusive(['"', '\\']) {
            let (plain, last) = piece.split_at(piece.trim_end_matches(['"', '\\']).len());
            self.text.push_str(plain);
            if !last.is_empty() {
                self.text.push('\\');
                self.text.push_str(last);
            }
        }
        self.text.push('"');
    }

    fn finish(mut self) -> String {
        self.text.push_str(if self.text.is_empty() { "{}" } else { "}" });
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_written_as_postgresql_reads_them() {
        let mut texts = ArrayText::default();
        for text in [Some("a\"b\\c"), None, Some("NULL"), Some(""), Some("\\\"\"{},\u{e9}\n")] {
            texts.push(&text.map(str::to_owned).into()).unwrap();
        }
        let written = texts.finish();
        assert_eq!(written, "{\"a\\\"b\\\\c\",NULL,\"NULL\",\"\",\"\\\\\\\"\\\"{},\u{e9}\n\"}");
        let mut numbers = ArrayText::default();
        for number in [Some(-5_i64), None] {
            numbers.push(&number.into()).unwrap();
        }
        assert_eq!((numbers.kind, numbers.finish()), ("bigint", "{-5,NULL}".to_owned()));
        assert!(ArrayText::default().push(&Value::Double(Some(0.5))).is_err());
    }
}
