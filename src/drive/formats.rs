//! [`Formats`]: how the format of each log is found, by what was said, declared, or by its first lines.
//!
//! Nothing is parsed here for its own sake; `afw_parsers::recognise` judges lines, `source::servers` reads what servers
//! declare.

use std::collections::HashSet;
use std::path::Path;

use afw_parsers::recognise::HEAD_LINES;
use afw_parsers::{Format, Layout, Line, Parser, Recognition, Record, parts};

use crate::source::servers::Servers;
use crate::terminal::Failure;

/// How the format of each log is found.
#[derive(Debug, Clone)]
pub struct Formats {
    named: Option<Layout>,
    declared: Option<Servers>,
}

impl Formats {
    /// From `--format` and the formats that server configuration declares by log path.
    ///
    /// # Errors
    /// Exit code 2 with a caret under what is wrong; who has it says where it was given.
    pub fn new(format: Option<&str>, declared: Option<Servers>) -> Result<Self, Failure> {
        let read = |option: &str| {
            Layout::from_option(option).map_err(|error| {
                let failure = Failure::usage(format!(
                    "{} at byte {} of the format\n{}",
                    error.message,
                    error.at,
                    error.caret(option)
                ));
                match &error.hint {
                    Some(hint) => failure.hint(meant(option) + hint),
                    None => failure.hint("the server's own format string as it stands in its configuration, or a preset's name"),
                }
            })
        };
        Ok(Self {
            named: format.map(read).transpose()?,
            declared,
        })
    }

    /// The layout that is named, or declared for a log's path; `None` where its lines have to say.
    pub fn said(&self, log: &str) -> Option<Layout> {
        let said = self.named.clone().or_else(|| self.declared_for(log));
        // `auto` says nothing: the first lines do.
        said.filter(|layout| *layout != Layout::auto())
    }

    /// What is declared for a log's path: of several formats each is tried, since conditions may share out the lines.
    fn declared_for(&self, log: &str) -> Option<Layout> {
        let logs = self.declared.as_ref()?.logs_of(Path::new(log));
        let understood = logs.iter().filter_map(|log| log.layout.as_ref().ok());
        let auto = Layout::auto();
        understood.cloned().reduce(|layout, other| match () {
            () if other == auto => layout.or_any(),
            () if layout == auto => other.or_any(),
            () => layout.or(&other),
        })
    }

    /// The paths that the configuration declares logs for, each once.
    pub fn declared_paths(&self) -> Vec<&Path> {
        let mut seen = HashSet::new();
        let logs = self.declared.iter().flat_map(|servers| &servers.logs);
        let paths = logs.map(|log| log.path.as_path());
        paths.filter(|path| seen.insert(*path)).collect()
    }

    /// The file and line that declare a log.
    pub fn declared_at(&self, path: &Path) -> Option<&str> {
        Some(self.declared.as_ref()?.log_of(path)?.at.as_str())
    }

    /// Whether anything at all is said of a log, be it `auto`.
    fn declares(&self, log: &str) -> bool {
        self.named.is_some() || self.declared_for(log).is_some()
    }

    /// The layout of a log: as named, as declared for its path, else what its first lines say, which may be in a
    /// format that is declared for another path (a log that was copied here).
    pub fn recognise(&self, log: &str, head: &[&[u8]]) -> Recognised {
        if let Some(layout) = self.said(log) {
            return Recognised {
                layout,
                access_log: true,
            };
        }
        let recognition = Layout::recognise(head);
        // What is declared for another path does not hold for one that has a declaration of its own, be it `auto`.
        if !self.declares(log)
            && let Some(layout) = self.declared_for_lines(head, &recognition)
        {
            return Recognised {
                layout,
                access_log: true,
            };
        }
        let access_log = self.declares(log) || !recognition.candidates.is_empty() || may_be_access_log(head);
        Recognised {
            layout: recognition.layout,
            access_log,
        }
    }

    /// The declared format that reads most of these lines: at least half of them, and no fewer than the best preset;
    /// or that preset with what the configuration says of it.
    fn declared_for_lines(&self, head: &[&[u8]], recognition: &Recognition) -> Option<Layout> {
        let declared = self.declared.as_ref()?;
        let accepted = recognition.candidates.first().map_or(0, |best| best.lines);
        let preset = recognition.layout.name();
        let head: Vec<&[u8]> = head
            .iter()
            .copied()
            .filter(|line| !line.trim_ascii().is_empty())
            .collect();
        let head = head.get(..HEAD_LINES).unwrap_or(&head);
        let least = accepted.max(head.len().div_ceil(2)).max(1);
        let mut best: Option<(usize, &Layout)> = None;
        for layout in declared.layouts() {
            // What reads any line says nothing about these.
            let reads_any = *layout == layout.or_any();
            let lines = match reads_any {
                true if layout.name() == preset => accepted,
                true => 0,
                false => requests(layout, head),
            };
            if lines >= least && best.is_none_or(|(most, _)| lines > most) {
                best = Some((lines, layout));
            }
        }
        best.map(|(_, layout)| layout.or_any())
    }
}

/// The preset that was probably meant by a name that is none.
fn meant(option: &str) -> String {
    let names = Format::ALL.iter().map(|format| format.name());
    let server = ["nginx", "apache"]
        .iter()
        .find(|server| crate::text::nearest(option, [**server]).is_some());
    match server {
        _ if option.contains(':') => String::new(),
        Some(server) => format!("did you mean {server}-combined, the usual one, or {server}:'…'? else "),
        None => match crate::text::nearest(option, names) {
            Some(name) => format!("did you mean {name}? else "),
            None => String::new(),
        },
    }
}

