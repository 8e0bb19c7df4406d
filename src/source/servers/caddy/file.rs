//! The Caddyfile: words, snippets and imports, as far as they decide where logs are written.
//!
//! Bounded as other configurations are: so deep, so many files and imports, so many bytes gone through.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use afw_parsers::Unit;

use super::{CaddyLog, unit};
use crate::source::servers::{
    MAX_BYTES, MAX_DEPTH, MAX_EXPANDED, MAX_FILES, MAX_TROUBLES, matches_of, note, read,
};
use crate::source::spec::Trouble;
use crate::text::of_path;

/// Most arguments of an import that are put in.
const MAX_ARGUMENTS: usize = 100;

/// The log files that a Caddyfile names, with what it imports.
pub(super) fn caddyfile(path: &Path, troubles: &mut Vec<Trouble>) -> Vec<CaddyLog> {
    let mut reader = Reader {
        troubles,
        found: Vec::new(),
        snippets: HashMap::new(),
        imports: 0,
        bytes: 0,
        open: 0,
        block: Block::default(),
    };
    reader.file(path, &[], 0);
    std::mem::take(&mut reader.block).close(&mut reader.found);
    reader.found
}

/// A line in its words.
struct Line {
    number: usize,
    words: Vec<Word>,
}

/// A word without its quotes; a brace in quotes opens nothing.
struct Word {
    text: String,
    quoted: bool,
}

/// Lines of a file or snippet, and the file they stand in.
#[derive(Clone)]
struct Lines {
    path: Rc<Path>,
    lines: Rc<[Line]>,
    /// Which of them.
    from: usize,
    to: usize,
}

/// The `log` block that is being read.
#[derive(Default)]
struct Block {
    /// How many blocks are open around it.
    around: usize,
    /// Files, and where they are named.
    files: Vec<(String, String)>,
    durations: Option<Unit>,
}

impl Block {
    fn close(self, found: &mut Vec<CaddyLog>) {
        let durations = self.durations;
        let of = |(file, at)| CaddyLog { file, durations, at };
        found.extend(self.files.into_iter().map(of));
    }
}

struct Reader<'t> {
    troubles: &'t mut Vec<Trouble>,
    found: Vec<CaddyLog>,
    snippets: HashMap<String, Lines>,
    imports: usize,
    bytes: u64,
    /// How many blocks are open.
    open: usize,
    block: Block,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, arguments: &[String], depth: usize) {
        if !self.may_go_on(path, depth) {
            return;
        }
        match read(path) {
            Ok(text) => {
                let lines: Rc<[Line]> = lines(&text).into();
                let to = lines.len();
                let path = Rc::from(path);
                self.lines(
                    &Lines {
                        path,
                        lines,
                        from: 0,
                        to,
                    },
                    arguments,
                    depth,
                );
            }
            Err(trouble) => note(self.troubles, trouble),
        }
    }

    fn may_go_on(&mut self, path: &Path, depth: usize) -> bool {
        self.imports += 1;
        let small = depth <= MAX_DEPTH && self.imports <= MAX_FILES && self.bytes <= MAX_BYTES;
        let goes_on = small && self.troubles.len() <= MAX_TROUBLES;
        if !goes_on {
            note(self.troubles, Trouble::new(path, "imports too much, not read"));
        }
        goes_on
    }

    fn lines(&mut self, text: &Lines, arguments: &[String], depth: usize) {
        let mut at = text.from;
        while let Some(line) = text.lines.get(at).filter(|_| at < text.to) {
            at += 1;
            if let (0, Some(name)) = (self.open, snippet_name(line)) {
                let end = end_of_block(&text.lines, at, text.to);
                let (from, to) = (at, end);
                self.bytes += (to - from) as u64;
                self.snippets.insert(
                    name.to_owned(),
                    Lines {
                        from,
                        to,
                        ..text.clone()
                    },
                );
                at = end + 1;
                continue;
            }
            self.line(text, line, arguments, depth);
        }
    }

    fn line(&mut self, text: &Lines, line: &Line, arguments: &[String], depth: usize) {
        let words: Vec<String> = line
            .words
            .iter()
            .map(|word| with_arguments(&word.text, arguments))
            .collect();
        self.bytes += words.iter().map(|word| word.len() as u64 + 1).sum::<u64>();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["log", ..] => {
                self.close();
                self.block.around = self.open;
            }
            ["output", "file", file, ..] => {
                let at = format!("{} line {}", of_path(&text.path), line.number);
                self.block.files.push(((*file).to_owned(), at));
            }
            ["duration_format", format, ..] => self.block.durations = unit(format),
            ["import", what, given @ ..] => {
                let given: Vec<String> = given
                    .iter()
                    .take(MAX_ARGUMENTS)
                    .map(|word| (*word).to_owned())
                    .collect();
                self.import(&text.path, what, &given, depth + 1);
            }
            _ => {}
        }
        for word in line.words.iter().filter(|word| !word.quoted) {
            self.open = match word.text.as_str() {
                "{" => self.open + 1,
                "}" => self.open.saturating_sub(1),
                _ => self.open,
            };
        }
        if self.open <= self.block.around {
            self.close();
        }
    }

    fn close(&mut self) {
        std::mem::take(&mut self.block).close(&mut self.found);
    }

    /// A snippet by its name, else files; both take arguments.
    fn import(&mut self, from: &Path, what: &str, arguments: &[String], depth: usize) {
        if let Some(snippet) = self.snippets.get(what).cloned() {
            if self.may_go_on(from, depth) {
                self.lines(&snippet, arguments, depth);
            }
            return;
        }
        for path in matches_of(&from.parent().unwrap_or(Path::new("")).join(what)) {
            self.file(&path, arguments, depth);
        }
    }
}

