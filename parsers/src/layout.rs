//! [`Layout`]: what to try for the lines of one log, and in which order.
//!
//! A layout is a value: the same layout reads the same line in the same way, whatever came before. The one
//! exception, header lines of column formats (`#Fields:`), is part of it as text.

use std::fmt::Write;
use std::sync::Arc;

use crate::columns::{self, Columns};
use crate::compile::nginx::Names;
use crate::compile::program::{Program, Refused};
use crate::compile::{FormatError, apache, nginx, typed};
use crate::format::Format;
use crate::memo::{TimeMemo, Unit};
use crate::parser::{Line, Parser};
use crate::record::{Moment, Record, Server};
use crate::unescape::Escape;
use crate::wrap::{self, Left};

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

/// Begins the state of a layout within lines that a container's runtime cut. Versions that do not know it recognise the
/// log anew.
const PARTS: &str = "parts:";

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

    /// What `--format` takes: `auto`, a preset's name, `nginx:FORMAT` (perhaps beginning `escape=json `),
    /// `apache:FORMAT`, the columns of Logpush files without a header as `cloudflare-http:FIELD,FIELD,…`, or the
    /// unit of Caddy's durations as `caddy:ms`. Behind the colon may also stand the name of a preset.
    ///
    /// # Errors
    /// As [`Layout::nginx`] and [`Layout::apache`], with the position in the whole option; an unknown name.
    pub fn from_option(option: &str) -> Result<Self, FormatError> {
        let preset = |name: &str| Format::from_name(name).map(Self::preset);
        if option.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::auto());
        }
        match option.split_once(':') {
            Some(("nginx", text)) if text.contains('$') => {
                let (escape, format) =
                    escape_word(text).map_err(|error| error.shifted(option.len() - text.len()))?;
                let before = option.len() - format.len();
                Self::nginx(&typed::nginx(format), escape)
                    .or_else(|_| Self::nginx(format, escape).map_err(|error| error.shifted(before)))
            }
            Some(("apache", text)) if text.contains('%') => Self::apache(typed::apache(text))
                .or_else(|_| Self::apache(text).map_err(|error| error.shifted(option.len() - text.len()))),
            Some((name @ ("cloudflare-http" | "cloudflare-firewall"), columns)) => {
                Self::listed(name, columns).ok_or_else(|| no_such_fields(option))
            }
            Some((name @ ("caddy" | "caddy-console"), unit)) => {
                Self::measured(name, unit).ok_or_else(|| no_such_unit(option))
            }
            Some((server @ ("nginx" | "apache"), name)) => preset(&format!("{server}-{name}"))
                .or_else(|| preset(name))
                .ok_or_else(|| no_such_format(option)),
            _ => preset(option).ok_or_else(|| no_such_format(option)),
        }
    }

    /// Logpush CSV whose columns the administrator lists.
    fn listed(name: &str, columns: &str) -> Option<Self> {
        let columns = Columns::after(columns.as_bytes(), None)?;
        let layout = Self::preset(Format::from_name(name)?);
        Some(layout.with_header(Some(columns.text())))
    }

    /// Caddy with the unit of its durations.
    fn measured(name: &str, unit: &str) -> Option<Self> {
        Some(Self::preset(Format::from_name(name)?).with_durations(Unit::from_name(unit)?))
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

/// `escape=json ` before a format.
///
/// # Errors
/// An escaping that nginx does not have.
pub(crate) fn escape_word(text: &str) -> Result<(Escape, &str), FormatError> {
    const WORD: &str = "escape=";
    let Some((name, format)) = text.strip_prefix(WORD).and_then(|rest| rest.split_once(' ')) else {
        return Ok((Escape::Nginx, text));
    };
    match name {
        "json" => Ok((Escape::Json, format)),
        "none" => Ok((Escape::None, format)),
        "default" => Ok((Escape::Nginx, format)),
        _ => Err(no_such_escape(name, WORD.len())),
    }
}

fn no_such_escape(name: &str, at: usize) -> FormatError {
    let error = FormatError::new(format!("nginx has no escape={name}"), at);
    let near = ["json", "none", "default"]
        .into_iter()
        .find(|known| name.len() > 1 && known.starts_with(name.get(..2).unwrap_or("?")));
    match near {
        Some(known) => error.hint(format!("escape={known} is meant?")),
        None => error.hint("it has escape=default, escape=json and escape=none"),
    }
}

fn no_such_fields(option: &str) -> FormatError {
    let at = option.find(':').map_or(0, |colon| colon + 1);
    FormatError::new("these are not the names of Logpush fields".to_owned(), at)
        .hint("the job's field_names in their order, such as ClientIP,ClientRequestURI,EdgeStartTimestamp")
}

fn no_such_unit(option: &str) -> FormatError {
    let at = option.find(':').map_or(0, |colon| colon + 1);
    FormatError::new("this is no unit of durations".to_owned(), at)
        .hint("what duration_format says: seconds, ms or ns; times in text (`6.31ms`) need none")
}

fn no_such_format(option: &str) -> FormatError {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    let error = FormatError::new(format!("no format is named {option:?}"), 0);
    error.hint(format!(
        "auto, nginx:'LOG_FORMAT', apache:'LogFormat' or one of {}",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_may_be_declared_in_several_formats() {
        let a = Layout::nginx(r#"$remote_addr "$request" $status"#, Escape::Nginx).unwrap();
        let b = Layout::nginx("$status\n:$remote_addr:$request", Escape::Json).unwrap();
        let layout = a.or(&b).or(&Layout::preset(Format::NginxCombined)).or(&a);
        let lines: [(&[u8], Option<u16>); 4] = [
            (br#"192.0.2.1 "GET / HTTP/1.1" 200"#, Some(200)),
            (b"404\n:192.0.2.1:GET / HTTP/1.1", Some(404)),
            (
                br#"192.0.2.1 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 301 6 "-" "-""#,
                Some(301),
            ),
            (
                br#"192.0.2.1 - - [21/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 301 6"#,
                None,
            ),
        ];
        for layout in [Layout::from_state(&layout.state()).unwrap(), layout.clone()] {
            assert_eq!(layout.name(), "nginx");
            for (line, status) in lines {
                let mut record = Record::default();
                let read = Parser::new(&layout).parse(line, &mut record).ok();
                assert_eq!(
                    read.and(record.status),
                    status,
                    "{}",
                    String::from_utf8_lossy(line)
                );
            }
        }
        assert_eq!(Layout::from_state(&layout.state()), Some(layout));
        assert_eq!(Layout::from_state("or:9:only:auto"), None);
    }

    #[test]
    fn of_several_formats_none_is_the_clients_choice() {
        let tail = r#""$request" $status [$time_local]"#;
        let read = |format: &str| Layout::nginx(&format!("{format} {tail}"), Escape::Nginx).unwrap();
        let (a, b) = (read("$remote_addr $http_x_id"), read("$http_x_id $remote_addr"));
        for (names, peer) in [
            ("192.0.2.7 ab", "192.0.2.7"),
            ("ab 192.0.2.7", "192.0.2.7"),
            ("192.0.2.7 -", "192.0.2.7"),
            ("- 192.0.2.7", "192.0.2.7"),
            // Either may be the peer.
            ("203.0.113.9 192.0.2.7", ""),
            ("unix: 192.0.2.7", ""),
        ] {
            let line = format!(r#"{names} "GET /x HTTP/1.1" 404 [10/Oct/2000:13:55:36 -0700]"#);
            for layout in [a.or(&b), b.or(&a)] {
                let mut record = Record::default();
                Parser::new(&layout).parse(line.as_bytes(), &mut record).unwrap();
                let named = record.peer.map(|peer| peer.to_string()).unwrap_or_default();
                assert_eq!((named.as_str(), record.status), (peer, Some(404)), "{line}");
                assert_eq!(record.target.as_deref(), Some(&b"/x"[..]), "{line}");
            }
        }
        // Apache may have looked a name up.
        let (a, b) = (
            Layout::apache(r#"%h %{X}i "%r" %>s"#).unwrap(),
            Layout::apache(r#"%{X}i %h "%r" %>s"#).unwrap(),
        );
        let mut record = Record::default();
        let line = br#"evil.example 203.0.113.9 "GET /x HTTP/1.1" 404"#;
        Parser::new(&a.or(&b)).parse(line, &mut record).unwrap();
        assert_eq!((record.peer, record.peer_text), (None, &b""[..]));
    }

    #[test]
    fn options() {
        for (option, name) in [
            ("auto", "auto"),
            ("apache:combined", "apache-combined"),
            ("nginx:combined", "nginx-combined"),
            ("vhost_combined", "apache-vhost-combined"),
            ("nginx:$remote_addr $request", "nginx"),
            ("nginx:escape=json {\"a\":\"$remote_addr\"}", "nginx-json"),
            ("apache:%h %r", "apache"),
            ("caddy:ms", "caddy"),
            ("caddy-console:nanos", "caddy-console"),
        ] {
            assert_eq!(Layout::from_option(option).unwrap().name(), name, "{option}");
        }
        for (option, at) in [
            ("nonsense", 0),
            ("nginx:nonsense", 0),
            ("nginx:$remote_addr $remote_usr", 19),
            ("nginx:escape=none $remote_addr $", 31),
            ("nginx:escape=jsn $remote_addr", 13),
            ("apache:%h %Z", 10),
            ("caddy:hours", 6),
            ("caddy:", 6),
        ] {
            let error = Layout::from_option(option).unwrap_err();
            assert_eq!(error.at, at, "{option}: {error}");
            assert!(error.hint.is_some() || option.starts_with("apache"), "{option}");
        }
    }

    #[test]
    fn an_option_may_be_what_stands_in_the_configuration() {
        for (option, plain) in [
            (r"nginx:$remote_addr\t$status", "nginx:$remote_addr\t$status"),
            ("nginx:'$remote_addr ' '$status'", "nginx:$remote_addr $status"),
            (
                "nginx:escape=json '{\"a\":\"$remote_addr\",'\n  '\"b\":$status}';",
                "nginx:escape=json {\"a\":\"$remote_addr\",\"b\":$status}",
            ),
            (r#"apache:"%h \"%r\"""#, r#"apache:%h \"%r\""#),
        ] {
            let plain = Layout::from_option(plain).unwrap();
            assert_eq!(Layout::from_option(option).unwrap(), plain, "{option}");
        }
        // Two values in quotes, which nothing would separate if they were the configuration's.
        assert!(Layout::from_option("nginx:'$remote_addr' '$status'").is_ok());
        assert_eq!(Layout::from_option(r"nginx:'\t$statsu'").unwrap_err().at, 9);
    }

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
        for format in ["$remote_addr \n:$request", "$remote_addr $mine"] {
            layouts.push(
                Layout::nginx_configured(format, Escape::Json)
                    .unwrap()
                    .with_header(Some("a\nb")),
            );
            layouts.push(Layout::nginx_configured(format, Escape::None).unwrap().or_any());
        }
        layouts.push(Layout::apache("%h é\n%r").unwrap());
        layouts.push(Layout::preset(Format::Caddy).with_durations(Unit::Millis));
        layouts.push(Layout::auto().with_left(Left {
            goes_on: [true, false],
            bare: true,
        }));
        let mine = Layout::nginx("$remote_addr \n:$request", Escape::Nginx).unwrap();
        layouts.push(mine.or(&Layout::auto()).with_left(Left {
            goes_on: [false, true],
            bare: false,
        }));
        let console = Layout::first(Format::CaddyConsole).with_durations(Unit::Nanos);
        layouts.push(console.with_header(Some("a:b")));
        for layout in layouts {
            assert_eq!(Layout::from_state(&layout.state()), Some(layout));
        }
        for text in [
            "",
            "auto",
            "first:nonsense",
            "other:auto",
            "parts:",
            "parts:1:only:auto",
            "parts:11",
        ] {
            assert_eq!(Layout::from_state(text), None, "{text}");
        }
    }
}
