//! From a placement to pages and rectangles.

use std::collections::BTreeMap;

use super::PrepareError;
use super::form::Field;
use crate::appearance::{
    AppearanceError, Box2, Design, Millimetres, PageView, Paging, Placement, SealAppearance, Slice, Stand,
};
use crate::syntax::{Dictionary, Document, Object, ObjectId, Page};
use crate::text;

/// Where a signature is seen.
pub(super) struct Places {
    /// Where the field's own widget stands and what it shows; `None` if it is invisible.
    pub(super) field: Option<Mark>,
    /// Slices of the seal elsewhere.
    pub(super) further: Vec<Mark>,
}

/// One place where something is seen.
pub(super) struct Mark {
    pub(super) page: ObjectId,
    pub(super) stand: Stand,
    pub(super) shows: Shows,
}

/// What is seen at a place.
pub(super) enum Shows {
    /// Nothing: a field that takes up room, signed without a seal.
    Nothing,
    /// The seal and what stands beside it.
    Whole(Box<Design>),
    /// A slice, the whole seal having that place in its form.
    Slice(Slice, [f64; 4]),
}

/// The page of a new field, and its places: as asked for, or invisible on the first page.
pub(super) fn new_field(
    document: &Document<'_>,
    appearance: Option<&SealAppearance>,
) -> Result<(ObjectId, Places), PrepareError> {
    let Some(appearance) = appearance else {
        return Ok((page(document, 1)?.id, Places { field: None, further: Vec::new() }));
    };
    let mut further = slices(document, appearance.all_paging()?)?;
    let field = match &appearance.placement {
        &Placement::Page { page: number, x_mm, y_mm, width_mm, height_mm } => {
            let page = page(document, number)?;
            let design = appearance.design(width_mm, height_mm)?;
            let [x, y, ..] = design.seal;
            let (width, height) = (design.width, design.height);
            let at = Millimetres { x: x_mm - x, y: y_mm - y, width, height };
            let stand = view(document, &page)?.stand(at)?;
            Mark { page: page.id, stand, shows: Shows::Whole(Box::new(design)) }
        }
        Placement::Keyword { text, occurrence, dx_mm, dy_mm, width_mm, height_mm } => {
            let found = text::find(document, text, *occurrence)?;
            at_keyword(document, appearance, found, [*dx_mm, *dy_mm, *width_mm, *height_mm])?
        }
        Placement::EveryKeyword { text, dx_mm, dy_mm, width_mm, height_mm } => {
            let mut marks = text::find_all(document, text, MAX_OCCURRENCES)?.into_iter().map(|found| {
                at_keyword(document, appearance, found, [*dx_mm, *dy_mm, *width_mm, *height_mm])
            });
            // Found nowhere is an error already.
            let first = marks.next().ok_or(PrepareError::NoField)??;
            further.extend(marks.collect::<Result<Vec<_>, _>>()?);
            first
        }
        Placement::Field => return Err(PrepareError::NoField),
        // The first slice is the field's own.
        Placement::Paging(_) => further.remove(0),
    };
    Ok((field.page, Places { field: Some(field), further }))
}

/// The places of an existing field.
pub(super) fn existing_field(
    document: &Document<'_>,
    field: &Field,
    widget: (ObjectId, &Dictionary),
    appearance: Option<&SealAppearance>,
) -> Result<Places, PrepareError> {
    let invisible = || PrepareError::FieldInvisible { name: field.name.clone() };
    let rect = rectangle(document, widget.1)?.filter(|rect| !rect.is_empty());
    let further = match appearance {
        Some(appearance) => slices(document, appearance.all_paging()?)?,
        None => Vec::new(),
    };
    let placement = appearance.map(|appearance| &appearance.placement);
    let field = match (placement, rect) {
        (None | Some(Placement::Paging(_)), None) => None,
        (Some(Placement::Field), None) => return Err(invisible()),
        (Some(Placement::Page { .. } | Placement::Keyword { .. } | Placement::EveryKeyword { .. }), _)
        | (Some(Placement::Paging(_)), Some(_)) => {
            return Err(PrepareError::FieldPlaced { name: field.name.clone() });
        }
        (None | Some(Placement::Field), Some(rect)) => {
            let page = page_of(document, widget)?.ok_or_else(invisible)?;
            let view = view(document, &page)?;
            let stand = view.stand_in(rect);
            let shows = match appearance {
                None => Shows::Nothing,
                Some(appearance) => {
                    let (width, height) = view.millimetres(&stand);
                    Shows::Whole(Box::new(appearance.design_within(width, height)?))
                }
            };
            Some(Mark { page: page.id, stand, shows })
        }
    };
    Ok(Places { field, further })
}

