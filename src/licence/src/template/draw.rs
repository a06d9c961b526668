//! Pages written with krilla: shapes, standing texts, boxes, watermark; PDF/A-2b (ISO 19005-2), judged by krilla's own
//! validator as they are written.

use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder, PdfVersion};
use krilla::geom::{Point, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};
use serde_json::Value;

use super::fonts::{Fonts, Letter, Letters};
use super::lay::{Cell, Glyph, Place, Run, lay};
use super::page::{Anchor, Area, MM, POINTS, Page, Span, Standing};
use super::settings::{BoxSettings, Colour, Settings};
use super::words::{MAX_ENTRIES, Values};
use super::{
    Finding, Limits, PageData, Rendered, SealPlace, Template, TemplateError, Variant, photo, qr, shapes,
};

/// Fills a template and writes its pages.
///
/// # Errors
/// [`TemplateError`], if a value cannot stand on a page, a text does not fit, a font or glyph is missing, or it costs more
/// than `limits`.
pub fn render(
    template: &Template,
    data: &PageData<'_>,
    fonts: &Fonts,
    limits: &Limits,
) -> Result<Rendered, TemplateError> {
    let settings = &template.settings;
    let values = Values { fields: data.values, computed: data.computed, entry: None };
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .with_version(PdfVersion::Pdf17)
        .finish()
        .map_err(|error| TemplateError::Pdf { what: format!("{error:?}") })?;
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        enable_tagging: false,
        ..SerializeSettings::default()
    });
    let title = settings.title.fill(&values)?;
    document.set_metadata(
        Metadata::new()
            .title(title.trim().to_owned())
            .language(settings.language.clone())
            .creator("Cinnabar".to_owned())
            .document_id(data.computed.identifier.clone())
            // For programs: what the page shows as a symbol, so that a reader elsewhere need not look at pixels.
            .keywords(
                [Some(data.computed.identifier.clone()), data.computed.qr.clone()]
                    .into_iter()
                    .flatten()
                    .collect(),
            )
            .creation_date(date(data.made)),
    );
    let mut drawing = Drawing {
        settings,
        data,
        values,
        fonts,
        letters: fonts.letters(&settings.fallback)?,
        left: limits.letters,
        findings: Vec::new(),
        seal: None,
    };
    for (index, page) in template.pages.iter().enumerate() {
        let size = Size::from_wh(page.width, page.height)
            .ok_or_else(|| TemplateError::Pdf { what: "a page has no extent".to_owned() })?;
        let mut sheet = document.start_page_with(PageSettings::new(size));
        let mut surface = sheet.surface();
        let drawn = drawing.page(page, index + 1, &mut surface);
        surface.finish();
        sheet.finish();
        drawn?;
    }
    let Drawing { findings, seal, .. } = drawing;
    let pdf = document.finish().map_err(|error| TemplateError::Pdf { what: refusal(&error) })?;
    if pdf.len() > limits.octets {
        return Err(TemplateError::TooIntricate { what: "the size of the pages' PDF", limit: limits.octets });
    }
    Ok(Rendered { pdf, seal, findings })
}

fn refusal(error: &krilla::error::KrillaError) -> String {
    match error {
        krilla::error::KrillaError::Validation(errors) => {
            errors.iter().map(|(error, _)| format!("{error:?}")).collect::<Vec<_>>().join("; ")
        }
        error => error.to_string(),
    }
}

