//! [`Counts`]: a few named counters that are added to on every line.

/// Counters by name, in the order of the names. There are few of them, so looking through them is cheaper than any map,
/// and the one that was met before is mostly the same text in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(Vec<(&'static str, u64)>);

impl Counts {
    /// Adds to a counter.
    #[inline]
    pub fn add(&mut self, name: &'static str, count: u64) {
        match self.0.iter_mut().find(|(own, _)| std::ptr::eq(*own, name)) {
            Some((_, own)) => *own += count,
            None => self.add_by_text(name, count),
        }
    }

    fn add_by_text(&mut self, name: &'static str, count: u64) {
        match self.0.binary_search_by_key(&name, |(own, _)| own) {
            Ok(at) => {
                if let Some((_, own)) = self.0.get_mut(at) {
                    *own += count;
                }
            }
            Err(at) => self.0.insert(at, (name, count)),
        }
    }

    /// Takes off a counter; one that comes to nothing goes.
    pub fn take_off(&mut self, other: &Self) {
        for (name, own) in &mut self.0 {
            *own = own.saturating_sub(other.count(name));
        }
        self.0.retain(|(_, count)| *count > 0);
    }

    /// Adds all counters of another.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in other.iter() {
            self.add(name, count);
        }
    }

    /// The counters in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().copied()
    }

    /// The count of a name.
    pub fn count(&self, name: &str) -> u64 {
        self.iter()
            .find(|(own, _)| *own == name)
            .map_or(0, |(_, count)| count)
    }

    /// Sum of all.
    pub fn sum(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_kept_in_the_order_of_their_names() {
        let mut counts = Counts::default();
        for name in ["nginx", "apache", "nginx", "caddy"] {
            counts.add(name, 1);
        }
        assert_eq!(
            counts.iter().collect::<Vec<_>>(),
            [("apache", 1), ("caddy", 1), ("nginx", 2)]
        );
        let mut other = Counts::default();
        other.add("nginx", 1);
        other.add("apache", 5);
        counts.take_off(&other);
        assert_eq!(counts.iter().collect::<Vec<_>>(), [("caddy", 1), ("nginx", 1)]);
        assert_eq!(
            (counts.sum(), counts.count("nginx"), counts.count("x")),
            (2, 1, 0)
        );
    }
}
