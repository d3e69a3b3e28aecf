//! Control results, with what time alone has done to them.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query, SelectStatement, UnionType};

use super::Reader;
use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use super::scopes::StaleScope;
use crate::domain::{Evidence, Outcome, Verdict};
use crate::store::StoreError;
use crate::store::convert::{from_json, instant, word};
use crate::store::views::{ResultView, SubjectKind};

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ResultFilter {
    pub control_key: Option<String>,
    pub outcome: Option<Vec<Outcome>>,
    pub subject: Option<(SubjectKind, i64)>,
}

/// Results by control and outcome.
pub(super) type Outcomes = HashMap<(String, Outcome), i64>;

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    control_key: String,
    subject_kind: String,
    subject_id: i64,
    scope_id: i64,
    second_scope_id: Option<i64>,
    outcome: String,
    reason: String,
    message: String,
    evidence: String,
    since: i64,
    flip_at: Option<i64>,
    flip_outcome: Option<String>,
    flip_reason: Option<String>,
    flip_message: Option<String>,
    flip_evidence: Option<String>,
}

const COLUMNS: [&str; 16] = [
    "id",
    "control_key",
    "subject_kind",
    "subject_id",
    "scope_id",
    "second_scope_id",
    "outcome",
    "reason",
    "message",
    "evidence",
    "since",
    "flip_at",
    "flip_outcome",
    "flip_reason",
    "flip_message",
    "flip_evidence",
];

/// The order in which they were stored.
const ORDER: Keyset = Keyset { column: None, id: ("r", "id"), direction: Direction::Ascending };

impl Reader {
    /// Results, by the order in which they were stored.
    pub async fn results(&self, filter: &ResultFilter, window: &Window) -> Result<Slice<ResultView>, StoreError> {
        let mut select = self.select_results(filter).await?;
        ORDER.apply(&mut select, window);
        let stale = self.stale().await?;
        let rows = self.all::<Row>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((self.result(row, stale)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    /// The same page of the results of each of these controls. Controls without any are left out.
    pub async fn results_by_control(
        &self,
        controls: &[&str],
        filter: &ResultFilter,
        window: &Window,
    ) -> Result<HashMap<String, Slice<ResultView>>, StoreError> {
        let mut lists = Vec::new();
        for control in controls {
            let filter = ResultFilter { control_key: Some((*control).to_owned()), ..filter.clone() };
            lists.push(self.select_results(&filter).await?);
        }
        let Some(select) = ORDER.apply_all(lists, window) else { return Ok(HashMap::new()) };
        let stale = self.stale().await?;
        let rows = self.all::<Row>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            let view = self.result(row, stale)?;
            Ok((view.control_key.clone(), (view, cursor)))
        });
        Ok(window.slices_by_id(rows.collect::<Result<_, StoreError>>()?, ORDER.direction))
    }

    /// How many results each of these controls has; those without any are left out.
    pub async fn count_results_by_control(
        &self,
        controls: &[&str],
        filter: &ResultFilter,
    ) -> Result<HashMap<String, u64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Count {
            control_key: String,
            results: i64,
        }
        let mut select = self.select_results(&ResultFilter { control_key: None, ..filter.clone() }).await?;
        select
            .and_where(Expr::col(("r", "control_key")).is_in(controls.iter().copied()))
            .clear_selects()
            .column(("r", "control_key"))
            .expr_as(Expr::cust("COUNT(*)"), Alias::new("results"))
            .group_by_col(("r", "control_key"));
        let counts = self.all::<Count>(&select).await?.into_iter();
        Ok(counts.map(|count| (count.control_key, count.results.unsigned_abs())).collect())
    }

    pub async fn count_results(&self, filter: &ResultFilter) -> Result<u64, StoreError> {
        let select = self.select_results(filter).await?;
        self.count(select).await
    }

    /// Every result of these subjects, ordered by control key.
    pub async fn results_of(&self, kind: SubjectKind, subjects: &[i64]) -> Result<Vec<ResultView>, StoreError> {
        let mut select = self.base_results(true);
        select
            .and_where(Expr::col(("r", "subject_kind")).eq(kind.word()))
            .and_where(Expr::col(("r", "subject_id")).is_in(subjects.to_vec()))
            .order_by(("r", "control_key"), sea_orm::sea_query::Order::Asc);
        let stale = self.stale().await?;
        self.all::<Row>(&select).await?.into_iter().map(|row| self.result(row, stale)).collect()
    }

    async fn select_results(&self, filter: &ResultFilter) -> Result<SelectStatement, StoreError> {
        let mut select = self.base_results(filter.subject.is_some());
        if let Some(key) = &filter.control_key {
            select.and_where(Expr::col(("r", "control_key")).eq(key.as_str()));
        }
        if let Some(outcomes) = &filter.outcome {
            select.and_where(self.outcome().await?.is_in(outcomes.iter().map(|word| word.word())));
        }
        if let Some((kind, id)) = filter.subject {
            select
                .and_where(Expr::col(("r", "subject_kind")).eq(kind.word()))
                .and_where(Expr::col(("r", "subject_id")).eq(id));
        }
        Ok(select)
    }

