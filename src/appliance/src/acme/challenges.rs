//! Challenges (RFC 8555 §7.5.1): the client says it is ready, a task of this node asks the world, the outcome is entered.
//!
//! The row of the authorization says until when this node works on it (`due`). A node that ends before it entered an
//! outcome leaves the row due, and the [`super::keeper`] of any node takes it up. Whoever writes does so for the
//! version it read, so that of two nodes one outcome counts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::accounts::Account;
use super::error::{AcmeError, Result};
use super::identifier::Identifier;
use super::nonce::Taken;
use super::orders::{self, micros};
use super::records::{self, ACME_ACCOUNTS, int, text};
use super::service::Context;
use super::state::{AuthorizationState, Challenge, ChallengeKind, ChallengeState, key_authorization};
use super::validation::{Question, validate};
use crate::app::App;
use crate::journal::Unit;
use crate::policy::{Resource, ServeAcme};
use crate::store::{Row, Value as Stored};

/// What is known of an authorization and one of its challenges.
#[derive(Debug)]
pub struct Found {
    /// The authorization's row.
    pub row: Row,
    /// All its challenges.
    pub challenges: Vec<Challenge>,
    /// Which of them is meant.
    pub kind: ChallengeKind,
}

impl Found {
    /// The challenge.
    ///
    /// # Errors
    /// When it is not there.
    pub fn challenge(&self) -> Result<&Challenge> {
        self.challenges.iter().find(|one| one.kind == self.kind).ok_or_else(AcmeError::not_found)
    }
}

/// An account's challenge.
///
/// # Errors
/// Not found, or another account's.
pub async fn find(context: &Context, account: &Account, authorization: &str, kind: &str) -> Result<Found> {
    let row = orders::find_authorization(context, account, authorization).await?;
    let kind = ChallengeKind::parse(kind).ok_or_else(AcmeError::not_found)?;
    let found = Found { challenges: records::challenges_of(&row), row, kind };
    found.challenge()?;
    Ok(found)
}

/// The client is ready: validation begins. Asked again while it is under way or decided, nothing happens.
///
/// # Errors
/// [`AcmeError`].
pub async fn respond(context: &Context, account: &Account, found: Found, nonce: &Taken) -> Result<Found> {
    let challenge = found.challenge()?;
    match orders::authorization_state(&found.row, context.now) {
        AuthorizationState::Pending if challenge.state == ChallengeState::Pending => {}
        AuthorizationState::Pending | AuthorizationState::Valid => return Ok(found),
        AuthorizationState::Invalid if challenge.state == ChallengeState::Invalid => return Ok(found),
        other => {
            return Err(AcmeError::malformed(format!("The authorization is {}.", other.word())));
        }
    }
    if found.challenges.iter().any(|other| other.state == ChallengeState::Processing) {
        return Err(AcmeError::malformed("Another challenge of the authorization is being validated."));
    }
    let Found { row, mut challenges, kind } = found;
    if let Some(one) = challenges.iter_mut().find(|one| one.kind == kind) {
        one.state = ChallengeState::Processing;
    }
    let due = context.now.saturating_add(lease(context)?);
    let row = records::with_challenges(row, &challenges).with("due", due);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::authorization_resource(row.id()), Some(account.actor()));
    let facts = json!({ "event": "challenge answered", "challenge": kind.word() });
    let unit = account.guard(Unit::new(act)).facts(facts).update(row.clone());
    context.commit(unit, Some(nonce)).await?;
    begin(&context.app, row.clone(), account.key.thumbprint());
    Ok(Found { row, challenges, kind })
}

/// Takes up a validation whose node gave it up.
///
/// # Errors
/// [`AcmeError`]; a conflict when another node was faster.
pub async fn take_up(context: &Context, row: Row) -> Result<()> {
    let account = context.app.db.row(&ACME_ACCOUNTS, text(&row, "account")).await?;
    let account = account.ok_or_else(|| AcmeError::internal("an authorization without an account"))?;
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::authorization_resource(row.id()), None);
    let row = row.next_version().with("due", context.now.saturating_add(lease(context)?));
    let unit = Unit::new(act).facts(json!({ "event": "validation taken up" })).update(row.clone());
    context.commit(unit, None).await?;
    begin(&context.app, row, text(&account, "thumbprint").to_owned());
    Ok(())
}

/// Validates on a task of its own; `row` is the version that this node holds.
fn begin(app: &Arc<App>, row: Row, thumbprint: String) {
    let app = app.clone();
    tokio::spawn(async move {
        let places = app.acme.validations.clone();
        // Closed never; without a place the row becomes due and is taken up later.
        let Ok(_place) = places.acquire_owned().await else { return };
        if let Err(error) = carry_out(&app, row, &thumbprint).await {
            tracing::warn!(
                error = error.detail(),
                cause = error.log_message(),
                "the outcome of an ACME validation was not entered; it is taken up again"
            );
        }
    });
}

async fn carry_out(app: &Arc<App>, row: Row, thumbprint: &str) -> Result<()> {
    let mut challenges = records::challenges_of(&row);
    let under_way = challenges.iter_mut().find(|one| one.state == ChallengeState::Processing);
    let Some(challenge) = under_way else { return Err(AcmeError::internal("nothing to validate")) };
    let identifier = records::identifier_of(&row);
    let identifier =
        identifier.ok_or_else(|| AcmeError::internal("an authorization without an identifier"))?;
    let question = Question {
        kind: challenge.kind,
        key_authorization: key_authorization(&challenge.token, thumbprint),
        token: challenge.token.clone(),
        identifier,
    };
    let config = app.config.acme.as_ref().ok_or_else(AcmeError::not_found)?;
    let outcome = validate(&app.fetch, config, &question).await;
    metrics::counter!("cinnabar_acme_validations_total", "challenge" => question.kind.word(),
        "outcome" => if outcome.is_ok() { "valid" } else { "invalid" })
    .increment(1);
    // The clock as it is now: validating took its time.
    let context = Context::new(app, "")?;
    let (word, expires) = match &outcome {
        Ok(()) => {
            challenge.state = ChallengeState::Valid;
            challenge.validated = Some(context.now);
            let until = context.now.saturating_add(micros(config.authorization_seconds));
            (AuthorizationState::Valid, until)
        }
        Err(error) => {
            challenge.state = ChallengeState::Invalid;
            challenge.error = Some(error.to_json());
            (AuthorizationState::Invalid, int(&row, "expires"))
        }
    };
    let facts = facts(&question.identifier, question.kind, &outcome);
    let row = records::with_challenges(row, &challenges)
        .with("state", word.word())
        .with("expires", expires)
        .with("due", Stored::Null);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::authorization_resource(row.id()), None);
    context.commit(Unit::new(act).facts(facts).update(row), None).await?;
    Ok(())
}

fn facts(identifier: &Identifier, kind: ChallengeKind, outcome: &Result<()>) -> Value {
    let error = outcome.as_ref().err().map(|error| (error.kind().name(), error.detail()));
    json!({
        "event": if error.is_none() { "challenge valid" } else { "challenge invalid" },
        "challenge": kind.word(),
        "identifier": identifier.to_json(),
        "error": error.map(|(kind, _)| kind),
        // What the world answered is part of why: it names hosts and addresses, nobody in person.
        "detail": error.map(|(_, detail)| detail),
    })
}

/// How long a node has for a validation before another takes it up.
fn lease(context: &Context) -> Result<i64> {
    Ok(micros(context.config()?.validation_seconds.saturating_add(SPARE)))
}

/// Seconds between the end of a validation and the moment another node takes it up.
const SPARE: u64 = 15;
