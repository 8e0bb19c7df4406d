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
    /// How the end of a value without quotes is found. What stands before the peer has no rule that a client could
    /// break, since the true division must be among those that follow the rules.
    pub(crate) fn of(sink: &Sink, end: &[u8], behind_text: bool, before_peer: bool) -> Self {
        let spaced = end.starts_with(b" ");
        match sink {
            Sink::Ident if behind_text && spaced => Self::Dash,
            Sink::Extra(name) if spaced && UPSTREAM_LISTS.contains(&&**name) => Self::List,
            Sink::Header(name) if spaced && !before_peer && NAMING.contains(&&**name) => Self::Addresses,
            _ => Self::Free,
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
            Span::Addresses => {
                let last = value
                    .rsplit(|b| matches!(b, b' ' | b','))
                    .next()
                    .unwrap_or_default();
                rules != Rules::Proxies || matches!(value, b"-" | b"") || address::ip(last).is_some()
            }
        }
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

/// Headers that name the client, of which proxies write the last entry.
const NAMING: [&str; 8] = [
    "x-forwarded-for",
    "x-original-forwarded-for",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "fastly-client-ip",
];
