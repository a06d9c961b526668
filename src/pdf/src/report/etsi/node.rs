//! An element being put together; quick-xml writes it out.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::report::words::visible;

/// An element with attributes, and children or text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
    text: Option<String>,
}

impl Node {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), children: Vec::new(), text: None }
    }

    pub(super) fn with(mut self, attribute: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((attribute, value.into()));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    pub(super) fn maybe(self, child: Option<Self>) -> Self {
        match child {
            Some(child) => self.child(child),
            None => self,
        }
    }

    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// A child that holds text.
    pub(super) fn text(self, name: &'static str, text: impl Into<String>) -> Self {
        self.child(Self { text: Some(text.into()), ..Self::new(name) })
    }

    /// A reference to a validation object.
    pub(super) fn reference(name: &'static str, id: &str) -> Self {
        Self::new(name).with("VOReference", id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.children.is_empty() && self.text.is_none()
    }

    /// The document with this root.
    pub(super) fn document(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Writing into memory cannot fail.
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        self.write(&mut writer);
        let mut text = String::from_utf8(writer.into_inner()).unwrap_or_default();
        text.push('\n');
        text
    }

    /// As deep as this crate nests elements, whatever the input.
    fn write(&self, writer: &mut Writer<Vec<u8>>) {
        let mut start = BytesStart::new(self.name);
        for (name, value) in &self.attributes {
            start.push_attribute((*name, value.as_str()));
        }
        if self.is_empty() {
            let _ = writer.write_event(Event::Empty(start));
            return;
        }
        let _ = writer.write_event(Event::Start(start));
        if let Some(text) = &self.text {
            // Names from certificates may hold what XML 1.0 cannot (§2.2).
            let _ = writer.write_event(Event::Text(BytesText::new(&visible(text))));
        }
        for child in &self.children {
            child.write(writer);
        }
        let _ = writer.write_event(Event::End(BytesEnd::new(self.name)));
    }
}
