//! YAML with positions, for rule files: a small tree that remembers where each value stands.
//!
//! Rule files come from strangers. Size, depth and the number of values that aliases unfold to are bounded, a key
//! may stand once in a map, and merge keys are not known. Scalars keep their text: `404` and `"404"` are one value
//! to a rule, and only an unquoted `null`, `~` or nothing is null. Next: [`super::rules`].

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// The largest rule file, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// How deep lists and maps nest.
const MAX_DEPTH: usize = 48;
/// How many values a file holds, those behind aliases counted each time.
const MAX_NODES: usize = 1 << 20;

/// Where something stands in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its first character.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// Text, a number or a truth value, as written.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file.
    Map(Vec<(Node, Node)>),
}

/// Why a file is no YAML that rules can be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// Why.
    pub reason: String,
}

impl Node {
    /// The value's text, if it is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn map(&self) -> Option<&[(Self, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a key, if it is a map that has it.
    pub fn find(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value of an entry.
    pub fn entry(&self, key: &str) -> Option<&(Self, Self)> {
        self.map()?.iter().find(|(name, _)| name.text() == Some(key))
    }

    /// A list's items, or the value itself as the only one.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// What it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a plain value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|(key, value)| key.size() + value.size()).sum(),
        }
    }
}

/// Reads every document of a file; empty documents are left out.
///
/// # Errors
/// The first fault, with its position.
pub fn documents(text: &str) -> Result<Vec<Node>, Fault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        return Err(fault(
            At::default(),
            format!("a rule file has at most {MAX_BYTES} bytes"),
        ));
    }
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, span) => {
                let node = reader.node(event, span, 0)?;
                if node.value != Value::Null {
                    documents.push(node);
                }
            }
        }
    }
}

fn fault(at: At, reason: impl Into<String>) -> Fault {
    Fault {
        at,
        reason: reason.into(),
    }
}

fn position(span: Span) -> At {
    At {
        line: span.start.line(),
        column: span.start.col() + 1,
    }
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = error.marker();
                let at = At {
                    line: marker.line(),
                    column: marker.col() + 1,
                };
                Err(fault(at, error.info().to_owned()))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Fault> {
        let at = position(span);
        if depth > MAX_DEPTH {
            return Err(fault(at, format!("nests deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, at)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(&text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, at),
            _ => return Err(fault(at, "a value was expected")),
        };
        let node = Node { at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, at: At) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        match self.nodes <= MAX_NODES {
            true => Ok(()),
            false => Err(fault(
                at,
                format!("holds more than {MAX_NODES} values, aliases unfolded"),
            )),
        }
    }

    fn alias(&mut self, anchor: usize, at: At) -> Result<Node, Fault> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(fault(at, "an alias stands inside what it repeats"));
        };
        let size = node.size();
        let value = node.value.clone();
        self.count(size, at)?;
        Ok(Node { at, value })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(entries)),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            let name = match &key.value {
                Value::Scalar(name) => name.clone(),
                Value::Null => String::new(),
                _ => return Err(fault(key.at, "a key must be plain text")),
            };
            if let Some(line) = seen.insert(name.clone(), key.at.line) {
                return Err(fault(
                    key.at,
                    format!("the key `{name}` stands in line {line} already"),
                ));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let key = Node {
                at: key.at,
                value: Value::Scalar(name),
            };
            entries.push((key, value));
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::Scalar(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_text_and_place() {
        let documents = documents("a: 404\nb: '404'\nc:\n  - ~\n  - 'null'\n---\nx\n...\n").unwrap();
        assert_eq!(documents.len(), 2);
        let first = &documents[0];
        assert_eq!(first.find("a").unwrap().text(), Some("404"));
        assert_eq!(first.find("b").unwrap().text(), Some("404"));
        let items = first.find("c").unwrap().items();
        assert_eq!(items[0].value, Value::Null);
        assert_eq!(items[1].text(), Some("null"));
        assert_eq!(items[1].at, At { line: 5, column: 5 });
        assert_eq!(documents[1].at.line, 7);
    }

    #[test]
    fn bombs_and_broken_files_are_refused_where_they_are() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        let deep = "[".repeat(60);
        for (text, line, reason) in [
            (bomb.as_str(), 6, "aliases unfolded"),
            (deep.as_str(), 1, "deeper"),
            ("a: 1\na: 2\n", 2, "line 1 already"),
            ("a: [1\nb: 2\n", 2, ""),
            ("a: *nope\n", 1, ""),
            ("? [a]\n: b\n", 1, "plain text"),
            ("a: &x [*x]\n", 1, ""),
        ] {
            let fault = documents(text).unwrap_err();
            assert!(fault.reason.contains(reason), "{fault:?}");
            assert!(fault.at.line >= 1 && fault.at.line <= line, "{fault:?} {line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c:\\-\\[\\]{}&*|>'\"#, \n~?!%]{0,60}") {
            let _ = documents(&text);
        }
    }
}
