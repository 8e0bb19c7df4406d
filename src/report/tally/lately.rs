//! [`Lately`]: which of our numbers a thing got that the analysis has told from all others by a number of its own.
//!
//! A memory of what was met lately, not a table: it changes the cost of counting and never the result. It must be
//! emptied whenever our numbers change. Next: [`super::names`], which gives them.

/// Our numbers by the analysis's, each in the place that the latter says.
#[derive(Debug, Clone)]
pub struct Lately {
    places: Vec<Option<(u64, u32)>>,
}

impl Lately {
    /// Remembers so many things at most.
    pub fn new(things: usize) -> Self {
        Self {
            places: vec![None; things.max(1)],
        }
    }

    /// Our number of a thing; `None` too for one that the analysis has no number for.
    pub fn find(&self, thing: Option<u64>) -> Option<u32> {
        let (met, number) = (*self.places.get(self.place(thing?))?)?;
        (Some(met) == thing).then_some(number)
    }

    /// Remembers our number of a thing.
    pub fn keep(&mut self, thing: Option<u64>, number: u32) {
        let Some(thing) = thing else { return };
        let place = self.place(thing);
        if let Some(place) = self.places.get_mut(place) {
            *place = Some((thing, number));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.places.fill(None);
    }

    const fn place(&self, thing: u64) -> usize {
        thing as usize % self.places.len()
    }
}
