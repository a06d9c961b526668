//! Validation of signatures and time-stamps (ETSI EN 319 102-1 v1.4.1), as pure computation.
//!
//! Responsible for the verdict over a signature whose octets somebody else has verified: is it valid now (§5.3), at a
//! proven time (§5.5), or by proofs of existence alone (§5.6), under a [`SignaturePolicy`]? Not for parsing documents,
//! not for fetching, not for knowing the time: format checks, evidence, proofs and the time of validation are handed in.
//! Called by `pdf::verify` and by the verification of plain CMS and of time-stamps.
//!
//! Each building block of the standard has its file. Work is bounded by the policy's budget of signature verifications,
//! shared by everything one validation looks at; a signature that was verified once is not verified again.
//!
//! Where the standard leaves a choice or is not followed to the letter:
//! - The best-signature-time of §5.5 is the earliest proof from anywhere, a document time-stamp as well (EN 319 142-1 §5.4.3).
//! - A path that §5.5 goes on with is judged again at that time, freshness included; a revoked authority is left to §5.6.
//! - An authority that has run out is OUT_OF_BOUNDS_NO_POE, so that proofs can make up for it (§5.2.6.4 leaves it open).
//! - A time-stamp of what is signed counts as content-time-stamp also when it stands in the document (§5.3.4, step 4).
//! - How far the control time slides for evidence that is not fresh is the policy's choice (§5.6.2.2.4, step c); what a key
//!   signed must besides be proven older than the end of its certificate and of its algorithms.
//! - A broken signature is reported as such even when its certificate is not there: a proof outweighs not knowing.
//! - A policy may ask for the proofs of §5.6 while everything is good; that they lack is NO_POE.

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
