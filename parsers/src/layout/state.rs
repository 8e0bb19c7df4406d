//! Layouts as text, kept beside a file's cursor: [`Layout::state`] and back.

use std::fmt::Write;

use super::{First, Layout};
use crate::format::Format;
use crate::memo::Unit;
use crate::unescape::Escape;
use crate::wrap::Left;

/// Begins the state of a layout within lines that a container's runtime cut. Versions that do not know it recognise the
/// log anew.
const PARTS: &str = "parts:";

impl Layout {
    /// One text from which [`Layout::from_state`] makes the same layout again; kept beside a file's cursor.
    pub fn state(&self) -> String {
        let mut state = match self.inner.left {
            left if left == Left::default() => String::new(),
            left => format!("{PARTS}{}:", left.state()),
        };
        state.push_str(&self.whole_state());
        state
    }

    /// The state of a layout between lines.
    fn whole_state(&self) -> String {
        let mut state = self.own_state();
        for other in &self.inner.others {
            // As below, the length tells where the text ends.
            state = format!("or:{}:{state}{}", state.len(), other.own_state());
        }
        state
    }

    /// The state without the other layouts.
    fn own_state(&self) -> String {
        let how = if self.inner.only { "only" } else { "first" };
        let mut state = format!("{how}:{}", self.name());
        if let Some(unit) = self.inner.durations {
            let _ = write!(state, ":{}", unit.name());
        }
        if let First::Compiled(compiled) = &self.inner.first {
            // The text's length ends it, since it may hold any byte.
            let _ = write!(state, ":{}:{}", compiled.text.len(), compiled.text);
        }
        if let Some(header) = &self.inner.header {
            state.push('\n');
            state.push_str(header);
        }
        state
    }

    /// The layout that a [`Layout::state`] describes; `None` for a text that is none (an older version's).
    pub fn from_state(state: &str) -> Option<Self> {
        let Some(rest) = state.strip_prefix(PARTS) else {
            return Self::from_whole_state(state);
        };
        let (left, state) = rest.split_once(':')?;
        Some(Self::from_whole_state(state)?.with_left(Left::from_state(left)?))
    }

    fn from_whole_state(state: &str) -> Option<Self> {
        let mut others = Vec::new();
        let mut state = state;
        while let Some(rest) = state.strip_prefix("or:") {
            let (length, rest) = rest.split_once(':')?;
            let (before, other) = rest.split_at_checked(length.parse().ok()?)?;
            others.push(Self::from_own_state(other)?);
            state = before;
        }
        let first = Self::from_own_state(state)?;
        Some(others.iter().rev().fold(first, |layout, other| layout.or(other)))
    }

    fn from_own_state(state: &str) -> Option<Self> {
        let (how, rest) = state.split_once(':')?;
        let (layout, header) = match rest.split_once(':') {
            Some((server @ ("nginx" | "nginx-json" | "nginx-none" | "apache"), rest)) => {
                let (length, rest) = rest.split_once(':')?;
                let (text, header) = rest.split_at_checked(length.parse().ok()?)?;
                (Self::recompiled(server, text)?, header.strip_prefix('\n'))
            }
            _ => {
                let (name, header) = rest
                    .split_once('\n')
                    .map_or((rest, None), |(name, header)| (name, Some(header)));
                (Self::named(name)?, header)
            }
        };
        match how {
            "only" => Some(layout.with_header(header)),
            "first" => Some(layout.or_any().with_header(header)),
            _ => None,
        }
    }

    /// A format by its name, perhaps with a unit behind it.
    fn named(name: &str) -> Option<Self> {
        let (name, unit) = name.split_once(':').unwrap_or((name, ""));
        let layout = match name {
            "auto" => Self::of(First::Auto, true),
            name => Self::preset(Format::from_name(name)?),
        };
        match unit {
            "" => Some(layout),
            unit => Some(layout.with_durations(Unit::from_name(unit)?)),
        }
    }

    fn recompiled(server: &str, text: &str) -> Option<Self> {
        match server {
            "nginx-json" => Self::nginx_configured(text, Escape::Json).ok(),
            "nginx-none" => Self::nginx_configured(text, Escape::None).ok(),
            "nginx" => Self::nginx_configured(text, Escape::Nginx).ok(),
            _ => Self::apache(text).ok(),
        }
    }
}
