//! The curve against the base crate, signatures against the standard's example, the base crate and every way to be wrong.

use ::sm2::dsa::signature::{Signer as _, hazmat::PrehashVerifier as _};
use ::sm2::dsa::{Signature, SigningKey, VerifyingKey};
use ::sm2::elliptic_curve::ops::LinearCombination as _;
use ::sm2::elliptic_curve::sec1::ToSec1Point as _;
use ::sm2::elliptic_curve::{Group as _, bigint::NonZero};
use ::sm2::{ProjectivePoint, U256};

use super::point::{GENERATOR, Jacobian, Projective};
use super::*;

/// Numbers that are the same in each run and look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> [u8; 32] {
        self.0 += 1;
        crate::DigestAlgorithm::Sha256.digest(&self.0.to_be_bytes()).try_into().unwrap()
    }

    fn scalar(&mut self) -> Scalar {
        reduced(&self.next())
    }
}

fn octets(hex: &str) -> [u8; 32] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

fn small(number: u64) -> [u8; 32] {
    Scalar::from(number).to_bytes().into()
}

fn bytes(scalar: Scalar) -> [u8; 32] {
    scalar.to_bytes().into()
}

/// Numbers at the edges of windows, digits and the group.
fn edges() -> Vec<[u8; 32]> {
    let mut edges: Vec<[u8; 32]> = [1, 2, 3, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, u64::MAX]
        .into_iter()
        .flat_map(|number| [small(number), bytes(-Scalar::from(number))])
        .collect();
    for bit in 0..256 {
        let power = (0..bit).fold(Scalar::ONE, |power, _| power + power);
        edges.push(bytes(power));
        edges.push(bytes(power - Scalar::ONE));
    }
    // Digits that are all at their largest, at their smallest, and at the half where the sign changes.
    for byte in [0x0F, 0x42, 0x55, 0x84, 0xAA, 0xF0] {
        edges.push([byte; 32]);
    }
    edges.push([vec![0; 16], vec![0xFF; 16]].concat().try_into().unwrap());
    edges.retain(|edge| *edge != [0; 32]);
    edges
}

/// The base crate's point as ours writes it; one octet for infinity.
fn theirs(point: ProjectivePoint) -> Vec<u8> {
    point.to_affine().to_sec1_point(false).as_bytes().to_vec()
}

fn ours(point: Jacobian) -> Vec<u8> {
    if point.is_infinity() { vec![0] } else { Jacobian::to_affine(&[point])[0].to_bytes().to_vec() }
}

fn parsed(point: ProjectivePoint) -> Affine {
    Affine::from_bytes(theirs(point).as_slice().try_into().unwrap()).unwrap()
}

#[test]
fn the_field_computes_what_plain_numbers_do() {
    let p = "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF";
    let p = NonZero::new(U256::from_be_hex(p)).unwrap();
    let mut numbers = Numbers(0);
    let mut values: Vec<U256> = [0, 1, 2, 0xFFFF_FFFF].map(U256::from_u64).to_vec();
    values.extend([1, 2, 3, 0x1_0000_0000].map(|less| p.wrapping_sub(&U256::from_u64(less))));
    values.extend((0..256).step_by(31).map(|bit| U256::ONE.shl_vartime(bit).rem_vartime(&p)));
    values.extend((0..40).map(|_| U256::from_be_slice(&numbers.next()).rem_vartime(&p)));
    let element = |value: &U256| Element::from_bytes(&value.to_be_bytes().into()).unwrap();
    let back = |element: Element| U256::from_be_slice(&element.to_bytes());
    for a in &values {
        let own = element(a);
        assert_eq!(back(own), *a);
        assert_eq!(back(own.square()), a.mul_mod(a, &p));
        assert_eq!(back(own.negate()), U256::ZERO.sub_mod(a, &p));
        let inverse = if *a == U256::ZERO { Element::ZERO } else { Element::ONE };
        assert_eq!(own.invert().mul(&own), inverse);
        for b in &values {
            let other = element(b);
            assert_eq!(back(own.mul(&other)), a.mul_mod(b, &p));
            assert_eq!(back(own.add(&other)), a.add_mod(b, &p));
            assert_eq!(back(own.sub(&other)), a.sub_mod(b, &p));
        }
    }
    for above in [*p, p.wrapping_add(&U256::ONE), U256::MAX] {
        assert_eq!(Element::from_bytes(&above.to_be_bytes().into()), None);
    }
}

#[test]
fn multiples_of_the_base_point_are_the_base_crate_s() {
    let mut numbers = Numbers(1 << 32);
    let random = (0..4000).map(|_| bytes(numbers.scalar()));
    for k in edges().into_iter().chain(random) {
        let number = reduced(&k);
        let expected = theirs(ProjectivePoint::mul_by_generator(&number));
        assert_eq!(multiply::base_secret(&bytes(number)).unwrap().to_bytes().to_vec(), expected, "{k:02x?}");
    }
    assert_eq!(multiply::base_secret(&[0; 32]), None);
}

