//! Which tool sees which feature: one document for everything the engine writes, and what each foreign program says of it.
//!
//! The table is `tests/support/features.txt`; a change of any word in it fails, and `CINNABAR_BLESS=1` writes it anew. Where a
//! tool does not accept, the file says why. Our own verifier has to accept everything.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crypto::KeyKind;
use jiff::Timestamp;
use pdf::appearance::{Font, ImageLimits, Lines, Paging, Placement, Qr, SealAppearance, SealImage, Side};
use pdf::ltv::{self, Step, TimeStampSource, TimeStamped};
use pdf::sign::{self, ClaimedTime, DocMdp, FieldLock, SignatureRequest};
use pdf::syntax::{Document, Limits};
use support::cast::Cast;
use support::{appliance, corpus, judges, process, tools};

/// Simplified Chinese in Debian's Noto collection.
const FONT: (&str, u32) = ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2);

fn request(cast: &Cast) -> SignatureRequest {
    let claimed_time = ClaimedTime { unix_seconds: cast.now - 60, offset_minutes: 480 };
    SignatureRequest {
        signer_name: Some("示例市行政审批局".into()),
        reason: Some("审批通过".into()),
        ..SignatureRequest::new(claimed_time)
    }
}

fn picture() -> Arc<SealImage> {
    let picture = appliance::seal_picture(300);
    Arc::new(SealImage::from_png(&picture, &ImageLimits::default()).expect("a picture"))
}

fn at_a_place() -> SealAppearance {
    let placement = Placement::Page { page: 1, x_mm: 60.0, y_mm: 120.0, width_mm: 42.0, height_mm: 42.0 };
    SealAppearance::new(picture(), placement)
}

fn lines(side: Side) -> Lines {
    let font = std::fs::read(FONT.0).expect("the font");
    let font = Arc::new(Font::parse(font.into(), FONT.1).expect("a font"));
    let text = ["示例市行政审批局", "2026-11-22 16:00", "Approved 审批通过", "No. 2026-000123"];
    Lines { side, ..Lines::new(text.map(str::to_owned).to_vec(), font) }
}

fn signed(cast: &Cast, document: &[u8], request: &SignatureRequest) -> Vec<u8> {
    let tail = sign::sign(&document, request, &cast.signer).expect("signed").tail;
    [document, &tail].concat()
}

/// The same at levels B-T, B-LT and B-LTA.
fn levels(cast: &Cast, document: &[u8]) -> [Vec<u8>; 3] {
    let signer = TimeStamped { signer: &cast.signer, source: &cast.stamps };
    let tail = sign::sign(&document, &request(cast), &signer).expect("signed").tail;
    let b_t = [document, &tail].concat();
    let stored = {
        let opened = Document::open(&b_t, &Limits::default()).expect("a PDF");
        ltv::add_store(&opened, &cast.material()).expect("a store").expect("something new")
    };
    let b_lt = [b_t.as_slice(), &stored.tail].concat();
    let b_lta = archived(cast, &b_t);
    [b_t, b_lt, b_lta]
}

/// Material and a document time-stamp behind everything.
fn archived(cast: &Cast, document: &[u8]) -> Vec<u8> {
    let opened = Document::open(&document, &Limits::default()).expect("a PDF");
    let step = ltv::append(&opened, &cast.material(), Some(cast.stamps.size_hint())).expect("room");
    let Step::Stamp(prepared) = step else { panic!("nothing to stamp: {step:?}") };
    let digest = prepared.digest(&document, crypto::DigestAlgorithm::Sha256).expect("a digest");
    let token = cast.stamps.token(crypto::DigestAlgorithm::Sha256, &digest).expect("a token");
    let tail = prepared.embed(&token).expect("it fits").tail;
    [document, &tail].concat()
}