/// The name of the snippet that a line begins: `(name) {`.
fn snippet_name(line: &Line) -> Option<&str> {
    let [name, brace] = line.words.as_slice() else {
        return None;
    };
    let name = name.text.strip_prefix('(')?.strip_suffix(')')?;
    (brace.text == "{" && !brace.quoted).then_some(name)
}

/// The line that closes the block which was opened before line `from`.
fn end_of_block(lines: &[Line], from: usize, to: usize) -> usize {
    let mut open = 1_usize;
    for (index, line) in lines.iter().enumerate().take(to).skip(from) {
        for word in line.words.iter().filter(|word| !word.quoted) {
            open = match word.text.as_str() {
                "{" => open + 1,
                "}" => open.saturating_sub(1),
                _ => open,
            };
        }
        if open == 0 {
            return index;
        }
    }
    to
}

/// A word with the arguments of its import put in: `{args[0]}`, of old `{args.0}`.
fn with_arguments(word: &str, arguments: &[String]) -> String {
    let mut out = word.to_owned();
    if !word.contains("{args") {
        return out;
    }
    for (index, argument) in arguments.iter().enumerate() {
        for name in [format!("{{args[{index}]}}"), format!("{{args.{index}}}")] {
            // Arguments may hold arguments: what doubles itself stays as it is.
            let uses = out.matches(&name).count();
            if out.len() + uses * argument.len() <= MAX_EXPANDED {
                out = out.replace(&name, argument);
            }
        }
    }
    out
}

/// The lines of a text in words, with the defaults of `{$NAME:default}` put in, as Caddy does before all else. What its
/// environment says only Caddy knows.
fn lines(text: &str) -> Vec<Line> {
    let text = with_defaults(text);
    let mut lines: Vec<Line> = Vec::new();
    let mut rest = text.as_str();
    let mut number = 1;
    let mut ended = true;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\n' => {
                ended = true;
                1
            }
            first if first.is_whitespace() => first.len_utf8(),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '\\' if rest.starts_with("\\\n") => 2,
            _ => {
                let (word, length) = word(rest);
                if std::mem::take(&mut ended) {
                    lines.push(Line {
                        number,
                        words: Vec::new(),
                    });
                }
                if let Some(line) = lines.last_mut() {
                    line.words.push(word);
                }
                length
            }
        };
        let (passed, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        number += passed.matches('\n').count();
        rest = after;
    }
    lines
}

