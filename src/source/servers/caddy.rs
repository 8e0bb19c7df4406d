//! Caddy: the log files that a Caddyfile or a JSON configuration names. Their format is recognised when they are
//! read, since Caddy's encoders can be told to leave out and rename what they write; only the unit of durations,
//! which no line tells, is taken from the configuration.

use std::path::{Path, PathBuf};

use afw_parsers::{Format, Layout, Unit};
use serde_json::Value;

use super::{DeclaredLog, MAX_DEPTH, MAX_FILES, MAX_TROUBLES, Servers, matches_of, note, read};
use crate::source::spec::Trouble;

impl Servers {
    pub(super) fn load_caddy(&mut self, root: &Path, path: &Path) {
        self.read.push(path.into());
        let mut found = Vec::new();
        if path.extension().is_some_and(|ending| ending == "json") {
            match read_json(path) {
                Ok(value) => json_files(&value, &mut found),
                Err(trouble) => self.troubles.push(trouble),
            }
        } else {
            let mut files = 0;
            caddyfile(path, 0, &mut files, &mut found, &mut self.troubles);
        }
        for CaddyLog { file, durations } in found {
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
}

/// What `duration_format` means: text and seconds need no telling apart.
fn unit(duration_format: &str) -> Option<Unit> {
    Unit::from_name(duration_format).filter(|unit| *unit != Unit::Seconds)
}

fn read_json(path: &Path) -> Result<Value, Trouble> {
    serde_json::from_str(&read(path)?).map_err(|error| Trouble::new(path, format!("no valid JSON: {error}")))
}

/// `logging.logs.*.writer` of kind `file`.
fn json_files(value: &Value, found: &mut Vec<CaddyLog>) {
    let logs = value.pointer("/logging/logs").and_then(Value::as_object);
    for log in logs.into_iter().flat_map(serde_json::Map::values) {
        let is_file = log.pointer("/writer/output").and_then(Value::as_str) == Some("file");
        if let (true, Some(name)) = (is_file, log.pointer("/writer/filename").and_then(Value::as_str)) {
            let formats = ["/encoder/duration_format", "/encoder/wrap/duration_format"];
            let mut formats = formats.iter().filter_map(|at| log.pointer(at)?.as_str());
            found.push(CaddyLog {
                file: name.to_owned(),
                durations: formats.find_map(unit),
            });
        }
    }
}

/// The `log` block that is being read.
#[derive(Default)]
struct Block {
    /// How many blocks are open around it.
    around: usize,
    files: Vec<String>,
    durations: Option<Unit>,
}

impl Block {
    fn close(self, found: &mut Vec<CaddyLog>) {
        let durations = self.durations;
        let of = |file| CaddyLog { file, durations };
        found.extend(self.files.into_iter().map(of));
    }
}

/// `output file PATH` of a Caddyfile, with what it imports.
fn caddyfile(
    path: &Path,
    depth: usize,
    files: &mut usize,
    found: &mut Vec<CaddyLog>,
    troubles: &mut Vec<Trouble>,
) {
    *files += 1;
    if depth > MAX_DEPTH || *files > MAX_FILES || troubles.len() > MAX_TROUBLES {
        return note(troubles, Trouble::new(path, "imports too much, not read"));
    }
    let text = match read(path) {
        Ok(text) => text,
        Err(trouble) => return note(troubles, trouble),
    };
    let (mut open, mut block) = (0usize, Block::default());
    for line in text.lines() {
        let mut words = line.split_whitespace().map(|word| word.trim_matches(['"', '`']));
        match (words.next(), words.next(), words.next()) {
            (Some("log"), ..) => {
                std::mem::take(&mut block).close(found);
                block.around = open;
            }
            (Some("output"), Some("file"), Some(file)) => block.files.push(file.to_owned()),
            (Some("duration_format"), Some(format), _) => block.durations = unit(format),
            (Some("import"), Some(pattern), _) => {
                // A snippet's name is no path and matches nothing.
                let pattern: PathBuf = path.parent().unwrap_or(Path::new("")).join(pattern);
                for import in matches_of(&pattern) {
                    caddyfile(&import, depth + 1, files, found, troubles);
                }
            }
            _ => {}
        }
        for word in line.split_whitespace() {
            open = match word {
                "{" => open + 1,
                "}" => open.saturating_sub(1),
                _ => open,
            };
        }
        if open <= block.around {
            std::mem::take(&mut block).close(found);
        }
    }
    block.close(found);
}
