//! What is told of a licence whose personal data was erased: that, when, on which ground and by which provision.
//!
//! The key of everything that was encrypted of it is destroyed, its fields, hashes and documents are gone (`life::erase`); what
//! stays is where it stands, who issued it, and the row of the step itself.

use licence::life::ErasureGround;

use super::records::{self, text};
use super::{LibraryError, Licence};
use crate::app::App;
use crate::problem::{Kind, Problem};

/// The word of the step in `licence_events`. It is no operation of a licence's life: no state follows from it.
pub const STEP: &str = "erase";
/// The same in Chinese.
pub const STEP_ZH: &str = "删除个人信息";

/// That what was personal of a licence was erased.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what was personal of licence `{licence}` was erased on {when}, by {basis}")]
pub struct Erased {
    /// Its id.
    pub licence: String,
    /// Where it stands.
    pub state: String,
    /// When, RFC 3339.
    pub when: String,
    /// On which ground.
    pub ground: String,
    /// By which provision.
    pub basis: String,
    /// Leaf of the log that proves it.
    pub leaf: Option<i64>,
}

impl From<Erased> for Problem {
    fn from(erased: Erased) -> Self {
        let ground = ErasureGround::parse(&erased.ground).map_or("", ErasureGround::word_zh);
        let zh = format!("该证照的个人信息已于 {} 删除（{ground}）", erased.when);
        let detail = format!("{erased}; where it stands is still told, and what befell it.");
        let problem = Self::new(Kind::Erased, detail)
            .with("licence", erased.licence)
            .with("state", erased.state)
            .with("erased", erased.when)
            .with("ground", erased.ground)
            .with("basis", erased.basis)
            .with("zh", zh);
        match erased.leaf {
            Some(leaf) => problem.with("leaf", leaf),
            None => problem,
        }
    }
}

/// That nothing of a licence was erased.
///
/// # Errors
/// [`LibraryError::ErasedThen`] with when and why; [`LibraryError::Store`].
pub async fn intact(app: &App, licence: &Licence) -> Result<(), LibraryError> {
    if !licence.is_erased() {
        return Ok(());
    }
    let events = records::events(&app.db, licence.id()).await?;
    let step = events.iter().rev().find(|event| text(event, "operation") == STEP);
    let Some(step) = step else { return Err(LibraryError::Erased(licence.id().to_owned())) };
    let micros = records::int(step, "time").unwrap_or_default();
    Err(LibraryError::ErasedThen(Box::new(Erased {
        licence: licence.id().to_owned(),
        state: licence.text("state").to_owned(),
        when: super::model::micros(micros),
        ground: text(step, "ground").to_owned(),
        basis: text(step, "basis").to_owned(),
        leaf: records::int(step, "leaf"),
    })))
}
