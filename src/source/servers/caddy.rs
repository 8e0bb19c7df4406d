//! Caddy: the log files that a Caddyfile or a JSON configuration names. Their format is recognised when they are
//! read, since Caddy's encoders can be told to leave out and rename what they write; only the unit of durations,
//! which no line tells, is taken from the configuration.

use std::path::Path;

use afw_parsers::{Format, Layout, Unit};
use serde_json::Value;

use super::{DeclaredLog, Servers, read};
use crate::source::spec::{Notice, Trouble};
use crate::text::{of_path, printable};

mod file;

use file::caddyfile;

impl Servers {
    pub(super) fn load_caddy(&mut self, root: &Path, path: &Path) {
        self.read.push(path.into());
        let mut found = Vec::new();
        if path.extension().is_some_and(|ending| ending == "json") {
            match read_json(path) {
                Ok(value) => json_files(&value, path, &mut found),
                Err(trouble) => self.troubles.push(trouble),
            }
        } else {
            found = caddyfile(path, &mut self.troubles);
        }
        for CaddyLog { file, durations, at } in found {
            let Some(file) = without_placeholders(&file) else {
                let what = format!(
                    "{at} logs to {}, which only Caddy can fill in; name the file",
                    printable(&file)
                );
                self.notices.push(Notice {
                    path: path.into(),
                    what,
                });
                continue;
            };
            let file = match Path::new(&file).strip_prefix("/") {
                Ok(below) => root.join(below),
                Err(_) => path.parent().unwrap_or(root).join(&file),
            };
            let (layout, text) = match durations {
                Some(unit) => (Layout::first(Format::Caddy).with_durations(unit), "caddy"),
                None => (Layout::auto(), "auto"),
            };
            self.add(DeclaredLog {
                path: file,
                layout: Ok(layout),
                text: text.to_owned(),
                config: path.into(),
                at,
                defined: None,
            });
        }
    }
}

/// Whether a file is Caddy's by its name: `Caddyfile`, `shop.Caddyfile`, `caddy.json`.
pub(super) fn is_configuration(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    name.is_some_and(|name| name.contains("caddyfile") || name.ends_with(".json"))
}

/// A log file that a configuration names, and the unit of its durations where that is not the usual one.
struct CaddyLog {
    file: String,
    durations: Option<Unit>,
    /// Where it stands, for people.
    at: String,
}

/// What `duration_format` means: text and seconds need no telling apart.
fn unit(duration_format: &str) -> Option<Unit> {
    Unit::from_name(duration_format).filter(|unit| *unit != Unit::Seconds)
}

fn read_json(path: &Path) -> Result<Value, Trouble> {
    serde_json::from_str(&read(path)?).map_err(|error| Trouble::new(path, format!("no valid JSON: {error}")))
}

/// `logging.logs.*.writer` of kind `file`.
fn json_files(value: &Value, path: &Path, found: &mut Vec<CaddyLog>) {
    let logs = value.pointer("/logging/logs").and_then(Value::as_object);
    for log in logs.into_iter().flat_map(serde_json::Map::values) {
        let is_file = log.pointer("/writer/output").and_then(Value::as_str) == Some("file");
        if let (true, Some(name)) = (is_file, log.pointer("/writer/filename").and_then(Value::as_str)) {
            let formats = ["/encoder/duration_format", "/encoder/wrap/duration_format"];
            let mut formats = formats.iter().filter_map(|at| log.pointer(at)?.as_str());
            found.push(CaddyLog {
                file: name.to_owned(),
                durations: formats.find_map(unit),
                at: of_path(path).into_owned(),
            });
        }
    }
}

/// A path with Caddy's `{placeholders}` as a glob; `None` where the very beginning is one, so that it could lie
/// anywhere.
fn without_placeholders(path: &str) -> Option<String> {
    if path.starts_with('{') {
        return None;
    }
    let mut pieces = path.split('{');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let after = piece.split_once('}').map_or("", |(_, after)| after);
        if !out.ends_with('*') {
            out.push('*');
        }
        out.push_str(after);
    }
    Some(out)
}
