//! Whether a filled-in field shows what its value says.
//!
//! The replace variants of the shadow attacks live on the difference: a value that nobody saw comes up when
//! the appearance over it is exchanged or made anew (`/NeedAppearances`), or an appearance says something
//! else than the value that was filled in. Text and combo fields are compared letter by letter, as long as
//! a new appearance does nothing but show text before a background and a border, in fonts that were signed
//! or say nothing of their own. What it shows counts as unread otherwise, and so does what list boxes,
//! passwords, files, rich text and fields with a script show beside their value. Unread is
//! [`Class::Other`] where the value did not change; with a new value it is a form filled in on a small part
//! of the page, and an annotation on a larger one. Another picture on a button is an annotation; which of
//! its pictures it shows is compared with its value.
//!
//! Not judged: appearances under the pointer (`/R`, `/D`), and fonts that were signed but lie.

use super::super::fields::{Field, Form, Role, text_string};
use super::places::extent;
use super::{Analysis, Class};
use crate::revisions::same_value;
use crate::syntax::{Dictionary, Object, ObjectId, ReadError, Stream, View};
use crate::text::{Drawn, SearchError, drawn, folded};

/// One state of the form, for looking at it.
#[derive(Clone, Copy)]
struct State<'s, 'd, 'a> {
    view: View<'d, 'a>,
    form: &'s Form,
}

/// What a widget shows.
enum Looks {
    /// It has no appearance: viewers show the value.
    Value,
    /// As far as it can be read.
    Drawn(Stream, Drawn),
    /// It is not a stream, or cannot be decoded.
    Unreadable,
}

