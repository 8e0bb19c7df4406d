//! The fields of a record as `afw explain` lists them: those that are there, by the names that people use.
//!
//! Nothing is decided here; `afw_parsers::record` says what each field means.

use std::borrow::Cow;
use std::time::Duration;

use afw_parsers::record::Moment;
use afw_parsers::{Bytes, Format, Record};

use super::Page;
use crate::text::{clipped, shown};

/// Most characters of a value.
const LONGEST: usize = 500;

/// Writes the fields section of a page.
pub(super) fn print(out: &mut Page, record: &Record<'_>) {
    out.heading("fields");
    for (name, value) in common(record).into_iter().chain(rare(record)) {
        if let Some(value) = value {
            row(out, name, &value);
        }
    }
    for (name, value) in record.more.headers.iter().chain(&record.more.extra) {
        row(out, name, value);
    }
}

fn row(out: &mut Page, name: &str, value: &[u8]) {
    let name = clipped(name, LONGEST);
    out.more(&format!("{name:<12} {}", clipped(&shown(value), LONGEST)));
}

type Field<'r> = (&'static str, Option<Bytes<'r>>);

/// What most formats log.
fn common<'r>(record: &'r Record<'_>) -> [Field<'r>; 12] {
    let peer = Some(record.peer_text).filter(|peer| !peer.is_empty());
    [
        ("time", number(record.time)),
        ("peer", peer.map(Cow::Borrowed)),
        ("user", text(&record.user)),
        ("host", text(&record.host)),
        ("method", text(&record.method)),
        ("target", text(&record.target)),
        ("malformed", text(&record.malformed_request)),
        ("version", record.http_version.map(Cow::Borrowed)),
        ("status", number(record.status)),
        ("body bytes", number(record.body_bytes)),
        ("referrer", text(&record.referrer)),
        ("agent", text(&record.user_agent)),
    ]
}

/// What few formats log.
fn rare<'r>(record: &'r Record<'_>) -> [Field<'r>; 21] {
    let more = &record.more;
    let moment = match more.moment {
        Moment::Start => Some("the start of the request"),
        Moment::End => None,
    };
    let has_none = matches!(
        record.format,
        Some(Format::Haproxy | Format::Iis | Format::Zoraxy)
    );
    let zoneless = more.zoneless || has_none;
    let country = more.country.as_ref().map(|country| Cow::Borrowed(&country[..]));
    [
        ("time is", number(moment)),
        (
            "zone",
            number(zoneless.then_some("no zone in the log: read as UTC")),
        ),
        ("duration", more.duration_ns.map(seconds)),
        ("client", number(more.client)),
        ("peer port", number(more.peer_port)),
        ("server port", number(more.server_port)),
        ("scheme", text(&more.scheme)),
        ("bytes out", number(more.response_bytes)),
        ("bytes in", number(more.request_bytes)),
        ("tls version", text(&more.tls_version)),
        ("tls cipher", text(&more.tls_cipher)),
        ("tls name", text(&more.tls_server_name)),
        ("ja3", text(&more.ja3)),
        ("ja4", text(&more.ja4)),
        ("country", country),
        ("asn", number(more.asn)),
        ("request id", text(&more.request_id)),
        ("action", text(&more.action)),
        ("sub-request", number(more.subrequest.then_some("yes"))),
        (
            "repeats",
            number(more.repeats.then_some("a request of another line")),
        ),
        ("read as", number(record.format.map(afw_parsers::Format::name))),
    ]
}

fn text<'r>(value: &'r Option<Bytes<'_>>) -> Option<Bytes<'r>> {
    value.as_deref().map(Cow::Borrowed)
}

fn number<'r>(value: Option<impl ToString>) -> Option<Bytes<'r>> {
    value.map(|value| Cow::Owned(value.to_string().into_bytes()))
}

/// Nanoseconds as people read them.
fn seconds<'r>(nanos: u64) -> Bytes<'r> {
    Cow::Owned(format!("{:?}", Duration::from_nanos(nanos)).into_bytes())
}
