//! How much of a page new signature fields cover, taken together.
//!
//! What a signature field shows is whatever its maker wants; more of a page than any seal needs is a picture
//! laid over it. The page is the one whose `/Annots` show the widget: `/P` is optional and only a hint
//! (ISO 32000-2 table 166), so a widget that names another page than it stands on hides something.

use std::collections::{BTreeMap, BTreeSet};

use super::{Analysis, Class};
use crate::revisions::{By, identity};
use crate::syntax::{Dictionary, Object, ObjectId, ReadError};

/// A widget with an area that came with this revision.
pub(super) struct Placed {
    pub(super) id: ObjectId,
    pub(super) name: String,
    pub(super) widget: Dictionary,
}

impl Analysis<'_, '_, '_> {
    /// Judges the new widgets of this revision page by page.
    pub(super) fn coverage(&mut self) -> Result<(), ReadError> {
        let placed = std::mem::take(&mut self.placed);
        if placed.is_empty() {
            return Ok(());
        }
        let homes = self.homes(placed.iter().map(|new| new.id).collect())?;
        let mut shares: BTreeMap<ObjectId, (f64, usize)> = BTreeMap::new();
        for Placed { id, name, widget } in &placed {
            let pages = homes.get(id);
            let agrees = match widget.get(b"P") {
                None | Some(Object::Null) => true,
                Some(Object::Reference(page)) => pages.is_none_or(|pages| pages.contains(page)),
                Some(_) => false,
            };
            if !agrees {
                self.step.classes.insert(Class::Annotation);
                self.remark(format!("new signature field `{name}` names another page than it stands on"));
            }
            let area = area(&self.new.entry(widget, b"Rect")?);
            let nowhere = BTreeSet::from([NOWHERE]);
            for page in pages.unwrap_or(&nowhere) {
                let size = self.page_size(*page)?;
                // A rectangle that cannot be read may be anything.
                let share = area.map_or(1.0, |area| area / size);
                if share > MOST {
                    self.step.classes.insert(Class::Annotation);
                    self.remark(format!("new signature field `{name}` covers most of its page"));
                }
                let (sum, count) = shares.entry(*page).or_default();
                (*sum, *count) = (*sum + share, *count + 1);
            }
        }
        for (page, (share, count)) in shares {
            if share > MOST && count > 1 {
                self.step.classes.insert(Class::Annotation);
                self.remark(format!("new signature fields cover most of page object {}", page.number));
            }
            *self.step.covered.entry(page.number).or_default() += share;
        }
        Ok(())
    }

    /// The pages whose annotation lists show each of `widgets`; all of them changed with this revision, as
    /// nothing referred to the widgets before.
    fn homes(
        &self,
        widgets: BTreeSet<ObjectId>,
    ) -> Result<BTreeMap<ObjectId, BTreeSet<ObjectId>>, ReadError> {
        let mut homes: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
        for (number, change) in &self.changed {
            let (list, pages) = match &change.new {
                Some(Object::Dictionary(page)) if page.get(b"Annots").is_some() => {
                    (self.new.entry(page, b"Annots")?, vec![change.id])
                }
                Some(list @ Object::Array(_)) => {
                    let pages = self.references.roles(*number).filter(|(_, by)| *by == By::Annots);
                    let found = |number| Some(identity(number, self.new.locate(number)?));
                    (list.clone(), pages.filter_map(|(number, _)| found(number)).collect())
                }
                _ => continue,
            };
            for item in list.as_array().unwrap_or_default() {
                if let Some(id) = item.as_reference().filter(|id| widgets.contains(id)) {
                    homes.entry(id).or_default().extend(pages.iter().copied());
                }
            }
        }
        Ok(homes)
    }

    /// The area of what is seen of a page, with what it inherits (§7.7.3.4, §14.11.2).
    fn page_size(&self, page: ObjectId) -> Result<f64, ReadError> {
        let (mut media, mut crop) = (None, None);
        let mut node = self.new.object(page)?;
        for _ in 0..self.new.document().limits().depth {
            let Object::Dictionary(dictionary) = &node else { break };
            crop = crop.or(area(&self.new.entry(dictionary, b"CropBox")?));
            media = media.or(area(&self.new.entry(dictionary, b"MediaBox")?));
            node = self.new.entry(dictionary, b"Parent")?;
        }
        let media = media.filter(|size| *size > 0.0).unwrap_or(A4);
        Ok(crop.filter(|size| *size > 0.0).map_or(media, |crop: f64| crop.min(media)))
    }
}

/// The area of a rectangle (§7.9.5).
fn area(rectangle: &Object) -> Option<f64> {
    let [x0, y0, x1, y1] = rectangle.as_array()? else { return None };
    let side = |a: &Object, b: &Object| Some((a.as_number()? - b.as_number()?).abs());
    Some(side(x0, x1)? * side(y0, y1)?)
}

/// Stands for the page of a widget that no page shows; a number that no object has.
const NOWHERE: ObjectId = ObjectId { number: u32::MAX, generation: 0 };
/// Of a page whose size is not said.
const A4: f64 = 595.0 * 842.0;
/// The share of a page that no signature fields made at once need.
const MOST: f64 = 0.4;
/// The share of a page that no signature fields made one after the other leave without being a cover.
pub(super) const NEARLY_ALL: f64 = 0.8;
