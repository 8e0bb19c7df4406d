//! YAML with positions, for rule files: a small tree that remembers where each value stands.
//!
//! Rule files come from strangers. Size, depth and the number of values that aliases unfold to are bounded, a key
//! may stand once in a map, and merge keys are not known. Scalars keep their text: `404` and `"404"` are one value
//! to a rule, and only an unquoted `null`, `~` or nothing is null. Next: [`super::rules`].

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// The largest rule file, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// How deep lists and maps nest.
const MAX_DEPTH: usize = 48;
/// How many values a file holds, those behind aliases counted each time.
const MAX_NODES: usize = 1 << 20;
/// How many bytes of text a file holds, that behind aliases counted each time.
const MAX_TEXT: usize = 4 * MAX_BYTES;
/// Faults after which a file is given up.
const MAX_FAULTS: usize = 100;

/// Where something stands in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
    /// The part of the value's own text that is meant: its first byte and its length.
    pub inside: Option<(usize, usize)>,
}

impl At {
    /// A part of the value that stands here.
    pub const fn inside(self, start: usize, len: usize) -> Self {
        Self {
            inside: Some((start, len)),
            ..self
        }
    }
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
    /// What to do.
    pub hint: Option<String>,
    /// Whether reading cannot go on with the next document: the file is too much as a whole.
    fatal: bool,
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

    /// How many values it holds, itself among them, and how many bytes of text.
    pub fn size(&self) -> (usize, usize) {
        let add = |(nodes, bytes): (usize, usize), node: &Self| {
            let (more, text) = node.size();
            (nodes + more, bytes + text)
        };
        match &self.value {
            Value::Null => (1, 0),
            Value::Scalar(text) => (1, text.len()),
            Value::List(items) => items.iter().fold((1, 0), add),
            Value::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| [key, value])
                .fold((1, 0), add),
        }
    }
}

/// Reads every document of a file; empty documents are left out. After a fault reading goes on with the next document,
/// so that all faults are told at once.
pub fn documents(text: &str) -> (Vec<Node>, Vec<Fault>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut documents, mut faults) = (Vec::new(), Vec::new());
    if text.len() > MAX_BYTES {
        let reason = format!("a rule file has at most {MAX_BYTES} bytes");
        faults.push(fatal(At::default(), reason, "write the rules in several files"));
        return (documents, faults);
    }
    let mut limits = Limits::default();
    let (mut rest, mut lines) = (text, 0);
    loop {
        let mut reader = Reader {
            parser: Parser::new_from_str(rest),
            anchors: HashMap::new(),
            limits,
            lines,
            faults: Vec::new(),
        };
        let end = reader.documents(&mut documents);
        limits = reader.limits;
        faults.append(&mut reader.faults);
        let Err(fault) = end else {
            return (documents, faults);
        };
        let next = (!fault.fatal && faults.len() < MAX_FAULTS)
            .then(|| next_document(rest, fault.at.line.saturating_sub(lines)))
            .flatten();
        faults.push(fault);
        let Some((skipped, after)) = next else {
            return (documents, faults);
        };
        (rest, lines) = (after, lines + skipped);
    }
}

/// The text from the first document on that begins behind a line (from 1), and how many lines stand before it.
fn next_document(text: &str, line: usize) -> Option<(usize, &str)> {
    let mut at = 0;
    for (number, one) in text.split_inclusive('\n').enumerate() {
        let begins = one
            .strip_prefix("---")
            .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\n', '\r']));
        if number >= line.max(1) && begins {
            return text.get(at..).map(|rest| (number, rest));
        }
        at += one.len();
    }
    None
}

fn fault(at: At, reason: impl Into<String>, hint: &str) -> Fault {
    Fault {
        at,
        reason: reason.into(),
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
        fatal: false,
    }
}

/// A fault of the file as a whole.
fn fatal(at: At, reason: impl Into<String>, hint: &str) -> Fault {
    Fault {
        fatal: true,
        ..fault(at, reason, hint)
    }
}

/// What to do about a message of the YAML parser.
fn advice(message: &str) -> &'static str {
    const ADVICE: [(&str, &str); 13] = [
        (
            "illegal placement",
            "close the `[` or `{` before it, or quote the value that holds `:`",
        ),
        ("tab", "indent with spaces; YAML takes no tabs"),
        (
            "mapping values",
            "quote the value: it holds `: `, or the line before it is not closed",
        ),
        (
            "block sequence entries",
            "begin the list on a line of its own, below its key",
        ),
        ("','", "close the `[` or `{`, or quote what stands in it"),
        ("flow", "close the `[` or `{`, or quote what stands in it"),
        (
            "escape",
            "write the value in 'single quotes', where a back-slash is itself",
        ),
        ("end of stream", "close the quotes"),
        ("document indicator", "close the quotes before the next document"),
        ("plain scalar", "quote the value"),
        (
            "unexpected character",
            "quote the value: it begins with a character that means something to YAML",
        ),
        (
            "anchor",
            "quote the value: `&` and `*` at its front mean something to YAML",
        ),
        (
            "expected",
            "indent the keys of one map alike, and write `key: value`",
        ),
    ];
    let found = ADVICE.iter().find(|(part, _)| message.contains(part));
    found.map_or(
        "quote values that hold `:`, `#`, `*`, `&`, `[` or `{`, and indent alike",
        |(_, advice)| advice,
    )
}

fn position(span: Span) -> At {
    At {
        line: span.start.line(),
        column: span.start.col() + 1,
        inside: None,
    }
}

/// What a file has unfolded to so far.
#[derive(Debug, Clone, Copy, Default)]
struct Limits {
    nodes: usize,
    bytes: usize,
}

struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    limits: Limits,
    /// Lines of the file before the text.
    lines: usize,
    /// What is wrong and did not end the reading.
    faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// Reads documents until the text ends.
    fn documents(&mut self, documents: &mut Vec<Node>) -> Result<(), Fault> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
                (event, span) => {
                    let node = self.node(event, span, 0)?;
                    if node.value != Value::Null {
                        documents.push(node);
                    }
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let marker = error.marker();
                let at = At {
                    line: self.lines + marker.line(),
                    column: marker.col() + 1,
                    inside: None,
                };
                Err(fault(at, error.info(), advice(error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn position(&self, span: Span) -> At {
        let at = position(span);
        At {
            line: at.line + self.lines,
            ..at
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Fault> {
        let at = self.position(span);
        if depth > MAX_DEPTH {
            let reason = format!("nests deeper than {MAX_DEPTH} levels");
            return Err(fault(
                at,
                reason,
                "a rule needs five; look for a bracket that is not closed",
            ));
        }
        let text = match &event {
            Event::Scalar(text, ..) => text.len(),
            _ => 0,
        };
        self.count(1, text, at)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar(text, style), anchor),
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, at),
            _ => return Err(fault(at, "a value was expected", "write one, or `null`")),
        };
        let node = Node { at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, bytes: usize, at: At) -> Result<(), Fault> {
        let Limits {
            nodes: some,
            bytes: text,
        } = &mut self.limits;
        *some = some.saturating_add(nodes);
        *text = text.saturating_add(bytes);
        let (some, text) = (*some, *text);
        match some <= MAX_NODES && text <= MAX_TEXT {
            true => Ok(()),
            false => Err(fatal(
                at,
                format!("holds more than {MAX_NODES} values or {MAX_TEXT} bytes, aliases unfolded"),
                "write the rules in several files, and without aliases",
            )),
        }
    }

    fn alias(&mut self, anchor: usize, at: At) -> Result<Node, Fault> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(fault(
                at,
                "an alias stands inside what it repeats",
                "write the value out",
            ));
        };
        let (nodes, bytes) = node.size();
        self.count(nodes, bytes, at)?;
        let value = self
            .anchors
            .get(&anchor)
            .map_or(Value::Null, |node| node.value.clone());
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
        let mut keys = Keys::default();
        loop {
            let mut key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(entries)),
                (event, span) => self.node(event, span, depth + 1)?,
            };
            if key.value == Value::Null {
                key.value = Value::Scalar(String::new());
            }
            let Some(name) = key.text() else {
                return Err(fault(key.at, "a key must be plain text", "quote it"));
            };
            if let Some(line) = keys.line_before(name, key.at.line, &entries) {
                self.faults.push(fault(
                    key.at,
                    format!("the key `{name}` stands in line {line} already"),
                    "join the values into one list, or name the second key otherwise",
                ));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push((key, value));
        }
    }
}

/// Which keys a map has so far: looked for among its entries while they are few, then in a table.
#[derive(Default)]
struct Keys(HashMap<String, usize>);

impl Keys {
    /// In most maps of a rule there are fewer.
    const FEW: usize = 16;

    /// The line in which a key stood last before it came in `line`.
    fn line_before(&mut self, name: &str, line: usize, entries: &[(Node, Node)]) -> Option<usize> {
        if entries.len() < Self::FEW {
            let before = entries.iter().rev().find(|(key, _)| key.text() == Some(name));
            return before.map(|(key, _)| key.at.line);
        }
        if self.0.is_empty() {
            let all = entries
                .iter()
                .filter_map(|(key, _)| Some((key.text()?.to_owned(), key.at.line)));
            self.0 = all.collect();
        }
        self.0.insert(name.to_owned(), line)
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    match (style, &*text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::Scalar(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_text_and_place() {
        let (documents, faults) = documents("a: 404\nb: '404'\nc:\n  - ~\n  - 'null'\n---\nx\n...\n");
        assert_eq!((documents.len(), faults.len()), (2, 0));
        let first = &documents[0];
        assert_eq!(first.find("a").unwrap().text(), Some("404"));
        assert_eq!(first.find("b").unwrap().text(), Some("404"));
        let items = first.find("c").unwrap().items();
        assert_eq!(items[0].value, Value::Null);
        assert_eq!(items[1].text(), Some("null"));
        assert_eq!((items[1].at.line, items[1].at.column), (5, 5));
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
            let fault = documents(text).1.swap_remove(0);
            assert!(fault.reason.contains(reason), "{fault:?}");
            assert!(fault.at.line >= 1 && fault.at.line <= line, "{fault:?} {line}");
        }
    }

    #[test]
    fn text_behind_aliases_counts_too() {
        let mut bomb = format!("a: &a {}\nb:\n", "x".repeat(1 << 20));
        bomb.push_str(&"- *a\n".repeat(1000));
        let (_, faults) = documents(&bomb);
        assert!(faults[0].reason.contains("aliases unfolded"), "{faults:?}");
    }

    #[test]
    fn after_a_fault_the_next_document_is_read() {
        let text = "a: [1\nb: 2\n---\nok: 1\n---\nc: 'x\n---\nd: 1\nd: 2\n---\nok: 2\n";
        let (documents, faults) = documents(text);
        let lines: Vec<usize> = faults.iter().map(|fault| fault.at.line).collect();
        assert_eq!(lines.len(), 3, "{faults:?}");
        assert_eq!(lines[2], 9, "{faults:?}");
        let sound: Vec<_> = documents
            .iter()
            .filter_map(|one| one.find("ok")?.text())
            .collect();
        assert_eq!(sound, ["1", "2"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c:\\-\\[\\]{}&*|>'\"#, \n~?!%]{0,60}") {
            let _ = documents(&text);
        }
    }
}