/// The word that a text begins with, and its length: `"…"` (with `\"`), `` `…` ``, `<<MARKER`, or up to white space.
fn word(text: &str) -> (Word, usize) {
    if let Some(heredoc) = heredoc(text) {
        return heredoc;
    }
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '`'));
    let mut word = String::new();
    let mut letters = text.char_indices().skip(usize::from(quote.is_some())).peekable();
    let quoted = quote.is_some();
    while let Some((at, letter)) = letters.next() {
        let is_hidden = |next: &(usize, char)| next.1 == '"';
        match letter {
            '\\' if quote == Some('"') && letters.peek().is_some_and(is_hidden) => {
                word.push('"');
                letters.next();
            }
            letter if Some(letter) == quote => return (Word { text: word, quoted }, at + 1),
            letter if !quoted && letter.is_whitespace() => return (Word { text: word, quoted }, at),
            letter => word.push(letter),
        }
    }
    (Word { text: word, quoted }, text.len())
}

/// The lines between `<<MARKER` and the one that begins with the marker again, behind which words may follow.
fn heredoc(text: &str) -> Option<(Word, usize)> {
    let (marker, body) = text.strip_prefix("<<")?.split_once('\n')?;
    let marker = marker.strip_suffix('\r').unwrap_or(marker);
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if marker.is_empty() || !marker.chars().all(is_letter) {
        return None;
    }
    let mut at = text.len() - body.len();
    for line in body.split_inclusive('\n') {
        let end = line.trim_start().strip_prefix(marker);
        if let Some(after) = end.filter(|after| !after.starts_with(is_letter)) {
            let text = body.get(..at - (text.len() - body.len()))?.to_owned();
            return Some((Word { text, quoted: true }, at + line.len() - after.len()));
        }
        at += line.len();
    }
    None
}

fn with_defaults(text: &str) -> String {
    let mut pieces = text.split("{$");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            Some((inner, after)) if !inner.contains('\n') => {
                match inner.split_once(':') {
                    Some((_, default)) => out.push_str(default),
                    None => out.extend(["{$", inner, "}"]),
                }
                out.push_str(after);
            }
            _ => out.extend(["{$", piece]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_lines() {
        let text = "a \"b c\\\"\" `d\n\\e` # f \"\n\n\t{$X:/srv}/g {$Y} \\\n h#i \"{\" \"open";
        let words: Vec<(usize, Vec<String>)> = lines(text)
            .into_iter()
            .map(|line| {
                (
                    line.number,
                    line.words.into_iter().map(|word| word.text).collect(),
                )
            })
            .collect();
        let line = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            words,
            [
                (1, line(&["a", "b c\"", "d\n\\e"])),
                (4, line(&["/srv/g", "{$Y}", "h#i", "{", "open"])),
            ]
        );
    }

    #[test]
    fn what_stands_in_a_heredoc_is_one_word() {
        let words = |text: &str| -> Vec<(usize, String, bool)> {
            let lines = lines(text).into_iter();
            lines
                .flat_map(|line| {
                    let words = line.words.into_iter();
                    words.map(move |word| (line.number, word.text, word.quoted))
                })
                .collect()
        };
        let word = |line, text: &str, quoted| (line, text.to_owned(), quoted);
        assert_eq!(
            words("a <<HTML\n\tlog {\n HTMLX\n\tHTML 200\nb"),
            [
                word(1, "a", false),
                word(1, "\tlog {\n HTMLX\n", true),
                word(1, "200", false),
                word(5, "b", false)
            ]
        );
        assert_eq!(words("a <<B\nc")[1], word(1, "<<B", false));
        assert_eq!(words("a << b")[1], word(1, "<<", false));
    }
}
