//! 扫码核验: what a holder's code shows to whoever was handed it.
//!
//! A use is counted in the unit that records the look, with the code's version, the licence's and the delegation's guarded: of
//! twenty who redeem a code of three uses at the same moment three are served. An answer that was lost on the way has been
//! counted all the same; the holder shows another code. What does not show anything (unknown, used up, over, the licence
//! changed to another version, the delegation taken back) is one answer; where a good code meets a licence that is not in
//! force, its state is told and no field.

use std::sync::Arc;

use serde_json::{Map, json};

use super::code::Code;
use super::model::{Redeeming, ShownLicence};
use super::parts::{self, Attempt};
use super::uses::{self, Look, Seen};
use crate::app::App;
use crate::identity::{Caller, CallerKind};
use crate::journal::Unit;
use crate::licences::library::{self, Licence, records};
use crate::policy::{Facts, Permit, RedeemShowCode, Resource};
use crate::problem::{Kind, Problem, Result};
use crate::server::Session;
use crate::store::Row;
use crate::store::tables::{LICENCE_DELEGATIONS, LICENCE_SHOW_CODES, LICENCES};

/// Who redeems a code.
#[derive(Debug, Clone)]
pub struct Viewer {
    caller: Arc<Caller>,
    request: String,
    /// Who tries too often: a registration, or a stranger's address.
    peer: String,
}

impl Viewer {
    /// A registered caller.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let caller = session.caller().clone();
        Self { peer: caller.id.clone(), caller, request: session.request_id().to_owned() }
    }

    /// A registered caller to whom another act was permitted in the same request.
    #[must_use]
    pub fn permitted<A: crate::policy::Action>(permit: &Permit<A>) -> Self {
        let caller = permit.caller().clone();
        Self { peer: caller.id.clone(), caller, request: permit.request().to_owned() }
    }

    /// A stranger on the public pages, at this address; `request` is the request's identifier.
    #[must_use]
    pub fn stranger(address: std::net::IpAddr, request: &str) -> Self {
        let peer = crate::server::limits::network(address).to_string();
        Self { caller: Caller::system("portal"), request: request.to_owned(), peer }
    }
}

/// Shows what a code shows, and counts the use.
///
/// # Errors
/// A problem: the policies, too many wrong tries, or a code that shows nothing (any more).
pub async fn redeem(app: &App, viewer: &Viewer, asked: &Redeeming) -> Result<ShownLicence> {
    let facts = Facts::of_request(&viewer.request);
    let permit = app.policy.decide::<RedeemShowCode>(&viewer.caller, Resource::appliance(), facts)?;
    asked.check()?;
    let peer = format!("code:{}", viewer.peer);
    parts::struck(app, &peer, false)?;
    let kept = Code::parse(asked.code.trim()).map(|code| code.kept());
    let shown = match &kept {
        None => Err(unusable()),
        Some(kept) => {
            let _turn = app.licences.showing.turn(kept).await;
            parts::bounded(|| attempt(app, &permit, asked, kept)).await
        }
    };
    if let Err(problem) = &shown
        && problem.kind() == Kind::ShowCodeUnusable
    {
        // Whoever shows a code that has served is not guessing: only those that never were count.
        let was = match &kept {
            Some(kept) => app.db.row(&LICENCE_SHOW_CODES, kept).await?.is_some(),
            None => false,
        };
        if !was {
            parts::struck(app, &peer, true)?;
        }
        if viewer.caller.kind == CallerKind::System {
            app.anonymous_failure("show-code-unusable");
        }
    }
    shown
}

