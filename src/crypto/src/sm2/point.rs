//! Points of SM2's curve y² = x³ - 3x + b (GB/T 32918.5), in two forms.
//!
//! [`Projective`] is for secrets: its one operation is right for every pair of points, so that no branch is needed
//! (Renes, Costello and Batina, "Complete addition formulas for prime order elliptic curves", 2016, algorithm 5).
//! [`Jacobian`] is for public numbers: fewer multiplications, and branches for the exceptions (Cohen, Miyaji and Ono,
//! "Efficient elliptic curve exponentiation using mixed coordinates", 1998).

use super::field::Element;

/// A point other than infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Affine {
    pub(super) x: Element,
    pub(super) y: Element,
}

/// (X : Y : Z) with x = X/Z, y = Y/Z; infinity is (0 : 1 : 0).
#[derive(Clone, Copy, Debug)]
pub(super) struct Projective {
    x: Element,
    y: Element,
    z: Element,
}

/// (X : Y : Z) with x = X/Z², y = Y/Z³; infinity has Z = 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jacobian {
    x: Element,
    y: Element,
    z: Element,
}

impl Affine {
    /// Reads an uncompressed point; `None` when a coordinate is not below p, or the point is not on the curve.
    pub(super) fn from_bytes(point: &[u8; 65]) -> Option<Self> {
        let (form, coordinates) = point.split_first()?;
        let (x, y) = coordinates.split_first_chunk::<32>()?;
        let x = Element::from_bytes(x)?;
        let y = Element::from_bytes(y.try_into().ok()?)?;
        let right = x.square().mul(&x).sub(&x.triple()).add(&B);
        (*form == 0x04 && y.square() == right).then_some(Self { x, y })
    }

    /// The uncompressed point.
    pub(super) fn to_bytes(self) -> [u8; 65] {
        let mut bytes = [0x04; 65];
        let (x, y) = (self.x.to_bytes(), self.y.to_bytes());
        bytes.iter_mut().skip(1).zip(x.iter().chain(&y)).for_each(|(to, from)| *to = *from);
        bytes
    }

    pub(super) fn negate(&self) -> Self {
        Self { x: self.x, y: self.y.negate() }
    }
}

impl Projective {
    pub(super) const INFINITY: Self = Self { x: Element::ZERO, y: Element::ONE, z: Element::ZERO };

    /// The sum of any two points, in constant time.
    pub(super) fn add(&self, other: &Affine) -> Self {
        let xx = self.x.mul(&other.x);
        let yy = self.y.mul(&other.y);
        let xy = self.x.add(&self.y).mul(&other.x.add(&other.y)).sub(&xx).sub(&yy);
        let yz = other.y.mul(&self.z).add(&self.y);
        let xz = other.x.mul(&self.z).add(&self.x);
        let three_z = self.z.triple();
        let shift = xz.sub(&B.mul(&self.z)).triple();
        let (plus, minus) = (yy.add(&shift), yy.sub(&shift));
        let u = xx.triple().sub(&three_z);
        let v = B.mul(&xz).sub(&three_z).sub(&xx).triple();
        Self {
            x: xy.mul(&plus).sub(&yz.mul(&v)),
            y: plus.mul(&minus).add(&u.mul(&v)),
            z: yz.mul(&minus).add(&xy.mul(&u)),
        }
    }

    /// `self` where the mask is all zeros, `other` where it is all ones.
    pub(super) fn select(&self, other: &Self, mask: u64) -> Self {
        Self {
            x: self.x.select(&other.x, mask),
            y: self.y.select(&other.y, mask),
            z: self.z.select(&other.z, mask),
        }
    }

    /// `None` for infinity, which the callers' numbers do not give.
    pub(super) fn to_affine(self) -> Option<Affine> {
        let inverse = self.z.invert();
        (!self.z.is_zero()).then(|| Affine { x: self.x.mul(&inverse), y: self.y.mul(&inverse) })
    }
}

impl Jacobian {
    pub(super) const INFINITY: Self = Self { x: Element::ONE, y: Element::ONE, z: Element::ZERO };

    pub(super) fn is_infinity(&self) -> bool {
        self.z.is_zero()
    }

