//! Giving up names that no table refers to any more, so that a flood of made-up paths or hosts cannot fill memory.

use super::cells::Cells;
use super::key::{Fact, Of};
use super::{Tally, number, renumbered};

/// Which numbers are in use.
struct Used(Vec<bool>);

impl Used {
    fn new(count: usize) -> Self {
        Self(vec![false; count])
    }

    fn mark(&mut self, number: u32) {
        if let Some(used) = self.0.get_mut(number as usize) {
            *used = true;
        }
    }

    fn has(&self, number: u32) -> bool {
        self.0.get(number as usize).is_some_and(|used| *used)
    }
}

impl Tally {
    /// Makes room when a table of names is full.
    #[inline]
    pub(super) fn tidy(&mut self) {
        if self.hosts.is_full() || self.paths.is_full() || self.places.is_full() || self.agents.is_full() {
            self.keep_used();
        }
    }

    /// Gives up every name that nothing refers to.
    #[cold]
    pub(super) fn keep_used(&mut self) {
        let mut hosts = Used::new(self.hosts.values().len());
        let mut paths = Used::new(self.paths.values().len());
        let mut places = Used::new(self.places.values().len());
        let mut agents = Used::new(self.agents.values().len());
        self.time
            .cells()
            .iter()
            .for_each(|(key, _)| hosts.mark(key.traits.host()));
        for (cells, things) in [
            (&self.by_place, &mut places),
            (&self.by_path, &mut paths),
            (&self.by_agent, &mut agents),
        ] {
            for (key, _) in cells.iter() {
                things.mark(key.thing);
                hosts.mark(key.traits.host());
            }
        }
        for (fact, _) in self.plain.iter().chain(self.sighted.iter()) {
            hosts.mark(fact.traits.host());
            paths.mark(fact.path);
            places.mark(fact.place);
            agents.mark(fact.agent);
        }
        let hosts = self.hosts.keep(|number| hosts.has(number));
        let paths = self.paths.keep(|number| paths.has(number));
        let places = self.places.keep(|number| places.has(number));
        let agents = self.agents.keep(|number| agents.has(number));
        self.renumber(&hosts, &paths, &places, &agents);
    }

    fn renumber(&mut self, hosts: &[u32], paths: &[u32], places: &[u32], agents: &[u32]) {
        let of = |cells: &mut Cells<Of>, things: &[u32]| cells.rekey(|key| renumbered(key, things, hosts));
        of(&mut self.by_place, places);
        of(&mut self.by_path, paths);
        of(&mut self.by_agent, agents);
        self.time.renumber(hosts);
        for facts in [&mut self.plain, &mut self.sighted] {
            facts.rekey(|fact| Fact {
                path: number(paths, fact.path),
                place: number(places, fact.place),
                agent: number(agents, fact.agent),
                traits: fact.traits.translated(hosts),
                ..fact
            });
        }
        self.last_host = u32::MAX;
        self.met.clear();
        self.met_agents.clear();
        self.epoch += 1;
    }
}
