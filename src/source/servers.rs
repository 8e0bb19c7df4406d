//! Which access logs the web servers of this machine write: read out of their configuration, includes followed.
//!
//! Loads the files; what their directives mean is [`afw_parsers::config`]'s to say. Bounded: so many files, so many
//! bytes, so deep. Next: [`super::discover`], which the paths found here go to.

use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use afw_parsers::compile::FormatError;
use afw_parsers::config::{Directive, Server, apache, declared, nginx};
use afw_parsers::{Escape, Layout};

use super::discover::Family;
use super::spec::{Notice, Trouble};
use crate::bounded;
use crate::text::of_path;

mod caddy;
mod load;
#[cfg(test)]
mod tests;

use load::{Loader, Place};

/// Main configurations of nginx and its kin, where packages and builds put them.
const NGINX: [&str; 7] = [
    "etc/nginx/nginx.conf",
    "usr/local/nginx/conf/nginx.conf",
    "usr/local/etc/nginx/nginx.conf",
    "opt/homebrew/etc/nginx/nginx.conf",
    "usr/local/openresty/nginx/conf/nginx.conf",
    "etc/angie/angie.conf",
    "etc/freenginx/nginx.conf",
];
/// Main configurations of Apache httpd.
const APACHE: [&str; 6] = [
    "etc/apache2/apache2.conf",
    "etc/apache2/httpd.conf",
    "etc/httpd/conf/httpd.conf",
    "usr/local/apache2/conf/httpd.conf",
    "usr/local/etc/apache24/httpd.conf",
    "etc/apache24/httpd.conf",
];
/// Configurations of Caddy, and where it keeps the one it was last given.
const CADDY: [&str; 3] = [
    "etc/caddy/Caddyfile",
    "var/lib/caddy/.config/caddy/autosave.json",
    "etc/caddy/caddy.json",
];
/// Most files read of one configuration.
const MAX_FILES: usize = 20_000;
/// Most bytes read of one configuration.
const MAX_BYTES: u64 = 64 << 20;
/// Most faults that are told; nothing is read after them.
const MAX_TROUBLES: usize = 50;
/// Longest text in which values are put in; they may hold values themselves.
const MAX_EXPANDED: usize = 64 << 10;
/// Most includes within includes.
const MAX_DEPTH: usize = 16;

/// What configurations declare.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// The logs, each path once for each format that it is declared in.
    pub logs: Vec<DeclaredLog>,
    /// Named formats, for logs that the configuration does not name.
    pub formats: Vec<DeclaredFormat>,
    /// The main configurations that were read.
    pub read: Vec<PathBuf>,
    /// Where configurations were looked for.
    pub looked: Vec<PathBuf>,
    /// Logs that are no files.
    pub notices: Vec<Notice>,
    /// Configurations that could not be read or understood.
    pub troubles: Vec<Trouble>,
}

/// A log that a configuration declares.
#[derive(Debug, Clone)]
pub struct DeclaredLog {
    /// Its path; a glob where the configuration has variables.
    pub path: PathBuf,
    /// How its lines look; the mistake where its format could not be compiled.
    pub layout: Result<Layout, FormatError>,
    /// The format's text, for the caret under a mistake; a preset's name if it is that.
    pub text: String,
    /// The main configuration it is from.
    pub config: PathBuf,
    /// The file and line that declare it.
    pub at: String,
    /// The file and line that define its format, and how it is called, where it has a definition of its own.
    pub defined: Option<String>,
}

impl DeclaredLog {
    /// What to say of a format that could not be compiled: where it stands, which log has it, and what is wrong.
    pub fn mistake(&self) -> Option<String> {
        let error = self.layout.as_ref().err()?;
        let at = self.defined.as_deref().unwrap_or(&self.at);
        let log = of_path(&self.path);
        let hint = error.hint.as_deref();
        Some(format!(
            "{at}: the format of {log} is not understood: {} at byte {} of the format\n{}\nhint: {}",
            error.message,
            error.at,
            error.caret(&self.text),
            hint.unwrap_or("its lines say what they are; --format says it for one log")
        ))
    }
}

