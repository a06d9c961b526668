//! http-01 (RFC 8555 §8.3): the key authorization at `/.well-known/acme-challenge/TOKEN`. Redirects are followed by the
//! guarded client, which judges address and port of each.

use std::net::IpAddr;

use super::{Failed, Question, shown};
use crate::acme::error::ErrorKind;
use crate::acme::identifier::Identifier;
use crate::fetch::Client;

pub(super) async fn try_once(client: &Client, port: u16, question: &Question) -> Result<(), Failed> {
    let host = match &question.identifier {
        Identifier::Dns(name) => name.clone(),
        Identifier::Ip(IpAddr::V4(address)) => address.to_string(),
        Identifier::Ip(IpAddr::V6(address)) => format!("[{address}]"),
    };
    let url = format!("http://{host}:{port}/.well-known/acme-challenge/{}", question.token);
    let answer = client.get(&url, LARGEST, "*/*").await?;
    // White space at the end is allowed (RFC 8555 §8.3).
    let found = answer.body.trim_ascii_end();
    if found == question.key_authorization.as_bytes() {
        return Ok(());
    }
    let detail = format!("`{}` holds `{}` and not the key authorization.", answer.url, shown(found));
    Err(Failed::for_good(ErrorKind::IncorrectResponse, detail))
}

/// Largest answer read: a key authorization has 87 octets.
const LARGEST: u64 = 1024;
