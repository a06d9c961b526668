//! One case to judge: a document, what is known outside it, when, under which policy, and what must come out.

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Kind, Options, Report, SignatureReport, verify};
use pki::cms::{Limits as CmsLimits, SignedAttributes, SignedData};
use pki::crl::Crl;
use pki::ocsp::BasicResponse;
use pki::path::TrustAnchors;
use pki::validation::{Evidence, Origin, Poes, Process, SignaturePolicy, Subject, Validation, validate};
use pki::{Certificate, Indication, SubIndication};

use super::cast::cast;
use super::paper::Paper;

/// What comes out: TOTAL-PASSED, or INDETERMINATE or TOTAL-FAILED with a word.
pub type Outcome = (Indication, Option<SubIndication>);

pub const PASSED: Outcome = (Indication::TotalPassed, None);

pub const fn undecided(sub_indication: SubIndication) -> Outcome {
    (Indication::Indeterminate, Some(sub_indication))
}

pub const fn failed(sub_indication: SubIndication) -> Outcome {
    (Indication::TotalFailed, Some(sub_indication))
}

pub struct Case {
    pub name: &'static str,
    pub paper: Paper,
    /// Judged instead of a PDF: a bare CMS whose data is nowhere.
    pub detached: Option<Vec<u8>>,
    pub at: i64,
    pub policy: SignaturePolicy,
    /// Algorithms and their ends as pyHanko names them; what `policy` says, said again.
    pub ends: Vec<(&'static str, i64)>,
    pub anchors: Vec<Certificate>,
    pub crls: Vec<Vec<u8>>,
    pub ocsps: Vec<Vec<u8>>,
    /// The process that pyHanko is asked to compare.
    pub process: Process,
    pub expected: Outcome,
}

impl Case {
    pub fn new(name: &'static str, paper: Paper, at: i64, process: Process, expected: Outcome) -> Self {
        Self {
            name,
            paper,
            detached: None,
            at,
            policy: policy(&[]),
            ends: Vec::new(),
            anchors: vec![cast().root.certificate.clone()],
            crls: Vec::new(),
            ocsps: Vec::new(),
            process,
            expected,
        }
    }

    /// With revocation lists that do not stand in the document.
    pub fn knowing(mut self, crls: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.crls.extend(crls);
        self
    }

    pub fn under(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    pub fn report(&self) -> Report {
        let anchors = TrustAnchors::new(self.anchors.clone());
        let crls: Vec<Crl> = self.crls.iter().map(|der| Crl::from_der(der).unwrap()).collect();
        let ocsp: Vec<BasicResponse> =
            self.ocsps.iter().map(|der| BasicResponse::from_any_der(der).unwrap()).collect();
        let options = Options { crls: &crls, ocsp: &ocsp, ..Options::under(&self.policy, &anchors, self.at) };
        verify(&self.paper.bytes, &options, &Limits::default()).unwrap()
    }

    /// What comes out, and why.
    pub fn outcome(&self) -> (Outcome, Vec<String>) {
        if let Some(cms) = &self.detached {
            let found = self.without_data(cms);
            return ((found.indication, found.sub_indication), found.reasons);
        }
        let signature = self.signature();
        ((signature.indication, signature.sub_indication), signature.reasons)
    }

    fn without_data(&self, cms: &[u8]) -> Validation {
        let data = SignedData::parse(cms, &CmsLimits::default()).unwrap();
        // What the signer says of the data stands in for it, so that nothing else is wrong.
        let digest = data.signed_attributes().and_then(SignedAttributes::message_digest).unwrap().to_vec();
        let verified = data.verify(&[], |_| Ok::<_, std::convert::Infallible>(digest.clone())).unwrap();
        let anchors = TrustAnchors::new(self.anchors.clone());
        let mut evidence = Evidence::new(&anchors);
        evidence.add_certificates(data.certificates(), Origin::Signature);
        let crls: Vec<Crl> = self.crls.iter().map(|der| Crl::from_der(der).unwrap()).collect();
        evidence.add_crls(&crls, Origin::Outside);
        let mut subject = Subject::of_cms("detached", &data, &verified);
        let mut judge = |at_hand| {
            subject.signed_data = at_hand;
            validate(&subject, &evidence, &mut Poes::new(), &self.policy, self.at)
        };
        assert_eq!(judge(true).indication, Indication::TotalPassed, "only the data is missing");
        judge(false)
    }

    /// What is said of its last signature.
    pub fn signature(&self) -> SignatureReport {
        let signatures = self.report().signatures;
        signatures.into_iter().rfind(|signature| signature.kind == Kind::Signature).unwrap()
    }
}

/// The policy `default` with revocation required throughout and these lines instead of others: (old, new).
pub fn policy(changes: &[(&str, &str)]) -> SignaturePolicy {
    let texts = SignaturePolicy::builtin_texts();
    let mut text = texts.iter().find(|(name, _)| *name == "default").unwrap().1.to_owned();
    let always = [
        ("\nauthorities = \"if-available\"", "\nauthorities = \"required\""),
        ("\ntime-stamp-authorities = \"if-available\"", "\ntime-stamp-authorities = \"required\""),
    ];
    for (old, new) in always.iter().chain(changes) {
        assert!(text.contains(old), "the policy has no `{old}`");
        text = text.replace(old, new);
    }
    SignaturePolicy::parse(&text).unwrap()
}
