//! What server configurations say about their access logs: text in, directives out.
//!
//! Nothing is read from disk here. Whoever loads files (`afw::source`) calls [`nginx::directives`] or
//! [`apache::directives`] per file, puts the directives of an included file in the place of its
//! [`Directive::Include`], and asks [`declared`] which log is written in which format.

use std::fmt;

use crate::compile::FormatError;
use crate::format::Format;
use crate::layout::{self, Layout};
use crate::unescape::Escape;

pub mod apache;
pub mod nginx;

/// A directive about logs, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The directive.
    pub directive: Directive,
    /// Line of the file, from 1.
    pub line: usize,
    /// The virtual host it stands in: 0 outside of any, else the number of the host in the file, from 1. Only Apache
    /// has formats of a single host; nginx's are always 0.
    pub host: usize,
    /// The file it is from: 0 as parsed, else what whoever joins several files counts by.
    pub file: usize,
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// `log_format NAME …`, `LogFormat … NAME`. Without a name: what Apache's `TransferLog` uses from here on.
    Format {
        /// The name it is used by.
        name: Option<String>,
        /// How values are escaped.
        escape: Escape,
        /// The format with the configuration's quoting undone.
        text: String,
    },
    /// `access_log`, `CustomLog`, `GlobalLog`, `TransferLog`.
    Log {
        /// Where the lines go.
        target: Target,
        /// In which format; `None` for the server's default.
        format: Option<String>,
        /// Whether only some requests are logged (`if=`, `env=`, `expr=`).
        conditional: bool,
    },
    /// `include`, `Include`, `IncludeOptional`: a path or glob, perhaps relative.
    Include {
        /// The path as written.
        pattern: String,
        /// Whether a missing file is no mistake.
        optional: bool,
    },
    /// `Define NAME VALUE`: replaces `${NAME}` in what follows.
    Define {
        /// The name.
        name: String,
        /// Its value.
        value: String,
    },
    /// `ServerRoot`: what relative paths are relative to.
    Root {
        /// The directory.
        path: String,
    },
}

/// Where the lines of a log go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file; the path may be relative and hold variables.
    File(String),
    /// A program's standard input.
    Pipe(String),
    /// Syslog, or another provider that is no file.
    Syslog(String),
    /// Nowhere.
    Off,
}

/// A mistake in a configuration, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// What is wrong.
    pub message: &'static str,
    /// Line of the file, from 1.
    pub line: usize,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// A server, as far as its configuration differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// nginx and its kin.
    Nginx,
    /// Apache httpd.
    Apache,
}

/// A log that a configuration declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Where its lines go.
    pub target: Target,
    /// How they look.
    pub layout: Result<Layout, FormatError>,
    /// The format's text, for the caret of an error; a preset's name if that is what it is.
    pub text: String,
    /// File and line (from 1) of the directive.
    pub at: (usize, usize),
    /// The name of its format, if it has one that the configuration defines, and file and line of the definition.
    pub defined: Option<(Option<String>, (usize, usize))>,
    /// Whether only some requests are logged.
    pub conditional: bool,
}

/// The logs of a configuration whose included files stand in place. A log that two hosts share is named twice, and a
/// conditional log gets those lines only.
pub fn declared(server: Server, directives: &[Located]) -> Vec<Declared> {
    let mut logs = Vec::new();
    for (index, located) in directives.iter().enumerate() {
        let Directive::Log {
            target,
            format,
            conditional,
        } = &located.directive
        else {
            continue;
        };
        let before = directives.get(..index).unwrap_or_default();
        let found = format_of(server, format.as_deref(), before, directives, located.host);
        let (layout, text) = match found {
            Some((escape, text, _)) => (compile(server, escape, text), text.to_owned()),
            None => default_layout(server, format.as_deref()),
        };
        logs.push(Declared {
            target: target.clone(),
            layout,
            text,
            at: (located.file, located.line),
            defined: found.map(|(_, _, definition)| (format.clone(), (definition.file, definition.line))),
            conditional: *conditional,
        });
    }
    logs
}

/// The text of the format that a log uses and its definition, if the configuration has it.
fn format_of<'d>(
    server: Server,
    wanted: Option<&str>,
    before: &'d [Located],
    all: &'d [Located],
    host: usize,
) -> Option<(Escape, &'d str, &'d Located)> {
    let named = |located: &'d Located| match &located.directive {
        Directive::Format { name, escape, text } if name.as_deref() == wanted => {
            Some((*escape, text.as_str(), located))
        }
        _ => None,
    };
    let visible = |found: &(Escape, &'d str, &'d Located)| found.2.host == host || found.2.host == 0;
    // Apache takes the host's own, then the nearest before; formats may also stand after their use.
    let mut found: Vec<_> = before.iter().rev().filter_map(named).filter(visible).collect();
    if wanted.is_some() {
        found.extend(all.iter().filter_map(named).filter(visible));
    }
    if server == Server::Nginx && wanted.is_none() {
        return None;
    }
    let own = found.iter().find(|(_, _, located)| located.host == host);
    own.or(found.first()).copied()
}

fn compile(server: Server, escape: Escape, text: &str) -> Result<Layout, FormatError> {
    match server {
        Server::Nginx => {
            layout::escape_word(text)?;
            Layout::nginx_configured(text, escape)
        }
        Server::Apache => Layout::apache(text),
    }
}

/// The format of a log that names none, a predefined one, or (Apache) writes it in the place of a name.
fn default_layout(server: Server, format: Option<&str>) -> (Result<Layout, FormatError>, String) {
    let preset = |format: Format| (Ok(Layout::preset(format)), format.name().to_owned());
    match (server, format) {
        (Server::Nginx, None | Some("combined")) => preset(Format::NginxCombined),
        (Server::Apache, None | Some("CLF")) => preset(Format::ApacheCommon),
        (Server::Apache, Some(text)) if text.contains('%') => (Layout::apache(text), text.to_owned()),
        (server, Some(name)) => {
            let prefix = if server == Server::Nginx {
                "nginx"
            } else {
                "apache"
            };
            match Format::from_name(&format!("{prefix}-{name}")) {
                Some(format) => preset(format),
                None => {
                    let error = FormatError::new(
                        format!("no log format is named {name:?} in this configuration"),
                        0,
                    );
                    (
                        Err(error.hint("include the file that defines it")),
                        name.to_owned(),
                    )
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
