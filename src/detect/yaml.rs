//! YAML with positions, for rule files: a small tree that remembers where each value stands.
//!
//! Rule files come from strangers. Size, depth and the number of values that aliases unfold to are bounded, a key
//! may stand once in a map, and merge keys are not known. Scalars keep their text: `404` and `"404"` are one value
//! to a rule, and only an unquoted `null`, `~` or nothing is null. Next: [`super::rules`].

mod reader;

use reader::{Limits, Reader};

/// The largest rule file, in bytes.
pub const MAX_BYTES: usize = 8 << 20;
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
        let mut reader = Reader::of(rest, limits, lines);
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
