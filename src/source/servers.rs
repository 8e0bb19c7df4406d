//! Which access logs the web servers of this machine write: read out of their configuration, includes followed.
//!
//! Loads the files; what their directives mean is [`afw_parsers::config`]'s to say. Bounded: so many files, so many
//! bytes, so deep. Next: [`super::discover`], which the paths found here go to.

use std::collections::HashMap;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use afw_parsers::compile::FormatError;
use afw_parsers::config::{ConfigError, Directive, Located, Server, Target, apache, declared, nginx};
use afw_parsers::{Escape, Layout};

use super::discover::Family;
use super::spec::{Notice, Trouble};

mod caddy;
#[cfg(test)]
mod tests;

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
/// Where nginx takes relative log paths from, by build.
const NGINX_PREFIXES: [&str; 3] = ["usr/share/nginx", "usr/local/nginx", "etc/nginx"];
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
    /// The logs, each path once.
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

    /// The log that is declared for a path: by the path itself, as a match of a glob, or as a rotated generation.
    pub fn log_of(&self, path: &Path) -> Option<&DeclaredLog> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let family = Family::of(&path).0;
        let same_name = |log: &&DeclaredLog| log.path == path || Family::of(&log.path).0 == family;
        let matches = |log: &&DeclaredLog| {
            let pattern = log.path.to_str().filter(|text| text.contains('*'));
            pattern
                .and_then(|text| glob::Pattern::new(text).ok())
                .is_some_and(|glob| glob.matches_path(&path))
        };
        self.logs
            .iter()
            .find(same_name)
            .or_else(|| self.logs.iter().find(matches))
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
                }),
                Place::Elsewhere(what) => self.notices.push(Notice {
                    path: path.into(),
                    what,
                }),
                Place::Nowhere => {}
            }
        }
        let silent = self.logs.len() == before && server == Server::Nginx;
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
            });
        }
    }

    fn add(&mut self, log: DeclaredLog) {
        if self.logs.iter().all(|other| other.path != log.path) {
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
        Err(_) => of_apache == 0 && text.contains([';', '{']),
    }
}

/// The text of a file, if it is no longer than a configuration may be. Devices and pipes need not end.
fn read(path: &Path) -> Result<String, Trouble> {
    let failed = |error| Trouble::io(path, &error);
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    // A pipe that the shell made (`<(…)`) lies there as well.
    let system = ["/proc", "/sys"].iter().any(|tree| path.starts_with(tree));
    let endless = system || kind.is_char_device() || kind.is_fifo();
    if endless && !path.starts_with("/dev/fd") {
        return Err(Trouble::new(path, "is a device or a pipe, not a configuration"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(path));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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

/// Where a log's lines go.
enum Place {
    File(PathBuf),
    Elsewhere(String),
    Nowhere,
}

/// Reads a configuration with all it includes.
struct Loader<'r> {
    root: &'r Path,
    server: Server,
    /// What relative paths are relative to.
    base: PathBuf,
    variables: HashMap<String, String>,
    open: Vec<PathBuf>,
    files: usize,
    bytes: u64,
    /// Whether it was said that no more is read.
    full: bool,
    hosts: usize,
    troubles: Vec<Trouble>,
}

impl<'r> Loader<'r> {
    fn new(root: &'r Path, server: Server, path: &Path) -> Self {
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
            files: 0,
            bytes: 0,
            full: false,
            hosts: 0,
            troubles,
        }
    }

    /// Adds the directives of a file, those of included files in the place of their includes. `host` is the one
    /// that the including line stands in.
    fn file(&mut self, path: &Path, host: usize, depth: usize, into: &mut Vec<Located>) {
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
        let first_host = self.hosts;
        self.hosts += found.iter().map(|located| located.host).max().unwrap_or_default();
        for located in found {
            let host = if located.host == 0 {
                host
            } else {
                first_host + located.host
            };
            self.directive(Located { host, ..located }, depth, into);
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
            _ => into.push(located),
        }
    }

    /// The files that an include names: one, those that a glob matches, or all in a directory.
    fn included(&mut self, pattern: &str, optional: bool) -> Vec<PathBuf> {
        let path = self.rooted(&self.base.join(self.expand(pattern)));
        if path.is_dir() {
            return matches_of(&path.join("*"))
                .into_iter()
                .filter(|path| path.is_file())
                .collect();
        }
        let wild = path.to_str().is_some_and(|text| text.contains(['*', '?', '[']));
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

    fn place(&self, target: &Target) -> Place {
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
            let prefixes = NGINX_PREFIXES
                .iter()
                .map(|prefix| self.root.join(prefix).join(&path));
            let found = prefixes
                .into_iter()
                .find(|path| path.parent().is_some_and(Path::is_dir));
            return found.map_or(Place::Nowhere, Place::File);
        }
        Place::File(self.rooted(&path))
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

/// Variables that Debian's `envvars` exports.
fn exported(path: &Path) -> HashMap<String, String> {
    let text = std::fs::read(path).unwrap_or_default();
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
