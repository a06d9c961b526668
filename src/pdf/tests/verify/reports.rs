//! Reports for people and for programs, on files made here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cinnabar_pdf::report::{About, Language, Simple, etsi};
use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Options, Report, SignatureReport, Verdict, verify};
use pki::path::TrustAnchors;
use pki::{Indication, SubIndication};

use super::later::{Later, signed_page};
use super::people::{NOW, invisible, options, people, report, signed};
use super::support::one_page;

const ABOUT: About<'static> = About { name: "contract.pdf", at: NOW, offset_minutes: 480, policy: "default" };

fn lines(report: &Report, language: Language) -> String {
    let lines = Simple::new(report, &ABOUT).lines(language);
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

/// One file for each verdict.
fn verdicts() -> Vec<(&'static str, Report)> {
    let sealed = signed_page();
    let nobody = TrustAnchors::default();
    let mut altered = sealed.clone();
    let at = altered.windows(5).position(|window| window == b"hello").unwrap();
    altered[at] ^= 1;
    let mut later = Later::than(&sealed);
    later.set(3, "Rotate", "90");
    vec![
        ("valid", report(&sealed)),
        ("altered", report(&altered)),
        ("changed-after", report(&later.finish())),
        (
            "unknown-authority",
            verify(&sealed, &Options { anchors: &nobody, ..options() }, &Limits::default()).unwrap(),
        ),
        ("revoked", report(&signed(&one_page().bytes, &invisible(), &people().revoked))),
        ("unsigned", report(&one_page().bytes)),
    ]
}

/// `CINNABAR_BLESS=1` writes what is said now.
fn golden(name: &str, said: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify/golden").join(name);
    if std::env::var_os("CINNABAR_BLESS").is_some() {
        std::fs::write(&path, said).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(said, expected, "{}", path.display());
}

#[test]
fn what_a_clerk_reads_is_written_down_for_each_verdict() {
    for (name, report) in verdicts() {
        golden(&format!("{name}.zh.txt"), &lines(&report, Language::Chinese));
        golden(&format!("{name}.en.txt"), &lines(&report, Language::English));
    }
}

/// A signature as a report has it, to be given every outcome.
fn some_signature() -> (Report, SignatureReport) {
    let mut report = report(&signed_page());
    let signature = report.signatures.remove(0);
    (report, signature)
}

#[test]
fn every_sub_indication_has_its_own_sentence_in_both_languages() {
    use SubIndication as S;
    let all = [
        S::FormatFailure,
        S::HashFailure,
        S::SigCryptoFailure,
        S::Revoked,
        S::Expired,
        S::NotYetValid,
        S::SigConstraintsFailure,
        S::ChainConstraintsFailure,
        S::CertificateChainGeneralFailure,
        S::CryptoConstraintsFailure,
        S::PolicyProcessingError,
        S::SignaturePolicyNotAvailable,
        S::TimestampOrderFailure,
        S::NoSigningCertificateFound,
        S::NoCertificateChainFound,
        S::NoCertificateChainFoundNoPoe,
        S::RevokedNoPoe,
        S::RevokedCaNoPoe,
        S::OutOfBoundsNotRevoked,
        S::OutOfBoundsNoPoe,
        S::RevocationOutOfBoundsNoPoe,
        S::CryptoConstraintsFailureNoPoe,
        S::NoPoe,
        S::TryLater,
        S::SignedDataNotFound,
    ];
    let (report, signature) = some_signature();
    let mut seen = BTreeSet::new();
    for sub in all {
        let mut signature = signature.clone();
        (signature.indication, signature.sub_indication) = (Indication::Indeterminate, Some(sub));
        let report = Report { verdict: Verdict::Undecided, signatures: vec![signature], ..report.clone() };
        let simple = Simple::new(&report, &ABOUT);
        let [entry] = &simple.entries[..] else { panic!() };
        assert!(entry.found.zh.ends_with('。') && entry.found.en.ends_with('.'), "{sub}");
        assert!(entry.found.en.is_ascii() && !entry.found.zh.is_ascii(), "{sub}");
        assert!(!entry.found.en.contains(sub.as_str()), "no jargon first: {sub}");
        assert!(seen.insert(entry.found.clone().zh) && seen.insert(entry.found.clone().en), "{sub}");
        let advice = entry.rows.last().unwrap();
        assert_eq!(advice.label.en, "What to do", "{sub}");
        assert!(simple.technical[0].contains(sub.as_str()), "{sub}");
    }
}

#[test]
fn a_page_is_whole_in_itself_and_names_from_outside_stay_text() {
    let (mut report, mut signature) = some_signature();
    signature.signer = Some("CN=<script>alert(1)</script>\u{202E},O=\"&".into());
    signature.reasons.push("<img src=x onerror=y>".into());
    report.signatures.push(signature);
    let about = About { name: "<b>.pdf", ..ABOUT };
    for language in [Language::Chinese, Language::English, Language::Both] {
        let page = Simple::new(&report, &about).html(language);
        for foreign in ["<script", "<img", "<b>", "\u{202E}", "http:", "https:", "<a "] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(
            page.contains("&lt;script&gt;") && page.contains("default-src &#39;none&#39;")
                || page.contains("default-src 'none'")
        );
        assert_eq!(page.contains("有效"), language != Language::English);
        assert_eq!(page.contains("Valid:"), language != Language::Chinese);
        let (open, closed) = (page.matches("<section").count(), page.matches("</section>").count());
        assert_eq!(open, closed);
    }
}

#[test]
fn the_same_report_gives_the_same_octets() {
    let report = report(&signed_page());
    assert_eq!(etsi(&report, &ABOUT), etsi(&report, &ABOUT));
    assert_eq!(
        Simple::new(&report, &ABOUT).html(Language::Both),
        Simple::new(&report, &ABOUT).html(Language::Both)
    );
}

/// An element with its children, read back.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

fn parse(xml: &str) -> Element {
    use quick_xml::events::{BytesStart, Event};
    let mut reader = quick_xml::Reader::from_str(xml);
    reader.config_mut().trim_text(true);
    let element = |start: &BytesStart<'_>| Element {
        name: start.name().as_ref().to_owned(),
        attributes: start
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                let name = attribute.key.as_ref().to_owned();
                (name, attribute.value.to_string())
            })
            .collect(),
        ..Element::default()
    };
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => open.push(element(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(element(&start)),
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let mut document = open.pop().unwrap();
    assert!(open.is_empty() && document.children.len() == 1);
    document.children.remove(0)
}

impl Element {
    fn all<'e>(&'e self, into: &mut Vec<&'e Element>) {
        into.push(self);
        self.children.iter().for_each(|child| child.all(into));
    }

    fn child(&self, name: &str) -> &Element {
        self.children
            .iter()
            .find(|child| child.name == name)
            .unwrap_or_else(|| panic!("{name} in {}", self.name))
    }

    /// Text at a path of names.
    fn at(&self, path: &str) -> &str {
        path.split('/').fold(self, |element, name| element.child(name)).text.as_str()
    }
}

