//! Levels of PAdES: time-stamps in and after signatures, the security store, renewal; judged by our own verifier.

use cinnabar_pdf::ltv::{
    Appended, Known, Material, Next, Refusal, Step, Survey, SurveyError, Terms, TimeStampSource, TimeStamped,
    add_store, append, survey,
};
use cinnabar_pdf::sign::{self, DocMdp, EmbedError, FieldLock, SignatureRequest};
use cinnabar_pdf::syntax::{Document, Limits, Source};
use cinnabar_pdf::verify::{Class, Level, Options, Report, Verdict, verify};
use crypto::DigestAlgorithm;
use pki::crl::Crl;
use pki::material::Lack;
use pki::path::TrustAnchors;
use pki::tsp::{Accuracy, Imprint, Stamper, TimeStampReq};

use super::people::{DAY, NOW, Person, crl, invisible, people, person, signed};

/// A time-stamp service at some time.
pub struct Service<'p> {
    pub at: i64,
    pub unit: &'p Person,
    pub hint: usize,
    /// What its tokens carry besides its own certificate.
    pub chain: &'p Person,
}

impl TimeStampSource for Service<'_> {
    fn size_hint(&self) -> usize {
        self.hint
    }

    fn token(
        &self,
        algorithm: DigestAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let chain = [self.chain.certificate.clone()];
        let accuracy = Accuracy { millis: 1000 };
        let stamper = Stamper::new(self.unit.key.clone(), &self.unit.certificate, &chain, accuracy, true)?;
        let imprint = Imprint::new(algorithm, digest)?;
        let request = TimeStampReq::new(imprint, None, [7; 8]);
        let policy = "1.3.6.1.4.1.99999.3".parse()?;
        let mut serial = [0; 20];
        serial[19] = 1;
        let stamp = stamper.stamp(&request, policy, &serial, self.at * 1_000_000)?;
        Ok(stamper.sign(&stamp)?)
    }
}

pub fn service(at: i64) -> Service<'static> {
    Service { at, unit: &people().tsa, hint: 0, chain: &people().ca }
}

/// Lists of that time.
pub fn lists(at: i64) -> Vec<Crl> {
    let people = people();
    let aged = |issuer: &Person, serials: &[&[u8]]| {
        let builder = pki::CrlBuilder {
            number: u64::try_from(at).unwrap(),
            this_update: at - DAY / 4,
            next_update: at + DAY,
            revoked: crl(issuer, serials)
                .lookup(people.revoked.certificate.serial())
                .map(|revoked| (people.revoked.certificate.serial().to_vec(), revoked).into())
                .into_iter()
                .collect(),
            ..pki::CrlBuilder::default()
        };
        Crl::from_der(&builder.build(&issuer.certificate, &*issuer.key).unwrap()).unwrap()
    };
    vec![aged(&people.root, &[]), aged(&people.ca, &[people.revoked.certificate.serial()])]
}

/// Raises as a caller does: what lacks is looked up among `lists`, tokens come from `service`.
pub fn raise(
    bytes: &[u8],
    level: Level,
    renew: bool,
    lists: &[Crl],
    service: &Service<'_>,
) -> Result<Option<Vec<u8>>, Refusal> {
    let document = Document::open(&bytes, &Limits::default()).unwrap();
    let survey = survey(&document).unwrap();
    let mut known: Known = survey.known.clone();
    let anchors = &people().anchors;
    let authority = Some(&service.unit.certificate);
    let terms = Terms { level, anchors, at: service.at, renew, authority };
    let mut rounds = 0;
    let (material, stamp) = loop {
        rounds += 1;
        assert!(rounds < 5, "asked for the same again");
        match survey.next(&known, terms)? {
            Next::Reached => return Ok(None),
            Next::Append { material, stamp } => break (material, stamp),
            Next::Lacking(lacks) => {
                for lack in lacks {
                    match lack {
                        Lack::Issuer { .. } => {
                            known.add_certificate(people().ca.certificate.clone()).unwrap();
                        }
                        Lack::Revocation { crls, .. } => {
                            assert_eq!(crls, ["http://pki.example/seals.crl"]);
                            for list in lists {
                                known.add_crl(list.clone()).unwrap();
                            }
                        }
                    }
                }
            }
        }
    };
    let tail = if stamp { stamped(&bytes, &material, service) } else { stored(&bytes, &material).unwrap() };
    Ok(Some([bytes, &tail].concat()))
}