/// Name of the feature, the document, and how many signatures it has.
fn documents(cast: &Cast) -> Vec<(&'static str, Vec<u8>, usize)> {
    let read = |name: &str| corpus::named(name).read();
    let plain = read("plain-31k");
    let invisible = request(cast);
    let with = |appearance| SignatureRequest { appearance: Some(appearance), ..request(cast) };
    let seal = with(at_a_place());
    let lined = with(SealAppearance { lines: Some(lines(Side::Right)), ..at_a_place() });
    let qr = Qr::new("https://verify.example.cn/v/2026-000123", 20.0, Side::Below).expect("a symbol");
    let with_qr = with(SealAppearance { qr: Some(qr), lines: Some(lines(Side::Right)), ..at_a_place() });
    let paging = with(SealAppearance::new(picture(), Placement::Paging(Paging::new(42.0, 42.0))));
    let both = with(SealAppearance { paging: Some(Paging::new(42.0, 42.0)), ..at_a_place() });
    let certified = |level| SignatureRequest { certify: Some(level), ..seal.clone() };
    let locked = SignatureRequest { lock: Some(FieldLock::All), ..seal.clone() };
    let once = signed(cast, &plain, &seal);
    let p2 = signed(cast, &plain, &certified(DocMdp::FormsAndSignatures));
    let p1 = signed(cast, &plain, &certified(DocMdp::NoChanges));
    let many = read("many-pages");
    let [b_t, b_lt, b_lta] = levels(cast, &plain);
    let mut documents = vec![
        ("invisible", signed(cast, &plain, &invisible), 1),
        ("visible, PNG", once.clone(), 1),
        ("visible, lines beside it", signed(cast, &plain, &lined), 1),
        ("visible, lines and QR", signed(cast, &plain, &with_qr), 1),
        ("split over page edges", signed(cast, &many, &paging), 1),
        ("at a place and split", signed(cast, &many, &both), 1),
        ("certified, P=1", p1.clone(), 1),
        ("certified, P=2", p2.clone(), 1),
        ("certified, P=3", signed(cast, &plain, &certified(DocMdp::Annotations)), 1),
        ("fields locked", signed(cast, &plain, &locked), 1),
        ("second signature", signed(cast, &once, &seal), 2),
        ("second, split over page edges", signed(cast, &signed(cast, &many, &seal), &paging), 2),
        ("signed after P=2, invisible", signed(cast, &p2, &invisible), 2),
        ("P=1 with an archive time-stamp", archived(cast, &p1), 1),
        ("B-T", b_t, 1),
        ("B-LT", b_lt, 1),
        ("B-LTA", b_lta.clone(), 1),
        ("B-LTA renewed", archived(cast, &b_lta), 1),
    ];
    for (feature, name) in [
        ("cross-reference stream", "qpdf-object-streams"),
        ("linearised", "qpdf-linearised"),
        ("linearised, object streams", "qpdf-linearised-streams"),
        ("rotated pages", "rotated"),
        ("cropped pages", "cropped"),
        ("junk before the header", "leading-junk"),
        ("encrypted, no user password", "encrypted-owner"),
        ("PDF/A", "ghostscript-pdfa"),
        ("Chromium, tagged", "chromium"),
        ("form", "form"),
    ] {
        let placement = Placement::Page { page: 1, x_mm: 5.0, y_mm: 5.0, width_mm: 30.0, height_mm: 30.0 };
        let seal = with(SealAppearance::new(picture(), placement));
        documents.push((feature, signed(cast, &read(name), &seal), 1));
    }
    documents
}

/// Our own word: `cinnabar verify` has to end with 0.
fn ours(pdf: &Path, root: &Path, crls: &[std::path::PathBuf]) {
    let mut command = std::process::Command::new(appliance::binary());
    command.arg("verify").arg(pdf).arg("--json").arg("--trust-anchor").arg(root).arg("--crl").args(crls);
    process::finish(command).exits(0);
}

fn qpdf(original: &[String], pdf: &Path) -> &'static str {
    let new = judges::qpdf_complaints(pdf).iter().any(|complaint| !original.contains(complaint));
    if new { "refuses" } else { "accepts" }
}

#[test]
fn every_feature_is_accepted_by_ours_and_seen_by_the_others_as_the_table_says() {
    let cast = Cast::new(KeyKind::P256, Timestamp::now().as_second());
    let folder = corpus::scratch();
    let root = folder.path().join("root.pem");
    std::fs::write(&root, cast.root.to_pem()).unwrap();
    let crls: Vec<_> = (0..cast.crls.len()).map(|n| folder.path().join(format!("{n}.crl"))).collect();
    for (path, crl) in crls.iter().zip(&cast.crls) {
        std::fs::write(path, crl.der()).unwrap();
    }
    let mut table = String::new();
    let width = 34;
    table.push_str(&format!("{:width$}", "feature"));
    for tool in tools::TOOLS.into_iter().chain(["qpdf"]) {
        table.push_str(&format!("{tool:9}"));
    }
    table = table.trim_end().to_owned() + "\n";
    let known: BTreeMap<&str, Vec<String>> = BTreeMap::from([("junk before the header", {
        judges::qpdf_complaints(&corpus::named("leading-junk").path())
    })]);
    for (feature, document, signatures) in documents(&cast) {
        let file = folder.path().join("document.pdf");
        std::fs::write(&file, &document).unwrap();
        ours(&file, &root, &crls);
        let opinions = tools::opinions(&file, &root);
        let words = tools::TOOLS.into_iter().map(|tool| opinions[tool].word());
        let complaints = known.get(feature).cloned().unwrap_or_default();
        let words: Vec<&str> = words.chain([qpdf(&complaints, &file)]).collect();
        let words: String = words.iter().map(|word| format!("{word:9}")).collect();
        table.push_str(format!("{feature:width$}{words}").trim_end());
        table.push('\n');
        assert!(signatures > 0);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/support/features.txt");
    println!("{table}");
    if std::env::var_os("CINNABAR_BLESS").is_some() {
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        let notes = kept.split_once("\n\n").map_or(String::new(), |(_, notes)| format!("\n{notes}"));
        std::fs::write(path, format!("{table}{notes}")).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    let expected = expected.split_once("\n\n").map_or(expected.as_str(), |(table, _)| table);
    assert_eq!(
        table.trim_end(),
        expected.trim_end(),
        "CINNABAR_BLESS=1 writes the table anew; look at it first"
    );
}
