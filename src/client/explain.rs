//! Why a hop was believed or not: what `afw explain` shows of client resolution.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use afw_parsers::Record;

/// Longest text of a hop, in bytes of the log.
const TEXT_BYTES: usize = 200;

/// Why a hop was believed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The server that wrote the log resolved the client itself.
    ServerResolved,
    /// Not a trusted proxy: this is the client.
    Client,
    /// A trusted proxy: what it says of the hop before it counts.
    TrustedProxy,
    /// No address: the walk ends and the client is unknown.
    NoAddress,
    /// The line does not tell for certain what the header says.
    Unclear,
    /// The peer is no trusted proxy, so the header is the client's own text.
    UntrustedPeer,
    /// Not the header that this proxy sets.
    OtherHeader,
    /// `X-Forwarded-For` and `Forwarded` disagree, and which of them the proxy sets is not known.
    Disagree,
}

impl Why {
    /// Whether the hop's address counted.
    pub const fn believed(self) -> bool {
        matches!(self, Self::ServerResolved | Self::Client | Self::TrustedProxy)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerResolved => "the client, as the server resolved it",
            Self::Client => "the client: not a trusted proxy",
            Self::TrustedProxy => "a trusted proxy: looking at what it forwards for",
            Self::NoAddress => "no address: the client is unknown",
            Self::Unclear => {
                "it is not certain what it says: the client is unknown (quotes around it in the format help)"
            }
            Self::UntrustedPeer => "ignored: the peer is no trusted proxy (see --trusted-proxy)",
            Self::OtherHeader => "ignored: not the header this proxy sets (see --client-header)",
            Self::Disagree => {
                "the two headers disagree: the client is unknown (name one with --client-header)"
            }
        })
    }
}

/// One thing that client resolution looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// `peer`, `log`, or the header's lower-case name.
    pub origin: String,
    /// What stands there, printable ASCII, clipped.
    pub text: String,
    /// The address it is read as.
    pub address: Option<IpAddr>,
    /// Why it was believed or not.
    pub why: Why,
}

/// Where a step's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin<'r> {
    Log,
    Peer,
    Header(&'r str),
}

/// A hop while it still borrows from the record.
#[derive(Debug, Clone)]
pub(super) struct Step<'r> {
    pub(super) origin: Origin<'r>,
    pub(super) text: Cow<'r, [u8]>,
    pub(super) address: Option<IpAddr>,
    pub(super) why: Why,
}

impl<'r> Step<'r> {
    pub(super) fn new(origin: Origin<'r>, text: &'r [u8], address: Option<IpAddr>, why: Why) -> Self {
        Self {
            origin,
            text: Cow::Borrowed(text),
            address,
            why,
        }
    }
}

impl From<Step<'_>> for Hop {
    fn from(step: Step<'_>) -> Self {
        let origin = match step.origin {
            Origin::Log => "log",
            Origin::Peer => "peer",
            Origin::Header(name) => name,
        };
        let text = match (step.text.trim_ascii(), step.address) {
            (b"", Some(address)) => address.to_string(),
            (text, _) => printable(text),
        };
        Self {
            origin: origin.to_owned(),
            text,
            address: step.address,
            why: step.why,
        }
    }
}

fn printable(text: &[u8]) -> String {
    text.get(..TEXT_BYTES).unwrap_or(text).escape_ascii().to_string()
}

/// The values of a header in the order of the log, absent ones (`-`, blank) left out.
pub(super) fn values<'r>(record: &'r Record<'_>, name: &'r str) -> impl DoubleEndedIterator<Item = &'r [u8]> {
    let headers = record.more.headers.iter();
    let found = headers.filter(move |(header, _)| header.eq_ignore_ascii_case(name));
    found
        .map(|(_, value)| value.as_ref())
        .filter(|value| !matches!(value.trim_ascii(), b"" | b"-"))
}

/// Adds those of the headers that were logged but not looked at.
pub(super) fn add_ignored(record: &Record<'_>, names: &[&str], why: Why, hops: &mut Vec<Hop>) {
    for name in names {
        if hops.iter().any(|hop| hop.origin == *name) {
            continue;
        }
        for value in values(record, name) {
            hops.push(Hop {
                origin: (*name).to_owned(),
                text: printable(value.trim_ascii()),
                address: None,
                why,
            });
        }
    }
}
