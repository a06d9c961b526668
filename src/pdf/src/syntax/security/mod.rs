//! Documents encrypted by the standard security handler that open without a password (ISO 32000-2 §7.6).
//!
//! [`Security::open`] derives the file's key from the empty user password, for RC4 of 40 to 128 bits (revisions 2 and
//! 3), crypt filters with RC4 or AES-128 (revision 4) and AES-256 (revisions 5 and 6). Objects are decrypted as they
//! are read, streams as they are decoded; what an update writes is encrypted in one place, by `write`'s layout.
//! Nothing here protects anything: whoever has the file has the key. Signatures cover the encrypted octets, so
//! verification reads what it judges from the raw file as ever.
//!
//! **Initialisation vectors.** This crate has no randomness, so a vector is the SHA-256, cut to 128 bits, of file
//! key, object, position in it and plaintext. CBC asks for vectors that cannot be predicted and do not repeat for
//! different plaintexts (NIST SP 800-38A appendix C): to whom the key is unknown this is the output of a keyed
//! pseudo-random function, as in RFC 5297's synthetic vector, and it repeats only where object, position and
//! plaintext are the same, which gives the same ciphertext and tells nothing but that. So the same document and
//! request give the same octets, encrypted or not.

mod cipher;
mod key;

use crypto::DigestAlgorithm;

use self::cipher::Method;
use super::{Dictionary, Document, Object, ObjectId, OpenError, PdfString, ReadError, Stream};

/// The key of an encrypted document and what it is used for.
pub(crate) struct Security {
    key: Vec<u8>,
    streams: Method,
    strings: Method,
    files: Method,
    /// Crypt filters by name, which a stream's own /Crypt filter chooses from.
    named: Vec<(Vec<u8>, Method)>,
    /// Whether metadata streams are encrypted too.
    metadata: bool,
    /// The encryption dictionary's own object, whose strings are not encrypted.
    own: Option<ObjectId>,
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Security")
            .field("streams", &self.streams)
            .field("strings", &self.strings)
            .finish_non_exhaustive()
    }
}

impl Security {
    /// Reads the trailer's /Encrypt entry and derives the key from the empty user password.
    ///
    /// `identifier` is the first element of the trailer's /ID.
    pub(super) fn open(
        document: &Document<'_>,
        entry: &Object,
        identifier: &[u8],
    ) -> Result<Self, OpenError> {
        let malformed = |what| OpenError::Malformed { what, offset: document.startxref() };
        let Object::Dictionary(dictionary) = document.resolve(entry)? else {
            return Err(malformed("the encryption dictionary is none"));
        };
        let value = |key: &[u8]| document.entry(&dictionary, key);
        let integer = |key: &[u8]| value(key).map(|value| value.as_integer());
        if value(b"Filter")?.as_name() != Some(b"Standard") {
            return Err(OpenError::Encrypted);
        }
        let string = |key: &[u8], what| value(key)?.as_string().map(<[u8]>::to_vec).ok_or(malformed(what));
        let version = integer(b"V")?.unwrap_or(0);
        let metadata = value(b"EncryptMetadata")? != Object::Boolean(false);
        // Table 21: 40 bits where nothing else is said; crypt filters of revision 4 take 128.
        let bits = match version {
            1 => 40,
            2 => integer(b"Length")?.unwrap_or(40),
            _ => 128,
        };
        let length = usize::try_from(bits / 8).ok().filter(|n| (5..=16).contains(n) && bits % 8 == 0);
        let parameters = key::Parameters {
            revision: integer(b"R")?.unwrap_or(0),
            owner: string(b"O", "encryption dictionary without /O")?,
            user: string(b"U", "encryption dictionary without /U")?,
            user_key: if version == 5 {
                string(b"UE", "encryption dictionary without /UE")?
            } else {
                Vec::new()
            },
            // A 32-bit quantity that some writers spell unsigned.
            permissions: integer(b"P")?.unwrap_or(0) as u32,
            length: length.ok_or(malformed("encryption key of an impossible length"))?,
            metadata,
            identifier,
        };
        let key = parameters.key().ok_or(OpenError::Encrypted)?;
        let mut security = Self {
            key,
            streams: Method::Rc4,
            strings: Method::Rc4,
            files: Method::Rc4,
            named: vec![(b"Identity".to_vec(), Method::Identity)],
            metadata,
            own: entry.as_reference(),
        };
        match version {
            1 | 2 => {}
            4 | 5 => {
                if let Object::Dictionary(filters) = value(b"CF")? {
                    for (name, filter) in filters.iter().take(MAX_FILTERS) {
                        let filter = document.resolve(filter)?;
                        let Object::Dictionary(filter) = filter else { continue };
                        let method = document.entry(&filter, b"CFM")?;
                        let method = Method::of(method.as_name(), version);
                        security.named.extend(method.map(|method| (name.to_vec(), method)));
                    }
                }
                let chosen = |key: &[u8]| {
                    let name = value(key)?;
                    Ok::<_, OpenError>(match name.as_name() {
                        None => Method::Identity,
                        Some(name) => security.filter(name).ok_or(OpenError::Encrypted)?,
                    })
                };
                let (streams, strings) = (chosen(b"StmF")?, chosen(b"StrF")?);
                let files = if dictionary.get(b"EFF").is_some() { chosen(b"EFF")? } else { streams };
                (security.streams, security.strings, security.files) = (streams, strings, files);
            }
            _ => return Err(OpenError::Encrypted),
        }
        Ok(security)
    }

