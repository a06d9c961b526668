//! 亮证: a holder's platform has a code given out for one licence.
//!
//! The code is bound to the version of the licence, to the fields and to how often and how long it shows them; none of this can
//! be changed afterwards, and it ends before the licence and the delegation do. Nobody but who asked knows it: a hash is kept.
//! With an `Idempotency-Key` the code is made from the key, the caller, the request and a salt by a secret in custody, so that
//! the same request is answered with the same code although none is kept. The salt is kept, encrypted, as long as answers to
//! repeated requests are: after that the same request has a code of its own.

use std::collections::BTreeSet;

use custody::{Algorithm, CustodyError, Usage};
use licence::catalogue::TypeDefinition;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use super::code::{Code, OCTETS, symbol};
use super::model::{NewShowCode, ShowCode};
use super::parts::{self, Attempt};
use super::{bounds, delegation};
use crate::app::{App, Unsealed};
use crate::documents::replay::{ReplayError, ReplayKey};
use crate::journal::Unit;
use crate::licences::library::{self, Licence, records};
use crate::policy::{Permit, ShowLicence};
use crate::problem::{Kind, Problem, Result};
use crate::store::tables::{LICENCE_SHOW_CODES, LICENCES};
use crate::store::{Row, Value};

/// Who shows: somebody by whom the licence is found, or an agent.
enum By {
    /// In this role.
    Role(String),
    /// By this delegation.
    Delegation(String),
}

/// The idempotency of one request for a code.
#[derive(Debug)]
pub struct Repeatable {
    /// Of the record that a code was given out.
    pub key: ReplayKey,
    /// Caller, key and request, from which the code is made.
    pub message: Vec<u8>,
}

/// Gives out a code; also the leaf that records it, unless it was given out before.
///
/// # Errors
/// A problem: nobody's licence or another's, not in force, fields that are not there or beyond the delegation.
pub async fn show(
    app: &App,
    permit: &Permit<ShowLicence>,
    licence: Option<Licence>,
    new: &NewShowCode,
    repeatable: Option<&Repeatable>,
) -> Result<(ShowCode, Option<u64>)> {
    let unsealed = app.unsealed()?;
    let caller = &permit.caller().id;
    let (licence, by) = match &new.delegation {
        None => {
            let (licence, role) = parts::held(app, caller, &new.licence, licence, &new.holder).await?;
            (licence, By::Role(role))
        }
        Some(id) => (
            delegation::agents(app, caller, &new.licence, licence, id, &new.holder).await?,
            By::Delegation(id.clone()),
        ),
    };
    if let Some(known) = before(app, &unsealed, repeatable).await? {
        return Ok((known, None));
    }
    let mut salt = Salt::default();
    SystemRandom::new().fill(&mut salt).map_err(|_| Problem::internal("no randomness"))?;
    let code = drawn(app, &unsealed, repeatable, &salt)?;
    let id = licence.id().to_owned();
    let repeated = repeatable.map(|repeatable| (repeatable, &salt));
    match parts::bounded(|| attempt(app, permit, &id, new, &code, &by, repeated)).await {
        // The same request was faster, or its outcome was not known: what is on record is the answer.
        Err(problem) if repeatable.is_some() => match before(app, &unsealed, repeatable).await? {
            Some(known) => Ok((known, None)),
            None => Err(problem),
        },
        done => done,
    }
}

/// What the same request was answered before.
async fn before(app: &App, unsealed: &Unsealed, repeatable: Option<&Repeatable>) -> Result<Option<ShowCode>> {
    let Some(repeatable) = repeatable else { return Ok(None) };
    let Some(kept) = repeatable.key.open(&app.db, &unsealed.custody, parts::replay_label(app)?).await? else {
        return Ok(None);
    };
    let damaged = || ReplayError::Damaged("it names no code on record".to_owned());
    let (salt, kept) = kept.split_first_chunk().ok_or_else(damaged)?;
    let code = drawn(app, unsealed, Some(repeatable), salt)?;
    let row = app.db.row(&LICENCE_SHOW_CODES, &String::from_utf8_lossy(kept)).await?;
    let row = row.filter(|row| row.id() == code.kept()).ok_or_else(damaged)?;
    let now = parts::now(unsealed)?;
    if records::int(&row, "expires").is_none_or(|end| end <= now) {
        let detail =
            "The code that answered this request is over; ask again under another `Idempotency-Key`.";
        return Err(Problem::new(Kind::ShowCodeUnusable, detail).with("zh", "该亮证码已过期，请重新申请"));
    }
    answer(app, &code, &row).map(Some)
}

