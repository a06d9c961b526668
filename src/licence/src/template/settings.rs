//! The settings beside the pages: a small TOML that says which box holds what, in which font and how.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::TemplateError;
use super::words::Words;

/// A template's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The document's title; placeholders may stand in it.
    pub(super) title: Words,
    /// File names of the pages, in order.
    pub(super) pages: Vec<String>,
    /// Language of the document (BCP 47).
    #[serde(default = "chinese")]
    pub(super) language: String,
    /// The font where nothing else is said.
    #[serde(default = "serif")]
    pub(super) font: String,
    /// Fonts tried for characters that a text's own font lacks, before all others that are configured.
    #[serde(default)]
    pub(super) fallback: Vec<String>,
    /// Families of the drawing program → names of configured fonts.
    #[serde(default)]
    pub(super) families: BTreeMap<String, String>,
    /// Fields that stand nowhere, on purpose.
    #[serde(default)]
    pub(super) left_out: Vec<String>,
    /// Layers that are on the pre-printed paper already.
    #[serde(default)]
    pub(super) overprint_leaves_out: Vec<String>,
    /// The boxes: rectangles' ids → what stands in them.
    #[serde(default, rename = "box")]
    pub(super) boxes: BTreeMap<String, BoxSettings>,
}

/// What stands in a box, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct BoxSettings {
    /// A text.
    pub(super) text: Option<Words>,
    /// The field whose list is repeated; `text` or `columns` is then one entry's.
    pub(super) repeat: Option<String>,
    /// The columns of a repeated entry.
    pub(super) columns: Vec<Column>,
    /// The field that is a photograph.
    pub(super) photo: Option<String>,
    /// A QR symbol of this text.
    pub(super) qr: Option<Words>,
    /// The seal's place.
    pub(super) seal: bool,
    /// The font.
    pub(super) font: Option<String>,
    /// Size in points.
    pub(super) size: f32,
    /// The smallest size that a long text may shrink to.
    pub(super) min_size: Option<f32>,
    /// From line to line, in sizes.
    pub(super) line: f32,
    /// Between characters, in sizes.
    pub(super) spacing: f32,
    /// First line of each paragraph, in sizes.
    pub(super) indent: f32,
    pub(super) align: Align,
    pub(super) valign: Valign,
    /// Lines are broken at the box's edge.
    pub(super) wrap: bool,
    /// Columns from right to left, characters from top to bottom.
    pub(super) vertical: bool,
    /// What is done where even the smallest size does not fit.
    pub(super) overflow: Overflow,
    /// What stands at the end of a text that was cut.
    pub(super) cut_mark: String,
    pub(super) colour: Colour,
}

impl Default for BoxSettings {
    fn default() -> Self {
        Self {
            text: None,
            repeat: None,
            columns: Vec::new(),
            photo: None,
            qr: None,
            seal: false,
            font: None,
            size: 12.0,
            min_size: None,
            line: 1.4,
            spacing: 0.0,
            indent: 0.0,
            align: Align::Left,
            valign: Valign::Middle,
            wrap: true,
            vertical: false,
            overflow: Overflow::Refuse,
            cut_mark: "……".to_owned(),
            colour: Colour::default(),
        }
    }
}

/// A column of a repeated entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Column {
    pub(super) text: Words,
    /// Its share of the box's width, against the other columns'.
    pub(super) width: f32,
    #[serde(default)]
    pub(super) align: Align,
}

/// How lines stand between left and right (in vertical text: top and bottom).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Align {
    #[default]
    Left,
    Centre,
    Right,
    /// All lines but a paragraph's last fill the width.
    Justify,
    /// All lines fill the width (分散对齐), as labels do.
    Spread,
}

/// How the lines together stand between top and bottom (in vertical text: right and left).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Valign {
    Top,
    #[default]
    Middle,
    Bottom,
}

/// What is done where even the smallest size does not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Overflow {
    /// No page is made.
    #[default]
    Refuse,
    /// The text is cut, marked and reported.
    Cut,
}