impl Analysis<'_, '_, '_> {
    /// Judges every field whose value or looks changed in this revision.
    pub(super) fn shown(&mut self) -> Result<(), ReadError> {
        let (old, new) =
            (State { view: self.old, form: self.old_form }, State { view: self.new, form: self.new_form });
        let fields = std::mem::take(&mut self.drawn);
        for id in fields {
            let (Some(before), Some(now)) = (old.form.nodes.get(&id), new.form.nodes.get(&id)) else {
                continue;
            };
            match now.kind.as_deref() {
                Some(b"Tx" | b"Ch") => self.text_field(id, (old, before), (new, now))?,
                Some(b"Btn") => self.button(id, old, (new, now))?,
                _ => {}
            }
        }
        self.strays()
    }

    fn text_field(
        &mut self,
        id: ObjectId,
        (old, before): (State<'_, '_, '_>, &Field),
        (new, now): (State<'_, '_, '_>, &Field),
    ) -> Result<(), ReadError> {
        let (value, value_before) = (new.value(now)?, old.value(before)?);
        let same = match (&value, &value_before) {
            (None, None) => same_value(&old.raw_value(before)?, &new.raw_value(now)?),
            (value, before) => value == before,
        };
        let made_anew = new.form.needs_appearances();
        let name = &now.name;
        for widget in widgets(new.form, id) {
            let Some(node) = new.form.nodes.get(&widget) else { continue };
            let was =
                old.form.nodes.get(&widget).map_or(Ok(Looks::Value), |node| old.looks(&node.dictionary))?;
            let looks = new.looks(&node.dictionary)?;
            let touched = self.touched((old, &was), (new, &looks), widget)?;
            let text = |looks: &Looks, value: &Option<String>| match looks {
                Looks::Value => value.clone(),
                Looks::Drawn(_, drawn) if drawn.unknown == 0 => Some(drawn.text.clone()),
                _ => None,
            };
            if let Looks::Drawn(_, drawn) = &looks
                && touched
                && drawn.pictures > 0
                && !matches!(&was, Looks::Drawn(_, before) if before.pictures >= drawn.pictures)
            {
                self.other(format!("the appearance of form field `{name}` paints a picture"));
                continue;
            }
            let shown_before =
                if old.form.needs_appearances() { value_before.clone() } else { text(&was, &value_before) };
            let shown = if made_anew && !touched {
                value.clone()
            } else if touched && !self.is_plain_text(&was, &looks, &node.dictionary)? {
                None
            } else {
                text(&looks, &value)
            };
            // What an appearance says in a format of its own is not proven by the value.
            let formatted = now.dictionary.get(b"AA").is_some()
                || before.dictionary.get(b"AA").is_some()
                || now.hides_its_value();
            if same && touched && shown.is_none() {
                self.other(format!(
                    "form field `{name}` has another appearance that cannot be read although its value did not change"
                ));
                continue;
            }
            let hidden = matches!(&was, Looks::Drawn(_, drawn) if drawn.is_hidden());
            let comes_up = matches!(looks, Looks::Value) || made_anew && !touched;
            if same && hidden && comes_up && !old.form.needs_appearances() {
                self.other(format!(
                    "form field `{name}` shows its value instead of an appearance that cannot be read"
                ));
                continue;
            }
            // A value that never was what the page showed must not come up by itself.
            if same
                && shown != shown_before
                && (touched || !formatted && shown.is_some() && shown_before.is_some())
            {
                self.other(format!(
                    "form field `{name}` shows something else although its value did not change"
                ));
                continue;
            }
            let (Some(text), Some(value)) = (&shown, &value) else {
                if touched {
                    self.remark(format!("what form field `{name}` shows cannot be compared with its value"));
                    self.unread(widget, name)?;
                }
                continue;
            };
            if text == value || now.labels(new.view, value)?.contains(text) {
                continue;
            }
            if formatted {
                self.remark(format!("form field `{name}` shows its value in a format of its own"));
                if touched && shown != shown_before {
                    self.unread(widget, name)?;
                }
            } else if text.is_empty() && !touched {
                self.remark(format!("the new value of form field `{name}` is not shown"));
            } else if !same || touched {
                self.other(format!("form field `{name}` shows something else than its value"));
            }
        }
        Ok(())
    }

    /// What cannot be read is harmless only where it is too small to replace the page.
    fn unread(&mut self, widget: ObjectId, name: &str) -> Result<(), ReadError> {
        if self.takes_the_page(widget)? {
            self.step.classes.insert(Class::Annotation);
            self.remark(format!("form field `{name}` takes much of its page and cannot be read"));
        }
        Ok(())
    }

    /// Whether a widget got another appearance.
    fn touched(
        &self,
        (old, was): (State<'_, '_, '_>, &Looks),
        (new, looks): (State<'_, '_, '_>, &Looks),
        widget: ObjectId,
    ) -> Result<bool, ReadError> {
        Ok(match (was, looks) {
            (Looks::Value, Looks::Value) => false,
            (Looks::Drawn(a, _), Looks::Drawn(b, _)) => {
                a.length != b.length
                    || !same_value(
                        &Object::Dictionary(a.dictionary.clone()),
                        &Object::Dictionary(b.dictionary.clone()),
                    )
                    || old.view.raw_stream(a)? != new.view.raw_stream(b)?
                    || self.resources_changed(&b.dictionary)
            }
            (Looks::Unreadable, Looks::Unreadable) => {
                let appearance = |form: &Form| form.nodes.get(&widget)?.dictionary.get(b"AP").cloned();
                let now = appearance(new.form);
                appearance(old.form) != now || now.is_some_and(|now| self.leads_to_change(&now))
            }
            _ => true,
        })
    }

    /// Whether all that is seen of a new appearance are the letters it shows.
    fn is_plain_text(&self, was: &Looks, looks: &Looks, widget: &Dictionary) -> Result<bool, ReadError> {
        let Looks::Drawn(stream, drawn) = looks else { return Ok(true) };
        let paths_before = match was {
            Looks::Drawn(_, drawn) => Some(&drawn.ink.paths),
            _ => None,
        };
        let painted = drawn.ink.paths.iter().any(|path| !paths_before.is_some_and(|b| b.contains(path)));
        if drawn.ink.doubts > 0 || drawn.ink.outside > 0 || painted || !self.fits(widget, stream)? {
            return Ok(false);
        }
        for font in &drawn.ink.fonts {
            if self.is_font_of_its_own(*font)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether an appearance is shown in about the size it is drawn in (§12.5.5): one that is shrunk to the
    /// widget hides its letters.
    fn fits(&self, widget: &Dictionary, appearance: &Stream) -> Result<bool, ReadError> {
        let rectangle = extent(self.new, widget, b"Rect")?;
        let bounds = extent(self.new, &appearance.dictionary, b"BBox")?;
        let (Some((width, height)), Some((a, b))) = (rectangle, bounds) else { return Ok(false) };
        let near = |a: f64, b: f64| a <= b * MAX_SCALE && b <= a * MAX_SCALE;
        Ok(near(width, a) && near(height, b) || near(width, b) && near(height, a))
    }

    /// Widgets that are no fields keep what they show, unless viewers draw them anew from values that
    /// nobody saw.
    fn strays(&mut self) -> Result<(), ReadError> {
        if !self.new_form.needs_appearances() || self.old_form.needs_appearances() {
            return Ok(());
        }
        let new = State { view: self.new, form: self.new_form };
        for widget in std::mem::take(&mut self.places()?.strays) {
            let Some(value) = new.stray_value(&widget)? else { continue };
            let shown = match new.looks(&widget)? {
                Looks::Value => continue,
                Looks::Drawn(_, drawn) if drawn.unknown == 0 && !drawn.is_hidden() => Some(drawn.text),
                _ => None,
            };
            if shown.as_ref() != Some(&value) {
                self.other("a widget that is no form field is drawn anew from a value it did not show");
            }
        }
        Ok(())
    }

    /// Whether something the appearance is drawn with was given another value in place.
    fn resources_changed(&self, dictionary: &Dictionary) -> bool {
        let mut stack: Vec<&Object> = dictionary.iter().map(|(_, value)| value).collect();
        let mut steps = 0;
        while let Some(value) = stack.pop() {
            steps += 1;
            match value {
                Object::Reference(id) if self.changed.contains_key(&id.number) => return true,
                Object::Array(items) => stack.extend(items),
                Object::Dictionary(inner) => stack.extend(inner.iter().map(|(_, value)| value)),
                _ if steps > MAX_RESOURCES => return true,
                _ => {}
            }
        }
        false
    }

    fn button(
        &mut self,
        id: ObjectId,
        old: State<'_, '_, '_>,
        (new, now): (State<'_, '_, '_>, &Field),
    ) -> Result<(), ReadError> {
        let value = new.value(now)?;
        let name = now.name.clone();
        for widget in widgets(new.form, id) {
            let (Some(was), Some(node)) = (old.form.nodes.get(&widget), new.form.nodes.get(&widget)) else {
                continue;
            };
            let repainted = was.dictionary.get(b"AP") != node.dictionary.get(b"AP")
                || node.dictionary.get(b"AP").is_some_and(|ap| self.leads_to_change(ap));
            // A button's pictures belong to the form, not to its value: another is laid over the page.
            if repainted {
                self.step.classes.insert(Class::Annotation);
                self.remark(format!("the looks of button `{name}` changed, which filling in does not"));
            }
            let state = node.dictionary.get(b"AS").and_then(Object::as_name);
            let Some(state) = state.map(|state| folded(&String::from_utf8_lossy(state))) else { continue };
            let value = value.clone().unwrap_or_default();
            let states = new.states(&node.dictionary)?;
            let can_be_on = states.contains(&value);
            let contradiction = (state != "Off" && state != value && !is_index(&value, &state))
                || (state == "Off" && can_be_on && value != "Off" && !value.is_empty());
            if contradiction {
                self.other(format!("button `{name}` shows another state than its value"));
            }
        }
        Ok(())
    }

    fn leads_to_change(&self, appearance: &Object) -> bool {
        match appearance {
            Object::Reference(id) => self.changed.contains_key(&id.number),
            Object::Dictionary(states) => states.iter().any(|(_, value)| self.leads_to_change(value)),
            _ => false,
        }
    }
}

impl State<'_, '_, '_> {
    /// A field's value as it would be shown; `None` when it is no text or name.
    fn value(self, field: &Field) -> Result<Option<String>, ReadError> {
        let Some(value) = &field.value else { return Ok(Some(String::new())) };
        Ok(match self.view.resolve(value)? {
            Object::String(text) => Some(folded(&text_string(&text.bytes))),
            Object::Name(name) => Some(folded(&String::from_utf8_lossy(&name))),
            Object::Null => Some(String::new()),
            _ => None,
        })
    }

    fn raw_value(self, field: &Field) -> Result<Object, ReadError> {
        field.value.as_ref().map_or(Ok(Object::Null), |value| self.view.resolve(value))
    }

    /// The text that a widget outside the form would be drawn with, its own or inherited.
    fn stray_value(self, widget: &Dictionary) -> Result<Option<String>, ReadError> {
        let mut node = widget.clone();
        for _ in 0..MAX_PARENTS {
            match self.view.entry(&node, b"V")? {
                Object::String(text) => return Ok(Some(folded(&text_string(&text.bytes)))),
                Object::Null => {}
                _ => return Ok(None),
            }
            let Object::Dictionary(parent) = self.view.entry(&node, b"Parent")? else { break };
            node = parent;
        }
        Ok(None)
    }

    /// What a widget shows by its normal appearance.
    fn looks(self, widget: &Dictionary) -> Result<Looks, ReadError> {
        let Object::Dictionary(appearance) = self.view.entry(widget, b"AP")? else { return Ok(Looks::Value) };
        let stream = match self.view.entry(&appearance, b"N")? {
            Object::Stream(stream) => stream,
            Object::Null => return Ok(Looks::Value),
            _ => return Ok(Looks::Unreadable),
        };
        let resources = match &self.form.dictionary {
            Some((_, form)) => self.view.entry(form, b"DR")?,
            None => Object::Null,
        };
        let fallback = resources.as_dictionary().unwrap_or(const { &Dictionary::EMPTY });
        match drawn(self.view, &stream, fallback) {
            Ok(drawn) => Ok(Looks::Drawn(stream, drawn)),
            Err(SearchError::Read(error @ (ReadError::TooComplex { .. } | ReadError::Io(_)))) => Err(error),
            Err(SearchError::TooCostly) => {
                Err(ReadError::TooComplex { budget: "content of a field's appearance" })
            }
            Err(_) => Ok(Looks::Unreadable),
        }
    }

    /// The names of a button's states.
    fn states(self, widget: &Dictionary) -> Result<Vec<String>, ReadError> {
        let Object::Dictionary(appearance) = self.view.entry(widget, b"AP")? else { return Ok(Vec::new()) };
        let Object::Dictionary(states) = self.view.entry(&appearance, b"N")? else { return Ok(Vec::new()) };
        Ok(states.iter().map(|(name, _)| folded(&String::from_utf8_lossy(name))).collect())
    }
}

impl Field {
    /// The labels a choice field shows for an export value (§12.7.5.4).
    fn labels(&self, view: View<'_, '_>, value: &str) -> Result<Vec<String>, ReadError> {
        let Object::Array(options) = view.entry(&self.dictionary, b"Opt")? else { return Ok(Vec::new()) };
        let mut labels = Vec::new();
        for option in options.iter().take(MAX_OPTIONS) {
            let Object::Array(pair) = view.resolve(option)? else { continue };
            let [export, label, ..] = pair.as_slice() else { continue };
            let text = |object: Object| object.as_string().map(|bytes| folded(&text_string(bytes)));
            if text(view.resolve(export)?).as_deref() == Some(value) {
                labels.extend(text(view.resolve(label)?));
            }
        }
        Ok(labels)
    }

    /// Passwords, files, lists and rich text show something else by design (§12.7.5.3, §12.7.5.4).
    fn hides_its_value(&self) -> bool {
        match self.kind.as_deref() {
            Some(b"Tx") => self.flags & (1 << 13 | 1 << 20 | 1 << 25) != 0,
            _ => self.flags & 1 << 17 == 0,
        }
    }
}

/// A field's widgets: itself, where it is one, and its kids.
fn widgets(form: &Form, field: ObjectId) -> Vec<ObjectId> {
    let shows = |node: &Field| node.role != Role::Group && node.dictionary.get(b"Rect").is_some();
    form.owned(field).filter(|(_, node)| shows(node)).map(|(id, _)| id).collect()
}

/// With `/Opt` a button's states are numbers and its value may be a label (§12.7.5.2.3).
fn is_index(value: &str, state: &str) -> bool {
    !value.is_empty() && value != "Off" && !state.is_empty() && state.bytes().all(|b| b.is_ascii_digit())
}

/// Objects an appearance's dictionary may name.
const MAX_RESOURCES: usize = 65_536;
/// Fields above a widget that is in no field tree.
const MAX_PARENTS: usize = 16;
/// How much larger or smaller than it is drawn an appearance may be shown.
const MAX_SCALE: f64 = 4.0;
/// Options of one choice field.
const MAX_OPTIONS: usize = 4_096;
