//! A document for every sub-indication of EN 319 102-1, each yielding exactly that.

use pki::SubIndication as Sub;
use pki::validation::Process::{Archival, Basic, WithTime};

use super::cases::{Case, Outcome, failed, policy, undecided};
use super::cast::{DAY, END, SIGNED, START, YEAR, authority, cast, clean_lists, signer};
use super::forge::{Cms, Party, Wish, attribute, ca, oid, seq, tlv, usage};
use super::paper::Paper;
use super::strong::strong;

/// The day after signing: everything is valid.
const NEXT_DAY: i64 = SIGNED + DAY;
/// Ten days after the seal's certificate ended.
const AFTER: i64 = END + 10 * DAY;

/// A signature of the seal as it should be.
pub fn sound() -> Cms<'static> {
    Cms::new(&cast().seal, &[&cast().ca])
}

fn signed(cms: &Cms<'_>) -> Paper {
    Paper::new().sign(SIGNED, cms)
}

/// Judged the day after signing with lists of that day.
fn fresh(name: &'static str, cms: &Cms<'_>, expected: Outcome) -> Case {
    Case::new(name, signed(cms), NEXT_DAY, Basic, expected).knowing(clean_lists(NEXT_DAY - DAY / 2))
}

pub fn cases() -> Vec<Case> {
    let mut cases = broken();
    cases.extend(constraints());
    cases.extend(certificates());
    cases.extend(proofs());
    cases
}

/// What the octets themselves say.
fn broken() -> Vec<Case> {
    let mut altered = fresh("HASH_FAILURE", &sound(), failed(Sub::HashFailure));
    let at = memchr::memmem::find(&altered.paper.bytes, b"(hello)").unwrap();
    altered.paper.bytes[at + 1] = b'j';
    // No PDF can lack what it signs: the signature alone.
    let mut detached = fresh("SIGNED_DATA_NOT_FOUND", &sound(), undecided(Sub::SignedDataNotFound));
    detached.detached = Some(sound().sign(&crypto::DigestAlgorithm::Sha256.digest(b"what was signed")));
    vec![
        fresh("FORMAT_FAILURE", &Cms { twice: true, ..sound() }, failed(Sub::FormatFailure)),
        altered,
        detached,
        fresh("SIG_CRYPTO_FAILURE", &Cms { forged: true, ..sound() }, failed(Sub::SigCryptoFailure)),
        fresh(
            "NO_SIGNING_CERTIFICATE_FOUND",
            &Cms { bare: true, ..sound() },
            undecided(Sub::NoSigningCertificateFound),
        ),
    ]
}

