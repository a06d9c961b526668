//! Electronic seals for the PDF engine and for files of their own: where `pdf` and `eseal` meet.
//!
//! `pdf` knows no seal and `eseal` no PDF. [`Seals`] is the container verifier that both the service and `cinnabar verify`
//! hand to the one, and that asks the other: what octets are, whether they hold, in the standard's order (GB/T 38540-2020).
//! What the register of seals knows beside that is `verification::register`'s.
//!
//! Who makes seals, no standard says how to tell. Here: the makers that the caller names, and beside them whoever has a
//! path that holds to an anchor of `strangers` that serves document signing, unless the seal lists that certificate as its
//! own signer's. Owners of seals are certified beside their makers, so that a caller who has named nobody and has not said
//! that this will do gets no verdict on the maker but INDETERMINATE ([`SealMakers::to_be_named`]).
//!
//! Two standards judge. The steps are those of GB/T 38540, which takes the claimed time for the time of signing where no
//! time-stamp says otherwise; the verdict, and with it the exit code, is that of EN 319 102-1 over the same facts, which
//! believes no claim that helps the signer:
//! - Octets that do not hold, a signer that the seal does not list, and a signing time that by the signer's own word lies
//!   outside of what seal or certificate allowed (after a revocation, too): TOTAL-FAILED, exit 3.
//! - What holds by the claimed time alone, while certificate or seal have ended since, and a maker nobody knows:
//!   INDETERMINATE, exit 4. A time-stamp from before the end makes the former valid.

mod recognise;
mod tell;

use std::sync::Arc;

use crypto::DigestAlgorithm;
use eseal::verify::{
    Makers, Outcome, Report, StepName, Trust as SealTrust, Verdict, verify_seal, verify_with,
};
use eseal::{Read, Seal, Signature, StructureError};
use pdf::verify::{
    ContainerError, Context, Judgement, Kind, OpenContainer, SealReport, SignatureContainer, Trust,
};
use pki::path::{Policy, Purpose, Request, RevocationPolicy, TrustAnchors, examine};
use pki::validation::{Poes, StampKind};
use pki::{Certificate, Indication, SubIndication};

use recognise::Shape;
use tell::Over;
pub(super) use tell::{english, seal as tell_seal};

/// Whose seals count.
#[derive(Debug, Clone, Default)]
pub struct SealMakers {
    /// By their certificates, or by certificates for the same key and name.
    pub known: Vec<Certificate>,
    /// Anchors under which whoever is certified makes seals, unless the seal is for that very certificate.
    pub strangers: TrustAnchors,
    /// Whether a maker under those is still to be named by somebody before his seals count. An owner with two certificates
    /// is a maker like any other there: with the one he would make a seal of any name and picture for the other.
    pub to_be_named: bool,
}

/// The verifier of seals and of what they signed.
#[derive(Debug, Clone, Default)]
pub struct Seals {
    makers: Arc<SealMakers>,
}

impl Seals {
    /// With these makers.
    #[must_use]
    pub fn by(makers: SealMakers) -> Self {
        Self { makers: Arc::new(makers) }
    }
}

impl SignatureContainer for Seals {
    fn handles(&self, sub_filter: &[u8]) -> bool {
        sub_filter == b"GM.sm2seal"
    }

    fn recognises(&self, octets: &[u8]) -> bool {
        Shape::of(octets).is_some()
    }

    fn open(&self, container: &[u8]) -> Result<Box<dyn OpenContainer>, ContainerError> {
        let makers = self.makers.clone();
        match Shape::of(container) {
            Some(Shape::Seal) => {
                Ok(Box::new(OpenSeal { seal: Seal::parse(container).map_err(failed)?, makers }))
            }
            _ => Ok(Box::new(OpenSignature {
                signature: Signature::parse(container).map_err(failed)?,
                makers,
            })),
        }
    }
}

fn failed(error: StructureError) -> ContainerError {
    match error {
        StructureError::TooLarge { .. } => ContainerError::TooComplex { budget: "octets of a seal" },
        StructureError::TooMany { .. } => ContainerError::TooComplex { budget: "members of a seal's list" },
        error => ContainerError::Malformed(error.to_string()),
    }
}

/// What a seal signed.
struct OpenSignature {
    signature: Read<Signature>,
    makers: Arc<SealMakers>,
}

impl OpenContainer for OpenSignature {
    fn kind(&self) -> Kind {
        Kind::SesSignature
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        self.signature.value.digest_algorithm()
    }

    fn claimed_digest(&self) -> Option<&[u8]> {
        Some(self.signature.value.data_hash())
    }

