//! The authorities and signers of these tests, and the times they live in.

use std::sync::OnceLock;

use pki::path::TrustAnchors;

use super::forge::{OCSP_SIGNING, Party, TIME_STAMPING, Wish, answered, ca, nocheck, purposes, usage};
use super::paper::Paper;

pub const DAY: i64 = 86_400;
pub const YEAR: i64 = 365 * DAY;
/// 2020-01-01T00:00:00Z: the seal's certificate begins.
pub const START: i64 = 1_577_836_800;
/// When signatures of these tests are made, unless they say otherwise.
pub const SIGNED: i64 = START + 30 * DAY;
/// When the seal's certificate ends.
pub const END: i64 = START + 2 * YEAR;

pub struct Cast {
    pub root: Party,
    pub ca: Party,
    pub seal: Party,
    /// An authority that ends with its seal.
    pub short_ca: Party,
    pub brief: Party,
    pub responder: Party,
    /// Until ten years after the seal.
    pub tsa: Party,
    /// Ends with the seal.
    pub short_tsa: Party,
    pub anchors: TrustAnchors,
}

pub fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let root = Party::root(Wish::new("Root", START - 10 * YEAR, START + 30 * YEAR, authority()));
        let ca = root.certify(Wish::new("Seals CA", START - 5 * YEAR, START + 20 * YEAR, authority()));
        let seal = ca.certify(Wish::new("Seal", START, END, signer()));
        let short_ca = root.certify(Wish::new("Short CA", START - YEAR, END, authority()));
        let brief = short_ca.certify(Wish::new("Brief Seal", START, END, signer()));
        let responder = ca.certify(Wish::new("Responder", START, START + 20 * YEAR, ocsp_signer()));
        let tsa = ca.certify(Wish::new("Time-Stamp Unit", START - YEAR, END + 10 * YEAR, stamper()));
        let short_tsa = ca.certify(Wish::new("Short Time-Stamp Unit", START - YEAR, END, stamper()));
        let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
        Cast { root, ca, seal, short_ca, brief, responder, tsa, short_tsa, anchors }
    })
}

pub fn authority() -> Vec<Vec<u8>> {
    vec![ca(None), usage(6)]
}

pub fn signer() -> Vec<Vec<u8>> {
    vec![usage(0xC0), answered()]
}

pub fn stamper() -> Vec<Vec<u8>> {
    vec![usage(0x80), purposes(true, &[TIME_STAMPING]), answered()]
}

pub fn ocsp_signer() -> Vec<Vec<u8>> {
    vec![usage(0x80), purposes(false, &[OCSP_SIGNING]), nocheck()]
}

/// Lists of the root and of the CA that revoke nobody, current for a month from `at`.
pub fn clean_lists(at: i64) -> [Vec<u8>; 2] {
    let cast = cast();
    [cast.root.crl([at, at + 30 * DAY], &[]), cast.ca.crl([at, at + 30 * DAY], &[])]
}

/// Everything that a later validation of a signature by the seal, time-stamped by either authority, has to have: stored
/// with whatever was signed.
pub struct Kept {
    /// The root's.
    crl: Vec<u8>,
    /// Of the seal and of both time-stamp authorities.
    ocsps: [Vec<u8>; 3],
}

impl Kept {
    /// Made at `at` and current for some days.
    pub fn at(at: i64, days: i64) -> Self {
        let cast = cast();
        let window = [at, at + days * DAY];
        let good = |whom| cast.responder.ocsp(&cast.ca, whom, window, None);
        let ocsps = [good(&cast.seal), good(&cast.tsa), good(&cast.short_tsa)];
        Self { crl: cast.root.crl(window, &[]), ocsps }
    }

    /// Puts it into the store of a document.
    pub fn added_to(&self, paper: Paper) -> Paper {
        let [seal, tsa, short] = &self.ocsps;
        paper.store(&[&cast().ca, &cast().responder], &[&self.crl], &[seal, tsa, short])
    }
}
