//! Made-up rules of the shapes that public rule sets have, each with texts of its own.

use std::fmt::Write as _;
use std::io::Write;

use afw_parsers::Time;

/// Counts the requests of each address over an hour.
pub const WINDOWS: &str = "\
title: Request
name: request
logsource: {category: webserver}
detection: {s: {cs-method: GET}, condition: s}
---
title: Many requests
correlation: {type: event_count, rules: [request], group-by: [c-ip], timespan: 1h, condition: {gte: 1000}}
";

/// Rule sets by name.
pub fn sets() -> Vec<(String, String)> {
    let counts = [10, 100, 1_000, 10_000];
    let mut sets: Vec<_> = counts
        .map(|count| (format!("{count} signatures"), signatures(count)))
        .into();
    for (name, every) in [
        ("100 signatures, 50 correlations", false),
        ("100 signatures, 50 correlations, two of every line", true),
    ] {
        sets.push((name.to_owned(), signatures(100) + &correlations(50, every)));
    }
    sets
}

fn signatures(count: usize) -> String {
    (0..count).map(signature).collect()
}

fn signature(number: usize) -> String {
    // A multiplicative hash gives each rule words that others do not have.
    let word = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (a, b) = (word >> 40, (word >> 16) & 0xff_ffff);
    let detection = match number % 5 {
        0 => format!("s:\n    cs-uri-query|contains: ['/plugin-{a:x}/', 'cmd_{b:x}=']\n  condition: s"),
        1 => format!("s:\n    cs-user-agent|contains: 'agent{a:x}'\n  condition: s"),
        2 => format!(
            "s:\n    cs-method: POST\n    cs-uri-stem|endswith: '/{a:x}/upload.php'\n    sc-status: 200\n  condition: s"
        ),
        3 => format!("s:\n    cs-uri|re: '(?i)/api/v[0-9]+/{a:x}[a-z]+\\?id='\n  condition: s"),
        _ => format!(
            "s:\n    cs-referer|contains: 'ref-{a:x}.example'\n  f:\n    c-uri|startswith: '/ok{b:x}'\n  condition: s and not f"
        ),
    };
    format!(
        "title: Rule {number}\nid: g{number}\nlogsource: {{category: webserver}}\ndetection:\n  {detection}\nlevel: high\n---\n"
    )
}

/// Correlations of rules that hold on many lines: what is absent, posted, searched for or answered by a script; with `every`, one
/// in twenty-five counts every request.
fn correlations(count: usize, every: bool) -> String {
    let mut text = String::new();
    let bases = [
        ("absent", "sc-status: 404"),
        ("posted", "cs-method: POST"),
        ("php", "cs-uri-stem|endswith: .php"),
        ("searched", "cs-uri-query|contains: q="),
    ];
    let all = ("every", "cs-method: [GET, POST, HEAD]");
    for (name, asks) in every.then_some(all).into_iter().chain(bases) {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "title: Base {name}\nname: base_{name}\nlogsource: {{category: webserver}}\ndetection:\n  s:\n    {asks}\n  condition: s\n---\n"
        );
    }
    for number in 0..count {
        let base = match every && number % 25 == 0 {
            true => all.0,
            false => bases[number % 4].0,
        };
        let (kind, field) = match number % 3 {
            0 => ("value_count", "field: cs-uri-stem, "),
            _ => ("event_count", ""),
        };
        let (minutes, least) = (1 + number, 500 + number);
        let _ = write!(
            text,
            "title: Correlation {number}\nid: c{number}\ncorrelation: {{type: {kind}, rules: [base_{base}], group-by: [c-ip], timespan: {minutes}m, condition: {{{field}gte: {least}}}}}\n---\n"
        );
    }
    text
}

/// One request of each of so many addresses within half an hour.
pub fn addresses(out: &mut impl Write, count: u32) {
    for number in 0..count {
        let address = std::net::Ipv4Addr::from_bits(0x0b00_0000 + number);
        let secs = 1_767_225_600 + i64::from(number) * 1_800 / i64::from(count);
        let civil = Time::from_secs(secs).unwrap().civil();
        writeln!(
            out,
            "{address} - - [01/Jan/2026:{:02}:{:02}:{:02} +0000] \"GET / HTTP/1.1\" 200 612 \"-\" \"Mozilla/5.0\"",
            civil.hour, civil.minute, civil.second
        )
        .unwrap();
    }
}
