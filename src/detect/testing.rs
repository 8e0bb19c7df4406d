//! Events for tests: one ordinary request whose target, agent and so on a test replaces.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use afw_parsers::{Record, Time};

use crate::client::Client;
use crate::enrich::crawler::Verdict;
use crate::enrich::{AddressFacts, agent};
use crate::event::Event;

/// A `GET` of `target` answered 404 to a browser at 192.0.2.1.
pub fn record(target: &str) -> Record<'_> {
    Record {
        time: Some(Time::from_nanos(1_769_903_998_000_000_000)),
        peer: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        method: Some(Cow::Borrowed(b"GET")),
        target: Some(Cow::Borrowed(target.as_bytes())),
        http_version: Some(b"1.1"),
        status: Some(404),
        user_agent: Some(Cow::Borrowed(
            b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        )),
        ..Record::default()
    }
}

/// Runs `test` on the event of that record, whose client is the peer.
pub fn with_record<T>(record: &Record<'_>, test: impl FnOnce(&Event<'_, '_>) -> T) -> T {
    let file: Arc<str> = "access.log".into();
    let event = Event {
        record,
        client: Client {
            address: record.peer,
            peer: record.peer,
        },
        address: &AddressFacts::default(),
        agent: &record.user_agent.as_deref().map(agent::read).unwrap_or_default(),
        verdict: Verdict::Unknown,
        exempt: None,
        file: &file,
        offset: 0,
    };
    test(&event)
}

/// Runs `test` on the event of [`record`].
pub fn with_event<T>(target: &str, test: impl FnOnce(&Event<'_, '_>) -> T) -> T {
    with_record(&record(target), test)
}
