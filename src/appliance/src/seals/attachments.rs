//! Documents handed in with an application for a seal: a letter of authorisation, the register's extract.
//!
//! Kept encrypted under the key of personal detail, for they name persons; their digests stand in the log. Read by whoever
//! may see the application, and each reading is an entry before the first octet leaves (decision 10). What a document says is
//! the approver's to judge: here it only has to be what it says it is, and small enough.

use std::sync::Arc;

use custody::{Custody, CustodyError};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::records::text;
use crate::app::App;
use crate::documents::model::is_shown_text;
use crate::store::tables::SEAL_DOCUMENTS;
use crate::store::{Db, Row, StoreError, Value};

/// What a document handed in is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// 授权委托书, 申请函.
    Authorisation,
    /// 统一社会信用代码证书, 营业执照.
    Registration,
    /// 身份证明.
    Identity,
    /// 批准文件.
    Decision,
    /// 其他.
    Other,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Authorisation, Self::Registration, Self::Identity, Self::Decision, Self::Other];

    /// The word, also the name of its part in a form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorisation => "authorisation",
            Self::Registration => "registration",
            Self::Identity => "identity",
            Self::Decision => "decision",
            Self::Other => "other",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A document that was checked.
#[derive(Clone)]
pub struct Attachment {
    kind: DocumentKind,
    name: String,
    media_type: &'static str,
    octets: Vec<u8>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attachment({}, {} octets)", self.kind.as_str(), self.octets.len())
    }
}

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Its name cannot be shown.
    #[error("the name of an attached document has 1 to 120 visible characters; give it another")]
    Name,
    /// It is none of the kinds taken.
    #[error("`{0}` is neither PDF, PNG nor JPEG; attach it as one of them")]
    Format(String),
    /// It is too large, or empty.
    #[error("`{name}` has {size} octets; 1 to {limit} are taken")]
    Size {
        /// Its name.
        name: String,
        /// Its size.
        size: usize,
        /// The most.
        limit: usize,
    },
    /// There are too many.
    #[error("an application takes {limit} documents of {octets} octets together; leave some out")]
    Many {
        /// How many are taken.
        limit: usize,
        /// How large all may be.
        octets: usize,
    },
}

impl Attachment {
    /// Checks a document by its first octets; what its sender calls it says nothing about what it is.
    ///
    /// # Errors
    /// [`AttachmentError`].
    pub fn new(kind: DocumentKind, name: &str, octets: Vec<u8>) -> Result<Self, AttachmentError> {
        // A name is shown and offered for saving: no folders.
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned();
        if !is_shown_text(&name, 120) || name.starts_with('.') {
            return Err(AttachmentError::Name);
        }
        if octets.is_empty() || octets.len() > MOST_OCTETS {
            return Err(AttachmentError::Size { name, size: octets.len(), limit: MOST_OCTETS });
        }
        let media_type = match octets.as_slice() {
            [b'%', b'P', b'D', b'F', b'-', ..] => "application/pdf",
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => "image/png",
            [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
            _ => return Err(AttachmentError::Format(name)),
        };
        Ok(Self { kind, name, media_type, octets })
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// That these can stand with one application.
    ///
    /// # Errors
    /// [`AttachmentError::Many`].
    pub fn fit(all: &[Self]) -> Result<(), AttachmentError> {
        let octets: usize = all.iter().map(|one| one.octets.len()).sum();
        if all.len() > MOST || octets > MOST_TOGETHER {
            return Err(AttachmentError::Many { limit: MOST, octets: MOST_TOGETHER });
        }
        Ok(())
    }

    /// Its row, encrypted with the key `label`.
    ///
    /// # Errors
    /// [`CustodyError`], when the key does not serve.
    pub fn row(
        &self,
        custody: &dyn Custody,
        label: &str,
        application: &str,
        caller: &str,
        now: i64,
    ) -> Result<Row, CustodyError> {
        let id = uuid::Uuid::now_v7().to_string();
        let sealed = custody.seal(label, &self.octets, &context(&id, application))?;
        let length = i64::try_from(self.octets.len()).unwrap_or(i64::MAX);
        Ok(Row::new(
            &SEAL_DOCUMENTS,
            vec![
                id.as_str().into(),
                Value::Int(1),
                application.into(),
                self.kind.as_str().into(),
                self.name.as_str().into(),
                self.media_type.into(),
                Value::Int(length),
                hex::encode(digest(&SHA256, &self.octets)).into(),
                Value::Bytes(sealed),
                caller.into(),
                Value::Int(now),
            ],
        ))
    }
}

/// A document handed in, as it is listed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AttachedDocument {
    /// Identifier.
    pub id: String,
    /// What it is: `authorisation`, `registration`, `identity`, `decision` or `other`.
    pub kind: String,
    /// Its file's name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its length in octets.
    pub length: i64,
    /// Its SHA-256, hexadecimal, as it stands in the log.
    pub sha256: String,
    /// Who handed it in.
    pub caller: String,
    /// When, RFC 3339.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub added: Option<jiff::Timestamp>,
}

impl From<&Row> for AttachedDocument {
    fn from(row: &Row) -> Self {
        let of = |column: &str| text(row, column).to_owned();
        let int = |column: &str| row.value(column).as_int().unwrap_or_default();
        Self {
            id: row.id().to_owned(),
            kind: of("kind"),
            name: of("name"),
            media_type: of("media_type"),
            length: int("length"),
            sha256: of("sha256"),
            caller: of("caller"),
            added: jiff::Timestamp::from_microsecond(int("added")).ok(),
        }
    }
}

/// The documents of an application, in the order in which they came.
///
/// # Errors
/// [`StoreError`].
pub async fn of_application(db: &Db, application: &str) -> Result<Vec<Row>, StoreError> {
    let sql = "SELECT id, version, application, kind, name, media_type, length, sha256, sealed, caller, added \
               FROM seal_documents WHERE application = $1 ORDER BY id LIMIT 100";
    let records = db.fetch_all(sql, &[application.into()]).await?;
    records.iter().map(|record| record.to_row(&SEAL_DOCUMENTS)).collect()
}

/// What a document was before it was encrypted.
///
/// # Errors
/// [`CustodyError`]: the key does not serve, or the row was altered.
pub fn opened(custody: &dyn Custody, label: &str, row: &Row) -> Result<Vec<u8>, CustodyError> {
    let sealed = row.value("sealed").as_bytes().unwrap_or_default();
    let octets = custody.open(label, sealed, &context(row.id(), text(row, "application")))?;
    Ok(octets.to_vec())
}

/// Label of the key that documents are encrypted with: that of personal detail.
#[must_use]
pub fn key(app: &Arc<App>) -> Option<String> {
    app.hierarchy.data_key("side-records").map(|key| key.label.clone())
}

/// What the encryption is bound to: this row of this application.
fn context(id: &str, application: &str) -> Vec<u8> {
    format!("seal-document\u{1f}{id}\u{1f}{application}").into_bytes()
}

/// Octets of one document.
pub const MOST_OCTETS: usize = 8 << 20;
/// Documents of one application.
const MOST: usize = 8;
/// Octets of all of them.
const MOST_TOGETHER: usize = 24 << 20;

#[cfg(test)]
mod tests {
    use custody::{Algorithm, Keystore, PassphraseCost, Unlock, Usage};
    use zeroize::Zeroizing;