/// In UTC.
fn date(made: jiff::Timestamp) -> DateTime {
    let made = made.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or(0);
    DateTime::new(u16::try_from(made.year()).unwrap_or(0))
        .month(part(made.month()))
        .day(part(made.day()))
        .hour(part(made.hour()))
        .minute(part(made.minute()))
        .second(part(made.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

struct Drawing<'a> {
    settings: &'a Settings,
    data: &'a PageData<'a>,
    values: Values<'a>,
    fonts: &'a Fonts,
    letters: Letters<'a>,
    /// Letters that may still be set.
    left: usize,
    findings: Vec<Finding>,
    seal: Option<SealPlace>,
}

impl Drawing<'_> {
    fn page(&mut self, page: &Page, number: usize, surface: &mut Surface<'_>) -> Result<(), TemplateError> {
        let overprint = self.data.variant == Variant::Overprint;
        let tree = page.overprinted.as_ref().filter(|_| overprint).unwrap_or(&page.shapes);
        surface.push_transform(&Transform::from_scale(POINTS, POINTS));
        shapes::draw(tree, surface);
        surface.pop();
        for text in page.texts.iter().filter(|text| !(overprint && text.left_out)) {
            self.standing(text, surface)?;
        }
        for (name, area) in &page.boxes {
            if let Some(settings) = self.settings.boxes.get(name) {
                self.boxed(Place { name, page: number, area: *area }, settings, surface)?;
            }
        }
        if let Some(mark) = self.data.watermark {
            let mut lines = mark.lines();
            self.watermark(lines.next().unwrap_or_default(), page, surface)?;
            self.note(&lines.collect::<Vec<_>>(), page, surface)?;
        }
        Ok(())
    }

    fn spend(&mut self, letters: usize) -> Result<(), TemplateError> {
        match self.left.checked_sub(letters) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(TemplateError::TooIntricate { what: "the number of letters", limit: self.left }),
        }
    }

    fn standing(&mut self, text: &Standing, surface: &mut Surface<'_>) -> Result<(), TemplateError> {
        let mut set = Vec::with_capacity(text.spans.len());
        let (mut wide, mut count) = (0.0_f32, 0_usize);
        for span in &text.spans {
            let words = span.words.fill(&self.values)?.replace('\n', " ");
            self.spend(words.chars().count())?;
            let letters = self.letters.set(&words, self.family(span)?)?;
            wide += letters.iter().map(|letter| letter.advance * span.size + span.spacing).sum::<f32>();
            count += letters.len();
            set.push((span, words, letters));
        }
        #[expect(clippy::cast_precision_loss, reason = "a line's letters")]
        let gaps = count.saturating_sub(1) as f32;
        // Behind the last letter there is no space to be spread.
        let last = text.spans.last().map_or(0.0, |span| span.spacing);
        let stretch = text.length.filter(|_| count > 1).map_or(0.0, |length| (length - wide + last) / gaps);
        let wide = wide - last + stretch * gaps;
        let shift = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -wide / 2.0,
            Anchor::End => -wide,
        };
        let [sx, ky, kx, sy, tx, ty] = text.transform;
        surface.push_transform(&Transform::from_row(sx, ky, kx, sy, tx, ty));
        let mut x = text.x + shift;
        for (span, words, letters) in set {
            let spacing = (span.spacing + stretch) / span.size;
            for stretch in letters.chunk_by(|a, b| a.face == b.face) {
                let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
                let glyph = |letter: &Letter| Glyph {
                    id: letter.glyph,
                    advance: letter.advance + spacing,
                    start: letter.start - first.start,
                    end: letter.end - first.start,
                };
                let glyphs: Vec<Glyph> = stretch.iter().map(glyph).collect();
                let along: f32 = glyphs.iter().map(|glyph| glyph.advance * span.size).sum();
                let text_of = words.get(first.start..last.end).unwrap_or_default().to_owned();
                let run = Run { x, y: text.y, face: first.face, size: span.size, text: text_of, glyphs };
                self.run(&run, span.colour, 1.0, surface);
                x += along;
            }
        }
        surface.pop();
        Ok(())
    }

    /// The font of a standing text: its families in order, then the template's own.
    fn family(&self, span: &Span) -> Result<usize, TemplateError> {
        let bold = |name: &str| span.bold.then(|| self.fonts.find(&format!("{name} Bold"))).flatten();
        let named = span.families.iter().find_map(|family| {
            let name = self.settings.families.get(family).unwrap_or(family);
            bold(name).or_else(|| self.fonts.find(name))
        });
        match named.or_else(|| bold(&self.settings.font)) {
            Some(face) => Ok(face),
            None => self.fonts.named(&self.settings.font),
        }
    }

    fn boxed(
        &mut self,
        place: Place<'_>,
        settings: &BoxSettings,
        surface: &mut Surface<'_>,
    ) -> Result<(), TemplateError> {
        let area = place.area;
        if settings.seal {
            let mm = |points: f32| f64::from(points / MM);
            self.seal = Some(SealPlace {
                page: u32::try_from(place.page).unwrap_or(u32::MAX),
                x_mm: mm(area.x),
                y_mm: mm(area.y),
                width_mm: mm(area.width),
                height_mm: mm(area.height),
            });
            return Ok(());
        }
        if let Some(words) = &settings.qr {
            let text = words.fill(&self.values)?;
            return if text.is_empty() { Ok(()) } else { symbol(place, &text, settings.colour, surface) };
        }
        if let Some(field) = &settings.photo {
            return match self.data.values.get(field) {
                None | Some(Value::Null) => Ok(()),
                Some(Value::String(text)) => photograph(field, text, area, surface),
                Some(_) => {
                    Err(TemplateError::Value { field: field.clone(), what: "is no picture".to_owned() })
                }
            };
        }
        let rows = self.rows(settings)?;
        self.spend(rows.iter().flatten().map(|cell| cell.text.chars().count()).sum())?;
        let name = settings.font.as_ref().unwrap_or(&self.settings.font);
        let face = self.fonts.named(name)?;
        let laid = lay(place, settings, &rows, face, &self.letters)?;
        for run in &laid.runs {
            self.run(run, settings.colour, 1.0, surface);
        }
        self.findings.extend(laid.finding);
        Ok(())
    }

    fn rows(&self, settings: &BoxSettings) -> Result<Vec<Vec<Cell>>, TemplateError> {
        rows(settings, &self.values)
    }

    fn run(&self, run: &Run, colour: Colour, opacity: f32, surface: &mut Surface<'_>) {
        let Some(face) = self.fonts.face(run.face) else { return };
        let glyphs: Vec<KrillaGlyph> = run
            .glyphs
            .iter()
            .map(|glyph| KrillaGlyph {
                glyph_id: GlyphId::new(glyph.id),
                text_range: glyph.start..glyph.end,
                x_advance: glyph.advance,
                x_offset: 0.0,
                y_offset: 0.0,
                y_advance: 0.0,
                location: None,
            })
            .collect();
        let [red, green, blue] = colour.0;
        surface.set_stroke(None);
        surface.set_fill(Some(Fill {
            paint: rgb::Color::new(red, green, blue).into(),
            opacity: shapes::part(opacity),
            rule: krilla::paint::FillRule::NonZero,
        }));
        let start = Point::from_xy(run.x, run.y);
        surface.draw_glyphs(start, &glyphs, face.krilla.clone(), &run.text, run.size, false);
    }

    /// The mark of what is not in force, from corner to corner.
    fn watermark(&mut self, mark: &str, page: &Page, surface: &mut Surface<'_>) -> Result<(), TemplateError> {
        let face = self.fonts.named(&self.settings.font)?;
        let mark: String = mark.chars().take(40).collect();
        let letters = self.letters.set(&mark, face)?;
        let wide: f32 = letters.iter().map(|letter| letter.advance).sum();
        let diagonal = page.width.hypot(page.height);
        let size = (diagonal * 0.7 / wide.max(1.0)).min(page.width.min(page.height) * 0.3);
        let angle = -page.height.atan2(page.width).to_degrees();
        let (x, y) = (page.width / 2.0, page.height / 2.0);
        surface.push_transform(&Transform::from_rotate_at(angle, x, y));
        let mut at = x - wide * size / 2.0;
        for letter in letters {
            let text = mark.get(letter.start..letter.end).unwrap_or_default().to_owned();
            let glyphs = vec![Glyph { id: letter.glyph, advance: letter.advance, start: 0, end: text.len() }];
            let run = Run { x: at, y: y + size * 0.38, face: letter.face, size, text, glyphs };
            self.run(&run, WATERMARK, 0.16, surface);
            at += letter.advance * size;
        }
        surface.pop();
        Ok(())
    }
}

