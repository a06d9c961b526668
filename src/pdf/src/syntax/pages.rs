//! One path of the page tree (ISO 32000-2 §7.7.3): the way to a page, its inherited attributes.

use std::collections::HashSet;

use super::{Dictionary, Object, ObjectId, ReadError, View};

/// A page with what it inherits.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its identity.
    pub id: ObjectId,
    /// Its own dictionary, as written.
    pub dictionary: Dictionary,
    /// Its resources, own or inherited.
    pub resources: Dictionary,
    /// Lower-left and upper-right corner of the medium, normalised.
    pub media_box: [f64; 4],
    /// The visible part, clipped to the medium as §14.11.2 asks.
    pub crop_box: [f64; 4],
    /// Clockwise rotation for display: 0, 90, 180 or 270.
    pub rotate: i32,
}

pub(crate) fn count(view: View<'_, '_>) -> Result<u32, ReadError> {
    let (_, root) = root(view)?;
    kids_below(view, &root)
}

fn root(view: View<'_, '_>) -> Result<(ObjectId, Dictionary), ReadError> {
    let (_, catalog) = view.catalog()?;
    node(view, catalog.get(b"Pages"))?.ok_or(broken("catalog without a page tree"))
}

fn broken(what: &'static str) -> ReadError {
    ReadError::Malformed { what, offset: 0 }
}

fn node(view: View<'_, '_>, reference: Option<&Object>) -> Result<Option<(ObjectId, Dictionary)>, ReadError> {
    let Some(Object::Reference(id)) = reference else { return Ok(None) };
    match view.object(*id)? {
        Object::Dictionary(dictionary) => Ok(Some((*id, dictionary))),
        _ => Ok(None),
    }
}

fn kids_below(view: View<'_, '_>, node: &Dictionary) -> Result<u32, ReadError> {
    let count = view.entry(node, b"Count")?.as_integer().and_then(|n| u32::try_from(n).ok());
    count.ok_or(broken("page tree node without a count"))
}

pub(crate) fn page(view: View<'_, '_>, index: u32) -> Result<Page, ReadError> {
    let (mut id, mut dictionary) = root(view)?;
    let mut inherited = Dictionary::new();
    let mut seen = HashSet::from([id]);
    let mut remaining = index;
    for _ in 0..view.document().limits().depth {
        for key in INHERITED {
            if let Some(value) = dictionary.get(key) {
                inherited.set(key, value.clone());
            }
        }
        let Object::Array(kids) = view.entry(&dictionary, b"Kids")? else {
            return if remaining == 0 {
                finish(view, id, dictionary, &inherited)
            } else {
                Err(broken("no such page"))
            };
        };
        let mut next = None;
        for kid in &kids {
            let Some((kid, child)) = node(view, Some(kid))? else { continue };
            let below = if child.get(b"Kids").is_some() { kids_below(view, &child)? } else { 1 };
            if remaining < below {
                next = Some((kid, child));
                break;
            }
            remaining -= below;
        }
        let (kid, child) = next.ok_or(broken("no such page"))?;
        if !seen.insert(kid) {
            return Err(broken("page tree with a cycle"));
        }
        (id, dictionary) = (kid, child);
    }
    Err(ReadError::TooComplex { budget: "depth of the page tree" })
}

/// All pages of a document, each visited once: what asking by number costs for every page anew, this costs once.
pub struct Pages<'d, 'a> {
    view: View<'d, 'a>,
    reverse: bool,
    /// Nodes still to be visited, the next one last.
    nodes: Vec<Node>,
    seen: HashSet<ObjectId>,
}

struct Node {
    id: ObjectId,
    inherited: Dictionary,
    /// Index of the first page below it.
    first: u32,
    depth: usize,
}

pub(crate) fn pages<'d, 'a>(view: View<'d, 'a>, reverse: bool) -> Result<Pages<'d, 'a>, ReadError> {
    let (id, _) = root(view)?;
    let node = Node { id, inherited: Dictionary::new(), first: 0, depth: view.document().limits().depth };
    Ok(Pages { view, reverse, nodes: vec![node], seen: HashSet::from([id]) })
}

