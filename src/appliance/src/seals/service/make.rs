//! Carrying out an application that makes a version of a seal: a new seal, a changed, renewed or remade one.
//!
//! 1. The numbers and what is about to be made are entered (a small unit of its own).
//! 2. The key is made in custody, where the version gets one of its own.
//! 3. The certificate's intent is entered, the certificate signed, and with it the seal's structure.
//! 4. One unit enters the application as done, the seal, its version, the end of the version before, the certificate, and the
//!    revocation of the former one where it may be misused.
//!
//! Nothing of 2 and 3 can be used before 4: the key has a label that no record leads to, and neither certificate nor
//! structure has left. What fails takes the key back; where the process ends in between, the keeper of certificates enters the
//! intent as abandoned, and the key stays unused.

use std::sync::Arc;

use crypto::Suite;
use custody::{Algorithm, Usage};
use serde_json::json;

use super::super::kinds::{Ground, HolderKind};
use super::super::model::SealSummary;
use super::super::order::Order;
use super::super::records::{self, application_state, int, optional, stored_state, text, version_id};
use super::super::standing;
use super::super::state::{Operation, SealState, Step};
use super::apply::year;
use super::certify::{Certifying, certify};
use super::decide::{closed, facts as application_facts};
use super::error::LifeError;
use super::numbers::{self, Numbers};
use super::parts::{Certified, destroy, forget};
use super::rows::{self, Making};
use super::{Done, person_of};
use crate::app::{App, Unsealed};
use crate::certificates::Signed;
use crate::journal::{Act, CommitError, Unit, generations};
use crate::policy::{MakeSeal, Permit};
use crate::store::Row;
use crate::store::tables::{ORGANISATIONS, SEALS};

/// Makes what an approved application asks for.
///
/// # Errors
/// [`LifeError`]; then nothing usable was made. An application whose organisation has been retired is entered as failed.
pub async fn make(app: &Arc<App>, permit: &Permit<MakeSeal>, application: Row) -> Result<Done, LifeError> {
    let mut prepared = prepare(app, permit, application).await?;
    let unsealed = prepared.unsealed.clone();
    prepared.entering();
    match unsealed.journal.commit(prepared.unit()).await {
        Ok(committed) => {
            let row = prepared.application.clone();
            prepared.adopted(app).await;
            Ok(Done { row, committed })
        }
        Err(error) => Err(prepared.failed(error.into())),
    }
}

/// A version of a seal that is not on record yet: its unit is committed by itself, or with more in it. Whoever has one says
/// how that ended: [`adopted`](Self::adopted) or [`failed`](Self::failed); one that is dropped before it was
/// [`entering`](Self::entering) is as one that failed.
pub struct PreparedSeal {
    unsealed: Arc<Unsealed>,
    application: Row,
    unit: Unit,
    seal: String,
    /// Its record; none before there is its unit.
    row: Option<Row>,
    /// It is with the journal: whoever hangs up now does not know how that ends.
    entering: bool,
    /// Label of the key that was made for it.
    made: Option<String>,
    /// Label of the key that it had before.
    former: Option<String>,
}

impl std::fmt::Debug for PreparedSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PreparedSeal({})", self.seal)
    }
}

