//! CMS and time-stamps outside of PDFs, made by OpenSSL.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use cinnabar_pdf::verify::{
    Format, Integrity, Kind, Level, Options, PlainLimits, Report, TimeSource, Trust, Verdict, verify_plain,
};
use pki::path::{RevocationPolicy, TrustAnchors};
use pki::{Certificate, SubIndication};

/// A root, signers below it by key kind, and a time-stamp authority, all OpenSSL's.
pub struct House {
    folder: tempfile::TempDir,
    pub anchors: TrustAnchors,
}

impl House {
    pub fn new(signers: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self { folder, anchors: TrustAnchors::default() };
        house.write("content", b"the content\n");
        house.write("other", b"another content\n");
        house.write(
            "ext.cnf",
            b"[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
              [leaf]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\nsubjectKeyIdentifier=hash\n\
              authorityKeyIdentifier=keyid\n\
              [tsa]\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\nsubjectKeyIdentifier=hash\n\
              authorityKeyIdentifier=keyid\n",
        );
        house.run("genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out root.key");
        // A name of its own: what is signed in one house has no issuer in another.
        let name = house.folder.path().file_name().unwrap().to_str().unwrap().to_owned();
        house.run(&format!("req -new -key root.key -subj /CN=Root{name} -out root.csr"));
        house.run(
            "x509 -req -in root.csr -signkey root.key -days 30 -extfile ext.cnf -extensions ca -out root.pem",
        );
        for (name, algorithm) in signers {
            house.signer(name, algorithm, "leaf");
        }
        house.signer("tsa", "ec -pkeyopt ec_paramgen_curve:P-256", "tsa");
        house.write(
            "tsa.cnf",
            b"[tsa]\ndefault_tsa=unit\n[unit]\nserial=serial\ndefault_policy=1.2.3.4.1\ndigests=sha256,sha384,sha512\n\
              ordering=no\ntsa_name=no\ness_cert_id_chain=no\ness_cert_id_alg=sha256\nsigner_digest=sha256\n",
        );
        let root = Certificate::from_pem_or_der(&house.read("root.pem")).unwrap();
        Self { anchors: TrustAnchors::new(root), ..house }
    }

    fn signer(&self, name: &str, algorithm: &str, profile: &str) {
        self.run(&format!("genpkey -algorithm {algorithm} -out {name}.key"));
        self.run(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
        self.run(&format!(
            "x509 -req -in {name}.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20 -extfile ext.cnf \
             -extensions {profile} -out {name}.pem"
        ));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.path(name), octets).unwrap();
    }

