//! Whose an account that is linked to nobody may be.

use std::sync::Arc;

use async_graphql::{Enum, SimpleObject};

use super::error::ApiError;
use super::loaders::Likeness;
use super::person::Person;
use super::session::Moment;
use crate::domain::resemblance::{self, address, local_part, name_key, resemblances};
use crate::store::views::AccountView;

const MOST_SUGGESTIONS: usize = 5;

/// What an account and a person have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "resemblance::Resemblance")]
pub enum SuggestionReason {
    /// The account's e-mail address is one of the person's, and of somebody else's too.
    SameAddress,
    /// The addresses are the same but for a label after a plus sign.
    PlusAddress,
    /// The account's display name is the person's full name.
    SameName,
    /// The addresses are the same before the `@`, but for a label, and differ behind it.
    SameLocalPart,
}

/// A person whose an account may be, and why.
#[derive(SimpleObject)]
pub struct PersonSuggestion {
    /// The person.
    person: Person,
    /// Why, the strongest reason first.
    reasons: Vec<SuggestionReason>,
}

pub async fn suggested(moment: &Arc<Moment>, view: &AccountView) -> Result<Vec<PersonSuggestion>, ApiError> {
    if view.person_id.is_some() || view.removed_at.is_some() || moment.reader.as_of().is_some() {
        return Ok(Vec::new());
    }
    let account = &view.account;
    let key = Likeness {
        local_part: address(account).map(|address| local_part(&address).to_owned()),
        name: account.display_name.as_deref().map(name_key).filter(|name| !name.is_empty()),
    };
    let people = moment.loaders.alike.load_one(key).await?.unwrap_or_default();
    let mut found: Vec<_> = people
        .into_iter()
        .map(|person| (resemblances(account, &person.person), person))
        .filter(|(reasons, _)| !reasons.is_empty())
        .collect();
    found.sort_by(|(one, _), (other, _)| one.first().cmp(&other.first()).then(other.len().cmp(&one.len())));
    let suggestions = found.into_iter().take(MOST_SUGGESTIONS).map(|(reasons, person)| PersonSuggestion {
        person: Person::new(moment, person),
        reasons: reasons.into_iter().map(Into::into).collect(),
    });
    Ok(suggestions.collect())
}
