//! Validation of signatures and time-stamps (ETSI EN 319 102-1 v1.4.1), as pure computation.
//!
//! Responsible for the verdict over a signature whose octets somebody else has verified: is it valid now (§5.3), at a
//! proven time (§5.5), or by proofs of existence alone (§5.6), under a [`SignaturePolicy`]? Not for parsing documents,
//! not for fetching, not for knowing the time: format checks, evidence, proofs and the time of validation are handed in.
//! Called by `pdf::verify` and by the verification of plain CMS and of time-stamps.
//!
//! Each building block of the standard has its file. Work is bounded by the policy's budget of signature verifications,
//! shared by everything one validation looks at; a signature that was verified once is not verified again.

mod basic;
mod blocks;
mod chain;
mod cryptography;
mod evidence;
mod freshness;
mod materials;
mod past;
mod policy;
mod proofs;
mod report;
mod run;
mod sliding;
mod stamps;
mod steps;
mod subject;
mod time;
mod validator;

pub use cryptography::{Cryptography, DigestName, KeyFamily, Reliability};
pub use evidence::{Evidence, Gathered, Origin};
pub use policy::{Demands, Limits, PolicyError, SignatureDemands, SignaturePolicy, SlideTo};
pub use proofs::{Poe, Poes, ProofSource};
pub use report::{
    AlgorithmUsed, Block, ChainCertificate, Constraint, Material, ObjectKind, Process, ProofUsed,
    RevocationUsed, StampKind, Status, Step, TimestampValidation, Validation,
};
pub use subject::{Format, Imprint, Stamp, Subject};
pub use validator::{Validator, validate, validate_timestamp};
