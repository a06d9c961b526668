//! The appliance of the ACME suites: its settings, a DNS server beside it, bindings and accounts.

use std::path::Path;

use support::acme::Acme;
use support::dns::Dns;
use support::process::free_port;
use support::{Appliance, Client, client};

/// An appliance with ACME, the names below `acme.test`, and a machine `portal` in whose name servers order.
pub struct House {
    pub appliance: Appliance,
    pub dns: Dns,
    pub port: u16,
    pub http_port: u16,
    pub tls_port: u16,
}

impl House {
    #[track_caller]
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// As [`House::new`], the folder changed before the service starts.
    #[track_caller]
    pub fn with(change: impl FnOnce(&Appliance)) -> Self {
        let mut appliance = Appliance::init(support::Setup::default());
        let dns = Dns::start();
        let (port, http_port, tls_port) = (free_port(), free_port(), free_port());
        let networks = format!("networks = [\"127.0.0.0/8\"]\ndns = \"{}\"", dns.address);
        appliance.configure("networks = []", &networks);
        appliance.configure("ports = [80, 443]", &format!("ports = [{http_port}, {tls_port}]"));
        appliance.configure_more(&format!(
            "[listeners.enrolment]\naddresses = [\"127.0.0.1:{port}\", \"[::1]:{port}\"]\n\
             requests_per_second = 1000\nrequest_burst = 2000\n\
             [acme]\nurl = \"https://localhost:{port}\"\nhttp_port = {http_port}\ntls_alpn_port = {tls_port}\n\
             validation_seconds = 4\nterms_of_service = \"https://acme.test/terms\"\n\
             renewal_explanation = \"https://acme.test/renewal\"\nopen_orders = 50"
        ));
        change(&appliance);
        appliance.serve();
        appliance.unseal();
        appliance.organisation("bureau");
        let out = appliance.directory.join("credentials/portal").display().to_string();
        appliance
            .cli_as("officer-1", &["caller", "add", "portal", "--organisation", "bureau", "--out", &out])
            .ok();
        Self { appliance, dns, port, http_port, tls_port }
    }

    /// A new binding for names below `acme.test` and loopback addresses: its identifier and key.
    #[track_caller]
    pub fn binding(&self) -> (String, String) {
        let names = ["--name", ".acme.test", "--name", "127.0.0.0/8"];
        let arguments = [&["acme", "binding", "add", "--caller", "portal", "--json"][..], &names].concat();
        let given = self.appliance.cli_as("officer-1", &arguments).ok().json();
        let text = |name: &str| given[name].as_str().expect("a text").to_owned();
        assert_eq!(text("directory"), self.directory());
        (text("id"), text("key"))
    }

    pub fn directory(&self) -> String {
        format!("https://localhost:{}/acme/directory", self.port)
    }

    /// Somebody without an account.
    pub fn stranger(&self) -> Acme {
        let roots = client::certificates(&self.appliance.certificate("root"));
        Acme::new(Client::with(self.port, &roots, None), &format!("https://localhost:{}", self.port))
    }

    /// Somebody with an account under a binding of its own.
    #[track_caller]
    pub fn account(&self) -> Acme {
        let mut client = self.stranger();
        let (kid, secret) = self.binding();
        client.register(&kid, &secret);
        client
    }

    /// openssl finds the chain good for this name.
    #[track_caller]
    pub fn judged_good(&self, chain: &Path, name: &str) {
        let root = self.appliance.certificate("root").display().to_string();
        let chain = chain.display().to_string();
        let kind = if name.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
        let arguments = [
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            "-CAfile",
            &root,
            "-untrusted",
            &chain,
            kind,
            name,
            &chain,
        ];
        support::process::run("openssl", arguments).ok();
    }

    /// Writes a chain to a file.
    #[track_caller]
    pub fn keep(&self, chain: &str) -> std::path::PathBuf {
        let path = self.appliance.directory.join(format!("{}.pem", client::unique()));
        std::fs::write(&path, chain).expect("file");
        path
    }
}

/// A PEM chain's first certificate.
pub fn leaf(chain: &str) -> pki::Certificate {
    pki::Certificate::from_pem(chain.as_bytes()).expect("PEM").into_iter().next().expect("a certificate")
}