impl Drawing<'_> {
    /// What stands below the mark, line by line along the foot of the page, shrunk to its width; on a white ground, so that it
    /// can be read whatever else is there.
    fn note(&mut self, lines: &[&str], page: &Page, surface: &mut Surface<'_>) -> Result<(), TemplateError> {
        let face = self.fonts.named(&self.settings.font)?;
        let room = page.width - 2.0 * NOTE_MARGIN;
        let mut set = Vec::with_capacity(NOTE_LINES);
        for line in lines.iter().take(NOTE_LINES).rev() {
            let line: String = line.chars().take(NOTE_LETTERS).collect();
            let letters = self.letters.set(&line, face)?;
            self.spend(letters.len())?;
            let wide: f32 = letters.iter().map(|letter| letter.advance).sum();
            let size = (room / wide.max(1.0)).min(NOTE_SIZE);
            set.push((line, letters, size, wide * size));
        }
        let widest = set.iter().map(|(.., wide)| *wide).fold(0.0, f32::max);
        // A count of lines is small.
        let count = |lines: usize| f32::from(u8::try_from(lines).unwrap_or(u8::MAX));
        let (foot, pad) = (page.height - NOTE_MARGIN / 2.0, NOTE_SIZE * 0.4);
        let high = count(set.len()) * NOTE_LEADING;
        let ground = (NOTE_MARGIN - pad, foot + pad - high, widest + 2.0 * pad, high);
        if let Some(ground) = krilla::geom::Rect::from_xywh(ground.0, ground.1, ground.2, ground.3) {
            let mut path = krilla::geom::PathBuilder::new();
            path.push_rect(ground);
            if let Some(path) = path.finish() {
                let paint = rgb::Color::white().into();
                surface.set_stroke(None);
                surface.set_fill(Some(Fill { paint, ..Fill::default() }));
                surface.draw_path(&path);
            }
        }
        for (index, (line, letters, size, _)) in set.iter().enumerate() {
            let (mut x, y) = (NOTE_MARGIN, foot - count(index) * NOTE_LEADING);
            for run in letters.chunk_by(|a, b| a.face == b.face) {
                let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
                let text = line.get(first.start..last.end).unwrap_or_default().to_owned();
                let glyph = |letter: &super::fonts::Letter| Glyph {
                    id: letter.glyph,
                    advance: letter.advance,
                    start: letter.start - first.start,
                    end: letter.end - first.start,
                };
                let glyphs = run.iter().map(glyph).collect();
                self.run(&Run { x, y, face: first.face, size: *size, text, glyphs }, WATERMARK, 1.0, surface);
                x += run.iter().map(|letter| letter.advance).sum::<f32>() * size;
            }
        }
        Ok(())
    }
}

