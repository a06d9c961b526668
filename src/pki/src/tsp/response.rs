//! TimeStampResp: a status, and a token when it was granted.

use crate::asn1::{self, Asn1Error, BIT_STRING, INTEGER, Reader, Rules, SEQUENCE, UTF8_STRING};

/// PKIStatus (RFC 3161 §2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A token as asked for.
    Granted,
    /// A token with modifications.
    GrantedWithMods,
    /// No token.
    Rejection,
    /// Waiting, or a warning about revocation: no token either. The value stands inside.
    Other(u32),
}

/// PKIFailureInfo: why there is no token (RFC 3161 §2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// badAlg: the digest algorithm is not accepted.
    BadAlgorithm,
    /// badRequest: the transaction is not supported.
    BadRequest,
    /// badDataFormat: the request cannot be read.
    BadDataFormat,
    /// timeNotAvailable: the time source is not available.
    TimeNotAvailable,
    /// unacceptedPolicy: the policy asked for is not the authority's.
    UnacceptedPolicy,
    /// unacceptedExtension: an extension is not supported.
    UnacceptedExtension,
    /// addInfoNotAvailable: additional information asked for is not understood or not available.
    AddInfoNotAvailable,
    /// systemFailure: the fault is the authority's.
    SystemFailure,
}

impl Failure {
    const ALL: [Self; 8] = [
        Self::BadAlgorithm,
        Self::BadRequest,
        Self::BadDataFormat,
        Self::TimeNotAvailable,
        Self::UnacceptedPolicy,
        Self::UnacceptedExtension,
        Self::AddInfoNotAvailable,
        Self::SystemFailure,
    ];

    /// Its bit in PKIFailureInfo.
    const fn bit(self) -> u8 {
        match self {
            Self::BadAlgorithm => 0,
            Self::BadRequest => 2,
            Self::BadDataFormat => 5,
            Self::TimeNotAvailable => 14,
            Self::UnacceptedPolicy => 15,
            Self::UnacceptedExtension => 16,
            Self::AddInfoNotAvailable => 17,
            Self::SystemFailure => 25,
        }
    }

    /// Its name in the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadAlgorithm => "badAlg",
            Self::BadRequest => "badRequest",
            Self::BadDataFormat => "badDataFormat",
            Self::TimeNotAvailable => "timeNotAvailable",
            Self::UnacceptedPolicy => "unacceptedPolicy",
            Self::UnacceptedExtension => "unacceptedExtension",
            Self::AddInfoNotAvailable => "addInfoNotAvailable",
            Self::SystemFailure => "systemFailure",
        }
    }
}

/// TimeStampResp ::= SEQUENCE { status PKIStatusInfo, timeStampToken TimeStampToken OPTIONAL } (RFC 3161 §2.4.2)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampResp {
    /// The status.
    pub status: Status,
    /// What the authority says about it.
    pub text: Vec<String>,
    /// Why there is no token, as far as the authority says so in known words.
    pub failures: Vec<Failure>,
    /// The token, a ContentInfo.
    pub token: Option<Vec<u8>>,
}

impl TimeStampResp {
    /// Reads a response.
    ///
    /// # Errors
    /// [`Asn1Error`] when it is none.
    pub fn parse(der: &[u8]) -> Result<Self, Asn1Error> {
        // Several authorities write BER around their tokens.
        let mut fields = Reader::only(der, Rules::Ber, SEQUENCE)?.reader();
        let mut info = fields.expect(SEQUENCE)?.reader();
        let token = fields.optional(SEQUENCE)?.map(|token| token.raw.to_vec());
        fields.finish()?;
        let status = match info.expect(INTEGER)?.small()? {
            0 => Status::Granted,
            1 => Status::GrantedWithMods,
            2 => Status::Rejection,
            other => Status::Other(other),
        };
        let text = match info.optional(SEQUENCE)? {
            Some(list) => list.reader().all(MOST_TEXTS)?,
            None => Vec::new(),
        };
        let text = text.iter().map(|text| String::from_utf8_lossy(text.content).into_owned()).collect();
        let bits = info.optional(BIT_STRING)?;
        info.finish()?;
        let set = |failure: &Failure| {
            let bit = usize::from(failure.bit());
            let octet = bits.and_then(|bits| bits.content.get(1 + bit / 8).copied()).unwrap_or(0);
            octet & (0x80 >> (bit % 8)) != 0
        };
        Ok(Self { status, text, failures: Failure::ALL.into_iter().filter(set).collect(), token })
    }
}

/// The response that carries `token`: status granted.
#[must_use]
pub fn granted(token: &[u8]) -> Vec<u8> {
    asn1::join(SEQUENCE, &[&[SEQUENCE, 3, INTEGER, 1, 0][..], token])
}

/// The response without a token: status rejection, with `text` for people.
#[must_use]
pub fn rejection(failure: Failure, text: &str) -> Vec<u8> {
    let bit = failure.bit();
    let mut octets = vec![0; usize::from(bit / 8) + 2];
    if let Some(unused) = octets.first_mut() {
        *unused = 7 - bit % 8;
    }
    if let Some(last) = octets.last_mut() {
        *last = 0x80 >> (bit % 8);
    }
    let text = asn1::tlv(SEQUENCE, &asn1::tlv(UTF8_STRING, text.as_bytes()));
    let info = asn1::join(SEQUENCE, &[asn1::unsigned(&[2]), text, asn1::tlv(BIT_STRING, &octets)]);
    asn1::tlv(SEQUENCE, &info)
}

/// Status texts read.
const MOST_TEXTS: usize = 16;
