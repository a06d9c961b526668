//! A page as it was drawn: its size, shapes, standing texts and named boxes, read from an SVG file.
//!
//! One parse serves all. What may stand in a page is listed (`allowed`); the shapes are written out anew from that list and
//! handed to usvg, which has no text, fonts, files or network here; texts and boxes are marked by rectangles in a second
//! tree, so that usvg also says where they come to stand. Texts stand above shapes, whatever their order.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use usvg::roxmltree::{Document, Error, Node, ParsingOptions};

use super::TemplateError;
use super::allowed::{self, Kind};
use super::settings::Colour;
use super::words::Words;

/// A page, read.
#[derive(Debug)]
pub(super) struct Page {
    /// Points.
    pub(super) width: f32,
    pub(super) height: f32,
    /// The shapes, and those without the layers that an overprint leaves out.
    pub(super) shapes: usvg::Tree,
    pub(super) overprinted: Option<usvg::Tree>,
    pub(super) texts: Vec<Standing>,
    pub(super) boxes: BTreeMap<String, Area>,
    /// Layers that were asked for and found.
    pub(super) layers: Vec<String>,
}

/// A rectangle on a page, in points from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// A line of text that stands on the page itself.
#[derive(Debug)]
pub(super) struct Standing {
    /// From its own coordinates to points.
    pub(super) transform: [f32; 6],
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) anchor: Anchor,
    /// How long the line is to be, by space between its letters (`textLength`).
    pub(super) length: Option<f32>,
    pub(super) spans: Vec<Span>,
    /// On a layer that an overprint leaves out.
    pub(super) left_out: bool,
}

/// A piece of such a line in one style.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) words: Words,
    pub(super) families: Vec<String>,
    pub(super) bold: bool,
    /// In its own coordinates.
    pub(super) size: f32,
    pub(super) spacing: f32,
    pub(super) colour: Colour,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Anchor {
    #[default]
    Start,
    Middle,
    End,
}

impl Page {
    /// Reads a page; `boxes` and `layers` are the ids asked for.
    pub(super) fn read(
        file: &str,
        svg: &str,
        boxes: &[&str],
        layers: &[String],
    ) -> Result<Self, TemplateError> {
        let wrong = |what: String| TemplateError::Svg { page: file.to_owned(), what };
        if svg.len() > MAX_FILE {
            return Err(TemplateError::TooIntricate { what: "the size of a page's file", limit: MAX_FILE });
        }
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, entity_resolver: None };
        let document = Document::parse_with_options(svg, options).map_err(|error| match error {
            Error::NodesLimitReached => TemplateError::TooIntricate {
                what: "the number of a page's nodes",
                limit: MAX_NODES as usize,
            },
            Error::DtdDetected => TemplateError::Uses {
                page: file.to_owned(),
                what: "<!DOCTYPE>".to_owned(),
                mend: "take the line out: nothing needs it",
            },
            error => wrong(error.to_string()),
        })?;
        let mut reading = Reading::new(file, boxes, layers);
        reading.element(document.root_element(), &Style::default(), 0, false)?;
        let tree = |text: &str| {
            usvg::Tree::from_str(text, &nothing_from_outside()).map_err(|error| wrong(error.to_string()))
        };
        let shapes = tree(&reading.shapes)?;
        let marks = tree(&reading.marks)?;
        let overprinted =
            if reading.layers_found.is_empty() { None } else { Some(tree(&reading.overprinted)?) };
        let (width, height) = (shapes.size().width() * POINTS, shapes.size().height() * POINTS);
        if !(MIN_EDGE..=MAX_EDGE).contains(&width) || !(MIN_EDGE..=MAX_EDGE).contains(&height) {
            return Err(wrong(format!(
                "it is {:.0} mm × {:.0} mm; give `width` and `height` in mm, between 20 and 1000",
                width / MM,
                height / MM
            )));
        }
        super::shapes::weigh(&shapes)?;
        let mut found = BTreeMap::new();
        marked(marks.root(), &mut found);
        let (texts, boxes) = reading.placed(&found)?;
        let layers = reading.layers_found;
        Ok(Self { width, height, shapes, overprinted, texts, boxes, layers })
    }
}

