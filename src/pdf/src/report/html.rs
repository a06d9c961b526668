//! The simple report as one HTML page: self-contained, no script, nothing fetched, made to be printed on A4.

use super::simple::{Entry, Row, Simple, Tone};
use super::words::{Language, Words};

impl Simple {
    /// The page. Every text from outside is escaped.
    #[must_use]
    pub fn html(&self, language: Language) -> String {
        let title = Words::new("文件核验报告", "Verification report");
        let mut out = String::with_capacity(8 * 1024);
        let tag = match language {
            Language::English => "en",
            Language::Chinese | Language::Both => "zh-CN",
        };
        out.push_str(&format!("<!DOCTYPE html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n"));
        out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
        out.push_str(&escaped(&title.lines(language).join(" · ")));
        out.push_str(&format!("</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"));
        block(&mut out, "h1", "", &title, language);
        out.push_str(&format!("<section class=\"verdict {}\">\n", class(self.tone)));
        out.push_str(&format!(
            "<span class=\"mark\" aria-hidden=\"true\">{}</span>\n<div>\n",
            mark(self.tone)
        ));
        block(&mut out, "p", "", &self.verdict, language);
        out.push_str("</div>\n</section>\n");
        rows(&mut out, &self.facts, language);
        for entry in &self.entries {
            write_entry(&mut out, entry, language);
        }
        if !self.technical.is_empty() {
            out.push_str("<section class=\"technical\">\n");
            block(&mut out, "h2", "", &Words::new("供技术人员参考", "For technicians"), language);
            out.push_str("<ul lang=\"en\">\n");
            for line in &self.technical {
                out.push_str(&format!("<li>{}</li>\n", escaped(line)));
            }
            out.push_str("</ul>\n</section>\n");
        }
        out.push_str("</main>\n</body>\n</html>\n");
        out
    }
}

fn write_entry(out: &mut String, entry: &Entry, language: Language) {
    out.push_str(&format!("<section class=\"entry {}\">\n", class(entry.tone)));
    block(out, "h2", "", &entry.title, language);
    out.push_str(&format!(
        "<div class=\"found\"><span class=\"mark\" aria-hidden=\"true\">{}</span>\n<div>\n",
        mark(entry.tone)
    ));
    block(out, "p", "", &entry.found, language);
    out.push_str("</div></div>\n");
    rows(out, &entry.rows, language);
    out.push_str("</section>\n");
}

fn rows(out: &mut String, rows: &[Row], language: Language) {
    out.push_str("<table>\n");
    for row in rows {
        out.push_str(&format!("<tr class=\"{}\"><th scope=\"row\">", class(row.tone)));
        spans(out, &row.label, language);
        out.push_str("</th><td>");
        spans(out, &row.text, language);
        out.push_str("</td></tr>\n");
    }
    out.push_str("</table>\n");
}

/// One element per language.
fn block(out: &mut String, element: &str, extra: &str, words: &Words, language: Language) {
    out.push_str(&format!("<{element}{extra}>"));
    spans(out, words, language);
    out.push_str(&format!("</{element}>\n"));
}

fn spans(out: &mut String, words: &Words, language: Language) {
    let same = words.zh == words.en;
    let mut span = |tag: &str, text: &str| {
        let tag = if same { String::new() } else { format!(" lang=\"{tag}\"") };
        out.push_str(&format!("<span{tag}>{}</span>", escaped(text)));
    };
    match language {
        Language::English => span("en", &words.en),
        Language::Chinese => span("zh-CN", &words.zh),
        Language::Both => {
            span("zh-CN", &words.zh);
            if !same {
                span("en", &words.en);
            }
        }
    }
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Plain => "plain",
    }
}

fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓",
        Tone::Warn => "?",
        Tone::Bad => "✗",
        Tone::Plain => "·",
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Colour never carries meaning alone: every tone has its mark and its words.
const STYLE: &str = "
@page{size:A4;margin:16mm 15mm}
*{box-sizing:border-box}
body{margin:0;background:#f2f3f5;color:#1b1f24;font:15px/1.55 \"Noto Sans CJK SC\",\"Source Han Sans SC\",\"Microsoft YaHei\",\"PingFang SC\",system-ui,sans-serif}
main{max-width:180mm;margin:8mm auto;padding:12mm;background:#fff}
h1{margin:0 0 6mm;font-size:22px;line-height:1.3}
h2{margin:0 0 2mm;font-size:16px}
h1 span+span,h2 span+span{margin-left:.6em;font-size:.8em;font-weight:400;color:#57606a}
p{margin:0}
p span{display:block}
p span+span,td span+span{color:#57606a;font-size:.92em}
td span+span,td span{display:block}
.verdict{display:flex;gap:5mm;align-items:center;margin:0 0 6mm;padding:5mm;border:2px solid;border-radius:2mm;font-size:17px;font-weight:600;break-inside:avoid}
.verdict p span+span{font-weight:400}
.verdict .mark{flex:none;width:13mm;height:13mm;border-radius:50%;color:#fff;font-size:24px;line-height:13mm;text-align:center}
.verdict.good{border-color:#1a7f37;background:#eefaf0}.verdict.good .mark{background:#1a7f37}
.verdict.warn{border-color:#9a6700;background:#fff8e5}.verdict.warn .mark{background:#9a6700}
.verdict.bad{border-color:#cf222e;background:#fff0f0}.verdict.bad .mark{background:#cf222e}
table{width:100%;border-collapse:collapse;table-layout:fixed}
th,td{padding:1.4mm 0;border-top:1px solid #d8dee4;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{width:34mm;padding-right:3mm;font-weight:600}
th span{display:block}th span+span{font-weight:400;font-size:.85em;color:#57606a}
.entry{margin:7mm 0 0;padding:4mm 0 0;border-top:2px solid #1b1f24;break-inside:avoid}
.found{display:flex;gap:3mm;margin:0 0 2mm;font-weight:600}.found p span+span{font-weight:400}
.entry.good .mark{color:#1a7f37}.entry.warn .mark{color:#9a6700}.entry.bad .mark{color:#cf222e}
tr.bad td{color:#a40e26}tr.bad td span+span{color:#a40e26}
.technical{margin:9mm 0 0;padding:3mm 0 0;border-top:1px solid #d8dee4;color:#57606a;font-size:11px;line-height:1.4}
.technical h2{font-size:12px}.technical ul{margin:0;padding:0 0 0 4mm}.technical li{overflow-wrap:anywhere}
@media print{body{background:#fff;font-size:10.5pt}main{max-width:none;margin:0;padding:0}.verdict,.verdict .mark{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
";

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn markup_from_outside_stays_text() {
        assert_eq!(escaped("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
    }
}
