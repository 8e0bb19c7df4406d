//! [`Layout`]: what to try for the lines of one log, and in which order.
//!
//! A layout is a value: the same layout reads the same line in the same way, whatever came before. The one
//! exception, header lines of column formats (`#Fields:`), is part of it as text. Next: [`option`] (`--format`), [`state`]
//! (what is kept beside a cursor).

use std::sync::Arc;

use crate::columns::{self, Columns};
use crate::compile::nginx::Names;
use crate::compile::program::{Program, Refused};
use crate::compile::{FormatError, apache, nginx};
use crate::format::Format;
use crate::line::Line;
use crate::memo::{TimeMemo, Unit};
use crate::parser::Parser;
use crate::record::{Moment, Record, Server};
use crate::unescape::Escape;
use crate::wrap::{self, Left};

mod option;
mod state;

pub(crate) use option::escape_word;

/// What to try for one log. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inner {
    /// What is tried first.
    pub first: First,
    /// Whether nothing else is tried.
    pub only: bool,
    /// The last header line seen, for formats that have one.
    pub header: Option<Box<str>>,
    /// What the lines of a container left behind.
    pub left: Left,
    /// What durations count, where the format leaves it open and somebody said it.
    pub durations: Option<Unit>,
    /// Layouts whose first formats are tried on what the first one does not read.
    pub others: Vec<Layout>,
}

/// Most formats that are tried for one log besides its first: a configuration may name any number.
const MAX_OTHERS: usize = 15;

/// What is tried first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum First {
    /// Nothing in particular.
    Auto,
    /// A format known by name.
    Preset(Format),
    /// A compiled format.
    Compiled(Arc<Compiled>),
}

/// A compiled format and the text it was made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compiled {
    pub program: Program,
    /// The preset that is this very format: its hand-written grammar is tried first.
    pub twin: Option<Format>,
    server: &'static str,
    text: String,
}

impl Compiled {
    /// Whose configuration the format is from.
    fn by(&self) -> Server {
        match self.server {
            "apache" => Server::Apache,
            _ => Server::Nginx,
        }
    }

    /// Reads one line as exactly this format.
    pub fn parse<'a>(
        &self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
    ) -> Result<Line, Refused> {
        self.program.parse(line, record, memo)?;
        record.server = Some(self.by());
        Ok(Line::Record)
    }

    /// Whether the server writes a host name in the place of the peer, if it is told to look names up.
    pub fn writes_names(&self) -> bool {
        self.by() == Server::Apache
    }
}

impl First {
    /// The preset that tells what lines of the same family are, which it does not read itself.
    pub fn family(&self) -> Option<Format> {
        match self {
            Self::Compiled(compiled) => Some(compiled.by().combined()),
            other => other.preset(),
        }
    }

    /// The format known by name.
    pub fn preset(&self) -> Option<Format> {
        match self {
            Self::Preset(format) => Some(*format),
            Self::Auto | Self::Compiled(_) => None,
        }
    }
}

impl Layout {
    /// Nothing is known: every format, in the order of [`Format::ALL`].
    pub fn auto() -> Self {
        Self::of(First::Auto, false)
    }

    /// Only this format, as `--format NAME` asks; wrappers (syslog, containers) are allowed around it.
    pub fn preset(format: Format) -> Self {
        Self::of(First::Preset(format), true)
    }

    /// This format first, then all others: what recognition found.
    pub fn first(format: Format) -> Self {
        Self::of(First::Preset(format), false)
    }

    /// The same with durations of this unit: Caddy writes numbers of several, and does not say which.
    #[must_use]
    pub fn with_durations(&self, unit: Unit) -> Self {
        self.with(|inner| inner.durations = Some(unit))
    }

    /// Only lines of an nginx `log_format`: its strings joined, as nginx joins them.
    ///
    /// # Errors
    /// A variable that nginx does not have, a `$` without a name, values that nothing separates.
    pub fn nginx(format: &str, escape: Escape) -> Result<Self, FormatError> {
        Self::compiled_nginx(format, escape, Names::Known)
    }

    /// The same from a configuration that nginx itself has accepted, where a variable may be the administrator's own.
    ///
    /// # Errors
    /// As [`Layout::nginx`], but for unknown variables.
    pub fn nginx_configured(format: &str, escape: Escape) -> Result<Self, FormatError> {
        Self::compiled_nginx(format, escape, Names::Any)
    }

    fn compiled_nginx(format: &str, escape: Escape, names: Names) -> Result<Self, FormatError> {
        let program = Program::new(nginx::parts(format, names)?, escape, Moment::End)?;
        let server = match escape {
            Escape::Json => "nginx-json",
            Escape::None => "nginx-none",
            // Nobody configures XML.
            Escape::Nginx | Escape::Apache | Escape::Either | Escape::Xml => "nginx",
        };
        Ok(Self::compiled(program, server, format))
    }

    /// Only lines of an Apache `LogFormat`, as it stands in the configuration or with its `\"` already undone.
    ///
    /// # Errors
    /// A directive that Apache does not have, values that nothing separates, a time that cannot be read back.
    pub fn apache(format: &str) -> Result<Self, FormatError> {
        let (parts, moment) = apache::parts(format)?;
        let program = Program::new(parts, Escape::Apache, moment)?;
        Ok(Self::compiled(program, "apache", format))
    }

