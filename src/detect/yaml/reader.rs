//! Makes the tree out of what the YAML parser tells, within the limits, and says what to do about its faults.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{At, Fault, MAX_BYTES, Node, Value, fatal, fault};

/// How deep lists and maps nest.
const MAX_DEPTH: usize = 48;
/// How many values a file holds, those behind aliases counted each time.
const MAX_NODES: usize = 1 << 20;
/// How many bytes of text a file holds, that behind aliases counted each time.
const MAX_TEXT: usize = 4 * MAX_BYTES;
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
pub(super) struct Limits {
    nodes: usize,
    bytes: usize,
}

/// Reads the documents of a text.
pub(super) struct Reader<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    pub(super) limits: Limits,
    /// Lines of the file before the text.
    lines: usize,
    /// What is wrong and did not end the reading.
    pub(super) faults: Vec<Fault>,
}

impl<'t> Reader<'t> {
    /// For a text before which so many lines of the file stand.
    pub(super) fn of(text: &'t str, limits: Limits, lines: usize) -> Self {
        Self {
            parser: Parser::new_from_str(text),
            anchors: HashMap::new(),
            limits,
            lines,
            faults: Vec::new(),
        }
    }

    /// Reads documents until the text ends.
    pub(super) fn documents(&mut self, documents: &mut Vec<Node>) -> Result<(), Fault> {
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
