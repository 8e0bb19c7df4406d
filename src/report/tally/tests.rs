//! Counting for a report, against threads in any order and tables that are full.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use afw_parsers::{Record, Time};

use super::key::{HOST, Traits};
use super::met::Asked;
use super::request::text;
use super::*;
use crate::client::Client;
use crate::enrich::crawler::Verdict;
use crate::enrich::{AddressFacts, AgentFacts, AgentType};
use crate::event::Event;

/// Counts made-up requests: many paths, hosts and clients, one of each well visited.
fn counted(lines: impl Iterator<Item = u64>) -> Tally {
    counted_with(lines, None)
}

/// The same, with what is left with each request by its target and agent, where it may be.
fn counted_with(lines: impl Iterator<Item = u64>, mut left: Option<HashMap<(String, String), u64>>) -> Tally {
    let mut tally = Tally::new(Arc::default());
    let file: Arc<str> = Arc::from("-");
    for line in lines {
        let target = if line % 3 == 0 {
            "/".to_owned()
        } else {
            format!("/p/{line}?q")
        };
        let host = format!("h{}.example", line % 5 * (line % 400));
        // Which of two it is some say only behind what is kept of the text.
        let of = if line % 2 == 0 {
            AgentType::Script
        } else {
            AgentType::Browser
        };
        let agent = format!("agent/{}{}{of:?}", line % 11, "-".repeat(AGENT_BYTES));
        let record = Record {
            time: Time::from_secs(1_700_000_000 + line as i64 / 10),
            method: Some(Cow::Borrowed(b"GET")),
            target: Some(Cow::Borrowed(target.as_bytes())),
            host: Some(Cow::Borrowed(host.as_bytes())),
            user_agent: Some(Cow::Borrowed(agent.as_bytes())),
            status: Some(if line % 9 == 0 { 404 } else { 200 }),
            ..Record::default()
        };
        let address = Some(IpAddr::from([81, 2, (line % 250) as u8, (line % 7) as u8]));
        let event = Event {
            record: &record,
            client: Client {
                address,
                ..Client::default()
            },
            address: &AddressFacts::default(),
            agent: &AgentFacts {
                kind: of,
                ..AgentFacts::default()
            },
            verdict: Verdict::Unknown,
            exempt: None,
            file: &file,
            offset: line * 211,
        };
        let mut left = left
            .as_mut()
            .map(|left| left.entry((target.clone(), agent.clone())).or_default());
        let remark = tally.request(&event, 0, None, left.as_deref().copied());
        if let Some((left, new)) = left.as_mut().zip(remark) {
            **left = new;
        }
    }
    tally.finish();
    tally
}

/// Everything that is counted, with names in place of numbers, sorted.
fn told(tally: &Tally) -> Vec<String> {
    let name = |names: &Names<Box<[u8]>>, number| {
        names
            .value(number)
            .map(|name| String::from_utf8_lossy(name).into_owned())
    };
    let host = |traits: Traits| (name(&tally.hosts, traits.host()), traits.without([HOST]));
    let known = [
        tally.hosts.values().len(),
        tally.paths.values().len(),
        tally.places.values().len(),
        tally.agents.values().len(),
    ];
    let mut all = vec![format!(
        "{} {known:?} {} {} {} {}",
        tally.requests,
        tally.time.span_secs(),
        tally.by_path.sampled(),
        tally.by_place.sampled(),
        tally.plain.sampled(),
    )];
    for (key, count) in tally.time.cells().iter() {
        all.push(format!("time {} {:?} {count}", key.span, host(key.traits)));
    }
    for (key, count) in tally.by_path.iter() {
        all.push(format!(
            "path {:?} {:?} {count}",
            name(&tally.paths, key.thing),
            host(key.traits)
        ));
    }
    for (key, count) in tally.by_place.iter() {
        all.push(format!(
            "place {:?} {:?} {count}",
            tally.places.value(key.thing),
            host(key.traits)
        ));
    }
    for (key, count) in tally.by_agent.iter() {
        all.push(format!(
            "agent {:?} {:?} {count}",
            tally.agents.value(key.thing),
            host(key.traits)
        ));
    }
    for (fact, count) in tally.plain.iter() {
        let path = name(&tally.paths, fact.path);
        all.push(format!(
            "fact {} {path:?} {:?} {count}",
            fact.secs,
            tally.places.value(fact.place)
        ));
    }
    all.sort();
    all
}

#[test]
fn threads_and_their_order_make_no_difference() {
    const LINES: u64 = 300_000;
    let whole = counted(0..LINES);
    let mut joined = Tally::new(Arc::default());
    for part in [1, 2, 0] {
        joined.merge(counted((0..LINES).filter(|line| line / 1000 % 3 == part)));
    }
    joined.finish();
    assert!(whole.by_path.sampled() > 1, "the test must reach the bound");
    let (whole, joined) = (told(&whole), told(&joined));
    assert_eq!(whole.len(), joined.len());
    let other = whole.iter().zip(&joined).find(|(own, other)| own != other);
    assert_eq!(other, None);
}

#[test]
fn what_is_left_with_requests_changes_no_count() {
    let lines = || (0..100_000).map(|line| line % 7000);
    let (alone, remembered) = (counted(lines()), counted_with(lines(), Some(HashMap::new())));
    assert_eq!(told(&alone), told(&remembered));
    // Numbers that were given anew mean something else than those that were left before.
    let mut tally = counted(0..10);
    let (path, epoch) = (Asked::new(1, 1), tally.epoch);
    tally.keep_used();
    assert_eq!(Asked::of(path.word(epoch), tally.epoch), None);
}

#[test]
fn names_nothing_refers_to_are_given_up_and_the_rest_keeps_its_counts() {
    let mut tally = counted(0..60_000);
    let before = told(&tally);
    text(&mut tally.paths, b"/nobody/went/here");
    tally.keep_used();
    assert_eq!(before, told(&tally));
    let paths = tally.paths.values();
    assert!(!paths.iter().any(|path| **path == *b"/nobody/went/here"));
}
