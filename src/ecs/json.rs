//! JSON objects written member by member, without a tree of values in between: every line of a log may become one.
//!
//! Knows nothing of ECS. A member without a value is absent, and so is an object without members. Next: [`super`].

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

use crate::text::shown;

/// Most documents of ordinary lines fit.
const USUAL: usize = 1024;

/// An object that is being written.
pub struct Object<'a> {
    json: &'a mut Vec<u8>,
    is_empty: bool,
}

/// A whole document.
pub fn document(members: impl FnOnce(&mut Object<'_>)) -> String {
    let mut json = Vec::with_capacity(USUAL);
    write_object(&mut json, members);
    // Only texts were written to it.
    String::from_utf8(json).unwrap_or_default()
}

/// True when it has members.
fn write_object(json: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) -> bool {
    json.push(b'{');
    let mut object = Object { json, is_empty: true };
    members(&mut object);
    let is_empty = object.is_empty;
    json.push(b'}');
    !is_empty
}

impl Object<'_> {
    /// A member that is whatever `value` serialises to.
    pub fn value(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        // Writing to memory cannot fail, and what is written has no maps with other keys than text.
        let _ = serde_json::to_writer(&mut *self.json, value);
    }

    /// A member, when there is a value for it.
    pub fn optional(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.value(name, &value);
        }
    }

    /// Bytes of a log as text, when there are any.
    pub fn text(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(bytes) = value.filter(|bytes| !bytes.is_empty()) {
            self.value(name, shown(bytes).as_ref());
        }
    }

    /// What is shown without quotes, backslashes and control characters: times, addresses, numbers as text.
    pub fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _ = write!(self.json, "\"{value}\"");
    }

    /// JSON that was written before.
    pub fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.json.extend_from_slice(json.as_bytes());
    }

    /// An object, when it has members.
    pub fn object(&mut self, name: &str, members: impl FnOnce(&mut Object<'_>)) {
        let (before, was_empty) = (self.json.len(), self.is_empty);
        self.name(name);
        if !write_object(self.json, members) {
            self.json.truncate(before);
            self.is_empty = was_empty;
        }
    }

    fn name(&mut self, name: &str) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.json.push(b',');
        }
        let _ = serde_json::to_writer(&mut *self.json, name);
        self.json.push(b':');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_leaves_no_trace() {
        let json = document(|it| {
            it.object("none", |_| {});
            it.text("empty", Some(b""));
            it.object("deep", |it| {
                it.object("deeper", |it| it.optional("no", None::<u8>))
            });
            it.optional("n", Some(7));
            it.object("none", |_| {});
            it.object("some", |it| {
                it.text("text", Some(b"a\"\\\x01\xff"));
                it.plain("time", 12);
            });
            it.raw("raw", "[1]");
        });
        assert_eq!(
            json,
            r#"{"n":7,"some":{"text":"a\"\\\u0001\\xFF","time":"12"},"raw":[1]}"#
        );
        assert_eq!(document(|_| {}), "{}");
    }
}
