//! Documents that the appliance makes itself and seals before anybody has seen them: licences, and copies of them.
//!
//! The same machinery as for documents that came: rules of use admit each, each is a record of use with an entry of its own in
//! the unit of the act it belongs to, and what is not recorded does not leave. Called by `licences`.
//!
//! What the appliance makes is finished when it is sealed: the seal certifies it (DocMDP, P=1; ISO 32000-2 §12.8.2.2). Nothing
//! but validation data and document time-stamps may follow, so that no verifier anywhere takes a further signature whose
//! picture covers a name or a date for a part of it.

use std::sync::Arc;

use pdf::sign::DocMdp;
use pdf::syntax::Limits;
use ring::digest::{SHA256, digest};

use super::error::DocumentError;
use super::levels;
use super::parameters::{Level, Place, SealRequest};
use super::sealing::{self, Means, Revision, Task};
use super::service::{Common, unit};
use super::signers;
use crate::app::App;
use crate::identity::Caller;
use crate::journal::{Act, Committed, Journal, Unit};
use crate::seals::ReadySeal;
use crate::seals::usage::{self, Admission, Claim, RecordError};

/// A PDF before it is sealed, and where the seal goes.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The document.
    pub pdf: Vec<u8>,
    /// The place of the seal.
    pub place: Place,
}

/// What is said of all documents of one act.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// How much the sealed documents prove by themselves.
    pub level: Level,
    /// Code of the service item.
    pub item: Option<String>,
    /// Case number.
    pub case_number: Option<String>,
    /// Kind of the documents, as rules of use name it.
    pub document_kind: Option<String>,
}

/// Sealed documents that are not on record yet.
#[derive(Debug)]
pub struct MadeDocuments {
    tasks: Vec<Task>,
    drafts: Vec<[u8; 32]>,
    revisions: Vec<Revision>,
    octets: Vec<Vec<u8>>,
    level: Level,
    /// Microseconds.
    time: i64,
    early: std::sync::Mutex<Vec<Option<Admission>>>,
}

/// Has the rules of use admit the documents, and seals each with `seal`. `time` is in microseconds.
///
/// # Errors
/// [`DocumentError`].
pub async fn seal(
    app: &Arc<App>,
    caller: &Caller,
    seal: &Arc<ReadySeal>,
    drafts: Vec<Draft>,
    terms: &Terms,
    time: i64,
) -> Result<MadeDocuments, DocumentError> {
    let now = time.div_euclid(1_000_000);
    seal.usable_at(now)?;
    let task = |draft: &Draft| Task {
        request: SealRequest {
            item: terms.item.clone(),
            case_number: terms.case_number.clone(),
            document_kind: terms.document_kind.clone(),
            certify: Some(DocMdp::NoChanges),
            ..SealRequest::new(seal.summary.id.clone(), draft.place.clone())
        },
        seal: seal.clone(),
        record: uuid::Uuid::now_v7().to_string(),
    };
    let tasks: Vec<Task> = drafts.iter().map(task).collect();
    let digests: Vec<[u8; 32]> = drafts.iter().map(|draft| sha256(&draft.pdf)).collect();
    let claims: Vec<Claim<'_>> = claims(&tasks, &digests);
    let early = usage::admit_all(app, caller, &claims).await?;
    let mut means = Means { offer: app.desk.offer.clone(), raising: None };
    if terms.level > Level::BB {
        let certificates = signers::certificates(seal, super::parameters::Format::Cms)?;
        means.raising = Some(levels::prepare(app, &certificates, terms.level.into()).await?);
    }
    let waits = means.raising.as_ref().is_some_and(levels::Raising::waits);
    let work = tasks.clone();
    let job = move || {
        let each = drafts.into_iter().zip(work.chunks(1)).map(|(draft, task)| {
            let sealed = sealing::seal_all(&draft.pdf, task, &means, now, &Limits::default())?;
            let mut octets = draft.pdf;
            octets.extend_from_slice(&sealed.tail);
            Ok((octets, sealed.revisions.into_iter().next()))
        });
        each.collect::<Result<Vec<_>, sealing::Failed>>()
    };
    let sealed = app.desk.work_waiting(waits, job).await?.map_err(|failed| DocumentError::Sealing {
        seal: seal.summary.id.clone(),
        of: 1,
        failed: Box::new(failed),
    })?;
    let (octets, revisions): (Vec<_>, Vec<_>) = sealed.into_iter().unzip();
    let revisions = revisions.into_iter().collect::<Option<Vec<_>>>().ok_or(DocumentError::NoSeal)?;
    let early = std::sync::Mutex::new(early);
    Ok(MadeDocuments { tasks, drafts: digests, revisions, octets, level: terms.level, time, early })
}

impl MadeDocuments {
    /// The sealed documents, in the order of the drafts.
    #[must_use]
    pub fn octets(&self) -> &[Vec<u8>] {
        &self.octets
    }

    /// Identifiers of the records of use, in the same order.
    pub fn records(&self) -> impl Iterator<Item = &str> {
        self.tasks.iter().map(|task| task.record.as_str())
    }

    /// Records the act that they belong to: `principal` makes its unit, to which the uses of the seal are joined, each headed
    /// by `act` about the seal. It is made again where other uses of the seal come in between.
    ///
    /// # Errors
    /// [`RecordError`]; nothing was then recorded, an unknown outcome excepted.
    pub async fn commit(
        &self,
        app: &App,
        journal: &Journal,
        caller: &Caller,
        act: &Act,
        principal: impl Fn() -> Unit,
    ) -> Result<Committed, RecordError> {
        let claims = claims(&self.tasks, &self.drafts);
        let early =
            std::mem::take(&mut *self.early.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let early =
            if early.len() == claims.len() { early } else { usage::admit_all(app, caller, &claims).await? };
        let digests: Vec<String> = self.drafts.iter().map(hex::encode).collect();
        let build = |admissions: Vec<Option<Admission>>| {
            let each = self.tasks.iter().zip(&self.revisions).zip(&digests).zip(admissions);
            each.fold(principal(), |whole, (((task, revision), digest), admission)| {
                let act = Act {
                    action: "document.seal".to_owned(),
                    resource: format!("seal:{}", task.seal.summary.id),
                    ..act.clone()
                };
                let ids = [task.record.clone()];
                let common = Common { ids: &ids, level: self.level, time: self.time, document: digest };
                whole.also(unit(act, caller, task, revision, 0, common, admission))
            })
        };
        usage::record(app, journal, caller, &claims, early, build).await
    }
}

fn claims<'a>(tasks: &'a [Task], drafts: &[[u8; 32]]) -> Vec<Claim<'a>> {
    let each = tasks.iter().zip(drafts);
    each.map(|(task, draft)| Claim {
        seal: &task.seal,
        document: *draft,
        blind: false,
        item: task.request.item.as_deref(),
        case_number: task.request.case_number.as_deref(),
        document_kind: task.request.document_kind.as_deref(),
    })
    .collect()
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, octets).as_ref());
    out
}
