//! Who sent a request: the signature, the address it was meant for, the nonce, and the account (RFC 8555 §6.2-§6.5).
//!
//! A handler gets a [`Signed`] or nothing. The nonce is taken only once the signature has verified, so that nobody
//! uses up another's.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::accounts::Account;
use super::error::{AcmeError, ErrorKind, Result};
use super::jwk::Jwk;
use super::jws::{Jws, KeyRef, Payload};
use super::nonce::{Of, Taken};
use super::records::ACME_ACCOUNTS;
use super::service::{Context, bad_nonce};

/// A request that its key signed for this address with a fresh nonce.
#[derive(Debug)]
pub struct Signed {
    /// Who signed.
    pub by: Signer,
    /// What it says.
    pub payload: Payload,
    /// Its nonce, taken.
    pub nonce: Taken,
    /// The address it was meant for.
    pub url: String,
}

/// Who signed a request.
#[derive(Debug)]
pub enum Signer {
    /// An account that may act.
    Account(Box<Account>),
    /// A key that need not be an account's.
    Key(Box<Jwk>),
}

/// How a request may name its key (RFC 8555 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By `kid`: everything an account does.
    Kid,
    /// By `jwk`: newAccount.
    Jwk,
    /// By either: revokeCert.
    Either,
}

/// Verifies a request to `path` (below `/acme`, its query included).
///
/// # Errors
/// [`AcmeError`].
pub async fn verify(
    context: &Context,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    naming: Naming,
) -> Result<Signed> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/jose+json") {
        return Err(AcmeError::malformed("Send requests as `application/jose+json`.").status(415));
    }
    let jws = Jws::parse(body)?;
    let url = context.url(path);
    if jws.protected.url != url {
        return Err(AcmeError::unauthorized(format!("The request was signed for another `url` than {url}.")));
    }
    let nonce = jws.protected.nonce.as_deref().ok_or_else(bad_nonce)?;
    let (by, payload) = match (&jws.protected.key, naming) {
        (KeyRef::Jwk(key), Naming::Jwk | Naming::Either) => {
            let payload = jws.verified(key)?;
            (Signer::Key(key.clone()), payload)
        }
        (KeyRef::Kid(kid), Naming::Kid | Naming::Either) => {
            let (account, payload) = by_account(context, &jws, kid).await?;
            (Signer::Account(Box::new(account)), payload)
        }
        (KeyRef::Jwk(_), Naming::Kid) => {
            return Err(AcmeError::malformed(
                "Name the account by `kid`; `jwk` is for newAccount and revokeCert.",
            ));
        }
        (KeyRef::Kid(_), Naming::Jwk) => {
            return Err(AcmeError::malformed("Name the key by `jwk`: the account is not known yet."));
        }
    };
    let of = match &by {
        Signer::Account(_) => Of::Account,
        Signer::Key(_) => Of::Key,
    };
    let nonce = context.take_nonce(of, nonce)?;
    Ok(Signed { by, payload, nonce, url })
}

async fn by_account(context: &Context, jws: &Jws, kid: &str) -> Result<(Account, Payload)> {
    let unknown = || AcmeError::new(ErrorKind::AccountDoesNotExist, "There is no such account.");
    let id = kid.strip_prefix(&context.url("/account/")).ok_or_else(unknown)?;
    let plain = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let row = match plain {
        true => context.app.db.row(&ACME_ACCOUNTS, id).await?,
        false => None,
    };
    let row = row.ok_or_else(unknown)?;
    let jwk: Value = serde_json::from_str(super::records::text(&row, "jwk")).map_err(AcmeError::internal)?;
    // First the signature: only the account's holder learns what became of the account.
    let payload = jws.verified(&Jwk::read(&jwk).map_err(AcmeError::internal)?)?;
    context.app.rates.count(&format!("acme:{id}")).map_err(|wait| {
        AcmeError::new(ErrorKind::RateLimited, "The account has sent its share; wait as `Retry-After` says.")
            .retry_after(wait.as_secs() + 1)
    })?;
    Ok((Account::load(context, row).await?, payload))
}

impl Signed {
    /// The account that signed.
    ///
    /// # Errors
    /// When a bare key did; never after [`Naming::Kid`].
    pub fn account(self) -> Result<(Account, Payload, Taken, String)> {
        match self.by {
            Signer::Account(account) => Ok((*account, self.payload, self.nonce, self.url)),
            Signer::Key(_) => Err(AcmeError::internal("a bare key where an account was asked for")),
        }
    }
}

impl Payload {
    /// The object.
    ///
    /// # Errors
    /// `malformed` for POST-as-GET.
    pub fn object(self) -> Result<Map<String, Value>> {
        match self {
            Self::Object(members) => Ok(members),
            Self::Empty => Err(AcmeError::malformed("The request has no payload, but needs one.")),
        }
    }

    /// That it is POST-as-GET (RFC 8555 §6.3).
    ///
    /// # Errors
    /// `malformed` when there is a payload.
    pub fn nothing(self) -> Result<()> {
        match self {
            Self::Empty => Ok(()),
            Self::Object(_) => {
                Err(AcmeError::malformed("This is read by POST-as-GET: send an empty payload."))
            }
        }
    }
}
