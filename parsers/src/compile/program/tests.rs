//! A line that is read at a glance is read as a search of all its divisions reads it.

use proptest::prelude::*;

use super::Program;
use crate::compile::{apache, nginx};
use crate::memo::TimeMemo;
use crate::record::{Moment, Record};
use crate::unescape::Escape;

/// Formats in which client text stands before the peer or beside a header, each value with an honest one.
const NGINX: [&str; 7] = [
    r#"$http_x_forwarded_for $remote_addr - $remote_user [$time_local] "$request" $status $http_b [$http_a] $upstream_addr"#,
    r#"$remote_addr - $http_a [$time_local] "$request" $status "$http_referer" $http_x_forwarded_for $http_host"#,
    "$http_a|$remote_addr|$remote_user|$time_local|$request|$status|$http_x_real_ip|$http_b",
    "$remote_addr\t$time_iso8601\t$http_a\t$http_x_forwarded_for\t$status\t$request",
    "$http_host:$server_port $remote_addr $http_a [$time_local]\"$request\" $status",
    r#"$http_a, $http_x_forwarded_for, $remote_addr, $status, "$request""#,
    "$http_a|$http_x_forwarded_for|$remote_addr|$request_method|$status",
];
const APACHE: &str = r#"%{X-Forwarded-For}i %h %l %u %t "%r" %>s %b %{Host}i"#;

fn programs() -> Vec<Program> {
    let apache = apache::parts(APACHE).unwrap().0;
    let mut programs = vec![Program::new(apache, Escape::Apache, Moment::Start).unwrap()];
    for format in NGINX {
        for escape in [Escape::Nginx, Escape::None, Escape::Json] {
            let parts = nginx::parts(format, nginx::Names::Known).unwrap();
            programs.push(Program::new(parts, escape, Moment::End).unwrap());
        }
    }
    programs
}

/// A line of the program: its literals, and between them these values in turn.
fn line(program: &Program, values: &[&str]) -> String {
    let mut line = String::from_utf8(program.lead.to_vec()).unwrap();
    for (step, value) in program.steps.iter().zip(values) {
        line += value;
        line += std::str::from_utf8(&step.end).unwrap();
    }
    line
}

/// What reads at a glance, and what a search reads.
fn both<'a>(program: &Program, line: &'a str) -> (Option<Record<'a>>, Option<Record<'a>>) {
    let mut memo = TimeMemo::default();
    let (mut glance, mut search) = (Record::default(), Record::default());
    (glance.line, search.line) = (line.as_bytes().into(), line.as_bytes().into());
    let read =
        program.is_plain(line.as_bytes()) && program.reads_once(line.as_bytes(), &mut glance, &mut memo);
    program.accept(&mut glance);
    let searched = program.parse_carefully(line.as_bytes(), &mut search, &mut memo, false);
    (read.then_some(glance), searched.is_ok().then_some(search))
}

/// What a step of the program may hold: true values first, then what a client may try.
fn value(program: &Program, step: usize, which: usize) -> &'static str {
    use crate::compile::sink::Sink;
    let (own, tried): (&[&str], &[&str]) = match program.steps.get(step).map(|step| &step.sink) {
        Some(Sink::Peer) => (&["192.0.2.7", "2001:db8::7"], &["host.example", "-"]),
        Some(Sink::TimeClf) => (&["10/Oct/2000:13:55:36 -0700"], &["-"]),
        Some(Sink::TimeIso) => (&["2000-10-10T13:55:36-07:00"], &["-"]),
        Some(Sink::Status | Sink::ServerPort | Sink::BodyBytes) => (&["200", "404"], &["-", "000"]),
        Some(Sink::Request) => (&["GET /a HTTP/1.1", "-"], &["GET / 1|2 HTTP/1.1", "x 200 1"]),
        _ => (
            &["-", "a", "203.0.113.9"],
            &[
                "203.0.113.9, 192.0.2.8",
                "a b",
                "1.1.1.1 2.2.2.2 - -",
                "a|b",
                "",
                "a] b",
                "a\tb",
                "\"\"",
                ",",
            ],
        ),
    };
    let all = || own.iter().chain(tried);
    all().cycle().nth(which % all().count()).unwrap_or(&"-")
}

#[test]
fn an_honest_line_is_read_at_a_glance() {
    for program in programs() {
        let values: Vec<_> = (0..program.steps.len())
            .map(|step| value(&program, step, 0))
            .collect();
        let line = line(&program, &values);
        let (glance, search) = both(&program, &line);
        assert!(search.is_some(), "{line}");
        let is_open = program.open_request || program.stretches.is_none();
        assert!(is_open || glance == search, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_glance_reads_what_a_search_reads(which in prop::collection::vec(0_usize..60, 12), cut in 0_usize..400) {
        for program in programs() {
            let values: Vec<_> = which.iter().enumerate().map(|(step, &which)| value(&program, step, which)).collect();
            let mut line = line(&program, &values);
            line.truncate(if cut < 40 { line.len().saturating_sub(cut) } else { line.len() });
            let (glance, search) = both(&program, &line);
            prop_assert!(glance.is_none() || glance == search, "{line}\n{glance:?}\n{search:?}");
        }
    }
}
