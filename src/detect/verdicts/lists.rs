//! [`Lists`]: lists of hits by number, since many requests have the same.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::detect::signature::Hit;

/// Lists of hits by number.
#[derive(Debug, Default)]
pub struct Lists {
    lists: Vec<Box<[Hit]>>,
    numbers: HashMap<Box<[Hit]>, u32, RandomState>,
}

impl Lists {
    /// The list of that number.
    pub fn get(&self, number: u32) -> Option<&[Hit]> {
        self.lists.get(number as usize).map(AsRef::as_ref)
    }

    /// The number of a list.
    pub fn number(&mut self, hits: &[Hit]) -> u32 {
        if let Some(number) = self.numbers.get(hits) {
            return *number;
        }
        let number = self.lists.len() as u32;
        self.lists.push(hits.into());
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