/// Which children an element may have, in order; `!` marks those that must be there, `*` those that may repeat (TS 119 102-2,
/// the schema of version 1.3.1).
const ORDER: [(&str, &str); 21] = [
    ("ValidationReport", "SignatureValidationReport!* SignatureValidationObjects"),
    (
        "SignatureValidationReport",
        "SignatureIdentifier ValidationConstraintsEvaluationReport ValidationTimeInfo SignersDocument SignatureAttributes SignerInformation SignatureQuality SignatureValidationProcess SignatureValidationStatus!",
    ),
    ("SignatureIdentifier", "DigestAlgAndValue ds:SignatureValue HashOnly! DocHashOnly! DAIdentifier"),
    ("ValidationConstraintsEvaluationReport", "SignatureValidationPolicy ValidationConstraint*"),
    ("SignatureValidationPolicy", "SignaturePolicyIdentifier! PolicyName FormalPolicyURI"),
    ("XAdES:SignaturePolicyId", "XAdES:SigPolicyId! XAdES:SigPolicyHash!"),
    (
        "ValidationConstraint",
        "ValidationConstraintIdentifier! ValidationConstraintParameter* ConstraintStatus! ValidationStatus",
    ),
    ("ValidationConstraintParameter", "Type! Value!"),
    ("ConstraintStatus", "Status! OverriddenBy"),
    ("ValidationStatus", "MainIndication! SubIndication* AssociatedValidationReportData*"),
    ("SignatureValidationStatus", "MainIndication! SubIndication* AssociatedValidationReportData*"),
    ("ValidationTimeInfo", "ValidationTime! BestSignatureTime!"),
    ("BestSignatureTime", "POETime! TypeOfProof! POEObject"),
    ("SignersDocument", "DigestAlgAndValue! SignersDocumentRepresentation SignersDocumentRef"),
    ("SignerInformation", "SignerCertificate! Signer"),
    (
        "AssociatedValidationReportData",
        "TrustAnchor CertificateChain RelatedValidationObject* RevocationStatusInformation CryptoInformation AdditionalValidationReportData",
    ),
    ("CertificateChain", "SigningCertificate! IntermediateCertificate* TrustAnchor"),
    ("RevocationStatusInformation", "ValidationObjectId! RevocationTime! RevocationReason RevocationObject"),
    ("CryptoInformation", "ValidationObjectId! Algorithm! AlgorithmParameters SecureAlgorithm! NotAfter"),
    ("SignatureValidationObjects", "ValidationObject!*"),
    ("ValidationObject", "ObjectType! ValidationObjectRepresentation! POE POEProvisioning ValidationReport"),
];

