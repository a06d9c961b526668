//! Orders (RFC 8555 §7.4) and their authorizations: made, shown, listed, given up.

use std::collections::BTreeSet;

use pki::profile::{NameKind, Profile, Way};
use serde_json::{Map, Value, json};

use super::accounts::{self, Account};
use super::certificates;
use super::error::{AcmeError, ErrorKind, Result};
use super::identifier::Identifier;
use super::nonce::Taken;
use super::records::{self, ACME_AUTHORIZATIONS, ACME_ORDERS, NewOrder, int, text};
use super::renewal::CertificateId;
use super::service::{Context, random_text};
use super::state::{AuthorizationState, Challenge, ChallengeState, OrderState, authorization_now, order_now};
use crate::journal::Unit;
use crate::policy::{Resource, ServeAcme};
use crate::store::Row;

/// newOrder.
///
/// # Errors
/// [`AcmeError`]; with one subproblem for each identifier that may not be ordered.
pub async fn create(
    context: &Context,
    account: &Account,
    payload: &Map<String, Value>,
    nonce: &Taken,
) -> Result<(String, Value)> {
    let config = context.config()?;
    let identifiers = identifiers(payload)?;
    let profile_name = profile_name(context, account)?;
    let profiles = context.app.profiles();
    let profile = profiles.get(profile_name).filter(|profile| profile.may_ask(Way::Acme));
    let profile = profile.ok_or_else(|| {
        AcmeError::internal(format!("profile `{profile_name}` is unknown or not to be asked for by ACME"))
    })?;
    permitted(context, account, profile, &identifiers)?;
    let validity = validity(context, profile, payload)?;
    let now = context.now;
    let replaces = match payload.get("replaces") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(replaced(context, account, id, &identifiers).await?),
        Some(_) => return Err(AcmeError::malformed("`replaces` is a text.")),
    };
    if records::open_orders(&context.app.db, account.id(), now).await? >= i64::from(config.open_orders) {
        let detail = format!("The account has {} unfinished orders; finish them first.", config.open_orders);
        return Err(AcmeError::new(ErrorKind::RateLimited, detail).retry_after(600));
    }
    let expires = now.saturating_add(micros(config.order_seconds));
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let id = uuid::Uuid::now_v7().to_string();
    let act = context.act(&permit, resource(&id), Some(account.actor()));
    let mut authorizations = Vec::with_capacity(identifiers.len());
    let mut made = Vec::new();
    for identifier in &identifiers {
        let (base, wildcard) = (identifier.base(), identifier.is_wildcard());
        // RFC 8555 §7.4: what was proven lately need not be proven again. It must outlast the order.
        let known =
            records::valid_authorization(&context.app.db, account.id(), &base, wildcard, expires).await?;
        if let Some(row) = known {
            authorizations.push(row.id().to_owned());
            continue;
        }
        let mut kinds = config.challenges.clone();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.retain(|kind| kind.proves(&base, wildcard));
        if kinds.is_empty() {
            let detail = "None of the challenges offered can prove control of it.";
            let error = AcmeError::new(ErrorKind::RejectedIdentifier, detail);
            return Err(error.about(identifier, ErrorKind::RejectedIdentifier, detail));
        }
        let mut challenges = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let (token, state) = (random_text::<32>()?, ChallengeState::Pending);
            challenges.push(Challenge { kind, token, state, validated: None, error: None });
        }
        let authorization = uuid::Uuid::now_v7().to_string();
        let times = (now, expires);
        made.push(records::new_authorization(
            &authorization,
            account.id(),
            &base,
            wildcard,
            &challenges,
            times,
        ));
        authorizations.push(authorization);
    }
    let row = records::new_order(
        &id,
        &NewOrder {
            account: account.id(),
            identifiers: &identifiers,
            authorizations: &authorizations,
            validity,
            replaces: replaces.as_deref(),
            times: (now, expires),
        },
    );
    let facts = json!({
        "event": "order made",
        "identifiers": identifiers.iter().map(Identifier::to_json).collect::<Vec<_>>(),
        "proven": authorizations.len() - made.len(),
        "replaces": replaces,
    });
    let unit = account.guard(Unit::new(act)).facts(facts).insert(row.clone());
    let unit = made.into_iter().fold(unit, Unit::insert);
    context.commit(unit, Some(nonce)).await?;
    let body = shown(context, &row, now).await?.1;
    Ok((id, body))
}

