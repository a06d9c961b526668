//! dns-01 (RFC 8555 §8.4): a TXT record at `_acme-challenge` below the name. Any of several records may be the one, so
//! that a name and its wildcard can be proven together.

use super::{Failed, Question, shown};
use crate::acme::error::ErrorKind;
use crate::acme::state::dns_value;
use crate::fetch::Client;

pub(super) async fn try_once(client: &Client, question: &Question) -> Result<(), Failed> {
    let name = format!("_acme-challenge.{}", question.identifier.value());
    let expected = dns_value(&question.key_authorization);
    let records = client.resolve_txt(&name).await?;
    if records.iter().any(|record| record == expected.as_bytes()) {
        return Ok(());
    }
    let found: Vec<String> = records.iter().take(4).map(|record| shown(record)).collect();
    let detail = match found.is_empty() {
        true => format!("`{name}` has no TXT record."),
        false => format!("`{name}` has TXT records, but not `{expected}`: `{}`.", found.join("`, `")),
    };
    // Records take a while to reach every name server.
    Err(Failed::passing(ErrorKind::IncorrectResponse, detail))
}
