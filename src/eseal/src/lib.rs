//! Electronic seals as octets and as pictures.
//!
//! Responsible for: the structures of GB/T 38540-2020 (V4), GM/T 0031-2025 (V5) and GM/T 0031-2014 (V1, read only), making
//! and verifying seals and the signatures made with them, and drawing a seal's picture. Not responsible for: a seal's
//! life (who applied, who approved, whether it is suspended), PDF, keys, or the clock: time, trust and fonts are handed
//! in. Called by the appliance.

pub mod picture;
