//! [`Sums`]: how many requests there were of each class, status, kind, method and denial. Few combinations, so all are counted,
//! however many hosts, networks and paths there are.

use super::key::Traits;

/// Exact counts by the traits that have few values.
#[derive(Debug, Clone)]
pub struct Sums(Vec<u64>);

impl Default for Sums {
    fn default() -> Self {
        Self(vec![0; Traits::FEW])
    }
}

impl Sums {
    /// Counts one request.
    #[inline]
    pub fn add(&mut self, traits: Traits) {
        if let Some(sum) = self.0.get_mut(traits.few()) {
            *sum += 1;
        }
    }

    /// Takes in what another thread counted.
    pub fn merge(&mut self, other: &Self) {
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(own, other)| *own += other);
    }

    /// The counts that are not 0, by class, status, kind, method and denial alone.
    pub fn iter(&self) -> impl Iterator<Item = (Traits, u64)> {
        let all = self.0.iter().enumerate();
        all.filter(|(_, count)| **count > 0)
            .map(|(few, count)| (Traits::of_few(few), *count))
    }
}
