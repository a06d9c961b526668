//! Gradients as shadings (ISO 32000-2 §8.7.4.5).

use usvg::{BaseGradient, LinearGradient, RadialGradient, SpreadMethod, Stop};

use super::Refusal;
use crate::appearance::objects::{name, numbers};
use crate::syntax::{Dictionary, Object};

/// An axial shading; its colour space is set when it is written.
pub(super) fn linear(gradient: &LinearGradient) -> Result<Dictionary, Refusal> {
    let coords = [gradient.x1(), gradient.y1(), gradient.x2(), gradient.y2()];
    shading(2, &coords.map(f64::from), gradient)
}

/// A radial shading: from the focal circle to the outer one.
pub(super) fn radial(gradient: &RadialGradient) -> Result<Dictionary, Refusal> {
    let coords =
        [gradient.fx(), gradient.fy(), gradient.fr().get(), gradient.cx(), gradient.cy(), gradient.r().get()];
    shading(3, &coords.map(f64::from), gradient)
}

fn shading(kind: i64, coords: &[f64], gradient: &BaseGradient) -> Result<Dictionary, Refusal> {
    if gradient.spread_method() != SpreadMethod::Pad {
        return Err(Refusal::NotInPdf("a repeated gradient"));
    }
    if gradient.stops().iter().any(|stop| stop.opacity().get() < 1.0) {
        return Err(Refusal::NotInPdf("a gradient that fades"));
    }
    if gradient.stops().len() > MAX_STOPS {
        return Err(Refusal::TooIntricate { what: "the number of a gradient's stops", limit: MAX_STOPS });
    }
    let mut shading = Dictionary::new();
    shading.set(b"ShadingType", Object::Integer(kind));
    shading.set(b"Coords", numbers(coords));
    shading.set(b"Extend", Object::Array(vec![Object::Boolean(true), Object::Boolean(true)]));
    shading.set(b"Function", function(gradient.stops()));
    Ok(shading)
}

/// The colours along the gradient: one interpolation between each two stops, stitched together.
fn function(stops: &[Stop]) -> Object {
    let colour = |stop: &Stop| {
        let colour = stop.color();
        numbers(&[colour.red, colour.green, colour.blue].map(|part| f64::from(part) / 255.0))
    };
    let between = |from: &Stop, to: &Stop| {
        let mut function = Dictionary::new();
        function.set(b"FunctionType", Object::Integer(2));
        function.set(b"Domain", numbers(&[0.0, 1.0]));
        function.set(b"C0", colour(from));
        function.set(b"C1", colour(to));
        function.set(b"N", Object::Integer(1));
        Object::Dictionary(function)
    };
    // usvg leaves no gradient with fewer than two stops; the first and last colours go on to the ends.
    let (Some(first), Some(last)) = (stops.first(), stops.last()) else { return Object::Null };
    let mut functions = vec![between(first, first)];
    let mut bounds = Vec::new();
    for pair in stops.windows(2) {
        if let [from, to] = pair {
            bounds.push(f64::from(from.offset().get()));
            functions.push(between(from, to));
        }
    }
    bounds.push(f64::from(last.offset().get()));
    functions.push(between(last, last));
    let mut stitched = Dictionary::new();
    stitched.set(b"FunctionType", Object::Integer(3));
    stitched.set(b"Domain", numbers(&[0.0, 1.0]));
    stitched.set(b"Bounds", numbers(&bounds));
    stitched.set(b"Encode", numbers(&[0.0, 1.0].repeat(functions.len())));
    stitched.set(b"Functions", Object::Array(functions));
    Object::Dictionary(stitched)
}

/// The name of a blend mode (ISO 32000-2 table 134, 135).
pub(super) fn blend_mode(mode: usvg::BlendMode) -> Result<Object, Refusal> {
    use usvg::BlendMode::*;
    Ok(name(match mode {
        Normal => "Normal",
        Multiply => "Multiply",
        Screen => "Screen",
        Overlay => "Overlay",
        Darken => "Darken",
        Lighten => "Lighten",
        ColorDodge => "ColorDodge",
        ColorBurn => "ColorBurn",
        HardLight => "HardLight",
        SoftLight => "SoftLight",
        Difference => "Difference",
        Exclusion => "Exclusion",
        Hue => "Hue",
        Saturation => "Saturation",
        Color => "Color",
        Luminosity => "Luminosity",
        PlusLighter => return Err(Refusal::NotInPdf("mix-blend-mode plus-lighter")),
    }))
}

const MAX_STOPS: usize = 256;
