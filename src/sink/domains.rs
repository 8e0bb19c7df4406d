//! [`DomainsApi`]: the five calls of OneFirewall's Domains API, for `afw domains`.
//!
//! Answers are handed on as the vendor's own text; the code that some answers carry for their clients to run is never
//! looked at. Passing troubles are tried again a few times; everything else ends the call with a [`DomainsError`] that
//! tells credit, key and absence apart. Next: [`super::http`].

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::{Http, Reply};
use super::onefirewall_domains::{PATH, report};
use super::{OneFirewallSpec, SinkError};

/// Longest answer that is read, in bytes: a page of 10,000 domains of full length and some.
const ANSWER_BYTES: u64 = 64 << 20;
/// Elements asked for on a page of `latest`, the most the interface allows.
const PAGE_SIZE: u32 = 2000;
/// Waits before a call is tried again.
const RETRY_WAITS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// Longest `Retry-After` that a person at a terminal is made to wait for.
const MOST_WAIT: Duration = Duration::from_secs(30);
/// Longest domain name in text form.
const DOMAIN_BYTES: usize = 253;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DomainsError {
    /// An argument cannot be right; nothing was sent.
    #[error("{0}")]
    Argument(String),
    /// 400.
    #[error("OneFirewall does not understand the request (400): {0}")]
    Malformed(String),
    /// 401 or 403.
    #[error("OneFirewall refuses the key ({0}): {1}")]
    Unauthorised(u16, String),
    /// 402.
    #[error("the OneFirewall account has not enough credit (402): {0}")]
    Credit(String),
    /// 404.
    #[error("OneFirewall does not know it (404): {0}")]
    NotFound(String),
    /// Any other answer.
    #[error("OneFirewall answers with status {0}: {1}")]
    Unexpected(u16, String),
    /// No answer, or only passing troubles.
    #[error("OneFirewall cannot be reached: {0}")]
    Unavailable(String),
    /// The answer is not what the interface promises.
    #[error("OneFirewall's answer makes no sense: {0}")]
    Garbage(&'static str),
    /// The page after this one is one that was read before.
    #[error("OneFirewall's page cursor repeats: {0}")]
    CursorRepeats(String),
    /// What the caller wanted with the answer failed (a closed pipe, a full disk).
    #[error("{0}")]
    Output(String),
}

impl DomainsError {
    /// Whether the arguments are at fault (exit code 2) and not the receiver (1).
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Argument(_))
    }

    /// What to do about it.
    pub const fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unauthorised(..) => Some("check ONEFIREWALL_API_KEY; keys are made on the profile page"),
            Self::Credit(_) => Some("recharge the account; reports are free, look-ups are not"),
            _ => None,
        }
    }
}

/// What `decide` can say of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Always block.
    Block,
    /// Never block.
    Allow,
    /// By its score.
    Score,
}

impl Decision {
    /// The vendor's number.
    const fn number(self) -> i8 {
        match self {
            Self::Allow => 0,
            Self::Block => 1,
            Self::Score => -1,
        }
    }
}

/// A client of the interface.
#[derive(Debug)]
pub struct DomainsApi {
    http: Http,
    waits: Vec<Duration>,
}

impl DomainsApi {
    /// A client with the end point, key and HTTP settings of the `onefirewall` sink.
    ///
    /// # Errors
    /// When there is no key or the end point cannot be used.
    pub fn new(spec: &OneFirewallSpec) -> Result<Self, SinkError> {
        Ok(Self {
            http: spec.client(Some(PATH))?,
            waits: RETRY_WAITS.to_vec(),
        })
    }

    /// What is known of a domain: the vendor's object, unchanged.
    ///
    /// # Errors
    /// See [`DomainsError`].
    pub fn check(&self, domain: &str, deep_scan: bool) -> Result<String, DomainsError> {
        let domain = checked_domain(domain)?;
        let scan = if deep_scan { "YES" } else { "NO" };
        let reply = self.call("GET", &format!("/{domain}?deep_scan={scan}"), None)?;
        let text = String::from_utf8(reply.body).map_err(|_| DomainsError::Garbage("it is not UTF-8"))?;
        match serde_json::from_str::<&RawValue>(&text) {
            Ok(object) if object.get().starts_with('{') => Ok(text.trim().to_owned()),
            _ => Err(DomainsError::Garbage("it is not a JSON object")),
        }
    }

