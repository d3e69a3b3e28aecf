//! What a statement is called. Pure.

#[derive(Debug, PartialEq, Eq)]
pub struct Named<'a> {
    pub kind: &'a str,
    /// The first table that it names.
    pub table: Option<&'a str>,
}

/// What comes before a table.
const BEFORE: [&str; 3] = [" FROM \"", " INTO \"", "UPDATE \""];

pub fn named(sql: &str) -> Named<'_> {
    let sql = sql.trim_start_matches(['(', ' ', '\n']);
    let kind = sql.split(|sign: char| !sign.is_ascii_alphabetic()).next().unwrap_or_default();
    let begins = BEFORE.iter().filter_map(|before| sql.find(before).map(|at| at + before.len())).min();
    let table = begins.and_then(|begins| sql[begins..].split('"').next());
    Named { kind, table }
}

/// At most so many bytes of it.
pub fn beginning(sql: &str, bytes: usize) -> &str {
    &sql[..sql.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_called_by_its_verb_and_its_first_table() {
        let cases = [
            ("SELECT \"id\" FROM \"workspace\" WHERE \"id\" = $1", "SELECT", Some("workspace")),
            ("INSERT INTO \"audit_event\" (\"id\") VALUES (?)", "INSERT", Some("audit_event")),
            ("UPDATE \"sync_run\" SET \"done\" = ? WHERE \"id\" IN (SELECT 1 FROM \"x\")", "UPDATE", Some("sync_run")),
            ("DELETE FROM \"api_token\"", "DELETE", Some("api_token")),
            ("(SELECT 1)", "SELECT", None),
            ("", "", None),
        ];
        for (sql, kind, table) in cases {
            assert_eq!(named(sql), Named { kind, table }, "{sql}");
        }
        assert_eq!((beginning("aé", 2), beginning("aé", 9)), ("a", "aé"));
    }
}
