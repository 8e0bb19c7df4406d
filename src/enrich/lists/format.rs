//! The formats of lists, recognised by content.
//!
//! Sources of the shapes: Spamhaus' DROP pages, `check.torproject.org`, Google's "Verifying Googlebot", Cloudflare's
//! `/client/v4/ips`, FireHOL's netsets.

use afw_parsers::Time;
use serde_json::Value;

use crate::net::Cidr;

/// What a list was written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListFormat {
    /// One address, network or AS number a line; comments after `#`, `;` or `//` (FireHOL, Spamhaus text, Tor bulk,
    /// Cloudflare text).
    Text,
    /// Tor's `exit-addresses`.
    TorDetailed,
    /// Spamhaus DROP as JSON lines.
    DropJson,
    /// Spamhaus ASN-DROP as JSON lines.
    AsnDropJson,
    /// `{"prefixes":[{"ipv4Prefix"…}]}` of Google, Bing, OpenAI and others, and its relatives at AWS and Fastly.
    RangesJson,
    /// Cloudflare's API answer.
    CloudflareJson,
}

impl ListFormat {
    /// The name in `afw lists status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::TorDetailed => "tor-exit-addresses",
            Self::DropJson => "spamhaus-drop-json",
            Self::AsnDropJson => "spamhaus-asndrop-json",
            Self::RangesJson => "ranges-json",
            Self::CloudflareJson => "cloudflare-json",
        }
    }
}

/// What a list holds.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) format: ListFormat,
    pub(super) networks: Vec<Cidr>,
    pub(super) asns: Vec<u32>,
    pub(super) made: Option<Time>,
}

/// Where and why a list cannot be read.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) reason: String,
}

impl Fault {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self {
            line,
            reason: reason.into(),
        }
    }
}

/// Reads a list of any format.
pub(super) fn read(bytes: &[u8]) -> Result<Content, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or(bytes);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Fault::new(line, "not a text: invalid UTF-8")
    })?;
    match text.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => match serde_json::from_str::<Value>(text) {
            Ok(whole) if !is_json_line(&whole) => document(&whole),
            _ => json_lines(text),
        },
        _ => plain(text),
    }
}

fn plain(text: &str) -> Result<Content, Fault> {
    let mut content = Content {
        format: ListFormat::Text,
        networks: Vec::new(),
        asns: Vec::new(),
        made: None,
    };
    for (number, line) in (1..).zip(text.lines()) {
        let line = without_comment(line);
        let mut words = line.split(|c: char| c.is_whitespace() || c == ',');
        let Some(first) = words.find(|word| !word.is_empty()) else {
            continue;
        };
        let entry = match first {
            "ExitNode" | "Published" | "LastStatus" => continue,
            "ExitAddress" => {
                content.format = ListFormat::TorDetailed;
                words.next().unwrap_or_default()
            }
            word => word,
        };
        content
            .add(entry)
            .ok_or_else(|| Fault::new(number, unreadable(entry)))?;
    }
    Ok(content)
}

fn without_comment(line: &str) -> &str {
    let end = line
        .find(['#', ';'])
        .or_else(|| line.find("//"))
        .unwrap_or(line.len());
    line.get(..end).unwrap_or(line)
}

fn unreadable(entry: &str) -> String {
    let shown: String = entry.chars().take(60).collect();
    format!("{shown:?} is no address, network or AS number")
}

impl Content {
    /// Takes `192.0.2.1`, `192.0.2.0/24`, `AS64496` or `64496`.
    fn add(&mut self, entry: &str) -> Option<()> {
        let digits = match entry.get(..2) {
            Some(prefix) if prefix.eq_ignore_ascii_case("as") => entry.get(2..)?,
            _ => entry,
        };
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.asns.push(digits.parse().ok()?);
        } else {
            self.networks.push(entry.parse().ok()?);
        }
        Some(())
    }
}

