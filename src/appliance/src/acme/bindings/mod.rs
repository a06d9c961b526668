//! Bindings: how an officer lets a platform server in (external account binding, RFC 8555 §7.3.4).
//!
//! A binding is an identifier and an HMAC key, shown once, for one account. It says in whose name that account orders
//! (a registered machine and its organisation), for which names, by which profile. Withdrawn, its account stops at
//! once; certificates that were issued are revoked for themselves.

pub mod http;
mod model;
mod service;
