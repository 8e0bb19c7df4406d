//! Names of request headers, in lower case, without allocating for the usual ones.

use std::borrow::Cow;

use crate::clf::head::set_host;
use crate::json::Value;
use crate::record::{Bytes, Header, Record};

/// Headers that browsers, scanners and proxies send, as Go canonicalises them and in lower case. A name that is not
/// here is spelled out, so the table only saves an allocation.
const USUAL: &[(&[u8], &str)] = &[
    (b"Accept", "accept"),
    (b"Accept-Charset", "accept-charset"),
    (b"Accept-Encoding", "accept-encoding"),
    (b"Accept-Language", "accept-language"),
    (b"Authorization", "authorization"),
    (b"Cache-Control", "cache-control"),
    (b"Cdn-Loop", "cdn-loop"),
    (b"Cf-Connecting-Ip", "cf-connecting-ip"),
    (b"Cf-Ipcountry", "cf-ipcountry"),
    (b"Cf-Ray", "cf-ray"),
    (b"Cf-Visitor", "cf-visitor"),
    (b"Connection", "connection"),
    (b"Content-Length", "content-length"),
    (b"Content-Type", "content-type"),
    (b"Cookie", "cookie"),
    (b"Dnt", "dnt"),
    (b"Forwarded", "forwarded"),
    (b"From", "from"),
    (b"If-Modified-Since", "if-modified-since"),
    (b"If-None-Match", "if-none-match"),
    (b"If-Range", "if-range"),
    (b"Origin", "origin"),
    (b"Pragma", "pragma"),
    (b"Priority", "priority"),
    (b"Proxy-Authorization", "proxy-authorization"),
    (b"Purpose", "purpose"),
    (b"Range", "range"),
    (b"Sec-Ch-Ua", "sec-ch-ua"),
    (b"Sec-Ch-Ua-Mobile", "sec-ch-ua-mobile"),
    (b"Sec-Ch-Ua-Platform", "sec-ch-ua-platform"),
    (b"Sec-Fetch-Dest", "sec-fetch-dest"),
    (b"Sec-Fetch-Mode", "sec-fetch-mode"),
    (b"Sec-Fetch-Site", "sec-fetch-site"),
    (b"Sec-Fetch-User", "sec-fetch-user"),
    (b"Sec-Gpc", "sec-gpc"),
    (b"Sec-Purpose", "sec-purpose"),
    (b"Te", "te"),
    (b"True-Client-Ip", "true-client-ip"),
    (b"Upgrade", "upgrade"),
    (b"Upgrade-Insecure-Requests", "upgrade-insecure-requests"),
    (b"Via", "via"),
    (b"X-Forwarded-For", "x-forwarded-for"),
    (b"X-Forwarded-Host", "x-forwarded-host"),
    (b"X-Forwarded-Port", "x-forwarded-port"),
    (b"X-Forwarded-Proto", "x-forwarded-proto"),
    (b"X-Forwarded-Server", "x-forwarded-server"),
    (b"X-Real-Ip", "x-real-ip"),
    (b"X-Requested-With", "x-requested-with"),
];

/// The lower-case name of a header.
pub(crate) fn name(raw: &[u8]) -> Header<'static> {
    match USUAL.iter().find(|(usual, _)| *usual == raw) {
        Some((_, lower)) => Cow::Borrowed(lower),
        None => Cow::Owned(String::from_utf8_lossy(raw).to_ascii_lowercase()),
    }
}

/// Puts a header where it belongs: `User-Agent`, `Referer` and `Host` have fields of their own.
pub(crate) fn put<'a>(raw: &[u8], value: Bytes<'a>, record: &mut Record<'a>) {
    match raw {
        b"User-Agent" => record.put_agent(Some(value)),
        b"Referer" => record.referrer = Some(value),
        _ if raw.eq_ignore_ascii_case(b"user-agent") => record.put_agent(Some(value)),
        _ if raw.eq_ignore_ascii_case(b"referer") => record.referrer = Some(value),
        _ if raw.eq_ignore_ascii_case(b"host") => {
            record.host.get_or_insert(value);
        }
        _ => record.more_mut().headers.push((name(raw), value)),
    }
}

/// Puts a host, perhaps with a port, where it belongs.
pub(crate) fn host<'a>(value: Value<'a>, record: &mut Record<'a>) {
    match value.unescape() {
        Cow::Borrowed(host) => set_host(host, record),
        host => record.host = Some(host),
    }
}

/// Joins the values of a header that was sent more than once, as RFC 9110 5.2 joins them (cookies as RFC 9113
/// 8.2.3 does): nobody who adds one can hide the others.
pub(crate) fn join<'a>(raw: &[u8], first: Bytes<'a>, next: &[u8]) -> Bytes<'a> {
    let separator: &[u8] = if raw.eq_ignore_ascii_case(b"cookie") {
        b"; "
    } else {
        b", "
    };
    let mut joined = first.into_owned();
    joined.extend_from_slice(separator);
    joined.extend_from_slice(next);
    Cow::Owned(joined)
}
