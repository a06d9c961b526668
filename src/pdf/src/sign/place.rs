//! From a placement to a page and a rectangle.

use super::PrepareError;
use super::form::Field;
use crate::appearance::{Box2, Millimetres, PageView, Placement, SealImage, Stand};
use crate::syntax::{Dictionary, Document, Object, ObjectId, Page};
use crate::text;

/// Where a new field's widget goes: the page, and where on it, if anywhere.
pub(super) struct Place {
    pub(super) page: Page,
    pub(super) stand: Option<Stand>,
}

/// The place of a new field: as asked for, or invisible on the first page.
pub(super) fn new_field(
    document: &Document<'_>,
    placement: Option<&Placement>,
) -> Result<Place, PrepareError> {
    match placement {
        None => Ok(Place { page: page(document, 1)?, stand: None }),
        Some(&Placement::Page { page: number, x_mm, y_mm, width_mm, height_mm }) => {
            let page = page(document, number)?;
            let at = Millimetres { x: x_mm, y: y_mm, width: width_mm, height: height_mm };
            let stand = view(document, &page)?.stand(at)?;
            Ok(Place { page, stand: Some(stand) })
        }
        Some(Placement::Keyword { text, occurrence, dx_mm, dy_mm, width_mm, height_mm }) => {
            let found = text::find(document, text, *occurrence)?;
            let page = page(document, found.page)?;
            let stand = view(document, &page)?.stand_around(
                found.centre,
                (*dx_mm, *dy_mm),
                (*width_mm, *height_mm),
            )?;
            Ok(Place { page, stand: Some(stand) })
        }
        Some(Placement::Field) => Err(PrepareError::NoField),
    }
}

/// Where the appearance of an existing field's widget stands; `None` if the field is invisible.
pub(super) fn existing_field(
    document: &Document<'_>,
    field: &Field,
    widget: (ObjectId, &Dictionary),
    placement: Option<&Placement>,
) -> Result<Option<Stand>, PrepareError> {
    let invisible = || PrepareError::FieldInvisible { name: field.name.clone() };
    let rect = rectangle(document, widget.1)?.filter(|rect| !rect.is_empty());
    match (placement, rect) {
        (None, None) => Ok(None),
        (Some(Placement::Field), None) => Err(invisible()),
        (Some(Placement::Page { .. } | Placement::Keyword { .. }), _) => {
            Err(PrepareError::FieldPlaced { name: field.name.clone() })
        }
        (None | Some(Placement::Field), Some(rect)) => {
            let page = page_of(document, widget)?.ok_or_else(invisible)?;
            Ok(Some(view(document, &page)?.stand_in(rect)))
        }
    }
}

/// Where the picture goes in a form of the size of `stand`: filling it, or (`fit`) as large as its
/// aspect ratio allows, in the middle.
pub(super) fn picture_box(stand: &Stand, image: &SealImage, fit: bool) -> [f64; 4] {
    if !fit {
        return [0.0, 0.0, stand.width, stand.height];
    }
    let (pixels_x, pixels_y) = (f64::from(image.width().max(1)), f64::from(image.height().max(1)));
    let scale = (stand.width / pixels_x).min(stand.height / pixels_y);
    let (width, height) = (pixels_x * scale, pixels_y * scale);
    [(stand.width - width) / 2.0, (stand.height - height) / 2.0, width, height]
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
