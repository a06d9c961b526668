//! Signed notes, C2SP signed-note: a text, a blank line and signature lines. Only type 0x01 (Ed25519 over SHA-512 as
//! RFC 8032 has it) is made and verified here; lines of unknown keys are ignored as the specification demands.
//!
//! The private key stays in custody: whoever signs hands in a [`NoteSigner`].

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::tree::sha256;

/// Largest note read: 16 post-quantum signatures (which the specification asks to accept) fit well.
pub const MAX_NOTE_BYTES: usize = 256 * 1024;
/// Most signature lines read.
pub const MAX_SIGNATURES: usize = 64;

const ED25519_TYPE: u8 = 0x01;
/// DER of an Ed25519 `SubjectPublicKeyInfo` up to the key itself, RFC 8410 §4.
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key that notes are checked with. Its text form is `name+hash+base64`, where hash is 8 hexadecimal digits
/// and the base64 holds the type byte 0x01 and the 32-byte Ed25519 key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    // INVARIANT: not empty, no white space, no control character, no `+`.
    name: String,
    id: u32,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// An Ed25519 key under a key name (by convention the log's origin).
    ///
    /// # Errors
    /// When the name is empty or holds white space, control characters or `+`.
    pub fn new(name: &str, public_key: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), id: key_id(name, &public_key), public_key })
    }

    /// An Ed25519 key from its `SubjectPublicKeyInfo` in DER (RFC 8410 §4).
    ///
    /// # Errors
    /// As [`VerifierKey::new`], and when the structure is not that of an Ed25519 key.
    pub fn from_spki(name: &str, spki: &[u8]) -> Result<Self, NoteError> {
        let public_key = spki
            .strip_prefix(&ED25519_SPKI_PREFIX)
            .and_then(|key| key.try_into().ok())
            .ok_or(NoteError::NotEd25519)?;
        Self::new(name, public_key)
    }

    /// The key name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id: the first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key), big-endian.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The Ed25519 key, encoded as in RFC 8032 §5.1.5.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![ED25519_TYPE];
        typed.extend_from_slice(&self.public_key);
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(typed))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let malformed = || NoteError::Key(shown(text));
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(data)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let data = STANDARD.decode(data).map_err(|_| malformed())?;
        let (kind, public_key) = data.split_first().ok_or_else(malformed)?;
        if *kind != ED25519_TYPE {
            return Err(NoteError::KeyType { name: shown(name), kind: *kind });
        }
        let key = Self::new(name, public_key.try_into().map_err(|_| malformed())?)?;
        if hash == format!("{:08x}", key.id) {
            Ok(key)
        } else {
            Err(NoteError::KeyHash { name: shown(name), expected: key.id })
        }
    }
}

/// Whoever can sign notes: custody, through an adapter.
pub trait NoteSigner {
    /// Why signing failed.
    type Error: std::error::Error;

    /// The key's public half.
    fn key(&self) -> &VerifierKey;

    /// The Ed25519 signature over `text`, 64 bytes.
    ///
    /// # Errors
    /// When the key cannot be used.
    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Self::Error>;
}

/// A [`NoteSigner`] made of a key's public half and a function that signs.
#[derive(Clone)]
pub struct SigningKey<F> {
    key: VerifierKey,
    sign: F,
}

impl<F> SigningKey<F> {
    /// Couples the public half with the function that reaches the private one.
    pub const fn new(key: VerifierKey, sign: F) -> Self {
        Self { key, sign }
    }
}

impl<F> fmt::Debug for SigningKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.key)
    }
}

impl<F, E> NoteSigner for SigningKey<F>
where
    F: Fn(&[u8]) -> Result<Vec<u8>, E>,
    E: std::error::Error,
{
    type Error = E;

    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, E> {
        (self.sign)(text)
    }
}

/// Signs `text` (which ends in a newline) with one key and returns the whole note.
///
/// # Errors
/// When the text cannot be a note's, or signing fails, or what it yields is no 64-byte signature.
pub fn sign<S: NoteSigner>(text: &str, signer: &S) -> Result<String, SignNoteError<S::Error>> {
    check_text(text)?;
    let key = signer.key();
    let signature = signer.sign(text.as_bytes()).map_err(SignNoteError::Signer)?;
    if signature.len() != 64 {
        return Err(SignNoteError::Length(signature.len()));
    }
    let mut blob = key.id.to_be_bytes().to_vec();
    blob.extend_from_slice(&signature);
    Ok(format!("{text}\n\u{2014} {} {}\n", key.name, STANDARD.encode(blob)))
}

