//! Challenges (RFC 8555 §7.5.1): the client says it is ready, a task of this node asks the world, the outcome is entered.
//!
//! The row of the authorization says until when this node works on it (`due`). A node that ends before it entered an
//! outcome leaves the row due, and the [`super::keeper`] of any node takes it up. Whoever writes does so for the
//! version it read, so that of two nodes one outcome counts.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::accounts::Account;
use super::error::{AcmeError, ErrorKind, Result};
use super::identifier::Identifier;
use super::nonce::Taken;
use super::orders::{self, micros};
use super::places::Place;
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
    // Without a place it is due at once, and taken up when there is one.
    let place = context.app.acme.validations.take(account.id());
    let due = context.now.saturating_add(if place.is_some() { lease(context)? } else { 0 });
    let row = records::with_challenges(row, &challenges).with("due", due);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::authorization_resource(row.id()), Some(account.actor()));
    let facts = json!({ "event": "challenge answered", "challenge": kind.word() });
    let unit = account.guard(Unit::new(act)).facts(facts).update(row.clone());
    context.commit(unit, Some(nonce)).await?;
    if let Some(place) = place {
        begin(&context.app, place, row.clone(), account.key.thumbprint());
    }
    Ok(Found { row, challenges, kind })
}

/// Takes up a validation that waited for a place, or whose node gave it up; ends one whose time is over or whose account
/// may not act any more. Without a place nothing happens.
///
/// # Errors
/// [`AcmeError`]; a conflict when another node was faster.
pub async fn take_up(context: &Context, row: Row) -> Result<()> {
    if orders::authorization_state(&row, context.now) != AuthorizationState::Pending {
        return end(context, row, too_late()).await;
    }
    let Some(place) = context.app.acme.validations.take(text(&row, "account")) else { return Ok(()) };
    let account = match owner(context, &row).await {
        Ok(account) => account,
        Err(error) if Account::is_over(&error) => return end(context, row, error).await,
        Err(error) => return Err(error),
    };
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::authorization_resource(row.id()), None);
    let row = row.next_version().with("due", context.now.saturating_add(lease(context)?));
    let unit = Unit::new(act).facts(json!({ "event": "validation taken up" })).update(row.clone());
    context.commit(account.guard(unit), None).await?;
    begin(&context.app, place, row, account.key.thumbprint());
    Ok(())
}

/// The account of an authorization, as it stands now.
async fn owner(context: &Context, row: &Row) -> Result<Account> {
    let account = context.app.db.row(&ACME_ACCOUNTS, text(row, "account")).await?;
    Account::load(context, account.ok_or_else(|| AcmeError::internal("an authorization without an account"))?)
        .await
}

/// Validates on a task of its own, at once: `row` is the version that this node holds, and the task ends before its
/// lease does.
fn begin(app: &Arc<App>, place: Place, row: Row, thumbprint: String) {
    let app = app.clone();
    tokio::spawn(async move {
        let _place = place;
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
    let challenges = records::challenges_of(&row);
    let under_way = challenges.iter().find(|one| one.state == ChallengeState::Processing);
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
    // The last try may begin just before its bound: it is cut off before the lease ends.
    let bound = Duration::from_secs(config.validation_seconds.saturating_add(SPARE / 3));
    let outcome = tokio::time::timeout(bound, validate(&app.fetch, config, &question)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(too_slow()));
    metrics::counter!("cinnabar_acme_validations_total", "challenge" => question.kind.word(),
        "outcome" => if outcome.is_ok() { "valid" } else { "invalid" })
    .increment(1);
    // The clock as it is now: validating took its time, in which authorization and account may have ended.
    let context = Context::new(app, "")?;
    let outcome = match outcome {
        Ok(()) if orders::authorization_state(&row, context.now) != AuthorizationState::Pending => {
            Err(too_late())
        }
        other => other,
    };
    if let Err(error) = outcome {
        return end(&context, row, error).await;
    }
    let account = match owner(&context, &row).await {
        Ok(account) => account,
        Err(error) if Account::is_over(&error) => return end(&context, row, error).await,
        Err(error) => return Err(error),
    };
    let until = context.now.saturating_add(micros(config.authorization_seconds));
    let unit = decided(&context, row, &Ok(until))?;
    context.commit(account.guard(unit), None).await?;
    Ok(())
}

/// Ends an authorization: its challenge under way failed with this error.
async fn end(context: &Context, row: Row, error: AcmeError) -> Result<()> {
    context.commit(decided(context, row, &Err(error))?, None).await?;
    Ok(())
}

/// The unit that enters the outcome of the challenge under way: until when the authorization is valid, or why not.
fn decided(context: &Context, row: Row, outcome: &Result<i64>) -> Result<Unit> {
    let mut challenges = records::challenges_of(&row);
    let under_way = challenges.iter_mut().find(|one| one.state == ChallengeState::Processing);
    let kind = under_way.as_ref().map(|challenge| challenge.kind);
    if let Some(challenge) = under_way {
        match outcome {
            Ok(_) => {
                challenge.state = ChallengeState::Valid;
                challenge.validated = Some(context.now);
            }
            Err(error) => {
                challenge.state = ChallengeState::Invalid;
                challenge.error = Some(error.to_json());
            }
        }
    }
    let state = if outcome.is_ok() { AuthorizationState::Valid } else { AuthorizationState::Invalid };
    let expires = *outcome.as_ref().unwrap_or(&int(&row, "expires"));
    let facts = facts(records::identifier_of(&row).as_ref(), kind, outcome);
    let row = records::with_challenges(row, &challenges)
        .with("state", state.word())
        .with("expires", expires)
        .with("due", Stored::Null);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, orders::authorization_resource(row.id()), None);
    Ok(Unit::new(act).facts(facts).update(row))
}

fn too_late() -> AcmeError {
    AcmeError::malformed("The authorization expired before it was validated.")
}

fn too_slow() -> AcmeError {
    AcmeError::new(ErrorKind::Connection, "The validation took too long.")
}

fn facts<T>(identifier: Option<&Identifier>, kind: Option<ChallengeKind>, outcome: &Result<T>) -> Value {
    let error = outcome.as_ref().err();
    json!({
        "event": if error.is_none() { "challenge valid" } else { "challenge invalid" },
        "challenge": kind.map(ChallengeKind::word),
        "identifier": identifier.map(Identifier::to_json),
        // Its kind alone: the detail repeats what foreign hosts answered, and a leaf is for ever.
        "error": error.map(|error| error.kind().name()),
    })
}

/// How long a node has for a validation before another takes it up.
fn lease(context: &Context) -> Result<i64> {
    Ok(micros(context.config()?.validation_seconds.saturating_add(SPARE)))
}

/// Seconds between the end of a validation and the moment another node takes it up.
const SPARE: u64 = 15;
