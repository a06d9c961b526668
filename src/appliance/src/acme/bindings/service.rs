//! The rules of giving out and withdrawing bindings.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::profile::Way;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use super::model::BindingWish;
use crate::acme::accounts::key_context;
use crate::acme::identifier::Allowed;
use crate::acme::records::{ACME_BINDINGS, text};
use crate::acme::service::sealing_key;
use crate::app::App;
use crate::certificates::Holder;
use crate::identity::CallerKind;
use crate::journal::{Committed, Unit};
use crate::policy::{BindAcme, Permit, WithdrawAcmeBinding};
use crate::problem::{Kind, Problem, Result};
use crate::store::Row;

/// A binding on record, and its key.
pub struct Given {
    /// Its row.
    pub row: Row,
    /// The key, base64url.
    pub key: Zeroizing<String>,
    /// The act's place in the log.
    pub committed: Committed,
}

/// The machine that a binding would be for.
///
/// # Errors
/// A problem: nobody active of that name, or a person.
pub async fn holder(app: &App, wish: &BindingWish) -> Result<Holder> {
    let holder = Holder::find(app, &wish.caller).await?;
    match holder.kind() {
        CallerKind::Machine => Ok(holder),
        _ => Err(Problem::new(
            Kind::InvalidParameter,
            "Platform servers are bound to a machine's registration.",
        )),
    }
}

/// Gives out a binding.
///
/// # Errors
/// A problem: ACME is off, names or profile that cannot be.
pub async fn give(
    app: &Arc<App>,
    permit: &Permit<BindAcme>,
    holder: &Holder,
    wish: &BindingWish,
) -> Result<Given> {
    let config = app.config.acme.as_ref();
    let config = config
        .ok_or_else(|| Problem::new(Kind::NotFound, "ACME is off; see `[acme]` in the configuration."))?;
    if wish.names.is_empty() || wish.names.len() > 100 {
        return Err(Problem::new(Kind::InvalidParameter, "`names` holds 1 to 100 names or networks."));
    }
    let names = wish.names.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>();
    Allowed::parse(names.iter().map(String::as_str))
        .map_err(|error| Problem::new(Kind::InvalidParameter, format!("`names`: {error}.")))?;
    let profile = wish.profile.as_deref().unwrap_or(&config.profile);
    if !app.profiles().get(profile).is_some_and(|profile| profile.may_ask(Way::Acme)) {
        let detail = "There is no such `profile`, or it cannot be asked for by ACME.";
        return Err(Problem::new(Kind::InvalidParameter, detail));
    }
    let days = wish.days.unwrap_or(7);
    if !(1..=365).contains(&days) {
        return Err(Problem::new(Kind::InvalidParameter, "`days` is 1 to 365."));
    }
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(|reason| {
        Problem::new(Kind::ClockUntrusted, "The operator must mend the clock; try again later.").log(reason)
    })?;
    let mut secret = Zeroizing::new([0; 32]);
    let key = loop {
        SystemRandom::new().fill(secret.as_mut()).map_err(|_| Problem::internal("no randomness"))?;
        let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        // Command lines take a text that begins with a hyphen for an option: of 64 keys, one is not given out.
        if !key.starts_with('-') {
            break key;
        }
    };
    let id = uuid::Uuid::now_v7().to_string();
    let label = sealing_key(app).map_err(Problem::internal)?;
    let sealed =
        unsealed.custody.seal(label, secret.as_ref(), &key_context(&id)).map_err(Problem::internal)?;
    let values = vec![
        id.as_str().into(),
        1.into(),
        sealed.into(),
        holder.id().into(),
        holder.organisation().into(),
        profile.into(),
        json!(names).to_string().into(),
        now.into(),
        now.saturating_add(i64::from(days) * 86_400_000_000).into(),
        "open".into(),
    ];
    let row = Row::new(&ACME_BINDINGS, values);
    let facts = json!({
        "binding": id, "caller": holder.id(), "names": names, "profile": profile, "days": days,
    });
    let unit = holder.guard(Unit::new(permit.act())).insert(row.clone()).facts(facts);
    let committed = unsealed.journal.commit(unit).await?;
    Ok(Given { row, key, committed })
}

/// Withdraws a binding: its account stops, and its key is gone.
///
/// # Errors
/// A problem: withdrawn already, or changed meanwhile.
pub async fn withdraw(app: &App, permit: &Permit<WithdrawAcmeBinding>, row: Row) -> Result<(Row, Committed)> {
    if text(&row, "state") == "withdrawn" {
        return Err(Problem::new(Kind::Conflict, "It is withdrawn already."));
    }
    let row = row.next_version().with("state", "withdrawn").with("sealed_key", Vec::new());
    let facts = json!({ "binding": row.id(), "caller": text(&row, "caller") });
    let unit = Unit::new(permit.act()).update(row.clone()).facts(facts);
    let committed = app.unsealed()?.journal.commit(unit).await?;
    Ok((row, committed))
}