#[test]
fn joint_products_are_the_base_crate_s() {
    let mut numbers = Numbers(2 << 32);
    let mut cases = Vec::new();
    for _ in 0..2000 {
        cases.push((numbers.scalar(), numbers.scalar(), numbers.scalar()));
    }
    let edges: Vec<_> = edges().iter().map(reduced).collect();
    for (edge, next) in edges.iter().zip(edges.iter().skip(7)) {
        cases.push((*edge, *next, numbers.scalar()));
        // The point is the base point, or its opposite: the chain meets equal and opposite points.
        cases.push((*edge, *next, Scalar::ONE));
        cases.push((*edge, *edge, -Scalar::ONE));
        cases.push((*edge, *edge, Scalar::ONE));
        cases.push((Scalar::ZERO, *edge, numbers.scalar()));
        cases.push((*edge, Scalar::ZERO, numbers.scalar()));
        // The sum is infinity, and twice a product.
        let secret = numbers.scalar();
        cases.push((-(*edge * secret), *edge, secret));
        cases.push((*edge * secret, *edge, secret));
    }
    cases.push((Scalar::ZERO, Scalar::ZERO, Scalar::ONE));
    for (s, t, secret) in cases {
        let point = ProjectivePoint::mul_by_generator(&secret);
        let expected = ProjectivePoint::lincomb(&[(ProjectivePoint::generator(), s), (point, t)]);
        let sum = multiply::joint(&bytes(s), &bytes(t), &parsed(point));
        assert_eq!(ours(sum), theirs(expected), "s {s:?} t {t:?} secret {secret:?}");
    }
}

#[test]
fn one_addition_is_right_for_every_pair_of_points() {
    let own = |k: u64| multiply::base_secret(&small(k)).unwrap();
    let lift = |point: &Affine| Projective::INFINITY.add(point);
    assert_eq!(lift(&GENERATOR).to_affine(), Some(GENERATOR), "to infinity");
    for k in 1..40 {
        assert_eq!(lift(&own(k)).add(&own(k)).to_affine(), Some(own(2 * k)), "to itself");
        assert_eq!(lift(&own(k)).add(&own(k).negate()).to_affine(), None, "to its opposite");
        assert_eq!(lift(&own(k)).add(&own(k + 1)).to_affine(), Some(own(2 * k + 1)), "to another");
        let jacobian = Jacobian::from(own(k)).double();
        assert_eq!(ours(jacobian.add(&jacobian)), own(4 * k).to_bytes().to_vec());
        assert_eq!(ours(jacobian.add_affine(&own(2 * k))), own(4 * k).to_bytes().to_vec());
        assert_eq!(ours(jacobian.add(&jacobian.negate())), [0]);
        assert_eq!(ours(jacobian.add_affine(&own(2 * k).negate())), [0]);
        assert_eq!(ours(jacobian.add(&Jacobian::INFINITY)), ours(jacobian));
        assert_eq!(ours(Jacobian::INFINITY.add(&jacobian)), ours(jacobian));
        assert_eq!(ours(Jacobian::INFINITY.double()), [0]);
    }
}

/// GB/T 32918.5-2017, appendix A.2.
#[test]
fn the_standard_s_example_of_a_signature_comes_out() {
    let secret = octets("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    let key = SecretKey::of(&secret).unwrap();
    let point = "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020\
                 CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";
    assert_eq!(hex::encode_upper(key.point()), point);
    assert_eq!(key.za, octets("B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3"));
    let e = digest(&key.za, b"message digest");
    assert_eq!(e, octets("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640"));
    let k = octets("59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21");
    let (r, s) = key.attempt(&e, &k).unwrap();
    assert_eq!(r, octets("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"));
    assert_eq!(s, octets("B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"));
    assert_eq!(verify(key.point(), b"message digest", &signature_der(&r, &s)), Ok(()));
}

#[test]
fn our_signatures_verify_at_the_base_crate_and_the_other_way_round() {
    let mut numbers = Numbers(3 << 32);
    for round in 0..1000 {
        let secret = bytes(numbers.scalar());
        let key = SecretKey::of(&secret).unwrap();
        let base = SigningKey::from_slice(DEFAULT_ID, &secret).unwrap();
        let message = numbers.next().repeat(5);
        let message = &message[..round % 160];
        assert_eq!(base.verifying_key().to_sec1_bytes().as_ref(), key.point());

        let signature: Signature = base.sign(message);
        let der = signature_der(&signature.r_bytes().into(), &signature.s_bytes().into());
        assert_eq!(verify(key.point(), message, &der), Ok(()));

        let own = key.sign(message).unwrap();
        let (r, s) = signature_scalars(&own).unwrap();
        let theirs = Signature::from_scalars(r, s).unwrap();
        let base = VerifyingKey::from_sec1_bytes(DEFAULT_ID, key.point()).unwrap();
        assert!(base.verify_prehash(&digest(&key.za, message), &theirs).is_ok());
        let other = digest(&key.za, &[message, b"x"].concat());
        assert!(base.verify_prehash(&other, &theirs).is_err());
        assert_eq!(verify(key.point(), &[message, b"x"].concat(), &own), Err(VerifyError::BadSignature));
    }
}

#[test]
fn two_signatures_of_a_message_share_no_number() {
    let key = SecretKey::of(&small(7)).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let (r, s) = signature_scalars(&key.sign(b"m").unwrap()).unwrap();
        assert!(seen.insert(r) && seen.insert(s));
    }
}

