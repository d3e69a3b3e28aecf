//! Prometheus' text format 0.0.4, read strictly.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Names of labels and their values.
type Labels = BTreeMap<String, String>;

/// All series of a scrape.
pub struct Exposition(Vec<(String, Labels, f64)>);

impl Exposition {
    /// Panics where the text is not what Prometheus takes.
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "{text}");
        let (mut types, mut helped) = (HashMap::new(), HashSet::new());
        let mut series: Vec<(String, Labels, f64)> = Vec::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(helped.insert(name.to_owned()) && !help.is_empty(), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name) && types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(name.starts_with("slategate_"), "{line}");
            } else {
                let (name, labels, value) = sample(line);
                let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
                let family = family.filter(|family| types.get(*family).is_some_and(|kind| kind == "histogram"));
                assert!(types.contains_key(family.unwrap_or(&name)), "{line} has no type");
                let is_new = series.iter().all(|(other, others, _)| *other != name || *others != labels);
                assert!(is_new, "{line} is there twice");
                series.push((name, labels, value));
            }
        }
        let all = Self(series);
        for (name, _) in types.iter().filter(|(_, kind)| *kind == "histogram") {
            all.check_histogram(name);
        }
        all
    }

    /// The buckets of each histogram rise, and the last holds all that was counted.
    fn check_histogram(&self, name: &str) {
        let bucket = format!("{name}_bucket");
        for (_, labels, count) in self.0.iter().filter(|(of, ..)| *of == format!("{name}_count")) {
            let of = |others: &Labels| others.iter().filter(|(key, _)| *key != "le").eq(labels.iter());
            let buckets: Vec<_> = self.0.iter().filter(|(of, ..)| *of == bucket).filter(|row| of(&row.1)).collect();
            assert!(buckets.is_sorted_by(|one, next| one.2 <= next.2), "{name} {labels:?}");
            let last = buckets.last().unwrap();
            assert_eq!((last.1["le"].as_str(), whole(last.2)), ("+Inf", whole(*count)), "{name} {labels:?}");
        }
    }

    /// The one series of this name that has these labels and no others.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels: Labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.0.iter().find(|(of, others, _)| of == name && *others == labels).map(|(.., value)| *value)
    }

    /// The whole numbers of all series of this name that have these labels among theirs.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has = |others: &Labels| labels.iter().all(|(key, value)| others.get(*key).is_some_and(|is| is == value));
        self.0.iter().filter(|(of, others, _)| of == name && has(others)).map(|(.., value)| whole(*value)).sum()
    }

    /// The values that this label has in series of this name.
    pub fn values_of(&self, name: &str, label: &str) -> HashSet<&str> {
        self.0
            .iter()
            .filter(|(of, ..)| of == name)
            .filter_map(|(_, labels, _)| Some(labels.get(label)?.as_str()))
            .collect()
    }

    pub fn names(&self) -> HashSet<&str> {
        self.0.iter().map(|(name, ..)| name.as_str()).collect()
    }
}

fn whole(value: f64) -> u64 {
    format!("{value}").parse().unwrap_or_else(|_| panic!("{value} is no whole number"))
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            let (value, after) = unquoted(after);
            assert!(labels.insert(key.to_owned(), value).is_none(), "{line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

/// Up to the closing quotation mark, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let (mut value, mut signs) = (String::new(), text.char_indices());
    loop {
        match signs.next().expect("a label's value ends") {
            (at, '"') => return (value, &text[at + 1..]),
            (_, '\\') => match signs.next().map(|(_, sign)| sign) {
                Some('n') => value.push('\n'),
                Some(sign @ ('\\' | '"')) => value.push(sign),
                other => panic!("{other:?} is not escaped so"),
            },
            (_, sign) => value.push(sign),
        }
    }
}
