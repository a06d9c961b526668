//! The text of one page: letters in the order they are shown, with their places in user space.

use std::collections::HashMap;
use std::rc::Rc;

use super::SearchError;
use super::fold::fold;
use super::font::Font;
use super::ink::{Brush, Painter};
use crate::syntax::content::Tokens;
use crate::syntax::{Dictionary, Object, ObjectId, Page, ReadError, Stream, View};

/// One folded character and where it stands in default user space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    pub(super) character: char,
    /// On the baseline where it begins.
    pub(super) start: (f64, f64),
    /// On the baseline where the next begins.
    pub(super) end: (f64, f64),
    /// From the baseline one em upwards.
    pub(super) up: (f64, f64),
}

/// Reads pages; fonts are kept from one page to the next, and so is what has been spent.
pub(super) struct Reader<'d, 'a> {
    view: View<'d, 'a>,
    fonts: HashMap<ObjectId, Rc<Font>>,
    content: usize,
    operations: usize,
    /// Codes shown that nothing gives a character for.
    pub(super) unknown: usize,
    /// Images and other XObjects that are not forms, inline images included.
    pub(super) pictures: usize,
    /// Follows what an appearance does beside showing letters.
    pub(super) painter: Option<Painter>,
}

impl<'d, 'a> Reader<'d, 'a> {
    pub(super) fn new(view: View<'d, 'a>) -> Self {
        Self {
            view,
            fonts: HashMap::new(),
            content: 0,
            operations: 0,
            unknown: 0,
            pictures: 0,
            painter: None,
        }
    }

    /// The letters a form XObject draws; fonts it does not name itself are looked for in `fallback`.
    pub(super) fn form_letters(
        &mut self,
        form: &Stream,
        fallback: &Dictionary,
    ) -> Result<Vec<Letter>, SearchError> {
        let mut resources = match self.view.entry(&form.dictionary, b"Resources")? {
            Object::Dictionary(own) => own,
            _ => Dictionary::new(),
        };
        if let Object::Dictionary(mut fonts) = self.view.entry(fallback, b"Font")? {
            if let Object::Dictionary(own) = self.view.entry(&resources, b"Font")? {
                own.iter().for_each(|(name, font)| fonts.set(name, font.clone()));
            }
            resources.set(b"Font", Object::Dictionary(fonts));
        }
        self.painter = Some(self.painter(form)?);
        let data = self.data(&Object::Stream(form.clone()))?;
        let mut letters = Vec::new();
        self.run(&data, &resources, Matrix::IDENTITY, MAX_FORMS, &mut letters)?;
        Ok(letters)
    }

