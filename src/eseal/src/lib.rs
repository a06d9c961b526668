//! Electronic seals as octets and as pictures.
//!
//! Responsible for: the structures of GB/T 38540-2020 (V4), GM/T 0031-2025 (V5) and GM/T 0031-2014 (V1, read only), making
//! and verifying seals and the signatures made with them, and drawing a seal's picture. Not responsible for: a seal's
//! life (who applied, who approved, whether it is suspended), PDF, keys, or the clock: time, trust and fonts are handed
//! in. Called by the appliance.

mod asn1;
pub mod deviation;
pub mod picture;
mod read;
pub mod seal;
pub mod signature;
pub mod verify;
mod write;

pub use deviation::{Deviation, DeviationKind};
pub use read::{Read, StructureError};
pub use seal::{NewPicture, NewSeal, Seal, Signers, Version};
pub use signature::{Sealer, Signature, max_len, sign};
pub use verify::{Makers, Report, Trust, verify, verify_seal};
