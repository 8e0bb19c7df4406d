//! Pages of the documentation, as far as tests execute them.
//!
//! In a fenced block of kind `console`, a line that begins with `$ ` is a command (a `\` at its end continues it) and
//! what follows is what it says. A block of another kind with a second word in its fence (three backticks, `nginx site.conf`)
//! is a file of that name, which lies where the page's commands run.

use std::fs;
use std::path::{Path, PathBuf};

/// One command that a page shows.
pub struct Example {
    /// Page and line, as an editor takes them.
    pub place: String,
    /// What is typed.
    pub command: String,
    /// What the page says that it prints; empty when the page does not say.
    pub shown: Vec<String>,
}

/// One page.
pub struct Page {
    /// Where it lies, from the project's root.
    pub name: String,
    pub examples: Vec<Example>,
    /// Names and contents of its files.
    pub files: Vec<(String, String)>,
}

/// The README and every page in `docs/`, in the order of their names.
pub fn all() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = fs::read_dir("docs")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths.insert(0, PathBuf::from("README.md"));
    paths.iter().map(|path| Page::read(path)).collect()
}

impl Page {
    /// Reads a page.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut page = Self {
            name: path.display().to_string(),
            examples: Vec::new(),
            files: Vec::new(),
        };
        let mut fence: Option<String> = None;
        for (number, line) in (1..).zip(text.lines()) {
            match (line.trim_start().strip_prefix("```"), &fence) {
                (Some(kind), None) => {
                    page.open(kind);
                    fence = Some(kind.to_owned());
                }
                (Some(_), Some(_)) => fence = None,
                (None, Some(kind)) => page.take(kind, line, number),
                (None, None) => {}
            }
        }
        assert!(fence.is_none(), "{}: a block is not closed", page.name);
        page
    }

    fn open(&mut self, fence: &str) {
        if let Some((_, name)) = fence.split_once(' ') {
            self.files.push((name.to_owned(), String::new()));
        }
    }

    fn take(&mut self, fence: &str, line: &str, number: usize) {
        if fence == "console" {
            self.take_console(line, number);
        } else if fence.contains(' ') {
            let (_, text) = self.files.last_mut().unwrap();
            text.push_str(line);
            text.push('\n');
        }
    }

    fn take_console(&mut self, line: &str, number: usize) {
        if let Some(command) = line.strip_prefix("$ ") {
            self.examples.push(Example {
                place: format!("{}:{number}", self.name),
                command: command.to_owned(),
                shown: Vec::new(),
            });
            return;
        }
        let example = self.examples.last_mut().expect("a block begins with a command");
        match example.command.strip_suffix('\\') {
            Some(begun) if example.shown.is_empty() => {
                example.command = format!("{begun}{}", line.trim_start())
            }
            _ => example.shown.push(line.to_owned()),
        }
    }
}

impl Example {
    /// The arguments of the first afw that the command runs.
    pub fn arguments(&self) -> Option<Vec<String>> {
        let at = self.command.find("afw ")?;
        let rest = &self.command[at + 4..];
        Some(words(
            rest.split(" > ").next().unwrap().split(" | ").next().unwrap(),
        ))
    }

    /// Where what was said departs from what the page shows. `…` stands for any text, and alone on a line for any lines.
    pub fn departs(&self, said: &str) -> Option<String> {
        let shown: Vec<_> = self.shown.iter().map(|line| line.trim_end()).collect();
        let said: Vec<_> = said.lines().map(str::trim_end).collect();
        let mut at = 0;
        let mut skips = false;
        for line in shown.iter().copied().filter(|line| !line.is_empty()) {
            if line == "…" {
                skips = true;
                continue;
            }
            // Empty lines say nothing.
            let rest = said[at..].iter().enumerate().filter(|(_, text)| !text.is_empty());
            let mut rest = rest.take(if skips { usize::MAX } else { 1 });
            match rest.find(|(_, text)| is_like(line, text)) {
                Some((index, _)) => at += index + 1,
                None => return Some(line.to_owned()),
            }
            skips = false;
        }
        let left = said[at..].iter().find(|text| !text.is_empty() && !skips);
        left.map(|text| format!("(the page does not show) {text}"))
    }
}

/// Whether a line is what a page shows, in which `…` stands for any text.
fn is_like(shown: &str, said: &str) -> bool {
    let Some((first, others)) = shown.split_once('…') else {
        return shown == said;
    };
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = others.rsplit_once('…').unwrap_or(("", others));
    for piece in middle.split('…') {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Splits as a shell does, as far as the pages need it.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}
