//! Electronic seals in PDFs and in files of their own, judged by the verifier that service and command line share: what
//! honest makers write holds in both suites, and each attack is called by its name. Signatures are put together here octet
//! by octet, since nothing of ours would sign them.

mod attacks;
mod files;
mod times;

use appliance::documents::{SealMakers, Seals};
use crypto::{DigestAlgorithm, Signer as _};
use eseal::Seal;
use pdf::sign::{self, ClaimedTime, CmsSigner, Container, SignatureRequest};
use pdf::syntax::Limits;
use pdf::verify::{
    Options, Outcome, PlainLimits, Report, SealReport, SignatureContainer, SignatureReport, verify,
    verify_plain,
};
use pki::path::TrustAnchors;
use pki::{Certificate, Indication, SubIndication};

use crate::documents::pdf;
use crate::forge::{oid, seq, tlv};
use crate::world::{NOW, World, time};

/// `20261120000000`, when most of the signatures here were made by their own word.
const SIGNED: &str = "20261120000000";

/// A signature with a seal as somebody puts it together.
#[derive(Clone, Copy)]
pub struct Forged<'w> {
    world: &'w World,
    /// SESeal.
    seal: &'w [u8],
    /// Who signs, and what certificate is shown.
    by: &'w crate::forge::Party,
    certificate: &'w Certificate,
    /// timeInfo, `YYYYMMDDhhmmss`.
    at: &'w str,
    /// The time of a time-stamp of the signature value.
    stamped: Option<&'w str>,
    /// The signature value as r‖s.
    raw: bool,
}

impl<'w> Forged<'w> {
    /// As an honest signer would.
    pub fn honest(world: &'w World, seal: &'w Seal) -> Self {
        Self {
            world,
            seal: seal.der(),
            by: &world.signer,
            certificate: &world.certificate,
            at: SIGNED,
            stamped: None,
            raw: false,
        }
    }

    /// The SES_Signature over content with this digest.
    fn over(&self, digest: &[u8]) -> Vec<u8> {
        let bits = |octets: &[u8]| tlv(3, [&[0], octets].concat());
        let to_sign = seq(&[
            tlv(2, [4]),
            self.seal.to_vec(),
            tlv(0x18, format!("{}Z", self.at)),
            bits(digest),
            tlv(0x16, "/ByteRange"),
        ]);
        let value = self.by.key.sign(&to_sign).unwrap();
        let token = self.stamped.map(|at| {
            let token = self.world.token(&value, time(at));
            tlv(0xA0, bits(&token))
        });
        let value = if self.raw { raw(&value) } else { value };
        let algorithm = self.by.key.scheme().signature_oid().unwrap().to_string();
        seq(&[
            to_sign,
            tlv(4, self.certificate.der()),
            oid(&algorithm),
            bits(&value),
            token.unwrap_or_default(),
        ])
    }
}

impl CmsSigner for Forged<'_> {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.world.suite.digest
    }

    fn size_hint(&self) -> usize {
        12_000
    }

    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.over(digest))
    }
}

/// r‖s of a DER signature.
fn raw(der: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let length = usize::from(der[at + 1]);
        let octets: Vec<u8> =
            der[at + 2..at + 2 + length].iter().copied().skip_while(|octet| *octet == 0).collect();
        ([vec![0; 32 - octets.len()], octets].concat(), at + 2 + length)
    };
    let (r, next) = number(2);
    let (s, _) = number(next);
    [r, s].concat()
}

const GM_SEAL: Container = Container::Other { filter: "Gomain.GMPkiLite", sub_filter: "GM.sm2seal" };

/// What PAdES writes.
pub const CMS: Container = Container::Pades;

/// Signs with a CMS.
pub struct Pades(pki::cms::sign::CmsSigner);

impl CmsSigner for Pades {
    fn digest_algorithm(&self) -> DigestAlgorithm {
        self.0.digest_algorithm()
    }

    fn size_hint(&self) -> usize {
        self.0.max_len()
    }

    fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.sign(digest)?)
    }
}

/// A CMS by a world's signer, without a seal.
pub fn cms_by(world: &World) -> Pades {
    Pades(pki::cms::sign::CmsSigner::new(world.signer.key.clone(), &world.certificate, &[]).unwrap())
}

/// `document` with a signature of that kind appended.
pub fn appended(document: &[u8], container: Container, signer: &dyn CmsSigner) -> Vec<u8> {
    let claimed = ClaimedTime { unix_seconds: time(SIGNED), offset_minutes: 480 };
    let digest = signer.digest_algorithm();
    let request = SignatureRequest { container, digest, ..SignatureRequest::new(claimed) };
    let tail = sign::sign(&document.to_vec(), &request, signer).unwrap().tail;
    [document, &tail].concat()
}

pub fn sealed(signer: &dyn CmsSigner) -> Vec<u8> {
    appended(&pdf(1, 0), GM_SEAL, signer)
}

/// Judged with what a world trusts.
struct Judge<'w> {
    world: &'w World,
    makers: SealMakers,
    /// Further certificates that lie about.
    more: Vec<Certificate>,
    at: i64,
}

impl<'w> Judge<'w> {
    fn of(world: &'w World) -> Self {
        let makers = SealMakers { known: world.makers.clone(), ..SealMakers::default() };
        Self { world, makers, more: Vec::new(), at: NOW }
    }

    fn options<'o>(
        &'o self,
        containers: &'o [&'o dyn SignatureContainer],
        untrusted: &'o [Certificate],
    ) -> Options<'o> {
        let world = self.world;
        Options {
            untrusted,
            crls: &world.crls,
            containers,
            ..Options::under(&world.policy, &world.anchors, self.at)
        }
    }

    fn pdf(&self, file: &[u8]) -> Report {
        let seals = Seals::by(self.makers.clone());
        let untrusted = [vec![self.world.authority_certificate.clone()], self.more.clone()].concat();
        let containers: [&dyn SignatureContainer; 1] = [&seals];
        verify(&file.to_vec(), &self.options(&containers, &untrusted), &Limits::default()).unwrap()
    }

    fn plain(&self, file: &[u8], content: Option<&[u8]>) -> Result<Report, pdf::verify::Unreadable> {
        let seals = Seals::by(self.makers.clone());
        let untrusted = [vec![self.world.authority_certificate.clone()], self.more.clone()].concat();
        let containers: [&dyn SignatureContainer; 1] = [&seals];
        let content = content.map(<[u8]>::to_vec);
        let content = content.as_ref().map(|content| content as &dyn pdf::syntax::Source);
        let options = self.options(&containers, &untrusted);
        verify_plain(&file.to_vec(), content, &options, &PlainLimits::default())
    }
}

/// The one signature of a report.
fn one(report: &Report) -> &SignatureReport {
    let [one] = &report.signatures[..] else { panic!("{} signatures", report.signatures.len()) };
    one
}

fn seal_of(signature: &SignatureReport) -> &SealReport {
    signature.seal.as_ref().expect("a seal")
}

fn outcome(signature: &SignatureReport, step: &str) -> Outcome {
    let steps = &seal_of(signature).steps;
    steps.iter().find(|found| found.name == step).unwrap_or_else(|| panic!("{step}: {steps:?}")).outcome
}

fn said(signature: &SignatureReport) -> (Indication, Option<SubIndication>) {
    (signature.indication, signature.sub_indication)
}