/// Where a mark came to stand: its transform, its box (pixels), its colour.
type Marks = BTreeMap<String, (usvg::Transform, usvg::Rect, Colour)>;

fn marked(group: &usvg::Group, out: &mut Marks) {
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => marked(group, out),
            usvg::Node::Path(path) => {
                let colour = match path.fill().map(usvg::Fill::paint) {
                    Some(usvg::Paint::Color(colour)) => Colour([colour.red, colour.green, colour.blue]),
                    _ => Colour::default(),
                };
                out.insert(path.id().to_owned(), (path.abs_transform(), path.abs_bounding_box(), colour));
            }
            _ => {}
        }
    }
}

/// Lets usvg reach nothing but the text it is handed.
fn nothing_from_outside() -> usvg::Options<'static> {
    usvg::Options {
        resources_dir: None,
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    }
}

/// What text inherits from the elements around it.
#[derive(Debug, Clone)]
struct Style {
    families: Vec<String>,
    bold: bool,
    size: f32,
    spacing: f32,
    fill: String,
    anchor: Anchor,
    hidden: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            families: Vec::new(),
            bold: false,
            size: 16.0,
            spacing: 0.0,
            fill: "#000000".to_owned(),
            anchor: Anchor::Start,
            hidden: false,
        }
    }
}

struct Reading<'r> {
    file: &'r str,
    boxes: &'r [&'r str],
    layers: &'r [String],
    shapes: String,
    overprinted: String,
    marks: String,
    /// Texts and boxes under the ids of their marks.
    texts: Vec<Unplaced>,
    named: BTreeMap<String, String>,
    layers_found: Vec<String>,
    references: usize,
    characters: usize,
}

struct Unplaced {
    /// The mark of each span, for its colour; the first one's transform is the line's.
    marks: Vec<String>,
    standing: Standing,
}

