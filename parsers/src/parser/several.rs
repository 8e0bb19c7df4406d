//! Lines of a log that is declared in several formats.
//!
//! Which of them a line was written in, nothing tells but what it reads as, and a client may write what makes his line one
//! of another format too. So every format is asked, and what they do not agree on is not known.

use super::{Line, Parser};
use crate::compile::program::{Refused, unsettle};
use crate::format::Format;
use crate::layout::{First, Layout};
use crate::memo::TimeMemo;
use crate::record::{Header, Record};
use crate::reject::Reject;
use crate::unescape::Escape;

/// A line as one of the formats reads it.
struct Reading<'a> {
    record: Record<'a>,
    /// Whether the server writes names in the place of peers: nginx writes addresses alone.
    of_names: bool,
}

impl Parser {
    /// Reads a line in every format that is declared; `None` where it is of none of them.
    #[cold]
    pub(super) fn parse_several<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
    ) -> Option<Result<Line, Reject>> {
        let layout = self.layout.clone();
        let mut two_peers = false;
        let mut found: Option<Reading<'a>> = None;
        for layout in std::iter::once(&layout).chain(&layout.inner().others) {
            match self.reading(layout, line) {
                Ok(reading) => {
                    found = Some(match found {
                        Some(first) => first.and(reading, line),
                        None => reading,
                    })
                }
                Err(refused) => two_peers |= refused == Some(Refused::TwoPeers),
            }
        }
        let Some(Reading { record: read, .. }) = found else {
            return two_peers.then(|| Err(Refused::TwoPeers.into()));
        };
        *record = read;
        if two_peers {
            record.forget_peer();
        }
        Some(Ok(Line::Record))
    }

    /// Reads a line in the first format of a layout.
    fn reading<'a>(&mut self, layout: &Layout, line: &'a [u8]) -> Result<Reading<'a>, Option<Refused>> {
        let mut record = Record::default();
        record.restart(line);
        let memo: &mut TimeMemo = &mut self.memo;
        let of_names = match &layout.inner().first {
            First::Preset(format) => {
                let (columns, dialect) = (self.columns.as_deref(), format.escape().unwrap_or_default());
                match format.parse(line, &mut record, memo, dialect, columns) {
                    Ok(Line::Record) => {
                        format.escape() != Some(Escape::Nginx) && *format != Format::NginxJson
                    }
                    _ => return Err(None),
                }
            }
            First::Compiled(compiled) => {
                compiled.parse(line, &mut record, memo)?;
                compiled.writes_names()
            }
            First::Auto => return Err(None),
        };
        Ok(Reading { record, of_names })
    }
}

impl<'a> Reading<'a> {
    /// What this reading and another agree on.
    fn and(self, other: Self, line: &'a [u8]) -> Self {
        let same = self.record.peer == other.record.peer && self.record.peer_text == other.record.peer_text;
        for is_likely in [Self::is_possible, Self::is_of_nobody] {
            match (is_likely(&self), is_likely(&other)) {
                (true, false) if !same => return self,
                (false, true) if !same => return other,
                _ => {}
            }
        }
        let settled = asked(&self.record) == asked(&other.record);
        let unclear = self.unlike(&other);
        let Self { mut record, of_names } = self;
        if !settled {
            unsettle(line, &mut record);
        }
        if !same {
            record.forget_peer();
        }
        record.host = record
            .host
            .filter(|host| other.record.host.as_ref() == Some(host));
        record.user = record
            .user
            .filter(|user| other.record.user.as_ref() == Some(user));
        record.more.headers.retain(|(name, _)| !unclear.contains(name));
        unclear.into_iter().for_each(|name| record.put_unclear(name));
        Self { record, of_names }
    }

    /// The headers on which this reading and another do not agree.
    fn unlike(&self, other: &Self) -> Vec<Header<'a>> {
        let (own, others) = (&self.record.more, &other.record.more);
        let lacks = |headers: &[_], header| !headers.contains(header);
        let unlike = own.headers.iter().filter(|header| lacks(&others.headers, header));
        let unlike = unlike.chain(others.headers.iter().filter(|header| lacks(&own.headers, header)));
        let unclear = own.unclear.iter().chain(&others.unclear);
        unlike.map(|(name, _)| name).chain(unclear).cloned().collect()
    }

    /// Whether nobody's name stands where servers write who the client's own machine says he is: they ask nowhere, and what
    /// does stand there is the peer behind a virtual host.
    fn is_of_nobody(&self) -> bool {
        self.record.more.extra.iter().all(|(name, _)| name != "ident")
    }

    /// Whether the server may have written what stands for the peer.
    fn is_possible(&self) -> bool {
        let Record { peer, peer_text, .. } = self.record;
        self.of_names || peer.is_some() || peer_text.is_empty() || peer_text.starts_with(b"unix:")
    }
}

/// What was asked and answered, and when.
fn asked<'r>(record: &'r Record<'_>) -> impl PartialEq + use<'r> {
    let text = |bytes: &'r Option<crate::Bytes<'_>>| bytes.as_deref();
    (
        (record.time, record.status),
        (
            text(&record.method),
            text(&record.target),
            text(&record.malformed_request),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_one_reading_alone_names_nobody() {
        let head = r#"$remote_addr [$time_local] "$request" $status"#;
        let read = |tail: &str| Layout::nginx(&format!("{head} {tail}"), Escape::Nginx).unwrap();
        let (a, b) = (
            read(r#""$http_x_forwarded_for" "$http_x_id""#),
            read(r#""$http_cookie" "$http_x_id""#),
        );
        let line = br#"192.0.2.7 [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.1" 404 "203.0.113.9" "7""#;
        for layout in [a.or(&b), b.or(&a)] {
            let mut record = Record::default();
            Parser::new(&layout).parse(line, &mut record).unwrap();
            assert!(record.is_unclear("x-forwarded-for") && !record.is_unclear("x-id"));
            assert_eq!(record.header("x-forwarded-for"), None);
            assert_eq!(record.header("x-id"), Some(&b"7"[..]));
            assert_eq!((record.peer_text, record.status), (&b"192.0.2.7"[..], Some(404)));
        }
    }

    #[test]
    fn a_virtual_host_is_told_from_a_peer_by_the_ident() {
        let tail = r#"%l %u %t \"%r\" %>s %b"#;
        let (plain, hosts) = (
            Layout::apache(&format!("%h {tail}")).unwrap(),
            Layout::apache(&format!("%v %h {tail}")).unwrap(),
        );
        let rest = r#"[10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.1" 404 5"#;
        for (begin, peer, host) in [
            ("192.0.2.7 - -", "192.0.2.7", ""),
            ("www.example 192.0.2.7 - -", "192.0.2.7", "www.example"),
            ("www.example 192.0.2.7 - bob", "192.0.2.7", "www.example"),
            ("www.example client.example - -", "client.example", "www.example"),
            ("client.example - -", "client.example", ""),
            ("client.example - a b", "client.example", ""),
            // A user's name of which each format makes a head.
            ("192.0.2.7 - - 203.0.113.9", "", ""),
        ] {
            let line = format!("{begin} {rest}");
            for layout in [plain.or(&hosts), hosts.or(&plain)] {
                let mut record = Record::default();
                Parser::new(&layout).parse(line.as_bytes(), &mut record).unwrap();
                assert_eq!(record.peer_text, peer.as_bytes(), "{line}");
                assert_eq!(
                    record.host.as_deref().unwrap_or_default(),
                    host.as_bytes(),
                    "{line}"
                );
                assert_eq!(record.target.as_deref(), Some(&b"/x"[..]), "{line}");
            }
        }
    }
}
