//! [`Order`]: in which order the windows of each correlation were last touched.
//!
//! Windows are known by the numbers of their slots. The links lie apart from the windows: eight of them fill a line
//! of the processor's cache, so moving a window to the end does not fetch the windows beside it. Next: `keys`.

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
}

impl Ends {
    const EMPTY: Self = Self {
        oldest: NONE,
        newest: NONE,
        quiet_until: i64::MIN,
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

    /// Adds a window as the newest.
    pub fn push(&mut self, correlation: u32, at: u32) {
        if self.links.len() <= at as usize {
            self.links.resize(at as usize + 1, Link::NONE);
        }
        let before = self.end_with(correlation, at);
        match self.links.get_mut(before as usize) {
            Some(link) => link.newer = at,
            None => self.ends(correlation).set_oldest(at),
        }
    }

    /// Makes a window the newest of its correlation.
    pub fn renew(&mut self, correlation: u32, at: u32) {
        let link = self.links.get(at as usize).copied().unwrap_or(Link::NONE);
        // None is newer than the one that was touched last.
        if link.newer != NONE {
            self.close_gap(correlation, link);
            let before = self.end_with(correlation, at);
            if let Some(link) = self.links.get_mut(before as usize) {
                link.newer = at;
            }
        } else if link.older == NONE {
            self.ends(correlation).set_oldest(at);
        }
    }

    /// Takes a window out.
    pub fn remove(&mut self, correlation: u32, at: u32) {
        let link = self.links.get(at as usize).copied().unwrap_or(Link::NONE);
        self.close_gap(correlation, link);
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

    /// Remembers that the oldest window of a correlation is not over up to this event time, as long as it is not touched.
    pub fn keep_quiet(&mut self, correlation: u32, until: i64) {
        self.ends(correlation).quiet_until = until;
    }

    /// Puts a window at the newest end; the one that stood there.
    #[inline]
    fn end_with(&mut self, correlation: u32, at: u32) -> u32 {
        let before = std::mem::replace(&mut self.ends(correlation).newest, at);
        if let Some(link) = self.links.get_mut(at as usize) {
            *link = Link {
                older: before,
                newer: NONE,
            };
        }
        before
    }

    /// Makes neighbours of the two beside a window that leaves its place.
    #[inline]
    fn close_gap(&mut self, correlation: u32, Link { older, newer }: Link) {
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = newer,
            None => self.ends(correlation).set_oldest(newer),
        }
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = older,
            None => self.ends(correlation).newest = older,
        }
    }

    /// The ends of a correlation's order.
    #[inline]
    fn ends(&mut self, correlation: u32) -> &mut Ends {
        let at = correlation as usize;
        if self.ends.len() <= at {
            self.ends.resize(at + 1, Ends::EMPTY);
        }
        &mut self.ends[at]
    }
}
