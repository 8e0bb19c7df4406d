//! `nginx.conf`: nginx's own tokeniser rules, and the directives about logs.

use crate::config::{ConfigError, Directive, Located, Target};
use crate::unescape::Escape;

mod lua;

/// The directives about logs in one file, in order.
///
/// # Errors
/// A string or block that does not end, text right behind a string, or a directive without its `;`.
pub fn directives(text: &str) -> Result<Vec<Located>, ConfigError> {
    let mut tokens = Tokens {
        text: text.as_bytes(),
        at: 0,
        line: 1,
    };
    let mut found = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut start = 1;
    let mut elsewhere = Elsewhere::default();
    while let Some(token) = tokens.next()? {
        if words.is_empty() {
            start = tokens.line;
        }
        match token {
            Token::Word(word) => words.push(word),
            Token::Open if words.first().is_some_and(|name| name.ends_with("_by_lua_block")) => {
                tokens.skip_lua()?;
                words.clear();
            }
            Token::Open => {
                elsewhere.open(&words, start);
                words.clear();
            }
            Token::Close => {
                elsewhere.close();
                words.clear();
            }
            Token::End => {
                let directive = directive(&words).filter(|_| !elsewhere.is_within());
                if let Some(directive) = directive {
                    found.push(Located {
                        directive,
                        line: start,
                        host: 0,
                        file: 0,
                    });
                }
                words.clear();
            }
        }
    }
    if !words.is_empty() {
        return Err(ConfigError {
            message: "the file ends within a directive: a \";\" is missing",
            line: start,
        });
    }
    match elsewhere.open.last() {
        None => Ok(found),
        Some(&line) => Err(ConfigError {
            message: "this block does not end: a \"}\" is missing",
            line,
        }),
    }
}

/// The blocks `stream` and `mail`: their lines tell of connections, and their format names are their own.
#[derive(Default)]
struct Elsewhere {
    /// The lines on which the open blocks begin.
    open: Vec<usize>,
    /// How many were open around it, within such a block.
    around: Option<usize>,
}

impl Elsewhere {
    fn open(&mut self, words: &[String], line: usize) {
        if self.around.is_none() && matches!(words, [name] if name == "stream" || name == "mail") {
            self.around = Some(self.open.len());
        }
        self.open.push(line);
    }

    fn close(&mut self) {
        self.open.pop();
        self.around = self.around.filter(|around| *around < self.open.len());
    }

    fn is_within(&self) -> bool {
        self.around.is_some()
    }
}

enum Token {
    Word(String),
    End,
    Open,
    Close,
}

/// Position in the text, and the line of the last token's beginning.
struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

