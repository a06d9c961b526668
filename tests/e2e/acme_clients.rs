//! Debian's certbot and lego get, renew and revoke certificates from the real service, by every challenge they know.

use std::path::{Path, PathBuf};
use std::process::Command;

use support::process::{Done, finish, run};

use crate::acme_house::House;

/// What openssl tells of a certificate's serial.
fn serial(path: &Path) -> String {
    run("openssl", ["x509", "-noout", "-serial", "-in", &path.display().to_string()]).ok().stdout
}

struct Certbot<'a> {
    house: &'a House,
    folder: PathBuf,
}

impl Certbot<'_> {
    fn run(&self, arguments: &[&str]) -> Done {
        let mut command = Command::new("certbot");
        for name in ["config", "work", "logs"] {
            command.arg(format!("--{name}-dir")).arg(self.folder.join(name));
        }
        command.args(["--server", &self.house.directory(), "--non-interactive"]).args(arguments);
        command.env("REQUESTS_CA_BUNDLE", self.house.appliance.certificate("root"));
        finish(command)
    }

    fn live(&self, name: &str) -> PathBuf {
        self.folder.join("config/live").join(name).join("fullchain.pem")
    }
}

#[test]
fn certbot_gets_renews_and_revokes_certificates() {
    let house = House::new();
    let certbot = Certbot { house: &house, folder: house.appliance.directory.join("certbot") };
    let (kid, secret) = house.binding();
    let port = house.http_port.to_string();
    let standalone = ["--standalone", "--http-01-address", "127.0.0.1", "--http-01-port", &port];
    let account = ["--agree-tos", "-m", "ops@acme.test", "--eab-kid", &kid, "--eab-hmac-key", &secret];
    let order = ["certonly", "-d", "www.acme.test", "-d", "api.acme.test"];
    certbot.run(&[&order[..], &standalone, &account].concat()).ok();
    let chain = certbot.live("www.acme.test");
    house.judged_good(&chain, "www.acme.test");
    house.judged_good(&chain, "api.acme.test");
    let first = serial(&chain);
    certbot.run(&["renew", "--force-renewal", "--no-random-sleep-on-renew"]).ok();
    house.judged_good(&chain, "www.acme.test");
    assert_ne!(serial(&chain), first);
    // By a TXT record, put there by a hook; RSA keys.
    let hook = |name: &str, line: &str| {
        let path = house.appliance.directory.join(name);
        let record = house.dns.folder().join("_acme-challenge.$CERTBOT_DOMAIN").display().to_string();
        std::fs::write(&path, format!("#!/bin/sh\n{}\n", line.replace("RECORD", &record))).expect("hook");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("mode");
        path.display().to_string()
    };
    let put = hook("put", "echo \"$CERTBOT_VALIDATION\" >> \"RECORD\"");
    let take = hook("take", "rm -f \"RECORD\"");
    let manual = [
        "--manual",
        "--preferred-challenges",
        "dns",
        "--manual-auth-hook",
        &put,
        "--manual-cleanup-hook",
        &take,
    ];
    let order = ["certonly", "-d", "dns.acme.test", "--key-type", "rsa"];
    certbot.run(&[&order[..], &manual].concat()).ok();
    house.judged_good(&certbot.live("dns.acme.test"), "dns.acme.test");
    // What the binding does not allow, certbot does not get.
    certbot.run(&[&["certonly", "-d", "www.elsewhere.test"][..], &standalone].concat()).exits(1);
    // Debian's certbot shows a fault of its own in place of any ACME error under Python 3.11; its log has the error.
    let log = std::fs::read_to_string(certbot.folder.join("logs/letsencrypt.log")).expect("log");
    assert!(log.contains("error:rejectedIdentifier") && log.contains("not among the names"), "{log}");
    let path = chain.display().to_string();
    certbot.run(&["revoke", "--cert-path", &path, "--reason", "superseded", "--no-delete-after-revoke"]).ok();
    let state = house.appliance.sql("SELECT state, reason FROM certificates WHERE state = 'revoked'");
    assert_eq!(state, ["revoked|superseded"]);
    certbot.run(&["update_account", "-m", "other@acme.test"]).ok();
    certbot.run(&["unregister"]).ok();
    assert_eq!(house.appliance.sql("SELECT state FROM acme_accounts"), ["deactivated"]);
    house.appliance.audit_verify(&[]).ok();
}

#[test]
fn lego_gets_renews_and_revokes_certificates() {
    let house = House::new();
    let folder = house.appliance.directory.join("lego");
    let (kid, secret) = house.binding();
    let lego = |arguments: &[&str]| {
        let mut command = Command::new("lego");
        command.arg("--path").arg(&folder).args(["--server", &house.directory(), "--email", "ops@acme.test"]);
        // lego asks for these whenever the directory does, also where the account exists.
        command.args(["--accept-tos", "--eab", "--kid", &kid, "--hmac", &secret]).args(arguments);
        command.env("LEGO_CA_CERTIFICATES", house.appliance.certificate("root"));
        command.env("EXEC_PATH", folder.join("exec")).env("EXEC_POLLING_INTERVAL", "1");
        finish(command)
    };
    let http = ["--http", "--http.port", &format!("127.0.0.1:{}", house.http_port)].map(ToOwned::to_owned);
    let http: Vec<&str> = http.iter().map(String::as_str).collect();
    let chain = |name: &str| folder.join("certificates").join(format!("{name}.crt"));
    lego(&[&["--domains", "web.acme.test"][..], &http, &["run"]].concat()).ok();
    house.judged_good(&chain("web.acme.test"), "web.acme.test");
    let first = serial(&chain("web.acme.test"));
    lego(
        &[&["--domains", "web.acme.test"][..], &http, &["renew", "--days", "9999", "--no-random-sleep"]]
            .concat(),
    )
    .ok();
    house.judged_good(&chain("web.acme.test"), "web.acme.test");
    assert_ne!(serial(&chain("web.acme.test")), first);
    // In a TLS handshake.
    let tls = ["--tls".to_owned(), "--tls.port".to_owned(), format!("127.0.0.1:{}", house.tls_port)];
    let tls: Vec<&str> = tls.iter().map(String::as_str).collect();
    let order = ["--domains", "tls.acme.test", "--domains", "tls2.acme.test", "--key-type", "rsa2048"];
    lego(&[&order[..], &tls, &["run"]].concat()).ok();
    house.judged_good(&chain("tls.acme.test"), "tls2.acme.test");
    // By a TXT record: lego's own program hook.
    let script = format!(
        "#!/bin/sh\nrecord=\"{}/${{2%.}}\"\ncase $1 in\npresent) echo \"$3\" >> \"$record\" ;;\n*) rm -f \"$record\" ;;\nesac\n",
        house.dns.folder().display()
    );
    std::fs::write(folder.join("exec"), script).expect("hook");
    std::fs::set_permissions(folder.join("exec"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .expect("mode");
    let resolver = house.dns.address.to_string();
    let dns = ["--dns", "exec", "--dns.disable-cp", "--dns.resolvers", &resolver];
    lego(&[&["--domains", "txt.acme.test"][..], &dns, &["run"]].concat()).ok();
    house.judged_good(&chain("txt.acme.test"), "txt.acme.test");
    lego(&["--domains", "tls.acme.test", "revoke"]).ok();
    let state = house.appliance.sql("SELECT COUNT(*) FROM certificates WHERE state = 'revoked'");
    assert_eq!(state, ["1"]);
    house.appliance.audit_verify(&[]).ok();
}