async fn attempt(
    app: &App,
    permit: &Permit<RedeemShowCode>,
    asked: &Redeeming,
    kept: &str,
) -> std::result::Result<ShownLicence, Attempt> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let found = good(app, kept, now).await?.ok_or_else(unusable)?;
    let Good { code, licence, delegation } = found;
    let definition = parts::definition(app, licence.type_code(), licence.type_number()).await?;
    let (state, in_force) = parts::standing(&licence, now);
    let names = parts::unlist(records::text(&code, "fields"));
    let names = if in_force { names } else { Vec::new() };
    let values = match names.is_empty() {
        true => Map::new(),
        false => {
            let version = library::version(app, &licence, licence.identifier()).await?;
            parts::values(app, &licence, &version, &definition, &names)?
        }
    };
    let fields = parts::shown(&definition, &values, &names);
    let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
    let granted = records::int(&code, "granted").unwrap_or_default();
    let used = records::int(&code, "used").unwrap_or_default() + 1;
    let id = uuid::Uuid::now_v7().to_string();
    let words = json!({ "operator": asked.operator });
    let words = match asked.operator {
        None => None,
        Some(_) => parts::words(&library::data_key(&unsealed, &licence)?, &id, &words)?,
    };
    let item = asked.item.as_deref().or(code.value("item").as_text());
    let agent = delegation.as_ref().map(|row| row.id().to_owned());
    let look = uses::row(Seen {
        id: &id,
        licence: &licence,
        look: Look::Show,
        viewer: permit.caller(),
        code: Some(kept),
        delegation: agent.as_deref(),
        query: None,
        item,
        case_number: asked.case_number.as_deref(),
        purpose: None,
        words,
        fields: &names,
        state,
        time: now,
    });
    let facts = json!({
        "record": id,
        "licence": licence.id(),
        "identifier": licence.identifier(),
        "fields": names,
        "state": records::word(state),
        "use": used,
        "of": granted,
        "delegation": agent,
        "item": item,
    });
    let next = code.next_version().with("used", used);
    let next = if used >= granted { next.with("state", "used") } else { next };
    let mut unit = Unit::new(permit.act()).facts(facts).insert(look).update(next).guard(
        &LICENCES,
        licence.id(),
        licence.version(),
    );
    if let Some(delegation) = &delegation {
        unit = unit.guard(&LICENCE_DELEGATIONS, delegation.id(), delegation.version());
    }
    if let Some(operator) = &asked.operator {
        unit = unit.detail(json!({ "operator": operator }));
    }
    let issuer = crate::callers::records::organisation(&app.db, licence.organisation()).await?;
    let committed = unsealed.journal.commit(unit).await?;
    Ok(ShownLicence {
        record: id,
        identifier: licence.identifier().to_owned(),
        type_code: licence.type_code().to_owned(),
        type_name: definition.name.clone(),
        issuer: issuer.map(|row| records::text(&row, "name").to_owned()).unwrap_or_default(),
        issuer_code: licence.issuer().to_owned(),
        state: records::word(state).to_owned(),
        state_zh: state.word_zh().to_owned(),
        state_en: state.word_en().to_owned(),
        in_force,
        valid_from: parts::instant(licence.valid_from()),
        valid_to: licence.valid_to().map(parts::instant),
        fields,
        by_agent: agent.is_some(),
        left: granted - used,
        time: parts::moment(committed.time),
        leaf: committed.leaf,
    })
}

/// A code that shows something now.
struct Good {
    code: Row,
    licence: Licence,
    delegation: Option<Row>,
}

async fn good(app: &App, kept: &str, now: i64) -> Result<Option<Good>> {
    let Some(code) = app.db.row(&LICENCE_SHOW_CODES, kept).await? else { return Ok(None) };
    let int = |column: &str| records::int(&code, column).unwrap_or_default();
    let open =
        records::text(&code, "state") == "open" && int("used") < int("granted") && now < int("expires");
    if !open {
        return Ok(None);
    }
    let delegation = match code.value("delegation").as_text() {
        None => None,
        Some(id) => {
            let row = app.db.row(&LICENCE_DELEGATIONS, id).await?;
            let standing = row.filter(|row| {
                records::text(row, "state") == "active"
                    && records::int(row, "until").is_some_and(|end| now < end)
            });
            if standing.is_none() {
                return Ok(None);
            }
            standing
        }
    };
    let licence = records::licence(&app.db, records::text(&code, "licence")).await?;
    // A newer version has other fields: whoever holds it shows that one anew.
    let licence = licence
        .filter(|licence| !licence.is_erased() && licence.identifier() == records::text(&code, "identifier"));
    Ok(licence.map(|licence| Good { code, licence, delegation }))
}

/// One answer for a code that is unknown, used up, over, of a version that was replaced, or of a delegation taken back.
pub(super) fn unusable() -> Problem {
    Problem::new(
        Kind::ShowCodeUnusable,
        "The code is unknown, over or used up; have the holder show a new one.",
    )
    .with("zh", "该亮证码无效、已过期或已用完，请持证人重新出示")
}
