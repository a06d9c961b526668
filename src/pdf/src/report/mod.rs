//! Reports on a verification, for whoever has to act on it.
//!
//! [`Simple`] says in plain Chinese and English what a clerk needs: one sentence of verdict, who sealed, when, what changed,
//! what is missing and what to do; as text for a terminal and as one HTML page that prints on A4. [`etsi`] writes the
//! validation report of ETSI TS 119 102-2 for other programs. The detailed report is [`Report`](crate::verify::Report)
//! itself, as JSON. Nothing is judged here: the same report always gives the same octets. Called by the appliance and
//! the command line.

mod etsi;
mod html;
mod moment;
mod seal;
mod sentences;
mod simple;
mod text;
mod words;

pub use etsi::etsi;
pub use simple::{Entry, Row, Simple, Tone};
pub use words::{Language, Words, is_hidden, visible};

/// What a report says about itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What the verified file is called.
    pub name: &'a str,
    /// The time of validation, Unix seconds.
    pub at: i64,
    /// In which time zone people are shown times: minutes east of Greenwich.
    pub offset_minutes: i32,
    /// The name of the validation policy.
    pub policy: &'a str,
}