impl Tokens<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<Option<Token>, ConfigError> {
        self.skip_space();
        let Some(byte) = self.peek() else {
            return Ok(None);
        };
        self.at += 1;
        Ok(Some(match byte {
            b';' => Token::End,
            b'{' => Token::Open,
            b'}' => Token::Close,
            b'"' | b'\'' => Token::Word(self.quoted(byte)?),
            _ => {
                self.at -= 1;
                Token::Word(self.plain())
            }
        }))
    }

    /// White space, and comments, which begin only where a token could.
    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                b'#' => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    continue;
                }
                _ => return,
            }
            self.at += 1;
        }
    }

    /// Up to the same quote; newlines belong to the value.
    fn quoted(&mut self, quote: u8) -> Result<String, ConfigError> {
        let start = self.line;
        let mut value = Vec::new();
        loop {
            match self.peek() {
                None => {
                    return Err(ConfigError {
                        message: "this string does not end",
                        line: start,
                    });
                }
                Some(byte) if byte == quote => {
                    self.at += 1;
                    self.expect_end_of_word()?;
                    return Ok(String::from_utf8_lossy(&value).into_owned());
                }
                Some(byte) => self.value_byte(byte, &mut value),
            }
        }
    }

    /// What nginx wants behind a string: it refuses text that is glued to one.
    fn expect_end_of_word(&self) -> Result<(), ConfigError> {
        match self.peek() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')') => Ok(()),
            Some(_) => Err(ConfigError {
                message: "text stands right behind the end of a string: a space is missing, or a quote too many",
                line: self.line,
            }),
        }
    }

    /// Up to white space, `;` or `{`; `${name}` does not end it.
    fn plain(&mut self) -> String {
        let mut value = Vec::new();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' => break,
                b'{' if value.last() != Some(&b'$') => break,
                _ => self.value_byte(byte, &mut value),
            }
        }
        String::from_utf8_lossy(&value).into_owned()
    }

    /// One byte of a value: a backslash makes quotes, itself and the controls; before others it stays.
    fn value_byte(&mut self, byte: u8, value: &mut Vec<u8>) {
        self.at += 1;
        if byte == b'\n' {
            self.line += 1;
        }
        if byte != b'\\' {
            value.push(byte);
            return;
        }
        let Some(next) = self.peek() else {
            value.push(byte);
            return;
        };
        self.at += 1;
        match next {
            b'"' | b'\'' | b'\\' => value.push(next),
            b't' => value.push(b'\t'),
            b'r' => value.push(b'\r'),
            b'n' => value.push(b'\n'),
            _ => value.extend([byte, next]),
        }
    }

    /// A block of Lua: up to the brace that closes it, those in strings and comments left out.
    fn skip_lua(&mut self) -> Result<(), ConfigError> {
        let start = self.line;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = lua::block(rest).ok_or(ConfigError {
            message: "this block does not end",
            line: start,
        })?;
        let block = rest.get(..length).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', block).count();
        self.at += length;
        Ok(())
    }
}

fn directive(words: &[String]) -> Option<Directive> {
    let (name, arguments) = words.split_first()?;
    match name.as_str() {
        "log_format" => format(arguments),
        "access_log" => log(arguments),
        "include" => arguments.first().map(|pattern| Directive::Include {
            pattern: pattern.clone(),
            optional: pattern.contains('*'),
        }),
        _ => None,
    }
}

/// `log_format NAME [escape=…] STRING…`: the strings are joined with nothing between them. An escaping that nginx does not
/// have stays in front of the text, for whoever compiles it to refuse.
fn format(arguments: &[String]) -> Option<Directive> {
    let (name, strings) = arguments.split_first()?;
    let (escape, strings) = match strings.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("escape=json", rest)) => (Escape::Json, rest),
        Some(("escape=none", rest)) => (Escape::None, rest),
        Some(("escape=default", rest)) => (Escape::Nginx, rest),
        _ => (Escape::Nginx, strings),
    };
    let text = match strings {
        [word, rest @ ..] if word.starts_with("escape=") => format!("{word} {}", rest.concat()),
        strings => strings.concat(),
    };
    Some(Directive::Format {
        name: Some(name.clone()),
        escape,
        text,
    })
}

/// `access_log PATH [FORMAT] [buffer=…] [if=…]` or `off`.
fn log(arguments: &[String]) -> Option<Directive> {
    let (path, options) = arguments.split_first()?;
    let target = match path.as_str() {
        "off" => Target::Off,
        path if path.starts_with("syslog:") => Target::Syslog(path.to_owned()),
        path if path.starts_with("memory:") => Target::Off,
        path if path.starts_with('|') => Target::Pipe(path.trim_start_matches('|').to_owned()),
        path => Target::File(path.to_owned()),
    };
    let is_option = |word: &String| {
        word == "gzip"
            || ["buffer=", "gzip=", "flush=", "if=", "nohostname"]
                .iter()
                .any(|start| word.starts_with(start))
    };
    let format = options.first().filter(|word| !is_option(word)).cloned();
    let conditional = options.iter().any(|word| word.starts_with("if="));
    Some(Directive::Log {
        target,
        format,
        conditional,
    })
}
