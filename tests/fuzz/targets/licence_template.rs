//! Templates of licences, from whoever drafts a type: settings, a NUL, a page as SVG; read, judged and drawn without fonts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use licence::template::{Computed, Fonts, Limits, PageData, Template, Variant};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (settings, page) = text.split_once('\0').unwrap_or(("title = \"t\"\npages = [\"p\"]\n", text));
    let Ok(template) = Template::parse(settings, &[("p", page)]) else { return };
    let (values, computed) = (Default::default(), Computed::default());
    let data = PageData {
        values: &values,
        computed: &computed,
        variant: Variant::Overprint,
        watermark: None,
        made: Default::default(),
    };
    // Texts find no font; what has none is written.
    let _ = licence::template::render(&template, &data, &Fonts::default(), &Limits::default());
});