/// The seal centred on a text that was found, moved by (dx, dy), of that width and height.
fn at_keyword(
    document: &Document<'_>,
    appearance: &SealAppearance,
    found: text::Found,
    [dx, dy, width, height]: [f64; 4],
) -> Result<Mark, PrepareError> {
    let page = page(document, found.page)?;
    let design = appearance.design(width, height)?;
    let [x, y, ..] = design.seal;
    // The seal is centred on the text, not what stands beside it.
    let off = |length: f64, seal: f64, at: f64| (length - seal) / 2.0 - at;
    let offset = (dx + off(design.width, width, x), dy + off(design.height, height, y));
    let size = (design.width, design.height);
    let stand = view(document, &page)?.stand_around(found.centre, offset, size)?;
    Ok(Mark { page: page.id, stand, shows: Shows::Whole(Box::new(design)) })
}

/// The slices of a seal that is split over pages, in the order of the pages.
fn slices(document: &Document<'_>, paging: Option<&Paging>) -> Result<Vec<Mark>, PrepareError> {
    let Some(paging) = paging else { return Ok(Vec::new()) };
    let mut wanted: BTreeMap<u32, Slice> =
        paging.slices(document.page_count()?).map_err(AppearanceError::from)?.into_iter().collect();
    let mut marks = Vec::with_capacity(wanted.len());
    for page in document.pages(false)? {
        if wanted.is_empty() {
            break;
        }
        let (index, page) = page?;
        let Some(slice) = wanted.remove(&index) else { continue };
        let stand = paging.stand(&view(document, &page)?, slice, index).map_err(AppearanceError::from)?;
        let seal = paging.seal_box(&stand, slice);
        marks.push(Mark { page: page.id, stand, shows: Shows::Slice(slice, seal) });
    }
    if !wanted.is_empty() {
        return Err(PrepareError::Malformed { what: "the page tree counts pages that are not there" });
    }
    Ok(marks)
}

fn page(document: &Document<'_>, number: u32) -> Result<Page, PrepareError> {
    let pages = document.page_count()?;
    match number.checked_sub(1) {
        Some(index) if index < pages => Ok(document.page(index)?),
        _ => Err(PrepareError::NoSuchPage { page: number, pages }),
    }
}

fn view(document: &Document<'_>, page: &Page) -> Result<PageView, PrepareError> {
    let unit = document.entry(&page.dictionary, b"UserUnit")?.as_number().unwrap_or(1.0);
    Ok(PageView::new(page.media_box, page.crop_box, page.rotate, unit)?)
}

fn rectangle(document: &Document<'_>, widget: &Dictionary) -> Result<Option<Box2>, PrepareError> {
    let Object::Array(numbers) = document.entry(widget, b"Rect")? else { return Ok(None) };
    let mut corners = [0.0; 4];
    for (corner, number) in corners.iter_mut().zip(&numbers) {
        *corner = document.resolve(number)?.as_number().unwrap_or(0.0);
    }
    Ok(Some(Box2::new(corners)))
}

/// The page a widget is on: the one it names, or that lists it.
fn page_of(
    document: &Document<'_>,
    (id, widget): (ObjectId, &Dictionary),
) -> Result<Option<Page>, PrepareError> {
    let named = widget.get(b"P").and_then(Object::as_reference);
    for page in document.pages(false)? {
        let (_, page) = page?;
        if named == Some(page.id) {
            return Ok(Some(page));
        }
        if let (None, Object::Array(annotations)) = (named, document.entry(&page.dictionary, b"Annots")?)
            && annotations.iter().any(|annotation| annotation.as_reference() == Some(id))
        {
            return Ok(Some(page));
        }
    }
    Ok(None)
}

/// A keyword at every clause is sealed at every clause; more is a mistake.
const MAX_OCCURRENCES: usize = 1_000;
