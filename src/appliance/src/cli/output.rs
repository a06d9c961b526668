//! What the command line prints: words with colour for people, one JSON document for scripts.
//!
//! Results go to standard output, everything else (progress, warnings, errors) to standard error, so that
//! `--json` output can be piped whatever happens.

use std::io::Write;

use anstyle::{AnsiColor, Style};
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
            let _ = writeln!(out, "{value:#}");
            return;
        }
        for (tone, line) in lines {
            let style = style(*tone);
            let _ = writeln!(out, "{style}{line}{style:#}");
        }
    }

    /// Prints a remark on standard error; nothing with `--json`.
    pub fn remark(self, tone: Tone, line: &str) {
        if !self.json {
            let style = style(tone);
            let _ = writeln!(anstream::stderr(), "{style}{line}{style:#}");
        }
    }

    /// Prints an error on standard error, or as a JSON document on standard output.
    pub fn error(self, error: &dyn std::error::Error) {
        if self.json {
            let value = serde_json::json!({ "error": error.to_string() });
            let _ = writeln!(anstream::stdout(), "{value:#}");
            return;
        }
        let bad = style(Tone::Bad);
        let _ = writeln!(anstream::stderr(), "{bad}error:{bad:#} {error}");
        let mut cause = error.source();
        while let Some(next) = cause {
            let text = next.to_string();
            if !error.to_string().contains(&text) {
                let _ = writeln!(anstream::stderr(), "  because: {text}");
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
