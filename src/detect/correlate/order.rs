//! [`Order`]: in which order the windows of each correlation were last touched.
//!
//! Windows are known by the numbers of their slots. The links lie apart from the windows: eight of them fill a line
//! of the processor's cache, so moving a window to the end does not fetch the windows beside it. Next: `keys`.

use crate::index::fetch;

/// No window.
const NONE: u32 = u32::MAX;

/// The order of touching, by correlation.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// By slot; what a vacant slot has means nothing.
    links: Vec<Link>,
    /// By correlation.
    ends: Vec<Ends>,
}

/// The windows beside one, of the same correlation.
#[derive(Debug, Clone, Copy)]
struct Link {
    older: u32,
    newer: u32,
}

impl Link {
    const NONE: Self = Self {
        older: NONE,
        newer: NONE,
    };
}

/// Where the windows of one correlation begin and end in the order of touching.
#[derive(Debug, Clone, Copy)]
struct Ends {
    oldest: u32,
    newest: u32,
    /// The oldest is not over before this event time, in nanoseconds; unknown since it was touched or is another.
    quiet_until: i64,
    /// A window some places behind the oldest, up to which memory was asked for.
    scout: u32,
    /// Where it was in the steps before, last first.
    scouted: [u32; SCOUTED],
}

/// How many places behind the oldest window memory is asked for.
const AHEAD: usize = 6;
/// Half way there a window is at hand.
const SCOUTED: usize = AHEAD / 2;

impl Ends {
    const EMPTY: Self = Self {
        oldest: NONE,
        newest: NONE,
        quiet_until: i64::MIN,
        scout: NONE,
        scouted: [NONE; SCOUTED],
    };

    const fn set_oldest(&mut self, at: u32) {
        self.oldest = at;
        self.quiet_until = i64::MIN;
    }
}

impl Order {
    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.links.capacity() * size_of::<Link>()
    }

    /// Asks for the memory of what a window stands between.
    #[inline]
    pub fn fetch(&self, at: u32) {
        fetch(&self.links, at as usize);
    }

    /// Asks for the memory of its neighbours' links, which change when it is renewed.
    #[inline]
    pub fn fetch_beside(&self, at: u32) {
        if let Some(link) = self.links.get(at as usize) {
            fetch(&self.links, link.older as usize);
            fetch(&self.links, link.newer as usize);
        }
    }

    /// Adds a window as the newest.
    #[inline]
    pub fn push(&mut self, correlation: u32, at: u32) {
        if self.links.len() <= at as usize {
            self.links.resize(at as usize + 1, Link::NONE);
        }
        if self.ends.len() <= correlation as usize {
            self.ends.resize(correlation as usize + 1, Ends::EMPTY);
        }
        self.append(correlation, at);
    }

    /// Makes a window the newest of its correlation.
    pub fn renew(&mut self, correlation: u32, at: u32) {
        let Some(ends) = self.ends.get_mut(correlation as usize) else {
            return;
        };
        if ends.newest != at {
            self.remove(correlation, at);
            self.append(correlation, at);
        } else if ends.oldest == at {
            ends.set_oldest(at);
        }
    }

    /// Takes a window out: the two beside it become neighbours.
    #[inline]
    pub fn remove(&mut self, correlation: u32, at: u32) {
        let (Some(&Link { older, newer }), Some(ends)) = (
            self.links.get(at as usize),
            self.ends.get_mut(correlation as usize),
        ) else {
            return;
        };
        if ends.scout == at {
            ends.scout = newer;
        }
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = newer,
            None => ends.set_oldest(newer),
        }
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = older,
            None => ends.newest = older,
        }
    }

    /// Puts a window at the newest end.
    #[inline]
    fn append(&mut self, correlation: u32, at: u32) {
        let Some(ends) = self.ends.get_mut(correlation as usize) else {
            return;
        };
        let older = std::mem::replace(&mut ends.newest, at);
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = at,
            None => ends.set_oldest(at),
        }
        if let Some(link) = self.links.get_mut(at as usize) {
            *link = Link { older, newer: NONE };
        }
    }

    /// The oldest window of each correlation.
    pub fn oldest(&self) -> impl Iterator<Item = u32> {
        let oldest = self.ends.iter().map(|ends| ends.oldest);
        oldest.filter(|&at| at != NONE)
    }

    /// The oldest window of one correlation; `None` also when it is known not to be over now, an event time in
    /// nanoseconds.
    #[inline]
    pub fn oldest_of(&self, correlation: u32, now: i64) -> Option<u32> {
        let ends = self.ends.get(correlation as usize)?;
        (ends.oldest != NONE && now > ends.quiet_until).then_some(ends.oldest)
    }

    /// The next window of one correlation behind those that will be the oldest soon, and one half way there, which was
    /// such a window some steps ago.
    pub fn scout(&mut self, correlation: u32) -> Option<(u32, u32)> {
        let ends = self.ends.get_mut(correlation as usize)?;
        let newer = |at: u32| self.links.get(at as usize).map_or(NONE, |link| link.newer);
        ends.scout = match ends.scout == NONE || ends.scout == ends.oldest {
            true => (0..AHEAD).fold(ends.oldest, |at, _| newer(at)),
            false => newer(ends.scout),
        };
        let half_way = ends.scouted[SCOUTED - 1];
        ends.scouted.rotate_right(1);
        ends.scouted[0] = ends.scout;
        Some((ends.scout, half_way))
    }

    /// Remembers that the oldest window of a correlation is not over up to this event time, as long as it is not touched.
    #[inline]
    pub fn keep_quiet(&mut self, correlation: u32, until: i64) {
        if let Some(ends) = self.ends.get_mut(correlation as usize) {
            ends.quiet_until = until;
        }
    }
}
