//! People as an identity provider writes them by SCIM: each change with the person behind it, judged again, in one
//! transaction.
//!
//! What the provider says counts unless a person chose to keep a value; what it does not say stays as it is; and what it
//! once said and says no more is taken back.

mod edit;
mod find;
mod ledger;

use super::engine::{Engine, EngineError};
use super::merge::{check, leave, merge};
use super::refusal::Refusal;
use crate::domain::{Person, PersonField, Provenance, ValueSource};
use crate::scim::{Answer, Asked, Change, Document, Precondition, Provisioned, ScimError, User};
use crate::store::audit::{Actor, AuditAction, AuditKind};
use crate::store::read::{ScimUserKey, ScimUserView};
use crate::store::write::{ScimUserPut, StoredPerson};
use crate::store::{StoreError, Writer};

/// Why a request of an identity provider came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    #[error(transparent)]
    Refused(#[from] ScimError),
    #[error(transparent)]
    Failed(#[from] EngineError),
}

impl From<StoreError> for ProvisionError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Refusal> for ProvisionError {
    fn from(refusal: Refusal) -> Self {
        let at = refusal.field.and_then(|mut path| path.pop()).map(|field| format!("{field}: ")).unwrap_or_default();
        Self::Refused(ScimError::value(format!("{at}{}", refusal.message)))
    }
}

impl Engine {
    /// Does what an identity provider asks for.
    pub async fn provision(&self, by: &Actor, asked: Asked) -> Result<Answer, ProvisionError> {
        match asked {
            Asked::One(id) => self.scim_user(by.workspace, id).await.map(Answer::User),
            Asked::List(request) => self.scim_users(by.workspace, request).await.map(Answer::List),
            Asked::Create(document) => self.create_scim_user(by, document).await.map(Answer::Created),
            Asked::Change { id, change, precondition } => {
                self.change_scim_user(by, &id, change, &precondition).await.map(Answer::User)
            }
            Asked::Remove { id, precondition } => {
                self.remove_scim_user(by, &id, &precondition).await.map(|()| Answer::Removed)
            }
        }
    }

    async fn create_scim_user(&self, by: &Actor, document: Document) -> Result<User, ProvisionError> {
        let document = document.active_unless_said();
        let said = document.person()?;
        let writer = self.store.writer(by.workspace).await?;
        user_name_is_free(&writer, &document).await?;
        let adopted = unmanaged(&writer, &said.email).await?;
        let edit = edit::edit(adopted.as_ref().map(|stored| &stored.person), None, &said);
        let person = spoken_for(merged(adopted.as_ref(), edit)?, &said);
        let entry = ledger::entry(AuditAction::ProvisionPerson, adopted.as_ref(), &person, None, Some(&document));
        let name = person.email.clone();
        let id = match &adopted {
            Some(stored) if stored.person == person => stored.id,
            _ => self.store_person(&writer, adopted.as_ref(), person).await?,
        };
        let stored = writer.put_scim_user(None, row(id, new_resource_id(), &document)).await?;
        writer.audit(by, entry.about(AuditKind::Person, id, name)).await?;
        writer.commit().await?;
        find::user(stored)
    }

    async fn change_scim_user(
        &self,
        by: &Actor,
        id: &str,
        change: Change,
        precondition: &Precondition,
    ) -> Result<User, ProvisionError> {
        let writer = self.store.writer(by.workspace).await?;
        let Managed { stored, user, person: before } = managed(&writer, id).await?;
        precondition.check(&user)?;
        let document = match change {
            Change::Replace(document) => document,
            Change::Patch(patch) => patch.apply(&user.document)?,
        };
        let said = document.person()?;
        if folded(document.user_name()) != folded(user.document.user_name()) {
            user_name_is_free(&writer, &document).await?;
        }
        let previously = user.document.person().ok();
        address_is_free(&writer, &before, &said).await?;
        let person = merged(Some(&before), edit::edit(Some(&before.person), previously.as_ref(), &said))?;
        let person = spoken_for(person, &said);
        let (is_same_person, is_same_document) = (person == before.person, document == user.document);
        if is_same_person && is_same_document {
            writer.undo().await?;
            return Ok(user);
        }
        let (action, documents) = (AuditAction::ProvisionPerson, [Some(&user.document), Some(&document)]);
        let entry = ledger::entry(action, Some(&before), &person, documents[0], documents[1]);
        let entry = entry.about(AuditKind::Person, before.id, person.email.clone());
        if !is_same_person {
            self.store_person(&writer, Some(&before), person).await?;
        }
        let row = row(before.id, user.id.clone(), &document);
        let after = if is_same_document { stored } else { writer.put_scim_user(Some(&stored), row).await? };
        writer.audit(by, entry).await?;
        writer.commit().await?;
        find::user(after)
    }

    /// The user goes; the person stays, as one who has left.
    async fn remove_scim_user(&self, by: &Actor, id: &str, precondition: &Precondition) -> Result<(), ProvisionError> {
        let writer = self.store.writer(by.workspace).await?;
        let Managed { stored, user, person: before } = managed(&writer, id).await?;
        precondition.check(&user)?;
        let person = leave(&before.person, ValueSource::Scim).person;
        let entry = ledger::entry(AuditAction::DeprovisionPerson, Some(&before), &person, Some(&user.document), None);
        let entry = entry.about(AuditKind::Person, before.id, person.email.clone());
        if person != before.person {
            self.store_person(&writer, Some(&before), person).await?;
        }
        writer.delete_scim_user(stored.id).await?;
        writer.audit(by, entry).await?;
        writer.commit().await?;
        Ok(())
    }
}

/// A user with what is stored of it and of its person.
struct Managed {
    stored: ScimUserView,
    user: User,
    person: StoredPerson,
}

async fn managed(writer: &Writer, id: &str) -> Result<Managed, ProvisionError> {
    let key = find::by_id(id).ok_or_else(ScimError::no_such_user)?;
    let stored = writer.scim_user(&key).await?.ok_or_else(ScimError::no_such_user)?;
    let user = find::user(stored.clone())?;
    let person = writer.people(Some((&[stored.person_id], &[]))).await?.pop();
    let person = person.ok_or(StoreError::Corrupt { table: "scim_user", column: "person_id" })?;
    Ok(Managed { stored, user, person })
}

async fn user_name_is_free(writer: &Writer, document: &Document) -> Result<(), ProvisionError> {
    let key = ScimUserKey::UserName(folded(document.user_name()));
    match writer.scim_user(&key).await? {
        None => Ok(()),
        Some(_) => Err(ScimError::taken("There is a user of this `userName` already.").into()),
    }
}

/// The person of this address who is not managed yet; None: nobody has it.
async fn unmanaged(writer: &Writer, email: &str) -> Result<Option<StoredPerson>, ProvisionError> {
    let mut people = holders(writer, email, None).await?;
    if let Some(own) = people.iter().position(|stored| stored.person.email == *email) {
        return Ok(Some(people.swap_remove(own)));
    }
    if people.len() > 1 {
        let message = format!("The address {email} belongs to several people: take it from all but one of them.");
        return Err(ScimError::taken(message).into());
    }
    Ok(people.pop())
}

/// Whether nobody else has the main address as theirs.
async fn address_is_free(writer: &Writer, own: &StoredPerson, said: &Provisioned) -> Result<(), ProvisionError> {
    if said.email == own.person.email {
        return Ok(());
    }
    let others = holders(writer, &said.email, Some(own.id)).await?;
    if others.iter().any(|stored| stored.person.email == said.email) {
        let message = format!("The address {} is another person's, who was not provisioned.", said.email);
        return Err(ScimError::taken(message).into());
    }
    Ok(())
}

/// The people but `own` who have this address. Refused where one of them is a user's: linking could not tell them apart.
async fn holders(writer: &Writer, email: &str, own: Option<i64>) -> Result<Vec<StoredPerson>, ProvisionError> {
    let mut people = writer.people(Some((&[], &[email.to_owned()]))).await?;
    people.retain(|stored| Some(stored.id) != own);
    let ids: Vec<i64> = people.iter().map(|stored| stored.id).collect();
    if !writer.managed_by_scim(&ids).await?.is_empty() {
        return Err(ScimError::taken(format!("The address {email} belongs to another user.")).into());
    }
    Ok(people)
}

fn merged(before: Option<&StoredPerson>, edit: super::PersonEdit) -> Result<Person, ProvisionError> {
    if let Some(refusal) = check(&edit).into_iter().next() {
        return Err(refusal.into());
    }
    Ok(merge(before.map(|stored| &stored.person), edit, ValueSource::Scim)?.person)
}

/// From now on the provider says whether the person works here, also where it says no more than was known.
fn spoken_for(mut person: Person, said: &Provisioned) -> Person {
    if said.works_here.is_some() && !person.keeps(PersonField::Status) {
        person.sources.insert(PersonField::Status, Provenance { source: ValueSource::Scim, kept: false });
    }
    person
}

fn row(person_id: i64, resource_id: String, document: &Document) -> ScimUserPut {
    ScimUserPut {
        person_id,
        resource_id,
        user_name: folded(document.user_name()),
        external_id: document.external_id().map(str::to_owned),
        addresses: document.addresses().map(folded).collect(),
        document: document.kept(),
    }
}

/// As user names and addresses are compared.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// 128 random bits.
fn new_resource_id() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes, or nothing here is safe");
    crate::domain::hex(&bytes)
}