async fn attempt(
    app: &App,
    permit: &Permit<ShowLicence>,
    licence: &str,
    new: &NewShowCode,
    code: &Code,
    by: &By,
    repeatable: Option<(&Repeatable, &Salt)>,
) -> std::result::Result<(ShowCode, Option<u64>), Attempt> {
    let unsealed = app.unsealed()?;
    let now = parts::now(&unsealed)?;
    let licence = records::licence(&app.db, licence).await?.ok_or_else(parts::not_theirs)?;
    parts::in_force(&licence, now)?;
    crowded(app, licence.id(), now).await?;
    let definition = parts::definition(app, licence.type_code(), licence.type_number()).await?;
    let (role, delegated) = match by {
        By::Role(role) => (Some(role.as_str()), None),
        By::Delegation(id) => (None, Some(id.as_str())),
    };
    let delegation = match delegated {
        None => None,
        Some(id) => Some(delegation::admitting(app, &licence, id, new, now).await?),
    };
    let fields = scope(&definition, new, delegation.as_ref())?;
    let mut expires = now.saturating_add(i64::from(new.seconds()) * bounds::SECOND);
    if let Some(end) = licence.valid_to() {
        expires = expires.min(end.saturating_add(1).saturating_mul(bounds::SECOND));
    }
    if let Some(delegation) = &delegation {
        expires = expires.min(records::int(delegation, "until").unwrap_or(now));
    }
    let kept = code.kept();
    let key = library::data_key(&unsealed, &licence)?;
    let words = parts::words(&key, &kept, &json!({ "purpose": new.purpose }))?;
    let row = Row::new(
        &LICENCE_SHOW_CODES,
        vec![
            kept.as_str().into(),
            1.into(),
            licence.id().into(),
            licence.identifier().into(),
            parts::list(&fields).into(),
            i64::from(new.uses()).into(),
            0.into(),
            delegated.into(),
            new.item.as_deref().into(),
            words.into(),
            permit.caller().id.as_str().into(),
            permit.caller().organisation.as_str().into(),
            "open".into(),
            now.into(),
            expires.into(),
        ],
    );
    let facts = json!({
        "licence": licence.id(),
        "identifier": licence.identifier(),
        "fields": fields,
        "uses": new.uses(),
        "expires": parts::moment(expires),
        "by": role,
        "delegation": delegated,
        "item": new.item,
    });
    // The purpose is in the row, under the licence's key: it goes where the licence is erased.
    let mut unit = Unit::new(permit.act()).facts(facts).insert(row.clone()).guard(
        &LICENCES,
        licence.id(),
        licence.version(),
    );
    if let Some(delegation) = delegation {
        let used = records::int(&delegation, "used").unwrap_or_default() + i64::from(new.uses());
        unit = unit.update(delegation.next_version().with("used", used));
    }
    if let Some((repeatable, salt)) = repeatable {
        let label = parts::replay_label(app)?;
        let plain = Zeroizing::new([salt.as_slice(), kept.as_bytes()].concat());
        let kept = repeatable.key.seal(&plain, now, &unsealed.custody, label).map_err(Problem::from)?;
        unit = unit.cache_insert(kept);
    }
    let committed = unsealed.journal.commit(unit).await?;
    Ok((answer(app, code, &row)?, Some(committed.leaf)))
}

