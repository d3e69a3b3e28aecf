//! Writing control results and control statuses.

use std::collections::HashMap;

use entity::{control_result, control_status};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{CHUNK, Writer};
use crate::domain::{ControlStatus, Instant, Outcome, Verdict};
use crate::store::StoreError;
use crate::store::convert::{instant, micros, to_json, word};
use crate::store::read::Turn;
use crate::store::views::SubjectKind;

/// A subject's id and a control's key.
pub type ResultKey = (i64, String);

/// A verdict with its evidence as it is stored: to tell whether it is another, nobody need read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredVerdict {
    pub outcome: Outcome,
    reason: String,
    message: String,
    evidence: String,
}

impl From<Verdict> for StoredVerdict {
    fn from(verdict: Verdict) -> Self {
        let Verdict { outcome, reason, message, evidence } = verdict;
        Self { outcome, reason, message, evidence: to_json(&evidence) }
    }
}

/// A result as it stands at the writer's instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResult {
    pub verdict: StoredVerdict,
    pub since: Instant,
    /// What time alone will make of it.
    pub flip: Option<(Instant, StoredVerdict)>,
    pub scope_id: i64,
    pub second_scope_id: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct ResultPut {
    pub integration_id: i64,
    pub control_key: String,
    pub subject_kind: SubjectKind,
    pub subject_id: i64,
    /// An earlier result holds and ends.
    pub replaces: bool,
    pub result: StoredResult,
}

