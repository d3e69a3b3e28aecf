//! How fresh and how whole the evidence is: the log of scope reads.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, CaseStatement, Condition, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::Reader;
use crate::domain::{Instant, ScopeKind};
use crate::store::StoreError;
use crate::store::convert::{instant, word};
use crate::store::views::{ScopeView, SubjectKind};

/// A list whose last good read is older than the freshness allows.
#[derive(Debug, Clone, Copy)]
pub struct StaleScope {
    pub scope_id: i64,
    pub last_good: i64,
    /// From then on its evidence counts as too old.
    pub deadline: i64,
}

/// When a list was last read, and how that went.
#[derive(Debug, Clone, Copy)]
struct ScopeRead {
    scope_id: i64,
    kind: ScopeKind,
    is_complete: bool,
    /// In microseconds since 1970.
    last_good: Option<i64>,
}

/// How the lists of workspaces were last read, as of the generation beside each: every answer asks for it.
#[derive(Debug, Clone)]
pub struct ScopeReads(Arc<Mutex<LruCache<i64, ReadAt>>>);

/// A generation, and how the lists were read as of it.
type ReadAt = (i64, Arc<[ScopeRead]>);

/// Workspaces whose lists are kept in mind.
const WORKSPACES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

impl Default for ScopeReads {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(WORKSPACES))))
    }
}

impl ScopeReads {
    fn find(&self, workspace: i64, generation: i64) -> Option<Arc<[ScopeRead]>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&workspace).filter(|(of, _)| *of == generation).map(|(_, reads)| Arc::clone(reads))
    }

    fn keep(&self, workspace: i64, generation: i64, reads: &Arc<[ScopeRead]>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who reads an old snapshot must not take the place of a newer one.
        if kept.peek(&workspace).is_none_or(|(of, _)| *of < generation) {
            kept.put(workspace, (generation, Arc::clone(reads)));
        }
    }
}

/// Lists that something is wrong with.
#[derive(Default)]
pub(super) struct Amiss {
    stale: Vec<StaleScope>,
    unreadable: HashMap<ScopeKind, u32>,
}

#[derive(FromQueryResult)]
struct ReadRow {
    scope_id: i64,
    last_good: Option<i64>,
}

#[derive(FromQueryResult)]
struct FullRow {
    scope_id: i64,
    last_good: Option<i64>,
    kind: String,
    complete: bool,
}

#[derive(FromQueryResult)]
struct ScopeRow {
    run_id: i64,
    kind: String,
    project_id: Option<i64>,
    complete: bool,
    error_code: Option<String>,
    message: Option<String>,
}

