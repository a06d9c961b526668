//! Containers of verifiers from outside, by a small one: a SEQUENCE of a word and a digest, which is "genuine" when the
//! digest is that of the octets it is over. What the PDF side asks and tells is tested here; electronic seals are the
//! appliance's.

use std::sync::{Arc, Mutex};

use cinnabar_pdf::appearance::{ImageLimits, Placement, SealAppearance, SealImage};
use cinnabar_pdf::report::{About, Language, Simple, etsi};
use cinnabar_pdf::sign;
use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{
    ContainerError, Context, Deviation, DocumentDigest, Format, Integrity, Judgement, Kind, Level,
    OpenContainer, Options, Outcome, PictureReport, PlainLimits, Report, SealKind, SealReport, SealState,
    SealStep, SignatureContainer, StateWord, ToldBy, Trust, Verdict, verify, verify_plain,
};
use crypto::DigestAlgorithm;
use pki::{Indication, SubIndication};

use super::made::Forgery;
use super::people::{NOW, invisible, options};
use super::support::one_page;

/// `SEQUENCE { UTF8String word, OCTET STRING digest }`.
pub fn encoded(word: &str, content: &[u8]) -> Vec<u8> {
    let digest = DigestAlgorithm::Sha256.digest(content);
    let mut inner = vec![0x0C, u8::try_from(word.len()).unwrap()];
    inner.extend_from_slice(word.as_bytes());
    inner.extend([0x04, 32]);
    inner.extend(digest);
    [vec![0x30, u8::try_from(inner.len()).unwrap()], inner].concat()
}

/// Takes words that begin with `seal`; what it was asked to open is kept.
#[derive(Default)]
pub struct Small {
    opened: Mutex<Vec<Vec<u8>>>,
}

impl SignatureContainer for Small {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        sub_filter == b"GM.sm2seal"
    }

    fn recognises(&self, octets: &[u8]) -> bool {
        matches!(octets, [0x30, _, 0x0C, _, b's', b'e', b'a', b'l', ..])
    }

    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, ContainerError> {
        self.opened.lock().unwrap().push(container.to_vec());
        if !self.recognises(container) {
            return Err(ContainerError::Malformed("no small container".into()));
        }
        let word = usize::from(container[3]);
        let word = String::from_utf8(container[4..4 + word].to_vec()).unwrap();
        if word == "seal-too-much" {
            return Err(ContainerError::TooComplex { budget: "small containers" });
        }
        Ok(Box::new(Opened { word, digest: container[container.len() - 32..].to_vec() }))
    }
}

struct Opened {
    word: String,
    digest: Vec<u8>,
}

impl OpenContainer for Opened {
    fn kind(&self) -> Kind {
        if self.word == "seal-itself" { Kind::Seal } else { Kind::SesSignature }
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.needs_content().then_some(DigestAlgorithm::Sha256)
    }

    fn needs_content(&self) -> bool {
        self.kind() != Kind::Seal
    }

    fn claimed_digest(&self) -> Option<&[u8]> {
        Some(&self.digest)
    }

    fn judge(&self, digest: Option<&[u8]>, _: &Context<'_>) -> Judgement {
        let holds = !self.needs_content() || digest == Some(&self.digest);
        let mut judgement = Judgement::unknown("");
        judgement.reasons.clear();
        judgement.integrity = if holds { Integrity::Intact } else { Integrity::Broken };
        judgement.trust = Trust::Trusted;
        (judgement.indication, judgement.sub_indication) = match holds {
            true => (Indication::TotalPassed, None),
            false => (Indication::TotalFailed, Some(SubIndication::HashFailure)),
        };
        judgement.claimed = Some(NOW - 100);
        judgement.seal = Some(Box::new(told(holds)));
        if let (Some(seal), Some(wide)) = (&mut judgement.seal, self.word.strip_prefix("seal-picture-")) {
            let picture = seal.picture.as_mut().unwrap();
            picture.octets = bar(wide.parse().unwrap());
        }
        judgement
    }
}

/// A picture of 60 by 60 pixels with a ring of ink around and a bar of some width inside.
fn bar(wide: usize) -> Vec<u8> {
    let pixel = |x: usize, y: usize| {
        let edge = x < 4 || y < 4 || x >= 56 || y >= 56;
        let bar = (20..40).contains(&y) && x < wide;
        if edge || bar { [200, 0, 0, 255] } else { [255, 255, 255, 0] }
    };
    let pixels: Vec<u8> = (0..3600).flat_map(|at| pixel(at % 60, at / 60)).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 60, 60);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    png
}

