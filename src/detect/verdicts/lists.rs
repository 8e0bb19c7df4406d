//! [`Lists`]: lists of hits by number, since many requests have the same.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::detect::hit::Hit;
use crate::numbered::Numbers;

/// No two lists have the same number in a process, wherever they are kept.
static LISTS: Numbers = Numbers::new();

/// Lists of hits by number.
#[derive(Debug, Default)]
pub struct Lists {
    lists: Vec<(u64, Box<[Hit]>)>,
    numbers: HashMap<Box<[Hit]>, u32, RandomState>,
}

impl Lists {
    /// The list of that number here, with the number that it alone has in this process.
    pub fn get(&self, number: u32) -> Option<(u64, &[Hit])> {
        let (name, list) = self.lists.get(number as usize)?;
        Some((*name, list))
    }

    /// The number of a list.
    pub fn number(&mut self, hits: &[Hit]) -> u32 {
        if let Some(number) = self.numbers.get(hits) {
            return *number;
        }
        let number = self.lists.len() as u32;
        self.lists.push((LISTS.next(), hits.into()));
        self.numbers.insert(hits.into(), number);
        number
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.lists.clear();
        self.numbers.clear();
    }
}