impl PreparedSeal {
    /// What enters it: the application as done, the seal, its version and certificate.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit.clone()
    }

    /// The seal.
    #[must_use]
    pub fn seal(&self) -> &str {
        &self.seal
    }

    /// Its record, as it is entered.
    #[must_use]
    pub fn summary(&self) -> Option<SealSummary> {
        self.row.as_ref().map(records::summary)
    }

    /// It goes to the journal now, which finishes what it was handed even where nobody waits for the answer any more (the
    /// caller hung up): from here on the key stays until it is known that nothing was recorded.
    pub fn entering(&mut self) {
        self.entering = true;
    }

    /// The application as it is entered.
    #[must_use]
    pub fn application(&self) -> &Row {
        &self.application
    }

    /// It is on record: its former key goes.
    pub async fn adopted(mut self, app: &Arc<App>) {
        forget(app, &self.seal, true).await;
        if let (Some(_), Some(former)) = (self.made.take(), &self.former) {
            destroy(&self.unsealed, former);
        }
    }

    /// It was not recorded: the key that was made for it goes.
    pub fn abandoned(mut self) {
        self.entering = false;
    }

    /// It is not on record: the key that was made for it goes, unless it may be on record all the same.
    #[must_use]
    pub fn failed(mut self, error: LifeError) -> LifeError {
        if maybe_recorded(&error) {
            self.made = None;
        }
        self.entering = false;
        match error {
            LifeError::Commit(CommitError::Exists { table: "seals", .. }) => {
                LifeError::Taken(self.seal.clone())
            }
            other => other,
        }
    }
}

impl Drop for PreparedSeal {
    fn drop(&mut self) {
        // The key of what is not on record serves nothing; that of what may be on record is all that the seal has.
        if let Some(label) = self.made.take()
            && !self.entering
        {
            destroy(&self.unsealed, &label);
        }
    }
}

/// Makes everything that an approved application asks for, up to the unit that enters it.
///
/// # Errors
/// As [`make`].
pub async fn prepare(
    app: &Arc<App>,
    permit: &Permit<MakeSeal>,
    application: Row,
) -> Result<PreparedSeal, LifeError> {
    let done = application_state(&application).after(Step::CarryOut).ok_or_else(|| closed(&application))?;
    let unsealed = app.unsealed()?;
    let now = unsealed.journal.clock().now().map_err(CommitError::ClockUntrusted)?;
    let before = Before::read(app, &application, now).await?;
    let Some(organisation) = before.organisation(app).await? else {
        return Err(fail(&unsealed, permit, application, &before).await);
    };
    let former = before.key_label.as_deref().and_then(|label| unsealed.custody.key(label).ok());
    let plan = Plan::of(app, &before, former.map(|key| key.usage), now).await?;
    let label = format!("seal-{}", uuid::Uuid::now_v7().simple());
    let division = before.needs_code().then_some(plan.division.as_str());
    let taken = numbers::take(app, &unsealed.journal, division, year(now), |numbers| {
        let act = Act { action: "seal.intend".to_owned(), ..permit.act() };
        let facts = json!({
            "application": application.id(), "seal": before.id, "code": numbers.code, "filing": numbers.filing,
            "key": plan.new_key.then_some(label.as_str()), "usage": plan.usage.name(),
        });
        let table = &crate::store::tables::SEAL_APPLICATIONS;
        Unit::new(act).facts(facts).guard(table, application.id(), application.version())
    });
    let numbers = taken.await?;
    let application = application
        .next_version()
        .with("state", done.as_str())
        .with("maker", permit.caller().id.as_str())
        .with("maker_person", person_of(permit.caller()))
        .with("carried_out", now)
        .with("made", version_id(&before.id, before.next_number()));
    let mut prepared = PreparedSeal {
        unsealed: unsealed.clone(),
        application,
        unit: Unit::new(permit.act()),
        seal: before.id.clone(),
        row: None,
        entering: false,
        made: None,
        former: before.key_label.clone(),
    };
    if plan.new_key {
        unsealed.custody.generate(&label, Algorithm::of_suite(plan.suite), plan.usage)?;
        prepared.made = Some(label);
    }
    let row = prepared.application.clone();
    let conclude =
        |unit: Unit| unit.update(row).guard(&ORGANISATIONS, organisation.id(), organisation.version());
    let made = prepared.made.as_deref();
    let (unit, row) = finish(app, &unsealed, permit, &before, &plan, &numbers, made, conclude).await?;
    (prepared.unit, prepared.row) = (unit, Some(row));
    Ok(prepared)
}