/// The rules of the schema that can be said without it.
fn check_structure(xml: &str) {
    let root = parse(xml);
    assert_eq!(root.name, "ValidationReport");
    assert_eq!(root.attributes["xmlns"], "http://uri.etsi.org/19102/v1.2.1#");
    let mut all = Vec::new();
    root.all(&mut all);
    let mut ids = BTreeSet::new();
    for element in &all {
        for name in ["id"] {
            if let Some(id) = element.attributes.get(name) {
                assert!(ids.insert(id.clone()), "id {id} twice");
                assert!(id.starts_with(|c: char| c.is_ascii_alphabetic()), "{id} is no NCName");
            }
        }
    }
    for element in &all {
        if let Some(reference) = element.attributes.get("VOReference") {
            assert!(ids.contains(reference), "{} refers to nothing: {reference}", element.name);
        }
        // The report inside a validation object is of the type of a signature's.
        let nested = element.name == "ValidationReport" && !element.attributes.contains_key("xmlns");
        let name = if nested { "SignatureValidationReport" } else { element.name.as_str() };
        let Some((_, rule)) = ORDER.iter().find(|(known, _)| *known == name) else { continue };
        let rule: Vec<(&str, bool, bool)> = rule
            .split(' ')
            .map(|word| (word.trim_end_matches(['!', '*']), word.contains('!'), word.ends_with('*')))
            .collect();
        let mut place = 0;
        for child in &element.children {
            let found = rule.iter().position(|(known, ..)| *known == child.name);
            let found = found.unwrap_or_else(|| panic!("{} in {}", child.name, element.name));
            let fits = found > place
                || (found == place
                    && (rule[found].2
                        || !element
                            .children
                            .iter()
                            .take_while(|c| !std::ptr::eq(*c, child))
                            .any(|c| c.name == child.name)));
            assert!(fits, "{} stands wrongly in {}", child.name, element.name);
            place = found;
        }
        for (needed, required, _) in rule {
            assert!(
                !required || element.children.iter().any(|child| child.name == needed),
                "{} lacks {needed}",
                element.name
            );
        }
    }
}

/// The reports for people and for programs on a file; `CINNABAR_REPORTS` names a folder to look at them in.
pub fn check_reports(name: &str, report: &Report) {
    let (xml, page) = (etsi(report, &ABOUT), Simple::new(report, &ABOUT).html(Language::Both));
    if let Some(folder) = std::env::var_os("CINNABAR_REPORTS") {
        let folder = Path::new(&folder);
        std::fs::write(folder.join(format!("{name}.xml")), &xml).unwrap();
        std::fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
    check_structure(&xml);
    // Whole, however long: an RSA signature has more characters than a name may have.
    let values = report.signatures.iter().filter_map(|signature| signature.signature_value.as_ref());
    for value in values {
        let base64 =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hex::decode(value).unwrap());
        assert!(xml.contains(&format!("<ds:SignatureValue>{base64}</ds:SignatureValue>")), "{name}");
    }
}

#[test]
fn the_etsi_report_keeps_the_order_of_its_schema_and_refers_to_what_is_there() {
    for (name, report) in verdicts() {
        check_reports(name, &report);
        let xml = etsi(&report, &ABOUT);
        let root = parse(&xml);
        let main = root.child("SignatureValidationReport").at("SignatureValidationStatus/MainIndication");
        let word = match name {
            "valid" => "urn:etsi:019102:mainindication:total-passed",
            "altered" | "changed-after" => "urn:etsi:019102:mainindication:total-failed",
            "unsigned" => "urn:cef:dss:mainindication:noSignatureFound",
            _ => "urn:etsi:019102:mainindication:indeterminate",
        };
        assert_eq!(main, word, "{name}");
    }
}

#[test]
fn the_etsi_report_names_signer_time_and_range() {
    let report = report(&signed_page());
    let root = parse(&etsi(&report, &ABOUT));
    let one = root.child("SignatureValidationReport");
    assert_eq!(one.at("SignerInformation/Signer"), "Approval Seal (Demo)");
    assert_eq!(one.at("SignatureAttributes/SigningTime/Time"), "2026-11-21T23:59:00Z");
    assert_eq!(one.at("ValidationTimeInfo/ValidationTime"), "2026-11-22T00:00:00Z");
    let range = report.signatures[0].byte_range.unwrap().map(|number| number.to_string()).join(" ");
    assert_eq!(one.at("SignatureAttributes/ByteRange"), range);
    let certificate = &one.child("SignerInformation").child("SignerCertificate").attributes["VOReference"];
    assert_eq!(
        *certificate,
        format!("C-{}", report.signatures[0].signer_fingerprint.as_ref().unwrap().to_uppercase())
    );
}
