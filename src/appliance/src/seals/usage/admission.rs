//! Admission of one use: the rule that admits it, what is counted and consumed, and the unit that records all of it.
//!
//! A use is judged twice: before anything is computed or signed, and, where it counts or consumes something, again when
//! it is recorded. What the judgement was based on is guarded in the unit, so that a rule changed, an officer retired or
//! an approval used in between makes the unit fail, and the use is judged once more. On one node such uses of one seal
//! take turns; between nodes the versions decide, a bounded number of times.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::counting::Counter;
use super::error::{Condition, Failure, Lack, UsageError};
use super::judge::{Asked, judged};
use super::model::{Approval, Terms};
use super::officers::{AGAIN, Based, counted};
use super::records::{self, Rule};
use crate::app::App;
use crate::callers::records::text;
use crate::identity::Caller;
use crate::journal::{CommitError, Committed, Journal, Unit};
use crate::seals::ReadySeal;
use crate::store::Row;

/// One use that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The seal; without rules (`governed` unset) it is admitted as it is.
    pub seal: &'a ReadySeal,
    /// SHA-256 of the document as it came: what approvals are bound to.
    pub document: [u8; 32],
    /// Only a digest of what is signed came, so nobody here knows the document.
    pub blind: bool,
    /// Code of the service item.
    pub item: Option<&'a str>,
    /// Case number.
    pub case_number: Option<&'a str>,
    /// Kind of the document.
    pub document_kind: Option<&'a str>,
}

/// That a rule admits one use, once: to be put into the unit that records it.
// INVARIANT: made by `admit_all` only, neither Clone nor kept: what it was based on is guarded by the unit.
#[derive(Debug)]
pub struct Admission {
    rule: String,
    based: Based,
    counter: Option<Counter>,
    /// The request as it is; becomes `used`.
    request: Option<Row>,
    officers: Vec<String>,
}

impl Admission {
    /// The rule that admits it.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The request whose approvals it consumes.
    #[must_use]
    pub fn approval(&self) -> Option<&str> {
        self.request.as_ref().map(Row::id)
    }

    /// Puts guards, counter and the consumed request into the unit whose last entry records the use as `record`.
    #[must_use]
    pub fn into_unit(self, unit: Unit, record: &str) -> Unit {
        let unit = unit.fact("usage", self.facts());
        let mut unit = self.based.guard(unit);
        if let Some(counter) = self.counter {
            unit = counter.put(unit);
        }
        match self.request {
            Some(request) => {
                unit.update(request.next_version().with("state", "used").with("seal_use", record))
            }
            None => unit,
        }
    }

    fn facts(&self) -> Json {
        match &self.request {
            None => json!({ "rule": self.rule }),
            Some(request) => {
                json!({ "rule": self.rule, "request": request.id(), "approved_by": self.officers })
            }
        }
    }

    /// Whether others may be counted or consume the same at this moment.
    const fn is_contended(&self) -> bool {
        self.counter.is_some() || self.request.is_some()
    }
}

/// Admits one use of a seal, or says which condition of which rule is not met.
///
/// # Errors
/// [`UsageError`].
pub async fn admit(app: &App, caller: &Caller, claim: &Claim<'_>) -> Result<Option<Admission>, UsageError> {
    let mut all = admit_all(app, caller, std::slice::from_ref(claim)).await?;
    Ok(all.pop().flatten())
}

/// Admits all uses of one act, or none. A seal without rules needs no admission and has none.
///
/// # Errors
/// [`UsageError`] of the first that no rule admits.
pub async fn admit_all(
    app: &App,
    caller: &Caller,
    claims: &[Claim<'_>],
) -> Result<Vec<Option<Admission>>, UsageError> {
    if claims.iter().all(|claim| !claim.seal.governed) {
        return Ok(claims.iter().map(|_| None).collect());
    }
    let unsealed = app.unsealed().map_err(|_| UsageError::Sealed)?;
    let now = unsealed.journal.clock().now().map_err(UsageError::Clock)?;
    let mut act = Judging { app, caller, now, counters: HashMap::new(), consumed: Vec::new() };
    let mut all: Vec<Option<Admission>> = Vec::with_capacity(claims.len());
    for (index, claim) in claims.iter().enumerate() {
        all.push(if claim.seal.governed { Some(act.admitted(claim, index).await?) } else { None });
    }
    // A counter is written once, by the last use that counts on it.
    for admission in all.iter_mut().rev().flatten() {
        admission.counter = act.counters.remove(&admission.rule);
    }
    Ok(all)
}

/// The uses of one act while they are judged, one after the other.
struct Judging<'a> {
    app: &'a App,
    caller: &'a Caller,
    now: i64,
    counters: HashMap<String, Counter>,
    /// Requests that earlier uses of the act consume.
    consumed: Vec<String>,
}

