//! [`Span`]: how the end of a value is found, and which ends cannot be the true one.

use crate::address;
use crate::compile::sink::Sink;

/// A value and what follows its literal.
pub(crate) type Division<'a> = (&'a [u8], &'a [u8]);

/// How the end of a value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// At the closing quote.
    Quoted,
    /// Where the literal first stands.
    Free,
    /// The same, but not within a list: entries are joined with `, ` and ` : `.
    List,
    /// The same, for addresses joined with `, ` that proxies append to what a client sent.
    Addresses,
    /// The same, where a comma ends them: an entry begins with a space, and what follows does not.
    Joined,
    /// The same, for the elements of `Forwarded`.
    Elements,
    /// Behind the `-` that stands for it.
    Dash,
}

/// What is asked of a division beside what the sinks ask, strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Rules {
    /// Of lists of addresses too: the last entry, which the nearest proxy wrote, is an address.
    Proxies,
    /// What no client chooses: lists of upstream servers are whole, and nobody is asked who a client is.
    Server,
    /// Nothing: the administrator has something else in these places.
    Lax,
}

impl Span {
    /// How the end of a value without quotes is found, `next` to what follows it. What stands before the peer has no rule
    /// that a client could break, since the true division must be among those that follow the rules.
    pub(crate) fn of(
        sink: &Sink,
        end: &[u8],
        next: Option<&Sink>,
        behind_text: bool,
        before_peer: bool,
    ) -> Self {
        let spaced = end.starts_with(b" ");
        match sink {
            Sink::Ident if behind_text && spaced => Self::Dash,
            Sink::Extra(name) if spaced && UPSTREAM_LISTS.contains(&&**name) => Self::List,
            Sink::Header(name) if !before_peer => Self::of_header(name, end, next),
            _ => Self::Free,
        }
    }

    fn of_header(name: &str, end: &[u8], next: Option<&Sink>) -> Self {
        match end {
            _ if !names_client(name) => Self::Free,
            _ if name == "forwarded" => Self::Elements,
            // Servers take the spaces from the ends of headers, but not of users' names.
            [b',', ..] if !matches!(next, Some(Sink::User)) => Self::Joined,
            _ => Self::Addresses,
        }
    }

    /// Whether a division that satisfies the sink also follows the rules.
    pub(crate) fn follows(self, (value, after): Division<'_>, rules: Rules) -> bool {
        match self {
            Span::Quoted | Span::Free => true,
            Span::Dash => rules == Rules::Lax || value == b"-",
            Span::List => {
                rules == Rules::Lax
                    || !(value.ends_with(b",") || value.ends_with(b" :") || after.starts_with(b": "))
            }
            Span::Joined if after.starts_with(b" ") => rules != Rules::Proxies,
            Span::Addresses | Span::Joined | Span::Elements => {
                rules != Rules::Proxies || matches!(value, b"-" | b"") || self.ends_in_entry(value)
            }
        }
    }

    /// Whether a value ends as the nearest proxy ends it.
    fn ends_in_entry(self, value: &[u8]) -> bool {
        let last = value.rsplit(|b| matches!(b, b' ' | b',')).next();
        let last = last.unwrap_or_default();
        let entry = match self {
            Span::Elements => last.contains(&b'='),
            _ => address::ip(last).is_some() || last.eq_ignore_ascii_case(b"unknown"),
        };
        entry && !value.starts_with(b" ")
    }
}

/// What nginx writes for each server that it asked.
const UPSTREAM_LISTS: [&str; 9] = [
    "upstream_addr",
    "upstream_status",
    "upstream_response_time",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_queue_time",
    "upstream_response_length",
    "upstream_bytes_received",
    "upstream_bytes_sent",
];

/// Whether a header names the client by its address, and the nearest proxy writes the last: `X-Forwarded-For`,
/// `X-Real-IP`, `True-Client-IP`, `X-Azure-ClientIP`.
pub(crate) fn names_client(name: &str) -> bool {
    let is_address = |part: &str| matches!(part, "ip" | "clientip" | "realip" | "addr" | "address");
    name == "forwarded" || name.ends_with("-for") || name.split('-').any(is_address)
}
