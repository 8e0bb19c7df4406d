//! What must hold for any bytes: nothing panics, nothing reads past its line, and what a layout says of itself leads
//! back to it. The fuzz targets call these functions, and so does the test that replays the corpus everywhere.

use afw_parsers::config::{Server, apache, declared, nginx};
use afw_parsers::{Escape, Format, Layout, Line, Parser, Record, cloudflare, parts};

/// Lines of a log of one format, read by that format alone and by recognition.
pub fn grammar(format: Format, log: &[u8]) {
    let lines: Vec<&[u8]> = log.split(|&b| b == b'\n').collect();
    read(&Layout::preset(format), &lines);
    read(&Layout::first(format), &lines);
}

/// Lines of a log of which nothing is known.
pub fn unknown(log: &[u8]) {
    let lines: Vec<&[u8]> = log.split(|&b| b == b'\n').collect();
    let recognition = Layout::recognise(&lines);
    for candidate in &recognition.candidates {
        assert!((0.0..=1.0).contains(&candidate.score));
    }
    read(&recognition.layout, &lines);
    read(&Layout::auto(), &lines);
    let _ = cloudflare::fields(log);
}

/// A format of nginx on the first line, lines of its log behind it.
pub fn nginx_format(data: &[u8]) {
    for escape in [Escape::Nginx, Escape::Json, Escape::None] {
        compiled(data, |format| {
            Layout::nginx(format, escape).map_err(|error| error.at)
        });
        compiled(data, |format| {
            Layout::nginx_configured(format, escape).map_err(|error| error.at)
        });
    }
}

/// A format of Apache on the first line, lines of its log behind it.
pub fn apache_format(data: &[u8]) {
    compiled(data, |format| Layout::apache(format).map_err(|error| error.at));
}

/// What `--format` takes on the first line, lines of a log behind it.
pub fn option(data: &[u8]) {
    compiled(data, |option| {
        Layout::from_option(option).map_err(|error| error.at)
    });
}

/// The text of a configuration file.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(directives) = nginx::directives(text) {
        let _ = declared(Server::Nginx, &directives);
    }
    if let Ok(directives) = apache::directives(text) {
        let _ = declared(Server::Apache, &directives);
    }
}

fn compiled(data: &[u8], compile: impl Fn(&str) -> Result<Layout, usize>) {
    let mut lines = data.split(|&b| b == b'\n');
    let format = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    match compile(&format) {
        Ok(layout) => read(&layout, &lines.collect::<Vec<_>>()),
        Err(at) => assert!(at <= format.len(), "{at} in {format:?}"),
    }
}

/// Reads the lines with one parser, as a log is read, and each again alone with the layout that held before it.
fn read(layout: &Layout, lines: &[&[u8]]) {
    let mut parser = Parser::new(layout);
    let mut walked = layout.clone();
    for (at, part) in lines.iter().flat_map(|line| records(line)) {
        assert!(at <= lines.iter().map(|line| line.len()).max().unwrap_or(0));
        let (mut record, mut alone) = (Record::default(), Record::default());
        let read = parser.parse(part, &mut record);
        assert_eq!(Parser::new(&walked).parse(part, &mut alone), read);
        walked = walked.after(part).unwrap_or(walked).behind(std::iter::once(part));
        match read {
            Err(reject) => assert!(reject.at <= part.len(), "{reject} in {part:?}"),
            Ok(Line::Skip(_)) => {}
            Ok(Line::Record) => {
                assert_eq!(record, alone);
                let (path, target) = (record.path(), record.target.as_deref().unwrap_or(b"/"));
                assert!(path.is_none_or(|path| path.len() <= target.len().max(1)));
            }
        }
    }
    assert_eq!(
        Layout::from_state(&parser.layout().state()),
        Some(parser.layout())
    );
    assert_eq!(walked, parser.layout());
}

/// The records of a line as an array has them and, where it is none, as a row of objects.
fn records(line: &[u8]) -> Vec<(usize, &[u8])> {
    let mut split = parts(line);
    let mut records: Vec<_> = split.next().into_iter().collect();
    if split.split_row() {
        records.clear();
    }
    records.extend(split);
    let mut end = 0;
    for (at, part) in &records {
        assert!(
            *at >= end && line.get(*at..at + part.len()) == Some(*part),
            "{at} in {line:?}"
        );
        end = at + part.len();
    }
    records
}
