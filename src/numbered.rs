//! Things that come again and again: [`Numbers`] tell them apart, and [`Lately`] keeps what was found out about those
//! met lately.
//!
//! A number is given once in a process, so what was remembered under it never means another thing; what is remembered may
//! itself become untrue, and whoever remembers it says so ([`Lately::clear`]). A memory changes what something costs and
//! never the result. Used by `detect` (requests), `enrich` (user agents), `analysis`, `report`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers from 1 on.
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// None given yet.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One that was never given before.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What is known of things by number. Each has one place, which a later one may take.
#[derive(Debug, Clone)]
pub struct Lately<T>(Box<[(u64, T)]>);

impl<T: Default + Clone> Lately<T> {
    /// Remembers so many things at most, in powers of two.
    pub fn new(things: usize) -> Self {
        Self(vec![(0, T::default()); things.next_power_of_two()].into())
    }

    /// What is known of a thing, to be read and added to; nothing yet of one that was not met lately. `None` for a
    /// thing without a number.
    #[inline]
    pub fn of(&mut self, number: Option<u64>) -> Option<&mut T> {
        let number = number?;
        let mask = self.0.len() - 1;
        let (known, thing) = self.0.get_mut(number as usize & mask)?;
        if *known != number {
            (*known, *thing) = (number, T::default());
        }
        Some(thing)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.fill((0, T::default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_never_tells_of_another_thing() {
        let numbers = Numbers::new();
        let mut lately = Lately::<Option<u64>>::new(3);
        for _ in 0..20 {
            let number = numbers.next();
            assert_eq!(lately.of(Some(number)).copied(), Some(None));
            *lately.of(Some(number)).unwrap() = Some(number);
            assert_eq!(lately.of(Some(number)).copied(), Some(Some(number)));
            let four_ago = number.saturating_sub(4);
            assert_eq!(
                four_ago == 0,
                lately.of(Some(four_ago).filter(|n| *n > 0)).is_none()
            );
            assert_eq!(
                lately.of(Some(number)).copied().flatten(),
                (four_ago == 0).then_some(number)
            );
        }
        assert_eq!(lately.of(None), None);
        lately.clear();
        assert_eq!(lately.of(Some(20)).copied(), Some(None));
    }
}
