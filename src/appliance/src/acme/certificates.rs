//! Certificates that ACME brought: downloaded (RFC 8555 §7.4.2), revoked (§7.6), and when to renew them (RFC 9773).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{Certificate, GeneralName};
use serde_json::{Map, Value, json};

use super::accounts::Account;
use super::error::{AcmeError, ErrorKind, Result};
use super::identifier::Identifier;
use super::jwk::Jwk;
use super::nonce::Taken;
use super::orders::time;
use super::records::{self, text};
use super::renewal::{CertificateId, window};
use super::service::{self, Context};
use crate::certificates::chain_of;
use crate::journal::Actor;
use crate::policy::{Resource, RevokeCertificate};
use crate::problem::Problem;
use crate::status::model::Revocation;
use crate::status::renew_now;
use crate::status::service::{self as status, Grounds};
use crate::store::Row;
use crate::store::tables::CERTIFICATES;

/// Who asks for a revocation: RFC 8555 §7.6 takes an account's key or the certificate's.
#[derive(Debug)]
pub enum Asker {
    /// An account.
    Account(Box<Account>),
    /// Whoever holds this key.
    Key(Box<Jwk>),
}

/// The chain of an account's certificate, PEM, the leaf first and the root left out.
///
/// # Errors
/// Not found, or another account's.
pub async fn download(context: &Context, account: &Account, fingerprint: &str) -> Result<String> {
    let order = records::order_of_certificate(&context.app.db, fingerprint).await?;
    order.filter(|order| text(order, "account") == account.id()).ok_or_else(AcmeError::not_found)?;
    let row = context.app.db.row(&CERTIFICATES, fingerprint).await?.ok_or_else(AcmeError::not_found)?;
    let leaf = certificate(&row)?;
    let chain = chain_of(&context.app, text(&row, "issuer")).map_err(Problem::from)?;
    Ok(std::iter::once(&leaf).chain(&chain).map(Certificate::to_pem).collect())
}

/// revokeCert.
///
/// # Errors
/// [`AcmeError`].
pub async fn revoke(
    context: &Context,
    asker: Asker,
    payload: &Map<String, Value>,
    nonce: &Taken,
) -> Result<()> {
    let der = payload.get("certificate").and_then(Value::as_str).and_then(|t| URL_SAFE_NO_PAD.decode(t).ok());
    let sent = der.and_then(|der| Certificate::from_der(&der).ok());
    let sent = sent.ok_or_else(|| AcmeError::malformed("Send `certificate`: DER in base64url."))?;
    let reason = match payload.get("reason") {
        None | Some(Value::Null) => "unspecified",
        Some(code) => code.as_u64().and_then(reason).ok_or_else(|| {
            let detail = "Use one of the reasons 0, 1, 3, 4 and 5 (RFC 5280 §5.3.1).";
            AcmeError::new(ErrorKind::BadRevocationReason, detail)
        })?,
    };
    let unknown = || AcmeError::malformed("The certificate was not issued here by ACME.").status(404);
    let row = context.app.db.row(&CERTIFICATES, &hex::encode(sent.sha256_fingerprint())).await?;
    let row = row.ok_or_else(unknown)?;
    let order = records::order_of_certificate(&context.app.db, row.id()).await?.ok_or_else(unknown)?;
    let by: Actor = match &asker {
        Asker::Key(key) if key.spki() == sent.spki() => service::actor("certificate-key", ""),
        Asker::Key(_) => {
            return Err(AcmeError::unauthorized(
                "The request is signed by another key than the certificate's.",
            ));
        }
        Asker::Account(account) => {
            if text(&order, "account") != account.id() && !authorises(context, account, &sent).await? {
                let detail = "The account neither ordered the certificate nor controls all its names now.";
                return Err(AcmeError::unauthorized(detail));
            }
            account.actor()
        }
    };
    if text(&row, "state") == "revoked" {
        return Err(AcmeError::new(ErrorKind::AlreadyRevoked, "The certificate is revoked already."));
    }
    // Who signs with the certificate's key shows that it can be used; only the holder of the account says why else.
    let permit =
        context.permit::<RevokeCertificate>(Resource::certificate(row.id()).at_version(row.version()))?;
    let act = context.act(&permit, permit.resource().name(), Some(by));
    let given = Revocation { reason: reason.to_owned(), invalid_from: None };
    let grounds = Grounds::new(&given, context.now)?;
    let row = status::revoked(row, &grounds, context.now)?;
    context.commit(status::revocation(act, row, &grounds), Some(nonce)).await?;
    renew_now(&context.app).await;
    Ok(())
}