/// An account's order.
///
/// # Errors
/// Not found, or another account's.
pub async fn find(context: &Context, account: &Account, id: &str) -> Result<Row> {
    let row = context.app.db.row(&ACME_ORDERS, id).await?;
    row.filter(|row| text(row, "account") == account.id()).ok_or_else(AcmeError::not_found)
}

/// An order's state now, and the order object (RFC 8555 §7.1.3).
///
/// # Errors
/// When the store does not answer.
pub async fn shown(context: &Context, row: &Row, now: i64) -> Result<(OrderState, Value)> {
    let mut states = Vec::new();
    let ids = records::authorizations_of(row);
    for id in &ids {
        let authorization = context.app.db.row(&ACME_AUTHORIZATIONS, id).await?;
        let authorization = authorization
            .ok_or_else(|| AcmeError::internal(format!("order `{}` misses an authorization", row.id())))?;
        states.push(authorization_state(&authorization, now));
    }
    let state = state(row, states, now);
    let mut body = Map::new();
    body.insert("status".into(), state.word().into());
    body.insert("expires".into(), time(int(row, "expires")).into());
    let identifiers: Vec<Value> = records::identifiers_of(row).iter().map(Identifier::to_json).collect();
    body.insert("identifiers".into(), identifiers.into());
    for (member, column) in [("notBefore", "not_before"), ("notAfter", "not_after")] {
        if let Some(micros) = row.value(column).as_int() {
            body.insert(member.into(), time(micros).into());
        }
    }
    if let Some(replaces) = row.value("replaces").as_text() {
        body.insert("replaces".into(), replaces.into());
    }
    let urls: Vec<Value> = ids.iter().map(|id| context.url(&format!("/authorization/{id}")).into()).collect();
    body.insert("authorizations".into(), urls.into());
    body.insert("finalize".into(), context.url(&format!("{}/finalize", path(row.id()))).into());
    if let Some(certificate) = row.value("certificate").as_text() {
        body.insert("certificate".into(), context.url(&certificates::path(certificate)).into());
    }
    if let Some(error) = row.value("error").as_text().and_then(|error| serde_json::from_str(error).ok()) {
        body.insert("error".into(), error);
    }
    Ok((state, Value::Object(body)))
}

/// The orders of an account (RFC 8555 §7.1.2.1), newest first: their addresses, and where the next page begins.
///
/// # Errors
/// When the store does not answer.
pub async fn list(context: &Context, account: &Account, before: &str) -> Result<(Value, Option<String>)> {
    let mut ids = records::orders_of(&context.app.db, account.id(), before, PAGE + 1).await?;
    let most = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let more = ids.len() > most;
    ids.truncate(most);
    let next = ids
        .last()
        .filter(|_| more)
        .map(|last| context.url(&format!("{}/orders?before={last}", accounts::path(account.id()))));
    let urls: Vec<String> = ids.iter().map(|id| context.url(&path(id))).collect();
    Ok((json!({ "orders": urls }), next))
}

/// An account's authorization.
///
/// # Errors
/// Not found, or another account's.
pub async fn find_authorization(context: &Context, account: &Account, id: &str) -> Result<Row> {
    let row = context.app.db.row(&ACME_AUTHORIZATIONS, id).await?;
    row.filter(|row| text(row, "account") == account.id()).ok_or_else(AcmeError::not_found)
}

/// The authorization object (RFC 8555 §7.1.4).
#[must_use]
pub fn shown_authorization(context: &Context, row: &Row, now: i64) -> Value {
    let state = authorization_state(row, now);
    let identifier = records::identifier_of(row).map(|identifier| identifier.to_json());
    let challenges = records::challenges_of(row);
    // A decided authorization shows only what decided it (RFC 8555 §7.1.4).
    let decided = |challenge: &&Challenge| match state {
        AuthorizationState::Pending => true,
        _ => challenge.state != ChallengeState::Pending,
    };
    let challenges: Vec<Value> = challenges
        .iter()
        .filter(decided)
        .map(|challenge| shown_challenge(context, row.id(), challenge))
        .collect();
    let mut body = json!({
        "status": state.word(),
        "expires": time(int(row, "expires")),
        "identifier": identifier,
        "challenges": challenges,
    });
    if int(row, "wildcard") == 1
        && let Some(members) = body.as_object_mut()
    {
        members.insert("wildcard".into(), true.into());
    }
    body
}

