//! Whether what a page shows of a seal is the picture inside the seal.
//!
//! Products scale, recolour and recompress what they draw, so that octets cannot be compared: both pictures are boiled down
//! to where how much ink is, inside the box around all of it, and that is compared. A guess good enough for a warning, and
//! for nothing else: a picture proves nothing, and a verdict never hangs on it. Where an appearance holds a picture that
//! cannot be read (shapes, other filters and colour spaces), nothing is said.
//!
//! What a resource dictionary lists and no content draws (ISO 32000-2 §8.8) is not seen by anybody and counts for nothing.
//! All this is paid for from a budget of its own: what is decoded here must not be missing where changes are judged.

use std::collections::HashMap;
use std::io::Cursor;

use crypto::DigestAlgorithm;

use crate::syntax::content::Tokens;
use crate::syntax::{Dictionary, Document, Limits, Object, ObjectId, OpenError, ReadError, Stream, View};

/// The comparisons of one document: what was read for one signature is not read again for the next.
pub(crate) struct Pictures<'d, 'a> {
    document: &'d Document<'a>,
    /// The same file once more, opened when the first picture is asked for; `None` inside where that failed.
    own: Option<Option<Document<'a>>>,
    /// By the digest of the PNG.
    seals: HashMap<Vec<u8>, Option<Ink>>,
    images: HashMap<ObjectId, Option<Ink>>,
    purse: Purse,
}

impl<'d, 'a> Pictures<'d, 'a> {
    pub(crate) fn of(document: &'d Document<'a>) -> Self {
        Self { document, own: None, seals: HashMap::new(), images: HashMap::new(), purse: Purse::default() }
    }