pub fn stamped(source: &dyn Source, material: &Material, service: &Service<'_>) -> Vec<u8> {
    let document = Document::open(source, &Limits::default()).unwrap();
    let mut reserve = service.hint;
    for _ in 0..2 {
        let Step::Stamp(prepared) = append(&document, material, Some(reserve)).unwrap() else {
            panic!("no time-stamp")
        };
        let digest = prepared.digest(source, DigestAlgorithm::Sha256).unwrap();
        match prepared.embed(&service.token(DigestAlgorithm::Sha256, &digest).unwrap()) {
            Ok(signed) => return signed.tail,
            Err(EmbedError::TooSmall { needed, .. }) => reserve = needed + 8,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the reserve does not settle")
}

pub fn stored(source: &dyn Source, material: &Material) -> Option<Vec<u8>> {
    let document = Document::open(source, &Limits::default()).unwrap();
    add_store(&document, material).unwrap().map(|signed| signed.tail)
}

/// What our verifier says at `at` with nothing but the root at hand.
pub fn judged(bytes: &[u8], at: i64) -> Report {
    let report = verify(&bytes, &Options::new(&people().anchors, at), &Limits::default()).unwrap();
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    report
}

fn page() -> Vec<u8> {
    super::support::one_page().bytes
}

/// A signature with its time-stamp inside, in one pass.
pub fn signed_with_time(bytes: &[u8], request: &SignatureRequest, at: i64) -> Vec<u8> {
    let signer = TimeStamped { signer: &people().seal.signer, source: &service(at) };
    let signed = sign::sign(&bytes, request, &signer).unwrap();
    [bytes, &signed.tail].concat()
}

#[test]
fn a_signature_with_a_time_stamp_is_made_in_one_pass_and_is_b_t() {
    let file = signed_with_time(&page(), &invisible(), NOW);
    let survey = surveyed(&file);
    assert_eq!(survey.marks.len(), 1);
    let lists = lists(NOW);
    let options = Options { crls: &lists, ..Options::new(&people().anchors, NOW + 60) };
    let report = verify(&file, &options, &Limits::default()).unwrap();
    assert_eq!((report.verdict, report.signatures[0].level), (Verdict::Valid, Level::BT), "{report:?}");
    assert_eq!(report.signatures[0].best_signature_time.as_deref(), Some("2026-11-22T00:00:00Z"));
    // The second round knows the size: nothing is wasted beyond what signatures differ by.
    let padding = file.windows(2).rev().skip_while(|pair| pair != b"0>").take_while(|pair| pair[0] == b'0');
    assert!(padding.count() < 300);
}

#[test]
fn each_level_is_reached_from_the_one_below_and_in_one_call() {
    let lists = lists(NOW);
    let signed = signed(&page(), &invisible(), &people().seal);
    let mut file = signed.clone();
    for (level, shown) in [(Level::BT, Level::BT), (Level::BLT, Level::BLT), (Level::BLTA, Level::BLTA)] {
        file = raise(&file, level, false, &lists, &service(NOW)).unwrap().unwrap();
        assert!(file.starts_with(&signed));
        if level == Level::BT {
            let options = Options { crls: &lists, ..Options::new(&people().anchors, NOW + 60) };
            let report = verify(&file, &options, &Limits::default()).unwrap();
            assert_eq!(report.signatures[0].level, shown, "{report:?}");
        } else {
            let report = judged(&file, NOW + 60);
            assert_eq!((report.verdict, report.signatures[0].level), (Verdict::Valid, shown));
            assert_eq!(report.signatures[0].changes, [Class::Ltv]);
        }
        assert!(raise(&file, level, false, &lists, &service(NOW)).unwrap().is_none(), "{level:?} is reached");
    }
    let at_once = raise(&signed, Level::BLTA, false, &lists, &service(NOW)).unwrap().unwrap();
    let report = judged(&at_once, NOW + 60);
    assert_eq!((report.verdict, report.signatures[0].level), (Verdict::Valid, Level::BLTA));
    assert_eq!(report.file.revisions, 3, "store and time-stamp are one revision");
    assert!(!at_once.windows(4).any(|window| window == b"/VRI"));
}

#[test]
fn an_archive_is_renewed_before_its_evidence_is_gone_and_holds_after_the_first_time_stamp_could_not() {
    let first = signed_with_time(&page(), &invisible(), NOW);
    let mut file = raise(&first, Level::BLTA, false, &lists(NOW), &service(NOW)).unwrap().unwrap();
    assert!(raise(&file, Level::BLTA, false, &lists(NOW), &service(NOW + DAY)).unwrap().is_none());
    for later in [300, 600] {
        let at = NOW + later * DAY;
        let renewed = raise(&file, Level::BLTA, true, &lists(at), &service(at)).unwrap().unwrap();
        assert!(renewed.starts_with(&file));
        file = renewed;
        let report = judged(&file, at + 60);
        assert_eq!(report.signatures[0].level, Level::BLTA);
        assert_eq!(report.verdict, Verdict::Valid);
    }
}

#[test]
fn what_is_stored_is_not_stored_again_whatever_shape_the_store_has() {
    let lists = lists(NOW);
    let material = Material {
        certificates: vec![people().ca.certificate.der().to_vec(), people().root.certificate.der().to_vec()],
        crls: vec![lists[0].der().to_vec()],
        ocsp: Vec::new(),
    };
    let catalogs = [
        "/DSS << /Certs [6 0 R] /VRI << >> >>",
        "/DSS 5 0 R",
        "/DSS << /Certs 7 0 R >>",
        "/DSS 8 0 R",
        "/DSS null",
    ];
    for catalog in catalogs {
        let mut writer = super::support::Writer::new();
        writer
            .object(1, &format!("<< /Type /Catalog /Pages 2 0 R {catalog} >>"))
            .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
            .object(3, "<< /Type /Page /Parent 2 0 R /Resources << >> >>")
            .object(5, "<< /Type /DSS /Certs [6 0 R] /CRLs 9 0 R >>")
            .stream(6, "", people().ca.certificate.der())
            .object(7, "[6 0 R]")
            .object(8, "<< /Certs 7 0 R >>")
            .object(9, "[]")
            .table("/Size 10 /Root 1 0 R");
        let file = writer.bytes;
        let tail = stored(&file, &material).unwrap();
        let whole = [file.as_slice(), &tail].concat();
        assert_eq!(stored(&whole, &material), None, "{catalog}");
        let count = tail.windows(people().ca.certificate.der().len());
        let written = count.filter(|window| *window == people().ca.certificate.der()).count();
        assert_eq!(written, usize::from(catalog == "/DSS null"), "{catalog}");
        let document = Document::open(&whole, &Limits::default()).unwrap();
        let (_, root) = document.catalog().unwrap();
        let store = document.entry(&root, b"DSS").unwrap();
        let certs = document.entry(store.as_dictionary().unwrap(), b"Certs").unwrap();
        assert_eq!(certs.as_array().unwrap().len(), 2, "{catalog}");
        assert_eq!(store.as_dictionary().unwrap().get(b"VRI").is_some(), catalog.contains("VRI"));
        assert!(String::from_utf8_lossy(&tail).contains("/ESIC"));
    }
}

#[test]
fn certified_and_locked_documents_take_store_and_time_stamp() {
    let lists = lists(NOW);
    let mut locked = SignatureRequest { certify: Some(DocMdp::NoChanges), ..invisible() };
    for lock in [None, Some(FieldLock::All)] {
        locked.lock = lock;
        let file = signed_with_time(&page(), &locked, NOW);
        let raised = raise(&file, Level::BLTA, false, &lists, &service(NOW)).unwrap().unwrap();
        let report = judged(&raised, NOW + 60);
        assert_eq!((report.verdict, report.signatures[0].level), (Verdict::Valid, Level::BLTA));
    }
}

#[test]
fn what_cannot_be_raised_is_refused_with_the_reason() {
    let file = signed(&page(), &invisible(), &people().seal);
    let mut broken = file.clone();
    broken[40] ^= 1;
    let document =
        |bytes: &[u8]| Document::open(&bytes, &Limits::default()).map(|document| survey(&document).err());
    assert!(matches!(document(&broken), Ok(Some(SurveyError::Broken { field, .. })) if field == "Seal1"));
    assert!(matches!(document(&page()), Ok(Some(SurveyError::NoSignature))));

    let untrusted = TrustAnchors::new(vec![people().stranger.certificate.clone()]);
    let survey = surveyed(&file);
    let terms = |anchors, at| Terms { level: Level::BLT, anchors, at, renew: false, authority: None };
    let refused = survey.next(&survey.known, terms(&untrusted, NOW));
    assert!(
        matches!(refused, Ok(Next::Lacking(ref lacks)) if matches!(lacks[..], [Lack::Issuer { .. }])),
        "{refused:?}"
    );
    let late = survey.next(&survey.known, terms(&people().anchors, NOW + 5000 * DAY));
    assert!(matches!(late, Err(Refusal::Signer { .. })), "{late:?}");
    let level = Terms { level: Level::BB, ..terms(&people().anchors, NOW) };
    assert_eq!(survey.next(&survey.known, level).unwrap_err(), Refusal::Level);

    let revoked = signed(&page(), &invisible(), &people().revoked);
    let refused = raise(&revoked, Level::BLT, false, &lists(NOW), &service(NOW)).unwrap_err();
    assert!(refused.to_string().contains("revoked"), "{refused}");
}

/// Root and unit of a time-stamping authority that anyone can make.
fn forger() -> &'static [Person; 2] {
    static FORGER: std::sync::OnceLock<[Person; 2]> = std::sync::OnceLock::new();
    FORGER.get_or_init(|| {
        let root = person(None, "root", "Forged Root");
        let unit = person(Some(&root), "time-stamp", "Forged Unit");
        [root, unit]
    })
}

/// A document time-stamp by it, which says a time of its own choosing.
fn self_made(bytes: &[u8], at: i64, chain: &'static Person) -> Vec<u8> {
    let tail = stamped(&bytes, &Material::default(), &Service { at, unit: &forger()[1], hint: 0, chain });
    [bytes, &tail].concat()
}

#[test]
fn a_document_time_stamp_that_nobody_trusts_proves_nothing_at_any_level() {
    let lists = lists(NOW);
    let sealed = signed(&page(), &invisible(), &people().seal);
    let [root, unit] = forger();
    let forged = self_made(&sealed, NOW - DAY / 2, root);
    for level in [Level::BT, Level::BLT, Level::BLTA] {
        let raised = raise(&forged, level, false, &lists, &service(NOW)).unwrap();
        let raised = raised.unwrap_or_else(|| panic!("{level:?} is not reached by a forged time-stamp"));
        assert_eq!(surveyed(&raised).marks.len(), 3, "{level:?} takes a time-stamp that is trusted");
        assert!(raise(&raised, level, false, &lists, &service(NOW)).unwrap().is_none(), "{level:?}");
    }
    // One that names an address for its issuer, and leaves it at that.
    let astray = self_made(&sealed, NOW - DAY / 2, unit);
    assert!(raise(&astray, Level::BT, false, &lists, &service(NOW)).unwrap().is_some());
    // Over an archive, too: what is not trusted does not cover it, and does not stand in the way.
    let archived = raise(&sealed, Level::BLTA, false, &lists, &service(NOW)).unwrap().unwrap();
    let covered = self_made(&archived, NOW, root);
    let raised = raise(&covered, Level::BLTA, false, &lists, &service(NOW)).unwrap().unwrap();
    assert!(raise(&raised, Level::BLTA, false, &lists, &service(NOW)).unwrap().is_none());
    // Backdated, it does not save a signature whose certificate has run out either.
    let late = NOW + 5000 * DAY;
    let backdated = self_made(&sealed, NOW, root);
    for level in [Level::BT, Level::BLT, Level::BLTA] {
        let survey = surveyed(&backdated);
        let terms = Terms { level, anchors: &people().anchors, at: late, renew: false, authority: None };
        assert!(survey.next(&survey.known, terms).is_err_and(|refusal| !matches!(refusal, Refusal::Level)));
    }
}

#[test]
fn a_service_that_is_not_trusted_is_refused_for_b_t_as_for_the_others() {
    let sealed = surveyed(&signed(&page(), &invisible(), &people().seal));
    let stranger = Some(&people().stranger.certificate);
    for level in [Level::BT, Level::BLTA] {
        let mut known = sealed.known.clone();
        lists(NOW).into_iter().for_each(|list| known.add_crl(list).unwrap());
        let terms = Terms { level, anchors: &people().anchors, at: NOW, renew: false, authority: stranger };
        let refused = sealed.next(&known, terms);
        assert!(matches!(refused, Err(Refusal::Service(_))), "{level:?}: {refused:?}");
    }
}

#[test]
fn two_steps_that_are_not_on_disk_yet_read_as_one_document() {
    let file = page();
    let signer = TimeStamped { signer: &people().seal.signer, source: &service(NOW) };
    let first = sign::sign(&file, &invisible(), &signer).unwrap();
    let grown = Appended::new(&file, first.tail.clone());
    let material = Material { crls: vec![lists(NOW)[1].der().to_vec()], ..Material::default() };
    let tail = stamped(&grown, &material, &service(NOW));
    let whole = [file.as_slice(), &first.tail, &tail].concat();
    assert_eq!(surveyed(&whole).marks.len(), 2);
}

fn surveyed(bytes: &[u8]) -> Survey {
    survey(&Document::open(&bytes, &Limits::default()).unwrap()).unwrap()
}
