//! Prospective paths for validation in the past (EN 319 102-1 §5.2.6, §5.6.2.1): each path that keeps the rules of RFC 5280
//! §6.1 apart from time and revocation, and the status of its certificates at any time the caller asks about.

use super::{
    Anchor, PathFailure, Request,
    build::{Budget, search_each},
    check,
    revocation::{self, Admit, Context, Status},
};
use crate::certificate::Certificate;

/// A path whose signatures hold and that keeps every rule that does not depend on a time.
// INVARIANT: made by `prospects` alone.
pub(crate) struct Prospect<'p> {
    /// End certificate first, anchor last.
    pub(crate) path: &'p [Certificate],
    pub(crate) anchor: &'p Anchor,
    request: &'p Request<'p>,
}

impl Prospect<'_> {
    /// What is known about the certificate at `index` at a time; `None` for one that says that nothing can be, and for the
    /// anchor. With `later` evidence that was made after the time counts; without it only what was made before does, by
    /// whoever was valid when it was made.
    pub(crate) fn status(
        &self,
        index: usize,
        at: i64,
        later: bool,
        admit: Admit<'_>,
        budget: &mut Budget,
    ) -> Option<Status> {
        let (certificate, issuer) = (self.path.get(index)?, self.path.get(index + 1)?);
        if revocation::is_exempt(certificate) {
            return None;
        }
        let mut request = Request { at, ..*self.request };
        request.policy.later_evidence = later;
        let mut context = Context {
            request: &request,
            budget,
            path: self.path,
            anchor: self.anchor,
            asked: &[],
            admit,
            past: !later,
        };
        Some(revocation::status(certificate, issuer, &mut context))
    }
}

/// Hands each prospective path to `take` until one is taken. An error says which rule stood in the way of the path that got
/// furthest; it is `None` when paths were there and none was taken.
pub(crate) fn prospects(
    request: &Request<'_>,
    budget: &mut Budget,
    take: &mut dyn FnMut(&Prospect<'_>, &mut Budget) -> bool,
) -> Result<(), Option<(PathFailure, Vec<Certificate>)>> {
    let mut offered = false;
    let mut complete = |path: &[Certificate], anchor: &Anchor, budget: &mut Budget| {
        check::rules(path, anchor, request, &mut budget.work)?;
        offered = true;
        if take(&Prospect { path, anchor, request }, budget) {
            return Ok(());
        }
        Err(PathFailure::NoPath { subject: String::new() })
    };
    let outcome = search_each(request, budget, &mut complete);
    outcome.map_err(|failure| (!offered).then_some(failure))
}
