//! What no PDF can yield: a signature whose data is not at hand.

use pki::SubIndication;
use pki::cms::{Limits, SignedData};
use pki::validation::{Evidence, Origin, Poes, Subject, validate};

use super::cases::{policy, undecided};
use super::cast::{DAY, SIGNED, cast, clean_lists};
use super::forge::crl;
use super::words::sound;

#[test]
fn a_detached_signature_without_its_data_is_undecided() {
    let digest = crypto::DigestAlgorithm::Sha256.digest(b"what was signed");
    let data = SignedData::parse(&sound().sign(&digest), &Limits::default()).unwrap();
    // What the signer says of the data stands in for it, so that nothing else is wrong.
    let verified = data.verify(&[], |_| Ok::<_, std::convert::Infallible>(digest.clone())).unwrap();
    let mut evidence = Evidence::new(&cast().anchors);
    evidence.add_certificates(data.certificates(), Origin::Signature);
    evidence.add_crls(&clean_lists(SIGNED).map(|der| crl(&der)), Origin::Outside);
    let mut subject = Subject::of_cms("detached", &data, &verified);
    for (at_hand, expected) in
        [(true, super::cases::PASSED), (false, undecided(SubIndication::SignedDataNotFound))]
    {
        subject.signed_data = at_hand;
        let outcome = validate(&subject, &evidence, &mut Poes::new(), &policy(&[]), SIGNED + DAY);
        assert_eq!((outcome.indication, outcome.sub_indication), expected, "{:?}", outcome.reasons);
    }
}
