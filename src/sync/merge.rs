//! People after edits: what an edit may say, and whose value stands.
//!
//! Pure: what is stored comes in, what is to be stored goes out.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Patch, PersonEdit};
use super::refusal::{Refusal, RefusalCode};
use crate::domain::person::is_address;
pub(super) use crate::domain::person::normal_address as normal;
use crate::domain::{EmploymentStatus, Person, PersonField, Provenance, ValueSource};

const MOST_ALIASES: usize = 50;

pub(super) fn addresses(person: &Person) -> impl Iterator<Item = String> + '_ {
    std::iter::once(&person.email).chain(&person.aliases).cloned()
}

/// What is wrong with the edit by itself.
pub(super) fn check(edit: &PersonEdit) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    if !is_address(&normal(&edit.email)) {
        refusals.push(Refusal::new(RefusalCode::Invalid, "This is not an e-mail address.").field("email"));
    }
    if edit.full_name.trim().is_empty() {
        refusals.push(Refusal::new(RefusalCode::Invalid, "The full name is blank.").field("fullName"));
    } else if edit.full_name.chars().any(char::is_control) {
        let message = "The full name holds control characters.";
        refusals.push(Refusal::new(RefusalCode::Invalid, message).field("fullName"));
    } else if edit.full_name.chars().count() > 200 {
        refusals.push(too_long("fullName"));
    }
    if let Patch::Set(aliases) = &edit.aliases {
        if aliases.len() > MOST_ALIASES {
            let message = format!("A person has at most {MOST_ALIASES} aliases.");
            refusals.push(Refusal::new(RefusalCode::Invalid, message).field("aliases"));
        } else if aliases.iter().any(|alias| !is_address(&normal(alias))) {
            refusals.push(Refusal::new(RefusalCode::Invalid, "An alias is not an e-mail address.").field("aliases"));
        }
    }
    if let (Patch::Set(starts), Patch::Set(ends)) = (&edit.starts_on, &edit.ends_on)
        && ends < starts
    {
        refusals.push(ends_before_start());
    }
    refusals
}

fn ends_before_start() -> Refusal {
    Refusal::new(RefusalCode::Invalid, "The last day lies before the first.").field("endsOn")
}

/// A person after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Merged {
    pub person: Person,
    /// Values of the edit that give way to ones that somebody chose to keep.
    pub given_way: u32,
}

/// The person after the edit. Only people overrule what people chose to keep; a value that is the same stays whose it is.
pub(super) fn merge(before: Option<&Person>, edit: PersonEdit, source: ValueSource) -> Result<Merged, Refusal> {
    let email = normal(&edit.email);
    let sources = before.map(|person| person.sources.clone()).unwrap_or_default();
    let mut merging = Merging { source, sources, given_way: 0 };
    let aliases = match edit.aliases {
        Patch::Set(aliases) => Patch::Set(distinct(&aliases, &email)),
        Patch::Keep | Patch::Clear => edit.aliases,
    };
    let full_name = Patch::Set(edit.full_name.trim().to_owned());
    let status = match edit.status {
        Patch::Keep if before.is_none() => Patch::Set(EmploymentStatus::Active),
        Patch::Clear => Patch::Set(EmploymentStatus::Active),
        status => status,
    };
    let person = Person {
        full_name: merging
            .value(PersonField::FullName, before.map(|person| person.full_name.clone()), full_name)
            .unwrap_or_default(),
        aliases: merging
            .value(PersonField::Aliases, before.map(|person| distinct(&person.aliases, &email)), aliases)
            .unwrap_or_default(),
        status: merging
            .value(PersonField::Status, before.map(|person| person.status), status)
            .unwrap_or(EmploymentStatus::Active),
        starts_on: merging.value(PersonField::StartsOn, before.and_then(|person| person.starts_on), edit.starts_on),
        ends_on: merging.value(PersonField::EndsOn, before.and_then(|person| person.ends_on), edit.ends_on),
        email,
        sources: kept(merging.sources, edit.kept),
    };
    match (person.starts_on, person.ends_on) {
        (Some(starts), Some(ends)) if ends < starts => Err(ends_before_start()),
        _ => Ok(Merged { person, given_way: merging.given_way }),
    }
}

/// Marks somebody as left, unless somebody chose to keep the status.
pub(super) fn leave(before: &Person, source: ValueSource) -> Merged {
    let mut merging = Merging { source, sources: before.sources.clone(), given_way: 0 };
    let status = merging.value(PersonField::Status, Some(before.status), Patch::Set(EmploymentStatus::Left));
    let status = status.unwrap_or(before.status);
    Merged { person: Person { status, sources: merging.sources, ..before.clone() }, given_way: merging.given_way }
}

struct Merging {
    source: ValueSource,
    sources: BTreeMap<PersonField, Provenance>,
    given_way: u32,
}

impl Merging {
    fn value<T: Clone + PartialEq>(&mut self, field: PersonField, before: Option<T>, patch: Patch<T>) -> Option<T> {
        let after = patch.apply(before.clone());
        if after == before {
            return before;
        }
        let kept = self.sources.get(&field).is_some_and(|provenance| provenance.kept);
        if kept && self.source != ValueSource::Manual {
            self.given_way += 1;
            return before;
        }
        self.sources.insert(field, Provenance { source: self.source, kept });
        after
    }
}

/// With exactly these values kept. One that was never given is kept as what it is: absent, by hand.
fn kept(
    mut sources: BTreeMap<PersonField, Provenance>,
    fields: Patch<BTreeSet<PersonField>>,
) -> BTreeMap<PersonField, Provenance> {
    let fields = match fields {
        Patch::Keep => return sources,
        Patch::Clear => BTreeSet::new(),
        Patch::Set(fields) => fields,
    };
    for (field, provenance) in &mut sources {
        provenance.kept = fields.contains(field);
    }
    for field in fields {
        sources.entry(field).or_insert(Provenance { source: ValueSource::Manual, kept: true });
    }
    sources
}

/// Addresses as they are stored: normal, distinct, sorted, without the main one.
fn distinct(aliases: &[String], email: &str) -> Vec<String> {
    let aliases: BTreeSet<String> = aliases.iter().map(|alias| normal(alias)).filter(|alias| *alias != email).collect();
    aliases.into_iter().collect()
}

pub(super) fn too_long(field: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid, "The text is too long.").field(field)
}
