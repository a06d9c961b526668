//! http-01 (RFC 8555 §8.3): the key authorization at `/.well-known/acme-challenge/TOKEN`. Redirects are followed by the
//! guarded client, which judges address and port of each.

use std::net::IpAddr;

use url::Url;

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
    Err(Failed::for_good(ErrorKind::IncorrectResponse, told(&url, &answer.url, found)))
}

/// What was found, as the account may know it: what stands behind a redirect may be another's, and is not repeated.
fn told(asked: &str, answered: &str, found: &[u8]) -> String {
    let direct = Url::parse(asked).is_ok_and(|asked| asked.as_str() == answered);
    match direct {
        true => format!("`{asked}` holds `{}` and not the key authorization.", shown(found)),
        false => {
            format!("`{asked}` redirects to {} octets that are not the key authorization.", found.len())
        }
    }
}

/// Largest answer read: a key authorization has 87 octets.
const LARGEST: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_redirect_is_not_repeated() {
        let asked = "http://a.example:80/.well-known/acme-challenge/token";
        let direct = told(asked, "http://a.example/.well-known/acme-challenge/token", b"other");
        assert!(direct.contains("`other`"), "{direct}");
        for answered in ["http://10.0.0.1/", "http://a.example/secret", "https://a.example/x?key=secret"] {
            let behind = told(asked, answered, b"secret");
            assert!(!behind.contains("secret") && behind.contains("6 octets"), "{behind}");
        }
    }
}
