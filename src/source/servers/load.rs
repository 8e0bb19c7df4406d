//! Reads a configuration of nginx or Apache with all it includes, and says where its logs lie.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use afw_parsers::config::{ConfigError, Directive, Located, Server, Target, apache, nginx};

use super::{MAX_BYTES, MAX_DEPTH, MAX_EXPANDED, MAX_FILES, MAX_TROUBLES, matches_of, note, read, too_large};
use crate::bounded;
use crate::source::spec::Trouble;
use crate::text::{of_path, printable};

/// Where nginx takes relative log paths from, by build.
const NGINX_PREFIXES: [&str; 3] = ["usr/share/nginx", "usr/local/nginx", "etc/nginx"];

/// Where a log's lines go.
pub(super) enum Place {
    File(PathBuf),
    Elsewhere(String),
    Nowhere,
}

/// Reads a configuration with all it includes.
pub(super) struct Loader<'r> {
    root: &'r Path,
    server: Server,
    /// What relative paths are relative to.
    base: PathBuf,
    variables: HashMap<String, String>,
    open: Vec<PathBuf>,
    /// The files that were read, as directives count them.
    names: Vec<PathBuf>,
    files: usize,
    bytes: u64,
    /// Whether it was said that no more is read.
    full: bool,
    hosts: usize,
    pub(super) troubles: Vec<Trouble>,
}

impl<'r> Loader<'r> {
    pub(super) fn new(root: &'r Path, server: Server, path: &Path) -> Self {
        let base = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let variables = match server {
            Server::Nginx => HashMap::new(),
            Server::Apache => exported(&base.join("envvars")),
        };
        let (open, troubles) = (Vec::new(), Vec::new());
        Self {
            root,
            server,
            base,
            variables,
            open,
            names: Vec::new(),
            files: 0,
            bytes: 0,
            full: false,
            hosts: 0,
            troubles,
        }
    }

    /// Adds the directives of a file, those of included files in the place of their includes. `host` is the one
    /// that the including line stands in.
    pub(super) fn file(&mut self, path: &Path, host: usize, depth: usize, into: &mut Vec<Located>) {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
        if self.open.contains(&real) || depth > MAX_DEPTH {
            let trouble = Trouble::new(path, "includes itself");
            let trouble = trouble.hint("take the include out; it was not followed");
            return note(&mut self.troubles, trouble);
        }
        let Some(text) = self.text(path) else {
            return;
        };
        let found = match self.parse(&text) {
            Ok(found) => found,
            Err(error) => return note(&mut self.troubles, Trouble::new(path, error.to_string())),
        };
        self.open.push(real);
        self.names.push(path.into());
        let file = self.names.len() - 1;
        let first_host = self.hosts;
        self.hosts += found.iter().map(|located| located.host).max().unwrap_or_default();
        for located in found {
            let host = if located.host == 0 {
                host
            } else {
                first_host + located.host
            };
            self.directive(
                Located {
                    host,
                    file,
                    ..located
                },
                depth,
                into,
            );
        }
        self.open.pop();
    }

    fn parse(&self, text: &str) -> Result<Vec<Located>, ConfigError> {
        match self.server {
            Server::Nginx => nginx::directives(text),
            Server::Apache => apache::directives(text),
        }
    }

    fn directive(&mut self, located: Located, depth: usize, into: &mut Vec<Located>) {
        match &located.directive {
            Directive::Include { pattern, optional } => {
                for path in self.included(pattern, *optional) {
                    self.file(&path, located.host, depth + 1, into);
                }
            }
            Directive::Define { name, value } => {
                let value = self.expand(value);
                self.variables.insert(name.clone(), value);
            }
            Directive::Root { path } => self.base = self.rooted(Path::new(&self.expand(path))),
            Directive::Format { name, escape, text } if self.server == Server::Apache => {
                let directive = Directive::Format {
                    name: name.as_deref().map(|name| self.expand(name)),
                    escape: *escape,
                    text: self.expand(text),
                };
                into.push(Located { directive, ..located });
            }
            Directive::Log {
                target,
                format: Some(format),
                conditional,
            } if self.server == Server::Apache => {
                let directive = Directive::Log {
                    target: target.clone(),
                    format: Some(self.expand(format)),
                    conditional: *conditional,
                };
                into.push(Located { directive, ..located });
            }
            _ => into.push(located),
        }
    }

    /// Where a directive stands, for people.
    pub(super) fn spot(&self, (file, line): (usize, usize)) -> String {
        let name = self.names.get(file).map(|path| of_path(path));
        format!("{} line {line}", name.unwrap_or_default())
    }

    /// The same of a format's definition, with its name.
    pub(super) fn definition(&self, name: Option<&str>, at: (usize, usize)) -> String {
        let word = match self.server {
            Server::Nginx => "log_format",
            Server::Apache => "LogFormat",
        };
        match name {
            Some(name) => format!("{}: {word} {}", self.spot(at), printable(name)),
            None => format!("{}: {word}", self.spot(at)),
        }
    }

    /// The files that an include names: one, those that a glob matches, or all in a directory.
    fn included(&mut self, pattern: &str, optional: bool) -> Vec<PathBuf> {
        let path = self.rooted(Path::new(&self.expand(pattern)));
        let wild = path.to_str().is_some_and(|text| text.contains(['*', '?', '[']));
        if self.server == Server::Apache && (wild || path.is_dir()) {
            return files_below(&path);
        }
        if path.is_dir() {
            return matches_of(&path.join("*"));
        }
        if wild {
            return matches_of(&path);
        }
        if !path.exists() && !optional {
            note(
                &mut self.troubles,
                Trouble::new(&path, "is included but not there"),
            );
        }
        if path.exists() { vec![path] } else { Vec::new() }
    }