/// The rows of a box's text: one, or one for each entry of the repeated list.
pub(super) fn rows(settings: &BoxSettings, values: &Values<'_>) -> Result<Vec<Vec<Cell>>, TemplateError> {
    let whole = |text: String| Cell { text, share: 1.0, align: settings.align };
    let Some(field) = &settings.repeat else {
        let text = settings.text.as_ref().map(|words| words.fill(values)).transpose()?.unwrap_or_default();
        return Ok(vec![vec![whole(text)]]);
    };
    let entries = match values.fields.get(field) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(_) => return Err(TemplateError::Value { field: field.clone(), what: "is no list".to_owned() }),
    };
    if entries.len() > MAX_ENTRIES {
        return Err(TemplateError::Value {
            field: field.clone(),
            what: format!("has {} entries; a page takes at most {MAX_ENTRIES}", entries.len()),
        });
    }
    let mut rows = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let values = Values { entry: Some((entry, index + 1)), ..*values };
        if let Some(words) = &settings.text {
            rows.push(vec![whole(words.fill(&values)?)]);
            continue;
        }
        let cells = settings.columns.iter().map(|column| {
            Ok(Cell { text: column.text.fill(&values)?, share: column.width, align: column.align })
        });
        rows.push(cells.collect::<Result<_, TemplateError>>()?);
    }
    Ok(rows)
}

fn symbol(
    place: Place<'_>,
    text: &str,
    colour: Colour,
    surface: &mut Surface<'_>,
) -> Result<(), TemplateError> {
    let (light, modules) = qr::symbol(place.name, text, place.area)?;
    let fill = |[red, green, blue]: [u8; 3]| Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        ..Fill::default()
    };
    let mut ground = krilla::geom::PathBuilder::new();
    ground.push_rect(light);
    surface.set_stroke(None);
    if let Some(ground) = ground.finish() {
        surface.set_fill(Some(fill([255; 3])));
        surface.draw_path(&ground);
    }
    surface.set_fill(Some(fill(colour.0)));
    surface.draw_path(&modules);
    Ok(())
}

/// As large as its area allows, in the middle.
fn photograph(field: &str, text: &str, area: Area, surface: &mut Surface<'_>) -> Result<(), TemplateError> {
    let image = photo::read(field, text)?;
    #[expect(clippy::cast_precision_loss, reason = "at most 2,000")]
    let (width, height) = (image.size().0 as f32, image.size().1 as f32);
    let scale = (area.width / width).min(area.height / height);
    let (width, height) = (width * scale, height * scale);
    let Some(size) = Size::from_wh(width, height) else { return Ok(()) };
    let (x, y) = (area.x + (area.width - width) / 2.0, area.y + (area.height - height) / 2.0);
    surface.push_transform(&Transform::from_translate(x, y));
    surface.draw_image(image, size);
    surface.pop();
    Ok(())
}

/// Lines below the mark, letters in each, their size and the page's margin beside them in points.
const NOTE_LINES: usize = 4;
const NOTE_LETTERS: usize = 160;
const NOTE_SIZE: f32 = 9.0;
const NOTE_LEADING: f32 = NOTE_SIZE * 1.3;
const NOTE_MARGIN: f32 = 24.0;
const WATERMARK: Colour = Colour([0x80, 0x10, 0x10]);