/// A format that a configuration names.
#[derive(Debug, Clone)]
pub struct DeclaredFormat {
    /// Its name.
    pub name: String,
    /// How lines look in it.
    pub layout: Result<Layout, FormatError>,
    /// Its text.
    pub text: String,
}

impl Servers {
    /// What the servers under `root` (`/` but in tests) declare.
    pub fn find(root: &Path) -> Self {
        let mut servers = Self::default();
        for (server, places) in [(Server::Nginx, &NGINX[..]), (Server::Apache, &APACHE[..])] {
            for place in places {
                let path = root.join(place);
                servers.looked.push(path.clone());
                if path.is_file() {
                    servers.load(root, server, &path);
                }
            }
        }
        for place in CADDY {
            let path = root.join(place);
            servers.looked.push(path.clone());
            if path.is_file() {
                servers.load_caddy(root, &path);
            }
        }
        servers
    }

    /// What one configuration declares, Caddy's by its name, nginx's or Apache's by its content.
    pub fn from_file(path: &Path) -> Self {
        let mut servers = Self::default();
        servers.looked.push(path.into());
        if caddy::is_configuration(path) {
            servers.load_caddy(Path::new("/"), path);
            return servers;
        }
        let text = match read(path) {
            Ok(text) => text,
            Err(trouble) => {
                servers.troubles.push(trouble);
                return servers;
            }
        };
        let server = if is_nginx(&text) {
            Server::Nginx
        } else {
            Server::Apache
        };
        servers.load(Path::new("/"), server, path);
        servers
    }

    /// The log that is declared for a path, of several the first of [`Servers::logs_of`].
    pub fn log_of(&self, path: &Path) -> Option<&DeclaredLog> {
        self.logs_of(path).first().copied()
    }

    /// The logs that are declared for a path: by the path itself or as a rotated generation of it; else as a match of
    /// globs, of which the one with most letters of its own says most.
    pub fn logs_of(&self, path: &Path) -> Vec<&DeclaredLog> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let family = Family::of(&path).0;
        let same_path = |log: &&DeclaredLog| log.path.as_os_str() == path.as_os_str();
        let same_name = |log: &&DeclaredLog| Family::of(&log.path).0 == family;
        let matches = |log: &&DeclaredLog| {
            let pattern = log.path.to_str().filter(|text| text.contains('*'));
            pattern
                .and_then(|text| glob::Pattern::new(text).ok())
                .is_some_and(|glob| glob.matches_path(&path))
        };
        let mut named: Vec<_> = self.logs.iter().filter(same_path).collect();
        if named.is_empty() {
            named = self.logs.iter().filter(same_name).collect();
        }
        if !named.is_empty() {
            return named;
        }
        let mut matching: Vec<_> = self.logs.iter().filter(matches).collect();
        let letters = |log: &&DeclaredLog| log.path.as_os_str().len();
        matching.sort_by_key(|log| std::cmp::Reverse(letters(log)));
        matching
    }

    /// Every format that is declared and understood: those of logs first, then those that no log uses.
    pub fn layouts(&self) -> impl Iterator<Item = &Layout> {
        let of_logs = self.logs.iter().map(|log| &log.layout);
        let named = self.formats.iter().map(|format| &format.layout);
        of_logs.chain(named).filter_map(|layout| layout.as_ref().ok())
    }

    fn load(&mut self, root: &Path, server: Server, path: &Path) {
        let mut loader = Loader::new(root, server, path);
        let mut directives = Vec::new();
        loader.file(path, 0, 0, &mut directives);
        self.read.push(path.into());
        self.troubles.append(&mut loader.troubles);
        for located in &directives {
            if let Directive::Format {
                name: Some(name),
                escape,
                text,
            } = &located.directive
            {
                let layout = compile(server, *escape, text);
                self.formats.push(DeclaredFormat {
                    name: name.clone(),
                    layout,
                    text: text.clone(),
                });
            }
        }
        let before = self.logs.len();
        for log in declared(server, &directives) {
            match loader.place(&log.target) {
                Place::File(file) => self.add(DeclaredLog {
                    path: file,
                    layout: log.layout,
                    text: log.text,
                    config: path.into(),
                    at: loader.spot(log.at),
                    defined: log
                        .defined
                        .map(|(name, at)| loader.definition(name.as_deref(), at)),
                }),
                Place::Elsewhere(what) => self.notices.push(Notice {
                    path: path.into(),
                    what,
                }),
                Place::Nowhere => {}
            }
        }
        // A configuration from elsewhere says nothing of this machine's log.
        let is_here = NGINX.iter().any(|place| root.join(place) == path);
        let silent = self.logs.len() == before && server == Server::Nginx && is_here;
        let usual = root.join("var/log/nginx/access.log");
        if silent && usual.exists() {
            // Built in by every package of it.
            let layout = Ok(Layout::preset(afw_parsers::Format::NginxCombined));
            let text = String::from("nginx-combined");
            self.add(DeclaredLog {
                path: usual,
                layout,
                text,
                config: path.into(),
                at: of_path(path).into_owned(),
                defined: None,
            });
        }
    }

    fn add(&mut self, log: DeclaredLog) {
        let same = |other: &DeclaredLog| other.path == log.path && other.layout == log.layout;
        if !self.logs.iter().any(same) {
            self.logs.push(log);
        }
    }
}