    fn text(&mut self, path: &Path) -> Option<String> {
        self.files += 1;
        let broken = self.troubles.len() > MAX_TROUBLES;
        if broken || self.files > MAX_FILES || self.bytes > MAX_BYTES {
            if !self.full {
                self.full = true;
                note(&mut self.troubles, too_large(path));
            }
            return None;
        }
        match read(path) {
            Ok(text) => {
                self.bytes += text.len() as u64;
                Some(text)
            }
            Err(trouble) => {
                note(&mut self.troubles, trouble);
                None
            }
        }
    }

    /// A path of the configuration under the root that is looked at.
    fn rooted(&self, path: &Path) -> PathBuf {
        if path.starts_with(self.root) {
            return path.into();
        }
        match path.strip_prefix("/") {
            Ok(below) => self.root.join(below),
            Err(_) => self.base.join(path),
        }
    }

    /// Puts in the values of `${NAME}` that are known.
    fn expand(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.variables {
            // Values may hold values: what doubles itself stays as it is.
            let name = format!("${{{name}}}");
            let uses = text.matches(&name).count();
            if uses > 0 && text.len() + uses * value.len() <= MAX_EXPANDED {
                text = text.replace(&name, value);
            }
        }
        text
    }

    pub(super) fn place(&self, target: &Target) -> Place {
        match target {
            Target::Off => Place::Nowhere,
            Target::Syslog(to) => Place::Elsewhere(format!(
                "logs to {to}, which is no file; name the file it ends in"
            )),
            Target::Pipe(program) => match rotated_by(&self.expand(program)) {
                Some(path) => self.file_place(&path),
                None => Place::Elsewhere(format!("logs to a program ({program}); name the file it writes")),
            },
            Target::File(path) => self.file_place(&self.expand(path)),
        }
    }

    fn file_place(&self, path: &str) -> Place {
        if path.starts_with("/dev/") || path.is_empty() {
            return Place::Nowhere;
        }
        let path = PathBuf::from(without_variables(path));
        if path.is_relative() && self.server == Server::Nginx {
            let unknown = || {
                Place::Elsewhere(format!(
                    "logs to {}, below a directory that nginx was built with; name the file",
                    of_path(&path)
                ))
            };
            return self.below_prefix(&path).map_or_else(unknown, Place::File);
        }
        Place::File(self.rooted(&path))
    }

    /// Where a relative path of nginx leads: below the directory that holds `conf`, else where packages put it.
    fn below_prefix(&self, path: &Path) -> Option<PathBuf> {
        let own = self.base.parent().filter(|_| self.base.ends_with("conf"));
        let usual = NGINX_PREFIXES.iter().map(|prefix| self.root.join(prefix));
        let prefixes = own.map(Path::to_path_buf).into_iter().chain(usual);
        let mut places = prefixes.map(|prefix| prefix.join(path));
        places.find(|path| path.parent().is_some_and(Path::is_dir))
    }
}

/// The files that Apache includes: those of a directory or a glob, and all below the directories among them.
fn files_below(pattern: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    // Links may lead anywhere, also back: each directory is entered once.
    let mut entered = HashSet::new();
    let mut open = vec![(pattern.to_path_buf(), 0)];
    while files.len() < MAX_FILES
        && let Some((path, depth)) = open.pop()
    {
        if path.is_file() {
            files.push(path);
            continue;
        }
        let pattern = match std::fs::canonicalize(&path) {
            Ok(real) => {
                let is_new = depth <= MAX_DEPTH && entered.len() < MAX_FILES && entered.insert(real);
                if !is_new {
                    continue;
                }
                path.join("*")
            }
            // What matched is there; only the glob itself is not.
            Err(_) if depth > 0 => continue,
            Err(_) => path,
        };
        let Some(Ok(inner)) = pattern.to_str().map(glob::glob) else {
            continue;
        };
        let mut inner: Vec<_> = inner
            .flatten()
            .take(MAX_FILES)
            .map(|path| (path, depth + 1))
            .collect();
        // The last is taken first.
        inner.reverse();
        open.append(&mut inner);
    }
    files
}

/// Variables that Debian's `envvars` exports.
fn exported(path: &Path) -> HashMap<String, String> {
    let text = bounded::read(path, MAX_BYTES).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| {
            (
                name.to_owned(),
                value.trim_matches(['"', '\'']).replace("$SUFFIX", ""),
            )
        })
        .collect()
}

/// The path in a call of rotatelogs or cronolog, as a glob.
fn rotated_by(program: &str) -> Option<String> {
    let mut words = program.trim_start_matches(['|', '$']).split_whitespace();
    let name = words.next()?.rsplit('/').next()?;
    if !matches!(name, "rotatelogs" | "rotatelogs2" | "cronolog") {
        return None;
    }
    let path = words.find(|word| word.starts_with('/') || word.contains('%'))?;
    Some(if path.contains('%') {
        path.to_owned()
    } else {
        format!("{path}*")
    })
}

/// A path with nginx's `$variables` and `strftime`'s `%Y` as a glob.
fn without_variables(path: &str) -> String {
    let mut out = String::new();
    let mut letters = path.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '$' if letters.peek() == Some(&'{') => {
                letters.by_ref().find(|letter| *letter == '}');
                out.push('*');
            }
            '$' => {
                while letters
                    .next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
                    .is_some()
                {}
                out.push('*');
            }
            '%' => {
                letters.next();
                out.push('*');
            }
            other => out.push(other),
        }
    }
    while out.contains("**") {
        out = out.replace("**", "*");
    }
    out
}