/// A note that was read but not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<SignatureLine<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SignatureLine<'a> {
    name: &'a str,
    id: u32,
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Reads a note's form. Nothing is verified: see [`Note::verify`].
    ///
    /// # Errors
    /// When it is too large or is not of the specified form.
    pub fn parse(note: &'a [u8]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLarge { limit: MAX_NOTE_BYTES });
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Characters)?;
        // The last empty line separates: rsplit finds it, the text keeps its own newline.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let text = note.get(..=text.len()).ok_or(NoteError::Form)?;
        check_text(text)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures { limit: MAX_SIGNATURES });
            }
            signatures.push(SignatureLine::parse(line).ok_or_else(|| NoteError::SignatureLine(shown(line)))?);
        }
        Ok(Self { text, signatures })
    }

    /// The text, with its last newline. Not to be believed before [`Note::verify`].
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Checks every signature by a known key and returns the keys that signed, in the note's order.
    ///
    /// # Errors
    /// When a known key's signature is wrong (that rejects the whole note), or no known key signed.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k VerifierKey> + Clone,
    ) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signers = Vec::new();
        for line in &self.signatures {
            let known = keys.clone().into_iter().find(|key| key.name == line.name && key.id == line.id);
            let Some(key) = known else { continue };
            UnparsedPublicKey::new(&ED25519, key.public_key)
                .verify(self.text.as_bytes(), &line.signature)
                .map_err(|_| NoteError::Signature(shown(&key.name)))?;
            if !signers.contains(&key) {
                signers.push(key);
            }
        }
        if signers.is_empty() { Err(NoteError::NoKnownSignature) } else { Ok(signers) }
    }
}

impl<'a> SignatureLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, blob) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        check_name(name).ok()?;
        let blob = STANDARD.decode(blob).ok()?;
        let (id, signature) = blob.split_first_chunk::<4>()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self { name, id: u32::from_be_bytes(*id), signature: signature.to_vec() })
    }
}

fn key_id(name: &str, public_key: &[u8; 32]) -> u32 {
    let mut message = name.as_bytes().to_vec();
    message.extend_from_slice(&[0x0a, ED25519_TYPE]);
    message.extend_from_slice(public_key);
    let [a, b, c, d, ..] = sha256(&message);
    u32::from_be_bytes([a, b, c, d])
}

/// Key names: not empty, no Unicode space, no plus; and no control character, which no note may hold.
fn check_name(name: &str) -> Result<(), NoteError> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.contains(forbidden) { Err(NoteError::Name(shown(name))) } else { Ok(()) }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Characters);
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::Form) }
}

/// What of foreign input goes into a message.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// Why a note or key is not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoteError {
    /// Over the limit.
    #[error("the note is larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// Over the limit.
    #[error("the note has more than {limit} signatures")]
    TooManySignatures {
        /// Lines allowed.
        limit: usize,
    },
    /// Not UTF-8, or control characters.
    #[error("the note holds bytes that are not text")]
    Characters,
    /// No text, blank line and signatures.
    #[error("not a signed note: a text, an empty line and signature lines are expected")]
    Form,
    /// Not of the form `— name base64`.
    #[error("`{0}` is not a signature line")]
    SignatureLine(String),
    /// Unusable key name.
    #[error("`{0}` is not a key name: it must not be empty nor hold white space or `+`")]
    Name(String),
    /// Not of the form `name+hash+base64`.
    #[error("`{0}` is not a verifier key")]
    Key(String),
    /// Hash and key do not belong together.
    #[error("the hash of verifier key `{name}` should be {expected:08x}: a typing mistake?")]
    KeyHash {
        /// Key name.
        name: String,
        /// Computed key id.
        expected: u32,
    },
    /// Another kind of key.
    #[error("verifier key `{name}` has type {kind:#04x}, only Ed25519 (0x01) is supported")]
    KeyType {
        /// Key name.
        name: String,
        /// Type byte.
        kind: u8,
    },
    /// Not an Ed25519 public key.
    #[error("the public key is not an Ed25519 key")]
    NotEd25519,
    /// A known key's signature is wrong.
    #[error("the signature of `{0}` is wrong")]
    Signature(String),
    /// Nobody we know signed.
    #[error("none of the known keys signed this")]
    NoKnownSignature,
}

/// Why a note could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignNoteError<E> {
    /// The text cannot be a note's.
    #[error(transparent)]
    Text(#[from] NoteError),
    /// The key could not be used.
    #[error("signing failed: {0}")]
    Signer(E),
    /// Not an Ed25519 signature.
    #[error("the signer returned {0} bytes instead of 64")]
    Length(usize),
}
