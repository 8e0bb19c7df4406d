//! [`Layout`]: what to try for the lines of one log, and in which order.
//!
//! A layout is a value: the same layout reads the same line in the same way, whatever came before. The one
//! exception, header lines of column formats (`#Fields:`), is part of it as text.

use std::sync::Arc;

use crate::format::Format;

/// What to try for one log. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inner {
    /// What is tried first.
    pub first: Option<Format>,
    /// Whether nothing else is tried.
    pub only: bool,
    /// The last header line seen, for formats that have one.
    pub header: Option<Box<str>>,
}

impl Layout {
    /// Nothing is known: every format, in the order of [`Format::ALL`].
    pub fn auto() -> Self {
        Self::of(None, false)
    }

    /// Only this format, as `--format NAME` asks; wrappers (syslog, containers) are allowed around it.
    pub fn preset(format: Format) -> Self {
        Self::of(Some(format), true)
    }

    /// This format first, then all others: what recognition found.
    pub fn first(format: Format) -> Self {
        Self::of(Some(format), false)
    }

    fn of(first: Option<Format>, only: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                first,
                only,
                header: None,
            }),
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The same with this header line.
    pub(crate) fn with_header(&self, header: Option<&str>) -> Self {
        if self.inner.header.as_deref() == header {
            return self.clone();
        }
        let mut inner = Inner::clone(&self.inner);
        inner.header = header.map(Into::into);
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What won, for people: a format's name or `auto`.
    pub fn name(&self) -> &str {
        self.inner.first.map_or("auto", Format::name)
    }

    /// One text from which [`Layout::from_state`] makes the same layout again; kept beside a file's cursor.
    pub fn state(&self) -> String {
        let how = if self.inner.only { "only" } else { "first" };
        let mut state = format!("{how}:{}", self.name());
        if let Some(header) = &self.inner.header {
            state.push('\n');
            state.push_str(header);
        }
        state
    }

    /// The layout that a [`Layout::state`] describes; `None` for a text that is none (an older version's).
    pub fn from_state(state: &str) -> Option<Self> {
        let (head, header) = match state.split_once('\n') {
            Some((head, header)) => (head, Some(header)),
            None => (state, None),
        };
        let (how, name) = head.split_once(':')?;
        let first = match name {
            "auto" => None,
            name => Some(Format::from_name(name)?),
        };
        let only = match how {
            "only" => true,
            "first" => false,
            _ => return None,
        };
        Some(Self::of(first, only).with_header(header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_leads_back() {
        let mut layouts = vec![
            Layout::auto(),
            Layout::auto().with_header(Some("#Fields: date time")),
        ];
        for &format in Format::ALL {
            layouts.push(Layout::preset(format));
            layouts.push(Layout::first(format).with_header(Some("#Fields: x")));
        }
        for layout in layouts {
            assert_eq!(Layout::from_state(&layout.state()), Some(layout));
        }
        for text in ["", "auto", "first:nonsense", "other:auto"] {
            assert_eq!(Layout::from_state(text), None, "{text}");
        }
    }
}
