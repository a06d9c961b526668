//! What a caller says about a seal beside its place: split over the edges of pages, lines of text, a QR symbol, fields locked.
//!
//! Checked into the wishes of `looks` and the lock; the rest of the parameters is `parameters`' to check, which calls this.

use pdf::sign::FieldLock;

use super::looks::{LineKind, LinesWish, PagingWish, SheetKind, SideKind};
use super::model::{BadParameter, is_shown_text};
use super::parameters::{LockKind, MAX_MM, MAX_TEXT, Place, SealQuery, bad};

impl SealQuery {
    /// The seal over the edges of pages.
    pub(super) fn split(&self) -> Result<Option<PagingWish>, BadParameter> {
        let Some(edge) = self.paging else {
            let others = [self.paging_first_page, self.paging_last_page, self.paging_pages_per_seal];
            if self.paging_along_mm.is_some()
                || self.paging_sheets.is_some()
                || others.iter().any(Option::is_some)
            {
                return bad("paging", "name the edge that the seal is split over");
            }
            return Ok(None);
        };
        if self.paging_along_mm.is_some_and(|along| !(0.0..=MAX_MM).contains(&along)) {
            return bad("paging_along_mm", "write millimetres from 0 to 10000");
        }
        let first_page = self.paging_first_page.unwrap_or(1);
        if first_page == 0 || self.paging_last_page.is_some_and(|last| last <= first_page) {
            return bad("paging_last_page", "pages count from 1, and at least two of them share a seal");
        }
        if self.paging_pages_per_seal.is_some_and(|pages| pages < 2) {
            return bad("paging_pages_per_seal", "at least two pages share a seal");
        }
        Ok(Some(PagingWish {
            edge,
            along_mm: self.paging_along_mm,
            first_page,
            last_page: self.paging_last_page,
            sheets: self.paging_sheets.unwrap_or(SheetKind::Every),
            pages_per_seal: self.paging_pages_per_seal,
        }))
    }

    /// Lines and a QR symbol beside the seal.
    pub(super) fn beside(
        &self,
        place: &Place,
    ) -> Result<(Option<LinesWish>, Option<SideKind>), BadParameter> {
        let whole = !matches!(place, Place::Invisible | Place::Paging);
        let qr = self.qr.unwrap_or(false);
        if self.qr_side.is_some() && !qr {
            return bad("qr_side", "a side belongs to `qr=true`");
        }
        if qr && !whole {
            return bad("qr", "a QR symbol stands beside a seal that shows whole; give the seal a place");
        }
        let qr = qr.then(|| self.qr_side.unwrap_or(SideKind::Below));
        let Some(kinds) = self.lines.clone() else {
            if self.lines_language.is_some() || self.lines_side.is_some() {
                return bad("lines", "name the lines that are wanted: signer, time, reason, record");
            }
            return Ok((None, qr));
        };
        if kinds.is_empty() || kinds.len() > MAX_LINES {
            return bad("lines", "name 1 to 8 lines: signer, time, reason, record");
        }
        if !whole {
            return bad("lines", "lines stand beside a seal that shows whole; give the seal a place");
        }
        if kinds.contains(&LineKind::Reason) && self.reason.is_none() {
            return bad("lines", "a line with the reason needs a `reason`");
        }
        let language = self.lines_language.unwrap_or_default();
        let side = self.lines_side.unwrap_or(SideKind::Right);
        Ok((Some(LinesWish { kinds, language, side }), qr))
    }
}

/// The fields that the signature locks.
pub(super) fn locked(
    kind: Option<LockKind>,
    fields: Option<Vec<String>>,
) -> Result<Option<FieldLock>, BadParameter> {
    let Some(kind) = kind else {
        return match fields {
            None => Ok(None),
            Some(_) => bad("lock_fields", "fields to lock need `lock=include` or `lock=exclude`"),
        };
    };
    let named = fields.unwrap_or_default();
    if named.len() > MAX_FIELDS || named.iter().any(|name| !is_shown_text(name, MAX_TEXT)) {
        return bad("lock_fields", "name at most 256 fields, each with 1 to 256 visible characters");
    }
    match (kind, named.is_empty()) {
        (LockKind::All, true) => Ok(Some(FieldLock::All)),
        (LockKind::All, false) => bad("lock_fields", "`lock=all` names no fields"),
        (_, true) => bad("lock_fields", "name the fields that `lock` means"),
        (LockKind::Include, false) => Ok(Some(FieldLock::Include(named))),
        (LockKind::Exclude, false) => Ok(Some(FieldLock::Exclude(named))),
    }
}

/// Most lines beside a seal.
const MAX_LINES: usize = 8;

/// Most fields a lock may name.
const MAX_FIELDS: usize = 256;
