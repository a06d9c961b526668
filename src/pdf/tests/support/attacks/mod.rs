//! The published attacks on PDF signatures, made from their descriptions, and honest files that look like
//! them. No attack file of others is copied.
//!
//! pdf-insecurity.org: "1 Trillion Dollar Refund" (CCS 2019: universal forgery, wrapping, incremental
//! saving), "Shadow Attacks" (NDSS 2021: hide, replace, hide-and-replace), "Breaking the Specification"
//! (S&P 2021: evil annotation and sneaky signature on certified documents); beside them what RFC 5652 and
//! EN 319 142-1 leave to be checked in the CMS, and what goes wrong where readers disagree about a file.
//!
//! The verification tests of the `pdf` crate judge each by its report; the end-to-end tests write them all
//! to files and ask the other programs of the field as well. Both include this folder beside `people`,
//! `later` and `support`.

#![allow(dead_code, reason = "each test binary uses a part of it")]

mod certification;
mod cms;
mod coverage;
mod forgery;
mod looks;
mod objects;
mod roles;
mod saving;
mod shadow;
mod wrapping;

pub use forgery::Forgery;

use cinnabar_pdf::sign::{DocMdp, SignatureRequest};
use cinnabar_pdf::syntax::Object;

use super::later::{Later, form_page, show};
use super::people::{invisible, people, signed};

/// One file and what has to be said of it.
pub struct Attack {
    pub group: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
    /// The exit code of `cinnabar verify`: 3 invalid, 4 undecided, 6 unreadable; 0 where only the level
    /// falls or a warning is due.
    pub exit: u8,
    /// What one of the reasons (or warnings, or the error) says.
    pub because: &'static str,
}

/// A file that nothing may be held against.
pub struct Honest {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

fn attack(group: &'static str, name: &str, bytes: Vec<u8>, because: &'static str) -> Attack {
    Attack { group, name: name.to_owned(), bytes, exit: 3, because }
}

impl Attack {
    fn exits(self, exit: u8) -> Self {
        Self { exit, ..self }
    }
}

/// The groups.
pub const GROUPS: [&str; 7] = ["forgery", "wrapping", "saving", "shadow", "certification", "objects", "cms"];

/// Every attack of one of [`GROUPS`].
pub fn group(name: &str) -> Vec<Attack> {
    match name {
        "forgery" => forgery::attacks(),
        "wrapping" => wrapping::attacks(),
        "saving" => saving::attacks(),
        "shadow" => [shadow::attacks(), looks::attacks()].into_iter().flatten().collect(),
        "certification" => certification::attacks().into_iter().chain(coverage::attacks()).collect(),
        "objects" => objects::attacks().into_iter().chain(roles::attacks()).collect(),
        "cms" => cms::attacks(),
        other => panic!("no group `{other}`"),
    }
}

/// Every attack, group by group.
pub fn all() -> Vec<Attack> {
    GROUPS.into_iter().flat_map(group).collect()
}

/// The honest counterparts.
pub fn honest() -> Vec<Honest> {
    [
        shadow::honest(),
        looks::honest(),
        certification::honest(),
        coverage::honest(),
        objects::honest(),
        roles::honest(),
        cms::honest(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The form, certified with these permissions.
fn certified(level: DocMdp) -> Vec<u8> {
    let request = SignatureRequest { certify: Some(level), ..invisible() };
    signed(&form_page("", "").bytes, &request, &people().seal)
}

const LEVELS: [(&str, DocMdp); 3] =
    [("p1", DocMdp::NoChanges), ("p2", DocMdp::FormsAndSignatures), ("p3", DocMdp::Annotations)];

/// `bytes` with a revision that `change` writes.
fn changed(bytes: &[u8], change: impl FnOnce(&mut Later)) -> Vec<u8> {
    let mut later = Later::than(bytes);
    change(&mut later);
    later.finish()
}

/// A list in an object, one reference longer.
fn longer(later: &Later, number: u32, key: &str, added: u32) -> String {
    match later.get(number).get(key.as_bytes()) {
        Some(list) => show(list).replacen(']', &format!(" {added} 0 R]"), 1),
        None => format!("[{added} 0 R]"),
    }
}

/// An object of a file, spelled.
fn spelled(later: &Later, number: u32) -> String {
    show(&Object::Dictionary(later.get(number)))
}

fn replaced(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    let at = memchr::memmem::find(bytes, old.as_bytes()).unwrap_or_else(|| panic!("no `{old}`"));
    [&bytes[..at], new.as_bytes(), &bytes[at + old.len()..]].concat()
}

/// A content stream that says something else.
const EVIL: &[u8] = b"BT /F1 12 Tf (pay 1000000) Tj ET";
