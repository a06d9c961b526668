//! Pages of licences: the fonts they are set in, previews, and the checks that a template passes before its type is
//! published. Templates, layout and PDF are the `licence` crate's.

mod fonts;
mod preview;

use std::collections::BTreeMap;
use std::sync::Arc;

use licence::catalogue::TypeDefinition;
use licence::template::{Finding, Fonts, Severity, Template, TemplateError};
use utoipa_axum::router::OpenApiRouter;

pub use fonts::{FontsError, fonts, load as load_fonts};
pub use preview::{Form, Preview, PreviewError};

use crate::app::App;

/// Its routes on the platform API.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    preview::routes()
}

/// Reads the templates that a definition names out of their files: `NAME.toml` and the SVG pages it names.
///
/// # Errors
/// The template's name, and why it cannot be used.
pub fn read(
    definition: &TypeDefinition,
    files: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Arc<Template>>, (String, TemplateError)> {
    let named = &definition.templates;
    let names = [Some(&named.original), named.duplicate.as_ref(), named.overprint.as_ref()];
    let mut out = BTreeMap::new();
    for name in names.into_iter().flatten() {
        if !out.contains_key(name) {
            let template = Template::load(files, name).map_err(|error| (name.clone(), error))?;
            out.insert(name.clone(), Arc::new(template));
        }
    }
    Ok(out)
}

/// What is wrong with a definition's templates, by template; empty means that they may be published. Notes and warnings are
/// left out unless `all`.
#[must_use]
pub fn check(
    definition: &TypeDefinition,
    templates: &BTreeMap<String, Arc<Template>>,
    fonts: &Fonts,
    all: bool,
) -> Vec<(String, Finding)> {
    let least = if all { Severity::Note } else { Severity::Error };
    let findings = templates.iter().flat_map(|(name, template)| {
        let findings = template.check(definition, fonts);
        findings.into_iter().map(|finding| (name.clone(), finding))
    });
    findings.filter(|(_, finding)| finding.severity >= least).collect()
}