    fn judge(&self, digest: Option<&[u8]>, context: &Context<'_>) -> Judgement {
        let own = self.digest_algorithm();
        // By another algorithm than its own nobody has digested the document.
        let digest = |asked: DigestAlgorithm| digest.filter(|_| Some(asked) == own).map(<[u8]>::to_vec);
        let seal = self.signature.value.seal();
        let (report, spent) = asked(seal, &self.makers, &self.certificates(), context, |trust, validator| {
            let mut proofs = context.poes.clone();
            verify_with(
                &self.signature,
                context.name,
                &digest,
                trust,
                context.options.at,
                validator,
                &mut proofs,
            )
        });
        let mut told = tell::seal(seal);
        tell::report(&mut told, &report);
        told.then = report.signing_time.map(|time| tell::state_at(seal, time));
        told.now = Some(tell::state_at(seal, context.options.at));
        judgement(report, Over::Content, told, spent, context.options.at)
    }

    fn signature_value(&self) -> Option<&[u8]> {
        Some(self.signature.value.value())
    }

    fn certificates(&self) -> Vec<Certificate> {
        let signature = &self.signature.value;
        let own = signature.signer().into_iter().chain(signature.seal().maker());
        let mut all: Vec<Certificate> = own.filter_map(|der| Certificate::from_der(der).ok()).collect();
        let tokens = signature.time_stamp().into_iter().chain(signature.seal().time_stamp());
        for token in tokens {
            if let Ok(token) = pki::cms::TimeStampToken::parse(token, &pki::cms::Limits::default()) {
                all.extend_from_slice(token.signed_data().certificates());
            }
        }
        all
    }

    fn objects(&self) -> Vec<[u8; 32]> {
        let signature = &self.signature.value;
        let mut objects = vec![Poes::digest(signature.value()), Poes::digest(signature.seal().signature())];
        objects.extend(signature.time_stamp().map(Poes::digest));
        objects.extend(signature.seal().time_stamp().map(Poes::digest));
        objects.extend(self.certificates().iter().map(|certificate| *certificate.sha256_fingerprint()));
        objects
    }
}

/// A seal by itself.
struct OpenSeal {
    seal: Read<Seal>,
    makers: Arc<SealMakers>,
}

impl OpenContainer for OpenSeal {
    fn kind(&self) -> Kind {
        Kind::Seal
    }

    fn digest_algorithm(&self) -> Option<DigestAlgorithm> {
        None
    }

    fn needs_content(&self) -> bool {
        false
    }

    fn judge(&self, _: Option<&[u8]>, context: &Context<'_>) -> Judgement {
        let seal = &self.seal.value;
        let (report, spent) = asked(seal, &self.makers, &self.certificates(), context, |trust, _| {
            verify_seal(&self.seal, trust, context.options.at)
        });
        let mut told = tell::seal(seal);
        tell::report(&mut told, &report);
        told.now = Some(tell::state_at(seal, context.options.at));
        let maker = report.maker.clone();
        let mut judgement = judgement(report, Over::Itself, told, spent, context.options.at);
        // Nobody signed with it here; it is its maker who vouches for it.
        judgement.signer = maker;
        judgement.claimed = Some(seal.created());
        judgement
    }

    fn signature_value(&self) -> Option<&[u8]> {
        Some(self.seal.value.signature())
    }

    fn certificates(&self) -> Vec<Certificate> {
        self.seal.value.maker().and_then(|der| Certificate::from_der(der).ok()).into_iter().collect()
    }
}

/// Asks `eseal` with what the context brings.
fn asked(
    seal: &Seal,
    makers: &SealMakers,
    own: &[Certificate],
    context: &Context<'_>,
    mut verify: impl FnMut(&SealTrust<'_>, &mut pki::validation::Validator<'_>) -> Report,
) -> (Report, Option<&'static str>) {
    let evidence = context.evidence(own);
    let policy = context.options.effective_policy();
    let strangers = makers.strangers.serving(Purpose::DocumentSigning);
    let anyone = is_strangers(seal, makers, &strangers, &evidence);
    let (who, maker_anchors) = match anyone {
        true => (Makers::Anyone, Some(&strangers)),
        false => (Makers::Known(&makers.known), None),
    };
    let trust = SealTrust { proofs: context.poes, maker_anchors, ..SealTrust::new(&evidence, &policy, who) };
    let to_be_named = anyone && makers.to_be_named;
    context.with_validator(
        |validator| {
            let mut report = verify(&trust, validator);
            if to_be_named {
                unnamed(&mut report);
            }
            report
        },
        |report| (report.indication, report.sub_indication),
    )
}