    fn painter(&self, form: &Stream) -> Result<Painter, SearchError> {
        let numbers = |key: &[u8]| -> Result<Option<Vec<f64>>, SearchError> {
            let Object::Array(numbers) = self.view.entry(&form.dictionary, key)? else { return Ok(None) };
            Ok(Some(numbers.iter().filter_map(Object::as_number).collect()))
        };
        let bounds = numbers(b"BBox")?.and_then(|bounds| <[f64; 4]>::try_from(bounds).ok());
        let bounds = bounds.map(|[a, b, c, d]| [a.min(c), b.min(d), a.max(c), b.max(d)]);
        let mut painter = Painter::new(bounds);
        let matrix = numbers(b"Matrix")?.map_or(Ok([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), <[f64; 6]>::try_from);
        // Mirrored, flattened or left to layers.
        if !matrix.is_ok_and(|[a, b, c, d, ..]| a * d - b * c > 0.0) || form.dictionary.get(b"OC").is_some() {
            painter.doubt();
        }
        Ok(painter)
    }

    /// The letters of `page`.
    pub(super) fn letters(&mut self, page: &Page) -> Result<Vec<Letter>, SearchError> {
        let mut data = Vec::new();
        match self.view.entry(&page.dictionary, b"Contents")? {
            Object::Stream(stream) => data = self.data(&Object::Stream(stream))?,
            Object::Array(parts) => {
                for part in parts.iter().take(MAX_PARTS) {
                    data.extend(self.data(&self.view.resolve(part)?)?);
                    // Tokens do not go on from one stream to the next (ISO 32000-2 §7.8.2).
                    data.push(b'\n');
                }
            }
            _ => {}
        }
        let mut letters = Vec::new();
        self.run(&data, &page.resources, Matrix::IDENTITY, MAX_FORMS, &mut letters)?;
        Ok(letters)
    }

    fn data(&mut self, object: &Object) -> Result<Vec<u8>, SearchError> {
        let Object::Stream(stream) = object else { return Ok(Vec::new()) };
        let left = MAX_CONTENT.saturating_sub(self.content);
        let data = match self.view.stream_data(stream, left) {
            Ok(data) => data,
            // Viewers leave a page blank from a stream they cannot decode; no keyword stands there.
            Err(ReadError::Unsupported { .. } | ReadError::Malformed { .. }) => Vec::new(),
            Err(ReadError::TooComplex { .. }) => return Err(SearchError::TooCostly),
            Err(error) => return Err(error.into()),
        };
        self.content += data.len();
        Ok(data)
    }

    /// Runs a content stream; `forms` is how deep form XObjects may still nest.
    fn run(
        &mut self,
        data: &[u8],
        resources: &Dictionary,
        base: Matrix,
        forms: usize,
        letters: &mut Vec<Letter>,
    ) -> Result<(), SearchError> {
        let mut state = State { matrix: base, ..State::default() };
        let mut saved: Vec<State> = Vec::new();
        let (mut line, mut text) = (Matrix::IDENTITY, Matrix::IDENTITY);
        for operation in Tokens::new(data) {
            self.operations += 1;
            if self.operations > MAX_OPERATIONS || letters.len() > MAX_LETTERS {
                return Err(SearchError::TooCostly);
            }
            let operands = operation.operands.as_slice();
            let number = |i: usize| operands.get(i).and_then(Object::as_number).unwrap_or(0.0);
            let mut next_line = |x: f64, y: f64| {
                line = Matrix([1.0, 0.0, 0.0, 1.0, x, y]).then(line);
                line
            };
            if let Some(painter) = &mut self.painter {
                painter.operation(&operation.operator, operands, &mut state.brush, state.matrix);
            }
            let before = letters.len();
            match operation.operator.as_slice() {
                b"q" if saved.len() < MAX_SAVED => saved.push(state.clone()),
                b"Q" => state = saved.pop().unwrap_or(state),
                b"cm" => state.matrix = Matrix(std::array::from_fn(number)).then(state.matrix),
                b"BT" => (line, text) = (Matrix::IDENTITY, Matrix::IDENTITY),
                b"Tc" => state.character_spacing = number(0),
                b"Tw" => state.word_spacing = number(0),
                b"Tz" => state.horizontal = number(0) / 100.0,
                b"TL" => state.leading = number(0),
                b"Ts" => state.rise = number(0),
                b"Tf" => {
                    state.size = number(1);
                    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                    state.font = self.font(resources, name)?;
                    state.font_id = self.resource_id(resources, b"Font", name)?.0;
                }
                b"Td" => text = next_line(number(0), number(1)),
                b"TD" => {
                    state.leading = -number(1);
                    text = next_line(number(0), number(1));
                }
                b"Tm" => {
                    line = Matrix(std::array::from_fn(number));
                    text = line;
                }
                b"T*" => text = next_line(0.0, -state.leading),
                b"Tj" => self.unknown += show(&state, &mut text, operands.first(), letters),
                b"'" => {
                    text = next_line(0.0, -state.leading);
                    self.unknown += show(&state, &mut text, operands.first(), letters);
                }
                b"\"" => {
                    (state.word_spacing, state.character_spacing) = (number(0), number(1));
                    text = next_line(0.0, -state.leading);
                    self.unknown += show(&state, &mut text, operands.get(2), letters);
                }
                b"TJ" => {
                    for item in operands.first().and_then(Object::as_array).unwrap_or_default() {
                        if let Some(back) = item.as_number() {
                            text = state.move_by(-back / 1_000.0 * state.size).then(text);
                        } else {
                            self.unknown += show(&state, &mut text, Some(item), letters);
                        }
                    }
                }
                b"Do" => {
                    let name = operands.first().and_then(Object::as_name).unwrap_or_default();
                    self.form(resources, name, state.matrix, forms, letters)?;
                }
                b"EI" | b"sh" => self.pictures += 1,
                _ => {}
            }
            if let (Some(painter), Some(shown @ [_, ..])) = (&mut self.painter, letters.get(before..)) {
                painter.letters(shown, &state.brush);
                match state.font_id {
                    Some(id) => drop(painter.ink.fonts.insert(id)),
                    None => painter.doubt(),
                }
            }
        }
        Ok(())
    }

    /// Runs the form XObject `name`, if it is one.
    fn form(
        &mut self,
        resources: &Dictionary,
        name: &[u8],
        base: Matrix,
        forms: usize,
        letters: &mut Vec<Letter>,
    ) -> Result<(), SearchError> {
        let Some(forms) = forms.checked_sub(1) else { return Ok(()) };
        let Object::Stream(stream) = self.resource(resources, b"XObject", name)?.1 else { return Ok(()) };
        if self.view.entry(&stream.dictionary, b"Subtype")?.as_name() != Some(b"Form") {
            self.pictures += 1;
            return Ok(());
        }
        let matrix = match self.view.entry(&stream.dictionary, b"Matrix")? {
            Object::Array(numbers) if numbers.len() == 6 => {
                Matrix(std::array::from_fn(|i| numbers.get(i).and_then(Object::as_number).unwrap_or(0.0)))
            }
            _ => Matrix::IDENTITY,
        };
        // A form without resources uses its page's (ISO 32000-2 §7.8.3, obsolete).
        let own = match self.view.entry(&stream.dictionary, b"Resources")? {
            Object::Dictionary(own) => own,
            _ => resources.clone(),
        };
        let data = self.data(&Object::Stream(stream))?;
        self.run(&data, &own, matrix.then(base), forms, letters)
    }

    fn font(&mut self, resources: &Dictionary, name: &[u8]) -> Result<Option<Rc<Font>>, SearchError> {
        let (id, object) = match self.resource_id(resources, b"Font", name)? {
            (Some(id), _) if self.fonts.contains_key(&id) => return Ok(self.fonts.get(&id).cloned()),
            (id, reference) => (id, self.view.resolve(&reference)?),
        };
        let Some(dictionary) = object.as_dictionary() else { return Ok(None) };
        let font = match Font::read(self.view, dictionary) {
            Ok(font) => Rc::new(font),
            Err(ReadError::Unsupported { .. } | ReadError::Malformed { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if let Some(id) = id {
            self.fonts.insert(id, font.clone());
        }
        Ok(Some(font))
    }

    fn resource(
        &self,
        resources: &Dictionary,
        kind: &[u8],
        name: &[u8],
    ) -> Result<(Option<ObjectId>, Object), SearchError> {
        let (id, object) = self.resource_id(resources, kind, name)?;
        Ok((id, self.view.resolve(&object)?))
    }

    /// A named resource as it stands: mostly a reference.
    fn resource_id(
        &self,
        resources: &Dictionary,
        kind: &[u8],
        name: &[u8],
    ) -> Result<(Option<ObjectId>, Object), SearchError> {
        let named = self.view.entry(resources, kind)?;
        let object = named.as_dictionary().and_then(|named| named.get(name)).cloned().unwrap_or(Object::Null);
        Ok((object.as_reference(), object))
    }
}

/// Shows a string: adds its letters, moves the text matrix on, and counts the codes that say nothing.
fn show(state: &State, text: &mut Matrix, string: Option<&Object>, letters: &mut Vec<Letter>) -> usize {
    let Some(bytes) = string.and_then(Object::as_string) else { return 0 };
    let Some(font) = &state.font else { return bytes.len() };
    let mut unknown = 0;
    font.glyphs(bytes, |glyph| {
        let place = Matrix([state.horizontal, 0.0, 0.0, 1.0, 0.0, state.rise]).then(*text).then(state.matrix);
        let spacing = state.character_spacing + if glyph.word_space { state.word_spacing } else { 0.0 };
        let advance = glyph.advance * state.size;
        let (start, end) = if font.vertical {
            (place.apply(0.0, 0.0), place.apply(0.0, advance))
        } else {
            (place.apply(0.0, 0.0), place.apply(advance, 0.0))
        };
        let top = place.apply(0.0, state.size);
        let up = (top.0 - start.0, top.1 - start.1);
        for character in glyph.text.chars().flat_map(fold) {
            letters.push(Letter { character, start, end, up });
        }
        unknown += usize::from(glyph.text.is_empty());
        *text = state.move_by(advance + spacing).then(*text);
    });
    unknown
}

/// The part of the graphics and text state that places text.
#[derive(Debug, Clone)]
struct State {
    matrix: Matrix,
    brush: Brush,
    font: Option<Rc<Font>>,
    font_id: Option<ObjectId>,
    size: f64,
    character_spacing: f64,
    word_spacing: f64,
    horizontal: f64,
    leading: f64,
    rise: f64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            matrix: Matrix::IDENTITY,
            brush: Brush::default(),
            font: None,
            font_id: None,
            size: 0.0,
            character_spacing: 0.0,
            word_spacing: 0.0,
            horizontal: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }
}

impl State {
    /// A move along the writing direction in unscaled text space.
    fn move_by(&self, distance: f64) -> Matrix {
        let (x, y) = match &self.font {
            Some(font) if font.vertical => (0.0, distance),
            _ => (distance * self.horizontal, 0.0),
        };
        Matrix([1.0, 0.0, 0.0, 1.0, x, y])
    }
}

/// A transformation (ISO 32000-2 §8.3.4).
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix([f64; 6]);

impl Matrix {
    const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// This transformation and then another.
    fn then(self, Self([a, b, c, d, e, f]): Self) -> Self {
        let [p, q, r, s, t, u] = self.0;
        Self([
            p * a + q * c,
            p * b + q * d,
            r * a + s * c,
            r * b + s * d,
            t * a + u * c + e,
            t * b + u * d + f,
        ])
    }

    /// How much longer a line becomes, about.
    pub(super) fn scale(self) -> f64 {
        let [a, b, c, d, ..] = self.0;
        a.hypot(b).max(c.hypot(d))
    }

    pub(super) fn apply(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }
}

/// Decoded octets of content in one search.
const MAX_CONTENT: usize = 256 << 20;
/// Operations in one search; a dense page has some ten thousand.
const MAX_OPERATIONS: usize = 20_000_000;
/// Letters on one page.
const MAX_LETTERS: usize = 1 << 20;
/// How deep form XObjects are followed; also what stops one that draws itself. Breadth is bounded by
/// the operations.
const MAX_FORMS: usize = 8;
/// Streams of one page.
const MAX_PARTS: usize = 4_096;
/// Saved graphics states; ISO 32000-1 annex C asked for 28.
const MAX_SAVED: usize = 512;