/// What the policy demands.
fn constraints() -> Vec<Case> {
    let cast = cast();
    let mut bare_time = fresh("SIG_CONSTRAINTS_FAILURE", &sound(), undecided(Sub::SigConstraintsFailure))
        .under(policy(&[("proven-time = false", "proven-time = true")]));
    bare_time.process = WithTime;
    let unbound = fresh(
        "SIG_CONSTRAINTS_FAILURE (attribute)",
        &Cms { unbound: true, ..sound() },
        undecided(Sub::SigConstraintsFailure),
    )
    .under(policy(&[("signing-certificate = false", "signing-certificate = true")]));
    // The document of the signature policy is another one than the signer signed for.
    let digest = |octet| seq(&[seq(&[oid("2.16.840.1.101.3.4.2.1")]), tlv(4, [octet; 32])]);
    let named = attribute("1.2.840.113549.1.9.16.2.15", seq(&[oid("1.3.6.1.4.1.99999.7"), digest(1)]));
    let known = format!(
        "signature-policies = \"known\"\n[[signature-policy]]\nid = \"1.3.6.1.4.1.99999.7\"\nsha256 = \"{}\"",
        "02".repeat(32)
    );
    let under_policy = Cms { attributes: vec![named], ..sound() };
    let another = fresh("POLICY_PROCESSING_ERROR", &under_policy, undecided(Sub::PolicyProcessingError))
        .under(policy(&[("signature-policies = \"ignored\"", &known)]));
    let missing =
        fresh("SIGNATURE_POLICY_NOT_AVAILABLE", &under_policy, undecided(Sub::SignaturePolicyNotAvailable))
            .under(policy(&[("signature-policies = \"ignored\"", "signature-policies = \"known\"")]));
    let order =
        Cms { content_stamp: Some((&cast.tsa, SIGNED)), stamps: vec![(&cast.tsa, SIGNED - DAY)], ..sound() };
    let mut order = fresh("TIMESTAMP_ORDER_FAILURE", &order, undecided(Sub::TimestampOrderFailure));
    order.process = WithTime;

    let strong = strong();
    let never = policy(&[
        ("{ bits = 256, until = \"open\" }", "{ bits = 384, until = \"open\" }"),
        ("    { bits = 224, until = 2021-10-01 },", ""),
        ("    { bits = 160, until = 2012-08-01 },", ""),
    ]);
    let mut weak = Case::new(
        "CRYPTO_CONSTRAINTS_FAILURE",
        Paper::new().sign(SIGNED, &Cms::new(&strong.seal, &[&strong.ca])),
        NEXT_DAY,
        Basic,
        undecided(Sub::CryptoConstraintsFailure),
    )
    .knowing(strong.lists(NEXT_DAY - DAY / 2))
    .under(never);
    weak.anchors = vec![strong.root.certificate.clone()];
    weak.ends = vec![("ecdsa256", 0)];
    let mut ended = Case::new(
        "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
        Paper::new().sign(SIGNED, &Cms::new(&strong.seal, &[&strong.ca])),
        SIGNED + 100 * DAY,
        Basic,
        undecided(Sub::CryptoConstraintsFailureNoPoe),
    )
    .knowing(strong.lists(SIGNED + 99 * DAY))
    .under(policy(&super::strong::ENDED));
    ended.anchors = vec![strong.root.certificate.clone()];
    ended.ends = vec![("ecdsa256", super::strong::ENDS)];
    vec![bare_time, unbound, another, missing, order, weak, ended]
}

/// What the certificates and their authorities say.
fn certificates() -> Vec<Case> {
    let cast = cast();
    let short = cast.root.certify(Wish::new("Short CA", START - YEAR, END, vec![ca(Some(0)), usage(6)]));
    let below = short.certify(Wish::new("Sub CA", START - YEAR, END, authority()));
    let deep = below.certify(Wish::new("Deep Seal", START, END, signer()));
    let lists = |authorities: &[&Party]| -> Vec<Vec<u8>> {
        let days = [NEXT_DAY - DAY / 2, NEXT_DAY + 30 * DAY];
        authorities.iter().map(|authority| authority.crl(days, &[])).collect()
    };
    let constrained = Case::new(
        "CHAIN_CONSTRAINTS_FAILURE",
        signed(&Cms::new(&deep, &[&below, &short])),
        NEXT_DAY,
        Basic,
        undecided(Sub::ChainConstraintsFailure),
    )
    .knowing(lists(&[&cast.root, &short, &below]));
    let forged = cast.ca.certify(Wish { forged: true, ..Wish::new("Forged Seal", START, END, signer()) });
    let forged = fresh(
        "CERTIFICATE_CHAIN_GENERAL_FAILURE",
        &Cms::new(&forged, &[&cast.ca]),
        undecided(Sub::CertificateChainGeneralFailure),
    );
    let mut stranger = fresh("NO_CERTIFICATE_CHAIN_FOUND", &sound(), undecided(Sub::NoCertificateChainFound));
    stranger.anchors = vec![strong().root.certificate.clone()];
    let mut silent = fresh("TRY_LATER (nothing known)", &sound(), undecided(Sub::TryLater));
    silent.crls.truncate(1);
    let mut stale = fresh("TRY_LATER", &sound(), undecided(Sub::TryLater));
    stale.crls[1] = cast.ca.crl([SIGNED - 20 * DAY, SIGNED - 10 * DAY], &[]);

    let now = [NEXT_DAY - DAY / 2, NEXT_DAY + 30 * DAY];
    let root_clean = cast.root.crl(now, &[]);
    let revoked = |at: i64| vec![root_clean.clone(), cast.ca.crl(now, &[(&cast.seal, at, 1)])];
    let no_poe = Case::new("REVOKED_NO_POE", signed(&sound()), NEXT_DAY, Basic, undecided(Sub::RevokedNoPoe))
        .knowing(revoked(SIGNED - DAY));
    let content = Cms { content_stamp: Some((&cast.tsa, SIGNED - DAY)), ..sound() };
    let proven = Case::new("REVOKED", signed(&content), NEXT_DAY, Basic, failed(Sub::Revoked))
        .knowing(revoked(SIGNED - 10 * DAY));
    let ca_lists = [cast.root.crl(now, &[(&cast.ca, SIGNED - DAY, 2)]), cast.ca.crl(now, &[])];
    let ca_no_poe =
        Case::new("REVOKED_CA_NO_POE", signed(&sound()), NEXT_DAY, Basic, undecided(Sub::RevokedCaNoPoe))
            .knowing(ca_lists);
    vec![constrained, forged, stranger, silent, stale, no_poe, proven, ca_no_poe]
}

