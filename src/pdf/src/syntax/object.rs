//! The object model of ISO 32000-2 §7.3, as values that remember what was written.
//!
//! Strings keep how they were spelled, dictionaries keep order and duplicates (a verifier must see
//! both entries of a duplicated key), streams are positions in the source and never bytes.

/// An indirect object's identity: object and generation number (ISO 32000-2 §7.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Object number, 1 and up.
    pub number: u32,
    /// Generation number; 0 for everything but reused numbers.
    pub generation: u16,
}

/// A string object (ISO 32000-2 §7.3.4) with its decoded bytes and its spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfString {
    /// The decoded bytes.
    pub bytes: Vec<u8>,
    /// Whether it was written in hexadecimal (`<…>`).
    pub hexadecimal: bool,
}

/// Any PDF object.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// An integer number.
    Integer(i64),
    /// A real number.
    Real(f64),
    /// A name, decoded (`#20` resolved), without its slash.
    Name(Vec<u8>),
    /// A literal or hexadecimal string.
    String(PdfString),
    /// An array.
    Array(Vec<Object>),
    /// A dictionary.
    Dictionary(Dictionary),
    /// A stream: dictionary plus the place of its raw data in the source.
    Stream(Stream),
    /// A reference to an indirect object.
    Reference(ObjectId),
}

/// A dictionary (ISO 32000-2 §7.3.7) in written order, duplicates kept.
#[derive(Debug, Clone, Default)]
pub struct Dictionary {
    entries: Vec<(Vec<u8>, Object)>,
    /// Of a large dictionary as it was read: its entries' places by key, then place. Whoever compares two of a
    /// hundred thousand keys would otherwise look at ten thousand million.
    order: Option<Box<[u32]>>,
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// A stream object (ISO 32000-2 §7.3.8); its bytes stay in the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The object it is; an encrypted document's keys depend on it.
    pub id: ObjectId,
    /// The stream dictionary.
    pub dictionary: Dictionary,
    /// Offset of the first raw data byte in the source.
    pub offset: u64,
    /// Number of raw (still filtered) bytes.
    pub length: u64,
}

impl Dictionary {
    /// The dictionary without entries.
    pub const EMPTY: Self = Self { entries: Vec::new(), order: None };

    /// An empty dictionary.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`; of duplicated keys the last, as most readers take it.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Object> {
        let Some(order) = &self.order else {
            return self.entries.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v);
        };
        let key_at = |at: &u32| self.entries.get(*at as usize).map(|(k, _)| k.as_slice());
        let after = order.partition_point(|at| key_at(at) <= Some(key));
        let at = order.get(after.checked_sub(1)?)?;
        self.entries.get(*at as usize).filter(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Makes looking up quick, if there is much to look through: for parsers, once all entries are there.
    pub(crate) fn read_whole(&mut self) {
        if let Ok(length @ LARGE..) = u32::try_from(self.entries.len()) {
            let mut order: Vec<u32> = (0..length).collect();
            order.sort_by_key(|at| self.entries.get(*at as usize).map(|(k, _)| k.as_slice()));
            self.order = Some(order.into_boxed_slice());
        }
    }

    /// Sets `key`, replacing every earlier entry of that name in place of the first.
    pub fn set(&mut self, key: &[u8], value: Object) {
        self.order = None;
        let mut value = Some(value);
        self.entries.retain_mut(|(k, v)| {
            if k != key {
                return true;
            }
            value.take().is_some_and(|new| {
                *v = new;
                true
            })
        });
        if let Some(new) = value {
            self.entries.push((key.to_vec(), new));
        }
    }

    /// Appends an entry without looking for an earlier one: for parsers, which keep duplicates.
    pub fn push(&mut self, key: Vec<u8>, value: Object) {
        self.order = None;
        self.entries.push((key, value));
    }

    /// Removes every entry named `key`.
    pub fn remove(&mut self, key: &[u8]) {
        self.order = None;
        self.entries.retain(|(k, _)| k != key);
    }

    /// Entries in written order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Object)> {
        self.entries.iter().map(|(k, v)| (k.as_slice(), v))
    }

    /// Entries in written order, their values to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&[u8], &mut Object)> {
        self.entries.iter_mut().map(|(k, v)| (k.as_slice(), v))
    }

    /// Number of entries, duplicates counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a key stands more than once.
    #[must_use]
    pub fn has_duplicates(&self) -> bool {
        let mut keys: Vec<&[u8]> = self.entries.iter().map(|(k, _)| k.as_slice()).collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair.first() == pair.last())
    }
}

/// From so many entries on a dictionary is indexed.
const LARGE: u32 = 64;

impl Object {
    /// The integer, if this is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(n) = self { Some(*n) } else { None }
    }

    /// The number as a float, if this is an integer or a real.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "page geometry is far below 2^52")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(n) => Some(*n as f64),
            Self::Real(r) => Some(*r),
            _ => None,
        }
    }

    /// The name without its slash, if this is one.
    #[must_use]
    pub fn as_name(&self) -> Option<&[u8]> {
        if let Self::Name(n) = self { Some(n) } else { None }
    }

    /// The decoded string bytes, if this is a string.
    #[must_use]
    pub fn as_string(&self) -> Option<&[u8]> {
        if let Self::String(s) = self { Some(&s.bytes) } else { None }
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Object]> {
        if let Self::Array(a) = self { Some(a) } else { None }
    }

    /// The dictionary, if this is one or a stream having one.
    #[must_use]
    pub fn as_dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(d) => Some(d),
            Self::Stream(s) => Some(&s.dictionary),
            _ => None,
        }
    }

    /// The stream, if this is one.
    #[must_use]
    pub fn as_stream(&self) -> Option<&Stream> {
        if let Self::Stream(s) = self { Some(s) } else { None }
    }

    /// The referenced object's identity, if this is a reference.
    #[must_use]
    pub fn as_reference(&self) -> Option<ObjectId> {
        if let Self::Reference(id) = self { Some(*id) } else { None }
    }
}
