//! Why a licence was not taken over, and how a caller is told.

use licence::identifier::IdentifierError;

use crate::documents::model::BadParameter;
use crate::journal::CommitError;
use crate::licences::library::LibraryError;
use crate::problem::{Kind, Problem};
use crate::store::StoreError;

/// Why a licence was not taken over. Nothing of it is on record then, [`CommitError::OutcomeUnknown`] excepted.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A parameter cannot be meant.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// The identifier cannot be read.
    #[error("`identifier`: {0}")]
    Identifier(#[from] IdentifierError),
    /// The identifier is of another type than the one that was permitted.
    #[error("the identifier names type `{found}`, and this is about type `{expected}`")]
    OtherType {
        /// What stands in it.
        found: String,
        /// The type at hand.
        expected: String,
    },
    /// The organisation does not issue licences of the type.
    #[error(
        "organisation `{organisation}` does not issue licences of type `{code}`; its definition lists who does"
    )]
    NotIssuer {
        /// The type.
        code: String,
        /// The organisation.
        organisation: String,
    },
    /// The identifier is another body's.
    #[error(
        "the identifier names the issuing body `{0}`, which is the code of none of the organisation's seals; the body that \
         issued a licence takes it over"
    )]
    ForeignIssuer(String),
    /// The type does not take over licences.
    #[error("licences of type `{0}` are not taken over: its definition does not list `import`")]
    NotOfType(String),
    /// Nobody would find it.
    #[error("the licence names no holder: give the fields `{name}` and `{number}`")]
    NoHolder {
        /// Field with the name.
        name: String,
        /// Field with the number.
        number: String,
    },
    /// The term cannot be told.
    #[error("the term cannot be told; give `valid_to`, or `long_term`")]
    NoTerm,
    /// There is such a licence.
    #[error("there is a licence `{0}` already")]
    Taken(String),
    /// The document is none that is taken along.
    #[error("the document is no PDF")]
    Document,
    /// What would be kept cannot be encrypted.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// It could not be recorded.
    #[error(transparent)]
    Commit(CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another part refused it.
    #[error("{}", .0.detail())]
    Elsewhere(Problem),
}

impl ImportError {
    /// Whether it stands in the way of every licence that the caller brings of the type, until somebody mends it: their permit,
    /// the type, their organisation. Nothing is wrong with the licence itself.
    #[must_use]
    pub fn concerns_all(&self) -> bool {
        match self {
            Self::NotIssuer { .. } | Self::NotOfType(_) => true,
            Self::Elsewhere(problem) => problem.kind().status().is_client_error(),
            _ => false,
        }
    }

    /// Whether trying the same again may help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            // An entry that no leaf holds or that has no form, a row that no table takes: they never will.
            Self::Commit(
                CommitError::TooLarge { .. }
                | CommitError::Canonical(_)
                | CommitError::Row { .. }
                | CommitError::Reference { .. },
            ) => false,
            Self::Commit(_)
            | Self::Store(_)
            | Self::Library(
                LibraryError::Sealed
                | LibraryError::Busy
                | LibraryError::Random
                | LibraryError::Custody(_)
                | LibraryError::Store(_),
            ) => true,
            Self::Elsewhere(problem) => !problem.kind().status().is_client_error(),
            _ => false,
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let text = error.to_string();
        let parameter = |name: &str, zh: &str| {
            Self::new(Kind::InvalidParameter, text.clone()).with("parameter", name).with("zh", zh)
        };
        match error {
            ImportError::Parameter(error) => error.into(),
            ImportError::Identifier(_) => parameter("identifier", "证照标识不可识别"),
            ImportError::OtherType { .. } => parameter("identifier", "证照标识与类型不符"),
            ImportError::ForeignIssuer(_) => {
                parameter("identifier", "证照标识中的颁发机构代码不属于本机构的任何印章")
            }
            ImportError::NoHolder { .. } => parameter("fields", "缺少持证主体名称或号码"),
            ImportError::NoTerm => parameter("valid_to", "有效期不能确定"),
            ImportError::Document => parameter("document", "随附文件不是PDF"),
            ImportError::NotIssuer { .. } => {
                Self::new(Kind::LicenceTypeForbids, text).with("zh", "本机构不是该证照类型的颁发机构")
            }
            ImportError::NotOfType(_) => {
                Self::new(Kind::LicenceTypeForbids, text).with("zh", "该类证照不办理入库")
            }
            ImportError::Taken(id) => {
                Self::new(Kind::Conflict, text).with("licence", id).with("zh", "该证照已在库中")
            }
            ImportError::Library(error) => error.into(),
            ImportError::Commit(error) => error.into(),
            ImportError::Store(error) => error.into(),
            ImportError::Elsewhere(problem) => problem,
        }
    }
}
