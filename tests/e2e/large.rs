//! A document of 100 MB: spilled to disk, sealed in bounded memory. One of more than 2^31 octets: signed in two phases and
//! verified by the command line without being held.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crypto::SoftwareKey;
use pki::Certificate;
use pki::cms::sign::CmsSigner;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use support::process::{Done, finish_with_peak, peak_during, usage};
use support::{corpus, judges};

use crate::{PLACE, ready, small_pdf};

/// What is allowed above idle when the body is spilled.
const ALLOWED: u64 = 64 * 1024 * 1024;

#[test]
fn sealing_100_mb_stays_below_64_mib_above_idle() {
    let (appliance, client) = ready();
    let folder = corpus::scratch();
    let entry = corpus::named("image-100m");
    client.seal(PLACE, small_pdf()).is(201); // whatever is allocated once is there now
    let idle = usage(appliance.pid()).resident;
    let pdf = entry.read();
    let (answer, peak) = peak_during(appliance.pid(), || client.seal(PLACE, pdf).is(201));
    let above = peak.saturating_sub(idle);
    println!("100 MB: {} MiB above {} MiB idle", above >> 20, idle >> 20);
    assert!(above <= ALLOWED, "{} MiB above idle", above >> 20);

    let sealed = folder.path().join("sealed.pdf");
    std::fs::write(&sealed, &answer.body).unwrap();
    judges::pdfsig_accepts(&sealed, 1);
    judges::openssl_accepts(&sealed, &appliance.certificate("root"));
    assert!(judges::red_pixels(&sealed, 1) > 200);
}

/// What a local command may hold of a file of any size.
const LOCAL: u64 = 64 * 1024 * 1024;

/// Runs `cinnabar` and holds its memory against [`LOCAL`].
fn lean(arguments: &[&str]) -> Done {
    let mut command = Command::new(support::appliance::binary());
    command.args(arguments);
    let (done, peak) = finish_with_peak(command);
    println!("{arguments:?}: peak {} MiB", peak >> 20);
    assert!(peak > 0 && peak <= LOCAL, "{} MiB: {}", peak >> 20, done.told());
    done
}

/// A page behind a stream of zeros that nobody wrote to the disk: everything else stands beyond 2^31.
fn sparse(path: &Path) {
    const BODY: i64 = 2_200_000_000;
    let mut file = File::create(path).expect("a file");
    let mut put = |text: String| {
        let at = file.stream_position().expect("a position");
        file.write_all(text.as_bytes()).expect("written");
        at
    };
    put("%PDF-1.7\n".into());
    let stream = put(format!("1 0 obj\n<</Length {BODY}>>\nstream\n"));
    file.seek(SeekFrom::Current(BODY)).expect("a hole");
    let mut put = |text: String| {
        let at = file.stream_position().expect("a position");
        file.write_all(text.as_bytes()).expect("written");
        at
    };
    put("\nendstream\nendobj\n".into());
    let offsets = [
        stream,
        put("2 0 obj\n<</Type/Catalog/Pages 3 0 R>>\nendobj\n".into()),
        put("3 0 obj\n<</Type/Pages/Kids[4 0 R]/Count 1>>\nendobj\n".into()),
        put("4 0 obj\n<</Type/Page/Parent 3 0 R/MediaBox[0 0 300 400]/Attached 1 0 R>>\nendobj\n".into()),
    ];
    let entries: String = offsets.iter().map(|at| format!("{at:010} 00000 n \n")).collect();
    let section = put(format!("xref\n0 5\n0000000000 65535 f \n{entries}trailer\n<</Size 5/Root 2 0 R>>\n"));
    put(format!("startxref\n{section}\n%%EOF\n"));
}

/// A root, and a signer below it.
fn signer() -> (String, CmsSigner) {
    let named = |name: &str, usages: &[KeyUsagePurpose]| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = usages.to_vec();
        params
    };
    let (root_key, key) = (KeyPair::generate().expect("a key"), KeyPair::generate().expect("a key"));
    let mut root = named("Root", &[KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = root.self_signed(&root_key).expect("a certificate").pem();
    let leaf = named("Signer", &[KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment]);
    let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).expect("a certificate");
    let certificate = Certificate::from_der(leaf.der()).expect("a certificate");
    let key = Arc::new(SoftwareKey::from_pkcs8(&key.serialize_der()).expect("a key"));
    (pem, CmsSigner::new(key, &certificate, &[]).expect("a signer"))
}

#[test]
fn two_gigabytes_are_prepared_embedded_and_verified_in_64_mib() {
    let folder = corpus::scratch();
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    let (file, prepared, cms, root) =
        (path("large.pdf"), path("prepared.json"), path("cms.der"), path("root.pem"));
    sparse(Path::new(&file));
    let length = std::fs::metadata(&file).expect("a file").len();
    assert!(length > 1 << 31);
    let (pem, signer) = signer();
    std::fs::write(&root, pem).expect("written");
    let size = signer.max_len().to_string();
    let told = lean(&["pdf", "prepare", &file, "--out", &prepared, "--size", &size, "--json"]).ok().json();
    let digest: Vec<u8> = told["digest"]
        .as_str()
        .expect("a digest")
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal"))
        .collect();
    std::fs::write(&cms, signer.sign(&digest).expect("signed")).expect("written");
    lean(&["pdf", "embed", &file, &prepared, "--cms", &cms, "--in-place"]).ok();
    assert!(std::fs::metadata(&file).expect("a file").len() < length + (64 << 10));
    // Intact and of the whole file; there is no revocation list for a certificate made a moment ago.
    let report = lean(&["verify", &file, "--trust-anchor", &root, "--json"]).exits(4).json();
    let signature = &report["signatures"][0];
    assert_eq!(signature["integrity"], "intact", "{report}");
    assert_eq!(signature["coverage"], "file", "{report}");
}