    pub fn run(&self, arguments: &str) {
        let done = openssl(self.folder.path(), arguments);
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Signs `content` by one or several.
    pub fn sign(&self, signers: &[&str], options: &str) -> Vec<u8> {
        let who: String = signers.iter().map(|who| format!(" -signer {who}.pem -inkey {who}.key")).collect();
        let form = if options.contains("-outform") { "" } else { "-outform DER" };
        self.run(&format!("cms -sign -binary -in content{who} {form} -out signed {options}"));
        self.read("signed")
    }

    /// A time-stamp of `content`: the response and the bare token.
    pub fn stamp(&self, digest: &str) -> (Vec<u8>, Vec<u8>) {
        self.write("serial", b"0A\n");
        self.run(&format!("ts -query -data content -{digest} -cert -out query"));
        let reply = "ts -reply -config tsa.cnf -queryfile query -signer tsa.pem -inkey tsa.key -out";
        self.run(&format!("{reply} response"));
        self.run(&format!("{reply} token -token_out"));
        (self.read("response"), self.read("token"))
    }

    pub fn verify(&self, signed: &[u8], content: Option<&[u8]>) -> Report {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let options = Options {
            revocation: RevocationPolicy::Waived,
            ca_revocation: RevocationPolicy::Waived,
            ..Options::new(&self.anchors, i64::try_from(now).unwrap() + 60)
        };
        let content = content.map(<[u8]>::to_vec);
        let content = content.as_ref().map(|content| content as &dyn cinnabar_pdf::syntax::Source);
        verify_plain(&signed.to_vec(), content, &options, &PlainLimits::default()).unwrap()
    }
}

fn openssl(folder: &Path, arguments: &str) -> Output {
    let words = arguments.split_whitespace();
    Command::new("openssl").args(words).current_dir(folder).output().expect("openssl is installed")
}

const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
const RSA: &str = "rsa -pkeyopt rsa_keygen_bits:2048";

#[test]
fn what_openssl_signs_is_valid_and_another_content_is_not() {
    let p384 = "ec -pkeyopt ec_paramgen_curve:P-384";
    let house = House::new(&[("p256", P256), ("p384", p384), ("rsa", RSA)]);
    let (content, other) = (house.read("content"), house.read("other"));
    let pss = "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest";
    for (signer, options) in [
        ("p256", "-md sha256".to_owned()),
        ("p256", "-md sha512 -cades -keyid".to_owned()),
        ("p384", "-md sha384 -nodetach".to_owned()),
        ("rsa", "-md sha256 -nodetach -stream".to_owned()),
        ("rsa", format!("-md sha512 {pss}")),
        ("rsa", "-noattr".to_owned()),
        ("rsa", "-noattr -nodetach".to_owned()),
        ("p256", "-outform PEM".to_owned()),
        ("p256", "-outform PEM -nodetach".to_owned()),
        ("p256", "-econtent_type 1.2.3.4".to_owned()),
    ] {
        let signed = house.sign(&[signer], &options);
        assert!(Format::is_plain(&signed, &[]).unwrap(), "{options}");
        let inside = options.contains("nodetach");
        let report = house.verify(&signed, (!inside).then_some(&content));
        assert_eq!(report.verdict, Verdict::Valid, "{signer} {options}: {report:?}");
        assert_eq!(report.file.format, Format::Cms);
        let [one] = &report.signatures[..] else { panic!() };
        assert_eq!((one.kind, one.integrity, one.trust), (Kind::Cms, Integrity::Intact, Trust::Trusted));
        assert_eq!(one.signing_time.is_some(), !options.contains("noattr"));
        assert_eq!(one.level == Level::BB, options.contains("cades"), "{options}: {:?}", one.level);
        // The same content beside it changes nothing, another is noticed.
        assert_eq!(house.verify(&signed, Some(&content)).verdict, Verdict::Valid, "{options}");
        let report = house.verify(&signed, Some(&other));
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3), "{options}");
    }
}

#[test]
fn each_signer_is_judged_for_itself() {
    let house = House::new(&[("one", P256), ("two", RSA), ("three", "ec -pkeyopt ec_paramgen_curve:P-521")]);
    let content = house.read("content");
    let report = house.verify(&house.sign(&["one", "two"], ""), Some(&content));
    assert_eq!(report.verdict, Verdict::Valid);
    let mut names: Vec<_> = report.signatures.iter().map(|s| s.signer.clone().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["CN=one", "CN=two"]);
    // P-521 is not supported: nothing is said against it, and nothing for it.
    let report = house.verify(&house.sign(&["one", "three"], ""), Some(&content));
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Undecided, 4));
    let unknown: Vec<_> = report.signatures.iter().filter(|s| s.integrity == Integrity::Unknown).collect();
    assert!(matches!(unknown[..], [one] if one.sub_indication.is_none()), "{report:?}");
}

#[test]
fn content_that_is_nowhere_leaves_it_undecided() {
    let house = House::new(&[("one", P256)]);
    let (_, token) = house.stamp("sha256");
    for signed in [house.sign(&["one"], ""), house.sign(&["one"], "-noattr"), token] {
        let report = house.verify(&signed, None);
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Undecided, 4), "{report:?}");
        assert_eq!(report.signatures[0].sub_indication, Some(SubIndication::SignedDataNotFound));
    }
}

#[test]
fn octets_after_the_signature_and_altered_ones_are_refused() {
    let house = House::new(&[("one", P256)]);
    let content = house.read("content");
    let mut signed = house.sign(&["one"], "-nodetach");
    let at = signed.windows(content.len()).position(|window| window == content).unwrap();
    let mut altered = signed.clone();
    altered[at] ^= 1;
    let report = house.verify(&altered, None);
    assert_eq!(
        (report.verdict, report.signatures[0].sub_indication),
        (Verdict::Invalid, Some(SubIndication::HashFailure))
    );
    signed.push(0);
    let report = house.verify(&signed, None);
    assert_eq!(
        (report.verdict, report.signatures[0].sub_indication),
        (Verdict::Invalid, Some(SubIndication::FormatFailure))
    );
    assert_eq!(report.file.trailing, 1);
}