/// Whether the making may be on record all the same: COMMIT broke off, or the journal stopped with the unit in its queue,
/// which it may have written before.
fn maybe_recorded(error: &LifeError) -> bool {
    matches!(error, LifeError::Commit(CommitError::OutcomeUnknown(_) | CommitError::Unavailable(_)))
}

/// Certificate, structure, the unit that enters them, and the seal's row in it. `conclude` adds the rows of the application.
#[expect(clippy::too_many_arguments, reason = "the parts of one making, each of its own kind")]
async fn finish(
    app: &Arc<App>,
    unsealed: &Unsealed,
    permit: &Permit<MakeSeal>,
    before: &Before,
    plan: &Plan,
    numbers: &Numbers,
    label: Option<&str>,
    conclude: impl FnOnce(Unit) -> Unit,
) -> Result<(Unit, Row), LifeError> {
    let code = numbers.code.clone().or_else(|| before.code.clone());
    let (certificate, issued) = match label {
        None => (plan.certificate(before)?, None),
        Some(label) => {
            let wanted = Certifying { before, plan, key_label: label };
            let Signed { certificate, row: _, unit } = certify(app, unsealed, permit, &wanted).await?;
            (certificate, Some(unit))
        }
    };
    let key_label = label.map(ToOwned::to_owned).or_else(|| before.key_label.clone()).unwrap_or_default();
    let making = Making {
        before,
        plan,
        code,
        filing: &numbers.filing,
        certificate: &certificate,
        key_label: &key_label,
        owner: &permit.caller().id,
    };
    let version = making.version(app, unsealed).await?;
    let seal = making.seal();
    let mut facts = json!({
        "application": before.application,
        "operation": before.operation.as_str(),
        "seal": before.id,
        "version": version.id(),
        "code": making.code,
        "filing": numbers.filing,
        "suite": plan.suite.name,
        "certificate": hex::encode(certificate.sha256_fingerprint()),
        "key": key_label,
        "eseal": optional(&version, "eseal_digest"),
        "state": text(&seal, "state"),
    });
    let former = before.former(plan, label.is_some())?;
    if let (Some(facts), Some(row)) = (facts.as_object_mut(), &former) {
        facts.insert("revoked".to_owned(), json!({ "certificate": row.id(), "reason": text(row, "reason") }));
    }
    let mut unit = conclude(Unit::new(permit.act()).facts(facts).bump(generations::SEALS));
    unit = standing::turned(&app.db, unit, seal.id(), (before.stored, stored_state(&seal)), None, plan.now)
        .await?;
    unit = match &before.seal {
        None => unit.insert(seal.clone()),
        Some(_) => unit.update(seal.clone()),
    };
    unit = rows::ended(before, plan.now).into_iter().fold(unit, |unit, row| match row.version() {
        1 => unit.insert(row),
        _ => unit.update(row),
    });
    unit = unit.insert(version);
    if let Some(row) = former {
        unit = unit.update(row).bump(generations::CERTIFICATES);
    }
    let unit = match issued {
        Some(issued) => unit.also(issued),
        None => unit,
    };
    Ok((unit, seal))
}

/// Enters that an application can never be carried out.
async fn fail(
    unsealed: &Unsealed,
    permit: &Permit<MakeSeal>,
    application: Row,
    before: &Before,
) -> LifeError {
    let Some(after) = application_state(&application).after(Step::Fail) else { return closed(&application) };
    let row = application
        .next_version()
        .with("state", after.as_str())
        .with("maker", permit.caller().id.as_str())
        .with("maker_person", person_of(permit.caller()))
        .with("reason", "the organisation is retired");
    let act = Act { action: "seal.fail".to_owned(), ..permit.act() };
    match unsealed.journal.commit(Unit::new(act).facts(application_facts(&row)).update(row)).await {
        Ok(_) => LifeError::Organisation(before.organisation.clone()),
        Err(error) => error.into(),
    }
}

