//! Where private keys live.
//!
//! Responsible for: the [`Custody`] interface (sign, seal and open, mac) behind which keys never leave; the file
//! keystore ([`Keystore`]), which keeps every key in an envelope (AES-256-GCM or SM4-GCM) under a key-encryption key; unlocking
//! it by Shamir shares, a passphrase or a credential file, one method per keystore (decision 18); keys in PKCS#11
//! tokens ([`pkcs11`]); and hardening the process that holds opened keys ([`harden()`]).
//!
//! Not responsible for: which keys exist and what they are for (`keys/hierarchy.toml`), certificates (`pki`), and
//! recording that a key was used (the journal). Called by the appliance's ceremony, unsealing and services.
//!
//! Secrets in our own buffers are zeroized and have no `Debug`. What ring holds of an opened key is not wiped when
//! it is dropped; [`harden()`] keeps that memory out of core dumps, debuggers and swap.

mod aead;
mod api;
mod composite;
mod envelope;
mod files;
mod harden;
mod header;
mod keystore;
mod label;
pub mod pkcs11;
mod share;
mod split;
mod unlock;

pub use api::{Algorithm, BlindPermit, Custody, CustodyError, Health, KeyInfo, Usage};
pub use composite::Custodies;
pub use files::{FileError, write_secret_file};
pub use harden::{HardenError, Hardened, Hardening, harden};
pub use header::Method;
pub use keystore::{Created, Keystore, KeystoreError, Sealed};
pub use label::LabelError;
pub use share::{Share, ShareError};
pub use unlock::{CREDENTIAL_LEN, CredentialSource, PassphraseCost, Secret, Unlock, UnlockError};
