//! Small numbers for what a request is: whose kind of client, which status, which country. Closed sets, so that they
//! fit into a table's key ([`super::key`]).

use afw_parsers::Record;

use crate::enrich::AgentType;

/// Kind of client by what its user agent says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A browser or an app.
    Visitor,
    /// A program that says what it is: crawlers, feed readers, previews, monitoring.
    Bot,
    /// A scripting library, a command-line client, a driven browser, a scanner.
    Script,
    /// No user agent, or none that is known.
    Unknown,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Visitor, Self::Bot, Self::Script, Self::Unknown];

    /// The kind of a user agent.
    pub const fn of(agent: AgentType) -> Self {
        match agent {
            AgentType::Browser | AgentType::App => Self::Visitor,
            AgentType::Crawler
            | AgentType::AiCrawler
            | AgentType::Feed
            | AgentType::Preview
            | AgentType::Monitoring => Self::Bot,
            AgentType::Script | AgentType::Headless | AgentType::Scanner => Self::Script,
            AgentType::Unknown => Self::Unknown,
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Bot => "bot",
            Self::Script => "script",
            Self::Unknown => "unknown",
        }
    }
}

/// What is shown of the method: whether a request only reads, posts, or does something else.
pub const METHODS: [&str; 3] = ["read", "post", "other"];

/// Index into [`METHODS`].
pub fn method(record: &Record<'_>) -> u8 {
    match record.method.as_deref() {
        // Nearly all are this, which is told by itself.
        Some(method) if method == b"GET" => 0,
        Some(b"HEAD" | b"OPTIONS") => 0,
        Some(b"POST" | b"PUT" | b"PATCH") => 1,
        _ => 2,
    }
}

/// Statuses that are told apart, and groups of the others.
pub const STATUSES: [&str; 31] = [
    "none", "1xx", "200", "2xx", "301", "302", "304", "3xx", "400", "401", "403", "404", "405", "408", "410",
    "413", "414", "415", "421", "422", "426", "429", "431", "444", "451", "499", "4xx", "500", "502", "5xx",
    "other",
];

/// Index into [`STATUSES`].
pub fn status(status: Option<u16>) -> u8 {
    let known = |status| STATUS_SLOTS.get(usize::from(status)).copied();
    status.map_or(0, |status| known(status).unwrap_or(OTHER))
}

/// Last of [`STATUSES`].
const OTHER: u8 = STATUSES.len() as u8 - 1;

/// Index into [`STATUSES`] of every status under 600.
static STATUS_SLOTS: [u8; 600] = {
    let mut slots = [OTHER; 600];
    let mut status = 0;
    while status < slots.len() {
        slots[status] = status_slot(Some(status as u16));
        status += 1;
    }
    slots
};

const fn status_slot(status: Option<u16>) -> u8 {
    match status {
        None => 0,
        Some(200) => 2,
        Some(301) => 4,
        Some(302) => 5,
        Some(304) => 6,
        Some(400) => 8,
        Some(401) => 9,
        Some(403) => 10,
        Some(404) => 11,
        Some(405) => 12,
        Some(408) => 13,
        Some(410) => 14,
        Some(413) => 15,
        Some(414) => 16,
        Some(415) => 17,
        Some(421) => 18,
        Some(422) => 19,
        Some(426) => 20,
        Some(429) => 21,
        Some(431) => 22,
        Some(444) => 23,
        Some(451) => 24,
        Some(499) => 25,
        Some(500) => 27,
        Some(502) => 28,
        Some(100..=199) => 1,
        Some(200..=299) => 3,
        Some(300..=399) => 7,
        Some(400..=499) => 26,
        Some(500..=599) => 29,
        Some(_) => 30,
    }
}

/// Whether an edge or firewall turned the request away, by what the log says it did. Words of Cloudflare
/// (`Action`, `SecurityAction`), AWS (`waf`) and HAProxy; what only observes (`log`, `skip`, `allow`) is none.
pub fn is_denied(record: &Record<'_>) -> bool {
    const DENIALS: [&[u8]; 11] = [
        b"block",
        b"blocked",
        b"deny",
        b"denied",
        b"drop",
        b"connectionclose",
        b"challenge",
        b"jschallenge",
        b"managedchallenge",
        b"managed_challenge",
        b"js_challenge",
    ];
    record.more.used
        && record
            .more
            .action
            .as_deref()
            .is_some_and(|action| DENIALS.iter().any(|denial| action.eq_ignore_ascii_case(denial)))
}

/// A country as a number under 1024: 0 for none, two letters by their place in the alphabet, then what some logs write
/// for Tor (`T1`); anything else is none.
pub fn country(code: Option<[u8; 2]>) -> u16 {
    match code {
        Some([first @ b'A'..=b'Z', second @ b'A'..=b'Z']) => {
            1 + u16::from(first - b'A') * 26 + u16::from(second - b'A')
        }
        Some([b'T', b'1']) => 1 + 26 * 26,
        _ => 0,
    }
}

/// The code of such a number; empty for none.
pub fn country_code(number: u16) -> String {
    match number {
        1..=676 => {
            let letter = |at: u16| char::from(b'A' + (at % 26) as u8);
            [letter((number - 1) / 26), letter(number - 1)].iter().collect()
        }
        677 => "T1".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_the_slot_of_its_name_or_of_its_hundred() {
        for code in 100..1000_u16 {
            let name = STATUSES[usize::from(status(Some(code)))];
            let hundred = format!("{}xx", code / 100);
            let expected = if STATUSES.contains(&code.to_string().as_str()) {
                code.to_string()
            } else if code < 600 {
                hundred
            } else {
                "other".to_owned()
            };
            assert_eq!(name, expected, "{code}");
        }
        assert_eq!(STATUSES[usize::from(status(None))], "none");
    }

    #[test]
    fn countries_come_back() {
        for code in [*b"AA", *b"DE", *b"ZZ", *b"T1"] {
            assert_eq!(country_code(country(Some(code))).as_bytes(), code);
            assert!(country(Some(code)) < 1024);
        }
        for code in [None, Some(*b"d1"), Some([0xff, 0])] {
            assert_eq!(country_code(country(code)), "");
        }
    }
}