#[test]
fn a_stranger_is_not_trusted() {
    let (house, stranger) = (House::new(&[("one", P256)]), House::new(&[("one", P256)]));
    let report = house.verify(&stranger.sign(&["one"], "-nodetach"), None);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Undecided, 4));
    assert_eq!(report.signatures[0].sub_indication, Some(SubIndication::NoCertificateChainFound));
}

#[test]
fn certificates_alone_are_no_signature() {
    let house = House::new(&[]);
    house.run("crl2pkcs7 -nocrl -certfile root.pem -outform DER -out bag");
    let report = house.verify(&house.read("bag"), None);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::NoSignature, 5));
}

#[test]
fn a_time_stamp_proves_its_time_for_its_content_alone() {
    let house = House::new(&[]);
    let (content, other) = (house.read("content"), house.read("other"));
    for digest in ["sha256", "sha384", "sha512"] {
        let (response, token) = house.stamp(digest);
        for signed in [response, token] {
            assert!(Format::is_plain(&signed, &[]).unwrap());
            let report = house.verify(&signed, Some(&content));
            assert_eq!(
                (report.verdict, report.file.format),
                (Verdict::Valid, Format::Timestamp),
                "{report:?}"
            );
            let [one] = &report.signatures[..] else { panic!() };
            assert_eq!((one.kind, one.time_source), (Kind::Timestamp, TimeSource::DocumentTimestamp));
            assert_eq!(one.best_signature_time, one.signing_time);
            assert_eq!(house.verify(&signed, Some(&other)).verdict, Verdict::Invalid);
        }
    }
}

#[test]
fn a_response_without_a_time_stamp_holds_no_signature() {
    let house = House::new(&[]);
    let refusal = pki::tsp::rejection(pki::tsp::Failure::BadAlgorithm, "not that one");
    assert!(Format::is_plain(&refusal, &[]).unwrap());
    let report = house.verify(&refusal, None);
    assert_eq!((report.verdict, report.file.format), (Verdict::NoSignature, Format::Timestamp));
    assert!(report.warnings[0].contains("not that one"), "{:?}", report.warnings);
}

#[test]
fn what_a_file_is_its_first_octets_say() {
    let house = House::new(&[("one", P256)]);
    let pdf = super::support::one_page().bytes;
    house.write("content", &pdf);
    let attached = house.sign(&["one"], "-nodetach");
    assert!(Format::is_plain(&attached, &[]).unwrap(), "a signed PDF inside a message is a message");
    for other in [&pdf[..], b"", b"0", b"0123456789", b"%PDF-1.7\n-----BEGIN CMS-----\n", b"plain text"] {
        assert!(!Format::is_plain(&other.to_vec(), &[]).unwrap(), "{other:?}");
    }
    assert!(Format::is_plain(&b"Subject: x\n-----BEGIN PKCS7-----\nMA==\n".to_vec(), &[]).unwrap());
}

#[test]
fn nothing_from_outside_panics_here() {
    let house = House::new(&[("one", P256)]);
    let now = 1_800_000_000;
    let options = Options::new(&house.anchors, now);
    let content = house.read("content");
    for whole in
        [house.sign(&["one"], "-nodetach"), house.stamp("sha256").0, house.sign(&["one"], "-outform PEM")]
    {
        for at in 0..whole.len() {
            for octet in [whole[at] ^ 1, whole[at] ^ 0x80, 0xFF] {
                let mut altered = whole.clone();
                altered[at] = octet;
                if let Ok(report) = verify_plain(&altered, Some(&content), &options, &PlainLimits::default())
                {
                    assert_ne!(report.verdict, Verdict::Valid, "octet {at}");
                }
            }
            let _ = verify_plain(&whole[..at].to_vec(), None, &options, &PlainLimits::default());
        }
    }
}
