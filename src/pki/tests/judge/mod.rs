//! What OpenSSL and gmssl say to SM2 signatures whose octets were taken out of what we signed, and CMS around signatures
//! that OpenSSL made.

use std::path::Path;
use std::process::Command;

use cinnabar_pki::{Certificate, cms::element_len};
use crypto::DigestAlgorithm;
use der::asn1::ObjectIdentifier;

use crate::common::{openssl, read, write};
use crate::forge::{oid, seq, tlv};

/// The default signer identifier (GB/T 32918.2), as OpenSSL takes it.
pub const DISTID: &str = "distid:1234567812345678";

/// The elements of a constructed one.
fn elements(der: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = content(der);
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (one, more) = rest.split_at(element_len(rest).unwrap());
        all.push(one.to_vec());
        rest = more;
    }
    all
}

fn content(der: &[u8]) -> &[u8] {
    let skip = if der[1] < 0x80 { 2 } else { 2 + usize::from(der[1] & 0x7F) };
    &der[skip..]
}

/// Of SEQUENCE { tbs, signatureAlgorithm, signature BIT STRING, … }: what was signed, the algorithm, the value.
pub fn parts(der: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let all = elements(der);
    let (tbs, algorithm, signature) = (all[0].clone(), all[1].clone(), all[2].clone());
    let value = content(&signature)[1..].to_vec();
    (tbs, algorithm, value)
}

/// The BasicOCSPResponse of OCSPResponse { status, [0] { { id-pkix-ocsp-basic, OCTET STRING } } }.
pub fn basic(response: &[u8]) -> Vec<u8> {
    let bytes = &elements(response)[1];
    let octets = elements(&elements(bytes)[0]).remove(1);
    content(&octets).to_vec()
}

/// OpenSSL takes the signature over the message by that key for good, and over another message for bad.
#[track_caller]
pub fn openssl_verifies(spki: &[u8], message: &[u8], signature: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, "key", spki);
    write(dir, "signature", signature);
    let judge = |message: &[u8]| {
        write(dir, "message", message);
        let args = format!(
            "pkeyutl -verify -pubin -keyform DER -inkey key -rawin -digest sm3 -pkeyopt {DISTID} -in message \
             -sigfile signature"
        );
        crate::common::openssl_output(dir, &args).status.success()
    };
    assert!(judge(message), "OpenSSL refuses the signature");
    assert!(!judge(&[message, b"."].concat()), "OpenSSL takes it for anything");
}

/// Signatures to be shown to gmssl together: starting Python costs more than a signature.
#[derive(Default)]
pub struct Gmssl(String);

impl Gmssl {
    pub fn add(&mut self, point: &[u8], message: &[u8], signature: &[u8]) {
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
        let [r, s]: [Vec<u8>; 2] = elements(signature).try_into().unwrap();
        let fixed = |integer: &[u8]| {
            let digits: Vec<u8> = content(integer).iter().copied().skip_while(|octet| *octet == 0).collect();
            format!("{:0>64}", hex(&digits))
        };
        // An uncompressed point, its form left out.
        self.0 += &format!("{} {} {}{}\n", hex(&point[1..]), hex(message), fixed(&r), fixed(&s));
    }

    #[track_caller]
    pub fn all_hold(self) {
        let folder = std::env::var("CINNABAR_VENV").unwrap_or_else(|_| {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/python");
            let output = Command::new(script).output().expect("tests/peers/python");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        });
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "signatures", &self.0);
        let done = Command::new(Path::new(&folder).join("bin/python"))
            .args(["-c", SCRIPT])
            .arg(dir.path().join("signatures"))
            .output()
            .expect("Python");
        let told =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{told}");
        assert_eq!(told.trim(), format!("{} good", self.0.lines().count()));
    }
}

/// Each signature verifies, and does not over another message.
const SCRIPT: &str = "
import sys
from gmssl import sm2
good = 0
for line in open(sys.argv[1]):
    point, message, signature = line.split()
    judge = sm2.CryptSM2(private_key='', public_key=point)
    judge.public_key = point  # its constructor strips zeros and fours from the left
    message = bytes.fromhex(message)
    assert judge.verify_with_sm3(signature, message), line
    assert not judge.verify_with_sm3(signature, message + b'.'), line
    good += 1
print(good, 'good')
";

/// An authority and a leaf that OpenSSL made in `dir`: `ca.pem`, `ca.key`, `leaf.csr`, `leaf.pem`, `leaf.key`.
pub fn openssl_pair(dir: &Path) -> (Certificate, Certificate) {
    for line in [
        "genpkey -algorithm SM2 -out ca.key",
        "genpkey -algorithm SM2 -out leaf.key",
        &format!("req -x509 -new -key ca.key -sm3 -sigopt {DISTID} -subj /CN=authority -days 30 -out ca.pem"),
        &format!("req -new -key leaf.key -sm3 -sigopt {DISTID} -subj /CN=leaf -out leaf.csr"),
        &format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -sm3 -set_serial 8 -days 9 -sigopt {DISTID} -vfyopt \
             {DISTID} -out leaf.pem"
        ),
    ] {
        openssl(dir, line);
    }
    let one = |name: &str| Certificate::from_pem(&read(dir, name)).unwrap().remove(0);
    (one("ca.pem"), one("leaf.pem"))
}

/// How somebody else writes a CMS.
pub struct Foreign {
    /// Of the ContentInfo, and of what is signed.
    pub types: (ObjectIdentifier, ObjectIdentifier),
    /// signatureAlgorithm.
    pub signature: ObjectIdentifier,
    /// NULL as parameters of both algorithms.
    pub null: bool,
    /// Whether attributes are signed, or the content itself.
    pub attributed: bool,
}

impl Foreign {
    /// A detached one over `content`, signed by OpenSSL with `leaf.key` in `dir`.
    pub fn cms(&self, dir: &Path, leaf: &Certificate, content: &[u8]) -> Vec<u8> {
        let object = |id: ObjectIdentifier| oid(&id.to_string());
        let algorithm = |id| seq(&[object(id), if self.null { tlv(5, []) } else { vec![] }]);
        let attribute = |id: &str, value: Vec<u8>| seq(&[oid(id), tlv(0x31, value)]);
        let digest = tlv(4, DigestAlgorithm::Sm3.digest(content));
        let attributes = [
            attribute("1.2.840.113549.1.9.3", object(self.types.1)),
            attribute("1.2.840.113549.1.9.4", digest),
        ]
        .concat();
        let signed = if self.attributed { tlv(0x31, &attributes) } else { content.to_vec() };
        write(dir, "signed", signed);
        let sign = format!(
            "pkeyutl -sign -inkey leaf.key -rawin -digest sm3 -pkeyopt {DISTID} -in signed -out value"
        );
        openssl(dir, &sign);
        let sm3 = algorithm(DigestAlgorithm::Sm3.oid());
        let sid = seq(&[leaf.issuer().der().to_vec(), tlv(2, leaf.serial())]);
        let signer = seq(&[
            tlv(2, [1]),
            sid,
            sm3.clone(),
            if self.attributed { tlv(0xA0, attributes) } else { vec![] },
            algorithm(self.signature),
            tlv(4, read(dir, "value")),
        ]);
        let data = seq(&[
            tlv(2, [1]),
            tlv(0x31, sm3),
            seq(&[object(self.types.1)]),
            tlv(0xA0, leaf.der()),
            tlv(0x31, signer),
        ]);
        seq(&[object(self.types.0), tlv(0xA0, data)])
    }
}