    fn base_results(&self, is_narrowed: bool) -> SelectStatement {
        Query::select()
            .columns(COLUMNS.map(|column| ("r", column)))
            .from_as("control_result", "r")
            .and_where(self.here("r", is_narrowed))
            .cond_where(self.valid("r"))
            .to_owned()
    }

    fn result(&self, row: Row, stale: &[StaleScope]) -> Result<ResultView, StoreError> {
        let subject_kind = word(&row.subject_kind, SubjectKind::from_word, "control_result", "subject_kind")?;
        let old = stale
            .iter()
            .filter(|scope| scope.scope_id == row.scope_id || Some(scope.scope_id) == row.second_scope_id)
            .min_by_key(|scope| scope.deadline);
        let flipped = row.flip_at.filter(|at| *at <= self.clock);
        let (verdict, since) = match (old, flipped) {
            (Some(scope), _) => (stale_verdict(scope), scope.deadline),
            (None, Some(at)) => (flipped_verdict(&row)?, at),
            (None, None) => (stored_verdict(&row)?, row.since),
        };
        Ok(ResultView {
            id: row.id,
            control_key: row.control_key,
            subject_kind,
            subject_id: row.subject_id,
            scope_id: row.scope_id,
            second_scope_id: row.second_scope_id,
            verdict,
            since: instant(since),
        })
    }

    /// How many results have this outcome at the instant, over all controls.
    pub async fn count_outcome(&self, outcome: Outcome) -> Result<u64, StoreError> {
        let counts = self.outcomes().await?.iter().filter(|((_, of), _)| *of == outcome);
        Ok(counts.map(|(_, count)| count.unsigned_abs()).sum())
    }

    /// Results counted by control and outcome at the instant; once per reader.
    pub(super) async fn outcomes(&self) -> Result<&Outcomes, StoreError> {
        self.outcomes.get_or_try_init(|| self.count_outcomes()).await
    }

    async fn count_outcomes(&self) -> Result<Outcomes, StoreError> {
        #[derive(FromQueryResult)]
        struct Group {
            control_key: String,
            outcome: String,
            results: i64,
        }
        let select = if self.as_of.is_none() && self.stale().await?.is_empty() {
            // By the index alone, but for the few that have flipped: there what was stored is taken off again.
            let stored = || Expr::col(("r", "outcome"));
            let flipped = || Condition::all().add(Expr::col(("r", "flip_at")).lte(self.clock));
            self.counted(stored(), "COUNT(*)", Condition::all())
                .union(UnionType::All, self.counted(stored(), "-COUNT(*)", flipped()))
                .union(UnionType::All, self.counted(Expr::col(("r", "flip_outcome")), "COUNT(*)", flipped()))
                .to_owned()
        } else {
            self.counted(self.outcome().await?, "COUNT(*)", Condition::all())
        };
        let mut counts = Outcomes::new();
        for row in self.all::<Group>(&select).await? {
            let outcome = word(&row.outcome, Outcome::from_word, "control_result", "outcome")?;
            *counts.entry((row.control_key, outcome)).or_default() += row.results;
        }
        Ok(counts)
    }

    /// `count` of the results that hold at the instant and `which`, by control and `outcome`.
    fn counted(&self, outcome: Expr, count: &'static str, which: Condition) -> SelectStatement {
        let effective = Query::select()
            .column(("r", "control_key"))
            .expr_as(outcome, Alias::new("outcome"))
            .from_as("control_result", "r")
            .and_where(Expr::col(("r", "workspace_id")).eq(self.workspace))
            .cond_where(self.valid("r"))
            .cond_where(which)
            .to_owned();
        Query::select()
            .columns(["control_key", "outcome"])
            .expr_as(Expr::cust(count), Alias::new("results"))
            .from_subquery(effective, "effective")
            .group_by_columns(["control_key", "outcome"])
            .to_owned()
    }
}

fn stored_verdict(row: &Row) -> Result<Verdict, StoreError> {
    verdict(&row.outcome, &row.reason, &row.message, &row.evidence)
}

fn flipped_verdict(row: &Row) -> Result<Verdict, StoreError> {
    match (&row.flip_outcome, &row.flip_reason, &row.flip_message, &row.flip_evidence) {
        (Some(outcome), Some(reason), Some(message), Some(evidence)) => verdict(outcome, reason, message, evidence),
        _ => Err(StoreError::Corrupt { table: "control_result", column: "flip_outcome" }),
    }
}

fn verdict(outcome: &str, reason: &str, message: &str, evidence: &str) -> Result<Verdict, StoreError> {
    let evidence: Vec<Evidence> = from_json(evidence, "control_result", "evidence")?;
    Ok(Verdict {
        outcome: word(outcome, Outcome::from_word, "control_result", "outcome")?,
        reason: reason.to_owned(),
        message: message.to_owned(),
        evidence,
    })
}

fn stale_verdict(scope: &StaleScope) -> Verdict {
    Verdict::stale(instant(scope.last_good), instant(scope.deadline))
}