    /// Decrypts the strings of an object read from the file; whether all of them could be.
    ///
    /// What cannot be stays as it stands, as readers have it that meet a string its writer forgot to encrypt.
    pub(super) fn decrypt_object(&self, id: ObjectId, object: &mut Object) -> bool {
        // Cross-reference streams are never encrypted (§7.5.8.2), nor is this dictionary itself (§7.6.2).
        if self.strings == Method::Identity || self.own == Some(id) || is_section(object) {
            return true;
        }
        let mut whole = true;
        walk(object, &mut |string| match self.strings.decrypt(&self.key, id, &string.bytes) {
            Some(plain) => string.bytes = plain,
            None => whole = false,
        });
        whole
    }

    /// Decrypts a stream's raw data, by its dictionary with direct filters.
    pub(super) fn decrypt_stream(
        &self,
        stream: &Stream,
        filters: &Dictionary,
        raw: Vec<u8>,
    ) -> Result<Vec<u8>, ReadError> {
        let method = self.stream_method(&stream.dictionary, filters)?;
        if method == Method::Identity {
            return Ok(raw);
        }
        let broken = ReadError::Malformed { what: "encrypted stream data", offset: stream.offset };
        method.decrypt(&self.key, stream.id, &raw).ok_or(broken)
    }

    /// Encrypts the strings of an object of an update.
    pub(crate) fn encrypt_object(&self, id: ObjectId, object: &mut Object) {
        let mut position = 0;
        walk(object, &mut |string| self.encrypt_string(id, &mut position, string));
    }

    /// As [`Security::encrypt_object`], of a dictionary.
    pub(crate) fn encrypt_entries(&self, id: ObjectId, dictionary: &mut Dictionary) {
        let mut position = 0;
        walk_dictionary(dictionary, &mut |string| self.encrypt_string(id, &mut position, string));
    }

    fn encrypt_string(&self, id: ObjectId, position: &mut u64, string: &mut PdfString) {
        if self.strings == Method::Identity {
            return;
        }
        *position += 1;
        let vector = self.vector(id, *position, &string.bytes);
        string.bytes = self.strings.encrypt(&self.key, id, vector, &string.bytes);
        string.hexadecimal = true;
    }

    /// Encrypts the data of a stream of an update; `None` if such a stream stays as it is.
    pub(crate) fn encrypt_stream(
        &self,
        id: ObjectId,
        dictionary: &Dictionary,
        data: &[u8],
    ) -> Option<Vec<u8>> {
        let method = self.stream_method(dictionary, dictionary).unwrap_or(self.streams);
        (method != Method::Identity).then(|| method.encrypt(&self.key, id, self.vector(id, 0, data), data))
    }

    fn filter(&self, name: &[u8]) -> Option<Method> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, method)| *method)
    }

    /// How a stream is encrypted: by its own /Crypt filter, by what it is, or like all (§7.6.6).
    fn stream_method(&self, dictionary: &Dictionary, filters: &Dictionary) -> Result<Method, ReadError> {
        if let Some(name) = crypt_filter(filters) {
            return self.filter(name).ok_or(ReadError::Unsupported { what: "crypt filter" });
        }
        Ok(match dictionary.get(b"Type").and_then(Object::as_name) {
            Some(b"XRef") => Method::Identity,
            Some(b"Metadata") if !self.metadata => Method::Identity,
            Some(b"EmbeddedFile") => self.files,
            _ => self.streams,
        })
    }

    /// See the module's documentation.
    fn vector(&self, id: ObjectId, position: u64, plain: &[u8]) -> [u8; 16] {
        let mut hasher = DigestAlgorithm::Sha256.hasher();
        hasher.update(b"cinnabar initialisation vector");
        hasher.update(&self.key);
        hasher.update(&id.number.to_be_bytes());
        hasher.update(&id.generation.to_be_bytes());
        hasher.update(&position.to_be_bytes());
        hasher.update(plain);
        hasher.finish().first_chunk().copied().unwrap_or_default()
    }
}

/// The name of the crypt filter a stream's own /Crypt filter chooses, if it has one: the first, or not at all.
pub(super) fn crypt_filter(filters: &Dictionary) -> Option<&[u8]> {
    let first = |key: &[u8], short: &[u8]| match filters.get(key).or_else(|| filters.get(short)) {
        Some(Object::Array(items)) => items.first(),
        other => other,
    };
    (first(b"Filter", b"F")?.as_name()? == b"Crypt").then(|| {
        let parameters = first(b"DecodeParms", b"DP").and_then(Object::as_dictionary);
        parameters.and_then(|parameters| parameters.get(b"Name")?.as_name()).unwrap_or(b"Identity")
    })
}

fn is_section(object: &Object) -> bool {
    object
        .as_stream()
        .is_some_and(|stream| stream.dictionary.get(b"Type").and_then(Object::as_name) == Some(b"XRef"))
}

/// Every string of an object but a signature's /Contents (§7.6.2). As deep as the parser went, no deeper.
fn walk(object: &mut Object, change: &mut dyn FnMut(&mut PdfString)) {
    match object {
        Object::String(string) => change(string),
        Object::Array(items) => items.iter_mut().for_each(|item| walk(item, change)),
        Object::Dictionary(dictionary) => walk_dictionary(dictionary, change),
        Object::Stream(stream) => walk_dictionary(&mut stream.dictionary, change),
        _ => {}
    }
}

fn walk_dictionary(dictionary: &mut Dictionary, change: &mut dyn FnMut(&mut PdfString)) {
    let signature = dictionary.get(b"ByteRange").is_some();
    for (key, value) in dictionary.iter_mut() {
        if !(signature && key == b"Contents") {
            walk(value, change);
        }
    }
}

/// Crypt filters in one document; two or three are usual.
const MAX_FILTERS: usize = 32;
