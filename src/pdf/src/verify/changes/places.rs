//! Where widgets stand: how much of its page one takes, and widgets that no field of the form owns.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::fields::Form;
use super::{Analysis, is_type};
use crate::syntax::{Dictionary, Object, ObjectId, ReadError, View, pages};

/// The widgets of all pages and their share of the page.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By the widget's number: its page and its share of it.
    shares: HashMap<u32, (ObjectId, f64)>,
    /// Widgets that are not in the form's field tree.
    pub(super) strays: Vec<Dictionary>,
    /// How much of a page is taken by widgets whose text cannot be read.
    taken: BTreeMap<ObjectId, f64>,
    /// The pages cannot be read.
    lost: bool,
}

impl Places {
    fn read(view: View<'_, '_>, form: &Form) -> Result<Self, ReadError> {
        let mut places = Self::default();
        match places.walk(view, form) {
            Ok(()) => {}
            Err(error @ (ReadError::TooComplex { .. } | ReadError::Io(_))) => return Err(error),
            Err(_) => places.lost = true,
        }
        Ok(places)
    }

    fn walk(&mut self, view: View<'_, '_>, form: &Form) -> Result<(), ReadError> {
        let mut seen = HashSet::new();
        for page in pages(view, false)? {
            let (_, page) = page?;
            let Object::Array(list) = view.entry(&page.dictionary, b"Annots")? else { continue };
            for item in list {
                if let Object::Reference(id) = &item
                    && !seen.insert((page.id, *id))
                {
                    continue;
                }
                let Object::Dictionary(annotation) = view.resolve(&item)? else { continue };
                if annotation.get(b"Subtype").and_then(Object::as_name) != Some(b"Widget") {
                    continue;
                }
                match item {
                    Object::Reference(id) if form.nodes.contains_key(&id) => {
                        let share = area(view, &annotation)? / size(page.crop_box).max(1.0);
                        let place = self.shares.entry(id.number).or_insert((page.id, share));
                        if place.1 < share {
                            *place = (page.id, share);
                        }
                    }
                    _ => self.strays.push(annotation),
                }
            }
        }
        Ok(())
    }

    /// Adds the widget to what cannot be read on its page; the share of all of them. Nothing where no
    /// page shows it, everything where the pages cannot be read.
    fn take(&mut self, widget: ObjectId) -> f64 {
        if self.lost {
            return 1.0;
        }
        let Some((page, share)) = self.shares.remove(&widget.number) else { return 0.0 };
        let taken = self.taken.entry(page).or_default();
        *taken += share;
        *taken
    }
}

impl Analysis<'_, '_, '_> {
    /// The widgets on the pages of the new state, read once.
    pub(super) fn places(&mut self) -> Result<&mut Places, ReadError> {
        let places = match self.places.take() {
            Some(places) => places,
            None => Places::read(self.new, self.new_form)?,
        };
        Ok(self.places.insert(places))
    }

    /// Whether widgets nobody can read take so much of a page that they could replace its content.
    pub(super) fn takes_the_page(&mut self, widget: ObjectId) -> Result<bool, ReadError> {
        Ok(self.places()?.take(widget) > LARGE)
    }

    /// Whether an appearance's font says by itself, and not by signed octets, what its codes stand for or
    /// look like: then nobody but who made it knows what they show.
    pub(super) fn is_font_of_its_own(&self, id: ObjectId) -> Result<bool, ReadError> {
        let Object::Dictionary(font) = self.new.object(id)? else { return Ok(true) };
        let subtype = font.get(b"Subtype").and_then(Object::as_name);
        if subtype == Some(b"Type3") {
            return Ok(true);
        }
        if self.signed.locate(id.number).is_some()
            && matches!(self.signed.object(id), Ok(Object::Dictionary(signed)) if is_type(&signed, b"Font"))
        {
            return Ok(false); // a change in place is told elsewhere
        }
        let embedded = |font: &Dictionary| -> Result<bool, ReadError> {
            let Object::Dictionary(descriptor) = self.new.entry(font, b"FontDescriptor")? else {
                return Ok(false);
            };
            let files: [&[u8]; 3] = [b"FontFile", b"FontFile2", b"FontFile3"];
            Ok(files.into_iter().any(|file| descriptor.get(file).is_some()))
        };
        let named = match self.new.entry(&font, b"Encoding")? {
            Object::Null => subtype != Some(b"Type0"),
            Object::Name(name) => !name.starts_with(b"Identity"),
            _ => false,
        };
        let below = match self.new.entry(&font, b"DescendantFonts")? {
            Object::Array(fonts) => fonts.first().map_or(Ok(Object::Null), |font| self.new.resolve(font))?,
            _ => Object::Null,
        };
        let below = below.as_dictionary().map_or(Ok(false), embedded)?;
        Ok(!named || font.get(b"ToUnicode").is_some() || embedded(&font)? || below)
    }
}

/// Width and height of a rectangle entry.
pub(super) fn extent(
    view: View<'_, '_>,
    holder: &Dictionary,
    key: &[u8],
) -> Result<Option<(f64, f64)>, ReadError> {
    let Object::Array(numbers) = view.entry(holder, key)? else { return Ok(None) };
    let numbers: Vec<f64> = numbers.iter().filter_map(Object::as_number).collect();
    Ok(match *numbers {
        [a, b, c, d] => Some(((c - a).abs(), (d - b).abs())),
        _ => None,
    })
}

fn area(view: View<'_, '_>, widget: &Dictionary) -> Result<f64, ReadError> {
    Ok(extent(view, widget, b"Rect")?.map_or(0.0, |(width, height)| width * height))
}

fn size([left, bottom, right, top]: [f64; 4]) -> f64 {
    (right - left).abs() * (top - bottom).abs()
}

/// The part of a page that widgets may take whose text cannot be compared with their value.
const LARGE: f64 = 0.25;