impl Reader {
    /// When each of these lists was last read well, by scope id.
    pub async fn last_reads(&self, scopes: &[i64]) -> Result<HashMap<i64, Instant>, StoreError> {
        let mut select = self.reads();
        select.and_where(Expr::col(("t", "scope_id")).is_in(scopes.to_vec()));
        let rows = self.all::<ReadRow>(&select).await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.scope_id, instant(row.last_good?)))).collect())
    }

    /// The lists whose evidence is too old at the instant.
    pub(super) async fn stale(&self) -> Result<&[StaleScope], StoreError> {
        Ok(&self.amiss().await?.stale)
    }

    /// Lists that the last sync could not read, counted by kind.
    pub(super) async fn unreadable(&self) -> Result<&HashMap<ScopeKind, u32>, StoreError> {
        Ok(&self.amiss().await?.unreadable)
    }

    /// Read once per reader; for now, once per generation.
    async fn amiss(&self) -> Result<&Amiss, StoreError> {
        let amiss = self.amiss.get_or_try_init(|| async {
            let too_old = self.clock.saturating_sub(self.freshness);
            let mut amiss = Amiss::default();
            for read in self.scope_reads().await?.iter() {
                if !read.is_complete {
                    *amiss.unreadable.entry(read.kind).or_default() += 1;
                }
                if let Some(last_good) = read.last_good.filter(|last_good| *last_good <= too_old) {
                    let deadline = last_good.saturating_add(self.freshness);
                    amiss.stale.push(StaleScope { scope_id: read.scope_id, last_good, deadline });
                }
            }
            Ok::<_, StoreError>(amiss)
        });
        amiss.await
    }

    /// When evidence will next have grown too old, after the instant.
    pub(super) async fn next_deadline(&self) -> Result<Option<i64>, StoreError> {
        let reads = self.scope_reads().await?;
        let deadlines = reads.iter().filter_map(|read| Some(read.last_good?.saturating_add(self.freshness)));
        Ok(deadlines.filter(|deadline| *deadline > self.clock).min())
    }

    async fn scope_reads(&self) -> Result<Arc<[ScopeRead]>, StoreError> {
        let generation = match (&self.snapshot, self.as_of) {
            (Some(_), None) => Some(self.generation().await?),
            _ => None,
        };
        if let Some(reads) = generation.and_then(|generation| self.scope_reads.find(self.workspace, generation)) {
            return Ok(reads);
        }
        let mut select = self.reads();
        select.columns([("s", "kind"), ("t", "complete")]);
        let reads = self.all::<FullRow>(&select).await?.into_iter().map(|row| {
            let kind = word(&row.kind, ScopeKind::from_word, "scope", "kind")?;
            Ok(ScopeRead { scope_id: row.scope_id, kind, is_complete: row.complete, last_good: row.last_good })
        });
        let reads: Arc<[ScopeRead]> = reads.collect::<Result<_, StoreError>>()?;
        if let Some(generation) = generation {
            self.scope_reads.keep(self.workspace, generation, &reads);
        }
        Ok(reads)
    }

    /// The lists that a run was to read, by run id, for runs that have ended.
    pub async fn scopes_of_runs(&self, runs: &[i64]) -> Result<HashMap<i64, Vec<ScopeView>>, StoreError> {
        let at_the_end = Condition::all()
            .add(Expr::col(("t", "scope_id")).equals(("s", "id")))
            .add(Expr::col(("t", "valid_from")).lte(Expr::col(("r", "finished_at"))))
            .add(
                Condition::any()
                    .add(Expr::col(("t", "valid_to")).is_null())
                    .add(Expr::col(("t", "valid_to")).gt(Expr::col(("r", "finished_at")))),
            );
        let project = Expr::col(("p", "integration_id"))
            .equals(("s", "integration_id"))
            .and(Expr::col(("p", "atlas_id")).equals(("s", "project")));
        let select = Query::select()
            .columns([("s", "kind"), ("t", "complete"), ("t", "error_code"), ("t", "message")])
            .expr_as(Expr::col(("r", "id")), Alias::new("run_id"))
            .expr_as(Expr::col(("p", "id")), Alias::new("project_id"))
            .from_as("sync_run", "r")
            .join_as(
                JoinType::InnerJoin,
                "scope",
                "s",
                Expr::col(("s", "integration_id")).equals(("r", "integration_id")),
            )
            .join_as(JoinType::InnerJoin, "scope_state", "t", at_the_end)
            .join_as(JoinType::LeftJoin, "project", "p", project)
            .and_where(Expr::col(("r", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("r", "id")).is_in(runs.to_vec()))
            .order_by(("s", "id"), Order::Asc)
            .to_owned();
        let mut scopes: HashMap<i64, Vec<ScopeView>> = HashMap::new();
        for row in self.all::<ScopeRow>(&select).await? {
            scopes.entry(row.run_id).or_default().push(ScopeView {
                kind: word(&row.kind, ScopeKind::from_word, "scope", "kind")?,
                project_id: row.project_id,
                complete: row.complete,
                error_code: row.error_code,
                message: row.message,
            });
        }
        Ok(scopes)
    }

    /// `scope_id` and `last_good` of every list: a good one is as fresh as its integration's last run.
    fn reads(&self) -> SelectStatement {
        let mut runs = Query::select()
            .column("integration_id")
            .expr_as(Expr::cust("MAX(read_at)"), Alias::new("read_at"))
            .from("sync_run")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("status").is_in(["SUCCEEDED", "PARTIAL", "HELD"]))
            .group_by_col("integration_id")
            .to_owned();
        if let Some(at) = self.as_of {
            runs.and_where(Expr::col("finished_at").lte(at));
        }
        Query::select()
            .column(("t", "scope_id"))
            .expr_as(last_good(), Alias::new("last_good"))
            .from_as("scope_state", "t")
            .join_as(JoinType::InnerJoin, "scope", "s", Expr::col(("s", "id")).equals(("t", "scope_id")))
            .join_subquery(
                JoinType::LeftJoin,
                runs,
                "r",
                Expr::col(("r", "integration_id")).equals(("s", "integration_id")),
            )
            .and_where(Expr::col(("t", "workspace_id")).eq(self.workspace))
            .cond_where(self.valid("t"))
            .to_owned()
    }

    /// The outcome at the instant, as SQL over `control_result` alias `r`.
    pub(super) async fn outcome(&self) -> Result<Expr, StoreError> {
        let stale: Vec<i64> = self.stale().await?.iter().map(|scope| scope.scope_id).collect();
        let mut case = CaseStatement::new();
        if !stale.is_empty() {
            let old = Condition::any()
                .add(Expr::col(("r", "scope_id")).is_in(stale.clone()))
                .add(Expr::col(("r", "second_scope_id")).is_in(stale));
            case = case.case(old, "UNKNOWN");
        }
        let flipped = Condition::all().add(Expr::col(("r", "flip_at")).lte(self.clock));
        Ok(case.case(flipped, Expr::col(("r", "flip_outcome"))).finally(Expr::col(("r", "outcome"))).into())
    }

    /// Subjects of this kind that fail a control at the instant.
    pub(super) async fn failing(
        &self,
        kind: SubjectKind,
        subject: (&'static str, &'static str),
        control: &str,
    ) -> Result<SelectStatement, StoreError> {
        Ok(Query::select()
            .expr(Expr::val(1))
            .from_as("control_result", "r")
            .and_where(Expr::col(("r", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("r", "control_key")).eq(control))
            .and_where(Expr::col(("r", "subject_kind")).eq(kind.word()))
            .and_where(Expr::col(("r", "subject_id")).equals(subject))
            .and_where(self.outcome().await?.eq("FAIL"))
            .cond_where(self.valid("r"))
            .to_owned())
    }
}

fn last_good() -> Expr {
    CaseStatement::new()
        .case(Condition::all().add(Expr::col(("t", "complete")).eq(true)), Expr::col(("r", "read_at")))
        .finally(Expr::col(("t", "last_good_at")))
        .into()
}
