//! A line that is none of what its log was known to hold: every format is tried.
//!
//! The reason of the one that got furthest is told where none reads it. Next: [`crate::foreign`], which names what is no
//! access log.

use crate::address;
use crate::clf::{self, Tail};
use crate::foreign;
use crate::format::Format;
use crate::raw;
use crate::record::Record;
use crate::reject::{Reason, Reject};
use crate::unescape::Escape;

use super::{Line, Parser};

/// The reject of the format that got furthest.
struct Furthest(Reject);

impl Furthest {
    fn or(&mut self, reject: Reject) {
        if reject.at > self.0.at || self.0.reason == Reason::UnknownFormat {
            self.0 = reject;
        }
    }
}

impl Parser {
    /// Tries all formats; `refused` is why those that were known of do not read the line.
    pub(super) fn parse_any<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
        refused: Reject,
    ) -> Result<Line, Reject> {
        let mut best = Furthest(refused);
        let odd_shape = match self.parse_clf(line, record) {
            Ok(Some(read)) => return Ok(read),
            Ok(None) => true,
            Err(reject) => {
                best.or(reject);
                false
            }
        };
        // A line that one format skips may be another's record.
        let skipped = match self.parse_presets(line, record, &mut best) {
            Some(Line::Record) => return Ok(Line::Record),
            skipped => skipped,
        };
        if let Some(read) = self.parse_kin(line, record, odd_shape, &mut best) {
            return Ok(read);
        }
        record.restart(line);
        skipped.ok_or_else(|| foreign::reason(line, best.0))
    }

    /// The common and combined formats; none where a line has their beginning and an end of no format.
    fn parse_clf<'a>(&mut self, line: &'a [u8], record: &mut Record<'a>) -> Result<Option<Line>, Reject> {
        record.restart(line);
        let shape = clf::parse(line, record, &mut self.memo, Escape::Either)?;
        let first = &self.layout.inner().first;
        if shape.vhost && self.is_address_for_user(record) {
            record.forget_names();
            return Ok(Some(Format::of_family(first.preset()).accept(record)));
        }
        Ok(Format::of_shape(shape, first.family()).map(|format| format.accept(record)))
    }

    /// The formats of other families.
    fn parse_presets<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
        best: &mut Furthest,
    ) -> Option<Line> {
        let mut skipped = None;
        for &format in Format::ALL.iter().filter(|format| !format.is_clf()) {
            record.restart(line);
            let columns = self.columns.as_deref();
            match format.parse(line, record, &mut self.memo, Escape::Either, columns) {
                Ok(Line::Record) => return Some(Line::Record),
                Ok(skip) => skipped = Some(skip),
                Err(reject) => best.or(reject),
            }
        }
        skipped
    }

    /// Of the family of combined, but with an end of the administrator's own (`odd_shape`); or from a server that escaped
    /// nothing.
    fn parse_kin<'a>(
        &mut self,
        line: &'a [u8],
        record: &mut Record<'a>,
        odd_shape: bool,
        best: &mut Furthest,
    ) -> Option<Line> {
        let dialect = if odd_shape { Escape::Either } else { Escape::None };
        let kin = Format::of_family(self.layout.inner().first.family());
        let times = clf::head::times(line);
        record.restart(line);
        match clf::parse(line, record, &mut self.memo, dialect) {
            // A line that was cut, and the next behind it.
            Ok(_) if raw::is_glued(line, &times) => best.or(Reject::new(Reason::Truncated, line.len())),
            Ok(shape) => {
                // Perhaps a forwarding header that the client filled with something else, perhaps another value.
                if shape.tail == Tail::Quoted {
                    record.put_unclear("x-forwarded-for".into());
                }
                return Some(kin.accept(record));
            }
            Err(reject) => best.or(reject),
        }
        record.restart(line);
        let plain = times.len() < 2;
        let is_raw = plain && clf::parse_raw(line, record, &mut self.memo).is_ok();
        (is_raw && record.more.headers.is_empty()).then(|| kin.accept(record))
    }

    /// Whether what was taken for a virtual host may be the peer, and the peer a user's name: in a log without virtual
    /// hosts, a first word that is an address, or the only name. Who chose the other cannot be told, so nobody is blamed.
    fn is_address_for_user(&self, record: &Record<'_>) -> bool {
        let first = self.layout.inner().first.preset();
        let none = first.is_some_and(|format| format.is_clf() && format != Format::ApacheVhostCombined);
        let host = record.host.as_deref().unwrap_or_default();
        let is_peer = address::peer(host).is_some() || record.peer_text.is_empty();
        none && record.more.server_port.is_none() && is_peer
    }
}