fn compile(server: Server, escape: Escape, text: &str) -> Result<Layout, FormatError> {
    match server {
        Server::Nginx => Layout::nginx_configured(text, escape),
        Server::Apache => Layout::apache(text),
    }
}

/// nginx ends its directives with semicolons; Apache's parser finds nothing of note in such a text. A text that neither
/// understands is nginx's, whose parser says where it breaks.
fn is_nginx(text: &str) -> bool {
    let of_apache = apache::directives(text).map_or(0, |found| found.len());
    match nginx::directives(text) {
        Ok(found) => !found.is_empty() && found.len() >= of_apache,
        Err(_) => of_apache == 0 && (text.contains([';', '{']) || has_nginx_word(text)),
    }
}

/// Whether a line begins with what only nginx has: a text that breaks off may be too short for any punctuation.
fn has_nginx_word(text: &str) -> bool {
    let first = |line: &str| matches!(line.split_whitespace().next(), Some("log_format" | "access_log"));
    text.lines().any(first)
}

/// The text of a file, if it is no longer than a configuration may be. Devices and pipes need not end.
fn read(path: &Path) -> Result<String, Trouble> {
    let failed = |error| Trouble::io(path, &error);
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() {
        return Err(Trouble::new(path, "is a directory, not a configuration").hint(main_file_hint(path)));
    }
    // A pipe that the shell made (`<(…)`) lies there as well.
    let system = ["/proc", "/sys"].iter().any(|tree| path.starts_with(tree));
    let endless = system || kind.is_char_device() || kind.is_fifo();
    if endless && !path.starts_with("/dev/fd") {
        return Err(Trouble::new(path, "is a device or a pipe, not a configuration"));
    }
    let bytes = bounded::read(path, MAX_BYTES).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => too_large(path),
        _ => failed(error),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file that was probably meant by the directory it lies in.
fn main_file_hint(directory: &Path) -> String {
    let usual = [
        "nginx.conf",
        "apache2.conf",
        "httpd.conf",
        "conf/httpd.conf",
        "Caddyfile",
    ];
    let files = usual.iter().map(|name| directory.join(name));
    match files.into_iter().find(|path| path.is_file()) {
        Some(file) => format!("did you mean {}?", of_path(&file)),
        None => String::from("name the server's main configuration, such as /etc/nginx/nginx.conf"),
    }
}

fn too_large(path: &Path) -> Trouble {
    Trouble::new(path, "the configuration is too large, the rest was not read")
}

/// Adds a trouble; of very many the first tell enough.
fn note(troubles: &mut Vec<Trouble>, trouble: Trouble) {
    match troubles.len() {
        ..MAX_TROUBLES => troubles.push(trouble),
        MAX_TROUBLES => troubles.push(Trouble::new(&trouble.path, "has further faults, as others have")),
        _ => {}
    }
}

/// The matches of a glob, sorted, as servers take them.
fn matches_of(pattern: &Path) -> Vec<PathBuf> {
    let Some(Ok(paths)) = pattern.to_str().map(glob::glob) else {
        return Vec::new();
    };
    paths
        .flatten()
        .filter(|path| path.is_file())
        .take(MAX_FILES)
        .collect()
}