    /// The same, but lines that it does not read are tried as every other format.
    pub fn or_any(&self) -> Self {
        self.with(|inner| inner.only = false)
    }

    /// The same, but lines that it does not read are tried in the format of `other` too: two formats were declared
    /// for one log.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.with(|inner| {
            if *self != *other && !inner.others.contains(other) && inner.others.len() < MAX_OTHERS {
                inner.others.push(other.clone());
            }
        })
    }

    fn compiled(program: Program, server: &'static str, text: &str) -> Self {
        Self::of(
            First::Compiled(Arc::new(Compiled {
                program,
                twin: twin(server, text),
                server,
                text: text.to_owned(),
            })),
            true,
        )
    }

    fn of(first: First, only: bool) -> Self {
        Self {
            inner: Arc::new(Inner {
                first,
                only,
                header: None,
                left: Left::default(),
                durations: None,
                others: Vec::new(),
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
        self.with(|inner| inner.header = header.map(Into::into))
    }

    /// The same behind lines of a container that left this.
    pub(crate) fn with_left(&self, left: Left) -> Self {
        if self.inner.left == left {
            return self.clone();
        }
        self.with(|inner| inner.left = left)
    }

    /// The same but for this change.
    fn with(&self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Inner::clone(&self.inner);
        change(&mut inner);
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The same where a line begins that is whole: for one that is read again by itself.
    #[must_use]
    pub fn for_whole_line(&self) -> Self {
        self.with_left(Left::default())
    }

    /// The same within the lines that `before` was left in: for the file that goes on with another's log.
    #[must_use]
    pub fn going_on(&self, before: &Self) -> Self {
        self.with_left(before.inner.left)
    }

    /// Whether the next line may be the rest of one that a container's runtime cut.
    pub fn is_within_line(&self) -> bool {
        self.inner.left.goes_on != [false; 2]
    }

    /// The layout that holds behind these lines as far as containers' cut lines go, which is all that the lines of most logs
    /// leave behind. Whoever reads a log in blocks needs it before the block is read.
    #[must_use]
    pub fn behind<'l>(&self, lines: impl DoubleEndedIterator<Item = &'l [u8]>) -> Self {
        let is_own = |line: &[u8]| Parser::new(self).is_own(line);
        self.with_left(wrap::behind(lines, is_own, self.inner.left))
    }

    /// Whether header lines mean anything: a compiled format has its columns, whatever a line looks like.
    pub(crate) fn takes_headers(&self) -> bool {
        !matches!(self.inner.first, First::Compiled(_))
    }

    /// The columns that the header line names.
    pub(crate) fn columns(&self) -> Option<Columns> {
        Columns::from_text(self.inner.header.as_deref()?)
    }

    /// The layout that holds behind this line, if the line is a header (`#Fields:`, the names of a CSV file) and
    /// says something new. Whoever reads a log in blocks needs it to begin in the middle.
    pub fn after(&self, line: &[u8]) -> Option<Self> {
        if !self.takes_headers() || !columns::may_hold_header(line) {
            return None;
        }
        // A line that the first format reads is a record, whatever it looks like: the parser knows, and must agree.
        let mut parser = Parser::new(self);
        let _ = parser.parse(line, &mut Record::default());
        let next = parser.layout();
        (next != *self).then_some(next)
    }

    /// Whether a header line decides how later lines are read, so that lines must be parsed in their order.
    pub fn is_stateful(&self) -> bool {
        self.inner.header.is_some()
    }

    /// What won, for people: a format's name, `nginx` or `apache` for a compiled one, or `auto`.
    pub fn name(&self) -> &str {
        match &self.inner.first {
            First::Auto => "auto",
            First::Preset(format) => format.name(),
            First::Compiled(compiled) => compiled.server,
        }
    }

    /// Whether the log is known to be of another format than this one. The two kinds of Logpush may share a file.
    pub(crate) fn is_of_another(&self, format: Option<Format>) -> bool {
        match (&self.inner.first, format) {
            (First::Auto, _) => false,
            (First::Preset(own), Some(other)) => *own != other && !(own.is_logpush() && other.is_logpush()),
            (First::Preset(_), None) => true,
            (First::Compiled(_), format) => format.is_some(),
        }
    }

    /// Whether no format is tried before the others, because nothing has told yet which it should be.
    pub fn is_auto(&self) -> bool {
        matches!(self.inner.first, First::Auto) && !self.inner.only
    }
}

/// The preset whose own text this is.
fn twin(server: &str, text: &str) -> Option<Format> {
    const NGINX: &str = concat!(
        r#"$remote_addr - $remote_user [$time_local] "$request" "#,
        r#"$status $body_bytes_sent "$http_referer" "$http_user_agent""#
    );
    let plain = text.replace("\\\"", "\"");
    match (server, plain.as_str()) {
        ("nginx", NGINX) => Some(Format::NginxCombined),
        ("nginx", text) if text.strip_prefix(NGINX) == Some(" \"$http_x_forwarded_for\"") => {
            Some(Format::NginxMain)
        }
        ("apache", r#"%h %l %u %t "%r" %>s %b"#) => Some(Format::ApacheCommon),
        ("apache", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#) => {
            Some(Format::ApacheCombined)
        }
        ("apache", r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %I %O"#) => {
            Some(Format::ApacheCombinedio)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
