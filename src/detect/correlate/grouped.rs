//! [`Grouped`]: what lines are grouped by and what is counted of them.
//!
//! Many correlations group by the same fields and count the same field. Each such key and value has a number, and is
//! read and hashed once for a line, when the first asks for it. Next: `tick`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;

use super::hash::{Frame, Memo};
use super::network::{client_key, cut};
use super::rule::{Correlation, Group, Kind, Net};

/// All keys and counted values, by number, and what they are on the line at hand.
#[derive(Debug)]
pub(super) struct Grouped<F> {
    keys: Vec<Told<Key<F>, u128>>,
    fields: Vec<Told<F, u64>>,
    /// Number of the line.
    line: u64,
    frame: Frame,
    memo: Memo,
}

/// Something that a line tells, and what a line told.
#[derive(Debug)]
struct Told<S, T> {
    source: S,
    line: u64,
    told: Option<T>,
}

/// What makes a window's key.
#[derive(Debug, PartialEq)]
enum Key<F> {
    /// The client's network, where that alone is the key of every base.
    Client(Net),
    /// Framed and hashed.
    Hashed(Vec<Group<F>>),
}

/// What is counted of a line: the value of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    /// The line.
    Line,
    /// The value of the field with that number.
    Value(u32),
    /// Which base it is.
    Base,
}

impl<F> Default for Grouped<F> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            fields: Vec::new(),
            line: 0,
            frame: Frame::default(),
            memo: Memo::default(),
        }
    }
}

impl<F: Clone + PartialEq> Grouped<F> {
    /// The number of a base's key, and what is counted; `None` for a base that there is not.
    /// `client` is the client's network where that alone is the key of every base.
    pub fn of_base(
        &mut self,
        correlation: &Correlation<F>,
        base: usize,
        client: Option<Net>,
    ) -> Option<(u32, Counted)> {
        let base = correlation.bases.get(base)?;
        let key = match client {
            Some(net) => Key::Client(net),
            None => Key::Hashed(base.group_by.clone()),
        };
        let counted = match (correlation.kind, &base.field) {
            (Kind::EventCount, _) => Counted::Line,
            (Kind::ValueCount, field) => Counted::Value(number(&mut self.fields, field.clone()?)),
            (Kind::Temporal | Kind::TemporalOrdered, _) => Counted::Base,
        };
        Some((number(&mut self.keys, key), counted))
    }
}

/// The place of one that is there already or comes last now.
fn number<S: PartialEq, T>(all: &mut Vec<Told<S, T>>, source: S) -> u32 {
    let known = all.iter().position(|one| one.source == source);
    let at = known.unwrap_or_else(|| {
        all.push(Told {
            source,
            line: 0,
            told: None,
        });
        all.len() - 1
    });
    at as u32
}

/// The keys and values of one line.
pub(super) struct Line<'g, F, R> {
    grouped: &'g mut Grouped<F>,
    client: Option<IpAddr>,
    read: R,
}

impl<F> Grouped<F> {
    /// The next line, of that client; `read` reads its fields.
    pub fn line<R>(&mut self, client: Option<IpAddr>, read: R) -> Line<'_, F, R> {
        self.line += 1;
        Line {
            grouped: self,
            client,
            read,
        }
    }
}

impl<F, V: Deref<Target = [u8]>, R: Fn(&F) -> Option<V>> Line<'_, F, R> {
    /// The window's key by its number; `None` when the line takes no part.
    pub fn key(&mut self, number: u32) -> Option<u128> {
        let Grouped {
            keys,
            line,
            frame,
            memo,
            ..
        } = &mut *self.grouped;
        let (client, read) = (self.client, &self.read);
        keys.get_mut(number as usize)?.on(*line, |key| match key {
            Key::Client(net) => Some(client_key(client?, *net)),
            Key::Hashed(group_by) => {
                fill(frame, client, group_by, read)?;
                Some(memo.digest(frame.bytes()))
            }
        })
    }

    /// Hash of the counted value by its number; `None` when the line has none.
    pub fn value(&mut self, number: u32) -> Option<u64> {
        let Grouped {
            fields, line, memo, ..
        } = &mut *self.grouped;
        let read = &self.read;
        fields
            .get_mut(number as usize)?
            .on(*line, |field| Some((memo.digest(&read(field)?) >> 64) as u64))
    }
}

impl<S, T: Copy> Told<S, T> {
    /// What this line tells, found out once.
    fn on(&mut self, line: u64, find: impl FnOnce(&S) -> Option<T>) -> Option<T> {
        if self.line != line {
            self.line = line;
            self.told = find(&self.source);
        }
        self.told
    }
}

/// Frames the values that a line is grouped by; `None` when it takes no part.
fn fill<F, V: Deref<Target = [u8]>>(
    frame: &mut Frame,
    client: Option<IpAddr>,
    group_by: &[Group<F>],
    value: &impl Fn(&F) -> Option<V>,
) -> Option<()> {
    frame.clear();
    let mut present = group_by.is_empty();
    for group in group_by {
        match group {
            Group::Client(net) => {
                present = true;
                frame_address(frame, cut(client?, *net));
            }
            Group::Field(field) => match value(field) {
                Some(value) => {
                    present = true;
                    frame.part(&value);
                }
                None => frame.absent(),
            },
        }
    }
    present.then_some(())
}

/// An address as its text, so that it meets the same address in a text field of an aliased rule.
fn frame_address(frame: &mut Frame, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => frame_dotted(frame, v4),
        IpAddr::V6(v6) => {
            let mut text = [0u8; 48];
            let mut rest: &mut [u8] = &mut text;
            // The longest address is 45 characters; writing it cannot fail.
            let _ = write!(rest, "{v6}");
            let used = 48 - rest.len();
            frame.part(text.get(..used).unwrap_or_default());
        }
    }
}

/// `192.0.2.7`, which the standard library takes some thousand instructions for.
fn frame_dotted(frame: &mut Frame, address: Ipv4Addr) {
    let mut text = [b'.'; 15];
    let mut used = 0;
    for octet in address.octets() {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let leading = usize::from(octet < 100) + usize::from(octet < 10);
        for digit in digits.iter().skip(leading) {
            if let Some(place) = text.get_mut(used) {
                *place = b'0' + digit;
            }
            used += 1;
        }
        // The point behind stands already, and behind the last octet is cut off.
        used += 1;
    }
    frame.part(text.get(..used - 1).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_framed_as_it_is_written() {
        for address in [
            "0.0.0.0",
            "1.20.100.255",
            "10.9.0.99",
            "255.255.255.255",
            "2001:db8::1",
            "::ffff:0:1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            let (mut framed, mut written) = (Frame::default(), Frame::default());
            frame_address(&mut framed, address);
            written.part(address.to_string().as_bytes());
            assert_eq!(framed.bytes(), written.bytes());
        }
    }
}