impl Judging<'_> {
    async fn admitted(&mut self, claim: &Claim<'_>, index: usize) -> Result<Admission, UsageError> {
        let seal = &claim.seal.summary.id;
        let mut failures = Vec::new();
        for rule in records::active_rules(&self.app.db, seal).await? {
            match self.by(&rule, claim).await? {
                Ok(admission) => return Ok(admission),
                Err(condition) => failures.push(Failure {
                    rule: rule.id().to_owned(),
                    name: rule.name().to_owned(),
                    condition,
                }),
            }
        }
        if failures.is_empty() {
            // Perhaps rules do not govern it any more: the next use asks anew.
            self.app.desk.seals.forget(seal);
        }
        Err(UsageError::Refused { seal: seal.clone(), index, failures })
    }

    /// What one rule says.
    async fn by(
        &mut self,
        rule: &Rule,
        claim: &Claim<'_>,
    ) -> Result<Result<Admission, Condition>, UsageError> {
        let asked = Asked {
            caller: self.caller,
            item: claim.item,
            document_kind: claim.document_kind,
            blind: claim.blind,
            now: self.now,
        };
        if let Err(condition) = judged(&rule.terms, &asked) {
            return Ok(Err(condition));
        }
        let counter = match self.counted(rule.id(), &rule.terms).await? {
            Ok(counter) => counter,
            Err(condition) => return Ok(Err(condition)),
        };
        let mut based = Based::default();
        based.on(&rule.row);
        let mut admission = Admission {
            rule: rule.id().to_owned(),
            based,
            counter: None,
            request: None,
            officers: Vec::new(),
        };
        if let Some(approval) = &rule.terms.approval {
            match self.approved(rule.id(), approval, claim).await? {
                Ok((request, approvals)) => {
                    self.consumed.push(request.id().to_owned());
                    admission.based.also(approvals.based);
                    admission.officers = approvals.officers;
                    admission.request = Some(request);
                }
                Err(condition) => return Ok(Err(condition)),
            }
        }
        // Counted only when nothing else stands in the way.
        if let Some(counter) = counter {
            self.counters.insert(rule.id().to_owned(), counter);
        }
        Ok(Ok(admission))
    }

    async fn counted(
        &self,
        rule: &str,
        terms: &Terms,
    ) -> Result<Result<Option<Counter>, Condition>, UsageError> {
        if !terms.is_counted() {
            return Ok(Ok(None));
        }
        let mut counter = match self.counters.get(rule) {
            Some(counter) => counter.clone(),
            None => Counter::new(rule, records::counter(&self.app.db, rule).await?),
        };
        Ok(counter.count(terms, self.now).map(|()| Some(counter)))
    }

    /// The request whose approvals serve this use, or what is wrong with the one that comes nearest.
    async fn approved(
        &self,
        rule: &str,
        approval: &Approval,
        claim: &Claim<'_>,
    ) -> Result<Result<(Row, super::officers::Counted), Condition>, UsageError> {
        let digest = hex::encode(claim.document);
        let requests =
            records::requests_for(&self.app.db, rule, &claim.seal.summary.id, &self.caller.id, &digest)
                .await?;
        let condition = |lack, given, request: Option<&Row>| {
            let request = request.map(|row| row.id().to_owned());
            Condition::Approval { needed: approval.needed, given, request, lack }
        };
        let mut nearest = condition(Lack::NotAsked, 0, None);
        // Newest first; what is said of an older one is only told when no newer one comes nearer.
        for request in requests {
            let told = |column: &str, claimed: Option<&str>| request.value(column).as_text() == claimed;
            let used = self.consumed.iter().any(|id| id == request.id());
            let lack = match text(&request, "state") {
                _ if used => Some(Lack::Used),
                "open" if request.value("expires").as_int().is_none_or(|until| until <= self.now) => {
                    Some(Lack::Expired)
                }
                "open" => None,
                "refused" => Some(Lack::Refused),
                "withdrawn" => Some(Lack::Withdrawn),
                _ => Some(Lack::Used),
            };
            let same = told("item", claim.item)
                && told("case_number", claim.case_number)
                && told("document_kind", claim.document_kind);
            match lack {
                Some(lack) => {
                    if matches!(nearest, Condition::Approval { lack: Lack::NotAsked, .. }) {
                        nearest = condition(lack, 0, Some(&request));
                    }
                }
                None if !same => nearest = condition(Lack::Other, 0, Some(&request)),
                None => {
                    let approvals = counted(self.app, approval, &request).await?;
                    if approvals.officers.len() >= usize::from(approval.needed) {
                        return Ok(Ok((request, approvals)));
                    }
                    nearest = condition(Lack::TooFew, approvals.officers.len(), Some(&request));
                }
            }
        }
        Ok(Err(nearest))
    }
}

