//! What follows from facts and edits before any control speaks: who owns an asset, whose an account is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Policy;
use crate::domain::{Account, Cluster, Person};

crate::words! {
    UserDataClassification {
        ContainsUserData = "CONTAINS_USER_DATA",
        NoUserData = "NO_USER_DATA",
        Unclassified = "UNCLASSIFIED",
    }
}
crate::words! {
    /// Who said it: somebody here, or a tag in Atlas.
    AnnotationSource { Manual = "MANUAL", ProviderTag = "PROVIDER_TAG" }
}
crate::words! {
    /// How an account came by its person.
    LinkSource { EmailMatch = "EMAIL_MATCH", Manual = "MANUAL" }
}

/// What people said here about one asset. None: nothing said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manual {
    /// A person's id.
    pub owner: Option<i64>,
    pub description: Option<String>,
    pub user_data: Option<UserDataClassification>,
}

/// Who answers to which address. Addresses are compared case-blind and trimmed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleIndex {
    people: usize,
    by_address: BTreeMap<String, Vec<i64>>,
}

impl PeopleIndex {
    /// Each person once, with its id.
    pub fn new<'a>(people: impl IntoIterator<Item = (i64, &'a Person)>) -> Self {
        let mut index = Self::default();
        for (id, person) in people {
            index.people += 1;
            for address in std::iter::once(&person.email).chain(&person.aliases) {
                let address = normal(address);
                if address.is_empty() {
                    continue;
                }
                let ids = index.by_address.entry(address).or_default();
                if !ids.contains(&id) {
                    ids.push(id);
                    ids.sort_unstable();
                }
            }
        }
        index
    }

    /// The distinct ids of those whose e-mail or alias this is, in order.
    pub fn matches(&self, address: &str) -> &[i64] {
        self.by_address.get(&normal(address)).map_or(&[], Vec::as_slice)
    }

    /// How many people there are.
    pub fn len(&self) -> usize {
        self.people
    }

    pub fn is_empty(&self) -> bool {
        self.people == 0
    }
}

/// What is said about one asset, and who said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// A person's id.
    pub owner: Option<i64>,
    pub owner_source: Option<AnnotationSource>,
    /// The owner tag's value when only a tag speaks, whether it matches a person or not.
    pub owner_tag: Option<String>,
    /// Never blank.
    pub description: Option<String>,
    pub description_source: Option<AnnotationSource>,
    pub user_data: UserDataClassification,
    pub user_data_source: Option<AnnotationSource>,
}

/// What is said about a cluster: by hand first, else by its tags.
pub fn standing(cluster: &Cluster, manual: &Manual, people: &PeopleIndex, policy: &Policy) -> Standing {
    let tag = |key: &str| cluster.tag(key).filter(|value| !is_blank(value)).map(str::trim);
    let owner_tag = tag(&policy.owner_tag).filter(|_| manual.owner.is_none());
    let tag_owner = owner_tag.and_then(|value| only(people.matches(value)));
    let (owner, owner_source) = by_hand_or_tag(manual.owner, tag_owner);
    let (description, description_source) = by_hand_or_tag(
        manual.description.clone().filter(|text| !is_blank(text)),
        tag(&policy.description_tag).map(str::to_owned),
    );
    let (user_data, user_data_source) =
        by_hand_or_tag(manual.user_data, tag(&policy.user_data_tag).and_then(classification));
    Standing {
        owner,
        owner_source,
        owner_tag: owner_tag.map(str::to_owned),
        description,
        description_source,
        user_data: user_data.unwrap_or(UserDataClassification::Unclassified),
        user_data_source,
    }
}

/// Whose account it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// A person's id.
    pub person: Option<i64>,
    pub source: Option<LinkSource>,
    /// The e-mail is that of more than one person, so it links to nobody.
    pub ambiguous: bool,
}

/// Whose account it is: by hand first, else by its e-mail.
pub fn link(account: &Account, manual_person: Option<i64>, people: &PeopleIndex) -> Link {
    if manual_person.is_some() {
        return Link { person: manual_person, source: Some(LinkSource::Manual), ambiguous: false };
    }
    let matches = account.email.as_deref().map_or(&[][..], |email| people.matches(email));
    let person = only(matches);
    Link { person, source: person.map(|_| LinkSource::EmailMatch), ambiguous: matches.len() > 1 }
}

fn by_hand_or_tag<T>(by_hand: Option<T>, by_tag: Option<T>) -> (Option<T>, Option<AnnotationSource>) {
    match (by_hand, by_tag) {
        (Some(value), _) => (Some(value), Some(AnnotationSource::Manual)),
        (None, Some(value)) => (Some(value), Some(AnnotationSource::ProviderTag)),
        (None, None) => (None, None),
    }
}

fn classification(value: &str) -> Option<UserDataClassification> {
    match normal(value).as_str() {
        "true" | "yes" => Some(UserDataClassification::ContainsUserData),
        "false" | "no" => Some(UserDataClassification::NoUserData),
        _ => None,
    }
}

fn only(ids: &[i64]) -> Option<i64> {
    match ids {
        [id] => Some(*id),
        _ => None,
    }
}

fn normal(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Nothing that a reader would see: white space, control and zero-width characters, and what replaces unreadable ones.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{2800}'
                | '\u{3164}' | '\u{FEFF}' | char::REPLACEMENT_CHARACTER)
    })
}