/// A maker whose certificate holds, and of whom nobody has said that he makes seals.
fn unnamed(report: &mut Report) {
    let mut steps = report.steps.iter_mut().filter(|step| step.name == StepName::MakerCertificate);
    let Some(step) = steps.find(|step| matches!(step.outcome, Outcome::Passed | Outcome::Warned)) else {
        return;
    };
    step.outcome = Outcome::Undecided;
    step.zh = "该证书有效，但没有依据认定其持有者是制章人：请用 --seal-maker FILE 指定制章人证书；\
               如果信任锚之下任何人均可制章，请用 --any-seal-maker"
        .into();
    step.en = "the certificate holds, and nothing says that its holder makes seals: name the maker's certificate with \
               `--seal-maker FILE`, or say with `--any-seal-maker` that whoever is certified under a trust anchor may"
        .into();
    if report.verdict == Verdict::Valid {
        report.verdict = Verdict::Undecided;
    }
    if report.indication == Indication::TotalPassed {
        report.indication = Indication::Indeterminate;
        report.sub_indication = None;
    }
}

/// Whether a maker nobody named has a path to an anchor of strangers that holds but for revocation, of which the
/// verification speaks. A path that merely looks like one is none: anybody can write a certificate whose issuer has the
/// name of an authority, and lay a second by that name beside it.
fn is_strangers(
    seal: &Seal,
    makers: &SealMakers,
    strangers: &TrustAnchors,
    evidence: &pki::validation::Evidence<'_>,
) -> bool {
    let Some(Ok(maker)) = seal.maker().map(Certificate::from_der) else { return false };
    let same = |known: &Certificate| known.spki() == maker.spki() && known.subject() == maker.subject();
    if strangers.anchors().is_empty() || makers.known.iter().any(same) {
        return false;
    }
    let policy = Policy { ca_revocation: RevocationPolicy::Waived, ..Policy::new(RevocationPolicy::Waived) };
    let request = Request {
        untrusted: evidence.certificates().items(),
        purpose: Purpose::DocumentSigning,
        policy,
        ..Request::new(&maker, strangers, seal.created())
    };
    examine(&request).verdict.failure().is_none()
}

/// What the PDF engine is told.
fn judgement(
    report: Report,
    over: Over,
    told: SealReport,
    spent: Option<&'static str>,
    at: i64,
) -> Judgement {
    let (indication, sub_indication) = concluded(&report);
    let holds = |stamp: &&pki::validation::TimestampValidation| {
        stamp.proves && stamp.kind == StampKind::Signature && stamp.generated_at <= at
    };
    let stamps = report.validation.iter().flat_map(|validation| &validation.timestamps);
    let timestamp = stamps.filter(holds).map(|stamp| stamp.generated_at).min();
    let mut reasons: Vec<String> = report.reasons().map(|(_, en)| en.to_owned()).collect();
    if indication != Indication::TotalPassed {
        let beside = report.validation.iter().flat_map(|validation| &validation.reasons);
        reasons.extend(beside.filter(|reason| !reasons.contains(reason)).cloned().collect::<Vec<_>>());
    }
    Judgement {
        integrity: tell::integrity(&report, over),
        trust: trust(indication, sub_indication),
        indication,
        sub_indication,
        reasons,
        signer: report.signer.clone(),
        timestamp,
        too_complex: spent,
        claimed: report.claimed_time,
        validation: report.validation,
        seal: Some(Box::new(told)),
        ..Judgement::unknown("")
    }
}

/// A step that GB/T 38540 does not let pass is never valid, even where EN 319 102-1 has nothing to say about it.
fn concluded(report: &Report) -> (Indication, Option<SubIndication>) {
    match (report.verdict, report.indication) {
        (Verdict::Invalid | Verdict::Undecided, Indication::TotalPassed) => (Indication::Indeterminate, None),
        (_, indication) => (indication, report.sub_indication),
    }
}

fn trust(indication: Indication, sub_indication: Option<SubIndication>) -> Trust {
    use SubIndication as S;
    match (indication, sub_indication) {
        (Indication::TotalPassed, _) => Trust::Trusted,
        (Indication::TotalFailed, Some(S::Revoked | S::Expired | S::NotYetValid))
        | (
            _,
            Some(S::ChainConstraintsFailure | S::CryptoConstraintsFailure | S::CryptoConstraintsFailureNoPoe),
        ) => Trust::Untrusted,
        _ => Trust::Undecided,
    }
}
