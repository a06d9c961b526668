//! Section `[fetch]`: where the appliance may connect to by itself (decision 35).

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Bounds on every outgoing request: ACME validation, foreign time-stamps, foreign CRLs and OCSP, trust lists.
///
/// The default allows nothing, so that an appliance that was not told otherwise never connects anywhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fetch {
    /// Networks that may be connected to, for example `["10.20.0.0/16", "2001:db8::/32"]`. A wide network does not
    /// include special ones (loopback, private, link-local with cloud metadata, …): those are named for themselves.
    pub networks: Vec<IpNet>,
    /// TCP ports that may be connected to.
    pub ports: Vec<u16>,
    /// Time for one fetch in all: names, connections, redirects and bodies. In seconds.
    pub seconds: u64,
    /// Largest body, in octets; whoever fetches may ask for less.
    pub bytes: u64,
    /// Redirects followed by one fetch.
    pub redirects: u8,
    /// DNS server (recursive resolver) to ask for names, `ADDRESS:PORT`. Without it addresses come from the system's
    /// resolver, and TXT records cannot be asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<SocketAddr>,
    /// PEM files with the roots that servers of `https:` URLs are judged by; without any, `https:` is refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<PathBuf>,
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            ports: vec![80, 443],
            seconds: 10,
            bytes: 4 * 1024 * 1024,
            redirects: 5,
            dns: None,
            roots: Vec::new(),
        }
    }
}
