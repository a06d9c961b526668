//! Identifiers of licences (GB/T 36904): read, written, and their check character.
//!
//! `TYPE.ISSUER.SERIAL.VERSION.CHECK` under the object identifier 1.2.156.3005.2, for example
//! `11100000000013338W011.11430000006122244L.20230000403.001.U`. Whether the codes within are registered anywhere is not judged
//! here, nor whether such a licence exists. Called wherever an identifier is issued, imported, asked for or printed.

use thiserror::Error;

/// The object identifier under which all identifiers of licences stand.
pub const OID: &str = "1.2.156.3005.2";

/// The longest text that is read: object identifier, 21 + 18 + 32 + 3 + 1 characters and their dots, with some room.
const LONGEST: usize = 128;

/// An identifier: one version of one licence.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    type_code: String,
    issuer: String,
    serial: String,
    version: u16,
}

/// An identifier that was read, and what its check character was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The identifier; written again, it has the right check character.
    pub identifier: Identifier,
    /// What was found.
    pub check: Check,
}

/// The check character of an identifier that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It fits.
    Right,
    /// It does not. A wrong algorithm circulates, so such identifiers exist on genuine licences: imported with a warning.
    Wrong {
        /// What stands there.
        found: char,
        /// What belongs there.
        expected: char,
    },
    /// The text ends with the version.
    Absent,
}

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentifierError {
    /// Longer than any.
    #[error("an identifier of a licence has at most {LONGEST} characters, this has {length}")]
    TooLong {
        /// Its length in octets.
        length: usize,
    },
    /// Not four or five parts.
    #[error(
        "an identifier of a licence has the parts TYPE.ISSUER.SERIAL.VERSION.CHECK, divided by dots (GB/T 36904); this has {found}"
    )]
    Parts {
        /// How many there are.
        found: usize,
    },
    /// The type's code.
    #[error(
        "the type code `{found}` does not have 18 characters 0-9A-Z of the defining body and 3 digits (GB/T 36902)"
    )]
    TypeCode {
        /// What stands there.
        found: String,
    },
    /// The issuer's code.
    #[error(
        "the issuer `{found}` is neither a credit code of 18 characters 0-9A-Z nor a division of 6 digits"
    )]
    Issuer {
        /// What stands there.
        found: String,
    },
    /// The serial.
    #[error("the serial `{found}` does not have 7 to 32 characters 0-9A-Z")]
    Serial {
        /// What stands there.
        found: String,
    },
    /// The version.
    #[error("the version `{found}` is not three digits from 001 to 999")]
    Version {
        /// What stands there.
        found: String,
    },
    /// The check character is none.
    #[error("the check `{found}` is not one character 0-9A-Z")]
    Check {
        /// What stands there.
        found: String,
    },
}

impl Identifier {
    /// An identifier of these parts, which are taken as they are: capital letters and digits.
    ///
    /// # Errors
    /// [`IdentifierError`] by the part that does not fit.
    pub fn new(
        type_code: impl Into<String>,
        issuer: impl Into<String>,
        serial: impl Into<String>,
        version: u16,
    ) -> Result<Self, IdentifierError> {
        let (type_code, issuer, serial) = (type_code.into(), issuer.into(), serial.into());
        if !is_type_code(&type_code) {
            return Err(IdentifierError::TypeCode { found: type_code });
        }
        if !is_issuer(&issuer) {
            return Err(IdentifierError::Issuer { found: issuer });
        }
        if !(7..=32).contains(&serial.len()) || !serial.bytes().all(|octet| value(octet).is_some()) {
            return Err(IdentifierError::Serial { found: serial });
        }
        if !(1..=999).contains(&version) {
            return Err(IdentifierError::Version { found: version.to_string() });
        }
        Ok(Self { type_code, issuer, serial, version })
    }

