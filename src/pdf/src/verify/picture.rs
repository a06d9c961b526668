//! Whether what a page shows of a seal is the picture inside the seal.
//!
//! Products scale, recolour and recompress what they draw, so that octets cannot be compared: both pictures are boiled down
//! to where how much ink is, inside the box around all of it, and that is compared. A guess good enough for a warning, and
//! for nothing else: a picture proves nothing, and a verdict never hangs on it. Where an appearance holds no picture that
//! can be read (shapes, other filters and colour spaces), nothing is said.

use std::io::Cursor;

use crate::syntax::{Dictionary, Object, ObjectId, ReadError, Stream, View};

/// Whether one of the pictures in the appearance of `field` resembles `png`; `None` where that cannot be told.
pub(crate) fn shown(view: View<'_, '_>, field: ObjectId, png: &[u8]) -> Result<Option<bool>, ReadError> {
    let Some(wanted) = Ink::of_png(png) else { return Ok(None) };
    let mut search = Search { view, found: Vec::new(), left: MOST_OBJECTS };
    let Object::Dictionary(dictionary) = view.object(field)? else { return Ok(None) };
    search.widget(&dictionary)?;
    if let Object::Array(kids) = view.entry(&dictionary, b"Kids")? {
        for kid in kids.iter().take(MOST_OBJECTS) {
            if let Object::Dictionary(kid) = view.resolve(kid)? {
                search.widget(&kid)?;
            }
        }
    }
    match search.found.as_slice() {
        [] => Ok(None),
        found => Ok(Some(found.iter().any(|ink| ink.resembles(&wanted)))),
    }
}

struct Search<'d, 'a> {
    view: View<'d, 'a>,
    found: Vec<Ink>,
    left: usize,
}

impl Search<'_, '_> {
    fn widget(&mut self, widget: &Dictionary) -> Result<(), ReadError> {
        let Object::Dictionary(appearances) = self.view.entry(widget, b"AP")? else { return Ok(()) };
        if let Object::Stream(form) = self.view.entry(&appearances, b"N")? {
            self.form(&form, 0)?;
        }
        Ok(())
    }

    fn form(&mut self, form: &Stream, depth: usize) -> Result<(), ReadError> {
        let Object::Dictionary(resources) = self.view.entry(&form.dictionary, b"Resources")? else {
            return Ok(());
        };
        let Object::Dictionary(objects) = self.view.entry(&resources, b"XObject")? else { return Ok(()) };
        for (_, object) in objects.iter() {
            if self.left == 0 {
                return Ok(());
            }
            self.left -= 1;
            let Object::Stream(stream) = self.view.resolve(object)? else { continue };
            match self.view.entry(&stream.dictionary, b"Subtype")?.as_name() {
                Some(b"Form") if depth < MOST_DEEP => self.form(&stream, depth + 1)?,
                Some(b"Image") => self.found.extend(self.image(&stream)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn image(&self, image: &Stream) -> Result<Option<Ink>, ReadError> {
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
    fn samples(&self, image: &Stream) -> Result<Option<Samples>, ReadError> {
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
        match view.stream_data(image, MOST_OCTETS) {
            Ok(octets) if octets.len() >= length => Ok(Some(Samples { width, height, channels, octets })),
            Ok(_) => Ok(None),
            Err(error @ ReadError::Io(_)) => Err(error),
            // What cannot be decoded here is not compared.
            Err(_) => Ok(None),
        }
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
    fn of_png(png: &[u8]) -> Option<Self> {
        let mut decoder =
            png::Decoder::new_with_limits(Cursor::new(png), png::Limits { bytes: 2 * MOST_OCTETS });
        decoder
            .set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().ok()?;
        let size = reader.output_buffer_size().filter(|size| *size <= 2 * MOST_OCTETS)?;
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
const MOST_OBJECTS: usize = 32;
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
        assert!(Ink::of_png(b"\x89PNG\r\n\x1A\n, and the rest").is_none());
    }
}
