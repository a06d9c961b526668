//! The states of orders, authorizations and challenges, and what follows from what (RFC 8555 §7.1.6).
//!
//! Pure. Only decisions are stored: an order is stored as pending until it is finalised, an authorization as pending
//! until a challenge decides it. Whether an order is ready, and what has expired, is derived from its authorizations
//! and the time each time somebody looks, so that no two rows can disagree.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identifier::Identifier;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$item])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// The word of RFC 8555.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(Self::$variant => $word,)+ } }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                [$(Self::$variant),+].into_iter().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// State of an order.
    OrderState {
        /// Authorizations are outstanding.
        Pending = "pending",
        /// All are valid: it can be finalised. Never stored.
        Ready = "ready",
        /// Finalised; the certificate is being issued, or awaits approvals.
        Processing = "processing",
        /// The certificate is there.
        Valid = "valid",
        /// It failed or expired.
        Invalid = "invalid",
    }
}

words! {
    /// State of an authorization.
    AuthorizationState {
        /// No challenge has decided it.
        Pending = "pending",
        /// A challenge succeeded.
        Valid = "valid",
        /// A challenge failed.
        Invalid = "invalid",
        /// The client gave it up.
        Deactivated = "deactivated",
        /// It was valid, and its time is over.
        Expired = "expired",
        /// The server took it back.
        Revoked = "revoked",
    }
}

words! {
    /// State of a challenge.
    ChallengeState {
        /// The client has not asked for validation.
        Pending = "pending",
        /// Validation is under way.
        Processing = "processing",
        /// It succeeded.
        Valid = "valid",
        /// It failed.
        Invalid = "invalid",
    }
}

words! {
    /// Kinds of challenges.
    #[derive(PartialOrd, Ord)]
    ChallengeKind {
        /// A file at a well-known address (RFC 8555 §8.3).
        Http01 = "http-01",
        /// A TXT record (RFC 8555 §8.4).
        Dns01 = "dns-01",
        /// A certificate in a TLS handshake (RFC 8737).
        TlsAlpn01 = "tls-alpn-01",
    }
}

/// One challenge, as an authorization's row keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its kind.
    pub kind: ChallengeKind,
    /// 256 random bits, base64url.
    pub token: String,
    /// Its state.
    pub state: ChallengeState,
    /// When it succeeded, microseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated: Option<i64>,
    /// Why it failed: a problem document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

impl ChallengeKind {
    /// Whether this kind can prove control of an identifier: wildcards are proven in the DNS alone (RFC 8555 §7.1.3),
    /// addresses never (RFC 8738 §7).
    #[must_use]
    pub fn proves(self, identifier: &Identifier, wildcard: bool) -> bool {
        match (self, identifier) {
            (Self::Dns01, Identifier::Ip(_)) => false,
            (Self::Dns01, Identifier::Dns(_)) => true,
            (Self::Http01 | Self::TlsAlpn01, _) => !wildcard,
        }
    }
}

/// The state in which an authorization is now, given how it is stored.
#[must_use]
pub const fn authorization_now(stored: AuthorizationState, expires: i64, now: i64) -> AuthorizationState {
    match stored {
        AuthorizationState::Valid if expires <= now => AuthorizationState::Expired,
        // RFC 8555 §7.1.6: a pending one that times out becomes invalid.
        AuthorizationState::Pending if expires <= now => AuthorizationState::Invalid,
        other => other,
    }
}

/// The state in which an order is now, given how it is stored and its authorizations' states now.
#[must_use]
pub fn order_now(
    stored: OrderState,
    authorizations: impl IntoIterator<Item = AuthorizationState>,
    expires: i64,
    now: i64,
) -> OrderState {
    if stored != OrderState::Pending {
        return stored;
    }
    if expires <= now {
        return OrderState::Invalid;
    }
    let mut all_valid = true;
    for state in authorizations {
        match state {
            AuthorizationState::Valid => {}
            AuthorizationState::Pending => all_valid = false,
            _ => return OrderState::Invalid,
        }
    }
    if all_valid { OrderState::Ready } else { OrderState::Pending }
}

/// The key authorization of RFC 8555 §8.1.
#[must_use]
pub fn key_authorization(token: &str, thumbprint: &str) -> String {
    format!("{token}.{thumbprint}")
}

/// What the TXT record of dns-01 holds (RFC 8555 §8.4).
#[must_use]
pub fn dns_value(key_authorization: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, key_authorization.as_bytes()))
}

#[cfg(test)]
mod tests {
    use AuthorizationState as A;
    use OrderState as O;

    use super::*;

    #[test]
    fn an_order_is_ready_when_every_authorization_is_valid_and_lost_when_one_is() {
        for (states, expected) in [
            (vec![A::Valid, A::Valid], O::Ready),
            (vec![A::Valid, A::Pending], O::Pending),
            (vec![A::Pending, A::Invalid], O::Invalid),
            (vec![A::Valid, A::Deactivated], O::Invalid),
            (vec![A::Expired], O::Invalid),
            (vec![A::Revoked, A::Valid], O::Invalid),
        ] {
            assert_eq!(order_now(O::Pending, states.clone(), 10, 5), expected, "{states:?}");
            assert_eq!(order_now(O::Pending, states.clone(), 5, 5), O::Invalid, "expired");
            // What was finalised no longer depends on authorizations or the order's own time.
            for decided in [O::Processing, O::Valid, O::Invalid] {
                assert_eq!(order_now(decided, states.clone(), 5, 5), decided);
            }
        }
    }

    #[test]
    fn time_ends_pending_and_valid_authorizations_and_leaves_the_others() {
        assert_eq!(authorization_now(A::Pending, 10, 9), A::Pending);
        assert_eq!(authorization_now(A::Pending, 10, 10), A::Invalid);
        assert_eq!(authorization_now(A::Valid, 10, 10), A::Expired);
        for ended in [A::Invalid, A::Deactivated, A::Revoked, A::Expired] {
            assert_eq!(authorization_now(ended, 10, 99), ended);
        }
    }

    #[test]
    fn wildcards_are_proven_in_the_dns_and_addresses_elsewhere() {
        use ChallengeKind as C;
        let (name, address) = (Identifier::dns("a.example").unwrap(), Identifier::ip("192.0.2.1").unwrap());
        assert!(
            C::Http01.proves(&name, false)
                && C::TlsAlpn01.proves(&name, false)
                && C::Dns01.proves(&name, false)
        );
        assert!(
            !C::Http01.proves(&name, true)
                && !C::TlsAlpn01.proves(&name, true)
                && C::Dns01.proves(&name, true)
        );
        assert!(C::Http01.proves(&address, false) && C::TlsAlpn01.proves(&address, false));
        assert!(!C::Dns01.proves(&address, false));
    }

    #[test]
    fn the_words_are_those_of_the_standard() {
        for kind in [ChallengeKind::Http01, ChallengeKind::Dns01, ChallengeKind::TlsAlpn01] {
            assert_eq!(ChallengeKind::parse(kind.word()), Some(kind));
        }
        assert_eq!(OrderState::parse("ready"), Some(O::Ready));
        assert_eq!(AuthorizationState::parse("gone"), None);
    }

    #[test]
    fn the_txt_record_is_the_digest_of_the_key_authorization() {
        let authorization = key_authorization("token", "thumb");
        assert_eq!(authorization, "token.thumb");
        // printf token.thumb | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(dns_value(&authorization), DIGEST);
    }

    const DIGEST: &str = "lCdftpJCXapaZHkBGIZbcubeKW8RmA0jSG_aZN01zbU";
}
