//! Seals and the signatures made with them: structures, deviations, signing, verifying, attacks.

extern crate pki as cinnabar_pki;

#[path = "../../../pki/tests/forge/mod.rs"]
mod forge;
mod making;
mod world;
