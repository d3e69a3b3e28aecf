//! Edits by people: annotations, links and persons. Each is judged again in its own transaction.

use std::collections::BTreeSet;

use super::engine::{AssetEdit, Edit, Engine, EngineError, Patch, PersonEdit};
use super::judge::{Subjects, rejudge};
use super::refusal::{Refusal, RefusalCode};
use crate::controls::leaves_at;
use crate::domain::{EmploymentStatus, Instant, Manual, Person, UserDataClassification};
use crate::store::Writer;
use crate::store::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use crate::store::write::Touched;

/// The longest text that an edit takes.
const LONGEST_TEXT: usize = 4_000;
const MOST_ALIASES: usize = 50;

impl Engine {
    /// Sets owner, description and classification by hand; what is cleared falls back to Atlas tags.
    pub async fn update_asset(&self, by: &Actor, asset: i64, edit: AssetEdit) -> Edit<()> {
        if let Patch::Set(text) = &edit.description
            && text.chars().count() > LONGEST_TEXT
        {
            return Ok(Err(vec![too_long("description")]));
        }
        if let Patch::Set(text) = &edit.description
            && text.contains('\0')
        {
            let message = "The description holds a NUL character.";
            return Ok(Err(vec![Refusal::new(RefusalCode::Invalid, message).field("description")]));
        }
        let writer = self.store.writer(by.workspace).await?;
        let Some(before) = writer.manual(asset).await? else {
            return Ok(Err(vec![Refusal::new(RefusalCode::NotFound, "There is no such asset.").field("assetId")]));
        };
        if let Patch::Set(owner) = edit.owner
            && !writer.has_person(owner).await?
        {
            return Ok(Err(vec![no_person("ownerId")]));
        }
        let after = Manual {
            owner: edit.owner.apply(before.owner),
            description: edit
                .description
                .apply(before.description.clone())
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty()),
            user_data: edit.user_data.apply(before.user_data),
        };
        if after != before {
            let number = |id: i64| id.to_string();
            let entry = AuditEntry::done(AuditAction::UpdateAsset)
                .about(AuditKind::Asset, asset, writer.asset_name(asset).await?.unwrap_or_default())
                .change("owner", before.owner.map(number), after.owner.map(number))
                .change("description", before.description.clone(), after.description.clone())
                .change("userData", before.user_data.map(classified), after.user_data.map(classified));
            writer.audit(by, entry).await?;
            writer.put_manual(asset, after).await?;
            let touched = Touched { assets: vec![asset], accounts: Vec::new() };
            rejudge(&self.store, &writer, &self.policy, Subjects::These(touched)).await?;
            writer.commit().await?;
        }
        Ok(Ok(()))
    }

    /// Links an account to a person by hand; None takes that link away, and the e-mail address speaks again.
    pub async fn link_account(&self, by: &Actor, account: i64, person: Option<i64>) -> Edit<()> {
        let writer = self.store.writer(by.workspace).await?;
        let Some(before) = writer.manual_link(account).await? else {
            return Ok(Err(vec![Refusal::new(RefusalCode::NotFound, "There is no such account.").field("accountId")]));
        };
        if let Some(person) = person
            && !writer.has_person(person).await?
        {
            return Ok(Err(vec![no_person("personId")]));
        }
        if before != person {
            let entry = AuditEntry::done(AuditAction::LinkAccount)
                .about(AuditKind::Account, account, writer.account_login(account).await?.unwrap_or_default())
                .change("person", before.map(|id| id.to_string()), person.map(|id| id.to_string()));
            writer.audit(by, entry).await?;
            writer.put_manual_link(account, person).await?;
            let touched = Touched { assets: Vec::new(), accounts: vec![account] };
            rejudge(&self.store, &writer, &self.policy, Subjects::These(touched)).await?;
            writer.commit().await?;
        }
        Ok(Ok(()))
    }

    /// Creates or changes the person with this e-mail address; its id.
    pub async fn upsert_person(&self, by: &Actor, edit: PersonEdit) -> Edit<i64> {
        let email = normal(&edit.email);
        let refusals = check(&edit);
        if !refusals.is_empty() {
            return Ok(Err(refusals));
        }
        let writer = self.store.writer(by.workspace).await?;
        let before = writer.people_by_email(std::slice::from_ref(&email)).await?.remove(&email);
        let person = match merge(before.as_ref().map(|stored| &stored.person), edit) {
            Ok(person) => person,
            Err(refusal) => return Ok(Err(vec![refusal])),
        };
        if let Some(before) = &before
            && before.person == person
        {
            return Ok(Ok(before.id));
        }
        let is_first = writer.count_people().await? == 0;
        let old = before.as_ref().map(|stored| stored.person.clone());
        let id = before.map(|stored| stored.id);
        let affected = [old.as_ref(), Some(&person)].map(|person| person.into_iter().flat_map(addresses));
        let affected: Vec<String> = affected.into_iter().flatten().collect();
        let entry = noted(old.as_ref(), &person);
        let ids = self.put_people(&writer, vec![(id, person)]).await?;
        if let Some(id) = ids.first() {
            writer.audit(by, entry.about(AuditKind::Person, *id, email)).await?;
        }
        let subjects = if is_first {
            Subjects::All
        } else {
            let (assets, accounts) = writer.subjects_of(&ids, &affected).await?;
            Subjects::These(Touched { assets, accounts })
        };
        rejudge(&self.store, &writer, &self.policy, subjects).await?;
        writer.commit().await?;
        Ok(ids.first().copied().ok_or_else(|| vec![no_person("email")]))
    }

    pub(super) async fn put_people(
        &self,
        writer: &Writer,
        people: Vec<(Option<i64>, Person)>,
    ) -> Result<Vec<i64>, EngineError> {
        let dated: Vec<(Option<i64>, Person, Option<Instant>)> = people
            .into_iter()
            .map(|(id, person)| {
                let leaves_at = leaves_at(&person, &self.policy);
                (id, person, leaves_at)
            })
            .collect();
        Ok(writer.put_people(dated).await?)
    }
}

