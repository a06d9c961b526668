//! Definitions of licence types (GB/T 36902): what a type is called, who defines and issues it, which fields it has, how it
//! looks, how long it holds, who may ask for which fields.
//!
//! A definition is read ([`TypeDefinition::read`]), judged as a whole ([`TypeDefinition::compile`]) and from then on a
//! [`Compiled`], whose rules are known to name fields that exist and whose schema is known to be bounded: every text has a
//! longest form, every list a greatest length, so that templates and QR symbols can be judged by their worst case before the
//! first licence is made. Faults are told by JSON pointer in Chinese and English, and never repeat a value.
//!
//! Not responsible for versions, review and publication (the appliance's `licences::catalogue`), nor for how licences look
//! (`template`). Called by both, by issuing and by verification.

mod compile;
mod compiled;
mod definition;
mod fault;
mod field;
mod metadata;
mod schema;
mod validate;
mod validity;
mod values;

pub use compiled::{Compiled, Holder, Split};
pub use definition::{
    Body, FieldTags, HolderCategory, HolderFields, Item, QueryRule, Sensitivity, Templates, TypeDefinition,
    Validity, Words,
};
pub use fault::{Fault, FieldFault};
pub use field::{Column, Field, Kind};
pub use metadata::MetadataFacts;
pub use validity::{DAY_OFFSET, ValidityError};
pub use values::normalise;

/// The same under the name it has where it is judged: `Definition::compile(definition)`.
pub type Definition = TypeDefinition;
