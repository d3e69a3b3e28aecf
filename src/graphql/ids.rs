//! Global ids: opaque to clients, `Type:raw` or `Type:raw@micros` to us.
//!
//! The instant is there when the thing was read under `asOf`, so that a client's cache never mixes two times.

use std::fmt::Display;

use async_graphql::ID;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;

use super::session::Moment;
use crate::domain::Instant;
use crate::store::views::SubjectKind;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    Workspace,
    Integration,
    SyncRun,
    Project,
    AtlasCluster,
    Account,
    Person,
    Control,
    ControlResult,
    AuditEvent,
    ApiToken,
    AccessReview,
    AccessReviewItem,
}

impl IdKind {
    /// The type's name in the schema.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Workspace => "Workspace",
            Self::Integration => "Integration",
            Self::SyncRun => "SyncRun",
            Self::Project => "Project",
            Self::AtlasCluster => "AtlasCluster",
            Self::Account => "Account",
            Self::Person => "Person",
            Self::Control => "Control",
            Self::ControlResult => "ControlResult",
            Self::AuditEvent => "AuditEvent",
            Self::ApiToken => "ApiToken",
            Self::AccessReview => "AccessReview",
            Self::AccessReviewItem => "AccessReviewItem",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "Workspace" => Self::Workspace,
            "Integration" => Self::Integration,
            "SyncRun" => Self::SyncRun,
            "Project" => Self::Project,
            "AtlasCluster" => Self::AtlasCluster,
            "Account" => Self::Account,
            "Person" => Self::Person,
            "Control" => Self::Control,
            "ControlResult" => Self::ControlResult,
            "AuditEvent" => Self::AuditEvent,
            "ApiToken" => Self::ApiToken,
            "AccessReview" => Self::AccessReview,
            "AccessReviewItem" => Self::AccessReviewItem,
            _ => return None,
        })
    }
}

/// No row has this id, so a filter by it matches nothing.
pub const NOTHING: i64 = -1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalId {
    pub kind: IdKind,
    pub raw: String,
    /// None: now.
    pub at: Option<Instant>,
}

impl GlobalId {
    pub fn encode(&self) -> ID {
        let at = self.at.map(|at| format!("@{}", at.timestamp_micros())).unwrap_or_default();
        ID(URL_SAFE_NO_PAD.encode(format!("{}:{}{at}", self.kind.word(), self.raw)))
    }

    /// None when the text is no id of ours.
    pub fn decode(id: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
        let (kind, rest) = text.split_once(':')?;
        let (raw, at) = match rest.split_once('@') {
            Some((raw, at)) => (raw, Some(DateTime::from_timestamp_micros(at.parse().ok()?)?)),
            None => (rest, None),
        };
        Some(Self { kind: IdKind::from_word(kind)?, raw: raw.to_owned(), at })
    }

    pub fn number(&self) -> Option<i64> {
        self.raw.parse().ok()
    }
}

impl Moment {
    /// The id of a thing that was read at this moment.
    pub fn id(&self, kind: IdKind, raw: impl Display) -> ID {
        GlobalId { kind, raw: raw.to_string(), at: self.reader.as_of() }.encode()
    }
}

/// What distinguishes a result over all its judgements.
pub fn result_key(control: &str, kind: SubjectKind, subject: i64) -> String {
    format!("{control}|{}|{subject}", kind.word())
}

/// The parts of a result's raw id.
pub fn split_result_key(raw: &str) -> Option<(&str, SubjectKind, i64)> {
    let mut parts = raw.split('|');
    let key = (parts.next()?, SubjectKind::from_word(parts.next()?)?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(key)
}

/// The stored id that `id` names; None when it is malformed or names something else.
pub fn stored(id: &ID, kind: IdKind) -> Option<i64> {
    GlobalId::decode(id).filter(|id| id.kind == kind)?.number()
}

/// For filters: an id that names nothing matches nothing.
pub fn wanted(id: Option<&ID>, kind: IdKind) -> Option<i64> {
    id.map(|id| stored(id, kind).unwrap_or(NOTHING))
}

/// For filters: an asset or an account; anything else matches nothing.
pub fn wanted_subject(id: &ID) -> (SubjectKind, i64) {
    match stored(id, IdKind::Account) {
        Some(account) => (SubjectKind::Account, account),
        None => (SubjectKind::Asset, stored(id, IdKind::AtlasCluster).unwrap_or(NOTHING)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(raw: &str, at: Option<i64>) -> GlobalId {
        GlobalId { kind: IdKind::Account, raw: raw.to_owned(), at: at.and_then(DateTime::from_timestamp_micros) }
    }

    #[test]
    fn an_id_keeps_its_instant_to_the_microsecond() {
        for id in [id("7", None), id("7", Some(1_700_000_000_000_001)), id("7", Some(-5))] {
            assert_eq!(GlobalId::decode(&id.encode()), Some(id));
        }
    }

    #[test]
    fn what_is_not_ours_is_no_id() {
        let foreign = |text: &str| URL_SAFE_NO_PAD.encode(text);
        for text in ["", "7", "!!", &foreign("Account"), &foreign("Secret:7"), &foreign("Account:7@soon")] {
            assert_eq!(GlobalId::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_filter_by_a_foreign_id_matches_nothing() {
        let account = id("7", None).encode();

        assert_eq!(wanted(Some(&account), IdKind::Account), Some(7));
        assert_eq!(wanted(Some(&account), IdKind::Person), Some(NOTHING));
        assert_eq!(wanted(None, IdKind::Person), None);
        assert_eq!(wanted_subject(&account), (SubjectKind::Account, 7));
        assert_eq!(wanted_subject(&ID::from("x")), (SubjectKind::Asset, NOTHING));
    }

    #[test]
    fn a_results_key_names_control_and_subject() {
        let key = result_key("clusters-encrypted", SubjectKind::Asset, 12);

        assert_eq!(split_result_key(&key), Some(("clusters-encrypted", SubjectKind::Asset, 12)));
        assert_eq!(split_result_key("clusters-encrypted|ASSET|12|3"), None);
    }
}
