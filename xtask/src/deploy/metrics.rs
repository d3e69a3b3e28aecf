//! The metrics, as the operators' table has them, and what expressions say of them.

use std::collections::{BTreeMap, BTreeSet};

/// Labels that scraping adds, and that histograms have.
const GIVEN: [&str; 3] = ["job", "instance", "le"];
const GROUPING: [&str; 4] = ["by", "without", "on", "ignoring"];
const OURS: &str = "slategate_";

/// Name, and whether it is a histogram, and its labels.
#[derive(Debug)]
pub struct Metrics(BTreeMap<String, (bool, BTreeSet<String>)>);

impl Metrics {
    /// Reads rows such as `` | `slategate_x_total` | counter | `a`, `b` | meaning | ``.
    pub fn told_by(page: &str) -> Result<Self, String> {
        let mut metrics = BTreeMap::new();
        for line in page.lines().filter(|line| line.starts_with("| `slategate_")) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, kind, labels, meaning, _] = cells[..] else { return Err(format!("not four cells: {line}")) };
            if !["counter", "gauge", "histogram"].contains(&kind) || meaning.is_empty() {
                return Err(format!("no kind or no meaning: {line}"));
            }
            let labels = labels.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            if metrics.insert(name.trim_matches('`').to_owned(), (kind == "histogram", labels)).is_some() {
                return Err(format!("twice: {line}"));
            }
        }
        if metrics.is_empty() { Err("no table of metrics was found".to_owned()) } else { Ok(Self(metrics)) }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What `place` says of metrics or labels that are not there.
    pub fn problems(&self, place: &str, named: &Named) -> Vec<String> {
        let mut problems = Vec::new();
        let mut labels: BTreeSet<&str> = GIVEN.into();
        for (series, matched) in &named.series {
            let Some((_, own)) = self.of(series) else {
                problems.push(format!("{place}: there is no {series}"));
                continue;
            };
            labels.extend(own.iter().map(String::as_str));
            let strange = matched.iter().filter(|label| !own.contains(*label) && !GIVEN.contains(&label.as_str()));
            problems.extend(strange.map(|label| format!("{place}: {series} has no label {label}")));
        }
        let strange = named.grouped.iter().filter(|label| !labels.contains(label.as_str()));
        problems.extend(strange.map(|label| format!("{place}: nothing there has a label {label}")));
        problems
    }

    /// The metric that a series belongs to.
    pub fn of(&self, series: &str) -> Option<(&str, &BTreeSet<String>)> {
        if let Some((name, (false, labels))) = self.0.get_key_value(series) {
            return Some((name, labels));
        }
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|part| series.strip_suffix(part))?;
        match self.0.get_key_value(base)? {
            (name, (true, labels)) => Some((name, labels)),
            _ => None,
        }
    }
}

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Our series, and the labels that each is matched by.
    pub series: Vec<(String, Vec<String>)>,
    /// Labels that it groups or joins by.
    pub grouped: Vec<String>,
}

impl Named {
    pub fn by(expression: &str) -> Self {
        let mut named = Self::default();
        let mut rest = words(expression).into_iter().peekable();
        while let Some(word) = rest.next() {
            if word.starts_with(OURS) {
                let mut matched = Vec::new();
                if rest.next_if_eq(&"{".to_owned()).is_some() {
                    matched = rest.by_ref().take_while(|word| word != "}").filter(|word| is_name(word)).collect();
                }
                named.series.push((word, matched));
            } else if GROUPING.contains(&word.as_str()) && rest.next_if_eq(&"(".to_owned()).is_some() {
                named.grouped.extend(rest.by_ref().take_while(|word| word != ")").filter(|word| is_name(word)));
            }
        }
        named
    }
}

/// Names, braces and brackets; texts in quotes and all else are left out.
fn words(expression: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            c if c.is_ascii_alphabetic() || c == '_' => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, further) = rest.split_at(length);
        if is_name(word) || ["{", "}", "(", ")"].contains(&word) {
            words.push(word.to_owned());
        }
        rest = further;
    }
    words
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && word.chars().all(is_part)
}

const fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
| `slategate_runs_total` | counter | `status` | runs |
| `slategate_seconds` | histogram | none | how long |
";

    fn problems(expression: &str) -> Vec<String> {
        Metrics::told_by(TABLE).unwrap().problems("here", &Named::by(expression))
    }

    #[test]
    fn an_expression_names_series_labels_and_groups() {
        let named = Named::by(r#"sum by (job, le) (rate(slategate_a{b="slategate_c{",d!~"e"}[5m])) / slategate_f"#);
        let series = vec![("slategate_a".into(), vec!["b".into(), "d".into()]), ("slategate_f".into(), vec![])];
        assert_eq!(named, Named { series, grouped: vec!["job".into(), "le".into()] });
    }

    #[test]
    fn what_is_in_the_table_is_fine() {
        let fine = r#"sum by (le) (rate(slategate_seconds_bucket{job="a"}[5m])) + on (status) slategate_runs_total{status="x"}"#;
        assert_eq!(problems(fine), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_is_told() {
        assert_eq!(problems("slategate_run_total"), ["here: there is no slategate_run_total"]);
        assert_eq!(problems("slategate_seconds"), ["here: there is no slategate_seconds"]);
        assert_eq!(problems("slategate_runs_total_sum"), ["here: there is no slategate_runs_total_sum"]);
        assert_eq!(problems("slategate_runs_total{a=\"\"}"), ["here: slategate_runs_total has no label a"]);
        assert_eq!(problems("sum by (b) (slategate_runs_total)"), ["here: nothing there has a label b"]);
    }

    #[test]
    fn a_row_that_is_cut_off_or_doubled_is_refused() {
        for page in ["", "| `slategate_a` | counter | none |\n", "| `slategate_a` | number | none | a |\n"] {
            assert!(Metrics::told_by(page).is_err(), "{page}");
        }
        assert!(Metrics::told_by(&TABLE.repeat(2)).is_err());
    }
}
