//! SVG seals: shapes as PDF operators where PDF can express them, else pixels.
//!
//! `weigh` bounds what an SVG may cost before it is parsed, usvg resolves its styles, references and
//! text to paths, `draw` writes those as PDF, `bitmap` draws the rest. No file is opened and nothing is
//! fetched: references out of the document are refused here, and usvg is given no way to follow them.

mod bitmap;
mod draw;
mod paint;
mod path;
mod weigh;

use std::sync::{Arc, Mutex, PoisonError};

use usvg::fontdb;

use super::bitmap::Bitmap;
use super::font::{Font, FontError};
use super::image::{ImageError, ImageLimits};
pub(super) use draw::Drawing;

/// What became of an SVG.
pub(super) enum Read {
    Shapes(Arc<Drawing>),
    Pixels { bitmap: Bitmap, because: &'static str },
}

/// Why a tree is not written as PDF operators.
enum Refusal {
    /// PDF has nothing like it: to be drawn.
    NotInPdf(&'static str),
    /// Not to be drawn either.
    TooIntricate { what: &'static str, limit: usize },
}

/// Reads an SVG whose size is checked already.
pub(super) fn read(svg: &[u8], limits: &ImageLimits, fonts: &[Arc<Font>]) -> Result<Read, ImageError> {
    let text = std::str::from_utf8(svg).map_err(|_| ImageError::Svg("it is not UTF-8".to_owned()))?;
    let tree = parse(text, fonts)?;
    match Drawing::new(&tree, limits) {
        Ok(drawing) if drawing.is_empty() => Err(ImageError::Invisible),
        Ok(drawing) => Ok(Read::Shapes(Arc::new(drawing))),
        Err(Refusal::TooIntricate { what, limit }) => Err(ImageError::TooIntricate { what, limit }),
        Err(Refusal::NotInPdf(because)) => {
            Ok(Read::Pixels { bitmap: bitmap::draw(&tree, limits, None)?, because })
        }
    }
}

/// Parses within bounds; text is set in `fonts` and nothing else.
fn parse(text: &str, fonts: &[Arc<Font>]) -> Result<usvg::Tree, ImageError> {
    // Entities multiply text before anything is counted; a DOCTYPE that names SVG alone is common.
    if text.contains("<!ENTITY") {
        return Err(ImageError::SvgUses { what: "<!ENTITY".to_owned() });
    }
    let options =
        usvg::roxmltree::ParsingOptions { allow_dtd: true, nodes_limit: MAX_NODES, entity_resolver: None };
    let document =
        usvg::roxmltree::Document::parse_with_options(text, options).map_err(|error| match error {
            usvg::roxmltree::Error::NodesLimitReached => {
                ImageError::TooIntricate { what: "the number of its nodes", limit: MAX_NODES as usize }
            }
            error => ImageError::Svg(error.to_string()),
        })?;
    weigh::weigh(&document)?;

    let mut database = fontdb::Database::new();
    let mut faces = Vec::new();
    for font in fonts {
        let (data, index) = font.file();
        let source = fontdb::Source::Binary(Arc::new(data.clone()));
        for id in database.load_font_source(source) {
            if database.face(id).is_some_and(|face| face.index == index) {
                faces.push((id, font.clone()));
            } else {
                database.remove_face(id);
            }
        }
    }
    let lacking: Mutex<Option<ImageError>> = Mutex::new(None);
    let lacks = |error: ImageError| {
        lacking.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    };
    let select = |wanted: &usvg::Font, _: &mut Arc<fontdb::Database>| {
        let named = wanted.families().iter().find_map(|family| match family {
            usvg::FontFamily::Named(name) => {
                faces.iter().find(|(_, font)| font.name().eq_ignore_ascii_case(&name.replace(' ', "")))
            }
            _ => None,
        });
        let chosen = named.or(faces.first()).map(|(id, _)| *id);
        if chosen.is_none() {
            lacks(ImageError::NoFont);
        }
        chosen
    };
    let fallback = |character: char, used: &[fontdb::ID], _: &mut Arc<fontdb::Database>| {
        let other = faces
            .iter()
            .find(|(id, font)| !used.contains(id) && font.glyphs(character.encode_utf8(&mut [0; 4])).is_ok());
        if other.is_none() {
            let font = faces.first().map(|(_, font)| font.name().to_owned()).unwrap_or_default();
            lacks(ImageError::Font(FontError::MissingGlyph { font, character }));
        }
        other.map(|(id, _)| *id)
    };
    let options = usvg::Options {
        resources_dir: None,
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        font_resolver: usvg::FontResolver {
            select_font: Box::new(select),
            select_fallback: Box::new(fallback),
        },
        fontdb: Arc::new(database),
        languages: vec!["zh".to_owned(), "en".to_owned()],
        ..usvg::Options::default()
    };
    let tree =
        usvg::Tree::from_xmltree(&document, &options).map_err(|error| ImageError::Svg(error.to_string()));
    drop(options);
    match lacking.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => tree,
    }
}

/// Elements, texts and comments of an SVG; seals have hundreds.
const MAX_NODES: u32 = 20_000;
