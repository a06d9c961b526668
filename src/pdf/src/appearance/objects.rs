//! The PDF objects that show a seal: picture, fonts, and the forms that draw them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::compose::Design;
use super::lines::Side;
use super::paging::Slice;
use super::{AppearanceError, SealAppearance, Stand};
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, Update};

/// What the document lets an appearance use (ISO 19005).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paper {
    /// Colours must not depend on the device: the document declares no RGB output intent.
    pub(crate) calibrated: bool,
    /// Nothing may be transparent (ISO 19005-1 §6.4).
    pub(crate) opaque: bool,
    /// Font subsets list their glyphs (ISO 19005-1 §6.3.5).
    pub(crate) cid_set: bool,
}

impl Paper {
    /// A document without constraints.
    pub(crate) const PLAIN: Self = Self { calibrated: false, opaque: false, cid_set: false };
}

/// Draws one appearance into an update: everything shared is added once.
pub(crate) struct Painter<'a> {
    appearance: &'a SealAppearance,
    paper: Paper,
    picture: ObjectId,
    font: Option<ObjectId>,
    /// Forms of slices, by what they show and how they stand.
    slices: BTreeMap<(Slice, [u64; 8]), ObjectId>,
}

impl<'a> Painter<'a> {
    /// Adds the seal's picture.
    pub(crate) fn new(
        update: &mut Update,
        appearance: &'a SealAppearance,
        paper: Paper,
    ) -> Result<Self, AppearanceError> {
        let picture = appearance.image.write(update, paper)?;
        Ok(Self { appearance, paper, picture, font: None, slices: BTreeMap::new() })
    }

    /// Adds the form that draws the whole `design` upright in `stand`.
    pub(crate) fn whole(&mut self, update: &mut Update, stand: &Stand, design: &Design) -> ObjectId {
        let (x_scale, y_scale) = (stand.width / design.width, stand.height / design.height);
        let [x, y, width, height] = design.seal;
        let mut resources = self.resources();
        if design.lines.is_none() && design.qr.is_none() {
            let (width, height) = (width * x_scale, height * y_scale);
            let (x, y) = (x * x_scale, stand.height - y * y_scale - height);
            return form(update, stand, resources, draw_seal([x, y, width, height]));
        }
        let mut content = format!("q {x_scale} 0 0 {y_scale} 0 0 cm ");
        content.push_str(&draw_seal([x, design.height - y - height, width, height]));
        let space = if self.paper.calibrated { calibrated_rgb() } else { name("DeviceRGB") };
        resources.set(b"ColorSpace", entry(b"C", space));
        if let (Some([x, y]), Some(qr)) = (design.qr, &self.appearance.qr) {
            let (path, units) = qr.path();
            let (edge, y) = (qr.size_mm(), design.height - y - qr.size_mm());
            // Writing to a string cannot fail.
            let _ = write!(
                content,
                " q /C cs 1 1 1 sc {x:.4} {y:.4} {edge:.4} {edge:.4} re f 0 0 0 sc \
                 {unit} 0 0 {unit} {x:.4} {y:.4} cm {path}f Q",
                unit = edge / units
            );
        }
        if let (Some((block, [x, y])), Some(lines)) = (&design.lines, &self.appearance.lines) {
            let font =
                *self.font.get_or_insert_with(|| block.subset.write(update, &lines.font, self.paper.cid_set));
            resources.set(b"Font", entry(b"F", Object::Reference(font)));
            let [red, green, blue] = lines.colour.map(|part| f64::from(part) / 255.0);
            let _ = write!(
                content,
                " BT /C cs {red:.4} {green:.4} {blue:.4} sc /F {size:.4} Tf",
                size = block.size
            );
            let mut base = design.height - y - block.baseline();
            for row in &block.rows {
                let left = x + match lines.side {
                    Side::Right => 0.0,
                    Side::Left => block.width - row.length,
                    Side::Above | Side::Below => (block.width - row.length) / 2.0,
                };
                let _ = write!(
                    content,
                    " 1 0 0 1 {left:.4} {base:.4} Tm <{}> Tj",
                    block.subset.show(&row.glyphs)
                );
                base -= block.leading();
            }
            content.push_str(" ET");
        }
        content.push_str(" Q");
        form(update, stand, resources, content)
    }

    /// The form that draws a slice of the seal, `seal` being the whole seal's place in it.
    pub(crate) fn slice(
        &mut self,
        update: &mut Update,
        stand: &Stand,
        slice: Slice,
        seal: [f64; 4],
    ) -> ObjectId {
        let [a, b, c, d, e, f] = stand.matrix;
        let key = (slice, [a, b, c, d, e, f, stand.width, stand.height].map(f64::to_bits));
        if let Some(made) = self.slices.get(&key) {
            return *made;
        }
        // The form's box cuts the slice out.
        let made = form(update, stand, self.resources(), draw_seal(seal));
        self.slices.insert(key, made);
        made
    }

    fn resources(&self) -> Dictionary {
        let mut resources = Dictionary::new();
        resources.set(b"XObject", entry(b"Seal", Object::Reference(self.picture)));
        resources
    }
}

/// Adds an appearance that shows nothing, which PDF/A asks of a widget that takes up room.
pub(crate) fn empty_form(update: &mut Update, stand: &Stand) -> ObjectId {
    form(update, stand, Dictionary::new(), String::new())
}

/// Adds an appearance stream (ISO 32000-2 §12.5.5).
fn form(update: &mut Update, stand: &Stand, resources: Dictionary, content: String) -> ObjectId {
    let mut form = Dictionary::new();
    form.set(b"Type", name("XObject"));
    form.set(b"Subtype", name("Form"));
    form.set(b"BBox", numbers(&[0.0, 0.0, stand.width, stand.height]));
    form.set(b"Matrix", numbers(&stand.matrix));
    form.set(b"Resources", Object::Dictionary(resources));
    let id = update.allocate();
    update.put(id, Body::Stream { dictionary: form, data: content.into_bytes().into() });
    id
}

/// The picture fills the unit square, whatever it is.
fn draw_seal([x, y, width, height]: [f64; 4]) -> String {
    format!("q {width} 0 0 {height} {x} {y} cm /Seal Do Q")
}

fn entry(key: &[u8], value: Object) -> Object {
    let mut dictionary = Dictionary::new();
    dictionary.set(key, value);
    Object::Dictionary(dictionary)
}

/// sRGB without a profile (IEC 61966-2-1 primaries and white, its curve taken as a power of 2.2), for
/// documents that declare no RGB output intent.
pub(super) fn calibrated_rgb() -> Object {
    let mut parameters = Dictionary::new();
    parameters.set(b"WhitePoint", numbers(&D65));
    parameters.set(b"Gamma", numbers(&[2.2, 2.2, 2.2]));
    parameters
        .set(b"Matrix", numbers(&[0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505]));
    Object::Array(vec![name("CalRGB"), Object::Dictionary(parameters)])
}

/// Grey beside it.
pub(super) fn calibrated_grey() -> Object {
    let mut parameters = Dictionary::new();
    parameters.set(b"WhitePoint", numbers(&D65));
    parameters.set(b"Gamma", Object::Real(2.2));
    Object::Array(vec![name("CalGray"), Object::Dictionary(parameters)])
}

/// An array of numbers.
pub(crate) fn numbers(values: &[f64]) -> Object {
    Object::Array(values.iter().map(|&value| Object::Real(value)).collect())
}

pub(super) fn name(name: &str) -> Object {
    Object::Name(name.as_bytes().to_vec())
}

/// The white of sRGB.
const D65: [f64; 3] = [0.9505, 1.0, 1.089];
