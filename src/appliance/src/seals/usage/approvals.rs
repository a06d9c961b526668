//! Asking for approval of one use on one document, and the officers' words on it.
//!
//! A request is one caller's, for one seal, one document by its SHA-256, one item, case and kind, under one rule. Whoever
//! approves says the digest too, so that what was seen is what is approved. Every word changes the request's version: of
//! a refusal, an approval and a use at the same moment one comes first, and the others see it. Four eyes compare
//! registered persons (decision 12).

use serde_json::json;

use super::error::{Condition, Failure, UsageError};
use super::judge::{Asked, judged};
use super::model::Approval;
use super::officers::{Based, Seat, seat};
use super::records::{self, Rule, SEAL_RULES, SEAL_USE_REQUESTS, Word};
use super::rules::now;
use super::views::NewRequest;
use crate::app::App;
use crate::callers::records::text;
use crate::identity::Caller;
use crate::journal::{CommitError, Committed, Unit};
use crate::policy::{ApproveUse, Permit, RefuseUse, RequestUse, WithdrawUse};
use crate::problem::{Kind, Problem, Result};
use crate::store::{Row, Value};

/// Asks. Asked again while the request is open, the same caller finds it, without an entry.
///
/// # Errors
/// A problem.
pub(super) async fn ask(
    app: &App,
    permit: &Permit<RequestUse>,
    new: &NewRequest,
    seal: &Row,
) -> Result<(Row, Option<Committed>)> {
    let unsealed = app.unsealed()?;
    let (caller, now) = (permit.caller(), now(&unsealed)?);
    let rule = asked_under(app, caller, new, seal.id(), now).await?;
    let approval =
        rule.terms.approval.clone().unwrap_or(Approval { needed: 1, officers: Vec::new(), hours: 1 });
    let digest = &new.document_sha256;
    for known in records::requests_for(&app.db, rule.id(), seal.id(), &caller.id, digest).await? {
        let same = |column: &str, given: &Option<String>| known.value(column).as_text() == given.as_deref();
        if text(&known, "state") == "open"
            && known.value("expires").as_int().is_some_and(|until| now < until)
            && same("item", &new.item)
            && same("case_number", &new.case_number)
            && same("document_kind", &new.document_kind)
        {
            return Ok((known, None));
        }
    }
    let id = uuid::Uuid::now_v7().to_string();
    let row = Row::new(
        &SEAL_USE_REQUESTS,
        vec![
            id.as_str().into(),
            1.into(),
            rule.id().into(),
            seal.id().into(),
            text(seal, "organisation").into(),
            caller.id.as_str().into(),
            caller.person.as_deref().into(),
            digest.as_str().into(),
            new.document_kind.clone().into(),
            new.item.clone().into(),
            new.case_number.clone().into(),
            "open".into(),
            now.into(),
            now.saturating_add(i64::from(approval.hours) * 3_600_000_000).into(),
            Value::Null,
            Value::Null,
        ],
    );
    let word = Word {
        request: &id,
        caller: &caller.id,
        person: caller.person.as_deref(),
        word: "ask",
        seat: None,
        delegation: None,
        time: now,
    };
    let facts = json!({
        "request": id,
        "seal": seal.id(),
        "rule": rule.id(),
        "document": { "sha256": digest },
        "needed": approval.needed,
    });
    // What it is for, and who works on it, may name people.
    let unit = Unit::new(permit.act())
        .facts(facts)
        .insert(row.clone())
        .insert(word.row())
        .guard(&SEAL_RULES, rule.id(), rule.row.version())
        .detail(json!({ "purpose": new.purpose, "operator": new.operator }));
    let committed = unsealed.journal.commit(unit).await?;
    Ok((row, Some(committed)))
}

