//! The behaviours.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::receiver::{Door, Receiver, Reply, http_date};
use crate::stage::{Offer, Row, Twist};

/// Records of a row unless it needs others: four batches.
const RECORDS: usize = 2000;

fn row(name: &'static str, play: impl Fn(&Offer) -> Reply + Send + Sync + 'static) -> Row {
    Row {
        name,
        records: RECORDS,
        dead: 0,
        play: Box::new(play),
        twist: Twist::None,
        tls: false,
        silent: false,
    }
}

/// Answers like this so many times, then takes everything.
fn first(name: &'static str, times: usize, reply: Reply) -> Row {
    row(name, move |offer| {
        if offer.n < times {
            reply.clone()
        } else {
            Reply::Status(202)
        }
    })
}

/// Every behaviour, the good one first.
pub fn all() -> Vec<Arc<Row>> {
    let mut rows = vec![row("202 at once", |_| Reply::Status(202))];
    rows.extend(statuses());
    rows.extend(data());
    rows.extend(connections());
    rows.extend(worlds());
    rows.into_iter().map(Arc::new).collect()
}

fn statuses() -> Vec<Row> {
    // A redirect is not followed: nobody may come to the place it names.
    let elsewhere = Receiver::script([Reply::Status(200)]);
    let moved = Reply::with(301, "Location", elsewhere.url("/v1/events"));
    let mut rows = vec![row("301 to elsewhere", move |offer| {
        assert_eq!(elsewhere.count(), 0);
        if offer.n == 0 {
            moved.clone()
        } else {
            Reply::Status(202)
        }
    })];
    for (name, status) in [
        ("401 key", 401),
        ("402 credit", 402),
        ("403 key", 403),
        ("404 address", 404),
    ] {
        rows.push(first(name, 2, Reply::Status(status)));
    }
    for (name, status) in [
        ("408", 408),
        ("425", 425),
        ("500", 500),
        ("502", 502),
        ("503", 503),
        ("504", 504),
        ("status 600", 600),
    ] {
        rows.push(first(name, 3, Reply::Status(status)));
    }
    rows.push(first(
        "429, Retry-After: 2",
        1,
        Reply::with(429, "Retry-After", 2),
    ));
    rows.push(row("503, Retry-After: a date", |offer| match offer.n {
        0 => Reply::with(503, "Retry-After", http_date(3)),
        _ => Reply::Status(202),
    }));
    rows
}

fn data() -> Vec<Row> {
    let too_large = row("413 above 60 records", |offer| {
        Reply::Status(if offer.records.len() > 60 { 413 } else { 202 })
    });
    let poison = |name, status| Row {
        dead: 1,
        ..row(name, move |offer| match offer.records.contains(&321) {
            true => Reply::body(status, "record 321 is bad"),
            false => Reply::Status(202),
        })
    };
    vec![
        too_large,
        poison("400, one poison record", 400),
        poison("422, one poison record", 422),
    ]
}

fn connections() -> Vec<Row> {
    let reset = |connection| if connection < 3 { Door::Reset } else { Door::Open };
    vec![
        Row {
            twist: Twist::Door(Box::new(reset)),
            ..row("connection reset", |_| Reply::Status(202))
        },
        first("closed without an answer", 3, Reply::Close),
        Row {
            silent: true,
            ..first("taken, answer lost", 3, Reply::Close)
        },
        first("silence", 2, Reply::Hang),
        first("200 and an endless body", 2, Reply::SlowBody),
        first("garbage", 3, Reply::Garbage),
        first("torn answer", 3, Reply::Torn),
        wrong_tls(),
        Row {
            twist: Twist::Nowhere("https://receiver.invalid/v1/events"),
            ..row("name not found (DNS)", |_| Reply::Status(202))
        },
        Row {
            twist: Twist::Nowhere("http://127.0.0.1:9/v1/events"),
            ..row("connection refused", |_| Reply::Status(202))
        },
    ]
}

fn worlds() -> Vec<Row> {
    vec![
        Row {
            records: 5000,
            twist: Twist::Growing(20_000),
            ..row("outage of five minutes", |offer| {
                Reply::Status(if offer.secs < 300.0 { 503 } else { 202 })
            })
        },
        Row {
            records: 5000,
            ..row("flapping", |offer| match offer.n % 3 {
                0 => Reply::Status(202),
                1 => Reply::Status(500),
                _ => Reply::Close,
            })
        },
        Row {
            records: 3000,
            twist: Twist::ClockJump,
            ..row("clock jumps by a year", |offer| match offer.n {
                0 | 4 => Reply::Answer {
                    status: 503,
                    headers: vec![("Retry-After", http_date(2)), ("Date", http_date(0))],
                    body: Vec::new(),
                },
                _ => Reply::Status(202),
            })
        },
        Row {
            twist: Twist::Killed(4),
            silent: true,
            records: 4000,
            ..row("killed while sending", |offer| match offer.n % 2 {
                0 => Reply::Status(202),
                _ if offer.n < 8 => Reply::Hang,
                _ => Reply::Status(202),
            })
        },
    ]
}

/// Certificates of another host and of an unknown authority first, then the right one.
fn wrong_tls() -> Row {
    let (other, right) = (server("other"), server("server"));
    let door = move |connection| match connection {
        0..3 => Door::Tls(Arc::clone(&other)),
        _ => Door::Tls(Arc::clone(&right)),
    };
    Row {
        tls: true,
        twist: Twist::Door(Box::new(door)),
        ..row("wrong TLS certificate", |_| Reply::Status(202))
    }
}

fn server(name: &str) -> Arc<ServerConfig> {
    let file = |end: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/tls/{name}.{end}"));
    let chain = vec![CertificateDer::from_pem_file(file("pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}