/// Signs with a word of the small container.
struct Signer(&'static str);

impl sign::CmsSigner for Signer {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Sha256
    }

    fn size_hint(&self) -> usize {
        200
    }

    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let mut container = encoded(self.0, b"");
        let at = container.len() - 32;
        container[at..].copy_from_slice(digest);
        Ok(container)
    }
}

#[test]
fn a_page_that_shows_another_picture_than_the_seal_is_warned_of_and_stays_valid() {
    let image = SealImage::from_png(&bar(50), &ImageLimits::default()).unwrap();
    let placement = Placement::Page { page: 1, x_mm: 20.0, y_mm: 30.0, width_mm: 20.0, height_mm: 20.0 };
    let seen = sign::SignatureRequest {
        appearance: Some(SealAppearance::new(Arc::new(image), placement)),
        ..invisible()
    };
    for (word, request, shown) in [
        ("seal-picture-50", &seen, Some(true)),
        ("seal-picture-10", &seen, Some(false)),
        ("seal-picture-50", &invisible(), None),
        ("seal", &seen, None),
    ] {
        let page = one_page().bytes;
        let tail = sign::sign(&page, request, &Signer(word)).unwrap().tail;
        let report = judged(&[page, tail].concat(), &Small::default());
        let seal = report.signatures[0].seal.as_ref().unwrap();
        assert_eq!((report.verdict, seal.picture.as_ref().unwrap().shown), (Verdict::Valid, shown), "{word}");
        let about = About { name: "f.pdf", at: NOW, offset_minutes: 480, policy: "default" };
        let words = Simple::new(&report, &about).html(Language::Chinese);
        assert_eq!(words.contains("不是印章里的图案"), shown == Some(false), "{word}");
    }
}

fn told(holds: bool) -> SealReport {
    let step = |name: &str, outcome, zh: &str, en: &str| SealStep {
        name: name.into(),
        outcome,
        zh: zh.into(),
        en: en.into(),
    };
    let at = || "2026-11-22T00:00:00Z".to_owned();
    let state =
        |word, since| SealState { word, at: at(), since, told_by: ToldBy::Registry, superseded: None };
    let (outcome, zh, en) = match holds {
        true => (Outcome::Passed, "原文杂凑一致。", "the document's digest is the one that was signed"),
        false => (Outcome::Failed, "原文被改动。", "the document is not the one that was signed"),
    };
    SealReport {
        id: "37030000001721".into(),
        code: Some("37030000001721".into()),
        name: "示例局<b>".into(),
        kind: SealKind { number: 6, zh: "业务专用章".into(), en: "seal for a special purpose".into() },
        version: Some(4),
        digest: Some(DocumentDigest { algorithm: "sha256".into(), value: "00".repeat(32) }),
        created: Some(at()),
        valid_from: Some(at()),
        valid_to: Some("2027-11-22T00:00:00Z".into()),
        picture: Some(PictureReport {
            format: "png".into(),
            width_mm: 42,
            height_mm: 42,
            sha256: "11".repeat(32),
            shown: Some(false),
            octets: Vec::new(),
        }),
        maker: Some("CN=Maker".into()),
        maker_fingerprint: None,
        listed: 1,
        steps: vec![
            step("structure", Outcome::Passed, "格式正确。", "the structure is sound"),
            step("document-digest", outcome, zh, en),
        ],
        deviations: vec![Deviation {
            name: "raw".into(), zh: "签名值未编码".into(), en: "raw value".into()
        }],
        then: Some(state(StateWord::Active, None)),
        now: Some(state(StateWord::Cancelled, Some("2026-11-21T12:00:00Z".into()))),
        remarks: Vec::new(),
    }
}

fn judged(file: &[u8], small: &Small) -> Report {
    let containers: [&dyn SignatureContainer; 1] = [small];
    verify(&file, &Options { containers: &containers, ..options() }, &Limits::default()).unwrap()
}

fn plain(file: &[u8], content: Option<&[u8]>, small: &Small) -> Report {
    let containers: [&dyn SignatureContainer; 1] = [small];
    assert!(Format::is_plain(&file.to_vec(), &containers).unwrap());
    let content = content.map(<[u8]>::to_vec);
    let content = content.as_ref().map(|content| content as &dyn cinnabar_pdf::syntax::Source);
    let options = Options { containers: &containers, ..options() };
    verify_plain(&file.to_vec(), content, &options, &PlainLimits::default()).unwrap()
}

