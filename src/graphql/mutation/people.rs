//! Adding, changing and importing people.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};

use super::{afterwards, begin, patch};
use crate::graphql::access::Action;
use crate::graphql::error::ApiError;
use crate::graphql::payloads::{ImportPeoplePayload, UpsertPersonPayload, UserError};
use crate::graphql::person::{EmploymentStatus, Person};
use crate::graphql::scalars::{Date, int};
use crate::store::audit::AuditAction;
use crate::sync::PersonEdit;

/// A person, told apart by e-mail address. A field that is absent is left as it is; null clears it.
#[derive(InputObject)]
pub struct UpsertPersonInput {
    /// The e-mail address, in upper or lower case.
    email: String,
    /// The full name.
    full_name: String,
    /// Further e-mail addresses.
    aliases: MaybeUndefined<Vec<String>>,
    /// Whether the person works here. A new person does unless this says otherwise.
    status: MaybeUndefined<EmploymentStatus>,
    /// The first day of employment.
    starts_on: MaybeUndefined<Date>,
    /// The last day of employment, itself included.
    ends_on: MaybeUndefined<Date>,
}

impl From<UpsertPersonInput> for PersonEdit {
    fn from(input: UpsertPersonInput) -> Self {
        Self {
            email: input.email,
            full_name: input.full_name,
            aliases: patch(input.aliases),
            status: patch(input.status.map_value(Into::into)),
            starts_on: patch(input.starts_on.map_value(|date| date.0)),
            ends_on: patch(input.ends_on.map_value(|date| date.0)),
        }
    }
}

/// People to import.
#[derive(InputObject)]
pub struct ImportPeopleInput {
    /// CSV text as in RFC 4180 with a header: the field names of `UpsertPersonInput` in any order, of which only `email`
    /// and `fullName` are required. Aliases are separated by `;`, dates are ISO 8601, statuses are the enum's words, and
    /// an empty cell counts as absent.
    csv: String,
}

#[derive(Default)]
pub struct PeopleMutations;

#[Object]
impl PeopleMutations {
    /// Creates the person with this e-mail address, or changes who is there. Needs the role ANALYST.
    async fn upsert_person(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: UpsertPersonInput,
    ) -> Result<UpsertPersonPayload, ApiError> {
        let (by, engine) = begin(ctx, Action::ManagePeople, AuditAction::UpsertPerson).await?;
        match engine.upsert_person(&by, input.into()).await? {
            Ok(id) => {
                let moment = afterwards(ctx).await?;
                Ok(UpsertPersonPayload { person: Person::find(&moment, id).await?, user_errors: Vec::new() })
            }
            Err(refusals) => Ok(UpsertPersonPayload { user_errors: UserError::all(refusals), ..Default::default() }),
        }
    }

    /// Creates and changes people from CSV text: all rows or none. Needs the role ANALYST.
    async fn import_people(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The people.")] input: ImportPeopleInput,
    ) -> Result<ImportPeoplePayload, ApiError> {
        let (by, engine) = begin(ctx, Action::ManagePeople, AuditAction::ImportPeople).await?;
        Ok(match engine.import_people(&by, &input.csv).await? {
            Ok(imported) => ImportPeoplePayload {
                created: int(imported.created),
                updated: int(imported.updated),
                unchanged: int(imported.unchanged),
                user_errors: Vec::new(),
            },
            Err(refusals) => ImportPeoplePayload { user_errors: UserError::all(refusals), ..Default::default() },
        })
    }
}
