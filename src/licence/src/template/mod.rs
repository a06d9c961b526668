//! Pages of licences: templates that an office draws itself, filled with a licence's fields and written as PDF/A-2b.
//!
//! A template is a small TOML and one SVG per page: the SVG has the artwork, standing texts (placeholders may stand in them)
//! and rectangles whose ids are the boxes; the TOML says what each box holds. Everything is drawn as vectors in embedded
//! subset fonts, all text is text, the same octets come out for the same input (ISO 19005-2, level B). GB/T 36905 prefers
//! OFD; these pages are PDF, which the platform's other parts read (decision 33).
//!
//! Nothing here opens a file, fetches, or asks the time: templates come from offices and are judged as outside input, with
//! bounds on octets, nodes, segments and letters. Called by the appliance's issuing and previews, and the command line.

mod allowed;
mod breaking;
mod check;
mod draw;
mod error;
mod finding;
mod fonts;
mod lay;
mod page;
mod photo;
mod qr;
mod settings;
mod shapes;
mod words;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use check::worst_case;
pub use draw::render;
pub use error::TemplateError;
pub use finding::{Finding, Severity};
pub use fonts::Fonts;

use page::Page;
use settings::Settings;

/// A template, read and judged. Shared between threads.
#[derive(Debug)]
pub struct Template {
    settings: Settings,
    pages: Vec<Page>,
}

/// What is filled into a template.
#[derive(Debug, Clone, Copy)]
pub struct PageData<'a> {
    /// The licence's fields.
    pub values: &'a Map<String, Value>,
    /// What is computed besides.
    pub computed: &'a Computed,
    /// Which of the pages' forms.
    pub variant: Variant,
    /// Drawn across each page, for what is not in force or not the original: 样本, DRAFT, 加注件. Further lines, at most four,
    /// stand along the foot of each page in full.
    pub watermark: Option<&'a str>,
    /// When the document is made: its date in the file.
    pub made: jiff::Timestamp,
}

/// What a licence says besides its fields; placeholders name it with `@`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Computed {
    /// `@identifier`: the identifier (GB/T 36904).
    pub identifier: String,
    /// `@number`: the number printed on it.
    pub number: String,
    /// `@issuer`: name of the issuing body.
    pub issuer: String,
    /// `@issued`: the day it is issued.
    pub issued: Option<jiff::civil::Date>,
    /// `@valid-from`: the first day it holds.
    pub valid_from: Option<jiff::civil::Date>,
    /// `@valid-to`: the last day it holds; 长期 where there is none.
    pub valid_to: Option<jiff::civil::Date>,
    /// `@version`: the version, 1 the first; three digits.
    pub version: u16,
    /// `@qr`: what the offline QR symbol says.
    pub qr: Option<String>,
    /// `@purpose`: what an annotated copy is for.
    pub purpose: Option<String>,
    /// `@annotated-until`: the last day of an annotated copy.
    pub annotated_until: Option<jiff::civil::Date>,
}

impl Computed {
    /// The names of all of them.
    pub const NAMES: [&'static str; 11] = [
        "identifier",
        "number",
        "issuer",
        "issued",
        "valid-from",
        "valid-to",
        "validity",
        "version",
        "qr",
        "purpose",
        "annotated-until",
    ];

    /// The text that a placeholder stands for; `None` if there is no such one. `@validity` is from when to when.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let day = |date: Option<jiff::civil::Date>| date.map(words::chinese).unwrap_or_default();
        let to = || self.valid_to.map_or_else(|| "长期".to_owned(), words::chinese);
        Some(match name {
            "identifier" => self.identifier.clone(),
            "number" => self.number.clone(),
            "issuer" => self.issuer.clone(),
            "issued" => day(self.issued),
            "valid-from" => day(self.valid_from),
            "valid-to" => to(),
            "validity" => match self.valid_to {
                Some(_) => format!("{}至{}", day(self.valid_from), to()),
                None => to(),
            },
            "version" => format!("{:03}", self.version),
            "qr" => self.qr.clone().unwrap_or_default(),
            "purpose" => self.purpose.clone().unwrap_or_default(),
            "annotated-until" => day(self.annotated_until),
            _ => return None,
        })
    }
}

/// Which of a template's forms is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Variant {
    /// 正本.
    #[default]
    Original,
    /// 副本.
    Duplicate,
    /// 套打: without the layers that are on the pre-printed paper.
    Overprint,
}

/// What rendering may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Letters of all texts, all tries at fitting them counted once.
    pub letters: usize,
    /// Octets of the PDF.
    pub octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { letters: 60_000, octets: 16 << 20 }
    }
}

/// Pages, made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// A PDF/A-2b.
    pub pdf: Vec<u8>,
    /// Where the seal goes.
    pub seal: Option<SealPlace>,
    /// Texts that were shrunk or cut.
    pub findings: Vec<Finding>,
}

/// Where a seal goes, in millimetres from the page's upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SealPlace {
    /// Page number from 1 on.
    pub page: u32,
    /// From the page's left edge.
    pub x_mm: f64,
    /// From the page's top edge.
    pub y_mm: f64,
    /// Width.
    pub width_mm: f64,
    /// Height.
    pub height_mm: f64,
}

impl Template {
    /// Reads a template: its settings, and its pages as (file name, SVG). Pages that the settings do not name are not read.
    ///
    /// # Errors
    /// [`TemplateError`], if something is malformed, refused, too much, or missing.
    pub fn parse(toml: &str, pages: &[(&str, &str)]) -> Result<Self, TemplateError> {
        let settings = Settings::read(toml)?;
        let boxes: Vec<&str> = settings.boxes.keys().map(String::as_str).collect();
        let mut read: Vec<Page> = Vec::with_capacity(settings.pages.len());
        for file in &settings.pages {
            let (_, svg) = pages
                .iter()
                .find(|(name, _)| name == file)
                .ok_or_else(|| TemplateError::NoPage { file: file.clone() })?;
            read.push(Page::read(file, svg, &boxes, &settings.overprint_leaves_out)?);
        }
        for name in settings.boxes.keys() {
            if !read.iter().any(|page| page.boxes.contains_key(name)) {
                return Err(TemplateError::NoBox { name: name.clone() });
            }
        }
        for name in &settings.overprint_leaves_out {
            if !read.iter().any(|page| page.layers.contains(name)) {
                return Err(TemplateError::NoLayer { name: name.clone() });
            }
        }
        let seals = settings.boxes.values().filter(|settings| settings.seal).count();
        if seals > 1 {
            return Err(TemplateError::Settings {
                what: "there is more than one box for the seal".to_owned(),
            });
        }
        Ok(Self { settings, pages: read })
    }

    /// Reads template `name` out of files by name: `NAME.toml` and the pages it names.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub fn load(files: &BTreeMap<String, String>, name: &str) -> Result<Self, TemplateError> {
        let file = format!("{name}.toml");
        let toml = files.get(&file).ok_or(TemplateError::NoPage { file })?;
        let pages: Vec<(&str, &str)> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        Self::parse(toml, &pages)
    }

    /// Width and height of each page, in millimetres.
    #[must_use]
    pub fn sizes_mm(&self) -> Vec<(f32, f32)> {
        self.pages.iter().map(|page| (page.width / page::MM, page.height / page::MM)).collect()
    }
}
