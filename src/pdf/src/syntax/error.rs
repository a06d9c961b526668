//! Why a file or an object cannot be read.

/// Why a file cannot be opened as a PDF document.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No `%PDF-` header in the first 1024 octets.
    #[error("not a PDF file: no header in the first 1024 octets")]
    NotPdf,
    /// The document is encrypted, and the empty user password does not open it: it takes a password, a recipient's
    /// key, or a security handler that is not ISO 32000-2's.
    #[error("the document is encrypted and does not open without a password or key")]
    Encrypted,
    /// A budget of [`Limits`](super::Limits) is spent.
    #[error("the document is too complex: {budget} over budget")]
    TooComplex {
        /// Which budget.
        budget: &'static str,
    },
    /// The file breaks the syntax in a way that is not repaired.
    #[error("malformed document: {what} at offset {offset}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
        /// Where, in octets from the start of the file.
        offset: u64,
    },
    /// The source could not be read.
    #[error("the document cannot be read")]
    Io(#[from] std::io::Error),
}

/// Why an object or a stream of an opened document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A budget of [`Limits`](super::Limits) is spent.
    #[error("the document is too complex: {budget} over budget")]
    TooComplex {
        /// Which budget.
        budget: &'static str,
    },
    /// The object breaks the syntax in a way that is not repaired.
    #[error("malformed document: {what} at offset {offset}")]
    Malformed {
        /// What was wrong.
        what: &'static str,
        /// Where, in octets from the start of the file (or of a decoded stream).
        offset: u64,
    },
    /// Well-formed, but not something this reader handles.
    #[error("unsupported: {what}")]
    Unsupported {
        /// What.
        what: &'static str,
    },
    /// The source could not be read.
    #[error("the document cannot be read")]
    Io(#[from] std::io::Error),
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooComplex { budget } => Self::TooComplex { budget },
            ReadError::Malformed { what, offset } => Self::Malformed { what, offset },
            ReadError::Unsupported { what } => Self::Malformed { what, offset: 0 },
            ReadError::Io(error) => Self::Io(error),
        }
    }
}

/// Something readers repair alike and this one accepted too; verification names each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// Octets before the `%PDF-` header.
    JunkBeforeHeader,
    /// `startxref` or `/Prev` points to white space before the section.
    SectionAfterWhiteSpace,
    /// Cross-reference entries are not the 20 octets ISO 32000-2 §7.5.4 asks for.
    EntrySpacing,
    /// The first subsection starts at 1 although its first entry is the head of the free list.
    FirstEntryShifted,
    /// An offset points to white space before the object.
    ObjectAfterWhiteSpace,
    /// `stream` is followed by a lone carriage return.
    StreamAfterCarriageReturn,
    /// `/Prev 0`, which no section can stand at.
    PrevZero,
    /// A hybrid file's stream and table place the same object differently.
    HybridDisagreement,
    /// Entries at or beyond the trailer's `/Size`.
    EntryBeyondSize,
    /// A section's `/Prev` points forward although the file is not linearised.
    PrevForward,
    /// A `startxref` value disagrees with the section before it.
    StartxrefDisagreement,
    /// No `%%EOF` after a section's `startxref`.
    MissingEof,
    /// A string of an encrypted document is not encrypted as the others.
    StringNotEncrypted,
    /// A reference's generation is not the one the cross-reference gives.
    GenerationMismatch,
}

impl Oddity {
    /// A stable English phrase for reports.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::JunkBeforeHeader => "octets before the header",
            Self::SectionAfterWhiteSpace => "cross-reference offset points to white space",
            Self::EntrySpacing => "cross-reference entries are not 20 octets long",
            Self::FirstEntryShifted => "cross-reference table starts at 1 instead of 0",
            Self::ObjectAfterWhiteSpace => "object offset points to white space",
            Self::StreamAfterCarriageReturn => "stream keyword followed by a lone carriage return",
            Self::PrevZero => "previous section said to be at offset 0",
            Self::HybridDisagreement => "table and stream of a hybrid section disagree",
            Self::EntryBeyondSize => "cross-reference entries beyond the declared size",
            Self::PrevForward => "previous section lies after its successor",
            Self::StartxrefDisagreement => "startxref disagrees with its section",
            Self::MissingEof => "no end-of-file marker after a section",
            Self::StringNotEncrypted => "string in an encrypted document that is not encrypted",
            Self::GenerationMismatch => "reference with a generation that does not exist",
        }
    }
}