/// A colour, `#rrggbb` in the settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Colour(pub(super) [u8; 3]);

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut octets = [0; 3];
        text.strip_prefix('#')
            .and_then(|digits| hex::decode_to_slice(digits, &mut octets).ok())
            .ok_or_else(|| format!("`{text}` is no colour; write it as #rrggbb"))?;
        Ok(Self(octets))
    }
}

fn chinese() -> String {
    "zh-CN".to_owned()
}

fn serif() -> String {
    "Noto Serif CJK SC".to_owned()
}

impl Settings {
    pub(super) fn read(toml: &str) -> Result<Self, TemplateError> {
        if toml.len() > MAX_FILE {
            return Err(TemplateError::TooIntricate { what: "the size of the settings", limit: MAX_FILE });
        }
        let settings: Self =
            toml::from_str(toml).map_err(|error| TemplateError::Settings { what: error.to_string() })?;
        if settings.pages.is_empty() {
            return Err(TemplateError::Settings { what: "`pages` names no page".to_owned() });
        }
        if settings.pages.len() > MAX_PAGES {
            return Err(TemplateError::TooIntricate { what: "the number of pages", limit: MAX_PAGES });
        }
        if settings.boxes.len() > MAX_BOXES {
            return Err(TemplateError::TooIntricate { what: "the number of boxes", limit: MAX_BOXES });
        }
        for (name, settings) in &settings.boxes {
            settings.check().map_err(|what| TemplateError::Box { name: name.clone(), what })?;
        }
        Ok(settings)
    }
}

impl BoxSettings {
    fn check(&self) -> Result<(), String> {
        let text = self.text.is_some() || !self.columns.is_empty();
        let kinds = [text, self.photo.is_some(), self.qr.is_some(), self.seal];
        if kinds.into_iter().filter(|kind| *kind).count() != 1 {
            return Err("say exactly one of `text`, `columns`, `photo`, `qr` and `seal = true`".to_owned());
        }
        if self.text.is_some() && !self.columns.is_empty() {
            return Err("say either `text` or `columns`".to_owned());
        }
        if !self.columns.is_empty() && self.repeat.is_none() {
            return Err("`columns` need `repeat`, the field with the list".to_owned());
        }
        if self.repeat.is_some() && !text {
            return Err("`repeat` needs `text` or `columns`".to_owned());
        }
        if !self.columns.is_empty() && self.vertical {
            return Err("`columns` cannot stand in a vertical text".to_owned());
        }
        if self.columns.len() > MAX_COLUMNS
            || self.columns.iter().any(|column| !within(column.width, 0.001, 1e3))
        {
            return Err(format!("at most {MAX_COLUMNS} columns, each with a `width` over 0"));
        }
        let floor = self.min_size.unwrap_or(self.size);
        if !within(self.size, MIN_SIZE, MAX_SIZE) || !within(floor, MIN_SIZE, self.size) {
            return Err(format!("`size` is between {MIN_SIZE} and {MAX_SIZE}, `min-size` not over it"));
        }
        if !within(self.line, 0.8, 5.0) || !within(self.spacing, -0.2, 5.0) || !within(self.indent, 0.0, 20.0)
        {
            return Err(
                "`line` is between 0.8 and 5, `spacing` between -0.2 and 5, `indent` between 0 and 20"
                    .to_owned(),
            );
        }
        if self.cut_mark.chars().count() > 60 {
            return Err("`cut-mark` has at most 60 characters".to_owned());
        }
        Ok(())
    }

    /// The smallest size its text may have.
    pub(super) fn floor(&self) -> f32 {
        self.min_size.unwrap_or(self.size)
    }
}

/// Also false for what is not a number.
fn within(value: f32, from: f32, to: f32) -> bool {
    (from..=to).contains(&value)
}

/// Octets.
const MAX_FILE: usize = 64 << 10;
const MAX_PAGES: usize = 8;
const MAX_BOXES: usize = 200;
const MAX_COLUMNS: usize = 12;
/// Points; smaller is read by nobody.
const MIN_SIZE: f32 = 4.0;
const MAX_SIZE: f32 = 200.0;
