//! The time-stamp protocol (RFC 3161, RFC 5816, EN 319 422): requests, responses, and what makes a token.
//!
//! `request` reads and makes TimeStampReq, `stamp` makes tokens, `response` reads and makes TimeStampResp, `check` holds
//! a token against what was asked for. Reading and verifying the token itself is `cms::timestamp`'s, the authority's
//! trust `path`'s. No clock, no randomness: time and serial numbers are the caller's. Called by the appliance's
//! time-stamp service and client.

mod check;
mod request;
mod response;
mod stamp;

pub use check::{TokenFault, check_response, check_token};
pub use request::{Imprint, RequestError, TimeStampReq};
pub use response::{Failure, Status, TimeStampResp, granted, rejection};
pub use stamp::{Accuracy, Stamp, StampError, Stamper};

/// Media type of requests (RFC 3161 §3.4).
pub const QUERY: &str = "application/timestamp-query";
/// Media type of responses (RFC 3161 §3.4).
pub const REPLY: &str = "application/timestamp-reply";
