//! Collections of older Sigma: documents that share what an `action: global` document says.
//!
//! What stands in a `global` document is added to each that follows, whose own words count more; `reset` ends that, and
//! `repeat` says the document before once more with changes. Next: [`super::document`].

use std::rc::Rc;

use crate::detect::problem::Problems;
use crate::detect::yaml::{Node, Value};

/// Values that shared parts may add to a file in all.
const MAX_ADDED: usize = 1 << 20;

/// What the documents of a file share so far.
#[derive(Debug, Default)]
pub struct Collection {
    global: Option<Node>,
    /// The document before, as it was written.
    last: Option<Rc<Node>>,
    /// Documents that got the shared parts.
    count: usize,
    added: usize,
}

impl Collection {
    /// A document with what it shares; `None` for one that is only shared, or refused.
    pub fn whole(&mut self, mut document: Node, problems: &mut Problems) -> Option<Rc<Node>> {
        let action = document.entry("action").cloned();
        let Some((key, action)) = action else {
            let document = Rc::new(document);
            self.last = Some(Rc::clone(&document));
            return self.complete(document, problems);
        };
        if let Value::Map(entries) = &mut document.value {
            entries.retain(|(name, _)| name.text() != Some("action"));
        }
        match action.text() {
            Some("global") => {
                self.global = Some(document);
                self.count = 0;
                None
            }
            Some("reset") => {
                self.global = None;
                None
            }
            Some("repeat") => {
                let last = Rc::unwrap_or_clone(self.last.take()?);
                if !self.has_room(&last, &document, problems) {
                    return None;
                }
                let again = Rc::new(joined(last, document));
                self.last = Some(Rc::clone(&again));
                self.complete(again, problems)
            }
            other => {
                let reason = format!("`{}` is no action", other.unwrap_or_default());
                problems.refuse_with(key.at, "action", reason, "actions are global, reset and repeat");
                None
            }
        }
    }

    fn complete(&mut self, document: Rc<Node>, problems: &mut Problems) -> Option<Rc<Node>> {
        if document.map().is_none() {
            return Some(document);
        }
        let Some(global) = self.global.take() else {
            return Some(document);
        };
        if !self.has_room(&global, &document, problems) {
            return None;
        }
        self.global = Some(global.clone());
        self.count += 1;
        let own_name = ["id", "name"].iter().any(|key| document.find(key).is_some());
        let mut whole = joined(global, Rc::unwrap_or_clone(document));
        if !own_name && self.count > 1 {
            self.number(&mut whole);
        }
        Some(Rc::new(whole))
    }

    /// Whether as many values more may be repeated; when not, what is shared ends here.
    fn has_room(&mut self, from: &Node, document: &Node, problems: &mut Problems) -> bool {
        self.added += from.size().0;
        if self.added <= MAX_ADDED {
            return true;
        }
        problems.refuse_with(
            document.at,
            "action",
            format!("shared parts add more than {MAX_ADDED} values"),
            "write the rules in several files",
        );
        false
    }

    /// Tells the rules of one id apart.
    fn number(&self, document: &mut Node) {
        let named = |key: &str| document.find(key).and_then(Node::text);
        let Some(id) = named("id").or_else(|| named("title")) else {
            return;
        };
        let id = Value::Scalar(format!("{id} {}", self.count));
        let at = document.at;
        if let Value::Map(entries) = &mut document.value {
            entries.retain(|(name, _)| !matches!(name.text(), Some("id" | "name")));
            let key = Value::Scalar("id".to_owned());
            entries.push((Node { at, value: key }, Node { at, value: id }));
        }
    }
}

/// Maps are joined key by key; of other values the second counts.
fn joined(from: Node, own: Node) -> Node {
    let (mut entries, more) = match (from.value, own.value) {
        (Value::Map(entries), Value::Map(more)) => (entries, more),
        (_, value) => return Node { at: own.at, value },
    };
    for (key, value) in more {
        match entries.iter_mut().find(|(name, _)| name.text() == key.text()) {
            Some((_, old)) => {
                let from = std::mem::replace(&mut old.value, Value::Null);
                *old = joined(
                    Node {
                        at: old.at,
                        value: from,
                    },
                    value,
                );
            }
            None => entries.push((key, value)),
        }
    }
    Node {
        at: own.at,
        value: Value::Map(entries),
    }
}
