//! Reading the fields of seals and signatures: tolerant of what real ones write, and telling every deviation.
//!
//! [`Notes`] keeps where the reader is and what it noticed; [`Fields`] walks one SEQUENCE. What is understood here decides
//! nothing: signatures are verified over the octets as they came. Called by `seal` and `signature`.

mod certificate;
mod optional;
mod text;
mod time;
mod value;

use thiserror::Error;

use crate::{
    asn1::{self, Elements, Fault, Form, Tlv},
    deviation::{Deviation, DeviationKind},
};

/// What was read, and what of it is otherwise than the standard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read<T> {
    /// What was read.
    pub value: T,
    /// In the order of the octets.
    pub deviations: Vec<Deviation>,
}

/// Why octets are not a seal or a signature, as far as can be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StructureError {
    /// More octets than any honest structure has.
    #[error("{len} octets are more than the {limit} that a seal or signature may have")]
    TooLarge {
        /// How many there are.
        len: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The input ends inside an element.
    #[error("`{place}` is cut off at octet {offset}")]
    Truncated {
        /// Which field.
        place: String,
        /// Offset of the element.
        offset: usize,
    },
    /// No element can start or go on like this.
    #[error("`{place}` has an invalid tag or length at octet {offset}")]
    Header {
        /// Which field.
        place: String,
        /// Offset of the element.
        offset: usize,
    },
    /// Another type than any reader could take for it.
    #[error("`{place}` at octet {offset} should be {expected}, and has tag {found:#04x}")]
    Type {
        /// Which field.
        place: String,
        /// What should be there.
        expected: &'static str,
        /// The tag found.
        found: u8,
        /// Offset of the element.
        offset: usize,
    },
    /// A value that means nothing.
    #[error("`{place}` at octet {offset} is no {expected}")]
    Value {
        /// Which field.
        place: String,
        /// What it should be.
        expected: &'static str,
        /// Offset of the element.
        offset: usize,
    },
    /// A field that is not there.
    #[error("`{place}` is missing at octet {offset}")]
    Missing {
        /// Which field.
        place: String,
        /// Where it should begin.
        offset: usize,
    },
    /// More fields than the structure has.
    #[error("`{place}` has more fields than the standard knows, from octet {offset}")]
    Surplus {
        /// In which structure.
        place: String,
        /// Where they begin.
        offset: usize,
    },
    /// Another number of fields than any version has.
    #[error("`{place}` has {count} fields, which no version has")]
    Fields {
        /// Which structure.
        place: String,
        /// How many it has.
        count: usize,
    },
    /// More members of a list than any honest structure has.
    #[error("`{place}` has more than {limit} members")]
    TooMany {
        /// Which list.
        place: String,
        /// How many there may be.
        limit: usize,
    },
}

/// Where the reader is, and what it has noticed so far.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    path: Vec<Segment>,
    deviations: Vec<Deviation>,
}

#[derive(Clone, Copy, Debug)]
enum Segment {
    Name(&'static str),
    Index(usize),
}

impl Notes {
    pub(crate) fn into_deviations(self) -> Vec<Deviation> {
        self.deviations
    }

    pub(crate) fn enter(&mut self, name: &'static str) {
        self.path.push(Segment::Name(name));
    }

    pub(crate) fn enter_item(&mut self, index: usize) {
        self.path.push(Segment::Index(index));
    }

    pub(crate) fn leave(&mut self) {
        self.path.pop();
    }

    pub(crate) fn place(&self) -> String {
        let mut place = String::new();
        for segment in &self.path {
            match segment {
                Segment::Name(name) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.push_str(name);
                }
                Segment::Index(index) => {
                    place.push('[');
                    place.push_str(&index.to_string());
                    place.push(']');
                }
            }
        }
        place
    }

    pub(crate) fn deviates(&mut self, offset: usize, kind: DeviationKind) {
        // What repeats without end says nothing new.
        if self.deviations.len() < MAX_DEVIATIONS {
            self.deviations.push(Deviation { place: self.place(), offset, kind });
        }
    }

    pub(crate) fn wrong_type(&self, tlv: &Tlv<'_>, expected: &'static str) -> StructureError {
        StructureError::Type { place: self.place(), expected, found: tlv.tag, offset: tlv.offset }
    }

    pub(crate) fn wrong_value(&self, tlv: &Tlv<'_>, expected: &'static str) -> StructureError {
        StructureError::Value { place: self.place(), expected, offset: tlv.offset }
    }

    fn fault(&self, fault: Fault, offset: usize) -> StructureError {
        let place = self.place();
        match fault {
            Fault::Truncated => StructureError::Truncated { place, offset },
            Fault::Header | Fault::TooDeep => StructureError::Header { place, offset },
        }
    }

