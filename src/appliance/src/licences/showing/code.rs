//! Show-codes: 160 random bits, told once, kept as a hash (decision 31), and their QR symbols.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::DigestAlgorithm;
use zeroize::Zeroizing;

/// A code.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

// A code is as good as the licence.
impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code")
    }
}

impl Code {
    /// The code of these octets, which nobody else may know or guess.
    #[must_use]
    pub fn of(octets: [u8; OCTETS]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(octets)))
    }

    /// Reads a code as it was told: nothing else decodes to the same octets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let octets = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let octets: [u8; OCTETS] = octets.as_slice().try_into().ok()?;
        Some(Self::of(octets)).filter(|code| code.0.as_str() == text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it. There are 160 random bits: a plain hash keeps them as well as a slow one.
    #[must_use]
    pub fn kept(&self) -> String {
        let text = Zeroizing::new(format!("cinnabar show-code 1\0{}", self.as_str()));
        hex::encode(DigestAlgorithm::Sha256.digest(text.as_bytes()))
    }

    /// Where a phone leads with it: the code stands in the fragment.
    #[must_use]
    pub fn url(&self, portal: &str) -> String {
        format!("{portal}/#s={}", self.as_str())
    }
}

/// A QR symbol (ISO/IEC 18004) of a text, level M, as SVG: one path on white, with its quiet zone; `None` where the text does
/// not fit one.
#[must_use]
pub fn symbol(text: &str) -> Option<String> {
    let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::M).ok()?;
    let edge = code.width();
    let side = edge + 2 * QUIET;
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks_exact(edge.max(1)).enumerate() {
        let mut x = QUIET;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&qrcode::Color::Dark) {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{x} {}h{}v1H{x}z", y + QUIET, run.len());
            }
            x += run.len();
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" \
         role=\"img\" aria-label=\"QR\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

/// Octets of a code.
pub const OCTETS: usize = 20;
/// Characters of a code.
const LENGTH: usize = 27;
/// Modules that stay light around a symbol (ISO/IEC 18004 §5.3.8).
const QUIET: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_only_as_it_was_told() {
        let code = Code::of([0xfb; OCTETS]);
        assert_eq!(code.as_str().len(), LENGTH);
        assert_eq!(Code::parse(code.as_str()).unwrap().kept(), code.kept());
        let text = code.as_str();
        // The last character carries two bits that no octet needs: only zeros are taken.
        let last = if text.ends_with('s') { 't' } else { 's' };
        for strange in [
            String::new(),
            text[1..].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!("{}{last}", &text[..LENGTH - 1]),
            text.replace('-', "+"),
            format!(" {text}"),
            "码".repeat(9),
            "A".repeat(1 << 20),
        ] {
            assert!(Code::parse(&strange).is_none(), "{}", strange.len());
        }
        assert!(!format!("{code:?}").contains(&text[..6]));
        assert_ne!(Code::of([1; OCTETS]).kept(), code.kept());
        assert_eq!(code.url("https://v.example"), format!("https://v.example/#s={text}"));
    }

    #[test]
    fn a_symbol_is_one_path_inside_its_quiet_zone() {
        let url = Code::of([7; OCTETS]).url("https://verify.example.gov.cn");
        let svg = symbol(&url).unwrap();
        assert!(
            svg.starts_with("<svg ")
                && svg.ends_with("</svg>")
                && !svg.contains(Code::of([7; OCTETS]).as_str())
        );
        assert!(svg.contains("M4 4h7v1H4z"), "the finder pattern begins after the quiet zone");
        assert!(symbol(&"x".repeat(5000)).is_none());
    }
}
