//! The rows that a making writes: the seal, its version, the end of the version before.

use std::sync::Arc;

use pki::Certificate;

use super::super::kinds::{HolderKind, SealKind};
use super::super::picture::media_type;
use super::super::records::{int, optional, version_id};
use super::super::state::SealState;
use super::error::LifeError;
use super::make::{Before, Plan};
use super::structure::{Content, structure};
use crate::app::{App, Unsealed};
use crate::store::tables::{SEAL_VERSIONS, SEALS};
use crate::store::{Row, Value};

/// Everything about one making.
#[derive(Debug)]
pub(super) struct Making<'a> {
    pub before: &'a Before,
    pub plan: &'a Plan,
    pub code: Option<String>,
    pub filing: &'a str,
    pub certificate: &'a Certificate,
    pub key_label: &'a str,
    pub owner: &'a str,
}

impl Making<'_> {
    /// From when to when the version may be used, microseconds: within its certificate's validity.
    fn validity(&self) -> (i64, i64) {
        let end = self.certificate.not_after().min(self.plan.valid_to.unwrap_or(i64::MAX));
        (self.plan.now, end.saturating_mul(1_000_000))
    }

    /// The row of the new version.
    ///
    /// # Errors
    /// [`LifeError::Structure`], when the SESeal cannot be made.
    pub async fn version(&self, app: &Arc<App>, unsealed: &Unsealed) -> Result<Row, LifeError> {
        let Self { before, plan, .. } = self;
        let (from, to) = self.validity();
        let number = before.next_number();
        let picture = (media_type(&plan.picture), plan.picture.clone());
        let content = Content {
            suite: plan.suite,
            code: self.code.as_deref().unwrap_or_default(),
            kind: u8::try_from(self.kind()).unwrap_or_else(|_| SealKind::Other.number()),
            name: &plan.name,
            certificate: self.certificate,
            created: plan.now,
            validity: (from, to),
            picture,
            width_um: plan.width_um,
            height_um: plan.height_um,
        };
        let structure = structure(app, unsealed, content).await?;
        Ok(Row::new(&SEAL_VERSIONS, vec![Value::Null; SEAL_VERSIONS.columns.len()])
            .with("eseal", structure.der)
            .with("eseal_digest", structure.digest)
            .with("id", version_id(&before.id, number))
            .with("version", 1)
            .with("seal", before.id.as_str())
            .with("number", number)
            .with("name", plan.name.as_str())
            .with("picture", plan.picture.clone())
            .with("picture_type", media_type(&plan.picture))
            .with("png", structure.png)
            .with("width_um", plan.width_um)
            .with("height_um", plan.height_um)
            .with("certificate", hex::encode(self.certificate.sha256_fingerprint()))
            .with("key_label", self.key_label)
            .with("suite", plan.suite.name)
            .with("valid_from", from)
            .with("valid_to", to)
            .with("filing", self.filing)
            .with("application", before.application.as_str())
            .with("state", "active")
            .with("made_at", plan.now))
    }

    /// The seal's row after the making.
    pub fn seal(&self) -> Row {
        let Self { before, plan, .. } = self;
        let (from, to) = self.validity();
        let row = match &before.seal {
            Some(row) => row.clone().next_version(),
            None => Row::new(&SEALS, vec![Value::Null; SEALS.columns.len()])
                .with("id", before.id.as_str())
                .with("version", 1)
                .with("organisation", before.organisation.as_str())
                .with("owner", self.owner),
        };
        let state = before.operation.result(before.stored).unwrap_or(SealState::Suspended);
        let order = &before.order;
        let row = row
            .with("name", plan.name.as_str())
            .with("picture", plan.picture.clone())
            .with("width_um", plan.width_um)
            .with("height_um", plan.height_um)
            .with("certificate", hex::encode(self.certificate.sha256_fingerprint()))
            .with("key_label", self.key_label)
            .with("state", state.as_str())
            .with("code", self.code.clone())
            .with("kind", self.kind())
            .with("level", order.level.map(|l| l.as_str().to_owned()).or_else(|| before.present("level")))
            .with("holder_kind", plan.holder_kind.as_str())
            .with("suite", plan.suite.name)
            .with("number", before.next_number())
            .with("filing", self.filing)
            .with("valid_from", from)
            .with("valid_to", to)
            .with("updated", plan.now);
        let row = if state == SealState::Active { row.with("ground", None::<String>) } else { row };
        self.held(row)
    }

    /// What it is for, by the platform's number.
    fn kind(&self) -> i64 {
        let asked = self.before.order.kind.map(|kind| i64::from(kind.number()));
        let usual = || i64::from(SealKind::StatutoryName.number());
        asked.or_else(|| self.before.present_int("kind")).unwrap_or_else(usual)
    }

    /// The row with the holder's number: of an organisation as it is, of a person hashed and encrypted. What was not given
    /// stays as it is, unless it is of a holder of the other kind.
    fn held(&self, row: Row) -> Row {
        let (before, kind) = (self.before, self.plan.holder_kind);
        let present = before.present("holder_kind").and_then(|word| HolderKind::parse(&word));
        let row = match present {
            Some(present) if present != kind => row
                .with("holder_number", None::<String>)
                .with("holder_number_hash", None::<String>)
                .with("holder_sealed", None::<Vec<u8>>),
            _ => row,
        };
        match (kind, &before.order.holder_number, &before.holder_hash) {
            (HolderKind::Organisation, Some(number), _) => row.with("holder_number", number.as_str()),
            (HolderKind::Person, _, Some(hash)) => row
                .with("holder_number_hash", hash.as_str())
                .with("holder_sealed", before.holder_sealed.clone()),
            _ => row,
        }
    }
}

/// The version before, its time over now. A seal from before there were versions gets its first one.
pub(super) fn ended(before: &Before, now: i64) -> Option<Row> {
    if let Some(version) = &before.version {
        return Some(version.clone().next_version().with("state", "superseded").with("ended_at", now));
    }
    let seal = before.seal.as_ref()?;
    let certificate = before.certified.as_ref()?.row();
    let time = |column: &str| int(certificate, column).unwrap_or_default();
    let copied = ["name", "picture", "width_um", "height_um", "certificate", "key_label"];
    let row = Row::new(&SEAL_VERSIONS, vec![Value::Null; SEAL_VERSIONS.columns.len()])
        .with("id", version_id(seal.id(), 1))
        .with("version", 1)
        .with("seal", seal.id())
        .with("number", 1)
        .with("picture_type", media_type(seal.value("picture").as_bytes().unwrap_or_default()))
        .with(
            "suite",
            optional(seal, "suite").unwrap_or_else(|| crypto::Suite::INTERNATIONAL.name.to_owned()),
        )
        .with("valid_from", time("not_before"))
        .with("valid_to", time("not_after"))
        .with("made_at", time("not_before"))
        .with("ended_at", now)
        .with("state", "superseded");
    Some(copied.into_iter().fold(row, |row, column| row.with(column, seal.value(column).clone())))
}