impl<'r> Reading<'r> {
    fn new(file: &'r str, boxes: &'r [&'r str], layers: &'r [String]) -> Self {
        Self {
            file,
            boxes,
            layers,
            shapes: String::new(),
            overprinted: String::new(),
            marks: String::new(),
            texts: Vec::new(),
            named: BTreeMap::new(),
            layers_found: Vec::new(),
            references: 0,
            characters: 0,
        }
    }

    fn uses(&self, what: &str, mend: &'static str) -> TemplateError {
        TemplateError::Uses { page: self.file.to_owned(), what: what.chars().take(80).collect(), mend }
    }

    fn wrong(&self, what: String) -> TemplateError {
        TemplateError::Svg { page: self.file.to_owned(), what }
    }

    /// Takes an element in; `left_out` where an overprint leaves out a layer around it.
    fn element(
        &mut self,
        node: Node<'_, '_>,
        around: &Style,
        depth: usize,
        left_out: bool,
    ) -> Result<(), TemplateError> {
        if depth > MAX_DEPTH {
            return Err(TemplateError::TooIntricate {
                what: "the depth of a page's elements",
                limit: MAX_DEPTH,
            });
        }
        let name = node.tag_name().name();
        let attributes = match allowed::element(node) {
            Ok(Kind::Ignored) => return Ok(()),
            Ok(Kind::Drawn(attributes)) => attributes,
            Err((what, mend)) => return Err(self.uses(&what, mend)),
        };
        if depth == 0 && name != "svg" {
            return Err(self.wrong("its first element is not <svg>".to_owned()));
        }
        self.references += attributes.iter().filter(|(_, value)| value.contains("url(")).count();
        if self.references > MAX_REFERENCES {
            return Err(TemplateError::TooIntricate {
                what: "the number of references",
                limit: MAX_REFERENCES,
            });
        }
        let style = self.inherit(around, &attributes)?;
        if name == "text" {
            return self.text(node, &attributes, &style, left_out);
        }
        if let Some(id) = node.attribute("id")
            && self.boxes.contains(&id)
        {
            return self.named_box(node, id, &attributes);
        }
        let left_out = left_out || self.is_left_out(node);
        let mut tag = format!("<{name}");
        if depth == 0 {
            tag.push_str(
                " xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"",
            );
        }
        for (key, value) in &attributes {
            // Writing to a string cannot fail.
            let _ = write!(tag, " {key}=\"{}\"", escaped(value));
        }
        let frame = matches!(name, "svg" | "g");
        let open = format!("{tag}>");
        self.shapes.push_str(&open);
        if !left_out {
            self.overprinted.push_str(&open);
        }
        if frame {
            self.mark_frame(depth, name, &attributes);
        }
        for child in node.children().filter(Node::is_element) {
            self.element(child, &style, depth + 1, left_out)?;
        }
        let close = format!("</{name}>");
        self.shapes.push_str(&close);
        if !left_out {
            self.overprinted.push_str(&close);
        }
        if frame {
            self.marks.push_str(&close);
        }
        Ok(())
    }

    /// Frames move what is in them; nothing else of them matters to marks.
    fn mark_frame(&mut self, depth: usize, name: &str, attributes: &[(String, String)]) {
        let _ = write!(self.marks, "<{name}");
        if depth == 0 {
            self.marks.push_str(" xmlns=\"http://www.w3.org/2000/svg\"");
        }
        let keep = |key: &str| {
            key == "transform"
                || name == "svg"
                    && matches!(key, "width" | "height" | "viewBox" | "x" | "y" | "preserveAspectRatio")
        };
        for (key, value) in attributes.iter().filter(|(key, _)| keep(key)) {
            let _ = write!(self.marks, " {key}=\"{}\"", escaped(value));
        }
        self.marks.push('>');
    }

    fn is_left_out(&mut self, node: Node<'_, '_>) -> bool {
        let label =
            node.attributes().find(|a| a.name() == "label" && a.namespace() == Some(allowed::INKSCAPE));
        let names = [node.attribute("id"), label.map(|label| label.value())];
        let layer = self.layers.iter().find(|layer| names.contains(&Some(layer.as_str()))).cloned();
        let found = layer.is_some();
        self.layers_found.extend(layer);
        found
    }

    fn named_box(
        &mut self,
        node: Node<'_, '_>,
        id: &str,
        attributes: &[(String, String)],
    ) -> Result<(), TemplateError> {
        if node.tag_name().name() != "rect" {
            return Err(self.wrong(format!("`{id}` is a box in the settings and must be a rectangle here")));
        }
        let mark = format!("box{}", self.named.len());
        let _ = write!(self.marks, "<rect id=\"{mark}\"");
        for (key, value) in attributes {
            if matches!(key.as_str(), "x" | "y" | "width" | "height" | "transform") {
                let _ = write!(self.marks, " {key}=\"{}\"", escaped(value));
            }
        }
        self.marks.push_str("/>");
        if self.named.insert(id.to_owned(), mark).is_some() {
            return Err(self.wrong(format!("two rectangles have the id `{id}`")));
        }
        Ok(())
    }

    fn inherit(&self, around: &Style, attributes: &[(String, String)]) -> Result<Style, TemplateError> {
        let mut style = around.clone();
        for (key, value) in attributes {
            let value = value.trim();
            match key.as_str() {
                "font-family" => style.families = families(value),
                "font-weight" => {
                    style.bold = matches!(value, "bold" | "bolder")
                        || value.parse().is_ok_and(|weight: u32| weight >= 600);
                }
                "font-size" => style.size = self.length(key, value)?,
                "letter-spacing" if value == "normal" => style.spacing = 0.0,
                "letter-spacing" => style.spacing = self.length(key, value)?,
                "fill" => value.clone_into(&mut style.fill),
                "text-anchor" => {
                    style.anchor = match value {
                        "middle" => Anchor::Middle,
                        "end" => Anchor::End,
                        _ => Anchor::Start,
                    };
                }
                "display" if value == "none" => style.hidden = true,
                "visibility" => style.hidden = value != "visible",
                _ => {}
            }
        }
        Ok(style)
    }

    /// A length in the text's own coordinates; 96 pixels make an inch.
    fn length(&self, key: &str, value: &str) -> Result<f32, TemplateError> {
        let units: [(&str, f32); 7] = [
            ("px", 1.0),
            ("pt", 4.0 / 3.0),
            ("mm", 96.0 / 25.4),
            ("cm", 960.0 / 25.4),
            ("in", 96.0),
            ("pc", 16.0),
            ("", 1.0),
        ];
        units
            .iter()
            .find_map(|(unit, factor)| {
                let number: f32 = value.strip_suffix(unit)?.trim().parse().ok()?;
                (number.is_finite() && number.abs() < 1e5).then_some(number * factor)
            })
            .ok_or_else(|| {
                self.wrong(format!("`{key}: {value}` is no length; write a number, with px, pt or mm"))
            })
    }

    fn text(
        &mut self,
        node: Node<'_, '_>,
        attributes: &[(String, String)],
        style: &Style,
        left_out: bool,
    ) -> Result<(), TemplateError> {
        let transform = attributes.iter().find(|(key, _)| key == "transform").map(|(_, value)| value.clone());
        let mut line = Line { x: 0.0, y: 0.0, length: None, anchor: style.anchor, spans: Vec::new() };
        self.place(attributes, &mut line)?;
        let mut lines = vec![line];
        self.spans(node, style, 0, &mut lines)?;
        for line in lines {
            self.line(line, transform.as_deref(), left_out)?;
        }
        Ok(())
    }

    /// The texts of an element and of the spans in it; a span with a place of its own begins a line.
    fn spans(
        &mut self,
        node: Node<'_, '_>,
        style: &Style,
        depth: usize,
        lines: &mut Vec<Line>,
    ) -> Result<(), TemplateError> {
        if depth > MAX_DEPTH {
            return Err(TemplateError::TooIntricate {
                what: "the depth of a page's elements",
                limit: MAX_DEPTH,
            });
        }
        for child in node.children() {
            if let Some(text) = child.text().filter(|_| child.is_text()) {
                self.characters += text.len();
                if self.characters > MAX_TEXT {
                    return Err(TemplateError::TooIntricate {
                        what: "the length of a page's texts",
                        limit: MAX_TEXT,
                    });
                }
                if let Some(line) = lines.last_mut().filter(|_| !style.hidden) {
                    line.spans.push((text.to_owned(), style.clone()));
                }
                continue;
            }
            if !child.is_element() {
                continue;
            }
            let attributes = match allowed::element(child) {
                Ok(Kind::Ignored) => continue,
                Ok(Kind::Drawn(attributes)) => attributes,
                Err((what, mend)) => return Err(self.uses(&what, mend)),
            };
            match child.tag_name().name() {
                "tspan" => {}
                "title" | "desc" => continue,
                other => return Err(self.uses(&format!("<{other}> in a text"), "draw it outside of texts")),
            }
            let inner = self.inherit(style, &attributes)?;
            if attributes.iter().any(|(key, _)| key == "x" || key == "y") {
                let (x, y) = lines.last().map_or((0.0, 0.0), |line| (line.x, line.y));
                let mut line = Line { x, y, length: None, anchor: inner.anchor, spans: Vec::new() };
                self.place(&attributes, &mut line)?;
                lines.push(line);
            }
            self.spans(child, &inner, depth + 1, lines)?;
        }
        Ok(())
    }

    fn place(&self, attributes: &[(String, String)], line: &mut Line) -> Result<(), TemplateError> {
        for (key, value) in attributes {
            match key.as_str() {
                "x" => line.x = self.length(key, value.trim())?,
                "y" => line.y = self.length(key, value.trim())?,
                "textLength" => line.length = Some(self.length(key, value.trim())?),
                _ => {}
            }
        }
        Ok(())
    }

    fn line(&mut self, mut line: Line, transform: Option<&str>, left_out: bool) -> Result<(), TemplateError> {
        let mut spans = Vec::new();
        let mut marks = Vec::new();
        let last = line.spans.len().saturating_sub(1);
        let mut blank = true;
        for (index, (text, style)) in std::mem::take(&mut line.spans).into_iter().enumerate() {
            // Line feeds of the file are spaces, several spaces one, none at the ends (SVG 1.1 §10.15).
            let mut text = collapsed(&text);
            if blank {
                text = text.trim_start().to_owned();
            }
            if index == last {
                text = text.trim_end().to_owned();
            }
            if text.is_empty() {
                continue;
            }
            blank = text.ends_with(' ');
            if style.fill == "none" {
                continue;
            }
            let mark = format!("text{}-{}", self.texts.len(), spans.len());
            let _ = write!(
                self.marks,
                "<rect id=\"{mark}\" width=\"1\" height=\"1\" fill=\"{}\"",
                escaped(&style.fill)
            );
            if let Some(transform) = transform {
                let _ = write!(self.marks, " transform=\"{}\"", escaped(transform));
            }
            self.marks.push_str("/>");
            marks.push(mark);
            let words = Words::parse(&text)?;
            let (families, bold, size, spacing) = (style.families, style.bold, style.size, style.spacing);
            spans.push(Span { words, families, bold, size, spacing, colour: Colour::default() });
        }
        if !spans.is_empty() {
            let Line { x, y, length, anchor, .. } = line;
            let standing = Standing { transform: [0.0; 6], x, y, anchor, length, spans, left_out };
            self.texts.push(Unplaced { marks, standing });
        }
        Ok(())
    }

    /// Texts and boxes where usvg put their marks.
    fn placed(&mut self, found: &Marks) -> Result<(Vec<Standing>, BTreeMap<String, Area>), TemplateError> {
        let mut texts = Vec::with_capacity(self.texts.len());
        for Unplaced { marks, mut standing } in std::mem::take(&mut self.texts) {
            for (index, (mark, span)) in marks.iter().zip(&mut standing.spans).enumerate() {
                let lost = || self.wrong("a text's transform cannot be undone".to_owned());
                let (transform, _, colour) = found.get(mark).ok_or_else(lost)?;
                span.colour = *colour;
                if index == 0 {
                    let t = transform;
                    standing.transform = [t.sx, t.ky, t.kx, t.sy, t.tx, t.ty].map(|part| part * POINTS);
                }
            }
            texts.push(standing);
        }
        let mut boxes = BTreeMap::new();
        for (name, mark) in &self.named {
            let (transform, bounds, _) = found
                .get(mark)
                .ok_or_else(|| self.wrong(format!("the rectangle `{name}` has no width or no height")))?;
            if transform.kx.abs() > 1e-4 || transform.ky.abs() > 1e-4 {
                return Err(self.wrong(format!("the rectangle `{name}` is turned; boxes stand upright")));
            }
            let area = Area {
                x: bounds.x() * POINTS,
                y: bounds.y() * POINTS,
                width: bounds.width() * POINTS,
                height: bounds.height() * POINTS,
            };
            boxes.insert(name.clone(), area);
        }
        Ok((texts, boxes))
    }
}

struct Line {
    x: f32,
    y: f32,
    length: Option<f32>,
    anchor: Anchor,
    spans: Vec<(String, Style)>,
}

fn families(value: &str) -> Vec<String> {
    let names = value.split(',').map(|name| name.trim().trim_matches(['\'', '"']).trim().to_owned());
    names.filter(|name| !name.is_empty()).take(8).collect()
}

fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let space = matches!(character, ' ' | '\t' | '\n' | '\r');
        if !space {
            out.push(character);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

fn escaped(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// usvg counts in pixels, PDF in points.
pub(super) const POINTS: f32 = 0.75;
/// Points of a millimetre.
pub(super) const MM: f32 = 72.0 / 25.4;
/// Octets of a page's file.
const MAX_FILE: usize = 2 << 20;
/// Elements, texts and comments of a page.
const MAX_NODES: u32 = 20_000;
const MAX_DEPTH: usize = 32;
/// References to gradients and clips; each draws what it names.
const MAX_REFERENCES: usize = 256;
/// Octets of a page's standing texts.
const MAX_TEXT: usize = 64 << 10;
/// Points: 20 mm and 1 m.
const MIN_EDGE: f32 = 20.0 * MM;
const MAX_EDGE: f32 = 1000.0 * MM;