    /// Twice the point. Infinity stays infinity, and no point has order two.
    pub(super) fn double(&self) -> Self {
        let zz = self.z.square();
        let yy = self.y.square();
        let beta = self.x.mul(&yy);
        let alpha = self.x.sub(&zz).mul(&self.x.add(&zz)).triple();
        let four_beta = beta.double().double();
        let x = alpha.square().sub(&four_beta.double());
        let eight_yyyy = yy.square().double().double().double();
        Self {
            x,
            y: alpha.mul(&four_beta.sub(&x)).sub(&eight_yyyy),
            z: self.y.add(&self.z).square().sub(&yy).sub(&zz),
        }
    }

    /// The sum of any two points.
    pub(super) fn add(&self, other: &Self) -> Self {
        if self.is_infinity() {
            return *other;
        }
        if other.is_infinity() {
            return *self;
        }
        let (zz, other_zz) = (self.z.square(), other.z.square());
        let x = self.x.mul(&other_zz);
        let y = self.y.mul(&other_zz).mul(&other.z);
        let z = self.z.mul(&other.z);
        let other_x = other.x.mul(&zz);
        let other_y = other.y.mul(&zz).mul(&self.z);
        Self { x, y, z }.chord(&Affine { x: other_x, y: other_y }).unwrap_or_else(|| self.double())
    }

    /// The sum of any point and one that is not infinity.
    pub(super) fn add_affine(&self, other: &Affine) -> Self {
        if self.is_infinity() {
            return Self::from(*other);
        }
        let zz = self.z.square();
        let lifted = Affine { x: other.x.mul(&zz), y: other.y.mul(&zz).mul(&self.z) };
        self.chord(&lifted).unwrap_or_else(|| self.double())
    }

    /// The sum with a point given by X and Y under this point's Z; `None` when both are the same.
    fn chord(&self, other: &Affine) -> Option<Self> {
        let run = other.x.sub(&self.x);
        let rise = other.y.sub(&self.y);
        if run.is_zero() {
            return if rise.is_zero() { None } else { Some(Self::INFINITY) };
        }
        let square = run.square();
        let cube = square.mul(&run);
        let middle = self.x.mul(&square);
        let x = rise.square().sub(&cube).sub(&middle.double());
        let y = rise.mul(&middle.sub(&x)).sub(&self.y.mul(&cube));
        Some(Self { x, y, z: self.z.mul(&run) })
    }

    pub(super) fn negate(&self) -> Self {
        Self { x: self.x, y: self.y.negate(), z: self.z }
    }

    /// Whether the point's x is that number; infinity has none. Takes no inversion.
    pub(super) fn has_x(&self, x: &Element) -> bool {
        !self.is_infinity() && self.x == x.mul(&self.z.square())
    }

    /// Points other than infinity as affine ones, with one inversion for all of them (Montgomery's trick).
    pub(super) fn to_affine(points: &[Self]) -> Vec<Affine> {
        let mut product = Element::ONE;
        // The product of all Z before each point.
        let mut before = Vec::with_capacity(points.len());
        for point in points {
            before.push(product);
            product = product.mul(&point.z);
        }
        let mut inverse = product.invert();
        let mut affine: Vec<_> = points
            .iter()
            .zip(before)
            .rev()
            .map(|(point, before)| {
                let z = inverse.mul(&before);
                inverse = inverse.mul(&point.z);
                let zz = z.square();
                Affine { x: point.x.mul(&zz), y: point.y.mul(&zz).mul(&z) }
            })
            .collect();
        affine.reverse();
        affine
    }
}

impl From<Affine> for Jacobian {
    fn from(point: Affine) -> Self {
        Self { x: point.x, y: point.y, z: Element::ONE }
    }
}

/// The curve's b.
const B: Element = Element::from_limbs([
    0x90D2_3063_2BC0_DD42,
    0x71CF_379A_E9B5_37AB,
    0x5279_8150_5EA5_1C3C,
    0x240F_E188_BA20_E2C8,
]);

/// The base point G.
pub(super) const GENERATOR: Affine = Affine {
    x: Element::from_limbs([
        0x6132_8990_F418_029E,
        0x3E79_81ED_DCA6_C050,
        0xD6A1_ED99_AC24_C3C3,
        0x9116_7A5E_E1C1_3B05,
    ]),
    y: Element::from_limbs([
        0xC135_4E59_3C2D_0DDD,
        0xC1F5_E578_8D32_95FA,
        0x8D4C_FB06_6E2A_48F8,
        0x63CD_65D4_81D7_35BD,
    ]),
};
