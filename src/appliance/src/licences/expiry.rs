//! Licences that run out: counted for the operator's figures, and entered in the log once for each version, so that whoever
//! follows the log can tell their holders in time.
//!
//! Not a watcher of its own: the one that looks after certificates (`certificates::expiry`) has it look as well. Which warnings
//! were given is a table, so that a cluster gives each of them once; a renewed licence is a new version and is told again. What
//! lives shorter than twice the time of the warning is not told, since it would be at its birth. Departments list what ends by
//! `library::ending`.

use serde_json::json;

use crate::app::{App, Unsealed};
use crate::certificates::expiry::{Counts, ExpiryError, THRESHOLDS};
use crate::identity::Caller;
use crate::journal::{Act, Unit};
use crate::policy::{Facts, Resource, WarnOfLicenceExpiry};
use crate::store::tables::LICENCE_EXPIRY_WARNINGS;
use crate::store::{Record, Row, StoreError};

/// Days before the end at which it is told.
pub const DAYS: i64 = 30;

/// One look at the library at `now` (microseconds): sets the figures and enters what was not entered yet. Returns how many
/// warnings this node entered.
///
/// # Errors
/// [`ExpiryError`]; what was entered stays, and the next round goes on.
pub async fn round(
    app: &App,
    unsealed: &Unsealed,
    now: i64,
    seen: &mut Counts,
) -> Result<usize, ExpiryError> {
    let seconds = now.div_euclid(1_000_000);
    count(app, seconds, seen).await?;
    let permit = app.policy.decide::<WarnOfLicenceExpiry>(
        &Caller::system("licences"),
        Resource::appliance(),
        Facts::default(),
    )?;
    let act = permit.act();
    let until = seconds.saturating_add(DAYS * DAY);
    let (mut entered, mut after) = (0, (seconds, String::new()));
    for _ in 0..MOST_CHUNKS {
        let parameters = [until.into(), (2 * DAYS * DAY).into(), after.0.into(), after.1.as_str().into()];
        let found = app.db.fetch_all(UNTOLD, &parameters).await?;
        entered += enter(unsealed, &act, &found, now).await?;
        match found.last() {
            Some(last) if found.len() == CHUNK => {
                after = (last.int("valid_to")?, last.text("id")?.to_owned())
            }
            _ => break,
        }
    }
    Ok(entered)
}

async fn count(app: &App, now: i64, seen: &mut Counts) -> Result<(), StoreError> {
    seen.values_mut().for_each(|count| *count = 0);
    for days in THRESHOLDS {
        let parameters = [now.into(), now.saturating_add(days * DAY).into()];
        for record in app.db.fetch_all(COUNTED, &parameters).await? {
            seen.insert((record.text("type")?.to_owned(), days), record.int("count")?);
        }
    }
    for ((code, days), count) in &*seen {
        let within = format!("{days}d");
        let gauge = metrics::gauge!("cinnabar_licences_expiring", "type" => code.clone(), "within" => within);
        #[expect(clippy::cast_precision_loss, reason = "exact to 2^53 licences")]
        gauge.set(*count as f64);
    }
    Ok(())
}

/// Enters warnings together; when another node was first with one of them, one by one.
async fn enter(unsealed: &Unsealed, act: &Act, found: &[Record], now: i64) -> Result<usize, ExpiryError> {
    let units: Vec<Unit> =
        found.iter().map(|record| warning(act, record, now)).collect::<Result<_, StoreError>>()?;
    let entered = unsealed.journal.commit_once(units).await?;
    if entered > 0 && entered == found.len() {
        tracing::info!(licences = found.len(), days = DAYS, "licences run out");
    }
    Ok(entered)
}

fn warning(act: &Act, record: &Record, now: i64) -> Result<Unit, StoreError> {
    let (id, identifier) = (record.text("id")?, record.text("identifier")?);
    let end = jiff::Timestamp::from_second(record.int("valid_to")?).map(|time| time.to_string()).ok();
    let facts = json!({
        "identifier": identifier,
        "type": record.text("type")?,
        "organisation": record.text("organisation")?,
        "valid_to": end,
        "within_days": DAYS,
    });
    let row = Row::new(
        &LICENCE_EXPIRY_WARNINGS,
        vec![identifier.into(), 1.into(), id.into(), DAYS.into(), now.into()],
    );
    let head = Act { resource: Resource::licence(id, "").name(), ..act.clone() };
    Ok(Unit::new(head).facts(facts).insert(row))
}

/// Licences that have not ended, end by $1, live at least $2 seconds and were not told as this version, after a place; by
/// `licences_ending`, whose condition stands here word for word.
pub const UNTOLD: &str = "SELECT id, identifier, type, organisation, valid_to FROM licences \
     WHERE valid_to <= $1 AND valid_to - valid_from >= $2 AND (valid_to, id) > ($3, $4) AND valid_to IS NOT NULL \
     AND state IN ('active', 'suspended', 'lost') \
     AND NOT EXISTS (SELECT 1 FROM licence_expiry_warnings w WHERE w.id = licences.identifier) \
     ORDER BY valid_to, id LIMIT 100";
/// How many of each type end between two moments, by the same index.
pub const COUNTED: &str = "SELECT type, COUNT(*) AS count FROM licences WHERE valid_to > $1 AND valid_to <= $2 \
     AND valid_to IS NOT NULL AND state IN ('active', 'suspended', 'lost') GROUP BY type";
/// What UNTOLD brings at most.
const CHUNK: usize = 100;
/// Chunks of one round; the rest is for the next one.
const MOST_CHUNKS: usize = 1000;
/// In seconds.
const DAY: i64 = 86_400;