/// What there was before a making: the application with its order, and the seal, if there is one.
#[derive(Debug)]
pub(super) struct Before {
    pub application: String,
    pub operation: Operation,
    pub order: Order,
    pub picture: Option<Vec<u8>>,
    pub holder_hash: Option<String>,
    pub holder_sealed: Option<Vec<u8>>,
    pub id: String,
    pub organisation: String,
    pub seal: Option<Row>,
    pub stored: Option<SealState>,
    pub code: Option<String>,
    pub key_label: Option<String>,
    /// Its present version; none of a seal that was made before there were versions.
    pub version: Option<Row>,
    pub certified: Option<Certified>,
}

impl Before {
    async fn read(app: &App, application: &Row, now: i64) -> Result<Self, LifeError> {
        let operation = records::operation(application)?;
        let id = text(application, "seal").to_owned();
        let seal = app.db.row(&SEALS, &id).await?;
        let stored = seal.as_ref().map(stored_state);
        let state = seal.as_ref().zip(stored).map(|(row, stored)| stored.at(int(row, "valid_to"), now));
        if !operation.fits(state) {
            return Err(match (operation, state) {
                (Operation::Make, _) => LifeError::Taken(id),
                (_, None) => LifeError::Unknown(id),
                (operation, Some(state)) => LifeError::Operation { seal: id, state, operation },
            });
        }
        let (mut version, mut certified) = (None, None);
        if let Some(seal) = &seal {
            let present = Certified::of(app, text(seal, "certificate")).await?;
            present.fits(operation, seal)?;
            certified = Some(present);
            if let Some(number) = int(seal, "number") {
                version = records::version(&app.db, &id, number).await?;
            }
        }
        Ok(Self {
            application: application.id().to_owned(),
            operation,
            order: records::order(application)?,
            picture: records::bytes(application, "picture"),
            holder_hash: optional(application, "holder_number_hash"),
            holder_sealed: records::bytes(application, "holder_sealed"),
            organisation: text(application, "organisation").to_owned(),
            code: seal.as_ref().and_then(|row| optional(row, "code")),
            key_label: seal.as_ref().and_then(|row| optional(row, "key_label")),
            id,
            seal,
            stored,
            version,
            certified,
        })
    }

    async fn organisation(&self, app: &App) -> Result<Option<Row>, LifeError> {
        let row = app.db.row(&ORGANISATIONS, &self.organisation).await?;
        Ok(row.filter(|row| text(row, "state") == "active"))
    }

    fn needs_code(&self) -> bool {
        self.code.is_none()
    }

    /// The number of the version to be made. A seal from before there were versions was its first.
    pub fn next_number(&self) -> i64 {
        match &self.seal {
            None => 1,
            Some(seal) => int(seal, "number").unwrap_or(1) + 1,
        }
    }

    /// A text of the seal as it is.
    pub fn present(&self, column: &str) -> Option<String> {
        self.seal.as_ref().and_then(|row| optional(row, column))
    }

    /// A number of the seal as it is.
    pub fn present_int(&self, column: &str) -> Option<i64> {
        self.seal.as_ref().and_then(|row| int(row, column))
    }

    /// Whether the holder, whom the certificate names, is to be another one.
    fn changes_holder(&self) -> bool {
        let order = &self.order;
        let other = |given: Option<&str>, column| given.is_some() && given != self.present(column).as_deref();
        order.holder_name.is_some()
            || other(order.holder_kind.map(HolderKind::as_str), "holder_kind")
            || other(order.holder_number.as_deref(), "holder_number")
            || other(self.holder_hash.as_deref(), "holder_number_hash")
    }

    /// The former certificate revoked, where its key may be in other hands. Otherwise it stays as it is, so that what was
    /// signed with it keeps verifying for its time; its key is destroyed.
    fn former(&self, plan: &Plan, new_key: bool) -> Result<Option<Row>, LifeError> {
        match (&self.certified, self.operation) {
            (Some(certified), Operation::Remake) if new_key => {
                let ground = self.order.ground.unwrap_or(Ground::Compromise);
                certified.revoked(ground.revocation(), plan.now)
            }
            _ => Ok(None),
        }
    }
}

