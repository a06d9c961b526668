//! What an SVG costs once its references are followed, told before it is parsed.
//!
//! `use` multiplies what it refers to, and references nest: a kilobyte can stand for gigabytes. Each
//! element weighs its own octets and whatever its references weigh.

use std::collections::HashMap;

use usvg::roxmltree::{Document, Node, NodeId};

use super::super::image::ImageError;

/// Refuses what leads out of the document, what is not drawn, and what weighs too much.
pub(super) fn weigh(document: &Document<'_>) -> Result<(), ImageError> {
    let mut scale = Scale { by_id: HashMap::new(), weights: HashMap::new() };
    for node in document.descendants().filter(Node::is_element) {
        check(node)?;
        if let Some(id) = node.attribute("id") {
            scale.by_id.entry(id).or_insert(node);
        }
    }
    scale.weight(document.root(), MAX_DEPTH).map(|_| ())
}

/// Refuses single elements.
fn check(node: Node<'_, '_>) -> Result<(), ImageError> {
    let name = node.tag_name().name();
    let uses = |what: &str| ImageError::SvgUses { what: what.chars().take(100).collect() };
    if REFUSED.contains(&name) {
        return Err(uses(name));
    }
    if name == "style" && node.text().is_some_and(|text| text.contains("url(") || text.contains("@import")) {
        return Err(uses("url() in a style sheet"));
    }
    for attribute in node.attributes() {
        let value = attribute.value();
        // Within the document a reference begins with `#`.
        let outside = attribute.name() == "href" && name != "a" && !value.trim_start().starts_with('#')
            || references(value).any(|target| !target.starts_with('#'));
        if outside {
            return Err(uses(value));
        }
        if attribute.name().starts_with("marker") && value != "none" {
            return Err(uses(attribute.name()));
        }
        // Never run here; but a picture is also handed back to whoever looks at it.
        let lower = value.trim_start().get(..11).map(str::to_ascii_lowercase);
        if attribute.name().starts_with("on") || lower.as_deref() == Some("javascript:") {
            return Err(uses(attribute.name()));
        }
    }
    Ok(())
}

/// What `url(…)` in an attribute's value names.
fn references(value: &str) -> impl Iterator<Item = &str> {
    value.split("url(").skip(1).map(|rest| {
        let end = rest.find(')').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default().trim_matches(['\'', '"', ' '])
    })
}

struct Scale<'a, 'i> {
    by_id: HashMap<&'a str, Node<'a, 'i>>,
    weights: HashMap<NodeId, usize>,
}

impl<'a, 'i> Scale<'a, 'i> {
    fn weight(&mut self, node: Node<'a, 'i>, depth: usize) -> Result<usize, ImageError> {
        if let Some(known) = self.weights.get(&node.id()) {
            return Ok(*known);
        }
        // A reference that leads back to itself ends here as well.
        let below = depth
            .checked_sub(1)
            .ok_or(ImageError::TooIntricate { what: "the depth of its elements", limit: MAX_DEPTH })?;
        let mut weight = match node.text() {
            // Each letter becomes a path.
            Some(text) if node.is_text() => text.len().saturating_mul(LETTER),
            _ => ELEMENT,
        };
        for child in node.children() {
            weight = weight.saturating_add(self.weight(child, below)?);
        }
        for attribute in node.attributes() {
            weight = weight.saturating_add(attribute.value().len());
            let link = (attribute.name() == "href").then(|| attribute.value().trim());
            for target in references(attribute.value()).chain(link) {
                let target = target.strip_prefix('#').and_then(|id| self.by_id.get(id)).copied();
                if let Some(target) = target {
                    weight = weight.saturating_add(self.weight(target, below)?);
                }
            }
        }
        if weight > MAX_WEIGHT {
            return Err(ImageError::TooIntricate {
                what: "its size with references followed",
                limit: MAX_WEIGHT,
            });
        }
        self.weights.insert(node.id(), weight);
        Ok(weight)
    }
}

/// Pictures within the picture, patterns and markers (drawn anew for each shape that inherits them), and
/// pages within the page.
const REFUSED: [&str; 6] = ["image", "feImage", "pattern", "marker", "foreignObject", "script"];
/// Elements within elements, references included; usvg and viewers recurse.
const MAX_DEPTH: usize = 64;
/// Octets of an SVG with every reference followed.
const MAX_WEIGHT: usize = 16 << 20;
/// What an element costs beside its attributes.
const ELEMENT: usize = 200;
/// What a letter's outline costs.
const LETTER: usize = 1_000;
