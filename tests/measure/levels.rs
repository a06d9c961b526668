//! PAdES B-LTA from a plain file, in process: signature, its time-stamp, security store and document time-stamp.

use std::hint::black_box;

use crypto::DigestAlgorithm;
use pdf::ltv::{Appended, Material, Step, TimeStampSource, TimeStamped, append};
use pdf::sign;
use pdf::syntax::{Document, Limits};
use pki::tsp::{Imprint, Stamper, TimeStampReq, check_response, granted};

use super::pdf::{NOW, cast, visible};
use crate::{Figure, cpu_of};

pub fn figures() -> Vec<Figure> {
    vec![Figure { name: "pdf.sign.blta.31k.cpu_ms", unit: "ms", measure: Box::new(archiving) }]
}

/// A time-stamping authority in this process, which answers requests as one across the network would.
struct Authority {
    stamper: Stamper,
    size: usize,
}

impl TimeStampSource for Authority {
    fn size_hint(&self) -> usize {
        self.size
    }

    fn token(
        &self,
        algorithm: DigestAlgorithm,
        digest: &[u8],
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let imprint = Imprint::new(algorithm, digest)?;
        let request = TimeStampReq::parse(&TimeStampReq::new(imprint, None, [1; 8]).to_der())?;
        let policy = "1.3.6.1.4.1.99999.3".parse()?;
        let stamp = self.stamper.stamp(&request, policy, &[7; 20], NOW * 1_000_000)?;
        let response = granted(&self.stamper.sign(&stamp)?);
        Ok(check_response(&response, &request, &[])?.0)
    }
}

/// A visible P-256 seal with everything its archive takes; evidence is at hand and not verified again.
fn archiving() -> f64 {
    let (bytes, cast, request) = (support::corpus::named("plain-31k").read(), cast(), visible());
    let mut authority = Authority { stamper: cast.stamps.stamper, size: 0 };
    authority.size = authority.token(DigestAlgorithm::Sha256, &[0; 32]).expect("a token").len() + 64;
    let paths = [&cast.seal, &cast.unit, &cast.ca, &cast.root];
    let material = Material {
        certificates: paths.iter().map(|one| one.der().to_vec()).collect(),
        crls: cast.crls.iter().map(|one| one.der().to_vec()).collect(),
        ocsp: Vec::new(),
    };
    1000.0
        * cpu_of(|| {
            let signer = TimeStamped { signer: &cast.signer, source: &authority };
            let signed = sign::sign(&bytes, &request, &signer).expect("signed");
            let grown = Appended::new(&bytes, signed.tail);
            let document = Document::open(&grown, &Limits::default()).expect("a PDF");
            let step = append(&document, &material, Some(authority.size)).expect("prepared");
            let Step::Stamp(prepared) = step else { panic!("nothing to stamp") };
            let digest = prepared.digest(&grown, DigestAlgorithm::Sha256).expect("a digest");
            let token = authority.token(DigestAlgorithm::Sha256, &digest).expect("a token");
            black_box(prepared.embed(&token).expect("embedded").tail);
        })
}