/// A lone line of JSON lines looks like a document.
fn is_json_line(value: &Value) -> bool {
    value.get("cidr").is_some() || value.get("asn").is_some() || value.get("type").is_some()
}

fn json_lines(text: &str) -> Result<Content, Fault> {
    let mut content = Content {
        format: ListFormat::DropJson,
        networks: Vec::new(),
        asns: Vec::new(),
        made: None,
    };
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let value: Value =
            serde_json::from_str(line).map_err(|error| Fault::new(number, format!("no JSON: {error}")))?;
        let entry = || Fault::new(number, "neither `cidr` nor `asn` that can be read");
        if let Some(cidr) = value.get("cidr").and_then(Value::as_str) {
            content.networks.push(cidr.parse().map_err(|_| entry())?);
        } else if let Some(asn) = value.get("asn").and_then(Value::as_u64) {
            content.format = ListFormat::AsnDropJson;
            content.asns.push(u32::try_from(asn).map_err(|_| entry())?);
        } else if value.get("type").and_then(Value::as_str) == Some("metadata") {
            content.made = value
                .get("timestamp")
                .and_then(Value::as_i64)
                .and_then(Time::from_secs);
            check_count(&value, content.networks.len() + content.asns.len(), number)?;
        } else {
            return Err(entry());
        }
    }
    Ok(content)
}

/// A download that broke off has fewer records than its last line says.
fn check_count(metadata: &Value, found: usize, line: usize) -> Result<(), Fault> {
    match metadata.get("records").and_then(Value::as_u64) {
        Some(records) if records != found as u64 => Err(Fault::new(
            line,
            format!("{records} records are announced, {found} are here"),
        )),
        _ => Ok(()),
    }
}

fn document(value: &Value) -> Result<Content, Fault> {
    let mut content = Content {
        format: ListFormat::RangesJson,
        networks: Vec::new(),
        asns: Vec::new(),
        made: value.get("creationTime").and_then(Value::as_str).and_then(time),
    };
    let empty = |what: &str| Fault::new(1, format!("{what} holds no network: a broken download?"));
    if let Some(result) = value.get("result") {
        content.format = ListFormat::CloudflareJson;
        for key in ["ipv4_cidrs", "ipv6_cidrs"] {
            // Cloudflare's own rule for its SDKs: both families must be there.
            let found = content.add_all(result.get(key))?;
            (found > 0).then_some(()).ok_or_else(|| empty(key))?;
        }
        return Ok(content);
    }
    let mut found = if value.is_array() {
        content.add_all(Some(value))?
    } else {
        0
    };
    for key in ["prefixes", "ipv6_prefixes", "addresses", "ipv6_addresses"] {
        found += content.add_all(value.get(key))?;
    }
    (found > 0)
        .then_some(content)
        .ok_or_else(|| empty("the document"))
}

impl Content {
    /// Takes an array of texts or of objects with a network under one of the usual names; tells how many.
    fn add_all(&mut self, array: Option<&Value>) -> Result<usize, Fault> {
        const NAMES: [&str; 6] = [
            "ipv4Prefix",
            "ipv6Prefix",
            "ip_prefix",
            "ipv6_prefix",
            "cidr",
            "ip",
        ];
        let items = array
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        for item in items {
            let text = item
                .as_str()
                .or_else(|| NAMES.iter().find_map(|name| item.get(name)?.as_str()));
            let entry = text.ok_or_else(|| Fault::new(1, "an element without a network"))?;
            self.add(entry).ok_or_else(|| Fault::new(1, unreadable(entry)))?;
        }
        Ok(items.len())
    }
}

/// `2025-01-02T15:46:04.000000`, with or without `Z`: the publishers mean UTC.
fn time(text: &str) -> Option<Time> {
    let naive = text.trim_end_matches('Z').parse::<chrono::NaiveDateTime>().ok()?;
    Time::from_secs(naive.and_utc().timestamp())
}