/// Uses of governed seals on this node that count or consume take turns, so that they do not fail each other.
#[derive(Debug)]
pub struct Turns([Arc<Mutex<()>>; 64]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Arc::default()))
    }
}

impl Turns {
    /// The turn of all these seals; taken in one order, so that nobody waits in a circle.
    async fn take(&self, claims: &[Claim<'_>]) -> Vec<OwnedMutexGuard<()>> {
        let place = |claim: &Claim<'_>| {
            let octets = claim.seal.summary.id.bytes();
            octets.fold(0_usize, |sum, octet| sum.wrapping_mul(31).wrapping_add(octet.into())) % self.0.len()
        };
        let mut places: Vec<usize> = claims.iter().filter(|claim| claim.seal.governed).map(place).collect();
        places.sort_unstable();
        places.dedup();
        let mut turns = Vec::with_capacity(places.len());
        for place in places {
            if let Some(turn) = self.0.get(place) {
                turns.push(turn.clone().lock_owned().await);
            }
        }
        turns
    }
}

/// Why uses were not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// No rule admits them any more.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// They could not be recorded.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl RecordError {
    /// Something that was worked with has changed: what is kept of it is to be read again.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Commit(CommitError::Conflict { .. }))
    }

    /// The same act may have been recorded by another request: who knows its answer may give it.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        matches!(
            self,
            Self::Commit(CommitError::Exists { .. } | CommitError::OutcomeUnknown(_))
                | Self::Usage(UsageError::Refused { .. })
        )
    }
}

/// Records uses of governed seals: `build` makes the unit with the admissions, which are judged again as long as others
/// come in between. `early` are those judged before the work.
///
/// # Errors
/// [`RecordError`]; nothing was then recorded, [`CommitError::OutcomeUnknown`] excepted.
pub async fn record<F>(
    app: &App,
    journal: &Journal,
    caller: &Caller,
    claims: &[Claim<'_>],
    early: Vec<Option<Admission>>,
    build: F,
) -> Result<Committed, RecordError>
where
    F: Fn(Vec<Option<Admission>>) -> Unit,
{
    if !early.iter().flatten().any(Admission::is_contended) {
        match journal.commit(build(early)).await {
            Err(error) if is_again(&error) => {}
            done => return Ok(done?),
        }
    }
    let _turns = app.desk.turns.take(claims).await;
    let attempt = || async {
        let admissions = admit_all(app, caller, claims).await?;
        Ok::<_, RecordError>(journal.commit(build(admissions)).await?)
    };
    match bounded(attempt).await {
        None => {
            let seal = claims.first().map(|claim| claim.seal.summary.id.clone()).unwrap_or_default();
            Err(UsageError::Contended(seal).into())
        }
        Some(done) => done,
    }
}

/// Tries again while others come in between, up to a bound; `None` when it is reached.
async fn bounded<A, T>(attempt: impl Fn() -> A) -> Option<Result<T, RecordError>>
where
    A: Future<Output = Result<T, RecordError>>,
{
    for tried in 0..ATTEMPTS {
        match attempt().await {
            Err(RecordError::Commit(error)) if is_again(&error) => {
                // Nodes that met once do not meet again: a different while for each.
                let jitter = u64::from(uuid::Uuid::new_v4().as_bytes().first().copied().unwrap_or(0));
                let while_ = u64::from(tried.min(8)) * 2 + jitter / 16;
                tokio::time::sleep(Duration::from_millis(while_)).await;
            }
            done => return Some(done),
        }
    }
    None
}

fn is_again(error: &CommitError) -> bool {
    match error {
        CommitError::Conflict { table, .. } => AGAIN.contains(table),
        CommitError::Exists { table, .. } => *table == "seal_rule_counters",
        _ => false,
    }
}

/// How often a use is judged again when others come in between.
const ATTEMPTS: u32 = 40;
