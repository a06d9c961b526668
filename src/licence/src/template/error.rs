//! Why a template cannot be used, or a page cannot be made of it.

/// Why a template cannot be used, or a page cannot be made of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The settings are not what they should be.
    #[error("the settings are not valid TOML of a template: {what}")]
    Settings {
        /// What the parser says, with line and column.
        what: String,
    },
    /// The settings name a page that was not handed in.
    #[error("the page `{file}` that the settings name is missing; put the file beside them")]
    NoPage {
        /// Its file name.
        file: String,
    },
    /// A page is not an SVG.
    #[error("page `{page}`: {what}")]
    Svg {
        /// Its file name.
        page: String,
        /// What is wrong.
        what: String,
    },
    /// A page holds what is never drawn.
    #[error("page `{page}` uses {what}; {mend}")]
    Uses {
        /// Its file name.
        page: String,
        /// What.
        what: String,
        /// How to mend it.
        mend: &'static str,
    },
    /// There is too much of something.
    #[error("{what} is over {limit}; make it simpler")]
    TooIntricate {
        /// What.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The settings name a box that no page has.
    #[error(
        "no page has a rectangle with the id `{name}`; draw one, or take `[box.{name}]` out of the settings"
    )]
    NoBox {
        /// Its name.
        name: String,
    },
    /// The settings name a layer that no page has.
    #[error("no page has a layer `{name}` to leave out; name a group's id or its label")]
    NoLayer {
        /// Its name.
        name: String,
    },
    /// A box of the settings says what cannot be.
    #[error("`[box.{name}]`: {what}")]
    Box {
        /// Its name.
        name: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// A placeholder is not one.
    #[error("`{text}`: {what}")]
    Placeholder {
        /// Where it stands.
        text: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A font is not among those configured.
    #[error("the font `{name}` is not configured; there are: {known}")]
    NoFont {
        /// Its name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A font file cannot be used.
    #[error("the font `{name}` cannot be used: {what}")]
    Font {
        /// Its name.
        name: String,
        /// Why.
        what: String,
    },
    /// No font has a character.
    #[error(
        "no font has {characters} (tried: {fonts}); configure a font that has them, or name it under `fallback`"
    )]
    MissingGlyphs {
        /// The characters with their code points.
        characters: String,
        /// The fonts tried, in order.
        fonts: String,
    },
    /// A value cannot stand on a page.
    #[error("the value of `{field}` {what}")]
    Value {
        /// The field.
        field: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// A text does not fit its box even at its smallest size.
    #[error(
        "the text of box `{name}` on page {page} does not fit: at {size} pt it is {wide_mm:.1} mm × {high_mm:.1} mm, the \
         box {width_mm:.1} mm × {height_mm:.1} mm; shorten it, enlarge the box or allow a smaller `min-size`"
    )]
    DoesNotFit {
        /// The box.
        name: String,
        /// The page, from 1.
        page: usize,
        /// The smallest size, in points.
        size: f32,
        /// Width of the widest line.
        wide_mm: f32,
        /// Height of all lines.
        high_mm: f32,
        /// Width of the box.
        width_mm: f32,
        /// Height of the box.
        height_mm: f32,
    },
    /// A QR symbol does not fit.
    #[error(
        "the QR symbol of box `{name}` needs {needed_mm:.1} mm for {octets} octets and has {has_mm:.1} mm; enlarge the box"
    )]
    Qr {
        /// The box.
        name: String,
        /// Octets of its text.
        octets: usize,
        /// The edge it needs.
        needed_mm: f32,
        /// The edge it has.
        has_mm: f32,
    },
    /// The PDF writer refuses.
    #[error("the pages cannot be written as PDF/A-2b: {what}")]
    Pdf {
        /// What it says.
        what: String,
    },
}
