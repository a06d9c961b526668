//! Hand-made PDF files: every byte is chosen here, so that each defect can be made exactly.

#![allow(dead_code, reason = "each test binary uses a part of it")]

/// Writes a file section by section and keeps the offsets its cross-references need.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    pub bytes: Vec<u8>,
    pub offsets: Vec<(u32, usize)>,
    pub last_xref: usize,
    pub header: usize,
}

impl Writer {
    pub fn new() -> Self {
        let mut writer = Self::default();
        writer.raw(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
        writer
    }

    /// Continues after `bytes`, whose newest section is at `last_xref`.
    pub fn after(bytes: &[u8], last_xref: usize) -> Self {
        Self { bytes: bytes.to_vec(), last_xref, ..Self::default() }
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub fn object(&mut self, number: u32, body: &str) -> &mut Self {
        self.offsets.push((number, self.bytes.len() - self.header));
        self.raw(format!("{number} 0 obj\n{body}\nendobj\n").as_bytes())
    }

    pub fn stream(&mut self, number: u32, entries: &str, data: &[u8]) -> &mut Self {
        self.offsets.push((number, self.bytes.len() - self.header));
        self.raw(format!("{number} 0 obj\n<< {entries} /Length {} >>\nstream\n", data.len()).as_bytes());
        self.raw(data).raw(b"\nendstream\nendobj\n")
    }

    /// A table over everything written since the last section, then trailer, startxref and %%EOF.
    pub fn table(&mut self, trailer: &str) -> &mut Self {
        let start = self.bytes.len() - self.header;
        let mut offsets = std::mem::take(&mut self.offsets);
        offsets.sort_unstable();
        self.raw(b"xref\n");
        if self.last_xref == 0 {
            self.raw(b"0 1\n0000000000 65535 f \n");
        }
        for (number, offset) in offsets {
            self.raw(format!("{number} 1\n{offset:010} 00000 n \n").as_bytes());
        }
        let prev = if self.last_xref == 0 { String::new() } else { format!("/Prev {} ", self.last_xref) };
        self.raw(format!("trailer\n<< {prev}{trailer} >>\nstartxref\n{start}\n%%EOF\n").as_bytes());
        self.last_xref = start;
        self
    }

    /// As [`Self::table`], but a cross-reference stream numbered `own`; `packed` lists objects inside
    /// object streams as (number, stream, index).
    pub fn xref_stream(&mut self, own: u32, trailer: &str, packed: &[(u32, u32, u32)]) -> &mut Self {
        let start = self.bytes.len() - self.header;
        let mut rows: Vec<(u32, [u8; 7])> = Vec::new();
        if self.last_xref == 0 {
            rows.push((0, [0, 0, 0, 0, 0, 255, 255]));
        }
        self.offsets.push((own, start));
        for (number, offset) in std::mem::take(&mut self.offsets) {
            let o = (offset as u32).to_be_bytes();
            rows.push((number, [1, o[0], o[1], o[2], o[3], 0, 0]));
        }
        for (number, stream, index) in packed {
            let s = stream.to_be_bytes();
            rows.push((*number, [2, s[0], s[1], s[2], s[3], (index >> 8) as u8, *index as u8]));
        }
        rows.sort_unstable();
        let index: Vec<String> = rows.iter().map(|(number, _)| format!("{number} 1")).collect();
        let data: Vec<u8> = rows.iter().flat_map(|(_, row)| *row).collect();
        let prev = if self.last_xref == 0 { String::new() } else { format!("/Prev {} ", self.last_xref) };
        let entries = format!("/Type /XRef /W [1 4 2] /Index [{}] {prev}{trailer}", index.join(" "));
        self.stream(own, &entries, &data);
        self.offsets.clear();
        self.raw(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        self.last_xref = start;
        self
    }

    /// An object stream numbered `own` with the given objects.
    pub fn object_stream(&mut self, own: u32, objects: &[(u32, &str)]) -> &mut Self {
        let (mut head, mut body) = (String::new(), String::new());
        for (number, text) in objects {
            head.push_str(&format!("{number} {} ", body.len()));
            body.push_str(text);
            body.push(' ');
        }
        let entries = format!("/Type /ObjStm /N {} /First {}", objects.len(), head.len());
        self.stream(own, &entries, format!("{head}{body}").as_bytes())
    }
}

/// A complete one-page file with a classic table.
pub fn one_page() -> Writer {
    let mut w = Writer::new();
    w.object(1, "<< /Type /Catalog /Pages 2 0 R >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 595 842] >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << >> >>")
        .stream(4, "", b"BT /F1 12 Tf (hello) Tj ET")
        .table("/Size 5 /Root 1 0 R");
    w
}
