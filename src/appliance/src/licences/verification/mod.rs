//! Whether a licence holds: by identifier and a known field, by file, show-code, QR symbol or presentation; the shared-service
//! interface of GB/T 36906.
//!
//! Every way ends in one [`Verdict`] with the standard's result codes. Asked by the platform API (`http`), the shared-service
//! interface (`shared_service`), the public page (`portal`) and, for what a code shows, by `showing`. Judges by records of this
//! appliance and by what is signed; what other regions issued is judged with `recognition`.

mod credential;
mod facts;
mod fields;
mod file;
mod http;
mod identifier;
mod known;
mod limits;
mod prefixes;
mod question;
mod record;
mod shared;
mod shared_service;
mod show_code;
mod verdict;

use std::sync::Arc;
use std::time::Instant;

use utoipa_axum::router::OpenApiRouter;

pub use credential::{Challenge, by_presentation, by_qr};
pub use fields::{Askable, askable};
pub use file::{Judged, SealsOf, by_file, judge_file};
pub use identifier::by_identifier;
pub use question::{LONGEST as LONGEST_QUESTION, Question};
pub use show_code::by_show_code;
pub(crate) use verdict::instant;
pub use verdict::{Audience, Code, Facts, FileCode, Origin, Reason, Shown, Verdict};

use crate::app::App;
use crate::problem::Result;

/// What a node keeps for verifying.
#[derive(Debug, Default)]
pub struct Service {
    records: record::Records,
    limits: limits::Limits,
    tally: limits::Tally,
}

impl Service {
    /// Takes note of the generation of licences, asked for at `asked`.
    pub fn confirm(&self, generation: i64, asked: Instant) {
        self.records.confirm(generation, asked);
    }
}

/// Whether a holder's proof to this asker with this nonce is the first one, to whichever node; `now` is microseconds.
async fn once(app: &App, audience: &Audience<'_>, challenge: &Challenge<'_>, now: i64) -> Result<bool> {
    let until = now.saturating_add(limits::PROOF_KEPT);
    Ok(app.db.note_once(&limits::proof(audience, challenge), now, until).await?)
}

/// Forgets strangers that have been quiet, and enters what verifiers asked in minutes that are over. Once a second.
pub fn tick(app: &Arc<App>) {
    let service = &app.licences.verification;
    service.limits.forget_quiet();
    let Ok(now) = identifier::clock(app) else { return };
    enter(app, service.tally.over(now, false));
}

/// Enters what is still counted. Before the journal is closed.
pub async fn close(app: &App) {
    let (Ok(now), Ok(unsealed)) = (identifier::clock(app), app.unsealed()) else { return };
    for unit in app.licences.verification.tally.over(now, true) {
        if let Err(error) = unsealed.journal.commit(unit).await {
            tracing::error!(%error, "verifications could not be entered");
        }
    }
}

fn enter(app: &Arc<App>, units: Vec<crate::journal::Unit>) {
    if units.is_empty() {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        for unit in units {
            let Ok(unsealed) = app.unsealed() else { return };
            if let Err(error) = unsealed.journal.commit(unit).await {
                tracing::error!(%error, "verifications could not be entered");
            }
        }
    });
}

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    http::routes().merge(shared::routes()).merge(shared_service::routes())
}

/// The statements that a verification rests on, by what they find: a library of millions is asked by index alone.
pub const STATEMENTS: [(&str, &str); 3] =
    [("version", record::BY_IDENTIFIER), ("file", file::BY_DIGEST), ("copy", file::COPY)];
