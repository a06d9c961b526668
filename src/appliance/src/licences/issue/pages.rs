//! The pages of a version: which templates, and what stands in their placeholders.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use licence::template::{Computed, Limits, PageData, Rendered, Template, Variant};

use super::IssueError;
use super::service::day;
use super::version::{DUPLICATE, ORIGINAL, OVERPRINT, Parts};
use crate::app::App;
use crate::documents::made::Draft;
use crate::documents::parameters::Place;
use crate::licences::catalogue::Published;
use crate::licences::templates;
use crate::seals::ReadySeal;

type Templates = Arc<BTreeMap<String, Arc<Template>>>;

/// Templates that this node has read, by the digest of the type's version, which never changes.
#[derive(Debug, Default)]
pub struct Pages {
    read: RwLock<HashMap<String, Templates>>,
}

impl Pages {
    /// The templates of a version of a type. Reading them the first time takes computation: call it on a thread of its own.
    ///
    /// # Errors
    /// [`IssueError::Page`].
    pub fn of(&self, kind: &Published) -> Result<Templates, IssueError> {
        let known = self.read.read().unwrap_or_else(PoisonError::into_inner).get(&kind.digest).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let read = templates::read(kind.compiled.definition(), &kind.files);
        let read = read.map_err(|(name, error)| IssueError::Page(format!("template `{name}`: {error}")))?;
        let read = Arc::new(read);
        let mut all = self.read.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(kind.digest.clone(), read.clone());
        Ok(read)
    }
}

/// The pages of a version.
#[derive(Debug)]
pub(super) struct Drafts {
    /// By kind, those that the seal goes on, the original first.
    pub to_seal: Vec<(&'static str, Draft)>,
    /// By kind, those without: print-outs on pre-printed paper.
    pub plain: Vec<(&'static str, Vec<u8>)>,
}

/// Renders every kind of page that the type has, on a thread of its own.
///
/// # Errors
/// [`IssueError::Page`], naming the box that does not hold its text.
pub(super) async fn render(
    app: &Arc<App>,
    parts: &Parts<'_>,
    qr: Option<&str>,
) -> Result<Drafts, IssueError> {
    let names = parts.kind.compiled.definition().templates.clone();
    let wanted = [
        (ORIGINAL, Variant::Original, Some(names.original)),
        (DUPLICATE, Variant::Duplicate, names.duplicate),
        (OVERPRINT, Variant::Overprint, names.overprint),
    ];
    let (values, computed) = (parts.fields.clone(), computed(parts, qr));
    let made = Timestamp::from_microsecond(parts.now).unwrap_or_default();
    let (at, kind) = (app.clone(), parts.kind.clone());
    let job = move || {
        let fonts = templates::fonts(&at).map_err(crate::problem::Problem::internal)?;
        let all = at.licences.pages.of(&kind)?;
        let mut rendered = Vec::with_capacity(wanted.len());
        for (kind, variant, name) in wanted {
            let Some(name) = name else { continue };
            let missing = || IssueError::Page(format!("the type has no template `{name}`"));
            let template = all.get(&name).ok_or_else(missing)?;
            let data = PageData { values: &values, computed: &computed, variant, watermark: None, made };
            let pages = licence::template::render(template, &data, &fonts, &Limits::default());
            rendered.push((kind, pages.map_err(|error| IssueError::Page(error.to_string()))?));
        }
        Ok::<_, IssueError>(rendered)
    };
    let mut drafts = Drafts { to_seal: Vec::new(), plain: Vec::new() };
    for (kind, Rendered { pdf, seal, .. }) in app.desk.work(job).await?? {
        match seal {
            Some(at) if kind != OVERPRINT => {
                let place =
                    placed(&parts.issuer.seal, at.page, [at.x_mm, at.y_mm, at.width_mm, at.height_mm]);
                drafts.to_seal.push((kind, Draft { pdf, place }));
            }
            _ => drafts.plain.push((kind, pdf)),
        }
    }
    if drafts.to_seal.first().is_none_or(|(kind, _)| *kind != ORIGINAL) {
        return Err(IssueError::Page("the original has no place for the seal".to_owned()));
    }
    Ok(drafts)
}

/// Where the seal goes: in the middle of its box, in its own size.
pub(crate) fn placed(seal: &ReadySeal, page: u32, [x, y, width, height]: [f64; 4]) -> Place {
    Place::Page {
        page: i32::try_from(page).unwrap_or(i32::MAX),
        x_mm: x + (width - seal.summary.width_mm) / 2.0,
        y_mm: y + (height - seal.summary.height_mm) / 2.0,
    }
}

/// What a page says besides the fields.
fn computed(parts: &Parts<'_>, qr: Option<&str>) -> Computed {
    let number = parts.kind.compiled.number(parts.fields);
    Computed {
        identifier: parts.identifier.with_oid(),
        number: number.unwrap_or_else(|| parts.identifier.serial().to_owned()),
        issuer: parts.issuer.name.clone(),
        issued: Some(day(parts.now)),
        valid_from: Some(day(parts.validity.0.saturating_mul(1_000_000))),
        valid_to: parts.validity.1.map(|end| day(end.saturating_mul(1_000_000))),
        version: parts.identifier.version(),
        qr: qr.map(ToOwned::to_owned),
        purpose: None,
        annotated_until: None,
    }
}

/// Versions of types whose templates are kept at once.
const MOST: usize = 200;
