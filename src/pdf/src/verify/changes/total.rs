//! What happened after a signature, over all later revisions, and whether its signer allowed that.
//!
//! Every revision is compared once with the one before it; each signature adds up the steps after its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::fields::Form;
use super::super::inspect::{Findings, Found};
use super::super::permissions::Permissions;
use super::coverage::NEARLY_ALL;
use super::{Class, Step, step};
use crate::revisions::References;
use crate::syntax::{Document, ObjectId, ReadError, View};

/// An object that a revision after a signature added, changed or freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ChangedObject {
    /// Its number.
    pub object: u32,
    /// The revision that changed it, counted from 1.
    pub revision: usize,
    /// What the rule that knows the change calls it.
    pub class: Class,
}

/// What happened after one signature.
#[derive(Debug, Default)]
pub(crate) struct After {
    pub(crate) classes: Vec<Class>,
    pub(crate) objects: Vec<ChangedObject>,
    pub(crate) allowed: bool,
    pub(crate) reasons: Vec<String>,
}

/// What each revision changed, from the first signed one on; of that one only what it signed in part.
pub(crate) fn steps(document: &Document<'_>, findings: &Findings) -> Result<Vec<Step>, ReadError> {
    let mut steps = vec![Step::default(); findings.revisions.list.len()];
    let first =
        findings.signatures.iter().filter_map(|f| f.examined.signed.as_ref()).map(|s| s.revision).min();
    let Some(first) = first.filter(|first| first + 1 < steps.len()) else { return Ok(steps) };
    let pairs = findings.revisions.list.iter().zip(&findings.forms).enumerate().skip(first);
    let mut before: Option<(View<'_, '_>, &Form)> = None;
    let mut references = References::default();
    let mut signed = None;
    for (i, (revision, form)) in pairs {
        let view = revision.view(document);
        let signed = *signed.get_or_insert(view);
        let Some(slot) = steps.get_mut(i) else { continue };
        match before {
            None => {
                references = References::of(view, revision.end)?;
                slot.unfinished = references.beyond().to_vec();
            }
            Some(old) => *slot = step(revision, old, (view, &**form), signed, &mut references)?,
        }
        before = Some((view, &**form));
    }
    frames(&mut steps);
    Ok(steps)
}

/// A place to sign that draws its own frame is part of a signature once a later revision signs it; until then
/// it is a picture laid over the page. That its widget stayed what it was is that revision's rule.
fn frames(steps: &mut [Step]) {
    let mut signed: BTreeSet<ObjectId> = BTreeSet::new();
    for step in steps.iter_mut().rev() {
        for (field, name) in std::mem::take(&mut step.frames) {
            if signed.contains(&field) {
                step.classes.insert(Class::Signature);
            } else {
                step.classes.insert(Class::Annotation);
                step.reasons.push(format!("unsigned signature field `{name}` was added and shows on a page"));
            }
        }
        signed.extend(&step.signed);
    }
}

/// Adds up the steps after `found` and holds them against what it allows.
pub(crate) fn after(
    document: &Document<'_>,
    findings: &Findings,
    steps: &[Step],
    found: &Found,
) -> Result<After, ReadError> {
    let Some(signed) = &found.examined.signed else {
        let classes = if found.removed { vec![Class::Other] } else { Vec::new() };
        return Ok(After { classes, allowed: !found.removed, ..After::default() });
    };
    let Some(revision) = findings.revisions.list.get(signed.revision) else { return Ok(After::default()) };
    let mut total = Step::default();
    let mut objects: BTreeMap<(usize, u32), Class> = BTreeMap::new();
    if let Some(own) = steps.get(signed.revision) {
        for number in own.unfinished.iter().take(8) {
            total.classes.insert(Class::Other);
            total.reasons.push(format!("object {number} ends behind the octets that were signed"));
        }
    }
    for (at, step) in steps.iter().enumerate().skip(signed.revision + 1) {
        total.classes.extend(&step.classes);
        total.fields.extend(step.fields.iter().cloned());
        total.visible_signature |= step.visible_signature;
        total.reasons.extend(step.reasons.iter().cloned());
        for (page, share) in &step.covered {
            *total.covered.entry(*page).or_default() += share;
        }
        let room = MAX_OBJECTS.saturating_sub(objects.len());
        objects.extend(step.objects.iter().take(room).map(|(number, class)| ((at + 1, *number), *class)));
    }
    if let Some((page, _)) = total.covered.iter().find(|(_, share)| **share > NEARLY_ALL) {
        total.classes.insert(Class::Annotation);
        total.reasons.push(format!("new signature fields together cover page object {page}"));
    }
    if findings.revisions.trailing.is_some() {
        total.classes.insert(Class::TrailingData);
        total.reasons.push("there is data after the end of the document".into());
    }
    if !findings.revisions.ordered {
        total.reasons.push("the revisions do not stand in the file in the order they name each other".into());
    }
    if !findings.revisions.ordered || found.removed {
        total.classes.insert(Class::Other);
    }
    let objects = objects
        .into_iter()
        .map(|((revision, object), class)| ChangedObject { object, revision, class })
        .collect();
    let mut after = After {
        classes: total.classes.iter().copied().collect(),
        objects,
        allowed: false,
        reasons: std::mem::take(&mut total.reasons),
    };
    let Some(id) = found.id else { return Ok(after) };
    let form = findings.forms.get(signed.revision);
    let field = found.field.as_ref().and_then(|(id, _)| form?.nodes.get(id));
    let permissions = Permissions::of(revision.view(document), id, &found.examined.dictionary, field)?;
    let violations = permissions.violations(&total);
    after.allowed = violations.is_empty();
    after.reasons.extend(violations);
    if after.allowed && total.classes.contains(&Class::Annotation) {
        after
            .reasons
            .push("annotations were changed after signing, as the signer allowed; look at them".into());
    }
    if after.allowed && total.visible_signature && permissions.certifies() {
        after.reasons.push(
            "a signature that shows on a page was added after certifying, as the signer allowed; look at it"
                .into(),
        );
    }
    Ok(after)
}

/// A report names this many objects per signature.
const MAX_OBJECTS: usize = 1_000;