/// What is read of a stored result.
const COLUMNS: [&str; 14] = [
    "control_key",
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

#[derive(FromQueryResult)]
struct Row {
    control_key: String,
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

impl Writer {
    /// Today's results of these subjects.
    pub async fn stored_results(
        &self,
        kind: SubjectKind,
        ids: &[i64],
    ) -> Result<HashMap<ResultKey, StoredResult>, StoreError> {
        let mut results = HashMap::new();
        for chunk in ids.chunks(CHUNK) {
            let select = Query::select()
                .columns(COLUMNS)
                .from("control_result")
                .and_where(self.owns("control_result"))
                .and_where(Expr::col("subject_kind").eq(kind.word()))
                .and_where(self.among("subject_id", chunk))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            for mut row in self.all::<Row>(&select).await? {
                let key = (row.subject_id, std::mem::take(&mut row.control_key));
                results.insert(key, self.stored_result(row)?);
            }
        }
        Ok(results)
    }

    /// Writes results; the ones that they replace end.
    pub async fn put_results(&self, puts: Vec<ResultPut>) -> Result<(), StoreError> {
        let mut replaced: HashMap<(SubjectKind, String), Vec<i64>> = HashMap::new();
        for put in puts.iter().filter(|put| put.replaces) {
            replaced.entry((put.subject_kind, put.control_key.clone())).or_default().push(put.subject_id);
        }
        for ((kind, key), subjects) in replaced {
            for chunk in subjects.chunks(CHUNK) {
                let update = Query::update()
                    .table("control_result")
                    .value("valid_to", self.at)
                    .and_where(Expr::col("subject_kind").eq(kind.word()))
                    .and_where(Expr::col("control_key").eq(key.as_str()))
                    .and_where(self.among("subject_id", chunk))
                    .and_where(Expr::col("valid_to").is_null())
                    .to_owned();
                self.tx.execute(&update).await?;
            }
        }
        self.insert(puts.into_iter().map(|put| self.result_row(put)).collect()).await
    }

    /// Ends every result of these subjects.
    pub(super) async fn close_results(&self, kind: SubjectKind, subjects: &[i64]) -> Result<(), StoreError> {
        for chunk in subjects.chunks(CHUNK) {
            let update = Query::update()
                .table("control_result")
                .value("valid_to", self.at)
                .and_where(Expr::col("subject_kind").eq(kind.word()))
                .and_where(self.among("subject_id", chunk))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            self.tx.execute(&update).await?;
        }
        Ok(())
    }

    /// Notes the statuses of controls, from instant to instant, where they differ from the ones noted before.
    ///
    /// Instants may lie before this writer's: what time alone changed since the last commit is noted where it belongs.
    pub async fn put_statuses(&self, turns: &[Turn]) -> Result<(), StoreError> {
        let rows = control_status::Entity::find()
            .filter(control_status::Column::WorkspaceId.eq(self.workspace))
            .filter(control_status::Column::ValidTo.is_null())
            .all(self.tx.as_ref())
            .await?;
        let mut noted: HashMap<String, ControlStatus> = HashMap::new();
        for row in rows {
            let status = word(&row.status, ControlStatus::from_word, "control_status", "status")?;
            noted.insert(row.control_key, status);
        }
        for (at, statuses) in turns {
            for (key, status) in statuses {
                if noted.insert(key.clone(), *status) != Some(*status) {
                    self.put_status(key, *status, *at).await?;
                }
            }
        }
        Ok(())
    }

    async fn put_status(&self, key: &str, status: ControlStatus, at: i64) -> Result<(), StoreError> {
        let close = Query::update()
            .table("control_status")
            .value("valid_to", at)
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("control_key").eq(key))
            .and_where(Expr::col("valid_to").is_null())
            .to_owned();
        self.tx.execute(&close).await?;
        let open = control_status::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            control_key: Set(key.to_owned()),
            status: Set(status.word().to_owned()),
            valid_from: Set(at),
            valid_to: Set(None),
        };
        self.insert(vec![open]).await
    }

    fn stored_result(&self, row: Row) -> Result<StoredResult, StoreError> {
        let stored = verdict(&row.outcome, row.reason, row.message, row.evidence)?;
        let flip = match (row.flip_at, row.flip_outcome, row.flip_reason, row.flip_message, row.flip_evidence) {
            (Some(at), Some(outcome), Some(reason), Some(message), Some(evidence)) => {
                Some((at, verdict(&outcome, reason, message, evidence)?))
            }
            _ => None,
        };
        let (verdict, since, flip) = match flip {
            Some((at, flipped)) if at <= self.at => (flipped, at, None),
            Some((at, flipped)) => (stored, row.since, Some((instant(at), flipped))),
            None => (stored, row.since, None),
        };
        let (scope_id, second_scope_id) = (row.scope_id, row.second_scope_id);
        Ok(StoredResult { verdict, since: instant(since), flip, scope_id, second_scope_id })
    }

    fn result_row(&self, put: ResultPut) -> control_result::ActiveModel {
        let StoredResult { verdict, since, flip, scope_id, second_scope_id } = put.result;
        let (flip_at, flipped) = flip.map_or((None, None), |(at, flipped)| (Some(micros(at)), Some(flipped)));
        control_result::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(put.integration_id),
            control_key: Set(put.control_key),
            subject_kind: Set(put.subject_kind.word().to_owned()),
            subject_id: Set(put.subject_id),
            scope_id: Set(scope_id),
            second_scope_id: Set(second_scope_id),
            outcome: Set(verdict.outcome.word().to_owned()),
            evidence: Set(verdict.evidence),
            reason: Set(verdict.reason),
            message: Set(verdict.message),
            since: Set(micros(since)),
            flip_at: Set(flip_at),
            flip_outcome: Set(flipped.as_ref().map(|verdict| verdict.outcome.word().to_owned())),
            flip_evidence: Set(flipped.as_ref().map(|verdict| verdict.evidence.clone())),
            flip_reason: Set(flipped.as_ref().map(|verdict| verdict.reason.clone())),
            flip_message: Set(flipped.map(|verdict| verdict.message)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }
}

fn verdict(outcome: &str, reason: String, message: String, evidence: String) -> Result<StoredVerdict, StoreError> {
    let outcome = word(outcome, Outcome::from_word, "control_result", "outcome")?;
    Ok(StoredVerdict { outcome, reason, message, evidence })
}