    /// Shows `visit` every domain of at least this score (1 to 1000), over all pages; with `protocol`, as the start of a
    /// URL (`http` or `https`). Returns how many.
    ///
    /// # Errors
    /// See [`DomainsError`]; also when a page is announced that was read before.
    pub fn list(
        &self,
        min_score: u32,
        protocol: Option<&str>,
        mut visit: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, DomainsError> {
        if !(1..=1000).contains(&min_score) {
            return Err(DomainsError::Argument(format!(
                "score {min_score} is not between 1 and 1000"
            )));
        }
        let protocol = protocol
            .map(|name| format!("&protocol={}", name.to_uppercase()))
            .unwrap_or_default();
        let mut count = 0;
        let mut seen = HashSet::new();
        let mut page = String::new();
        loop {
            let path = format!("/score/{min_score}?format=CSV{protocol}{page}");
            let reply = self.call("GET", &path, None)?;
            for name in names(&reply.body)? {
                visit(name).map_err(|error| DomainsError::Output(error.to_string()))?;
                count += 1;
            }
            let Some(next) = reply.next_page.filter(|next| !next.trim().is_empty()) else {
                return Ok(count);
            };
            page = format!("&page={}", encoded(&next));
            if !seen.insert(next.clone()) {
                let next = self.http.excerpt(next.as_bytes());
                return Err(DomainsError::CursorRepeats(next.escape_debug().to_string()));
            }
        }
    }

    /// Shows `visit` every domain that changed since a Unix time, as the vendor's objects. Returns how many.
    ///
    /// # Errors
    /// See [`DomainsError`]; also when the next page begins where this one did.
    pub fn latest(
        &self,
        since: i64,
        mut visit: impl FnMut(&str) -> std::io::Result<()>,
    ) -> Result<u64, DomainsError> {
        let mut count = 0;
        let mut ts = since;
        loop {
            let reply = self.call("GET", &format!("?ts={ts}&page_size={PAGE_SIZE}"), None)?;
            let page: Page<'_> = serde_json::from_slice(&reply.body)
                .map_err(|_| DomainsError::Garbage("it has no header and body"))?;
            for element in &page.body {
                visit(&on_one_line(element.get()))
                    .map_err(|error| DomainsError::Output(error.to_string()))?;
                count += 1;
            }
            if page.body.is_empty() || page.header.page_size == Some(0) {
                return Ok(count);
            }
            match page.header.next_ts {
                None => return Ok(count),
                // Pages go forward in time; one that does not would be read for ever.
                Some(next) if next <= ts => return Err(DomainsError::CursorRepeats(next.to_string())),
                Some(next) => ts = next,
            }
        }
    }

    /// Reports a domain.
    ///
    /// # Errors
    /// See [`DomainsError`].
    pub fn report(&self, domain: &str, confidence: f64, tags: &[String]) -> Result<(), DomainsError> {
        let domain = checked_domain(domain)?;
        if !(0.0..=1.0).contains(&confidence) {
            return Err(DomainsError::Argument(format!(
                "confidence {confidence} is not between 0 and 1"
            )));
        }
        let body = report(&domain, tags.iter().map(String::as_str), confidence);
        self.call("POST", "", Some(&body)).map(drop)
    }

    /// Sets the account's own decision on a domain.
    ///
    /// # Errors
    /// See [`DomainsError`].
    pub fn decide(&self, domain: &str, decision: Decision) -> Result<(), DomainsError> {
        let path = format!("/{}", checked_domain(domain)?);
        let body = format!("{{\"decision\":{}}}", decision.number());
        // The vendor's page is titled PUT and shows POST; a server that knows only the other says 405.
        match self.call("POST", &path, Some(body.as_bytes())) {
            Err(DomainsError::Unexpected(405, _)) => self.call("PUT", &path, Some(body.as_bytes())).map(drop),
            other => other.map(drop),
        }
    }

    /// One call, tried again on passing troubles.
    fn call(&self, method: &str, path: &str, body: Option<&[u8]>) -> Result<Reply, DomainsError> {
        let url = format!("{}{path}", self.http.endpoint().url());
        let headers: &[(&str, &str)] = if body.is_some() {
            &[("Content-Type", "application/json")]
        } else {
            &[]
        };
        let mut waits = self.waits.iter();
        loop {
            let (trouble, asked) = match self.http.send(method, &url, body, headers, ANSWER_BYTES) {
                Ok(reply) if is_passing(reply.status) => {
                    (format!("status {}", reply.status), reply.retry_after)
                }
                // Part of a list would pass for all of it. What was posted has arrived, however its answer ends.
                Ok(reply) if (200..300).contains(&reply.status) && !reply.whole && body.is_none() => {
                    ("the answer was cut short".to_owned(), None)
                }
                Ok(reply) => return self.judged(reply),
                Err(error) => (error, None),
            };
            let Some(wait) = waits.next() else {
                return Err(DomainsError::Unavailable(trouble));
            };
            tracing::debug!("OneFirewall: {trouble}; trying again");
            std::thread::sleep(asked.unwrap_or(*wait).min(MOST_WAIT));
        }
    }

    fn judged(&self, reply: Reply) -> Result<Reply, DomainsError> {
        let text = self.http.excerpt(&reply.body);
        let text: String = text.chars().take(300).collect();
        match reply.status {
            200..=299 => Ok(reply),
            400 => Err(DomainsError::Malformed(text)),
            status @ (401 | 403) => Err(DomainsError::Unauthorised(status, text)),
            402 => Err(DomainsError::Credit(text)),
            404 => Err(DomainsError::NotFound(text)),
            status => Err(DomainsError::Unexpected(status, text)),
        }
    }
}

/// The names on a page: one a line, or between commas as the other format of the interface has them. A page of anything
/// else (a portal's, a proxy's) must not pass for names.
fn names(page: &[u8]) -> Result<Vec<&str>, DomainsError> {
    let garbage = DomainsError::Garbage("it is no list of domains");
    let Ok(page) = std::str::from_utf8(page) else {
        return Err(garbage);
    };
    let names = page
        .split(['\n', ','])
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let names: Vec<&str> = names.collect();
    let is_name = |name: &&str| {
        name.chars().all(|c| {
            c.is_ascii_alphanumeric() || "-_.:/".contains(c) || (!c.is_ascii() && c.is_alphanumeric())
        })
    };
    if names.iter().all(is_name) {
        Ok(names)
    } else {
        Err(garbage)
    }
}

/// JSON without the white space between its parts. Numbers and the order of keys stay the vendor's.
fn on_one_line(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    json.chars()
        .filter(|c| {
            let keeps = within || !c.is_ascii_whitespace();
            within ^= *c == '"' && !escaped;
            escaped = within && *c == '\\' && !escaped;
            keeps
        })
        .collect()
}

/// A page of `latest`. What else the header holds is of no use here, and some of it is code.
#[derive(Deserialize)]
struct Page<'a> {
    header: Header,
    #[serde(borrow)]
    body: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Header {
    next_ts: Option<i64>,
    page_size: Option<i64>,
}

const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// A domain as it goes into a URL: lower case, letters, digits, `-`, `_` and `.`.
fn checked_domain(domain: &str) -> Result<String, DomainsError> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if domain.len() <= DOMAIN_BYTES && domain.contains('.') && domain.split('.').all(is_label) {
        return Ok(domain);
    }
    Err(DomainsError::Argument(format!(
        "{domain:?} is no domain name (names in other scripts are written in their xn-- form)"
    )))
}

/// A page cursor as the value of a query parameter.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests;
