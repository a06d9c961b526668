//! The simple report as lines for a terminal.

use super::simple::{Row, Simple, Tone};
use super::words::Language;

impl Simple {
    /// Lines with how each is meant, the verdict first.
    #[must_use]
    pub fn lines(&self, language: Language) -> Vec<(Tone, String)> {
        let mut lines = Vec::new();
        for line in self.verdict.lines(language) {
            lines.push((self.tone, line.to_owned()));
        }
        rows(&self.facts, language, &mut lines);
        for entry in &self.entries {
            lines.push((Tone::Plain, String::new()));
            lines.push((Tone::Plain, entry.title.lines(language).join(" / ")));
            for line in entry.found.lines(language) {
                lines.push((entry.tone, format!("  {line}")));
            }
            rows(&entry.rows, language, &mut lines);
        }
        lines
    }
}

fn rows(rows: &[Row], language: Language, lines: &mut Vec<(Tone, String)>) {
    for row in rows {
        let labels = row.label.lines(language);
        let texts = row.text.lines(language);
        for (index, text) in texts.iter().enumerate() {
            let label = match (labels.get(index), texts.len()) {
                // One text under two labels.
                (Some(_), 1) => labels.join(" / "),
                (Some(label), _) => (*label).to_owned(),
                (None, _) => String::new(),
            };
            let colon = if label.is_ascii() { ": " } else { "：" };
            lines.push((row.tone, format!("  {label}{colon}{text}")));
        }
    }
}