    /// Reads an identifier with or without its object identifier, in capital or small letters, spaces around it left out.
    ///
    /// # Errors
    /// [`IdentifierError`]. A check character that does not fit is no error but a finding.
    pub fn parse(text: &str) -> Result<Parsed, IdentifierError> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(IdentifierError::TooLong { length: text.len() });
        }
        let text = text.to_ascii_uppercase();
        let bare = text.strip_prefix(OID).and_then(|rest| rest.strip_prefix('.')).unwrap_or(&text);
        let parts: Vec<&str> = bare.split('.').collect();
        let (type_code, issuer, serial, version, check) = match *parts.as_slice() {
            [type_code, issuer, serial, version] => (type_code, issuer, serial, version, None),
            [type_code, issuer, serial, version, check] => (type_code, issuer, serial, version, Some(check)),
            _ => return Err(IdentifierError::Parts { found: parts.len() }),
        };
        let number = Some(version)
            .filter(|version| version.len() == 3 && version.bytes().all(|octet| octet.is_ascii_digit()))
            .and_then(|version| version.parse().ok())
            .ok_or_else(|| IdentifierError::Version { found: version.to_owned() })?;
        let identifier = Self::new(type_code, issuer, serial, number)?;
        let expected = identifier.check_character();
        let check = match check.map(str::as_bytes) {
            None => Check::Absent,
            Some([found]) if char::from(*found) == expected => Check::Right,
            Some([found]) if value(*found).is_some() => Check::Wrong { found: char::from(*found), expected },
            Some(found) => {
                return Err(IdentifierError::Check { found: String::from_utf8_lossy(found).into_owned() });
            }
        };
        Ok(Parsed { identifier, check })
    }

    /// Code of the licence's type: 18 characters of the body that defines it and 3 digits.
    #[must_use]
    pub fn type_code(&self) -> &str {
        &self.type_code
    }

    /// Code of the issuing body: its credit code, or the 6 digits of a division.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The serial: 7 to 32 characters, unique among the issuer's licences of that type.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The version, 1 to 999.
    #[must_use]
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The check character: ISO 7064 hybrid MOD 37,36 over type, issuer, serial and version, without dots.
    #[must_use]
    pub fn check_character(&self) -> char {
        let version = format!("{:03}", self.version);
        let text = [&self.type_code, &self.issuer, &self.serial, &version];
        check_character(text.into_iter().flat_map(|part| part.bytes()).filter_map(value))
    }

    /// What all versions of one licence share: `TYPE.ISSUER.SERIAL`.
    #[must_use]
    pub fn licence_id(&self) -> String {
        format!("{}.{}.{}", self.type_code, self.issuer, self.serial)
    }

    /// The identifier with its object identifier, as it stands in metadata and in files of other platforms.
    #[must_use]
    pub fn with_oid(&self) -> String {
        format!("{OID}.{self}")
    }

    /// The same licence's identifier in another version.
    ///
    /// # Errors
    /// [`IdentifierError::Version`] outside 1 to 999.
    pub fn in_version(&self, version: u16) -> Result<Self, IdentifierError> {
        Self::new(self.type_code.clone(), self.issuer.clone(), self.serial.clone(), version)
    }
}

impl std::fmt::Display for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { type_code, issuer, serial, version } = self;
        write!(f, "{type_code}.{issuer}.{serial}.{version:03}.{}", self.check_character())
    }
}

/// Whether a text has the form of a type's code: 18 characters 0-9A-Z and 3 digits.
#[must_use]
pub fn is_type_code(text: &str) -> bool {
    text.split_at_checked(18).is_some_and(|(body, number)| {
        body.bytes().all(|octet| value(octet).is_some())
            && number.len() == 3
            && number.bytes().all(|octet| octet.is_ascii_digit())
    })
}

/// Whether a text has the form of an issuing body's code: 18 characters 0-9A-Z, or 6 digits.
#[must_use]
pub fn is_issuer(text: &str) -> bool {
    match text.len() {
        18 => text.bytes().all(|octet| value(octet).is_some()),
        6 => text.bytes().all(|octet| octet.is_ascii_digit()),
        _ => false,
    }
}

/// ISO 7064 §9.2, modulus 36 and 37: the character with which the whole is 1 modulo 36.
fn check_character(values: impl Iterator<Item = u8>) -> char {
    let carried = values.fold(36_u8, |carried, value| {
        let sum = match (carried + value) % 36 {
            0 => 36,
            sum => sum,
        };
        sum * 2 % 37
    });
    let check = (37 - carried) % 36;
    char::from(if check < 10 { b'0' + check } else { b'A' + check - 10 })
}

/// What a character counts: 0 to 35.
const fn value(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'Z' => Some(octet - b'A' + 10),
        _ => None,
    }
}
