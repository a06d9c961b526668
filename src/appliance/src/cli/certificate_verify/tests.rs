//! The command's contract: where LEAF may stand, and what each outcome exits with. The rules themselves are shown in `pki`.

use std::process::{Command as Process, ExitCode};

use clap::Parser as _;

use super::*;
use crate::cli::registry::CertificateCommand;
use crate::cli::{Cli, Command};

fn parsed(arguments: &str) -> Result<CertificateVerifyArgs, ErrorKind> {
    let words = ["cinnabar", "certificate", "verify"].into_iter().chain(arguments.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|e| e.kind())?;
    match cli.command {
        Command::Certificate(CertificateCommand::Verify(args)) => Ok(*args),
        _ => panic!("another command"),
    }
}

#[test]
fn the_leaf_is_found_wherever_it_stands() {
    let list =
        |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" ");
    for (arguments, expected) in [
        ("l.pem --trust-anchor r.pem --untrusted a.pem b.pem --crl c.crl", "l.pem|r.pem|a.pem b.pem|c.crl|"),
        ("--trust-anchor r.pem l.pem --crl c.crl d.crl --crl e.crl", "l.pem|r.pem||c.crl d.crl e.crl|"),
        ("--ocsp o.der --trust-anchor r.pem s.pem l.pem", "l.pem|r.pem s.pem|||o.der"),
        ("--trust-anchor r.pem --untrusted u.pem -- l.pem", "l.pem|r.pem|u.pem||"),
        (
            "l.pem --json --policy 1.2.3 1.2.4 --require-explicit-policy --trust-anchor r.pem",
            "l.pem|r.pem|||",
        ),
    ] {
        let args = parsed(arguments).unwrap_or_else(|kind| panic!("{arguments}: {kind:?}"));
        let lists = &args.lists;
        let lists = [&lists.trust_anchor, &lists.untrusted, &lists.crl, &lists.ocsp].map(|one| list(one));
        assert_eq!(format!("{}|{}", args.leaf.display(), lists.join("|")), expected, "{arguments}");
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_read() {
    for (arguments, kind) in [
        ("", ErrorKind::MissingRequiredArgument),
        ("--trust-anchor r.pem", ErrorKind::MissingRequiredArgument),
        ("l.pem --policy one", ErrorKind::ValueValidation),
        ("l.pem --purpose everything", ErrorKind::ValueValidation),
        ("l.pem --name a..b", ErrorKind::ValueValidation),
        ("l.pem --at yesterday", ErrorKind::ValueValidation),
    ] {
        assert_eq!(parsed(arguments).map(|_| ()).unwrap_err(), kind, "{arguments}");
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Process::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A root, an authority below it, a server's certificate, and a list of each authority; the second one revokes it.
fn hierarchy(folder: &Path) {
    std::fs::write(
        folder.join("c.cnf"),
        "[req]\ndistinguished_name=d\nprompt=no\n[d]\nCN=x\n[ca]\ndefault_ca=a\n[a]\ndatabase=index\nserial=serial\n\
         new_certs_dir=.\ndefault_md=sha256\npolicy=p\ncrlnumber=crlnumber\ndefault_crl_days=30\n[p]\nCN=supplied\n\
         [authority]\nbasicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n\
         subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n\
         [server]\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:*.example.cn,IP:192.0.2.1\n\
         subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
    )
    .unwrap();
    for name in ["root", "ca", "leaf"] {
        openssl(folder, &format!("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"));
        openssl(folder, &format!("req -new -config c.cnf -key {name}.key -subj /CN={name} -out {name}.csr"));
    }
    let sign = "x509 -req -days 30 -extfile c.cnf";
    openssl(folder, &format!("{sign} -extensions authority -in root.csr -signkey root.key -out root.pem"));
    let by = |issuer: &str| format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial");
    openssl(folder, &format!("{sign} -extensions authority -in ca.csr {} -out ca.pem", by("root")));
    openssl(folder, &format!("{sign} -extensions server -in leaf.csr {} -out leaf.pem", by("ca")));
    std::fs::write(folder.join("crlnumber"), "01\n").unwrap();
    let list = |issuer: &str, to: &str| {
        openssl(
            folder,
            &format!("ca -config c.cnf -gencrl -cert {issuer}.pem -keyfile {issuer}.key -out {to}"),
        );
    };
    std::fs::write(folder.join("index"), "").unwrap();
    list("root", "root.crl");
    list("ca", "ca.crl");
    openssl(folder, "ca -config c.cnf -cert ca.pem -keyfile ca.key -revoke leaf.pem");
    list("ca", "revoked.crl");
    std::fs::write(folder.join("junk"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    let bundle = ["junk", "ca.pem"].map(|name| std::fs::read(folder.join(name)).unwrap()).concat();
    std::fs::write(folder.join("bundle.pem"), bundle).unwrap();
}

#[test]
fn each_outcome_has_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    hierarchy(folder);
    let code = |arguments: &str| {
        let absolute = |word: &str| match word.rsplit_once('.') {
            Some((_, "pem" | "crl")) => folder.join(word).display().to_string(),
            _ if word == "junk" || word == "absent" => folder.join(word).display().to_string(),
            _ => word.to_owned(),
        };
        let arguments: Vec<_> = arguments.split(' ').map(absolute).collect();
        let args = parsed(&arguments.join(" ")).unwrap_or_else(|kind| panic!("{arguments:?}: {kind:?}"));
        format!("{:?}", run(&args, Output { json: true }).unwrap())
    };
    let path = "leaf.pem --trust-anchor root.pem --untrusted ca.pem";
    for (arguments, expected) in [
        (String::new(), 0),
        ("--crl root.crl ca.crl".into(), 0),
        ("--purpose serverAuth --name a.example.cn".into(), 0),
        ("--name 192.0.2.1".into(), 0),
        ("--untrusted bundle.pem".into(), 0),
        ("--crl root.crl revoked.crl".into(), 3),
        ("--crl revoked.crl".into(), 3),
        ("--purpose clientAuth".into(), 3),
        ("--name example.cn".into(), 3),
        ("--at 2020-01-01T00:00:00Z".into(), 3),
        ("--at 2090-01-01T00:00:00Z".into(), 3),
        ("--require-explicit-policy".into(), 3),
        ("--crl ca.crl".into(), 4),
        ("--crl root.crl".into(), 4),
        ("--untrusted junk".into(), 6),
        ("--crl junk".into(), 6),
        ("--ocsp absent".into(), 6),
    ] {
        let all = [path, &arguments].join(" ");
        assert_eq!(code(all.trim()), format!("{:?}", ExitCode::from(expected)), "{arguments}");
    }
    for (arguments, expected) in [
        ("leaf.pem --trust-anchor root.pem", 4),
        ("leaf.pem", 4),
        ("leaf.pem --trust-anchor leaf.pem", 0),
        ("leaf.pem --trust-anchor ca.pem", 0),
        ("junk --trust-anchor root.pem", 6),
        ("absent --trust-anchor root.pem", 6),
        ("leaf.pem --trust-anchor absent", 6),
    ] {
        assert_eq!(code(arguments), format!("{:?}", ExitCode::from(expected)), "{arguments}");
    }
}
