//! Asking a foreign authority for a time-stamp, through the guarded client (decision 35).

use std::time::Duration;

use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;
use pki::Certificate;
use pki::cms::TimeStampToken;
use pki::tsp::{Imprint, QUERY, REPLY, RequestError, TimeStampReq, TokenFault, check_response};
use ring::rand::{SecureRandom, SystemRandom};

use crate::fetch::{Client, FetchError};

/// What is to be stamped, and on which terms.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The digest's algorithm.
    pub algorithm: DigestAlgorithm,
    /// The digest.
    pub digest: &'a [u8],
    /// A policy that the token must be under.
    pub policy: Option<ObjectIdentifier>,
    /// Certificates among which the authority's may be, when it sends none.
    pub further: &'a [Certificate],
}

/// A token whose signature, imprint, nonce and policy were checked. Whether its signer is trusted is for the caller's
/// path validation to say, with purpose time-stamping.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// The whole response, as it came.
    pub response: Vec<u8>,
    /// The token, DER ContentInfo.
    pub der: Vec<u8>,
    /// The token, read.
    pub token: TimeStampToken,
    /// The certificate it is signed under.
    pub signer: Certificate,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// The digest is not the algorithm's.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The authority was not reached, or the operator does not allow it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answered with something else than a response.
    #[error("`{url}` answers with media type `{media_type}`, not with a time-stamp")]
    MediaType {
        /// The authority.
        url: String,
        /// What it sent.
        media_type: String,
    },
    /// It refused, or its token is not what was asked for.
    #[error("`{url}`: {fault}")]
    Token {
        /// The authority.
        url: String,
        /// What is wrong.
        fault: TokenFault,
    },
    /// No nonce.
    #[error("the system's random source failed")]
    Random,
}

impl StampError {
    /// Whether asking again may help: the network failed, or the authority said that it could not serve now.
    fn is_passing(&self) -> bool {
        match self {
            Self::Fetch(error) => matches!(
                error,
                FetchError::Connection { .. }
                    | FetchError::Http { .. }
                    | FetchError::TooSlow { .. }
                    | FetchError::Status { status: 429 | 500..=599, .. }
            ),
            _ => false,
        }
    }
}

/// Has a digest stamped by the authority at `url`. Tried up to three times while the fault may pass, each time with a
/// new nonce.
///
/// # Errors
/// [`StampError`] of the last try.
pub async fn stamp(fetch: &Client, url: &str, wanted: Wanted<'_>) -> Result<Stamped, StampError> {
    let mut pauses = PAUSES.iter();
    loop {
        match once(fetch, url, wanted).await {
            Err(error) if error.is_passing() => match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(error),
            },
            done => return done,
        }
    }
}

async fn once(fetch: &Client, url: &str, wanted: Wanted<'_>) -> Result<Stamped, StampError> {
    let mut nonce = [0; 8];
    SystemRandom::new().fill(&mut nonce).map_err(|_| StampError::Random)?;
    let request = TimeStampReq::new(Imprint::new(wanted.algorithm, wanted.digest)?, wanted.policy, nonce);
    let answer = fetch.post(url, QUERY, request.to_der(), LARGEST).await?;
    if answer.media_type != REPLY {
        return Err(StampError::MediaType { url: answer.url, media_type: answer.media_type });
    }
    let (der, token, signer) = check_response(&answer.body, &request, wanted.further)
        .map_err(|fault| StampError::Token { url: url.to_owned(), fault })?;
    Ok(Stamped { response: answer.body, der, token, signer })
}

/// Before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];
/// Octets of a response: a token with a long chain has some ten thousand.
const LARGEST: u64 = 256 * 1024;
