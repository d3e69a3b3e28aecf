//! What a control is: a description and one pure rule over facts and a clock.

use super::derive::{Link, Standing};
use super::policy::Policy;
use super::saying::{seen, verdict};
pub use crate::domain::SubjectKind;
use crate::domain::review::ReviewRecord;
use crate::domain::{Account, Cluster, EncryptionAtRest, Instant, Outcome, Person, ScopeKind, Verdict};

crate::words! { Severity { Low = "LOW", Medium = "MEDIUM", High = "HIGH", Critical = "CRITICAL" } }

crate::words! {
    /// Whether a control is one of the eleven that the product is for, or was added to them.
    Origin { Core = "CORE", Extended = "EXTENDED" }
}

/// One control of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Control {
    /// Kebab-case, never reused.
    pub key: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub rationale: &'static str,
    pub remediation: &'static str,
    pub severity: Severity,
    pub frameworks: &'static [FrameworkReference],
    pub origin: Origin,
    /// The lists that its population comes from.
    pub scopes: &'static [ScopeKind],
    pub(super) rule: Rule,
}

/// A criterion of a framework that the control serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameworkReference {
    pub framework: &'static str,
    pub criterion: &'static str,
}

pub(super) const fn soc2(criterion: &'static str) -> FrameworkReference {
    FrameworkReference { framework: "SOC 2", criterion }
}

pub(super) const fn iso27001(criterion: &'static str) -> FrameworkReference {
    FrameworkReference { framework: "ISO 27001:2022", criterion }
}

pub(super) const CLUSTER_SCOPES: &[ScopeKind] = &[ScopeKind::Projects, ScopeKind::Clusters, ScopeKind::FlexClusters];
pub(super) const ACCOUNT_SCOPES: &[ScopeKind] = &[ScopeKind::Users, ScopeKind::ApiKeys, ScopeKind::ServiceAccounts];

/// All that is known about one asset.
#[derive(Debug, Clone, Copy)]
pub struct AssetFacts<'a> {
    pub cluster: &'a Cluster,
    pub standing: &'a Standing,
    /// The person that `standing.owner` names.
    pub owner: Option<&'a Person>,
    /// The customer-managed keys of its project; None when they could not be read.
    pub encryption: Option<&'a EncryptionAtRest>,
}

/// All that is known about one account.
#[derive(Debug, Clone, Copy)]
pub struct AccountFacts<'a> {
    /// Without its grants.
    pub account: &'a Account,
    /// Holds a role that can change the organization or a project.
    pub privileged: bool,
    pub link: &'a Link,
    /// The person that `link.person` names.
    pub person: Option<&'a Person>,
    /// There is at least one person in the workspace.
    pub any_personnel: bool,
    /// When a sync first found it.
    pub first_seen_at: Instant,
    pub review: ReviewRecord,
}

/// What a control says now, and when time alone makes it say something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub verdict: Verdict,
    /// A later instant, and the verdict from then on.
    pub flip: Option<(Instant, Verdict)>,
}

/// How a control judges.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// About a cluster's own settings, once it is there.
    Cluster(fn(&AssetFacts<'_>, &Policy) -> Verdict),
    /// About what people say of an asset.
    Annotation(fn(&AssetFacts<'_>) -> Verdict),
    /// About an asset's owner, who may leave.
    Owner {
        judge: fn(&AssetFacts<'_>, &Policy, Instant) -> Verdict,
        deadline: fn(&AssetFacts<'_>, &Policy) -> Option<Instant>,
    },
    /// About whose an account is.
    Association(fn(&AccountFacts<'_>) -> Verdict),
    /// About an account as time goes by: its person may leave, its last sign-in and its last review grow old.
    Account {
        judge: fn(&AccountFacts<'_>, &Policy, Instant) -> Verdict,
        /// The next instant at which time alone may change the verdict.
        deadline: fn(&AccountFacts<'_>, &Policy, Instant) -> Option<Instant>,
    },
}

impl Control {
    pub const fn subjects(&self) -> SubjectKind {
        match self.rule {
            Rule::Cluster(_) | Rule::Annotation(_) | Rule::Owner { .. } => SubjectKind::Asset,
            Rule::Association(_) | Rule::Account { .. } => SubjectKind::Account,
        }
    }

    /// Judges an asset. None when the control speaks about accounts.
    pub fn judge_asset(&self, facts: &AssetFacts<'_>, policy: &Policy, now: Instant) -> Option<Judged> {
        match self.rule {
            Rule::Cluster(judge) => Some(Judged::lasting(judge_cluster(judge, facts, policy))),
            Rule::Annotation(judge) => Some(Judged::lasting(judge(facts))),
            Rule::Owner { judge, deadline } => {
                Some(Judged::until(deadline(facts, policy), now, |at| judge(facts, policy, at)))
            }
            Rule::Association(_) | Rule::Account { .. } => None,
        }
    }

    /// Judges an account. None when the control speaks about assets.
    pub fn judge_account(&self, facts: &AccountFacts<'_>, policy: &Policy, now: Instant) -> Option<Judged> {
        match self.rule {
            Rule::Association(judge) => Some(Judged::lasting(judge(facts))),
            Rule::Account { judge, deadline } => {
                Some(Judged::until(deadline(facts, policy, now), now, |at| judge(facts, policy, at)))
            }
            Rule::Cluster(_) | Rule::Annotation(_) | Rule::Owner { .. } => None,
        }
    }
}

impl Judged {
    fn lasting(verdict: Verdict) -> Self {
        Self { verdict, flip: None }
    }

    fn until(deadline: Option<Instant>, now: Instant, judge: impl Fn(Instant) -> Verdict) -> Self {
        let verdict = judge(now);
        let flip = deadline.filter(|at| *at > now).map(|at| (at, judge(at))).filter(|(_, later)| *later != verdict);
        Self { verdict, flip }
    }
}

fn judge_cluster(judge: fn(&AssetFacts<'_>, &Policy) -> Verdict, facts: &AssetFacts<'_>, policy: &Policy) -> Verdict {
    let cluster = facts.cluster;
    let mut judged = if cluster.state == "CREATING" {
        verdict(
            Outcome::NotApplicable,
            "CLUSTER_CREATING",
            format!("{} is still being created and is judged once it is there.", cluster.name),
            vec![seen("stateName", "CREATING")],
        )
    } else {
        judge(facts, policy)
    };
    if cluster.paused == Some(true) {
        judged.evidence.push(seen("paused", "true"));
    }
    judged
}