#[test]
fn a_random_number_is_replaced_where_the_standard_asks_for_another() {
    let mut numbers = Numbers(4 << 32);
    for _ in 0..20 {
        let (d, k) = (numbers.scalar(), numbers.scalar());
        let key = SecretKey::of(&bytes(d)).unwrap();
        let x = reduced(&multiply::base_secret(&bytes(k)).unwrap().x.to_bytes());
        let attempt = |r: Scalar| key.attempt(&bytes(r - x), &bytes(k));
        assert!(attempt(numbers.scalar()).is_some());
        assert_eq!(attempt(Scalar::ZERO), None, "r = 0");
        assert_eq!(attempt(-k), None, "r + k = n");
        assert_eq!(attempt(k * d.invert().unwrap()), None, "s = 0");
    }
    let key = SecretKey::of(&small(7)).unwrap();
    let n = octets("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
    for k in [[0; 32], n, [0xFF; 32]] {
        assert_eq!(key.attempt(&[1; 32], &k), None);
    }
}

#[test]
fn private_keys_are_between_one_and_the_order_less_two() {
    let secret = |number: Scalar| SecretKey::of(&bytes(number));
    assert!(secret(Scalar::ONE).is_some() && secret(-Scalar::from(2_u64)).is_some());
    assert!(secret(Scalar::ZERO).is_none() && secret(-Scalar::ONE).is_none());
    assert!(SecretKey::of(&[0xFF; 32]).is_none());
}

#[test]
fn signatures_out_of_range_or_over_something_else_do_not_verify() {
    let key = SecretKey::of(&small(0x1234_5678)).unwrap();
    let point = Affine::from_bytes(key.point()).unwrap();
    let e = digest(&key.za, b"m");
    let (r, s) = signature_scalars(&key.sign(b"m").unwrap()).unwrap();
    let accepts = |r: [u8; 32], s: [u8; 32]| is_signature(&point, &e, &signature_der(&r, &s));
    assert!(accepts(r, s));
    let n = octets("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
    let (number_r, number_s) = (reduced(&r), reduced(&s));
    for wrong in [[0; 32], n, [0xFF; 32], small(1), bytes(-Scalar::ONE)] {
        assert!(!accepts(wrong, s) && !accepts(r, wrong) && !accepts(wrong, wrong), "{wrong:02x?}");
    }
    assert!(!accepts(r, bytes(-number_r)), "r + s = n");
    assert!(!accepts(bytes(-number_s), s), "r + s = n");
    assert!(!accepts(s, r) && !accepts(bytes(-number_r), s) && !accepts(r, bytes(-number_s)));
    // r and s with n added, where that fits 256 bits: the same numbers modulo n, and not the same signature.
    let n_more = |number: u64| {
        let mut sum = n;
        sum[24..].copy_from_slice(&(0x53BB_F409_39D5_4123 + number).to_be_bytes());
        sum
    };
    for number in [1, 2, 1000] {
        assert_eq!(reduced(&n_more(number)), Scalar::from(number));
        assert_eq!(scalar(&n_more(number)), None);
        assert_eq!(raw_signature_der(&[n_more(number), s].concat().try_into().unwrap()), None);
        assert_eq!(raw_signature_der(&[r, n_more(number)].concat().try_into().unwrap()), None);
    }
    for bit in 0..256 {
        let flipped = |mut bytes: [u8; 32]| {
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        assert!(!accepts(flipped(r), s) && !accepts(r, flipped(s)), "bit {bit}");
        assert!(!is_signature(&point, &flipped(e), &signature_der(&r, &s)), "bit {bit}");
    }
    let raw: [u8; 64] = [r, s].concat().try_into().unwrap();
    assert_eq!(verify(key.point(), b"m", &raw), Err(VerifyError::BadSignature), "64 octets unasked");
    assert_eq!(verify(key.point(), b"m", &raw_signature_der(&raw).unwrap()), Ok(()));
}

/// The sum of the products is infinity for s = 0 and t = 0 alone with an honest key; with P = -(s/t) G it is for any.
#[test]
fn a_sum_at_infinity_is_no_signature() {
    let mut numbers = Numbers(5 << 32);
    for _ in 0..20 {
        let (s, t, e) = (numbers.scalar(), numbers.scalar(), numbers.scalar());
        let secret = -(s * t.invert().unwrap());
        let point = parsed(ProjectivePoint::mul_by_generator(&secret));
        assert!(multiply::joint(&bytes(s), &bytes(t), &point).is_infinity());
        assert!(!is_signature(&point, &bytes(e), &signature_der(&bytes(t - s), &bytes(s))));
        // Were infinity's x taken for zero, r = e would do.
        assert!(!is_signature(&point, &bytes(t - s), &signature_der(&bytes(t - s), &bytes(s))));
    }
}

/// x1 lies between n and p once in 2^32 times; a key made for the purpose brings it about.
#[test]
fn an_x_above_the_order_is_taken_modulo_it() {
    let mut numbers = Numbers(6 << 32);
    let mut found = 0;
    for above in 0..40_u64 {
        // n + above, if that is some point's x.
        let mut x = octets("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
        x[24..].copy_from_slice(&(0x53BB_F409_39D5_4123 + above).to_be_bytes());
        let compressed = [&[2][..], &x].concat();
        let Ok(target) = ::sm2::PublicKey::from_sec1_bytes(&compressed) else { continue };
        found += 1;
        let (s, t) = (numbers.scalar(), numbers.scalar());
        let rest = target.to_projective() - ProjectivePoint::mul_by_generator(&s);
        let point = rest * t.invert().unwrap();
        let r = t - s;
        let e = bytes(r - Scalar::from(above));
        assert!(is_signature(&parsed(point), &e, &signature_der(&bytes(r), &bytes(s))));
        assert!(!is_signature(&parsed(point), &bytes(r), &signature_der(&bytes(r), &bytes(s))) || above == 0);
    }
    assert!(found > 5);
}

#[test]
fn keys_that_are_no_uncompressed_point_of_the_curve_are_refused() {
    let key = SecretKey::of(&small(3)).unwrap();
    let good = *key.point();
    let signature = key.sign(b"m").unwrap();
    assert_eq!(verify(&good, b"m", &signature), Ok(()));
    let mut wrong = vec![Vec::new(), vec![0], good[1..].to_vec(), [&good[..], &[0]].concat()];
    wrong.push([&[0x02 + (good[64] & 1)][..], &good[1..33]].concat());
    for form in [0, 2, 3, 5, 6, 7] {
        wrong.push([&[form][..], &good[1..]].concat());
    }
    for place in [1, 32, 33, 64] {
        let mut off = good.to_vec();
        off[place] ^= 1;
        wrong.push(off);
    }
    wrong.push([&[4][..], &[0; 64]].concat());
    // The same x with p added does not fit; p itself for zero would.
    let p = octets("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF");
    wrong.push([&[4][..], &p, &good[33..]].concat());
    wrong.push([&[4][..], &good[1..33], &p].concat());
    for key in wrong {
        assert_eq!(verify(&key, b"m", &signature), Err(VerifyError::MalformedKey), "{key:02x?}");
    }
}

#[test]
fn private_keys_with_another_public_half_or_curve_are_refused() {
    let random = SystemRandom::new();
    let document = SecretKey::generate(&random).unwrap();
    let inner = &document[29..];
    let key = SecretKey::from_ec_private_key(inner).unwrap();
    assert_eq!(key.point()[..], document[document.len() - 65..]);
    let mut other = inner.to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert!(matches!(SecretKey::from_ec_private_key(&other), Err(KeyError::Malformed)));
    // Without the public half, as some tools write it; with the curve once more, as OpenSSL's older form has it.
    let bare = [&[0x30, 37][..], &inner[2..39]].concat();
    assert_eq!(SecretKey::from_ec_private_key(&bare).unwrap().point(), key.point());
    let curve = [0xA0, 10, 6, 8, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 1, 0x82, 0x2D];
    let named = [&[0x30, 49][..], &inner[2..39], &curve].concat();
    assert_eq!(SecretKey::from_ec_private_key(&named).unwrap().point(), key.point());
    let p256 = [0xA0, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
    let wrong = [&[0x30, 49][..], &inner[2..39], &p256].concat();
    assert!(matches!(SecretKey::from_ec_private_key(&wrong), Err(KeyError::Malformed)));
    assert!(SecretKey::from_ec_private_key(&[]).is_err());
}
