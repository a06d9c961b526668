//! Section `[documents]`: what sealing shows on documents, and how much one request may ask for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Levels;

/// Fonts, links and bounds of sealing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Documents {
    /// Font (TrueType or OpenType) of the text lines beside a seal; without it requests for lines are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub font: Option<PathBuf>,
    /// Which font of a collection (`.ttc`, `.otc`), from 0.
    pub font_index: u32,
    /// Where a sealed document can be verified: what the QR code shows, the record's identifier appended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_url: Option<String>,
    /// Most seals on one document in one request.
    pub seals_per_request: usize,
    /// Most documents in one batch.
    pub batch_items: usize,
    /// Most octets of all documents of one batch together.
    pub batch_bytes: u64,
    /// Time-stamps and evidence for documents above PAdES B-B.
    pub levels: Levels,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            font: None,
            font_index: 0,
            verification_url: None,
            seals_per_request: 16,
            batch_items: 200,
            batch_bytes: 1024 * 1024 * 1024,
            levels: Levels::default(),
        }
    }
}

impl Documents {
    /// A value that cannot be meant: key, value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        let url = self.verification_url.as_deref().unwrap_or("https://");
        let fits = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        if !fits || url.len() > MAX_URL || !url.is_ascii() || url.contains(char::is_whitespace) {
            let mend = "write the beginning of an address, `https://…/`; the record's identifier is appended";
            return Some(("documents.verification_url", url.to_owned(), mend));
        }
        None
    }
}

/// Longest beginning of an address: a QR code of more would not be read from paper at 20 mm.
const MAX_URL: usize = 200;
