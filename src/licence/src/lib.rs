//! Electronic licences (GB/T 36901 to 36906): identifiers, catalogue schemas, page templates, the life of a licence, and the
//! credentials a holder carries (SD-JWT VC, COSE in a QR symbol, status lists).
//!
//! Responsible for formats and rules alone: octets in, octets out; time and randomness come in as parameters. Not responsible
//! for records, keys or transport (the appliance's `licences`).

pub mod catalogue;
pub mod codes;
pub mod credential;
pub mod identifier;
pub mod life;
pub mod template;
pub mod trust_list;
