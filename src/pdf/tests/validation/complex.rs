//! Work without end, hidden in containers and certificates: the verdict is `too-complex`, and it comes soon.

use cinnabar_pdf::syntax::Limits;
use cinnabar_pdf::verify::{Options, Report, Unreadable, verify};
use pki::path::TrustAnchors;
use pki::validation::SignaturePolicy;

use super::cases::policy;
use super::cast::{DAY, END, SIGNED, START, YEAR, authority, cast, clean_lists, signer};
use super::forge::{Cms, Party, Wish, crl, san, seq, subtrees, tlv};
use super::paper::Paper;
use super::words::sound;

fn judged(paper: &Paper, policy: &SignaturePolicy) -> Result<Report, Unreadable> {
    let lists = clean_lists(SIGNED).map(|der| crl(&der));
    let options = Options { crls: &lists, ..Options::under(policy, &cast().anchors, SIGNED + DAY) };
    verify(&paper.bytes, &options, &Limits::default())
}

fn assert_too_complex(paper: &Paper, policy: &SignaturePolicy, budget: &str) {
    let error = judged(paper, policy).unwrap_err();
    assert!(error.is_too_complex(), "{error}");
    assert_eq!((error.verdict(), error.exit_code()), ("too-complex", 6));
    assert!(error.to_string().contains(budget), "{error}");
}

/// Tiny certificates, each another one.
fn crowd(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|number| seq(&[tlv(2, number.to_be_bytes())])).collect()
}

#[test]
fn a_cms_with_more_certificates_than_anybody_needs() {
    let few = Cms { more_certificates: crowd(10), ..sound() };
    assert!(judged(&Paper::new().sign(SIGNED, &few), &policy(&[])).is_ok());
    let many = Cms { more_certificates: crowd(100), ..sound() };
    assert_too_complex(&Paper::new().sign(SIGNED, &many), &policy(&[]), "elements of a CMS");
}

#[test]
fn a_signature_with_more_time_stamps_than_anybody_needs() {
    // What they are does not matter: they are read before anything is verified.
    let token = cast().tsa.token(b"", SIGNED, &[]);
    let cms =
        |count: usize| Cms { tokens: (0..count).map(|_| token.clone()).collect(), bare: true, ..sound() };
    assert!(judged(&Paper::new().sign(SIGNED, &cms(2)), &policy(&[])).is_ok());
    assert_too_complex(&Paper::new().sign(SIGNED, &cms(17)), &policy(&[]), "time-stamps of a signature");
}

#[test]
fn a_certificate_with_more_extensions_than_anybody_needs() {
    let cast = cast();
    let bloated = |count: u32| {
        let extension = |number: u32| {
            let id = tlv(6, [vec![0x2A, 3], vec![(number % 100) as u8 + 1]].concat());
            seq(&[id, tlv(4, [5, 0])])
        };
        seq(&(0..count).map(extension).collect::<Vec<_>>())
    };
    let certificate = |count| {
        let tbs = seq(&[
            tlv(0xA0, tlv(2, [2])),
            tlv(2, [1]),
            crypto::Signer::scheme(&*cast.ca.key).algorithm_identifier(),
            cast.ca.name.clone(),
            seq(&[tlv(0x17, "200101000000Z"), tlv(0x17, "300101000000Z")]),
            cast.ca.name.clone(),
            crypto::Signer::public_key(&*cast.ca.key).to_vec(),
            tlv(0xA3, bloated(count)),
        ]);
        seq(&[tbs, crypto::Signer::scheme(&*cast.ca.key).algorithm_identifier(), tlv(3, [0, 1])])
    };
    for (paper, budget) in [
        (Paper::new().sign(SIGNED, &Cms { more_certificates: vec![certificate(99)], ..sound() }), "CMS"),
        (Paper::new().sign(SIGNED, &sound()).store_raw(&[&certificate(99)]), "security store"),
    ] {
        assert_too_complex(&paper, &policy(&[]), budget);
    }
    let paper = Paper::new().sign(SIGNED, &sound()).store_raw(&[&certificate(20)]);
    assert!(judged(&paper, &policy(&[])).is_ok());
}

#[test]
fn a_path_that_costs_more_than_the_policy_gives() {
    let paper = Paper::new().sign(SIGNED, &sound());
    assert!(judged(&paper, &policy(&[])).is_ok());
    assert_too_complex(&paper, &policy(&[("signatures = 256", "signatures = 2")]), "certification paths");
}

#[test]
fn names_times_constraints() {
    let names: Vec<Vec<u8>> = (0..2_000).map(|n| tlv(0x82, format!("n{n}.example"))).collect();
    let constraining = [authority(), vec![subtrees(&names)]].concat();
    let root = Party::root(Wish::new("Names Root", START - YEAR, END + YEAR, authority()));
    let ca = root.certify(Wish::new("Names CA", START - YEAR, END, constraining));
    let seal = ca.certify(Wish::new("Names Seal", START, END, [signer(), vec![san(&names)]].concat()));
    let paper =
        Paper::new().sign(SIGNED, &Cms { bare: true, ..Cms::new(&seal, &[]) }).store(&[&seal, &ca], &[], &[]);
    let anchors = TrustAnchors::new(vec![root.certificate.clone()]);
    let error = verify(&paper.bytes, &Options::new(&anchors, SIGNED + DAY), &Limits::default()).unwrap_err();
    assert_eq!(error.verdict(), "too-complex", "{error}");
}

#[test]
fn hundreds_of_honest_signatures_are_not_too_complex() {
    let mut paper = Paper::new();
    for _ in 0..120 {
        paper = paper.sign(SIGNED, &sound());
    }
    let report = judged(&paper, &policy(&[("signatures = 256", "signatures = 64")])).unwrap();
    assert_eq!(report.verdict, cinnabar_pdf::verify::Verdict::Valid);
    assert_eq!(report.signatures.len(), 120);
}

#[test]
fn hundreds_of_signers_share_a_bounded_budget() {
    let cast = cast();
    let mut paper = Paper::new();
    for _ in 0..40 {
        let seal = cast.ca.certify(Wish::new("One of Many", START, END, signer()));
        paper = paper.sign(SIGNED, &Cms::new(&seal, &[&cast.ca]));
    }
    let report = judged(&paper, &policy(&[("signatures = 256", "signatures = 16")])).unwrap();
    assert_eq!(report.verdict, cinnabar_pdf::verify::Verdict::Valid);
    // Enough for each of them alone, and not for all.
    assert_too_complex(&paper, &policy(&[("signatures = 256", "signatures = 4")]), "lean on");
}