    use super::*;

    fn pdf(name: &str) -> Result<Attachment, AttachmentError> {
        Attachment::new(DocumentKind::Authorisation, name, b"%PDF-1.7 an authorisation".to_vec())
    }

    #[test]
    fn a_document_is_told_by_its_octets_and_has_a_name_without_folders() {
        let letter = pdf("C:\\letters\\授权书.pdf").unwrap();
        assert_eq!((letter.name.as_str(), letter.media_type), ("授权书.pdf", "application/pdf"));
        for name in ["", " ", "..", ".htaccess", "a\u{202E}fdp.exe", "x/"] {
            assert_eq!(pdf(name).unwrap_err(), AttachmentError::Name, "{name}");
        }
        let other = |octets: &[u8]| Attachment::new(DocumentKind::Other, "a.pdf", octets.to_vec());
        assert_eq!(other(b"\xFF\xD8\xFF\xE0").unwrap().media_type, "image/jpeg");
        assert_eq!(other(b"<html>").unwrap_err(), AttachmentError::Format("a.pdf".to_owned()));
        assert!(matches!(other(b"").unwrap_err(), AttachmentError::Size { size: 0, .. }));
        let large = [b"%PDF-".to_vec(), vec![0; MOST_OCTETS]].concat();
        assert!(matches!(other(&large).unwrap_err(), AttachmentError::Size { .. }));
        assert!(DocumentKind::ALL.iter().all(|kind| DocumentKind::parse(kind.as_str()) == Some(*kind)));
    }

    #[test]
    fn an_application_takes_so_many_and_no_more() {
        let letters = vec![pdf("a.pdf").unwrap(); MOST + 1];
        assert!(Attachment::fit(&letters[1..]).is_ok());
        assert!(Attachment::fit(&letters).is_err());
        let large = [b"%PDF-".to_vec(), vec![0; MOST_OCTETS - 5]].concat();
        let large = Attachment::new(DocumentKind::Other, "a.pdf", large).unwrap();
        assert!(Attachment::fit(&vec![large.clone(); 3]).is_ok());
        assert!(Attachment::fit(&vec![large; 4]).is_err());
    }

    #[test]
    fn a_document_is_kept_encrypted_and_bound_to_its_row() {
        let folder = tempfile::tempdir().unwrap();
        let passphrase = Zeroizing::new("a long passphrase, for a test".to_owned());
        let unlock = Unlock::Passphrase { passphrase, cost: PassphraseCost::default() };
        let keystore = Keystore::create(&folder.path().join("keys"), &unlock).unwrap().keystore;
        keystore.generate("records", Algorithm::Aes256, Usage::Seal).unwrap();
        let letter = pdf("授权书.pdf").unwrap();
        let row = letter.row(&keystore, "records", "application-1", "approvals", 1).unwrap();
        let sealed = row.value("sealed").as_bytes().unwrap();
        assert!(!sealed.windows(8).any(|part| letter.octets.windows(8).any(|known| known == part)));
        assert_eq!(text(&row, "sha256"), hex::encode(digest(&SHA256, &letter.octets)));
        assert_eq!(opened(&keystore, "records", &row).unwrap(), letter.octets);
        let moved = row.with("application", "application-2");
        assert!(opened(&keystore, "records", &moved).is_err());
    }
}