    /// Whether the pictures that the appearance of `field` draws resemble `png`; `None` where that cannot be told.
    ///
    /// # Errors
    /// [`ReadError::Io`] and no other: what is broken or beyond the budget here is not known, and nothing worse.
    pub(crate) fn shown(&mut self, field: ObjectId, png: &[u8]) -> Result<Option<bool>, ReadError> {
        let Self { document, own, seals, images, purse } = self;
        let digest = DigestAlgorithm::Sha256.digest(png);
        let wanted = seals.entry(digest).or_insert_with(|| Ink::of_png(png, purse));
        let Some(wanted) = wanted else { return Ok(None) };
        let own = match own {
            Some(own) => own,
            None => own.insert(match Document::open(document.source(), &budget(document.limits())) {
                Ok(opened) => Some(opened),
                Err(OpenError::Io(error)) => return Err(error.into()),
                Err(_) => None,
            }),
        };
        let Some(own) = own else { return Ok(None) };
        let mut search = Search { view: own.view(), wanted, images, purse, seen: Seen::default() };
        match search.field(field) {
            Ok(()) => Ok(search.seen.answer()),
            Err(error @ ReadError::Io(_)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Enough to find and decode a few pictures, whatever else the document holds.
fn budget(whole: &Limits) -> Limits {
    Limits {
        objects: whole.objects.min(50_000),
        values: whole.values.min(1 << 20),
        scanned_bytes: whole.scanned_bytes.min(128 << 20),
        stream_bytes: whole.stream_bytes.min(MOST_OCTETS + SLACK),
        inflated_total: whole.inflated_total.min(128 << 20),
        ..whole.clone()
    }
}

/// What all comparisons of one document may still cost beside reading.
struct Purse {
    /// Pictures decoded, masks and those of seals included.
    pictures: usize,
    /// Samples of them, in octets.
    octets: usize,
    /// `Do` operators and widgets followed.
    steps: usize,
    /// Content streams, decoded, in octets.
    content: usize,
}

impl Default for Purse {
    fn default() -> Self {
        Self { pictures: MOST_PICTURES, octets: 64 << 20, steps: 4096, content: 4 << 20 }
    }
}

impl Purse {
    /// Pays for a picture of `octets`, before it is decoded.
    fn picture(&mut self, octets: usize) -> bool {
        let left = (self.pictures.checked_sub(1), self.octets.checked_sub(octets));
        if let (Some(pictures), Some(octets)) = left {
            (self.pictures, self.octets) = (pictures, octets);
        }
        matches!(left, (Some(_), Some(_)))
    }

    fn step(&mut self) -> bool {
        let left = self.steps.checked_sub(1);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }
}

/// What was seen of the pictures drawn.
#[derive(Debug, Default)]
struct Seen {
    alike: bool,
    differs: bool,
    /// Something may be seen that could not be compared.
    unread: bool,
}

impl Seen {
    fn compare(&mut self, ink: Option<&Ink>, wanted: &Ink) {
        match ink.map(|ink| ink.resembles(wanted)) {
            Some(true) => self.alike = true,
            Some(false) => self.differs = true,
            None => self.unread = true,
        }
    }

    /// One picture that is another taints all of them: which lies on top is not looked at.
    fn answer(&self) -> Option<bool> {
        match self {
            Self { differs: true, .. } => Some(false),
            Self { alike: true, unread: false, .. } => Some(true),
            _ => None,
        }
    }
}

struct Search<'s, 'd, 'a> {
    view: View<'d, 'a>,
    wanted: &'s Ink,
    images: &'s mut HashMap<ObjectId, Option<Ink>>,
    purse: &'s mut Purse,
    seen: Seen,
}

impl Search<'_, '_, '_> {
    fn field(&mut self, field: ObjectId) -> Result<(), ReadError> {
        let Object::Dictionary(dictionary) = self.view.object(field)? else { return Ok(()) };
        self.widget(&dictionary)?;
        let Object::Array(kids) = self.view.entry(&dictionary, b"Kids")? else { return Ok(()) };
        for kid in &kids {
            if !self.purse.step() {
                self.seen.unread = true;
                break;
            }
            if let Object::Dictionary(kid) = self.view.resolve(kid)? {
                self.widget(&kid)?;
            }
        }
        Ok(())
    }

    fn widget(&mut self, widget: &Dictionary) -> Result<(), ReadError> {
        let Object::Dictionary(appearances) = self.view.entry(widget, b"AP")? else { return Ok(()) };
        match self.view.entry(&appearances, b"N")? {
            Object::Stream(form) => self.form(&form, &Dictionary::new(), 0)?,
            Object::Null => {}
            _ => self.seen.unread = true,
        }
        Ok(())
    }

    /// Follows what the content of a form draws (§8.10); `outer` are the resources of whoever draws it.
    fn form(&mut self, form: &Stream, outer: &Dictionary, depth: usize) -> Result<(), ReadError> {
        let own = match self.view.entry(&form.dictionary, b"Resources")? {
            Object::Dictionary(own) => own,
            // A form without resources uses its page's (§7.8.3, obsolete).
            _ => outer.clone(),
        };
        let objects = match self.view.entry(&own, b"XObject")? {
            Object::Dictionary(objects) => objects,
            _ => Dictionary::new(),
        };
        let content = self.view.stream_data(form, self.purse.content)?;
        self.purse.content = self.purse.content.saturating_sub(content.len());
        for operation in Tokens::new(&content) {
            match (operation.operator.as_slice(), operation.operands.as_slice()) {
                (b"Do", [Object::Name(name)]) => {
                    if !self.purse.step() {
                        self.seen.unread = true;
                        return Ok(());
                    }
                    self.drawn(objects.get(name), &own, depth)?;
                }
                // Inline images and shadings are pictures too; optional content may not be seen at all.
                (b"Do" | b"EI" | b"sh", _) => self.seen.unread = true,
                (b"BDC", [Object::Name(tag), ..]) if tag == b"OC" => self.seen.unread = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn drawn(&mut self, object: Option<&Object>, own: &Dictionary, depth: usize) -> Result<(), ReadError> {
        let Some(Object::Reference(id)) = object else {
            self.seen.unread = true;
            return Ok(());
        };
        if let Some(ink) = self.images.get(id) {
            self.seen.compare(ink.as_ref(), self.wanted);
            return Ok(());
        }
        let Object::Stream(stream) = self.view.object(*id)? else {
            self.seen.unread = true;
            return Ok(());
        };
        match self.view.entry(&stream.dictionary, b"Subtype")?.as_name() {
            _ if stream.dictionary.get(b"OC").is_some() => self.seen.unread = true,
            Some(b"Form") if depth < MOST_DEEP => self.form(&stream, own, depth + 1)?,
            Some(b"Image") => {
                let ink = match self.image(&stream) {
                    Ok(ink) => ink,
                    Err(error @ ReadError::Io(_)) => return Err(error),
                    // What cannot be decoded here is not compared.
                    Err(_) => None,
                };
                self.seen.compare(ink.as_ref(), self.wanted);
                self.images.insert(*id, ink);
            }
            _ => self.seen.unread = true,
        }
        Ok(())
    }

    fn image(&mut self, image: &Stream) -> Result<Option<Ink>, ReadError> {
        let Some(Samples { width, height, channels, octets }) = self.samples(image)? else { return Ok(None) };
        let mask = match self.view.entry(&image.dictionary, b"SMask")? {
            Object::Stream(mask) => match self.samples(&mask)? {
                Some(mask) if (mask.width, mask.height, mask.channels) == (width, height, 1) => {
                    Some(mask.octets)
                }
                _ => return Ok(None),
            },
            _ => None,
        };
        Ok(Ink::of(width, height, |at| {
            let colour = octets.get(at * channels..(at + 1) * channels)?;
            let alpha = mask.as_ref().map_or(Some(255), |mask| mask.get(at).copied())?;
            Some((colour.iter().map(|c| u32::from(*c)).sum::<u32>() / u32::try_from(channels).ok()?, alpha))
        }))
    }

    /// The samples of an image in grey or RGB with eight bits each.
    fn samples(&mut self, image: &Stream) -> Result<Option<Samples>, ReadError> {
        let view = self.view;
        let number = |key: &[u8]| -> Result<Option<usize>, ReadError> {
            Ok(view.entry(&image.dictionary, key)?.as_integer().and_then(|n| usize::try_from(n).ok()))
        };
        let (Some(width), Some(height)) = (number(b"Width")?, number(b"Height")?) else { return Ok(None) };
        let channels = match view.entry(&image.dictionary, b"ColorSpace")? {
            Object::Name(name) if name == b"DeviceRGB" => 3,
            Object::Name(name) if name == b"DeviceGray" => 1,
            Object::Array(parts) => match self.array_space(&parts)? {
                Some(channels) => channels,
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let length = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels));
        let Some(length) = length.filter(|length| (1..=MOST_OCTETS).contains(length)) else {
            return Ok(None);
        };
        if number(b"BitsPerComponent")? != Some(8) {
            return Ok(None);
        }
        if !self.purse.picture(length) {
            return Ok(None);
        }
        let octets = view.stream_data(image, length + SLACK)?;
        Ok((octets.len() >= length).then_some(Samples { width, height, channels, octets }))
    }

    fn array_space(&self, parts: &[Object]) -> Result<Option<usize>, ReadError> {
        let (Some(name), second) = (parts.first().and_then(Object::as_name), parts.get(1)) else {
            return Ok(None);
        };
        Ok(match (name, second) {
            (b"CalRGB", _) => Some(3),
            (b"CalGray", _) => Some(1),
            (b"ICCBased", Some(profile)) => match self.view.resolve(profile)? {
                Object::Stream(profile) => match self.view.entry(&profile.dictionary, b"N")?.as_integer() {
                    Some(3) => Some(3),
                    Some(1) => Some(1),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
    }
}

/// An image's samples, one octet for each channel of each pixel.
struct Samples {
    width: usize,
    height: usize,
    channels: usize,
    octets: Vec<u8>,
}

/// Where how much ink is: mean coverage in each cell of a grid over the box around all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ink {
    cells: [u32; GRID * GRID],
    /// Width of the box in thousandths of its height.
    shape: u32,
}

impl Ink {
    fn of_png(png: &[u8], purse: &mut Purse) -> Option<Self> {
        let mut decoder =
            png::Decoder::new_with_limits(Cursor::new(png), png::Limits { bytes: 2 * MOST_OCTETS });
        decoder
            .set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().ok()?;
        let size = reader.output_buffer_size().filter(|size| *size <= 2 * MOST_OCTETS)?;
        if !purse.picture(size) {
            return None;
        }
        let mut samples = vec![0; size];
        let info = reader.next_frame(&mut samples).ok()?;
        let channels = info.color_type.samples();
        let (width, height) = (usize::try_from(info.width).ok()?, usize::try_from(info.height).ok()?);
        Self::of(width, height, |at| {
            let pixel = samples.get(at * channels..(at + 1) * channels)?;
            let (alpha, colour) = pixel.split_last()?;
            let sum: u32 = colour.iter().map(|c| u32::from(*c)).sum();
            Some((sum / u32::try_from(colour.len().max(1)).ok()?, *alpha))
        })
    }

    /// From brightness and opacity of each pixel; `None` without ink.
    fn of(width: usize, height: usize, pixel: impl Fn(usize) -> Option<(u32, u8)>) -> Option<Self> {
        let ink = |x: usize, y: usize| {
            let (brightness, alpha) = pixel(y * width + x)?;
            Some((255 - brightness.min(255)) * u32::from(alpha) / 255)
        };
        let (mut left, mut top, mut right, mut bottom) = (width, height, 0, 0);
        for y in 0..height {
            for x in 0..width {
                if ink(x, y)? > FAINT {
                    (left, right) = (left.min(x), right.max(x));
                    (top, bottom) = (top.min(y), bottom.max(y));
                }
            }
        }
        if left > right || top > bottom {
            return None;
        }
        let (wide, high) = (right - left + 1, bottom - top + 1);
        let mut cells = [0_u32; GRID * GRID];
        for (index, cell) in cells.iter_mut().enumerate() {
            let (row, column) = (index / GRID, index % GRID);
            // At least one pixel each, so that a small picture fills the grid as well as a large one.
            let (from_y, from_x) = (top + row * high / GRID, left + column * wide / GRID);
            let to_y = (top + (row + 1) * high / GRID).max(from_y + 1);
            let to_x = (left + (column + 1) * wide / GRID).max(from_x + 1);
            let (mut sum, mut count) = (0_u64, 0_u64);
            for y in from_y..to_y {
                for x in from_x..to_x {
                    sum += u64::from(ink(x, y)?);
                    count += 1;
                }
            }
            *cell = u32::try_from(sum / count.max(1)).unwrap_or(u32::MAX);
        }
        let shape = u32::try_from(wide.saturating_mul(1000) / high).unwrap_or(u32::MAX);
        Some(Self { cells, shape })
    }

    /// Whether two have their ink in the same places; how strong it is does not matter.
    fn resembles(&self, other: &Self) -> bool {
        let (narrow, wide) = (self.shape.min(other.shape), self.shape.max(other.shape));
        if u64::from(wide) * 4 > u64::from(narrow.max(1)) * 5 {
            return false;
        }
        let (own, theirs) = (self.total(), other.total());
        let apart: u64 = self
            .cells
            .iter()
            .zip(other.cells)
            .map(|(a, b)| (u64::from(*a) * theirs).abs_diff(u64::from(b) * own))
            .sum();
        // The share of ink that lies elsewhere, counted once here and once there.
        apart * 100 <= 2 * DIFFERS * own * theirs
    }

    fn total(&self) -> u64 {
        self.cells.iter().map(|cell| u64::from(*cell)).sum::<u64>().max(1)
    }
}

const GRID: usize = 24;
/// Ink that counts for nothing: remains of compression.
const FAINT: u32 = 16;
/// Hundredths of the ink that may lie elsewhere.
const DIFFERS: u64 = 25;
/// Samples of one picture: 600 dpi of a seal of 100 mm.
const MOST_OCTETS: usize = 32 << 20;
/// What may follow the samples in a stream: ends of lines, and rows that some product adds.
const SLACK: usize = 1 << 16;
/// A document has few different seals.
const MOST_PICTURES: usize = 16;
const MOST_DEEP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of `size` pixels whose ink a function of the unit square says.
    fn picture(size: usize, ink: impl Fn(f64, f64) -> bool) -> Ink {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let unit = |n: usize| n as f64 / size as f64;
        Ink::of(size, size, |at| Some((0, if ink(unit(at % size), unit(at / size)) { 200 } else { 0 })))
            .unwrap()
    }

    fn ring(x: f64, y: f64) -> bool {
        (0.18..0.25).contains(&((x - 0.5).powi(2) + (y - 0.5).powi(2)))
    }

    fn ring_with_star(x: f64, y: f64) -> bool {
        ring(x, y) || (x - 0.5).abs() + (y - 0.5).abs() < 0.2
    }

    #[test]
    fn a_picture_scaled_resembles_itself_and_another_does_not() {
        let (small, large) = (picture(90, ring_with_star), picture(400, ring_with_star));
        assert!(small.resembles(&large) && large.resembles(&small));
        assert!(!small.resembles(&picture(90, ring)), "the star is missing");
        assert!(!small.resembles(&picture(90, |x, y| (0.2..0.8).contains(&x) && (0.4..0.6).contains(&y))));
        assert!(!small.resembles(&picture(90, |x, y| x < 0.5 && ring_with_star(x, y))), "half of it");
    }

    #[test]
    fn nothing_is_said_of_what_shows_nothing() {
        assert!(Ink::of(10, 10, |_| Some((0, 0))).is_none());
        assert!(Ink::of(10, 10, |_| Some((255, 255))).is_none());
        assert!(Ink::of(0, 0, |_| None).is_none());
        assert!(Ink::of_png(b"\x89PNG\r\n\x1A\n, and the rest", &mut Purse::default()).is_none());
    }
}
