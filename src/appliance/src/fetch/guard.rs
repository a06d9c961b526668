//! Which addresses and ports may be connected to.

use std::net::IpAddr;

use ipnet::IpNet;

/// The operator's networks and ports.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    networks: Vec<IpNet>,
    ports: Vec<u16>,
    special: Vec<IpNet>,
}

impl Guard {
    pub(super) fn new(networks: &[IpNet], ports: &[u16]) -> Self {
        let special = SPECIAL.iter().filter_map(|text| text.parse().ok()).collect();
        Self { networks: networks.iter().map(canonical).collect(), ports: ports.to_vec(), special }
    }

    pub(super) fn port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// Whether an address may be connected to. One in a special range needs a network of the operator's that lies
    /// within that range: `0.0.0.0/0` means the internet and neither the host itself nor its neighbours.
    pub(super) fn address(&self, address: IpAddr) -> bool {
        // An IPv4-mapped address reaches the IPv4 one (RFC 4291 §2.5.5.2).
        let address = address.to_canonical();
        let special: Vec<&IpNet> = self.special.iter().filter(|range| range.contains(&address)).collect();
        self.networks
            .iter()
            .any(|network| network.contains(&address) && special.iter().all(|range| range.contains(network)))
    }
}

/// A network of IPv4-mapped addresses as the IPv4 network that it stands for.
fn canonical(network: &IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(network) if network.prefix_len() >= 96 => {
            network.addr().to_ipv4_mapped().map(|address| (address, network.prefix_len() - 96))
        }
        _ => None,
    };
    let short = mapped.and_then(|(address, length)| ipnet::Ipv4Net::new(address, length).ok());
    short.map_or(*network, IpNet::V4)
}

/// Ranges that a wider network does not include: what is not globally reachable by the IANA special-purpose registries
/// (RFC 6890), multicast, the metadata services of clouds, and IPv6 ranges in which an IPv4 address hides.
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",          // this network
    "10.0.0.0/8",         // private
    "100.64.0.0/10",      // shared (carrier NAT)
    "100.100.100.200/32", // metadata of Alibaba Cloud
    "127.0.0.0/8",        // loopback
    "169.254.0.0/16",     // link-local
    "169.254.169.254/32", // metadata of most clouds
    "172.16.0.0/12",      // private
    "192.0.0.0/24",       // protocol assignments; .192 is metadata of Oracle Cloud
    "192.168.0.0/16",     // private
    "198.18.0.0/15",      // benchmarking
    "224.0.0.0/4",        // multicast
    "240.0.0.0/4",        // reserved, broadcast
    "::/96",              // unspecified, loopback, IPv4-compatible
    "64:ff9b::/96",       // NAT64
    "64:ff9b:1::/48",     // NAT64, local
    "100::/64",           // discard
    "2001::/32",          // Teredo
    "2002::/16",          // 6to4
    "fc00::/7",           // unique local
    "fd00:ec2::254/128",  // metadata of AWS
    "fe80::/10",          // link-local
    "fec0::/10",          // site-local, deprecated
    "ff00::/8",           // multicast
];

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(networks: &[&str]) -> Guard {
        let networks: Vec<IpNet> = networks.iter().map(|text| text.parse().unwrap()).collect();
        Guard::new(&networks, &[80])
    }

    fn allows(networks: &[&str], address: &str) -> bool {
        guard(networks).address(address.parse().unwrap())
    }

    #[test]
    fn every_special_range_parses() {
        assert_eq!(guard(&[]).special.len(), SPECIAL.len());
    }

    #[test]
    fn nothing_is_allowed_that_is_not_listed() {
        assert!(!allows(&[], "192.0.2.1") && !allows(&[], "127.0.0.1") && !allows(&[], "::1"));
        assert!(allows(&["192.0.2.0/24"], "192.0.2.1") && !allows(&["192.0.2.0/24"], "192.0.3.1"));
        assert!(guard(&[]).port(80) && !guard(&[]).port(22));
    }

    #[test]
    fn the_whole_internet_does_not_include_the_house() {
        let all = ["0.0.0.0/0", "::/0"];
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!allows(&all, inside), "{inside}");
        }
        for outside in ["1.1.1.1", "192.0.2.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(allows(&all, outside), "{outside}");
        }
    }

    #[test]
    fn a_special_range_listed_for_itself_is_allowed() {
        assert!(allows(&["127.0.0.0/8"], "127.0.0.1"));
        assert!(allows(&["127.0.0.1/32"], "::ffff:127.0.0.1"), "mapped is the same host");
        assert!(allows(&["::ffff:127.0.0.1/128"], "127.0.0.1"), "and the other way round");
        assert!(allows(&["::1/128"], "::1") && allows(&["10.20.0.0/16"], "10.20.1.1"));
        assert!(!allows(&["10.20.0.0/16"], "10.21.1.1"));
        assert!(!allows(&["169.254.0.0/16"], "169.254.169.254"), "metadata within link-local");
        assert!(allows(&["169.254.169.254/32"], "169.254.169.254"));
    }
}
