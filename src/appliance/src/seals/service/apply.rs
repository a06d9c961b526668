//! Applying: what is wanted is checked against the register and the seal's state, and entered.

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::super::kinds::{HolderKind, SealKind};
use super::super::model::to_mm;
use super::super::order::{Checked, Order};
use super::super::records::{self, NewRow, int, stored_state, text};
use super::super::state::{Operation, SealState};
use super::error::LifeError;
use super::parts::Certified;
use super::{holder, person_of};
use crate::app::App;
use crate::documents::model::BadParameter;
use crate::journal::{CommitError, Committed, Unit};
use crate::policy::{ApplyForSeal, Permit};
use crate::store::tables::{ORGANISATIONS, SEALS};
use crate::store::{Row, StoreError};

/// What an application is about, as the records have it.
#[derive(Debug)]
pub struct Subject {
    /// The seal, where there is one.
    pub seal: Option<Row>,
    /// Whose it is, or is to be.
    pub organisation: String,
}

/// An application on record.
#[derive(Debug)]
pub struct Applied {
    /// Its row.
    pub row: Row,
    /// Its entry; none where the same request was answered before.
    pub committed: Option<Committed>,
}

impl Subject {
    /// Finds what an application is about. `home` is the applicant's organisation, for seals that there are not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(app: &App, checked: &Checked, home: &str) -> Result<Self, StoreError> {
        let seal = app.db.row(&SEALS, &checked.seal).await?;
        let organisation = match (checked.operation, &seal) {
            (Operation::Make, _) => checked.organisation.clone().unwrap_or_default(),
            (_, Some(seal)) => text(seal, "organisation").to_owned(),
            (_, None) => home.to_owned(),
        };
        Ok(Self { seal, organisation })
    }

    /// Name of the seal that there is.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.seal.as_ref().map(|row| text(row, "name").to_owned())
    }

    /// Width and height of the seal that there is, in millimetres.
    #[must_use]
    pub fn size_mm(&self) -> Option<(f64, f64)> {
        let row = self.seal.as_ref()?;
        Some((to_mm(int(row, "width_um")?), to_mm(int(row, "height_um")?)))
    }

    fn state(&self, now: i64) -> Option<SealState> {
        self.seal.as_ref().map(|row| stored_state(row).at(int(row, "valid_to"), now))
    }
}

/// Enters an application. `request` is the idempotency key with the digest of what was asked under it; `documents` are the
/// rows of what was handed in, made by whoever encrypts them.
///
/// # Errors
/// [`LifeError`].
pub async fn apply(
    app: &App,
    permit: &Permit<ApplyForSeal>,
    subject: Subject,
    checked: Checked,
    picture: Option<Vec<u8>>,
    documents: impl FnOnce(&str, i64) -> Result<Vec<Row>, LifeError>,
    request: Option<(String, String)>,
) -> Result<Applied, LifeError> {
    if let Some((key, digest)) = &request
        && let Some(known) = records::application_by_key(&app.db, key).await?
    {
        if text(&known, "request_digest") != digest {
            return Err(LifeError::KeyReused);
        }
        return Ok(Applied { row: known, committed: None });
    }
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    fits(&subject, &checked, now)?;
    if let Some(seal) = &subject.seal {
        Certified::of(app, text(seal, "certificate")).await?.fits(checked.operation, seal)?;
    }
    let organisation = app.db.row(&ORGANISATIONS, &subject.organisation).await?;
    let organisation = organisation
        .filter(|row| text(row, "state") == "active")
        .ok_or_else(|| LifeError::Organisation(subject.organisation.clone()))?;
    let checked = completed(app, checked, picture.as_deref(), now)?;
    let caller = permit.caller();
    let (id, person) = (uuid::Uuid::now_v7().to_string(), person_of(caller));
    let label = app.hierarchy.data_key("side-records").map(|key| key.label.as_str());
    let number = checked.person_number.as_deref();
    let kept = holder::keep(unsealed.custody.as_ref(), label, number)?;
    let picture_digest = picture.as_deref().map(|octets| hex::encode(digest(&SHA256, octets)));
    let row = records::application_row(NewRow {
        id: &id,
        operation: checked.operation,
        seal: &checked.seal,
        organisation: organisation.id(),
        order: &checked.order,
        picture,
        holder_hash: kept.hash,
        holder_sealed: kept.sealed,
        applicant: &caller.id,
        person: &person,
        created: now,
        request,
    });
    let documents = documents(&id, now)?;
    let handed_in: Vec<_> = documents.iter().map(|row| text(row, "sha256").to_owned()).collect();
    let facts = json!({
        "application": id,
        "operation": checked.operation.as_str(),
        "seal": checked.seal,
        "organisation": organisation.id(),
        "kind": checked.order.kind.map(SealKind::number),
        "suite": checked.order.suite,
        "picture": picture_digest,
        "documents": handed_in,
    });
    let mut unit = Unit::new(permit.act()).facts(facts).insert(row.clone()).guard(
        &ORGANISATIONS,
        organisation.id(),
        organisation.version(),
    );
    if let Some(seal) = &subject.seal {
        unit = unit.guard(&SEALS, seal.id(), seal.version());
    }
    unit = documents.into_iter().fold(unit, Unit::insert);
    if checked.reason.is_some() || checked.person_number.is_some() {
        unit = unit.detail(json!({ "reason": checked.reason, "holder_number": checked.person_number }));
    }
    match unsealed.journal.commit(unit).await {
        Ok(committed) => Ok(Applied { row, committed: Some(committed) }),
        Err(CommitError::Exists { table: "seal_applications", .. }) => Err(taken(app, row).await?),
        Err(error) => Err(error.into()),
    }
}

