//! JSON as Python's encoder writes it by default, but compact: pure ASCII, everything else as `\uXXXX`.
//!
//! `serde_json` writes UTF-8; the AppFirewall SDK does not, and its wire form is matched byte for byte.

use std::fmt::Write;

/// A JSON object written key by key, in the order of the calls.
#[derive(Debug)]
pub(super) struct Object {
    text: String,
}

impl Object {
    /// An object without keys.
    pub fn new() -> Self {
        Self {
            text: String::from("{"),
        }
    }

    fn key(&mut self, key: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_string(&mut self.text, key);
        self.text.push(':');
    }

    /// A text.
    pub fn string(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        push_string(&mut self.text, value);
        self
    }

    /// A text, unless it is absent or empty.
    pub fn optional(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) if !value.is_empty() => self.string(key, value),
            _ => self,
        }
    }

    /// A whole number.
    pub fn number(mut self, key: &str, value: u64) -> Self {
        self.key(key);
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
        self
    }

    /// A number between 0 and 1, as Python prints it.
    pub fn fraction(mut self, key: &str, value: f64) -> Self {
        self.key(key);
        let _ = write!(self.text, "{value:?}");
        self
    }

    /// A value that is JSON already.
    pub fn raw(mut self, key: &str, json: &str) -> Self {
        self.key(key);
        self.text.push_str(json);
        self
    }

    /// A list of texts.
    pub fn strings<'a>(mut self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.key(key);
        self.text.push('[');
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            push_string(&mut self.text, value);
        }
        self.text.push(']');
        self
    }

    /// The finished text.
    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A JSON string of ASCII alone.
fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_python_does() {
        for (value, json) in [
            ("plain /path?x=1&y='2'", r#""plain /path?x=1&y='2'""#),
            ("\"\\\n\r\t\u{8}\u{c}", r#""\"\\\n\r\t\b\f""#),
            ("\u{0}\u{1f}\u{7f}", r#""\u0000\u001f\u007f""#),
            (
                "gr\u{fc}n \u{20ac} \u{1f600}",
                r#""gr\u00fcn \u20ac \ud83d\ude00""#,
            ),
        ] {
            let mut text = String::new();
            push_string(&mut text, value);
            assert_eq!(text, json);
        }
    }

    #[test]
    fn an_object_is_compact_and_keeps_its_order() {
        let object = Object::new()
            .string("b", "x")
            .number("a", 404)
            .optional("none", None)
            .optional("empty", Some(""))
            .fraction("c", 0.2)
            .fraction("d", 1.0)
            .strings("t", ["x", "y"])
            .raw("f", "{}");
        assert_eq!(
            object.finish(),
            r#"{"b":"x","a":404,"c":0.2,"d":1.0,"t":["x","y"],"f":{}}"#
        );
    }
}
