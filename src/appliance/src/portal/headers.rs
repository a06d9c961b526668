//! The headers that hold a browser to this page alone.
//!
//! No HSTS: the same host name may serve plain HTTP on another port, where revocation lists have to stay (RFC 5280 §8), and
//! the header would speak for all ports (RFC 6797 §8.2). An operator whose host serves nothing else adds it in front.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Sets them; what a handler has set stays, but for the policy.
pub fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Nothing but files of this origin (CSP level 3); no inline script or style, no frame, no markup from text (Trusted Types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The camera reads codes; nothing else is wanted of the device.
const PERMISSIONS: &str =
    "camera=(self), microphone=(), geolocation=(), display-capture=(), payment=(), usb=()";
