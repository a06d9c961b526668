//! SVG of shapes alone: what may stand in it is listed, everything else is refused.
//!
//! The list leaves nothing that runs, moves, multiplies or leads out of the file, whoever shows it: no scripts and
//! handlers, no animation, no links, no text (fonts differ), no pictures within the picture, no `use`, filters, masks
//! or patterns, no entities. A check of names cannot be outwitted by what it does not know.

use resvg::tiny_skia::{Pixmap, Transform};
use usvg::roxmltree::{Document, Error, Node, NodeType, ParsingOptions};

use super::{Format, UploadError, Uploaded};
use crate::picture::raster::alone;

pub(super) fn check(picture: &[u8]) -> Result<Uploaded, UploadError> {
    let text = std::str::from_utf8(picture).map_err(|_| UploadError::Svg("it is not UTF-8".to_owned()))?;
    if picture.len() > MAX_FILE {
        return Err(UploadError::Intricate { what: "its size", limit: MAX_FILE });
    }
    // Entities multiply text, and declared attributes act without standing anywhere: no declarations of its own.
    for declaration in text.split("<!DOCTYPE").skip(1) {
        if declaration.split('>').next().is_some_and(|head| head.contains('[')) {
            return Err(uses("<!DOCTYPE […]"));
        }
    }
    if text.contains("<!ENTITY") || text.contains("<!ATTLIST") {
        return Err(uses("<!ENTITY"));
    }
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, entity_resolver: None };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        Error::NodesLimitReached => {
            UploadError::Intricate { what: "the number of its nodes", limit: MAX_NODES as usize }
        }
        error => UploadError::Svg(error.to_string()),
    })?;
    listed(&document)?;

    let tree =
        usvg::Tree::from_xmltree(&document, &alone()).map_err(|error| UploadError::Svg(error.to_string()))?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = EDGE / width.max(height);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the edge")]
    let pixels = |length: f32| (length * scale).ceil().clamp(1.0, EDGE) as u32;
    let mut pixmap = Pixmap::new(pixels(width), pixels(height)).ok_or(UploadError::Empty)?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let clear = pixmap.pixels().iter().filter(|pixel| pixel.alpha() == 0).count();
    if clear == pixmap.pixels().len() {
        return Err(UploadError::Empty);
    }
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand pixels")]
    let transparent = clear as f64 / pixmap.pixels().len() as f64;
    Ok(Uploaded { format: Format::Svg, width: width.into(), height: height.into(), transparent })
}

fn listed(document: &Document<'_>) -> Result<(), UploadError> {
    let (mut clips, mut depths) = (0_usize, vec![(document.root(), 0_usize)]);
    while let Some((node, depth)) = depths.pop() {
        if depth > MAX_DEPTH {
            return Err(UploadError::Intricate { what: "the depth of its elements", limit: MAX_DEPTH });
        }
        match node.node_type() {
            NodeType::PI => return Err(uses("<?…?>")),
            NodeType::Element => {
                element(node)?;
                let references = node.attributes().filter(|a| a.value().contains("url(")).count();
                // Clips of clips of clips multiply.
                let clip = |node: Node<'_, '_>| node.tag_name().name() == "clipPath";
                if references > 0 && node.ancestors().any(clip) {
                    return Err(uses("url() within clipPath"));
                }
                clips += references;
            }
            _ => {}
        }
        depths.extend(node.children().map(|child| (child, depth + 1)));
    }
    // Each reference to a clip draws what it holds.
    if clips > MAX_REFERENCES {
        return Err(UploadError::Intricate { what: "the number of its references", limit: MAX_REFERENCES });
    }
    Ok(())
}

fn element(node: Node<'_, '_>) -> Result<(), UploadError> {
    let name = node.tag_name();
    match name.namespace() {
        Some(SVG) if ELEMENTS.contains(&name.name()) => {}
        // What editors note for themselves; nothing shows it.
        Some(namespace) if EDITORS.contains(&namespace) => {}
        _ => return Err(uses(name.name())),
    }
    if name.name() == "style" {
        let css: String = node.children().filter_map(|child| child.text()).collect();
        styles(&css)?;
        if css.contains('@') || css.contains("url(") {
            return Err(uses("@ or url() in a style sheet"));
        }
    }
    for attribute in node.attributes() {
        let (name, value) = (attribute.name(), attribute.value());
        let lower = value.to_ascii_lowercase();
        let handler = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on"));
        // Gradients share their stops within the document.
        let leads_out = (name == "href" || name == "src") && !value.trim_start().starts_with('#');
        if handler || leads_out || name == "base" || lower.contains("script:") || lower.contains("data:") {
            return Err(uses(name));
        }
        if name.contains("dash") || name.starts_with("marker") && value != "none" {
            return Err(uses(name));
        }
        styles(value)?;
    }
    Ok(())
}

/// Refuses references out of the document, and dashes, of which a short text makes millions.
fn styles(css: &str) -> Result<(), UploadError> {
    let lower = css.to_ascii_lowercase();
    let outside =
        lower.split("url(").skip(1).any(|rest| !rest.trim_start_matches(['\'', '"', ' ']).starts_with('#'));
    if outside {
        return Err(uses("url(…)"));
    }
    // A backslash spells what these words would be found by.
    let words = ["stroke-dash", "image(", "image-set", "expression", "\\"];
    words.into_iter().find(|word| lower.contains(word)).map_or(Ok(()), |word| Err(uses(word)))
}

fn uses(what: &str) -> UploadError {
    UploadError::Uses { what: what.chars().take(60).collect() }
}

const SVG: &str = "http://www.w3.org/2000/svg";
/// Shapes, groups, colours, clips and descriptions.
const ELEMENTS: [&str; 18] = [
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
    "style",
    "title",
    "desc",
    "metadata",
];
/// Inkscape and the description of documents.
const EDITORS: [&str; 5] = [
    "http://www.inkscape.org/namespaces/inkscape",
    "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://creativecommons.org/ns#",
    "http://purl.org/dc/elements/1.1/",
];
/// Octets; a seal of forty ideographs has sixty thousand.
const MAX_FILE: usize = 1 << 20;
/// Elements, texts and comments.
const MAX_NODES: u32 = 5_000;
const MAX_DEPTH: usize = 32;
const MAX_REFERENCES: usize = 64;
/// Pixels along the longer edge, to see what shows.
const EDGE: f32 = 256.0;
