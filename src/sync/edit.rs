//! Edits by people: annotations, links and persons. Each is judged again in its own transaction.

use super::engine::{AssetEdit, Edit, Engine, EngineError, Patch, PersonEdit};
use super::judge::{Subjects, rejudge};
use super::merge::{addresses, check, merge, normal, too_long};
use super::refusal::{Refusal, RefusalCode};
use crate::controls::leaves_at;
use crate::domain::{Instant, Manual, Person, UserDataClassification, ValueSource};
use crate::store::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use crate::store::write::{StoredPerson, Touched};
use crate::store::{StoreError, Writer};

/// The longest text that an edit takes.
const LONGEST_TEXT: usize = 4_000;

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
        let person = match merge(before.as_ref().map(|stored| &stored.person), edit, ValueSource::Manual) {
            Ok(merged) => merged.person,
            Err(refusal) => return Ok(Err(vec![refusal])),
        };
        if let Some(before) = &before
            && before.person == person
        {
            return Ok(Ok(before.id));
        }
        let entry = noted(AuditAction::UpsertPerson, before.as_ref().map(|stored| &stored.person), &person);
        let id = self.store_person(&writer, before.as_ref(), person).await?;
        writer.audit(by, entry.about(AuditKind::Person, id, email)).await?;
        writer.commit().await?;
        Ok(Ok(id))
    }

    /// Writes a person, and judges again what rests on who it was and is; the person's id.
    pub(super) async fn store_person(
        &self,
        writer: &Writer,
        before: Option<&StoredPerson>,
        person: Person,
    ) -> Result<i64, EngineError> {
        let is_first = writer.count_people().await? == 0;
        let affected = [before.map(|stored| &stored.person), Some(&person)];
        let affected: Vec<String> = affected.into_iter().flatten().flat_map(addresses).collect();
        let ids = self.put_people(writer, vec![(before.map(|stored| stored.id), person)]).await?;
        let subjects = if is_first {
            Subjects::All
        } else {
            let (assets, accounts) = writer.subjects_of(&ids, &affected).await?;
            Subjects::These(Touched { assets, accounts })
        };
        rejudge(&self.store, writer, &self.policy, subjects).await?;
        Ok(ids.first().copied().ok_or(StoreError::Corrupt { table: "person", column: "id" })?)
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
pub(super) fn noted(action: AuditAction, before: Option<&Person>, after: &Person) -> AuditEntry {
    let date = |date: chrono::NaiveDate| date.to_string();
    AuditEntry::done(action)
        .change("email", before.map(|person| person.email.clone()), Some(after.email.clone()))
        .change("fullName", before.map(|person| person.full_name.clone()), Some(after.full_name.clone()))
        .change("aliases", before.map(|person| person.aliases.join("; ")), Some(after.aliases.join("; ")))
        .change("status", before.map(|person| person.status.word().to_owned()), Some(after.status.word().to_owned()))
        .change("startsOn", before.and_then(|person| person.starts_on).map(date), after.starts_on.map(date))
        .change("endsOn", before.and_then(|person| person.ends_on).map(date), after.ends_on.map(date))
        .change("kept", before.and_then(kept), kept(after))
}

/// The values that imports and SCIM leave alone, in words. None: there are none.
fn kept(person: &Person) -> Option<String> {
    let kept = person.sources.iter().filter(|(_, provenance)| provenance.kept);
    let kept: Vec<&str> = kept.map(|(field, _)| field.word()).collect();
    (!kept.is_empty()).then(|| kept.join("; "))
}

fn classified(user_data: UserDataClassification) -> String {
    user_data.word().to_owned()
}

fn no_person(field: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound, "There is no such person.")
        .remedy("Create the person first with upsertPerson, and use the id that it returns.")
        .field(field)
}