/// The rule under which a request is made: the one named, or the first that admits the use but for the approval.
async fn asked_under(app: &App, caller: &Caller, new: &NewRequest, seal: &str, now: i64) -> Result<Rule> {
    let asked = Asked {
        caller,
        item: new.item.as_deref(),
        document_kind: new.document_kind.as_deref(),
        blind: false,
        now,
    };
    let mut failures = Vec::new();
    for rule in records::active_rules(&app.db, seal).await? {
        if new.rule.as_deref().is_some_and(|named| named != rule.id()) || rule.terms.approval.is_none() {
            continue;
        }
        match judged(&rule.terms, &asked) {
            Ok(()) => return Ok(rule),
            Err(condition) => failures.push(failure(&rule, condition)),
        }
    }
    if failures.is_empty() {
        let detail = "No rule of the seal asks for such an approval; use the seal, or name another rule.";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    Err(UsageError::Refused { seal: seal.to_owned(), index: 0, failures }.into())
}

fn failure(rule: &Rule, condition: Condition) -> Failure {
    Failure { rule: rule.id().to_owned(), name: rule.name().to_owned(), condition }
}

/// Approves the use on the document with this SHA-256.
///
/// # Errors
/// A problem.
pub(super) async fn approve(
    app: &App,
    permit: &Permit<ApproveUse>,
    request: Row,
    shown: &str,
) -> Result<(Row, Committed)> {
    let officer = permit.caller();
    let said = Said::by(app, officer, &request).await?;
    if text(&request, "document_digest") != shown {
        let detail = "What you approve is another document; read the request and send its `document_sha256`.";
        return Err(Problem::new(Kind::PreconditionFailed, detail));
    }
    let Said { person, seat, based, now } = said;
    let facts = json!({
        "request": request.id(),
        "seal": text(&request, "seal"),
        "document": { "sha256": shown },
        "seat": seat.officer,
        "delegation": seat.delegation,
    });
    let word = Word {
        request: request.id(),
        caller: &officer.id,
        person: Some(&person),
        word: "approve",
        seat: Some(&seat.officer),
        delegation: seat.delegation.as_deref(),
        time: now,
    };
    let word = word.row();
    let row = request.next_version();
    let unit = based.guard(Unit::new(permit.act()).facts(facts).insert(word).update(row.clone()));
    let committed = app.unsealed()?.journal.commit(unit).await.map_err(raced)?;
    Ok((row, committed))
}

/// Refuses the use; one refusal closes the request.
///
/// # Errors
/// A problem.
pub(super) async fn refuse(
    app: &App,
    permit: &Permit<RefuseUse>,
    request: Row,
    reason: &str,
) -> Result<(Row, Committed)> {
    let officer = permit.caller();
    let Said { person, based, now, .. } = Said::by(app, officer, &request).await?;
    let facts = json!({ "request": request.id(), "seal": text(&request, "seal") });
    let word = Word {
        request: request.id(),
        caller: &officer.id,
        person: Some(&person),
        word: "refuse",
        seat: None,
        delegation: None,
        time: now,
    };
    let word = word.row();
    let row = request.next_version().with("state", "refused");
    let unit = Unit::new(permit.act()).facts(facts).insert(word).update(row.clone());
    let unit = based.guard(unit.detail(json!({ "reason": reason })));
    let committed = app.unsealed()?.journal.commit(unit).await.map_err(raced)?;
    Ok((row, committed))
}

/// Takes a request back; whoever made it does.
///
/// # Errors
/// A problem.
pub(super) async fn withdraw(
    app: &App,
    permit: &Permit<WithdrawUse>,
    request: Row,
) -> Result<(Row, Committed)> {
    if permit.caller().id != text(&request, "caller") {
        return Err(Problem::new(Kind::Forbidden, "Whoever made the request takes it back."));
    }
    let state = text(&request, "state");
    if state != "open" {
        return Err(closed(state));
    }
    let row = request.next_version().with("state", "withdrawn");
    let facts = json!({ "request": row.id(), "seal": text(&row, "seal") });
    let unit = Unit::new(permit.act()).facts(facts).update(row.clone());
    let committed = app.unsealed()?.journal.commit(unit).await.map_err(raced)?;
    Ok((row, committed))
}

/// That an officer may speak about a request now, and for whom.
struct Said {
    person: String,
    seat: Seat,
    based: Based,
    now: i64,
}

impl Said {
    async fn by(app: &App, officer: &Caller, request: &Row) -> Result<Self> {
        let now = now(&*app.unsealed()?)?;
        let state = text(request, "state");
        if state != "open" {
            return Err(closed(state));
        }
        if request.value("expires").as_int().is_none_or(|until| until <= now) {
            return Err(closed("expired"));
        }
        let person = officer.person.clone().unwrap_or_default();
        if person.is_empty() {
            return Err(Problem::new(Kind::Forbidden, "Only a registered person decides on requests."));
        }
        if person == text(request, "person") || officer.id == text(request, "caller") {
            return Err(Problem::new(Kind::Forbidden, "Another person than the requester must decide."));
        }
        let rule = records::rule(&app.db, text(request, "rule")).await?;
        let rule = rule.filter(Rule::is_active).ok_or_else(|| closed("retired"))?;
        let approval = rule.terms.approval.clone().ok_or_else(|| closed("retired"))?;
        let words = records::words(&app.db, request.id()).await?;
        if words.iter().any(|word| text(word, "word") != "ask" && text(word, "person") == person) {
            return Err(Problem::new(
                Kind::Conflict,
                "You have decided on it already; another officer must.",
            ));
        }
        let mut based = Based::default();
        based.on(&rule.row);
        let seat = seat(app, &rule, &approval, officer, request, now, &mut based).await?;
        let seat = seat.ok_or_else(|| {
            let detail = "The rule names other officers; one of them decides, or lets you by a delegation.";
            Problem::new(Kind::Forbidden, detail)
        })?;
        Ok(Self { person, seat, based, now })
    }
}

fn closed(state: &str) -> Problem {
    let detail = match state {
        "refused" => "An officer refused it; make a new request.",
        "withdrawn" => "It was taken back; make a new request.",
        "expired" => "It was not used in time; make a new request.",
        "retired" => "Its rule does not ask for approvals any more.",
        _ => "Its approvals are used; make a new request.",
    };
    Problem::new(Kind::UseRequestClosed, detail).with("state", state)
}

/// Two decided at once: the later one reads again.
fn raced(error: CommitError) -> Problem {
    match error {
        CommitError::Conflict { table, .. } if super::officers::AGAIN.contains(&table) => {
            let detail =
                "Somebody else decided on it, or the rule changed, at the same moment; read it again.";
            Problem::new(Kind::PreconditionFailed, detail).log(&error)
        }
        CommitError::Exists { table: "seal_use_words", .. } => {
            let detail = "You, or somebody for the same officer of the rule, have decided on it already.";
            Problem::new(Kind::Conflict, detail).log(&error)
        }
        error => error.into(),
    }
}
