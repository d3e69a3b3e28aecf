//! Adding, changing and importing people.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object};

use super::{afterwards, begin, patch};
use crate::graphql::access::Action;
use crate::graphql::error::ApiError;
use crate::graphql::payloads::{ImportPeoplePayload, UpsertPersonPayload, UserError};
use crate::graphql::person::{EmploymentStatus, Person, PersonField};
use crate::graphql::scalars::{Date, int};
use crate::store::audit::AuditAction;
use crate::sync::{ImportOptions, PersonEdit};

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
    /// The values that imports and SCIM leave alone from now on, whoever gave them: these and no others. What people
    /// enter here is always taken.
    keep: MaybeUndefined<Vec<PersonField>>,
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
            kept: patch(input.keep.map_value(|fields| fields.into_iter().map(Into::into).collect())),
        }
    }
}

/// What a CSV text is taken for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Enum)]
pub enum ImportMode {
    /// Some people: everybody else stays as they are.
    #[default]
    Merge,
    /// Everybody: people who work here and have no row are marked as `LEFT`, except those whose status somebody chose to
    /// keep and those whom SCIM speaks for.
    Full,
}

/// People to import.
#[derive(InputObject)]
pub struct ImportPeopleInput {
    /// CSV text as in RFC 4180 with a header: the field names of `UpsertPersonInput` in any order, of which only `email`
    /// and `fullName` are required. Aliases are separated by `;`, dates are ISO 8601, statuses are the enum's words, and
    /// an empty cell counts as absent.
    ///
    /// At most 50,000 rows. A request that imports may be 16 MiB long where others may be 256 KiB; send the text as a
    /// variable.
    csv: String,
    /// What the text is taken for.
    #[graphql(default)]
    mode: ImportMode,
    /// Answers what the import would do, and does nothing.
    #[graphql(default)]
    dry_run: bool,
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
        let options = ImportOptions { is_full: input.mode == ImportMode::Full, is_dry_run: input.dry_run };
        Ok(match engine.import_people(&by, &input.csv, options).await? {
            Ok(imported) => ImportPeoplePayload {
                created: int(imported.created),
                updated: int(imported.updated),
                unchanged: int(imported.unchanged),
                left: int(imported.left),
                kept: int(imported.kept),
                leavers: imported.leavers,
                user_errors: Vec::new(),
            },
            Err(refusals) => ImportPeoplePayload { user_errors: UserError::all(refusals), ..Default::default() },
        })
    }
}