/// That the seal's state allows what is applied for.
fn fits(subject: &Subject, checked: &Checked, now: i64) -> Result<(), LifeError> {
    let state = subject.state(now);
    if checked.operation.fits(state) {
        return Ok(());
    }
    let seal = checked.seal.clone();
    Err(match (checked.operation, state) {
        (Operation::Make, _) => LifeError::Taken(seal),
        (_, None) => LifeError::Unknown(seal),
        (operation, Some(state)) => LifeError::Operation { seal, state, operation },
    })
}

/// The application with what it leaves open filled in, so that whoever approves it sees what will be made.
fn completed(
    app: &App,
    mut checked: Checked,
    picture: Option<&[u8]>,
    now: i64,
) -> Result<Checked, LifeError> {
    let bad = |name, reason| LifeError::Parameter(BadParameter { name, reason });
    if let Some(picture) = picture {
        super::super::picture::read(picture)?;
        if !checked.operation.makes() {
            return Err(bad("picture", "cancelling takes no picture; leave it out"));
        }
    }
    let order = &mut checked.order;
    if order.valid_to.is_some_and(|end| end <= now.div_euclid(1_000_000)) {
        return Err(bad("valid_to", "write a time to come"));
    }
    match checked.operation {
        Operation::Make => {
            if picture.is_none() {
                return Err(bad("picture", "send the seal's picture, or say with `draw` how it is drawn"));
            }
            if order.width_um.is_none() {
                return Err(bad("width_mm", "say how wide the seal is, in millimetres"));
            }
            order.suite.get_or_insert_with(|| app.config.seals.suite.clone());
            order.division.get_or_insert_with(|| app.config.seals.division.clone());
            order.kind.get_or_insert(SealKind::StatutoryName);
            order.holder_kind.get_or_insert(HolderKind::Organisation);
        }
        Operation::Change => {
            if picture.is_none() && *order == Order::default() {
                return Err(bad("operation", "say what is to change"));
            }
        }
        Operation::Renew | Operation::Remake | Operation::Cancel => {}
    }
    Ok(checked)
}

/// Why an application could not be entered that another one stands in the way of.
async fn taken(app: &App, row: Row) -> Result<LifeError, LifeError> {
    let seal = text(&row, "seal").to_owned();
    Ok(match records::open_application(&app.db, &seal).await? {
        Some(application) => LifeError::Open { seal, application },
        // The same request at the same time on another connection; repeated, it finds the answer.
        None => LifeError::Busy,
    })
}

/// The year in which something happens, in the house's time.
pub(super) fn year(now: i64) -> i16 {
    let time = Timestamp::from_microsecond(now).unwrap_or_default();
    // China Standard Time: what people read on filing numbers.
    jiff::tz::offset(8).to_datetime(time).year()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_begins_when_it_begins_in_china() {
        let at = |text: &str| year(text.parse::<Timestamp>().unwrap().as_microsecond());
        assert_eq!(at("2026-12-31T15:59:59Z"), 2026);
        assert_eq!(at("2026-12-31T16:00:00Z"), 2027);
    }
}
