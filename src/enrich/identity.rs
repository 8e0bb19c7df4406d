//! Who sends, beyond the address: [`fingerprint`], the same for one program behind many addresses, and
//! [`contradiction`], what the rest of a request says against its user agent.
//!
//! Both know only what the log has. Pure.

use afw_parsers::Record;
use sha2::{Digest, Sha256};

use super::AgentFacts;

/// Headers whose values stay the same over the requests of one program. Those that change with the page (`Accept`,
/// `Referer`, `Cookie`, `Sec-Fetch-…`) are no part of who sends.
const STEADY: [&str; 7] = [
    "accept-encoding",
    "accept-language",
    "dnt",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-gpc",
];

/// A hash over user agent, protocol, TLS with JA3 and JA4, and the steady headers, absent ones as such; the same on every
/// host and in every version that does not say otherwise. The target, its parameters and the address are no part of it:
/// they are what one program changes. `None` where the log has nothing of these but the protocol.
pub fn fingerprint(record: &Record<'_>) -> Option<u64> {
    let more = &record.more;
    let parts = [
        record.user_agent.as_deref(),
        more.tls_version.as_deref(),
        more.tls_cipher.as_deref(),
        more.ja3.as_deref(),
        more.ja4.as_deref(),
    ];
    let headers = || STEADY.iter().map(|name| record.header(name));
    if parts.iter().all(Option::is_none) && headers().all(|value| value.is_none()) {
        return None;
    }
    let mut hash = Sha256::new();
    for part in parts.into_iter().chain([record.http_version]).chain(headers()) {
        // The length sets the parts apart, and an absent one from an empty one.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    let bytes = hash.finalize();
    bytes.first_chunk::<8>().map(|first| u64::from_be_bytes(*first))
}

/// What a request's client hints say against its user agent, by the first that does: `engine`, `headless`, `version`,
/// `platform` or `mobile`; `None` where they agree or one of them says nothing.
///
/// Only browsers with the engine Blink send `Sec-CH-UA…`, and the platform is one of a closed list (MDN, "Sec-CH-UA" and
/// "Sec-CH-UA-Platform", with the tables of compatibility, read 2026-01). A desktop site on a phone is no lie: Android
/// calls itself Linux then.
pub fn contradiction(record: &Record<'_>, agent: &AgentFacts) -> Option<&'static str> {
    if record.more.headers.is_empty() {
        return None;
    }
    let brands = record.header("sec-ch-ua").filter(|brands| !is_empty(brands));
    let platform = record.header("sec-ch-ua-platform").map(unquoted);
    let mobile = record.header("sec-ch-ua-mobile");
    let user_agent = record.user_agent.as_deref()?;
    let hinted = brands.is_some() || platform.is_some_and(|platform| !platform.is_empty());
    if hinted && matches!(agent.engine, Some("Gecko" | "WebKit" | "Trident")) {
        return Some("engine");
    }
    let is_headless = |text: &[u8]| memchr::memmem::find(text, b"HeadlessChrome").is_some();
    if brands.is_some_and(is_headless) && !is_headless(user_agent) {
        return Some("headless");
    }
    if let (Some(hint), Some(said)) = (brands.and_then(chromium), version_after(user_agent, b"Chrome/"))
        && hint != said
    {
        return Some("version");
    }
    let system = agent.system.as_deref()?;
    if platform
        .and_then(system_of)
        .is_some_and(|hint| !agrees(hint, system))
    {
        return Some("platform");
    }
    let says = |hint: &[u8]| mobile.is_some_and(|mobile| mobile.trim_ascii() == hint);
    let phone = memchr::memmem::find(user_agent, b"Mobile").is_some();
    let lies = (says(b"?1") && matches!(system, "Windows" | "macOS"))
        || (says(b"?0") && phone && system == "Android");
    lies.then_some("mobile")
}

/// The system that a platform names; those that say nothing name none.
fn system_of(platform: &[u8]) -> Option<&'static str> {
    Some(match platform {
        b"Android" => "Android",
        b"Chrome OS" | b"Chromium OS" | b"Linux" => "Linux",
        b"iOS" => "iOS",
        b"macOS" => "macOS",
        b"Windows" => "Windows",
        _ => return None,
    })
}

/// Whether a hint and the system of a user agent can be of one browser. Systems that no platform names agree with all.
fn agrees(hint: &str, system: &str) -> bool {
    match system {
        "Windows" | "macOS" | "iOS" => hint == system,
        "Android" | "Linux" => matches!(hint, "Android" | "Linux"),
        _ => true,
    }
}

/// The version of `"Chromium";v="138"`.
fn chromium(brands: &[u8]) -> Option<u32> {
    version_after(brands, b"\"Chromium\";v=\"").or_else(|| version_after(brands, b"\"Chromium\"; v=\""))
}

fn version_after(text: &[u8], mark: &[u8]) -> Option<u32> {
    let at = memchr::memmem::find(text, mark)? + mark.len();
    let digits = text.get(at..)?;
    let end = digits
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

fn is_empty(value: &[u8]) -> bool {
    value.trim_ascii().is_empty() || value.trim_ascii() == b"-"
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let inside = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    inside.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::enrich::agent;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
    const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0";
    const PHONE: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36";
    const DESKTOP_SITE: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
    const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";
    const BRANDS: &str = r#""Not)A;Brand";v="8", "Chromium";v="138", "Google Chrome";v="138""#;

    fn record<'a>(agent: &'a str, headers: &[(&'static str, &'a str)]) -> Record<'a> {
        let mut record = Record {
            user_agent: Some(Cow::Borrowed(agent.as_bytes())),
            http_version: Some(b"2"),
            ..Record::default()
        };
        for (name, value) in headers {
            let value = Cow::Borrowed(value.as_bytes());
            record.more_mut().headers.push(((*name).into(), value));
        }
        record
    }

    /// A user agent, headers, and what they say against it.
    type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], Option<&'a str>);

    #[test]
    fn hints_that_agree_and_hints_that_do_not() {
        let (brands, platform, mobile) = ("sec-ch-ua", "sec-ch-ua-platform", "sec-ch-ua-mobile");
        let cases: [Case<'_>; 17] = [
            (
                CHROME,
                &[(brands, BRANDS), (platform, "\"Windows\""), (mobile, "?0")],
                None,
            ),
            (
                EDGE,
                &[(brands, BRANDS), (platform, "\"Windows\""), (mobile, "?0")],
                None,
            ),
            (
                PHONE,
                &[(brands, BRANDS), (platform, "\"Android\""), (mobile, "?1")],
                None,
            ),
            (
                DESKTOP_SITE,
                &[(brands, BRANDS), (platform, "\"Android\""), (mobile, "?0")],
                None,
            ),
            (DESKTOP_SITE, &[(platform, "\"Chrome OS\"")], None),
            (CHROME, &[], None),
            (CHROME, &[(platform, "")], None),
            (CHROME, &[(platform, "\"Unknown\"")], None),
            (FIREFOX, &[("accept-language", "de")], None),
            (SAFARI, &[(brands, "-"), (platform, "")], None),
            ("curl/8.11.0", &[(brands, BRANDS)], None),
            (
                CHROME,
                &[(brands, BRANDS), (platform, "\"Linux\""), (mobile, "?0")],
                Some("platform"),
            ),
            (
                CHROME,
                &[(brands, &BRANDS.replace("138", "109"))],
                Some("version"),
            ),
            (
                CHROME,
                &[(brands, r#""HeadlessChrome";v="138", "Chromium";v="138""#)],
                Some("headless"),
            ),
            (FIREFOX, &[(brands, BRANDS)], Some("engine")),
            (SAFARI, &[(platform, "\"macOS\"")], Some("engine")),
            (
                CHROME,
                &[(mobile, "?1"), (platform, "\"Windows\"")],
                Some("mobile"),
            ),
        ];
        for (agent, headers, expected) in cases {
            let facts = agent::read(agent.as_bytes());
            assert_eq!(
                contradiction(&record(agent, headers), &facts),
                expected,
                "{agent} {headers:?}"
            );
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_program_and_nothing_else() {
        let german = [("accept-language", "de"), ("cookie", "a=1")];
        let mut one = record(CHROME, &german);
        let base = fingerprint(&one);
        // Written down so that it stays the same over versions and hosts.
        assert_eq!(
            base.map(|hash| format!("{hash:016x}")).as_deref(),
            Some("e63e69b9fdb046bc")
        );
        one.target = Some(Cow::Borrowed(b"/other?b=1&a=2"));
        one.status = Some(500);
        one.peer = Some("192.0.2.1".parse().unwrap());
        assert_eq!(fingerprint(&one), base);
        assert_eq!(
            fingerprint(&record(CHROME, &[("accept-language", "de"), ("cookie", "b=2")])),
            base
        );
        for other in [
            record(EDGE, &german),
            record(CHROME, &[("accept-language", "fr")]),
            record(CHROME, &[("accept-language", "")]),
            record(CHROME, &[]),
        ] {
            assert_ne!(fingerprint(&other), base);
        }
        let mut tls = record(CHROME, &german);
        tls.more_mut().ja3 = Some(Cow::Borrowed(b"e7d705a3286e19ea42f587b344ee6865"));
        assert_ne!(fingerprint(&tls), base);
        assert_eq!(fingerprint(&Record::default()), None);
    }
}