/// The fields that the code shows: those asked for, or those that anyone may see, and none beyond the delegation.
fn scope(definition: &TypeDefinition, new: &NewShowCode, delegation: Option<&Row>) -> Result<Vec<String>> {
    let all: Vec<&str> = parts::fields(definition).into_iter().map(|(name, _)| name).collect();
    let allowed = delegation.and_then(|row| row.value("fields").as_text()).map(parts::unlist);
    let allows = |name: &str| allowed.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one == name));
    let Some(asked) = &new.fields else {
        let open = parts::open_fields(definition);
        let fields = all.into_iter().filter(|name| open.contains(name) && allows(name));
        return Ok(fields.map(ToOwned::to_owned).collect());
    };
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    if let Some(unknown) = asked.iter().find(|name| !all.contains(name)) {
        let detail = format!(
            "Licences of this type have no field `{}`.",
            unknown.chars().take(60).collect::<String>()
        );
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "fields"));
    }
    if asked.iter().any(|name| !allows(name)) {
        return Err(delegation::forbids(
            "fields",
            "The holder lets the agent show other fields only.",
            "超出委托的字段范围",
        ));
    }
    Ok(all.into_iter().filter(|name| asked.contains(name)).map(ToOwned::to_owned).collect())
}

/// That a licence has not too many codes open at once.
async fn crowded(app: &App, licence: &str, now: i64) -> Result<()> {
    let since = now.saturating_sub(i64::from(*bounds::SECONDS.end()) * bounds::SECOND);
    let sql = "SELECT count(*) AS n FROM licence_show_codes WHERE licence = $1 AND created > $2 AND expires > $3 \
               AND state = 'open'";
    let parameters: [Value; 3] = [licence.into(), since.into(), now.into()];
    let found = app.db.fetch_optional(sql, &parameters).await?;
    let many = found.map_or(Ok(0), |record| record.int("n"))?;
    if many < bounds::OPEN {
        return Ok(());
    }
    let detail = "Too many codes of this licence are open; wait until they are over.";
    Err(Problem::new(Kind::TooManyRequests, detail).retry_after(30))
}

fn answer(app: &App, code: &Code, row: &Row) -> Result<ShowCode> {
    let url = super::portal(app).map(|portal| code.url(portal));
    let qr = symbol(url.as_deref().unwrap_or(code.as_str()));
    Ok(ShowCode {
        qr: qr.ok_or_else(|| Problem::internal("the portal's address does not fit a QR symbol"))?,
        url,
        code: code.as_str().to_owned(),
        identifier: records::text(row, "identifier").to_owned(),
        fields: parts::unlist(records::text(row, "fields")),
        uses: records::int(row, "granted").unwrap_or_default(),
        expires: parts::moment(records::int(row, "expires").unwrap_or_default()),
    })
}

/// A fresh code, or the one that belongs to a repeatable request.
fn drawn(app: &App, unsealed: &Unsealed, repeatable: Option<&Repeatable>, salt: &Salt) -> Result<Code> {
    let mut octets = Zeroizing::new([0; OCTETS]);
    match repeatable {
        None => SystemRandom::new().fill(octets.as_mut()).map_err(|_| Problem::internal("no randomness"))?,
        Some(repeatable) => {
            let custody = unsealed.custody.as_ref();
            let message = [salt.as_slice(), &repeatable.message].concat();
            let mac = match custody.mac(KEY, &message) {
                Err(CustodyError::NoSuchKey { .. }) => {
                    let algorithm = Algorithm::mac_in(app.keystore().suite());
                    // Another request may have made it meanwhile; then the second attempt finds it.
                    let made = custody.generate(KEY, algorithm, Usage::Mac);
                    custody.mac(KEY, &message).map_err(|error| made.err().unwrap_or(error))
                }
                mac => mac,
            };
            let mac = Zeroizing::new(mac?);
            octets.copy_from_slice(mac.first_chunk::<OCTETS>().unwrap_or(&[0; OCTETS]));
        }
    }
    Ok(Code::of(*octets))
}

/// What makes the code of a repeatable request its own.
type Salt = [u8; 16];

/// Label of the key from which codes of repeatable requests are made.
const KEY: &str = "licence-show-codes";