/// The challenge object (RFC 8555 §8).
#[must_use]
pub fn shown_challenge(context: &Context, authorization: &str, challenge: &Challenge) -> Value {
    let kind = challenge.kind.word();
    let mut body = json!({
        "type": kind,
        "url": context.url(&format!("/challenge/{authorization}/{kind}")),
        "token": challenge.token,
        "status": challenge.state.word(),
    });
    if let Some(members) = body.as_object_mut() {
        if let Some(validated) = challenge.validated {
            members.insert("validated".into(), time(validated).into());
        }
        if let Some(error) = &challenge.error {
            members.insert("error".into(), error.clone());
        }
    }
    body
}

/// Gives an authorization up (RFC 8555 §7.5.2).
///
/// # Errors
/// [`AcmeError`].
pub async fn deactivate_authorization(
    context: &Context,
    account: &Account,
    row: Row,
    payload: &Map<String, Value>,
    nonce: &Taken,
) -> Result<Value> {
    if payload.get("status").and_then(Value::as_str) != Some("deactivated") {
        return Err(AcmeError::malformed("`status` can only become `deactivated`."));
    }
    let state = authorization_state(&row, context.now);
    if !matches!(state, AuthorizationState::Pending | AuthorizationState::Valid) {
        return Err(AcmeError::malformed(format!("The authorization is {}.", state.word())));
    }
    let row = row.next_version().with("state", "deactivated").with("due", crate::store::Value::Null);
    let permit = context.permit::<ServeAcme>(Resource::appliance())?;
    let act = context.act(&permit, authorization_resource(row.id()), Some(account.actor()));
    let unit = Unit::new(act).facts(json!({ "event": "authorization deactivated" })).update(row.clone());
    context.commit(unit, Some(nonce)).await?;
    Ok(shown_authorization(context, &row, context.now))
}

/// An authorization's state now.
#[must_use]
pub fn authorization_state(row: &Row, now: i64) -> AuthorizationState {
    let stored = AuthorizationState::parse(text(row, "state")).unwrap_or(AuthorizationState::Invalid);
    authorization_now(stored, int(row, "expires"), now)
}

fn state(row: &Row, authorizations: Vec<AuthorizationState>, now: i64) -> OrderState {
    let stored = OrderState::parse(text(row, "state")).unwrap_or(OrderState::Invalid);
    order_now(stored, authorizations, int(row, "expires"), now)
}

/// The profile of an account's certificates.
///
/// # Errors
/// When ACME is off.
pub fn profile_name<'a>(context: &'a Context, account: &'a Account) -> Result<&'a str> {
    match &account.bound {
        Some(bound) => Ok(text(&bound.row, "profile")),
        None => Ok(&context.config()?.profile),
    }
}

/// An order as an entry's resource.
#[must_use]
pub fn resource(id: &str) -> String {
    format!("acme-order:{id}")
}

/// An authorization as an entry's resource.
#[must_use]
pub fn authorization_resource(id: &str) -> String {
    format!("acme-authorization:{id}")
}

/// Where an order is, below `/acme`.
#[must_use]
pub fn path(id: &str) -> String {
    format!("/order/{id}")
}

/// Microseconds as RFC 3339 in UTC, whole seconds.
pub(super) fn time(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}

/// Seconds as microseconds.
pub(super) fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX / 2_000_000).saturating_mul(1_000_000)
}

fn identifiers(payload: &Map<String, Value>) -> Result<Vec<Identifier>> {
    let all = payload.get("identifiers").and_then(Value::as_array);
    let all = all.ok_or_else(|| AcmeError::malformed("An order has a list of `identifiers`."))?;
    if all.is_empty() || all.len() > MOST_IDENTIFIERS {
        return Err(AcmeError::malformed("An order has 1 to 100 identifiers."));
    }
    let mut seen = BTreeSet::new();
    let mut wrong: Option<AcmeError> = None;
    for value in all {
        match Identifier::read(value) {
            Ok(identifier) => {
                seen.insert(identifier);
            }
            Err(error) => {
                let error = AcmeError::from(error);
                wrong = Some(match wrong {
                    None => error,
                    Some(first) => first,
                });
            }
        }
    }
    match wrong {
        Some(error) => Err(error),
        None => Ok(seen.into_iter().collect()),
    }
}

