//! [`Outside`]: which host names may be held against somebody.
//!
//! Whoever sends a payload chooses the names in it, and would like to see yours or everybody's on a blocklist. So
//! never named are: addresses and names that are not public, the host that was asked with what lies below and above
//! it, the operator's own hosts (`own_hosts`), [`SHARED`] names, and [`STORES`], of which at most
//! the whole address is named.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use super::Found;

/// Longest host name, in bytes, by RFC 1035.
const NAME_BYTES: usize = 253;
/// Longest address that is named.
const URL_BYTES: usize = 2048;

/// Top-level names that lead nowhere in public.
const INSIDE: [&str; 12] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "lan",
    "home",
    "arpa",
    "invalid",
    "onion",
];

/// Names of everybody and of nobody, with all below them: proof of a fetch, vocabulary, or names that resolve to what
/// stands in them. This and [`STORES`] are a choice of ours, begun with what the tests of the OWASP Core Rule Set,
/// Nuclei's templates and cheat sheets name beside call-back hosts; `own_hosts` takes more.
const SHARED: [&str; 20] = [
    "google.com",
    "google.fr",
    "yandex.com",
    "bing.com",
    "facebook.com",
    "youtube.com",
    "twitter.com",
    "w3.org",
    "w3schools.com",
    "wapforum.org",
    "jquery.com",
    "freebsd.org",
    "perl.org",
    "cpan.org",
    "wikipedia.org",
    "nip.io",
    "xip.io",
    "sslip.io",
    "localtest.me",
    "lvh.me",
];

/// Hosts where anybody stores files: a file there may be evil, the host is not.
const STORES: [&str; 7] = [
    "githubusercontent.com",
    "github.com",
    "googleapis.com",
    "googlecode.com",
    "imgur.com",
    "dropbox.com",
    "box.com",
];

/// What is outside for one line.
pub struct Outside<'a> {
    logged: Option<&'a [u8]>,
    /// The host as text, made when it is asked for.
    host: OnceCell<Option<Cow<'a, str>>>,
    own: &'a [Box<str>],
}

impl<'a> Outside<'a> {
    /// For a line of that host, which may carry a port.
    pub const fn of(host: Option<&'a [u8]>, own: &'a [Box<str>]) -> Self {
        Self {
            logged: host,
            host: OnceCell::new(),
            own,
        }
    }

    /// The domain in lower case, and whether it may be named beside its address; `None` for what is never named.
    pub fn domain(&self, name: &[u8]) -> Option<(String, bool)> {
        let name = std::str::from_utf8(name)
            .ok()?
            .trim_end_matches('.')
            .to_ascii_lowercase();
        let own = |own: &str| is_below(&name, without_www(own)) || is_below(without_www(own), &name);
        let is_own = self.host().is_some_and(own) || self.own.iter().any(|host| own(host));
        if !is_public(&name) || is_own {
            return None;
        }
        let below = |names: &[&str]| names.iter().any(|above| is_below(&name, above));
        (!below(&SHARED)).then(|| (name.clone(), !below(&STORES)))
    }

    fn host(&self) -> Option<&str> {
        let text = || self.logged.map(|host| String::from_utf8_lossy(authority(host)));
        self.host.get_or_init(text).as_deref()
    }

    /// What a payload names by this host and this address.
    pub fn found(&self, name: &[u8], url: Option<&[u8]>, active: bool) -> Option<Found> {
        let (name, public) = self.domain(name)?;
        let url = url
            .filter(|url| url.len() <= URL_BYTES && url.iter().all(u8::is_ascii_graphic))
            .and_then(|url| std::str::from_utf8(url).ok());
        let found = Found {
            domain: public.then(|| name.into()),
            url: url.map(Arc::from),
            active,
        };
        (found.domain.is_some() || found.url.is_some()).then_some(found)
    }
}

/// The host at the start of what follows `//`: without user, port and the tricks of look-ups.
pub fn authority(text: &[u8]) -> &[u8] {
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || matches!(
                byte,
                b'/' | b'\\'
                    | b'?'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'<'
                    | b'>'
                    | b'('
                    | b')'
                    | b'|'
                    | b';'
                    | b','
                    | b'&'
                    | b'['
                    | b']'
            )
    };
    let end = text
        .iter()
        .take(512)
        .position(ends)
        .unwrap_or(text.len().min(512));
    let mut name = outside_braces(text.get(..end).unwrap_or_default());
    // `user:word@host`, and `127.0.0.1#host`, by which a look-up passes a filter.
    if let Some(at) = memchr::memrchr2(b'@', b'#', name) {
        name = name.get(at + 1..).unwrap_or_default();
    }
    let end = memchr::memchr(b':', name).unwrap_or(name.len());
    name.get(..end).unwrap_or_default()
}

/// What follows the last `${…}`, up to a brace that closes what began before: what stands in braces is another machine's
/// secret (`${hostName}.host`), not a name.
fn outside_braces(text: &[u8]) -> &[u8] {
    let (mut depth, mut start, mut end) = (0_usize, 0, text.len());
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                end = at;
                break;
            }
            b'}' => {
                depth -= 1;
                start = at + 1;
            }
            _ => {}
        }
    }
    let name = text.get(start..end).unwrap_or_default();
    name.strip_prefix(b".").unwrap_or(name)
}

/// Letters, digits, hyphens and underscores in labels, two at least, the last one of letters or punycode.
fn is_public(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let Some((_, last)) = name.rsplit_once('.') else {
        return false;
    };
    name.len() <= NAME_BYTES
        && name.split('.').all(label)
        && last.len() > 1
        && (last.bytes().all(|byte| byte.is_ascii_alphabetic()) || last.starts_with("xn--"))
        && !INSIDE.contains(&last)
}

/// Whether a name is another or stands below it.
fn is_below(name: &str, above: &str) -> bool {
    let cut = name.len().checked_sub(above.len());
    cut.is_some_and(|cut| {
        let (head, tail) = (name.as_bytes().get(..cut), name.as_bytes().get(cut..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(above.as_bytes()))
            && head.is_some_and(|head| head.is_empty() || head.ends_with(b"."))
            && above.contains('.')
    })
}

fn without_www(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}
