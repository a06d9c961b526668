//! What a signature shows: the field's widget and, where the seal is split over pages, its slices.
//!
//! ISO 32000-2 §12.7.5.5 gives a signature field one annotation. In a document nobody signed yet the
//! slices are therefore rubber stamps (§12.5.6.12), made before the signature and covered by it. Where a
//! signature stands already, new annotations would count as changes that it does not permit (§12.8.2.2),
//! while what a further signature brings along is permitted: there the slices are widgets of the new
//! field. Readers and validators take such a field (pyHanko's rules name the case; poppler reports it once
//! for each widget), and none of them takes the stamps.

use super::PrepareError;
use super::changes::Changes;
use super::place::{Mark, Shows};
use super::tags::Tagged;
use crate::appearance::{Box2, Painter, Paper, SealAppearance, Stand, empty_form};
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, text_string};

/// Draws marks into an update; the seal's picture is added once, when something shows it.
pub(super) struct Marks<'r> {
    appearance: Option<&'r SealAppearance>,
    paper: Paper,
    painter: Option<Painter<'r>>,
    /// The annotations that were added.
    pub(super) listed: Vec<Tagged>,
}

impl<'r> Marks<'r> {
    pub(super) fn new(appearance: Option<&'r SealAppearance>, paper: Paper) -> Self {
        Self { appearance, paper, painter: None, listed: Vec::new() }
    }

    /// The /AP entry of what stands at `mark`: the seal, a slice, or an empty form.
    pub(super) fn shown(
        &mut self,
        changes: &mut Changes<'_, '_>,
        mark: &Mark,
    ) -> Result<Object, PrepareError> {
        let update = &mut changes.update;
        let form = match (&mark.shows, self.appearance) {
            (Shows::Nothing, _) | (_, None) => empty_form(update, &mark.stand),
            (shows, Some(appearance)) => {
                if self.painter.is_none() {
                    self.painter = Some(Painter::new(update, appearance, self.paper)?);
                }
                match (shows, &mut self.painter) {
                    (Shows::Whole(design), Some(painter)) => painter.whole(update, &mark.stand, design),
                    (Shows::Slice(slice, seal), Some(painter)) => {
                        painter.slice(update, &mark.stand, *slice, *seal)
                    }
                    _ => empty_form(update, &mark.stand),
                }
            }
        };
        let mut shown = Dictionary::new();
        shown.set(b"N", Object::Reference(form));
        Ok(Object::Dictionary(shown))
    }

    /// The /AP entry of a field that takes up no room.
    pub(super) fn nothing(&self, changes: &mut Changes<'_, '_>) -> Object {
        let stand = Stand {
            rect: Box2::new([0.0; 4]),
            width: 0.0,
            height: 0.0,
            matrix: [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        };
        let mut shown = Dictionary::new();
        shown.set(b"N", Object::Reference(empty_form(&mut changes.update, &stand)));
        Object::Dictionary(shown)
    }

    /// Adds a widget of `field` that shows `mark`, and lists it on its page. What it inherits from its
    /// field is repeated: poppler takes it for a field below and looks for its value in it.
    pub(super) fn widget(
        &mut self,
        changes: &mut Changes<'_, '_>,
        mark: &Mark,
        (field, signature): (ObjectId, ObjectId),
    ) -> Result<ObjectId, PrepareError> {
        let mut widget = annotation("Widget", Some(&mark.stand), mark.page, PRINT_AND_LOCKED);
        widget.set(b"Parent", Object::Reference(field));
        widget.set(b"FT", Object::Name(b"Sig".to_vec()));
        widget.set(b"V", Object::Reference(signature));
        widget.set(b"AP", self.shown(changes, mark)?);
        put_on_page(changes, mark.page, widget)
    }

    /// Adds a rubber stamp that shows `mark`, and lists it on its page.
    pub(super) fn stamp(
        &mut self,
        changes: &mut Changes<'_, '_>,
        mark: &Mark,
        name: &str,
    ) -> Result<(), PrepareError> {
        let mut stamp = annotation("Stamp", Some(&mark.stand), mark.page, STAMP_FLAGS);
        // Read by assistive software instead of the picture.
        let alternative = match &mark.shows {
            Shows::Slice(slice, _) => format!("骑缝章 {name} {}/{}", slice.number + 1, slice.of),
            Shows::Nothing | Shows::Whole(_) => name.to_owned(),
        };
        stamp.set(b"Contents", text_string(&alternative));
        stamp.set(b"AP", self.shown(changes, mark)?);
        let id = put_on_page(changes, mark.page, stamp)?;
        self.listed.push(Tagged { annotation: id, page: mark.page, widget: false, alternative });
        Ok(())
    }
}

/// An annotation's entries that every mark has; without a stand it takes up no room.
pub(super) fn annotation(kind: &str, stand: Option<&Stand>, page: ObjectId, flags: i64) -> Dictionary {
    let name = |name: &str| Object::Name(name.as_bytes().to_vec());
    let mut annotation = Dictionary::new();
    annotation.set(b"Type", name("Annot"));
    annotation.set(b"Subtype", name(kind));
    annotation.set(b"F", Object::Integer(flags));
    annotation.set(b"P", Object::Reference(page));
    let corners = stand
        .map_or([0.0; 4], |stand| [stand.rect.left, stand.rect.bottom, stand.rect.right, stand.rect.top]);
    annotation.set(b"Rect", Object::Array(corners.map(Object::Real).to_vec()));
    annotation
}

fn put_on_page(
    changes: &mut Changes<'_, '_>,
    page: ObjectId,
    annotation: Dictionary,
) -> Result<ObjectId, PrepareError> {
    let id = changes.add(Body::Value(Object::Dictionary(annotation)));
    changes.append(page, b"Annots", Object::Reference(id))?;
    Ok(id)
}

/// Annotation flags Print and Locked (ISO 32000-2 table 167).
pub(super) const PRINT_AND_LOCKED: i64 = 4 | 128;
/// And ReadOnly: nobody drags a slice about.
const STAMP_FLAGS: i64 = PRINT_AND_LOCKED | 64;