/// What depends on when something is known to have existed.
fn proofs() -> Vec<Case> {
    let cast = cast();
    let out =
        Case::new("OUT_OF_BOUNDS_NO_POE", signed(&sound()), AFTER, Basic, undecided(Sub::OutOfBoundsNoPoe))
            .knowing([cast.root.crl([AFTER - DAY, AFTER + DAY], &[])]);
    let not_revoked = Case::new(
        "OUT_OF_BOUNDS_NOT_REVOKED",
        signed(&sound()),
        AFTER,
        Basic,
        undecided(Sub::OutOfBoundsNotRevoked),
    )
    .knowing(clean_lists(END - DAY));
    let late =
        Paper::new().sign(END + 2 * DAY, &Cms { content_stamp: Some((&cast.tsa, END + DAY)), ..sound() });
    let expired =
        Case::new("EXPIRED", late, AFTER, Basic, failed(Sub::Expired)).knowing(clean_lists(AFTER - DAY));
    let early = Paper::new().sign(START - DAY, &Cms { stamps: vec![(&cast.tsa, START - DAY)], ..sound() });
    let early = Case::new("NOT_YET_VALID", early, START - DAY / 2, WithTime, failed(Sub::NotYetValid))
        .knowing(clean_lists(START - DAY));
    // The seal and its authority have ended. The signature is proven to be older, and so is its certificate; that the
    // authority's list was made while the authority could, nothing proves.
    let stamped =
        Cms { stamps: vec![(&cast.tsa, SIGNED)], ..Cms::new(&cast.brief, &[&cast.short_ca, &cast.ca]) };
    let list = cast.short_ca.crl([SIGNED, SIGNED + 5 * DAY], &[]);
    let unproven = Case::new(
        "REVOCATION_OUT_OF_BOUNDS_NO_POE",
        signed(&stamped).store(&[], &[&list], &[]),
        AFTER,
        Archival,
        undecided(Sub::RevocationOutOfBoundsNoPoe),
    )
    .knowing(clean_lists(END - DAY));
    // Everything is good by lists that were made after the time of validation; the policy wants proofs from the archive,
    // and nothing of that kind existed then.
    let nothing = Case::new("NO_POE", signed(&sound()), NEXT_DAY, Archival, undecided(Sub::NoPoe))
        .knowing(clean_lists(NEXT_DAY + DAY))
        .under(policy(&[("required = false", "required = true")]));
    vec![out, not_revoked, expired, early, unproven, nothing]
}