#[test]
fn what_stands_in_contents_is_told_by_its_octets_under_every_name_of_the_field() {
    let seal = |data: &[u8]| encoded("seal", data);
    for sub_filter in
        ["/GM.sm2seal", "/GM.SM2", "/GM.sm2cms.detached", "/adbe.pkcs7.detached", "/ETSI.CAdES.detached"]
    {
        let report = judged(&Forgery { sub_filter, cms: &seal, ..Forgery::none() }.make(), &Small::default());
        let [one] = &report.signatures[..] else { panic!() };
        assert_eq!((report.verdict, one.kind), (Verdict::Valid, Kind::SesSignature), "{sub_filter}");
        assert_eq!(one.level, Level::None, "{sub_filter}: no PAdES");
        assert_eq!(one.signing_time.as_deref(), Some("2026-11-21T23:58:20Z"), "the container's own claim");
        // A CMS is one under each of them as well.
        let report = judged(&Forgery { sub_filter, ..Forgery::none() }.make(), &Small::default());
        assert_eq!(
            (report.verdict, report.signatures[0].kind),
            (Verdict::Valid, Kind::Signature),
            "{sub_filter}"
        );
    }
}

#[test]
fn a_name_that_nobody_knows_is_not_judged_whatever_the_octets() {
    let seal = |data: &[u8]| encoded("seal", data);
    for sub_filter in ["/X.seal", "/ETSI.RFC3161", "null"] {
        let small = Small::default();
        let report = judged(&Forgery { sub_filter, cms: &seal, ..Forgery::none() }.make(), &small);
        assert_ne!(report.verdict, Verdict::Valid, "{sub_filter}");
        assert!(small.opened.lock().unwrap().is_empty(), "{sub_filter}");
    }
}

#[test]
fn octets_that_nobody_recognises_go_to_whoever_has_the_name() {
    let other = |_: &[u8]| encoded("other", b"");
    let small = Small::default();
    let forgery = Forgery { sub_filter: "/GM.sm2seal", cms: &other, ..Forgery::none() };
    let report = judged(&forgery.make(), &small);
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Invalid, 3));
    assert_eq!(small.opened.lock().unwrap().len(), 1);
    let forgery = Forgery { sub_filter: "/GM.SM2", cms: &other, ..Forgery::none() };
    assert_eq!(judged(&forgery.make(), &Small::default()).exit_code(), 3, "no CMS either");
}

#[test]
fn the_rules_of_pdfs_stay_on_whatever_is_in_contents() {
    let seal = |data: &[u8]| encoded("seal", data);
    let sound = Forgery { sub_filter: "/GM.sm2seal", cms: &seal, ..Forgery::none() };
    for (what, forgery) in [
        ("not from zero", Forgery { byte_range: "/ByteRange [1 B C D]", ..sound }),
        ("not to the end", Forgery { shift: [0, 0, 0, -5], ..sound }),
        ("a wider gap", Forgery { shift: [0, -1, 0, 0], ..sound }),
        ("more in the gap", Forgery { padding: "3000", ..sound }),
        ("a document time-stamp by type", Forgery { kind: "/DocTimeStamp", ..sound }),
    ] {
        assert_eq!(judged(&forgery.make(), &Small::default()).exit_code(), 3, "{what}");
    }
    let mut later = super::later::Later::than(&sound.make());
    later.set(3, "Rotate", "90");
    let report = judged(&later.finish(), &Small::default());
    assert_eq!((report.exit_code(), report.signatures[0].changes_allowed), (3, false));
}

#[test]
fn a_container_beside_its_content_is_der_pem_or_base64() {
    use base64::Engine;
    let content = b"the content of a file";
    let small = Small::default();
    let der = encoded("seal of some length, so that base64 begins as it does with long ones", content);
    let text = base64::engine::general_purpose::STANDARD.encode(&der);
    let lines: String =
        text.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned() + "\r\n").collect();
    for file in [
        der.clone(),
        text.clone().into_bytes(),
        format!("\u{FEFF}\n{lines}").into_bytes(),
        text.trim_end_matches('=').as_bytes().to_vec(),
        format!("-----BEGIN CMS-----\n{lines}-----END CMS-----\n").into_bytes(),
    ] {
        let report = plain(&file, Some(content), &small);
        assert_eq!((report.verdict, report.file.format), (Verdict::Valid, Format::SesSignature));
        assert_eq!(report.signatures[0].kind, Kind::SesSignature);
        assert_eq!(plain(&file, Some(b"another"), &small).exit_code(), 3);
    }
    let report = plain(&der, None, &small);
    assert_eq!(
        (report.exit_code(), report.signatures[0].sub_indication),
        (4, Some(SubIndication::SignedDataNotFound))
    );
    let more = [der.clone(), vec![0]].concat();
    assert_eq!(plain(&more, Some(content), &small).exit_code(), 3, "octets after the end");
}

