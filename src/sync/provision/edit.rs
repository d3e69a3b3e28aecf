//! What a user's document changes of the person behind it.

use std::collections::BTreeSet;

use crate::domain::{EmploymentStatus, Person};
use crate::scim::Provisioned;
use crate::sync::{Patch, PersonEdit};

/// `previously`: what the provider said the last time; None where it speaks of the person for the first time.
pub fn edit(person: Option<&Person>, previously: Option<&Provisioned>, said: &Provisioned) -> PersonEdit {
    PersonEdit {
        email: said.email.clone(),
        full_name: said.full_name.clone(),
        aliases: aliases(person, previously, said),
        status: said.works_here.map_or(Patch::Keep, |works_here| {
            Patch::Set(if works_here { EmploymentStatus::Active } else { EmploymentStatus::Left })
        }),
        starts_on: taken_back(said.starts_on, previously.and_then(|said| said.starts_on)),
        ends_on: taken_back(said.ends_on, previously.and_then(|said| said.ends_on)),
        kept: Patch::Keep,
    }
}

/// Addresses that others gave the person stay; so does the main one of a person who is taken over.
fn aliases(person: Option<&Person>, previously: Option<&Provisioned>, said: &Provisioned) -> Patch<Vec<String>> {
    let known: BTreeSet<String> = person.into_iter().flat_map(|person| person.aliases.iter().cloned()).collect();
    let mut after = known.clone();
    match previously {
        Some(previously) => after.retain(|address| !previously.aliases.contains(address)),
        None => after.extend(person.map(|person| person.email.clone())),
    }
    after.extend(said.aliases.iter().cloned());
    after.remove(&said.email);
    if after == known && said.aliases.is_empty() { Patch::Keep } else { Patch::Set(after.into_iter().collect()) }
}

fn taken_back<T: Copy>(said: Option<T>, previously: Option<T>) -> Patch<T> {
    match (said, previously) {
        (Some(said), _) => Patch::Set(said),
        (None, Some(_)) => Patch::Clear,
        (None, None) => Patch::Keep,
    }
}
