//! A resolved SVG as PDF operators: paths, fills, strokes, gradients, clips, opacity.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use usvg::{FillRule, Group, LineCap, LineJoin, Node, Paint, PaintOrder, Path, Stroke, Transform, Tree};

use super::super::bitmap::{Bitmap, deflate};
use super::super::image::ImageLimits;
use super::super::objects::{Paper, calibrated_rgb, name, numbers};
use super::path::{clip_into, colour_into, matrix_into, number, segments_into};
use super::{Refusal, bitmap, paint};
use crate::appearance::AppearanceError;
use crate::syntax::{Dictionary, Object, ObjectId};
use crate::write::{Body, Update};

/// An SVG as forms: the last of them is the whole, the others are groups that are blended as one.
pub(in crate::appearance) struct Drawing {
    width: f64,
    height: f64,
    forms: Vec<Form>,
    shadings: Vec<Dictionary>,
    /// Graphics states that set opacity and blend mode.
    states: Vec<Dictionary>,
    /// Something is painted.
    painted: bool,
    /// The tree, where transparency is used: for documents that know none it is drawn on white.
    transparent: Option<(Tree, ImageLimits)>,
    flat: OnceLock<Option<Bitmap>>,
}

struct Form {
    /// Compressed.
    content: Arc<[u8]>,
    bounds: [f64; 4],
}

