//! The foreign judges, the corpus, throw-away keys and pictures.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use cinnabar_pdf::appearance::{ImageLimits, Placement, SealAppearance, SealImage};
use cinnabar_pdf::sign::{ClaimedTime, SignatureRequest, Signed, sign};
use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Coverage, Level, Options, Verdict, verify};
use crypto::SoftwareKey;
use pki::Certificate;
use pki::cms::sign::CmsSigner;
use pki::path::{RevocationPolicy, TrustAnchors};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// Certificates and keys of one test run.
pub struct Keys {
    pub root_pem: String,
    pub signer: CmsSigner,
}

pub fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let root_key = KeyPair::generate().unwrap();
        let mut root = params("Test Root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_certificate = root.self_signed(&root_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = params("示例市行政审批局");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
        let certificate = Certificate::from_der(leaf.der()).unwrap();
        let signer = Arc::new(SoftwareKey::from_pkcs8(&key.serialize_der()).unwrap());
        Keys { root_pem: root_certificate.pem(), signer: CmsSigner::new(signer, &certificate, &[]).unwrap() }
    })
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params
}

/// The corpus' folder; fails with what to run when it is missing.
pub fn corpus() -> PathBuf {
    let folder = std::env::var_os("CINNABAR_CORPUS").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/cinnabar/corpus"),
        PathBuf::from,
    );
    assert!(
        folder.join("manifest.json").exists(),
        "no corpus in {}: run tests/corpus/make",
        folder.display()
    );
    folder
}

pub fn read(name: &str) -> Vec<u8> {
    std::fs::read(corpus().join(format!("{name}.pdf"))).unwrap()
}

/// Names of the corpus' files of one kind.
pub fn names(kind: &str) -> Vec<String> {
    let manifest = std::fs::read(corpus().join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let files = manifest["files"].as_array().unwrap().iter();
    files.filter(|file| file["kind"] == kind).map(|file| file["name"].as_str().unwrap().to_owned()).collect()
}

/// Runs a program: exit status and everything it said. A missing program fails the test by name.
pub fn run(program: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> (i32, String) {
    let output =
        Command::new(program).args(arguments.iter().map(AsRef::as_ref)).output().unwrap_or_else(|error| {
            panic!("`{program}` cannot be run ({error}): tests/peers/packages installs it")
        });
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), said)
}

/// pdfsig calls every one of `count` signatures valid, and the last one covers the file.
pub fn assert_pdfsig(file: &Path, count: usize) {
    let (_, said) = run("pdfsig", &[&"-nocert", &file]);
    let name = file.display();
    assert_eq!(said.matches("Signature is Valid").count(), count, "{name}: {said}");
    // Listed in the form's order, empty fields too.
    let last = said.split("Signature #").find(|part| part.contains("- Total document signed"));
    let last = last.unwrap_or_else(|| panic!("{name}: {said}"));
    assert!(last.contains("ETSI.CAdES.detached"), "{name}: {said}");
}

/// Our own verifier's options: the throw-away root, revocation not looked at.
pub fn options() -> Options<'static> {
    static ANCHORS: OnceLock<TrustAnchors> = OnceLock::new();
    let anchors =
        ANCHORS.get_or_init(|| TrustAnchors::new(Certificate::from_pem(keys().root_pem.as_bytes()).unwrap()));
    let mut options = Options::new(anchors, TIME.unix_seconds);
    (options.revocation, options.ca_revocation) = (RevocationPolicy::Waived, RevocationPolicy::Waived);
    options
}

/// Our own verifier has nothing against any of `count` signatures of ours, and the last one covers the file.
pub fn assert_ours(whole: &[u8], count: usize) {
    let report = verify(&whole, &options(), &Limits::default()).unwrap();
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert_eq!(report.signatures.len(), count);
    let last = report.signatures.iter().max_by_key(|signature| signature.revision).unwrap();
    assert_eq!(last.coverage, Coverage::File);
    assert_eq!(last.level, Level::BB);
    assert!(last.changes.is_empty());
    assert_eq!(last.signing_time.as_deref(), Some("2026-01-12T09:30:00+08:00"));
}

/// The folder of the Python that has pyHanko.
pub fn venv() -> String {
    std::env::var("CINNABAR_VENV").unwrap_or_else(|_| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (status, said) = run(here.join("../../tests/peers/python").to_str().unwrap(), &[]);
        assert_eq!(status, 0, "{said}");
        said.lines().last().unwrap().to_owned()
    })
}

/// What pyHanko says about files: one JSON object per signature.
pub fn pyhanko(files: &[PathBuf]) -> Vec<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, &keys().root_pem).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(format!("{}/bin/python", venv()))
        .arg(here.join("tests/signing/pyhanko_validate.py"))
        .arg(&root)
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What qpdf finds, without the lines that name the file.
pub fn qpdf_check(file: &Path) -> (i32, Vec<String>) {
    let (status, said) = run("qpdf", &[&"--check", &file]);
    (
        status,
        said.lines()
            .filter(|line| line.contains("WARNING") || line.contains("rror"))
            .map(str::to_owned)
            .collect(),
    )
}

/// 2026-01-12 09:30 in China.
pub const TIME: ClaimedTime = ClaimedTime { unix_seconds: 1_768_181_400, offset_minutes: 480 };

pub fn request(placement: Option<Placement>) -> SignatureRequest {
    SignatureRequest {
        signer_name: Some("示例市行政审批局".to_owned()),
        reason: Some("准予行政许可 (2026) 0042".to_owned()),
        location: Some("Example City".to_owned()),
        appearance: placement.map(|placement| SealAppearance::new(seal(), placement)),
        ..SignatureRequest::new(TIME)
    }
}

pub fn at(page: u32, x_mm: f64, y_mm: f64, width_mm: f64, height_mm: f64) -> Option<Placement> {
    Some(Placement::Page { page, x_mm, y_mm, width_mm, height_mm })
}

/// Signs and puts the file together, having checked what holds for every one.
pub fn signed(original: &[u8], request: &SignatureRequest) -> (Vec<u8>, Signed) {
    let signed = sign(&original, request, &keys().signer).unwrap();
    let whole = [original, &signed.tail].concat();
    let digest = |data: &[u8]| crypto::DigestAlgorithm::Sha256.digest(data);
    assert_eq!(signed.original_length, original.len() as u64);
    assert_eq!(signed.original_sha256, digest(original));
    assert_eq!(signed.result_length, whole.len() as u64);
    assert_eq!(signed.result_sha256.as_ref().unwrap(), &digest(&whole));
    (whole, signed)
}

/// A seal to recognise: quarters of red, green, blue and (lower right) transparent.
pub fn seal() -> Arc<SealImage> {
    static SEAL: OnceLock<Arc<SealImage>> = OnceLock::new();
    let make = || {
        let side = 100usize;
        let mut pixels = Vec::new();
        for y in 0..side {
            for x in 0..side {
                pixels.extend(match (x < side / 2, y < side / 2) {
                    (true, true) => [220, 0, 0, 255],
                    (false, true) => [0, 160, 0, 255],
                    (true, false) => [0, 0, 220, 255],
                    (false, false) => [0, 0, 0, 0],
                });
            }
        }
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, 100, 100);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        Arc::new(SealImage::from_png(&png, &ImageLimits::default()).unwrap())
    };
    SEAL.get_or_init(make).clone()
}
