//! Section `[licences]`: what the pages of licences are set in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Fonts of licences; every node of a cluster has the same.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Licences {
    /// Fonts (TrueType or OpenType) by the names that templates call them by. A text whose font lacks a character takes it
    /// from the others, in the order of their names; the bold ones are called as the others, with ` Bold` behind.
    pub fonts: BTreeMap<String, FontFile>,
    /// Longest that drawing one licence may take, in seconds.
    pub render_seconds: u64,
}

/// A font in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FontFile {
    /// The file.
    pub path: PathBuf,
    /// Which font of a collection (`.ttc`, `.otc`), from 0.
    #[serde(default)]
    pub index: u32,
}

impl Default for Licences {
    fn default() -> Self {
        // Debian's fonts-noto-cjk; simplified Chinese is the third of each collection.
        let font = |name: &str, file: &str| {
            let path = PathBuf::from("/usr/share/fonts/opentype/noto").join(file);
            (name.to_owned(), FontFile { path, index: 2 })
        };
        Self {
            fonts: BTreeMap::from([
                font("Noto Sans CJK SC", "NotoSansCJK-Regular.ttc"),
                font("Noto Sans CJK SC Bold", "NotoSansCJK-Bold.ttc"),
                font("Noto Serif CJK SC", "NotoSerifCJK-Regular.ttc"),
                font("Noto Serif CJK SC Bold", "NotoSerifCJK-Bold.ttc"),
            ]),
            render_seconds: 10,
        }
    }
}

impl Licences {
    /// A value that cannot be meant: key, value, and how to mend it.
    pub(super) fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        if let Some(name) =
            self.fonts.keys().find(|name| name.trim().is_empty() || name.contains([',', '"', '\'']))
        {
            return Some((
                "licences.fonts",
                name.clone(),
                "call a font as templates do, without commas and quotes",
            ));
        }
        None
    }

    /// The paths in it, which are relative to the configuration's file.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.fonts.values_mut().map(|font| &mut font.path)
    }
}
