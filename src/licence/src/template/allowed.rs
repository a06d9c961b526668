//! What may stand in a page: a list of elements and attributes. Everything else is refused where it would do something, or
//! left away where it would not.
//!
//! The list leaves nothing that runs, moves, multiplies or leads out of the file: no scripts and handlers, no animation, no
//! links, no pictures within the picture, no `use`, filters, masks or patterns. A check of names cannot be outwitted by what
//! it does not know.

use usvg::roxmltree::Node;

/// What becomes of an element.
pub(super) enum Kind {
    /// Nothing shows it: what editors note for themselves, titles, descriptions.
    Ignored,
    /// It is drawn, with these attributes; properties of `style` are attributes, too.
    Drawn(Vec<(String, String)>),
}

/// Judges an element without its children.
///
/// # Errors
/// What it uses, and how that is mended.
pub(super) fn element(node: Node<'_, '_>) -> Result<Kind, (String, &'static str)> {
    let name = node.tag_name().name();
    match node.tag_name().namespace() {
        Some(SVG) => {}
        Some(namespace) if EDITORS.contains(&namespace) => return Ok(Kind::Ignored),
        _ => return Err((format!("<{name}> of a foreign name space"), "save the page as plain SVG")),
    }
    match name {
        "title" | "desc" | "metadata" => return Ok(Kind::Ignored),
        "style" if node.text().is_none_or(|text| text.trim().is_empty()) => return Ok(Kind::Ignored),
        "style" => {
            return Err(("a style sheet".to_owned(), "set styles on the elements themselves (plain SVG)"));
        }
        "use" | "symbol" => return Err((format!("<{name}>"), "unlink copies before saving")),
        "image" => return Err(("a picture".to_owned(), "draw it as paths; photographs are boxes")),
        "textPath" | "flowRoot" => {
            return Err((format!("<{name}>"), "convert it to a text, a box or a path"));
        }
        _ if ELEMENTS.contains(&name) => {}
        _ => {
            return Err((format!("<{name}>"), "only shapes, gradients, clips and texts may stand in a page"));
        }
    }
    let mut out = Vec::new();
    for attribute in node.attributes() {
        let (key, value) = (attribute.name(), attribute.value());
        if key.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on")) {
            return Err((format!("the handler `{key}`"), "take it out"));
        }
        if key == "href" {
            if !value.starts_with('#') {
                return Err((format!("a link to `{value}`"), "nothing outside of the file is followed"));
            }
            // Gradients share their stops.
            if !name.ends_with("Gradient") {
                return Err((format!("a link on <{name}>"), "take it out"));
            }
            out.push(("xlink:href".to_owned(), value.to_owned()));
            continue;
        }
        if attribute.namespace().is_some() {
            continue;
        }
        if key == "style" {
            for property in value.split(';') {
                if let Some((key, value)) = property.split_once(':') {
                    push(node, key.trim(), value.trim(), true, &mut out)?;
                }
            }
            continue;
        }
        push(node, key, value, false, &mut out)?;
    }
    Ok(Kind::Drawn(out))
}

fn push(
    node: Node<'_, '_>,
    key: &str,
    value: &str,
    css: bool,
    out: &mut Vec<(String, String)>,
) -> Result<(), (String, &'static str)> {
    let lower = value.to_ascii_lowercase();
    let outside =
        lower.split("url(").skip(1).any(|rest| !rest.trim_start_matches(['\'', '"', ' ']).starts_with('#'));
    if outside || lower.contains("script:") || lower.contains("data:") || lower.contains("image(") {
        return Err((format!("`{value}`"), "nothing outside of the file is followed"));
    }
    let none = matches!(value, "none" | "" | "normal");
    match key {
        "filter" | "mask" | "mix-blend-mode" | "isolation" | "marker" | "marker-start" | "marker-mid"
        | "marker-end"
            if !none && value != "auto" =>
        {
            return Err((format!("`{key}`"), "only shapes in plain or graded colours are drawn"));
        }
        "dx" | "dy" | "rotate" if !none => {
            return Err((format!("`{key}` of a text"), "remove manual kerns; use `letter-spacing`"));
        }
        "stroke-dasharray" if value.split([',', ' ']).count() > MAX_DASHES => {
            return Err(("a long `stroke-dasharray`".to_owned(), "at most 16 lengths"));
        }
        // Clips of clips of clips multiply.
        "clip-path" if !none && node.ancestors().any(|node| node.tag_name().name() == "clipPath") => {
            return Err(("a clip within a clip".to_owned(), "clip once"));
        }
        _ => {}
    }
    let kept = PROPERTIES.contains(&key) || !css && GEOMETRY.contains(&key);
    if kept {
        // A property of `style` wins over the attribute of that name (CSS).
        out.retain(|(other, _)| other != key);
        out.push((key.to_owned(), value.to_owned()));
    }
    Ok(())
}

pub(super) const SVG: &str = "http://www.w3.org/2000/svg";
pub(super) const INKSCAPE: &str = "http://www.inkscape.org/namespaces/inkscape";
/// Inkscape and the description of documents.
const EDITORS: [&str; 5] = [
    INKSCAPE,
    "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://creativecommons.org/ns#",
    "http://purl.org/dc/elements/1.1/",
];
const ELEMENTS: [&str; 16] = [
    "svg",
    "g",
    "defs",
    "path",
    "circle",
    "ellipse",
    "rect",
    "line",
    "polyline",
    "polygon",
    "clipPath",
    "linearGradient",
    "radialGradient",
    "stop",
    "text",
    "tspan",
];
/// Attributes that `style` may set, too.
const PROPERTIES: [&str; 25] = [
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-miterlimit",
    "stroke-dasharray",
    "stroke-dashoffset",
    "opacity",
    "color",
    "display",
    "visibility",
    "paint-order",
    "clip-path",
    "clip-rule",
    "stop-color",
    "stop-opacity",
    "font-family",
    "font-size",
    "font-weight",
    "letter-spacing",
    "text-anchor",
];
/// Attributes alone.
const GEOMETRY: [&str; 28] = [
    "id",
    "d",
    "x",
    "y",
    "width",
    "height",
    "viewBox",
    "preserveAspectRatio",
    "transform",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "x1",
    "y1",
    "x2",
    "y2",
    "fx",
    "fy",
    "fr",
    "points",
    "offset",
    "gradientUnits",
    "gradientTransform",
    "spreadMethod",
    "clipPathUnits",
    "textLength",
];
const MAX_DASHES: usize = 16;