#[test]
fn a_seal_itself_needs_no_content() {
    let file = encoded("seal-itself", b"");
    let report = plain(&file, None, &Small::default());
    assert_eq!((report.verdict, report.file.format), (Verdict::Valid, Format::Seal));
    assert_eq!(report.signatures[0].kind, Kind::Seal);
    assert!(report.warnings.is_empty());
    assert_eq!(plain(&file, Some(b"x"), &Small::default()).warnings.len(), 1, "content is of no use");
}

#[test]
fn what_stands_for_itself_signs_no_document() {
    for sub_filter in ["/GM.sm2seal", "/ETSI.CAdES.detached"] {
        let seal = |_: &[u8]| encoded("seal-itself", b"");
        let report = judged(&Forgery { sub_filter, cms: &seal, ..Forgery::none() }.make(), &Small::default());
        let signature = &report.signatures[0];
        assert_eq!((report.exit_code(), signature.integrity), (3, Integrity::Broken), "{sub_filter}");
        assert_eq!(
            (signature.indication, signature.sub_indication),
            (Indication::TotalFailed, Some(SubIndication::FormatFailure))
        );
    }
}

#[test]
fn a_container_over_its_budget_is_too_complex_and_a_malformed_one_unreadable() {
    let small = Small::default();
    let containers: [&dyn SignatureContainer; 1] = [&small];
    let options = Options { containers: &containers, ..options() };
    let failed = |file: Vec<u8>| verify_plain(&file, None, &options, &PlainLimits::default()).unwrap_err();
    let error = failed(encoded("seal-too-much", b""));
    assert!(error.is_too_complex() && error.exit_code() == 6);
    let mut odd = encoded("seal", b"");
    odd.truncate(20);
    assert_eq!((failed(odd.clone()).exit_code(), failed(odd).is_too_complex()), (6, false));
    let spent = |_: &[u8]| encoded("seal-too-much", b"");
    let file = Forgery { sub_filter: "/GM.sm2seal", cms: &spent, ..Forgery::none() }.make();
    assert!(verify(&file, &options, &Limits::default()).unwrap_err().is_too_complex());
}

#[test]
fn a_report_tells_the_seal_its_steps_and_its_states_in_both_languages() {
    let about = About { name: "f.pdf", at: NOW, offset_minutes: 480, policy: "default" };
    let seal = |data: &[u8]| encoded("seal", data);
    let whole = Forgery { sub_filter: "/GM.sm2seal", cms: &seal, ..Forgery::none() }.make();
    let wrong = |_: &[u8]| encoded("seal", b"another document");
    let pasted = Forgery { sub_filter: "/GM.sm2seal", cms: &wrong, ..Forgery::none() }.make();
    let lines = |report: &Report, language| {
        let lines = Simple::new(report, &about).lines(language);
        lines.into_iter().map(|(_, line)| line + "\n").collect::<String>()
    };
    let report = judged(&whole, &Small::default());
    let (zh, en) = (lines(&report, Language::Chinese), lines(&report, Language::English));
    for words in [
        "电子签章 1",
        "示例局",
        "业务专用章",
        "编码 37030000001721",
        "正常",
        "已注销（自 2026年11月21日 20:00:00",
        "通过：原文杂凑一致。",
        "签名值未编码",
    ] {
        assert!(zh.contains(words), "{words}: {zh}");
    }
    for words in
        ["in force", "cancelled (since 2026-11-21 20:00:00", "holds: the document's digest", "raw value"]
    {
        assert!(en.contains(words), "{words}: {en}");
    }
    let page = Simple::new(&report, &about).html(Language::Both);
    assert!(page.contains("示例局&lt;b&gt;") && !page.contains("<b>"));
    let report = judged(&pasted, &Small::default());
    let zh = lines(&report, Language::Chinese);
    assert!(zh.contains("不通过：原文被改动。") && zh.contains("\n  原文被改动。\n"), "{zh}");
    let xml = etsi(&report, &about);
    for words in [
        "urn:cinnabar:validation:ses:document-digest",
        "urn:cinnabar:validation:data:seal-name",
        "cancelled since 2026-11-21T12:00:00Z",
        "urn:cinnabar:validation:data:seal-deviation",
    ] {
        assert!(xml.contains(words), "{words}: {xml}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["signatures"][0]["kind"], "ses-signature");
    assert_eq!(json["signatures"][0]["seal"]["now"]["word"], "cancelled");
    assert_eq!(json["signatures"][0]["seal"]["steps"][1]["outcome"], "failed");
}
