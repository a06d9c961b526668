//! What there is to judge: revisions, the form in each of them, and every signature ever present.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use super::fields::Form;
use super::structure::{self, Examined};
use crate::revisions::Revisions;
use crate::syntax::{Document, Object, ObjectId, ReadError};

/// Everything found in a file before any cryptography.
pub(crate) struct Findings {
    pub(crate) revisions: Revisions,
    /// The form of each revision, oldest first.
    pub(crate) forms: Vec<Rc<Form>>,
    pub(crate) signatures: Vec<Found>,
    pub(crate) warnings: Vec<String>,
}

/// A signature, or what stands in its place.
pub(crate) struct Found {
    pub(crate) field: Option<(ObjectId, String)>,
    /// The signature dictionary's identity, if the value is a reference.
    pub(crate) id: Option<ObjectId>,
    pub(crate) examined: Examined,
    /// It was there in an earlier revision only.
    pub(crate) removed: bool,
}

impl Findings {
    pub(crate) fn of(document: &Document<'_>) -> Result<Self, ReadError> {
        let revisions = Revisions::of(document)?;
        let forms = forms(document, &revisions)?;
        let mut findings = Self { revisions, forms, signatures: Vec::new(), warnings: Vec::new() };
        findings.present(document)?;
        findings.certification(document)?;
        findings.removed(document)?;
        if findings.signatures.len() > MAX_SIGNATURES {
            return Err(ReadError::TooComplex { budget: "signatures" });
        }
        findings.signatures.sort_by_key(|found| found.examined.offset.unwrap_or(u64::MAX));
        Ok(findings)
    }

    /// The signatures of the newest form.
    fn present(&mut self, document: &Document<'_>) -> Result<(), ReadError> {
        let Some(form) = self.forms.last() else { return Ok(()) };
        let view = document.view();
        self.warnings.extend(form.warnings.iter().cloned());
        let mut seen = BTreeSet::new();
        let mut shared = BTreeSet::new();
        for (field, node) in form.signatures() {
            let Some(value) = &node.value else { continue };
            let id = value.as_reference();
            let examined = match id {
                Some(id) => structure::examine(view, &self.revisions, id)?,
                None => Examined {
                    dictionary: value.as_dictionary().cloned().unwrap_or_default(),
                    reasons: vec![match &**value {
                        Object::Null => "the signature value is null",
                        Object::Dictionary(_) => "the signature dictionary is not an indirect object",
                        _ => "the signature value is not a dictionary",
                    }],
                    ..Examined::default()
                },
            };
            if let Some(id) = id
                && !seen.insert(id)
            {
                shared.insert(id);
            }
            self.signatures.push(Found {
                field: Some((field, node.name.clone())),
                id,
                examined,
                removed: false,
            });
        }
        for found in self.signatures.iter_mut().filter(|f| f.id.is_some_and(|id| shared.contains(&id))) {
            found.examined.signed = None;
            found.examined.reasons.push("two fields share one signature dictionary");
        }
        Ok(())
    }

    /// A certification signature that only the catalog's `/Perms` names; usage rights are mentioned.
    fn certification(&mut self, document: &Document<'_>) -> Result<(), ReadError> {
        let view = document.view();
        let (_, catalog) = view.catalog()?;
        let Object::Dictionary(permissions) = view.entry(&catalog, b"Perms")? else { return Ok(()) };
        for (key, value) in permissions.iter() {
            let id = value.as_reference();
            if id.is_some() && self.signatures.iter().any(|found| found.id == id) {
                continue;
            }
            match (key, id) {
                (b"DocMDP", Some(id)) => {
                    let examined = structure::examine(view, &self.revisions, id)?;
                    self.signatures.push(Found { field: None, id: Some(id), examined, removed: false });
                }
                (b"DocMDP", None) => {
                    self.warnings.push("the catalog names a certification that is no indirect object".into());
                }
                _ => self.warnings.push(format!(
                    "the catalog's permissions hold /{}, which is not verified",
                    String::from_utf8_lossy(key)
                )),
            }
        }
        Ok(())
    }

    /// Signatures of earlier revisions that are gone, or replaced, in the newest.
    fn removed(&mut self, document: &Document<'_>) -> Result<(), ReadError> {
        let newest = document.view();
        let mut reported = BTreeSet::new();
        let mut before: Option<&Rc<Form>> = None;
        for (revision, form) in self.revisions.list.iter().zip(&self.forms) {
            if before.replace(form).is_some_and(|before| Rc::ptr_eq(before, form)) {
                continue; // no field changed, and what became of its value was asked already
            }
            let view = revision.view(document);
            for (field, node) in form.signatures() {
                let Some(id) = node.value.as_ref().and_then(|value| value.as_reference()) else { continue };
                let still = self.forms.last().and_then(|form| form.nodes.get(&field));
                let same = still.and_then(|now| now.value.as_ref()) == node.value.as_ref()
                    && still.is_some_and(|now| now.kind == node.kind)
                    && newest.locate(id.number) == view.locate(id.number);
                if !same && reported.insert((field, id)) {
                    let mut examined = structure::examine(view, &self.revisions, id)?;
                    examined.reasons.push("the signature was removed or replaced in a later revision");
                    self.signatures.push(Found {
                        field: Some((field, node.name.clone())),
                        id: Some(id),
                        examined,
                        removed: true,
                    });
                }
            }
        }
        Ok(())
    }
}

/// The form of each revision; read again only where a revision mentions something it was read from, so
/// that a thousand revisions of a large form stay cheap.
fn forms(document: &Document<'_>, revisions: &Revisions) -> Result<Vec<Rc<Form>>, ReadError> {
    let mut forms: Vec<Rc<Form>> = Vec::with_capacity(revisions.list.len());
    let mut read_from: HashSet<u32> = HashSet::new();
    let mut root = None;
    for revision in &revisions.list {
        let view = revision.view(document);
        let now = view.trailer().get(b"Root").and_then(Object::as_reference);
        let sections = document.sections().get(revision.sections.clone()).unwrap_or_default();
        let untouched = now == root
            && !sections.iter().flat_map(crate::syntax::Section::numbers).any(|n| read_from.contains(&n));
        if let (true, Some(form)) = (untouched, forms.last()) {
            forms.push(Rc::clone(form));
            continue;
        }
        root = now;
        let (form, numbers) = document.traced(|| Form::read(view));
        forms.push(Rc::new(form?));
        read_from = numbers;
    }
    Ok(forms)
}

/// Documents with hundreds of signatures exist; with thousands they only waste time.
const MAX_SIGNATURES: usize = 1_000;