impl Drawing {
    pub(super) fn new(tree: &Tree, limits: &ImageLimits) -> Result<Self, Refusal> {
        let (width, height) = (f64::from(tree.size().width()), f64::from(tree.size().height()));
        let mut writer = Writer::default();
        // SVG's y grows downwards.
        let mut content = format!("1 0 0 -1 0 {height} cm ");
        writer.group_into(&mut content, tree.root(), Transform::identity(), MAX_DEPTH)?;
        writer.finish(&content, [0.0, 0.0, width, height])?;
        let transparent = (!writer.states.is_empty()).then(|| (tree.clone(), *limits));
        let states = {
            let mut states: Vec<_> = writer.states.into_iter().collect();
            states.sort_by_key(|(_, (number, _))| *number);
            states.into_iter().map(|(_, (_, state))| state).collect()
        };
        Ok(Self {
            width,
            height,
            forms: writer.forms,
            shadings: writer.shadings,
            states,
            painted: writer.paths > 0,
            transparent,
            flat: OnceLock::new(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.painted
    }

    pub(in crate::appearance) fn aspect(&self) -> f64 {
        self.width / self.height
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    pub(in crate::appearance) fn pixels(&self) -> (u32, u32) {
        let edge = |length: f64| length.ceil().clamp(1.0, 1e6) as u32;
        (edge(self.width), edge(self.height))
    }

    pub(in crate::appearance) fn encoded_len(&self) -> usize {
        self.forms.iter().map(|form| form.content.len()).sum()
    }

    /// Adds the forms and returns the one that fills the unit square.
    pub(in crate::appearance) fn write(
        &self,
        update: &mut Update,
        paper: Paper,
    ) -> Result<ObjectId, AppearanceError> {
        if let (true, Some((tree, limits))) = (paper.opaque, &self.transparent) {
            let white = resvg::tiny_skia::Color::WHITE;
            let flat = self.flat.get_or_init(|| bitmap::draw(tree, limits, Some(white)).ok());
            return flat
                .as_ref()
                .ok_or(AppearanceError::Image("its transparent shapes are too intricate to be drawn"))?
                .write(update, paper);
        }
        let space = || if paper.calibrated { calibrated_rgb() } else { name("DeviceRGB") };
        let resources = update.allocate();
        let mut groups = Dictionary::new();
        let mut whole = None;
        for (number, form) in self.forms.iter().enumerate() {
            let id = update.allocate();
            let is_whole = number + 1 == self.forms.len();
            let data = form.content.clone();
            let dictionary = self.form(form, is_whole, resources);
            update.put(id, Body::Stream { dictionary, data });
            if is_whole {
                whole = Some(id);
            } else {
                groups.set(format!("X{number}").as_bytes(), Object::Reference(id));
            }
        }
        let mut entries = Dictionary::new();
        let mut spaces = Dictionary::new();
        spaces.set(b"C", space());
        entries.set(b"ColorSpace", Object::Dictionary(spaces));
        let list = |prefix: char, items: &[Dictionary], change: &dyn Fn(&mut Dictionary)| {
            let mut out = Dictionary::new();
            for (number, item) in items.iter().enumerate() {
                let mut item = item.clone();
                change(&mut item);
                out.set(format!("{prefix}{number}").as_bytes(), Object::Dictionary(item));
            }
            out
        };
        let shadings = list('S', &self.shadings, &|shading| shading.set(b"ColorSpace", space()));
        let states = list('G', &self.states, &|_| {});
        for (key, entry) in [(b"XObject".as_slice(), groups), (b"Shading", shadings), (b"ExtGState", states)]
        {
            if entry.iter().next().is_some() {
                entries.set(key, Object::Dictionary(entry));
            }
        }
        update.put(resources, Body::Value(Object::Dictionary(entries)));
        whole.ok_or(AppearanceError::Image("it has no shapes"))
    }

    fn form(&self, form: &Form, is_whole: bool, resources: ObjectId) -> Dictionary {
        let mut dictionary = Dictionary::new();
        dictionary.set(b"Type", name("XObject"));
        dictionary.set(b"Subtype", name("Form"));
        dictionary.set(b"BBox", numbers(&form.bounds));
        if is_whole {
            dictionary.set(b"Matrix", numbers(&[1.0 / self.width, 0.0, 0.0, 1.0 / self.height, 0.0, 0.0]));
        }
        // What is blended as one is a transparency group (ISO 32000-2 §11.6.6).
        if !is_whole {
            let mut group = Dictionary::new();
            group.set(b"S", name("Transparency"));
            group.set(b"I", Object::Boolean(true));
            dictionary.set(b"Group", Object::Dictionary(group));
        }
        dictionary.set(b"Resources", Object::Reference(resources));
        dictionary.set(b"Filter", name("FlateDecode"));
        dictionary
    }
}

impl std::fmt::Debug for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drawing")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("forms", &self.forms.len())
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Writer {
    forms: Vec<Form>,
    shadings: Vec<Dictionary>,
    /// By opacity in 1/255 and blend mode: number and graphics state.
    states: BTreeMap<(u8, u8), (usize, Dictionary)>,
    paths: usize,
    octets: usize,
}

impl Writer {
    /// What a group shows, written in the coordinates of the whole.
    fn group_into(
        &mut self,
        out: &mut String,
        group: &Group,
        above: Transform,
        depth: usize,
    ) -> Result<(), Refusal> {
        let deeper = depth
            .checked_sub(1)
            .ok_or(Refusal::TooIntricate { what: "the depth of its groups", limit: MAX_DEPTH })?;
        if !group.filters().is_empty() {
            return Err(Refusal::NotInPdf("filter"));
        }
        if group.mask().is_some() {
            return Err(Refusal::NotInPdf("mask"));
        }
        let transform = above.pre_concat(group.transform());
        out.push_str("q ");
        if let Some(clip) = group.clip_path() {
            clip_into(out, clip, transform, deeper)?;
        }
        let blended = group.opacity().get() < 1.0 || group.blend_mode() != usvg::BlendMode::Normal;
        if blended || group.isolate() {
            let mut content = String::new();
            self.children_into(&mut content, group, transform, deeper)?;
            let area = group.layer_bounding_box().transform(transform);
            let area = area.ok_or(Refusal::NotInPdf("a group without extent"))?;
            // Room for what anti-aliasing adds.
            let bounds = [area.left() - 1.0, area.top() - 1.0, area.right() + 1.0, area.bottom() + 1.0];
            let number = self.finish(&content, bounds.map(f64::from))?;
            if blended {
                self.state_into(out, group.opacity().get(), group.blend_mode())?;
            }
            // Writing to a string cannot fail.
            let _ = write!(out, "/X{number} Do ");
        } else {
            self.children_into(out, group, transform, deeper)?;
        }
        out.push_str("Q ");
        Ok(())
    }

    fn children_into(
        &mut self,
        out: &mut String,
        group: &Group,
        transform: Transform,
        depth: usize,
    ) -> Result<(), Refusal> {
        for child in group.children() {
            match child {
                Node::Group(group) => self.group_into(out, group, transform, depth)?,
                Node::Path(path) => self.path_into(out, path, transform)?,
                Node::Text(text) => self.group_into(out, text.flattened(), transform, depth)?,
                Node::Image(_) => return Err(Refusal::NotInPdf("image")),
            }
        }
        Ok(())
    }

    fn path_into(&mut self, out: &mut String, path: &Path, transform: Transform) -> Result<(), Refusal> {
        if !path.is_visible() || (path.fill().is_none() && path.stroke().is_none()) {
            return Ok(());
        }
        self.paths += 1;
        if self.paths > MAX_PATHS || out.len() + self.octets > MAX_OCTETS {
            return Err(Refusal::TooIntricate { what: "the number of its shapes", limit: MAX_PATHS });
        }
        out.push_str("q ");
        matrix_into(out, transform)?;
        let mut data = String::new();
        segments_into(&mut data, path)?;
        let fill = |writer: &mut Self, out: &mut String| match path.fill() {
            Some(fill) => writer.fill_into(out, fill, &data),
            None => Ok(()),
        };
        if path.paint_order() == PaintOrder::FillAndStroke {
            fill(self, out)?;
        }
        if let Some(stroke) = path.stroke() {
            self.stroke_into(out, stroke, &data)?;
        }
        if path.paint_order() == PaintOrder::StrokeAndFill {
            fill(self, out)?;
        }
        out.push_str("Q ");
        Ok(())
    }

    fn fill_into(&mut self, out: &mut String, fill: &usvg::Fill, data: &str) -> Result<(), Refusal> {
        out.push_str("q ");
        self.state_into(out, fill.opacity().get(), usvg::BlendMode::Normal)?;
        let even_odd = if fill.rule() == FillRule::EvenOdd { "*" } else { "" };
        let (shading, transform) = match fill.paint() {
            Paint::Color(colour) => {
                colour_into(out, *colour, "sc");
                // Writing to a string cannot fail.
                let _ = write!(out, "{data}f{even_odd} Q ");
                return Ok(());
            }
            Paint::LinearGradient(gradient) => (paint::linear(gradient)?, gradient.transform()),
            Paint::RadialGradient(gradient) => (paint::radial(gradient)?, gradient.transform()),
            Paint::Pattern(_) => return Err(Refusal::NotInPdf("pattern")),
        };
        let _ = write!(out, "{data}W{even_odd} n ");
        matrix_into(out, transform)?;
        let _ = write!(out, "/S{} sh Q ", self.shadings.len());
        self.shadings.push(shading);
        Ok(())
    }

    fn stroke_into(&mut self, out: &mut String, stroke: &Stroke, data: &str) -> Result<(), Refusal> {
        let Paint::Color(colour) = stroke.paint() else {
            return Err(Refusal::NotInPdf("a stroke that is no colour"));
        };
        let join = match stroke.linejoin() {
            LineJoin::Miter => 0,
            LineJoin::Round => 1,
            LineJoin::Bevel => 2,
            LineJoin::MiterClip => return Err(Refusal::NotInPdf("stroke-linejoin miter-clip")),
        };
        let cap = match stroke.linecap() {
            LineCap::Butt => 0,
            LineCap::Round => 1,
            LineCap::Square => 2,
        };
        out.push_str("q ");
        self.state_into(out, stroke.opacity().get(), usvg::BlendMode::Normal)?;
        colour_into(out, *colour, "SC");
        let width = stroke.width().get();
        let limit = stroke.miterlimit().get();
        // Writing to a string cannot fail.
        let _ = write!(out, "{} w {cap} J {join} j {} M ", number(width)?, number(limit)?);
        if let Some(dashes) = stroke.dasharray() {
            // Dashes far thinner than the line are a way to keep viewers busy.
            if dashes.iter().sum::<f32>() < width * 0.05 || dashes.len() > MAX_DASHES {
                return Err(Refusal::TooIntricate { what: "the number of its dashes", limit: MAX_DASHES });
            }
            let dashes: Vec<String> = dashes.iter().map(|dash| number(*dash)).collect::<Result<_, _>>()?;
            let _ = write!(out, "[{}] {} d ", dashes.join(" "), number(stroke.dashoffset())?);
        }
        let _ = write!(out, "{data}S Q ");
        Ok(())
    }

    /// Sets opacity and blend mode, if they are not what they are anyway.
    fn state_into(&mut self, out: &mut String, opacity: f32, mode: usvg::BlendMode) -> Result<(), Refusal> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
        let part = (opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        if part == 255 && mode == usvg::BlendMode::Normal {
            return Ok(());
        }
        let blend_mode = paint::blend_mode(mode)?;
        let next = self.states.len();
        let (number, _) = self.states.entry((part, mode as u8)).or_insert_with(|| {
            let mut state = Dictionary::new();
            let opacity = Object::Real((f64::from(part) / 255.0 * 1e4).round() / 1e4);
            state.set(b"ca", opacity.clone());
            state.set(b"CA", opacity);
            state.set(b"BM", blend_mode);
            (next, state)
        });
        // Writing to a string cannot fail.
        let _ = write!(out, "/G{number} gs ");
        Ok(())
    }

    fn finish(&mut self, content: &str, bounds: [f64; 4]) -> Result<usize, Refusal> {
        self.octets += content.len();
        if self.octets > MAX_OCTETS || self.forms.len() >= MAX_FORMS {
            return Err(Refusal::TooIntricate { what: "the number of its groups", limit: MAX_FORMS });
        }
        let content = format!("/C cs /C CS {content}");
        let content =
            deflate(content.as_bytes()).map_err(|_| Refusal::NotInPdf("content that cannot be packed"))?;
        self.forms.push(Form { content, bounds });
        Ok(self.forms.len() - 1)
    }
}

/// Groups and clips within each other, as `weigh` lets them be.
pub(super) const MAX_DEPTH: usize = 96;
/// Shapes of a seal; viewers draw them again and again.
const MAX_PATHS: usize = 10_000;
const MAX_FORMS: usize = 1_000;
const MAX_DASHES: usize = 64;
/// Octets of content before compression.
const MAX_OCTETS: usize = 16 << 20;