/// Renewal information (RFC 9773 §4.2), for anybody.
///
/// # Errors
/// Not found.
pub async fn renewal(context: &Context, id: &str) -> Result<Value> {
    let id = CertificateId::parse(id).ok_or_else(|| {
        AcmeError::malformed(
            "A certificate is named by its authority key identifier and its serial (RFC 9773 §4.1).",
        )
    })?;
    let row = by_id(context, &id).await?.ok_or_else(AcmeError::not_found)?;
    let seconds = |column: &str| row.value(column).as_int().map(|micros| micros.div_euclid(1_000_000));
    let revoked = match text(&row, "state") {
        "good" => None,
        _ => Some(seconds("revoked_at").or_else(|| seconds("changed")).unwrap_or_default()),
    };
    let (not_before, not_after) =
        (seconds("not_before").unwrap_or_default(), seconds("not_after").unwrap_or_default());
    let (from, to) = window(not_before, not_after, revoked, context.now.div_euclid(1_000_000));
    let micros = |seconds: i64| time(seconds.saturating_mul(1_000_000));
    let mut body = json!({ "suggestedWindow": { "start": micros(from), "end": micros(to) } });
    if let (Some(page), Some(members)) = (&context.config()?.renewal_explanation, body.as_object_mut()) {
        members.insert("explanationURL".into(), page.as_str().into());
    }
    Ok(body)
}

/// The row of a certificate by RFC 9773's name of it.
///
/// # Errors
/// When the store does not answer.
pub async fn by_id(context: &Context, id: &CertificateId) -> Result<Option<Row>> {
    let authorities = context.app.authorities().map_err(AcmeError::internal)?;
    for authority in authorities {
        if authority.certificate.subject_key_id() != Some(&id.authority) {
            continue;
        }
        let serial = crate::identity::serial_hex(&id.serial);
        let found = records::certificate_by_serial(&context.app.db, &authority.label, &serial).await?;
        if let Some(fingerprint) = found {
            return Ok(context.app.db.row(&CERTIFICATES, &fingerprint).await?);
        }
    }
    Ok(None)
}

/// Whether an account has valid authorizations for every name of a certificate.
async fn authorises(context: &Context, account: &Account, certificate: &Certificate) -> Result<bool> {
    let names = certificate.subject_alt_names();
    for name in names {
        let identifier = match name {
            GeneralName::Dns(name) => Identifier::dns(name).ok(),
            GeneralName::Ip(octets) => match octets.len() {
                4 => <[u8; 4]>::try_from(octets.as_slice()).ok().map(|ip| Identifier::Ip(ip.into())),
                _ => <[u8; 16]>::try_from(octets.as_slice()).ok().map(|ip| Identifier::Ip(ip.into())),
            },
            _ => None,
        };
        let Some(identifier) = identifier else { return Ok(false) };
        let (base, wildcard) = (identifier.base(), identifier.is_wildcard());
        let known =
            records::valid_authorization(&context.app.db, account.id(), &base, wildcard, context.now).await?;
        if known.is_none() {
            return Ok(false);
        }
    }
    Ok(!names.is_empty())
}

/// A reason code that subscribers may give (RFC 5280 §5.3.1).
const fn reason(code: u64) -> Option<&'static str> {
    Some(match code {
        0 => "unspecified",
        1 => "keyCompromise",
        3 => "affiliationChanged",
        4 => "superseded",
        5 => "cessationOfOperation",
        _ => return None,
    })
}

fn certificate(row: &Row) -> Result<Certificate> {
    Certificate::from_der(row.value("der").as_bytes().unwrap_or_default()).map_err(AcmeError::internal)
}

/// Where a certificate is, below `/acme`.
#[must_use]
pub fn path(fingerprint: &str) -> String {
    format!("/certificate/{fingerprint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_give_five_reasons() {
        assert_eq!(reason(1), Some("keyCompromise"));
        for code in [2, 6, 7, 8, 9, 10, 11, u64::MAX] {
            assert_eq!(reason(code), None, "{code}");
        }
    }
}
