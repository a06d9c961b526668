//! Writing PDF: objects as bytes, and one incremental update as a tail to append.
//!
//! `Update` collects new and changed objects and lays them out behind the original with a
//! cross-reference section of the original's own kind (ISO 32000-2 §7.5.6). It never sees a byte of
//! the original and never returns one: the outcome is what has to be appended. Called by
//! [`crate::sign`]; long-term validation material will come through the same door.
//!
//! Not here: what has to change (`sign`) and reading (`syntax`).

mod layout;
mod object;
mod text_string;
mod update;

pub(crate) use layout::byte_range_numbers;
pub use object::{WriteError, write_object};
pub use text_string::{decode_text, text_string};
pub use update::LayoutError;
pub(crate) use update::{Base, Body, Section, Signature, Update};