/// What is going to be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub suite: &'static Suite,
    pub new_key: bool,
    /// Whether the key signs messages alone, or hashes too.
    pub usage: Usage,
    pub name: String,
    pub holder_kind: HolderKind,
    pub holder_name: String,
    pub division: String,
    pub picture: Vec<u8>,
    pub width_um: i64,
    pub height_um: i64,
    /// Until when, Unix seconds; as long as the certificate where nobody said.
    pub valid_to: Option<i64>,
    /// Microseconds.
    pub now: i64,
}

impl Plan {
    async fn of(app: &App, before: &Before, former: Option<Usage>, now: i64) -> Result<Self, LifeError> {
        let order = &before.order;
        let hashes = former == Some(Usage::SignPrehashed);
        let wanted = order.remote_hashes.unwrap_or(hashes);
        let present_suite = before.seal.as_ref().map(|row| records::summary(row).suite().to_owned());
        let suite = order.suite.clone().or_else(|| present_suite.clone());
        let suite = suite.unwrap_or_else(|| app.config.seals.suite.clone());
        let known = Suite::by_name(&suite).map_err(|_| LifeError::Suite(suite.clone()))?;
        let name = order.name.clone().or_else(|| before.present("name")).unwrap_or_default();
        let renamed =
            before.present("name").is_some_and(|present| present != name) || before.changes_holder();
        let usable = before.certified.as_ref().is_some_and(|certified| certified.is_usable(now));
        let keeps = before.operation == Operation::Change
            && usable
            && !renamed
            && !order.new_certificate
            && wanted == hashes
            && present_suite.as_deref() == Some(known.name);
        let kind = before.present("holder_kind").and_then(|word| HolderKind::parse(&word));
        let picture = before.seal.as_ref().and_then(|row| records::bytes(row, "picture"));
        let width = before.present_int("width_um");
        let renews = matches!(before.operation, Operation::Make | Operation::Renew | Operation::Remake);
        let end = before.present_int("valid_to").map(|micros| micros.div_euclid(1_000_000));
        Ok(Self {
            suite: known,
            new_key: !keeps,
            usage: if wanted { Usage::SignPrehashed } else { Usage::Sign },
            holder_kind: order.holder_kind.or(kind).unwrap_or(HolderKind::Organisation),
            holder_name: order.holder_name.clone().unwrap_or_else(|| name.clone()),
            name,
            division: order.division.clone().unwrap_or_else(|| app.config.seals.division.clone()),
            picture: before.picture.clone().or(picture).unwrap_or_default(),
            width_um: order.width_um.or(width).unwrap_or_default(),
            height_um: order.height_um.or_else(|| before.present_int("height_um")).unwrap_or_default(),
            // A change does not lengthen a seal's life unless it says so.
            valid_to: order.valid_to.or(end.filter(|_| !renews)),
            now,
        })
    }

    /// The certificate that stays.
    fn certificate(&self, before: &Before) -> Result<pki::Certificate, LifeError> {
        let der = before.certified.as_ref().and_then(|one| one.row().value("der").as_bytes());
        pki::Certificate::from_der(der.unwrap_or_default())
            .map_err(|error| LifeError::Structure(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stays_where_its_version_may_be_on_record() {
        assert!(maybe_recorded(&CommitError::OutcomeUnknown("broke off".into()).into()));
        assert!(maybe_recorded(&CommitError::Unavailable("the journal has stopped".into()).into()));
        assert!(!maybe_recorded(&CommitError::Conflict { table: "seals", id: "s".to_owned() }.into()));
        assert!(!maybe_recorded(&CommitError::Exists { table: "seals", id: "s".to_owned() }.into()));
        assert!(!maybe_recorded(&LifeError::Structure("unread".to_owned())));
    }
}