/// That every identifier is among those that the operator, the binding and the profile let be ordered.
fn permitted(
    context: &Context,
    account: &Account,
    profile: &Profile,
    identifiers: &[Identifier],
) -> Result<()> {
    let rules = profile.names();
    let mut refused = Vec::new();
    for identifier in identifiers {
        let kind = match identifier {
            Identifier::Dns(_) => NameKind::Dns,
            Identifier::Ip(_) => NameKind::Ip,
        };
        let bound = account.bound.as_ref().is_none_or(|bound| bound.allowed.covers(identifier));
        let general = context.app.acme.allowed().is_none_or(|allowed| allowed.covers(identifier));
        let reason = if !bound {
            "It is not among the names of the account's binding."
        } else if !general {
            "It is not among the names that this service certifies."
        } else if !rules.kinds.iter().any(|rule| rule.kind == kind && rule.most > 0) {
            "The profile of the account's certificates has no names of that type."
        } else if identifier.is_wildcard() && !rules.wildcards {
            "The profile of the account's certificates has no wildcards."
        } else {
            continue;
        };
        refused.push((identifier, reason));
    }
    let Some((first, reason)) = refused.first() else { return Ok(()) };
    let kind = ErrorKind::RejectedIdentifier;
    let error = match refused.len() {
        1 => AcmeError::new(kind, format!("`{first}` cannot be ordered. {reason}")),
        count => AcmeError::new(kind, format!("{count} of the identifiers cannot be ordered.")),
    };
    Err(refused.iter().fold(error, |error, (identifier, reason)| error.about(identifier, kind, reason)))
}

/// `notBefore` and `notAfter`: within what the profile gives, and only if it lets them be chosen.
fn validity(
    context: &Context,
    profile: &Profile,
    payload: &Map<String, Value>,
) -> Result<(Option<i64>, Option<i64>)> {
    let read = |name: &str| match payload.get(name) {
        None | Some(Value::Null) => Ok::<Option<i64>, AcmeError>(None),
        Some(value) => {
            let time = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let time =
                time.ok_or_else(|| AcmeError::malformed(format!("`{name}` is a time of RFC 3339.")))?;
            Ok(Some(time.as_second().saturating_mul(1_000_000)))
        }
    };
    let (from, to) = (read("notBefore")?, read("notAfter")?);
    if from.is_none() && to.is_none() {
        return Ok((None, None));
    }
    let rules = profile.validity();
    if !rules.negotiable {
        return Err(AcmeError::malformed(
            "The validity is fixed here: leave `notBefore` and `notAfter` out.",
        ));
    }
    let begin = from.unwrap_or(context.now);
    let end = to.unwrap_or_else(|| begin.saturating_add(i64::from(rules.days).saturating_mul(DAY)));
    let early = context.now.saturating_sub(rules.backdate.saturating_mul(1_000_000));
    let longest = i64::from(rules.longest_days).saturating_mul(DAY);
    let fits = begin >= early.saturating_sub(1_000_000)
        && begin <= context.now.saturating_add(FURTHEST)
        && end > begin
        && end > context.now
        && end <= context.now.saturating_add(longest);
    if !fits {
        let detail = format!(
            "`notBefore` lies between now and 30 days from now, `notAfter` after it and at most {} days from now.",
            rules.longest_days
        );
        return Err(AcmeError::malformed(detail));
    }
    Ok((from, to))
}

/// RFC 9773 §5: the certificate that an order replaces was this account's, has a name in common, and is not replaced.
async fn replaced(
    context: &Context,
    account: &Account,
    id: &str,
    identifiers: &[Identifier],
) -> Result<String> {
    let unknown = || AcmeError::malformed("`replaces` names no certificate of this account.");
    let parsed = CertificateId::parse(id).ok_or_else(unknown)?;
    let row = certificates::by_id(context, &parsed).await?.ok_or_else(unknown)?;
    let order = records::order_of_certificate(&context.app.db, row.id()).await?.ok_or_else(unknown)?;
    if text(&order, "account") != account.id() {
        return Err(unknown());
    }
    if !records::identifiers_of(&order).iter().any(|old| identifiers.contains(old)) {
        return Err(AcmeError::malformed(
            "The certificate that `replaces` names has no name in common with the order.",
        ));
    }
    let text = parsed.text();
    for other in records::replacements(&context.app.db, &text).await? {
        // An order that ran out replaces nothing.
        if shown(context, &other, context.now).await?.0 != OrderState::Invalid {
            let detail = "Another order replaces that certificate already.";
            return Err(AcmeError::new(ErrorKind::AlreadyReplaced, detail));
        }
    }
    Ok(text)
}

const MOST_IDENTIFIERS: usize = 100;
const PAGE: i64 = 100;
const DAY: i64 = 86_400_000_000;
/// How far ahead a validity may begin.
const FURTHEST: i64 = 30 * DAY;
