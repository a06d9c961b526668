//! What the command line prints: words with colour for people, one JSON document for scripts.
//!
//! Results go to standard output, everything else (progress, warnings, errors) to standard error, so that
//! `--json` output can be piped whatever happens.
//!
//! Names and reasons come from documents, certificates and servers that may lie: a line break in one could fake a verdict, an
//! escape sequence recolour it, a bidirectional control turn it round (Unicode TR 36 §2.5). Nothing of that gets past here.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use pdf::report::{is_hidden, visible};
use serde_json::Value;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// One JSON document on standard output instead of words.
    pub json: bool,
}

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Plain.
    Plain,
    /// Something good.
    Good,
    /// Something to look at.
    Warn,
    /// Something bad.
    Bad,
    /// A heading.
    Head,
    /// Less important.
    Dim,
}

impl Output {
    /// Prints the result: the JSON value with `--json`, otherwise the lines.
    pub fn result(self, value: &Value, lines: &[(Tone, String)]) {
        let mut out = anstream::stdout().lock();
        if self.json {
            let _ = writeln!(out, "{}", json_text(value));
            return;
        }
        lines.iter().for_each(|(tone, line)| write(&mut out, *tone, line));
    }

    /// Prints a remark on standard error; nothing with `--json`.
    pub fn remark(self, tone: Tone, line: &str) {
        if !self.json {
            write(&mut anstream::stderr(), tone, line);
        }
    }

    /// Prints an error on standard error, or as a JSON document on standard output.
    pub fn error(self, error: &dyn std::error::Error) {
        if self.json {
            let value = serde_json::json!({ "error": error.to_string() });
            let _ = writeln!(anstream::stdout(), "{}", json_text(&value));
            return;
        }
        let bad = style(Tone::Bad);
        let _ = writeln!(anstream::stderr(), "{bad}error:{bad:#} {}", explained(&error.to_string()));
        let mut cause = error.source();
        while let Some(next) = cause {
            let text = next.to_string();
            if !error.to_string().contains(&text) {
                let _ = writeln!(anstream::stderr(), "  because: {}", explained(&text));
            }
            cause = next.source();
        }
    }

    /// A progress bar of `total` steps on standard error; hidden with `--json` or without a terminal.
    #[must_use]
    pub fn progress(self, total: u64, what: &str) -> indicatif::ProgressBar {
        if self.json {
            return indicatif::ProgressBar::hidden();
        }
        let bar = indicatif::ProgressBar::new(total);
        if let Ok(style) = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }
}

/// A text of several lines that is not from a document: a PEM, a file's fault with the place marked. Each line becomes one
/// of its own, the further ones below the first one's text, which stands `indent` to the right.
#[must_use]
pub fn paragraph(tone: Tone, first: &str, indent: usize, text: &str) -> Vec<(Tone, String)> {
    let mut lines = text.trim_end().lines();
    let head = (tone, format!("{first}{}", lines.next().unwrap_or_default()));
    std::iter::once(head).chain(lines.map(|line| (tone, format!("{:indent$}{line}", "")))).collect()
}

/// A JSON document whose octets are harmless on a terminal: what hides or reorders is escaped (RFC 8259 §7), which changes no
/// value. Line breaks are its own; those in strings are escaped already.
#[must_use]
pub fn json_text(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        match c {
            '\n' => text.push(c),
            c if is_hidden(c) => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

fn write(out: &mut impl Write, tone: Tone, line: &str) {
    let style = style(tone);
    let _ = writeln!(out, "{style}{}{style:#}", visible(line));
}

/// An error, which may quote a file with the place marked: no further line begins where verdicts do.
fn explained(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n    ")
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Good => Style::new().fg_color(Some(AnsiColor::Green.into())).bold(),
        Tone::Warn => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Tone::Bad => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
        Tone::Head => Style::new().bold(),
        Tone::Dim => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a field or a signer may be called.
    const NAME: &str = "a\u{1B}[32m\r\nvalid: every signature holds\u{202E}\u{2066}\u{200F}\u{9B}\u{7F}";

    #[test]
    fn no_name_leaves_its_line_or_speaks_to_the_terminal() {
        let mut out = Vec::new();
        write(&mut out, Tone::Plain, &format!("  signer {NAME}"));
        let gone = "\u{FFFD}";
        let printed = String::from_utf8(out).unwrap();
        let expected =
            format!("  signer a{gone}[32m{gone}{gone}valid: every signature holds{}\n", gone.repeat(5));
        assert_eq!(printed, expected);
        assert_eq!(explained("first\nvalid\u{1B}: x"), format!("first\n    valid{gone}: x"));
        assert_eq!(visible("审批专用章 é"), "审批专用章 é");
    }

    #[test]
    fn json_keeps_every_value_and_hides_nothing() {
        let value = serde_json::json!({ "name": NAME, "seal": "审批专用章" });
        let text = json_text(&value);
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.contains("审批专用章"));
    }

    #[test]
    fn texts_of_several_lines_stay_readable() {
        let lines = paragraph(Tone::Bad, "  bad  file: ", 7, "one\n  two\n");
        let expected = ["  bad  file: one", "         two"].map(|line| (Tone::Bad, line.to_owned()));
        assert_eq!(lines, expected);
    }
}
