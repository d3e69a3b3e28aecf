//! The estate as plain values: what Atlas, people and edits say, in our words.
//!
//! Knows nobody: no database, no network, no GraphQL. Everything further out speaks in these types.

pub mod account;
pub mod cluster;
mod hex;
pub mod key;
pub mod person;
pub mod project;
pub mod resemblance;
pub mod review;
pub mod snapshot;
pub mod standing;
pub mod verdict;

pub use account::{Account, AccountKind, AccountStatus, Grant, GrantPath, GrantScope};
pub use cluster::{AtRest, Cluster, Deployment, Shard, ShardRegion, Tristate};
pub use hex::hex;
pub use key::{KeyProfile, KeyVerdict};
pub use person::{EmploymentStatus, Person, PersonField, Provenance, ValueSource};
pub use project::{EncryptionAtRest, KeyState, Project, Tag};
pub use snapshot::{Organization, ScopeFailure, ScopeKind, ScopeRead, Snapshot};
pub use standing::{AnnotationSource, Link, LinkSource, Manual, Standing, UserDataClassification};
pub use verdict::{ControlStatus, Coverage, Evidence, Outcome, SubjectKind, Verdict};

/// An instant in UTC.
pub type Instant = chrono::DateTime<chrono::Utc>;

/// Defines a closed set of words: an enum whose every value has one stored spelling.
///
/// The spelling is what the database keeps and what the GraphQL enum says.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stored spelling.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value spelled so, if there is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
