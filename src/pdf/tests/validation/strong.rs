//! A second hierarchy on P-384, but for the seal: its algorithm can end alone.

use std::sync::OnceLock;

use crypto::KeyKind;

use super::cast::{DAY, END, START, YEAR, authority, signer, stamper};
use super::forge::{Party, Wish};

/// From when on ECDSA below 384 bits proves nothing under [`ENDED`]: 2020-04-01T00:00:00Z.
pub const ENDS: i64 = 1_585_699_200;

/// Lines of the policy `default` under which the seal's algorithm ends, and no other.
pub const ENDED: [(&str, &str); 2] = [
    ("    { bits = 224, until = 2021-10-01 },", "    { bits = 224, until = 2020-04-01 },"),
    (
        "    { bits = 256, until = \"open\" },",
        "    { bits = 256, until = 2020-04-01 },\n    { bits = 384, until = \"open\" },",
    ),
];

pub struct Strong {
    pub root: Party,
    pub ca: Party,
    pub seal: Party,
    pub tsa: Party,
}

pub fn strong() -> &'static Strong {
    static STRONG: OnceLock<Strong> = OnceLock::new();
    STRONG.get_or_init(|| {
        let large = |wish| Wish { kind: KeyKind::P384, ..wish };
        let root =
            Party::root(large(Wish::new("Strong Root", START - 10 * YEAR, START + 30 * YEAR, authority())));
        let ca =
            root.certify(large(Wish::new("Strong CA", START - 5 * YEAR, START + 20 * YEAR, authority())));
        let seal = ca.certify(Wish::new("Strong Seal", START, END, signer()));
        let tsa = ca.certify(large(Wish::new("Strong TSU", START - YEAR, END + 10 * YEAR, stamper())));
        Strong { root, ca, seal, tsa }
    })
}

impl Strong {
    /// Lists that revoke nobody, current for a month.
    pub fn lists(&self, at: i64) -> [Vec<u8>; 2] {
        [self.root.crl([at, at + 30 * DAY], &[]), self.ca.crl([at, at + 30 * DAY], &[])]
    }
}