/// How many of these lines are of a layout: what it reads as requests, and what it refuses since a client made it ambiguous.
fn requests(layout: &Layout, head: &[&[u8]]) -> usize {
    let mut parser = Parser::new(layout);
    let mut record = Record::default();
    let mut is_request =
        |line| matches!(parser.parse(line, &mut record), Ok(Line::Record)) || parser.names_two_peers(line);
    head.iter().filter(|line| is_request(line)).count()
}

/// Whether lines that look like no format in particular hold a request all the same, or nothing at all.
fn may_be_access_log(head: &[&[u8]]) -> bool {
    let mut parser = Parser::new(&Layout::auto());
    let mut record = Record::default();
    let blank = |line: &&[u8]| line.trim_ascii().is_empty();
    head.iter().all(blank)
        || head
            .iter()
            .flat_map(|line| parts(line))
            .any(|(_, line)| matches!(parser.parse(line, &mut record), Ok(Line::Record)))
}

/// What the first lines of a log say.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// How to read it.
    pub layout: Layout,
    /// False when not one of the lines is of any access log.
    pub access_log: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_say_auto_is_to_ask_the_lines() {
        let line = br#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/"},"status":200}"#;
        for (option, name) in [(None, "caddy"), (Some("auto"), "caddy"), (Some("w3c"), "w3c")] {
            let formats = Formats::new(option, None).expect("a format");
            let recognised = formats.recognise("x.log", &[line]);
            assert_eq!(recognised.layout.name(), name, "{option:?}");
        }
    }

    #[test]
    fn a_copied_log_is_read_by_the_format_that_is_declared_elsewhere() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = dir.path().join("nginx.conf");
        let text = "log_format short '$remote_addr $status';\n\
                    log_format timed '$remote_addr [$time_iso8601] \"$request\" $status $request_time $mine';\n\
                    server { access_log /srv/shop.log timed; access_log /srv/plain.log combined; }";
        std::fs::write(&config, text).expect("written");
        let formats = Formats::new(None, Some(Servers::from_file(&config))).expect("formats");
        let timed = &br#"198.51.100.7 [2026-11-21T09:00:00+00:00] "GET / HTTP/1.1" 404 0.002 x"#[..];
        let combined =
            &br#"198.51.100.7 - - [21/Nov/2026:09:00:00 +0000] "GET / HTTP/1.1" 404 1 "-" "x""#[..];
        let error = &b"2026/10/10 13:55:36 [error] 12#12: *1 open() failed"[..];
        for (head, name) in [
            (&[timed, b"", timed][..], "nginx"),
            (&[timed, error], "nginx"),
            (&[combined, combined], "nginx-combined"),
            (&[b"198.51.100.7 404"], "nginx"),
            (&[timed, combined, combined], "nginx-combined"),
            (&[error, error, timed], "auto"),
            (
                &[br#"1.2.3.4 - - [21/Nov/2026:09:00:00 +0000] "GET / HTTP/1.1" 404 1"#],
                "apache-common",
            ),
        ] {
            let recognised = formats.recognise("/tmp/copy.log", head);
            assert_eq!(
                recognised.layout.name(),
                name,
                "{}",
                String::from_utf8_lossy(head[0])
            );
        }
        let text = "log_format id '$http_x_id $remote_addr - $remote_user [$time_local] \"$request\" $status 5';\n\
                    server { access_log /srv/id.log id; }";
        std::fs::write(&config, text).expect("written");
        let formats = Formats::new(None, Some(Servers::from_file(&config))).expect("formats");
        let rest = r#"[21/Nov/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5"#;
        let honest = format!("abc 192.0.2.7 - - {rest}");
        // A client that makes a line ambiguous decides nothing about the format of its log.
        let forged = format!("h 203.0.113.9 - x 192.0.2.7 - - {rest}");
        let layout = formats
            .recognise("/tmp/copy.log", &[honest.as_bytes(), forged.as_bytes()])
            .layout;
        assert_eq!(layout.name(), "nginx");
        let mut record = Record::default();
        let read = Parser::new(&layout).parse(forged.as_bytes(), &mut record);
        assert!(read.is_err(), "{record:?}");
        let config = dir.path().join("Caddyfile");
        let text =
            "shop.example {\nlog {\noutput file /srv/shop.log\nformat json {\nduration_format ms\n}\n}\n}";
        std::fs::write(&config, text).expect("written");
        let caddy = Formats::new(None, Some(Servers::from_file(&config))).expect("formats");
        let line = &br#"{"level":"info","ts":1.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"192.0.2.7","method":"GET","uri":"/"},"duration":2,"status":200}"#[..];
        let layout = caddy.recognise("/tmp/copy.log", &[line]).layout;
        assert_eq!(
            layout,
            Layout::from_option("caddy:ms").expect("a format").or_any()
        );
        let layout = caddy.recognise("/tmp/copy.log", &[combined]).layout;
        assert_eq!(layout.name(), "nginx-combined");
        let named = Formats::new(Some("auto"), Some(Servers::from_file(&config))).expect("formats");
        assert_eq!(named.recognise("/tmp/copy.log", &[timed]).layout, Layout::auto());
    }
}
