//! The PDF objects that show a seal: picture, mask, and the form that draws it.

use super::{SealImage, Stand};
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, Update};

/// Adds the picture and its soft mask as image XObjects; whoever draws it often refers to it often.
pub(crate) fn image_streams(update: &mut Update, image: &SealImage) -> ObjectId {
    let mut picture = image_dictionary(image, image.is_grey());
    if let Some(alpha) = image.alpha() {
        let mask = update.allocate();
        update.put(mask, Body::Stream { dictionary: image_dictionary(image, true), data: alpha.clone() });
        picture.set(b"SMask", Object::Reference(mask));
    }
    let id = update.allocate();
    update.put(id, Body::Stream { dictionary: picture, data: image.colour().clone() });
    id
}

/// Adds the appearance stream (ISO 32000-2 §12.5.5) that draws `picture` upright in `stand`, `inner`
/// being the part of the form it fills; without a picture the form is empty.
pub(crate) fn appearance_stream(
    update: &mut Update,
    stand: &Stand,
    picture: Option<(ObjectId, [f64; 4])>,
) -> ObjectId {
    let mut resources = Dictionary::new();
    let mut content = String::new();
    if let Some((image, [x, y, width, height])) = picture {
        let mut objects = Dictionary::new();
        objects.set(b"Seal", Object::Reference(image));
        resources.set(b"XObject", Object::Dictionary(objects));
        content = format!("q {width} 0 0 {height} {x} {y} cm /Seal Do Q");
    }
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

/// An array of numbers.
pub(crate) fn numbers(values: &[f64]) -> Object {
    Object::Array(values.iter().map(|&value| Object::Real(value)).collect())
}

fn image_dictionary(image: &SealImage, grey: bool) -> Dictionary {
    let mut dictionary = Dictionary::new();
    dictionary.set(b"Type", name("XObject"));
    dictionary.set(b"Subtype", name("Image"));
    dictionary.set(b"Width", Object::Integer(i64::from(image.width())));
    dictionary.set(b"Height", Object::Integer(i64::from(image.height())));
    dictionary.set(b"ColorSpace", name(if grey { "DeviceGray" } else { "DeviceRGB" }));
    dictionary.set(b"BitsPerComponent", Object::Integer(8));
    dictionary.set(b"Filter", name("FlateDecode"));
    dictionary
}

fn name(name: &str) -> Object {
    Object::Name(name.as_bytes().to_vec())
}