/// What an edit changes of a person.
fn noted(before: Option<&Person>, after: &Person) -> AuditEntry {
    let date = |date: chrono::NaiveDate| date.to_string();
    AuditEntry::done(AuditAction::UpsertPerson)
        .change("fullName", before.map(|person| person.full_name.clone()), Some(after.full_name.clone()))
        .change("aliases", before.map(|person| person.aliases.join("; ")), Some(after.aliases.join("; ")))
        .change("status", before.map(|person| person.status.word().to_owned()), Some(after.status.word().to_owned()))
        .change("startsOn", before.and_then(|person| person.starts_on).map(date), after.starts_on.map(date))
        .change("endsOn", before.and_then(|person| person.ends_on).map(date), after.ends_on.map(date))
}

fn classified(user_data: UserDataClassification) -> String {
    user_data.word().to_owned()
}

/// Trimmed and lower-cased.
pub(super) fn normal(address: &str) -> String {
    address.trim().to_lowercase()
}

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

/// The person after the edit.
pub(super) fn merge(before: Option<&Person>, edit: PersonEdit) -> Result<Person, Refusal> {
    let email = normal(&edit.email);
    let aliases = edit.aliases.apply(before.map(|person| person.aliases.clone())).unwrap_or_default();
    let aliases: BTreeSet<String> = aliases.iter().map(|alias| normal(alias)).filter(|alias| *alias != email).collect();
    let person = Person {
        full_name: edit.full_name.trim().to_owned(),
        email,
        aliases: aliases.into_iter().collect(),
        status: edit.status.apply(before.map(|person| person.status)).unwrap_or(EmploymentStatus::Active),
        starts_on: edit.starts_on.apply(before.and_then(|person| person.starts_on)),
        ends_on: edit.ends_on.apply(before.and_then(|person| person.ends_on)),
    };
    match (person.starts_on, person.ends_on) {
        (Some(starts), Some(ends)) if ends < starts => Err(ends_before_start()),
        _ => Ok(person),
    }
}

fn is_address(text: &str) -> bool {
    text.len() <= 320
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ';' || c == ',')
        && text
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'))
}

fn no_person(field: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound, "There is no such person.")
        .remedy("Create the person first with upsertPerson, and use the id that it returns.")
        .field(field)
}

fn too_long(field: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid, "The text is too long.").field(field)
}
