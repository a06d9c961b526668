//! The fonts that licences are set in: read once, when the first page is drawn, and kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use licence::template::{Fonts, TemplateError};

use crate::app::App;
use crate::config::FontFile;

/// Why the configured fonts cannot be used; the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum FontsError {
    /// A file cannot be read.
    #[error("`licences.fonts`: `{path}` cannot be read: {source}; install it or name another")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file holds no usable font.
    #[error("`licences.fonts`: {0}")]
    Font(#[from] TemplateError),
}

/// The configured fonts. Reads some ten megabytes the first time: call it where a thread may wait.
///
/// # Errors
/// [`FontsError`], if a file cannot be read or holds no usable font.
pub fn fonts(app: &App) -> Result<Fonts, FontsError> {
    if let Some(fonts) = app.licences.fonts.get() {
        return Ok(fonts.clone());
    }
    let loaded = load(&app.config.licences.fonts)?;
    Ok(app.licences.fonts.get_or_init(|| loaded).clone())
}

/// Reads fonts; a file that several share is read once.
///
/// # Errors
/// [`FontsError`].
pub fn load(files: &BTreeMap<String, FontFile>) -> Result<Fonts, FontsError> {
    let mut read: BTreeMap<&PathBuf, Arc<Vec<u8>>> = BTreeMap::new();
    let mut fonts = Vec::with_capacity(files.len());
    for (name, FontFile { path, index }) in files {
        let octets = match read.get(path) {
            Some(octets) => octets.clone(),
            None => {
                let octets =
                    std::fs::read(path).map_err(|source| FontsError::File { path: path.clone(), source })?;
                read.entry(path).or_insert(Arc::new(octets)).clone()
            }
        };
        fonts.push((name.as_str(), octets, *index));
    }
    Ok(Fonts::load(&fonts)?)
}