impl Pages<'_, '_> {
    /// The page that `node` is; `None` if it is none, its kids then stand on the stack.
    fn visit(&mut self, mut node: Node) -> Result<Option<(u32, Page)>, ReadError> {
        let Object::Dictionary(dictionary) = self.view.object(node.id)? else { return Ok(None) };
        for key in INHERITED {
            if let Some(value) = dictionary.get(key) {
                node.inherited.set(key, value.clone());
            }
        }
        let Object::Array(kids) = self.view.entry(&dictionary, b"Kids")? else {
            return finish(self.view, node.id, dictionary, &node.inherited)
                .map(|page| Some((node.first, page)));
        };
        let depth =
            node.depth.checked_sub(1).ok_or(ReadError::TooComplex { budget: "depth of the page tree" })?;
        let (start, mut first) = (self.nodes.len(), node.first);
        for kid in &kids {
            let Some((id, child)) = self::node(self.view, Some(kid))? else { continue };
            let below = if child.get(b"Kids").is_some() { kids_below(self.view, &child)? } else { 1 };
            // A page listed twice is shown twice, but is one page; a node listed twice is a cycle.
            if self.seen.insert(id) {
                self.nodes.push(Node { id, inherited: node.inherited.clone(), first, depth });
            }
            first = first.saturating_add(below);
        }
        if let (false, Some(pushed)) = (self.reverse, self.nodes.get_mut(start..)) {
            pushed.reverse();
        }
        Ok(None)
    }
}

impl Iterator for Pages<'_, '_> {
    /// Index counted from 0, and the page.
    type Item = Result<(u32, Page), ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let node = self.nodes.pop()?;
            if let Some(found) = self.visit(node).transpose() {
                if found.is_err() {
                    self.nodes.clear();
                }
                return Some(found);
            }
        }
    }
}

fn finish(
    view: View<'_, '_>,
    id: ObjectId,
    dictionary: Dictionary,
    inherited: &Dictionary,
) -> Result<Page, ReadError> {
    let resources = match view.entry(inherited, b"Resources")? {
        Object::Dictionary(resources) => resources,
        _ => Dictionary::new(),
    };
    let media_box = rectangle(view, inherited, b"MediaBox")?.ok_or(broken("page without a media box"))?;
    let crop_box = rectangle(view, inherited, b"CropBox")?.and_then(|crop| intersect(crop, media_box));
    let rotate = view.entry(inherited, b"Rotate")?.as_integer().unwrap_or(0).rem_euclid(360);
    let rotate = i32::try_from(rotate).unwrap_or(0) / 90 * 90;
    Ok(Page { id, dictionary, resources, media_box, crop_box: crop_box.unwrap_or(media_box), rotate })
}

fn rectangle(view: View<'_, '_>, from: &Dictionary, key: &[u8]) -> Result<Option<[f64; 4]>, ReadError> {
    let Object::Array(items) = view.entry(from, key)? else { return Ok(None) };
    let mut corners = [0.0; 4];
    for (corner, item) in corners.iter_mut().zip(&items) {
        *corner = view.resolve(item)?.as_number().ok_or(broken("rectangle without numbers"))?;
    }
    let [x0, y0, x1, y1] = corners;
    let rectangle = [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)];
    Ok((items.len() == 4 && !is_empty(rectangle)).then_some(rectangle))
}

fn intersect(a: [f64; 4], b: [f64; 4]) -> Option<[f64; 4]> {
    let ([ax0, ay0, ax1, ay1], [bx0, by0, bx1, by1]) = (a, b);
    let common = [ax0.max(bx0), ay0.max(by0), ax1.min(bx1), ay1.min(by1)];
    (!is_empty(common)).then_some(common)
}

fn is_empty([x0, y0, x1, y1]: [f64; 4]) -> bool {
    x1 <= x0 || y1 <= y0
}

/// §7.7.3.4.
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