    /// The outermost SEQUENCE, and what follows it.
    pub(crate) fn outermost<'a>(&mut self, input: &'a [u8]) -> Result<Tlv<'a>, StructureError> {
        let limit = MAX_LEN;
        if input.len() > limit {
            return Err(StructureError::TooLarge { len: input.len(), limit });
        }
        let mut elements = Elements::new(input);
        let tlv = elements.take().map_err(|fault| self.fault(fault, 0))?;
        if tlv.tag != asn1::SEQUENCE {
            return Err(self.wrong_type(&tlv, "SEQUENCE"));
        }
        self.form(&tlv);
        let (rest, offset) = (elements.rest(), elements.offset());
        if !rest.is_empty() {
            let octets = rest.len();
            let zeros = rest.iter().all(|octet| *octet == 0);
            self.deviates(
                offset,
                match zeros {
                    true => DeviationKind::TrailingZeros { octets },
                    false => DeviationKind::TrailingData { octets },
                },
            );
        }
        Ok(tlv)
    }

    fn form(&mut self, tlv: &Tlv<'_>) {
        match tlv.form {
            Form::Der => {}
            Form::Padded => self.deviates(tlv.offset, DeviationKind::PaddedLength),
            Form::Indefinite => self.deviates(tlv.offset, DeviationKind::IndefiniteLength),
        }
    }
}

/// The fields of one SEQUENCE, in order.
pub(crate) struct Fields<'a> {
    elements: Elements<'a>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(tlv: &Tlv<'a>) -> Self {
        Self { elements: tlv.elements() }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.elements.peek()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub(crate) fn count(&self, notes: &Notes) -> Result<usize, StructureError> {
        self.elements.count(MAX_FIELDS).map_err(|fault| notes.fault(fault, self.elements.offset()))
    }

    /// Reads the next field with `read`, under its name.
    pub(crate) fn field<T>(
        &mut self,
        name: &'static str,
        notes: &mut Notes,
        read: impl FnOnce(&Tlv<'a>, &mut Notes) -> Result<T, StructureError>,
    ) -> Result<T, StructureError> {
        notes.enter(name);
        let offset = self.elements.offset();
        if self.elements.is_empty() {
            return Err(StructureError::Missing { place: notes.place(), offset });
        }
        let tlv = self.elements.take().map_err(|fault| notes.fault(fault, offset))?;
        notes.form(&tlv);
        let value = read(&tlv, notes)?;
        notes.leave();
        Ok(value)
    }

    /// Reads every remaining element as one member of a list.
    pub(crate) fn items<T>(
        mut self,
        limit: usize,
        notes: &mut Notes,
        mut read: impl FnMut(&Tlv<'a>, &mut Notes) -> Result<T, StructureError>,
    ) -> Result<Vec<T>, StructureError> {
        let mut items = Vec::new();
        while !self.elements.is_empty() {
            if items.len() == limit {
                return Err(StructureError::TooMany { place: notes.place(), limit });
            }
            notes.enter_item(items.len());
            let offset = self.elements.offset();
            let tlv = self.elements.take().map_err(|fault| notes.fault(fault, offset))?;
            notes.form(&tlv);
            items.push(read(&tlv, notes)?);
            notes.leave();
        }
        Ok(items)
    }

    pub(crate) fn finish(self, notes: &Notes) -> Result<(), StructureError> {
        match self.elements.is_empty() {
            true => Ok(()),
            false => Err(StructureError::Surplus { place: notes.place(), offset: self.elements.offset() }),
        }
    }
}

/// A SEQUENCE.
pub(crate) fn sequence<'a>(tlv: &Tlv<'a>, notes: &Notes) -> Result<Fields<'a>, StructureError> {
    match tlv.tag {
        asn1::SEQUENCE => Ok(Fields::of(tlv)),
        _ => Err(notes.wrong_type(tlv, "SEQUENCE")),
    }
}

pub(crate) use certificate::certificate;
pub(crate) use optional::{extensions, time_stamp};
pub(crate) use text::text;
pub(crate) use time::{time, time_of_text};
pub(crate) use value::{SignatureValue, algorithm, bits, boolean, integer, octets, signature_value};

/// A seal with a picture has some tens of kilobytes; one that carries an OFD document may have a few megabytes.
const MAX_LEN: usize = 16 * 1024 * 1024;
/// No structure has more than nine fields.
const MAX_FIELDS: usize = 16;
/// Honest deviants have a handful.
const MAX_DEVIATIONS: usize = 256;
