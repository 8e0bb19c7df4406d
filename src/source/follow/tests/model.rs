//! The model test: any sequence of what happens to logs, on real files, against a list of what was written.
//!
//! `AFW_SEQUENCES` says how many sequences (default 48), `AFW_SEED` which.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

#[derive(Debug, Clone)]
enum Action {
    /// So many whole lines, each so long.
    Append(u8, u8),
    /// The beginning of a line, or more of it.
    Partial,
    /// The chain moves on by one; the writer reopens its file now or later.
    Rename { reopen: bool },
    /// The writer reopens its file.
    Reopen,
    /// The chain moves on by one by copying and cutting.
    CopyTruncate,
    /// The oldest, or the newest, plain generation is compressed; the plain one goes now or later.
    Compress { newest: bool, keep: bool },
    /// Plain generations that were kept beside their archives go.
    Tidy,
    /// The live file is cut without a copy when all of it has been read.
    Truncate,
    /// The live file goes when all of it has been read.
    Delete,
    /// Look and read.
    Poll,
    /// One poll of which so many batches are committed, and then the end.
    Kill(u8),
    /// Stops; what comes until the next poll happens while down.
    Stop,
    /// Idle files are closed.
    Idle,
    /// A replay goes on from the same cursors while nobody follows.
    Replay,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (1..8_u8, 1..250_u8).prop_map(|(count, len)| Action::Append(count, len)),
        2 => Just(Action::Partial),
        3 => any::<bool>().prop_map(|reopen| Action::Rename { reopen }),
        2 => Just(Action::Reopen),
        2 => Just(Action::CopyTruncate),
        3 => any::<(bool, bool)>().prop_map(|(newest, keep)| Action::Compress { newest, keep }),
        1 => Just(Action::Tidy),
        1 => Just(Action::Truncate),
        1 => Just(Action::Delete),
        6 => Just(Action::Poll),
        3 => (0..6_u8).prop_map(Action::Kill),
        2 => Just(Action::Stop),
        1 => Just(Action::Idle),
        2 => Just(Action::Replay),
    ]
}

/// What a writer does and what must come of it.
struct Model {
    world: World,
    expected: Vec<String>,
    /// The file that the writer has open, as its path is now.
    writes_to: String,
    /// What it wrote of the line it is in.
    partial: String,
    count: u32,
    generations: u32,
    /// Lines come in the order in which they were written: nothing was written to a rotated file.
    in_order: bool,
}

impl Model {
    fn new(path: &str, from: From) -> Self {
        let mut world = World::new(path, from);
        world.spec.settle = Duration::from_secs(3600);
        world.append("access.log", &text(9000..9010));
        world.step();
        let expected = if from == From::Start {
            lines(9000..9010)
        } else {
            Vec::new()
        };
        let writes_to = String::from("access.log");
        Self {
            world,
            expected,
            writes_to,
            partial: String::new(),
            count: 0,
            generations: 0,
            in_order: true,
        }
    }

    fn write(&self, text: &str) {
        self.world.append(&self.writes_to, text);
    }

    fn line(&mut self, len: u8) {
        self.count += 1;
        let line = format!("{} {}", self.count, "x".repeat(len.into()));
        self.write(&format!("{line}\n"));
        self.expected.push(std::mem::take(&mut self.partial) + &line);
    }

    /// The line the writer is in ends here.
    fn end_partial(&mut self) {
        if !self.partial.is_empty() {
            self.line(1);
        }
    }

    fn generation(number: u32) -> String {
        format!("access.log.{number}")
    }

    /// `.1` becomes `.2` and so on.
    fn shift(&mut self) {
        for number in (1..=self.generations).rev() {
            let (old, new) = (Self::generation(number), Self::generation(number + 1));
            for ending in ["", ".gz"] {
                if self.world.path(&format!("{old}{ending}")).exists() {
                    self.world
                        .rename(&format!("{old}{ending}"), &format!("{new}{ending}"));
                }
            }
            if self.writes_to == old {
                self.writes_to = new;
            }
        }
        self.generations += 1;
    }

    fn reopen(&mut self) {
        self.end_partial();
        self.writes_to = String::from("access.log");
    }

    fn act(&mut self, action: &Action) {
        self.in_order &= !matches!(action, Action::Partial | Action::Rename { reopen: false });
        match action {
            Action::Append(count, len) => (0..*count).for_each(|_| self.line(*len)),
            Action::Partial => {
                self.count += 1;
                let text = format!("<{}", self.count);
                self.write(&text);
                self.partial += &text;
            }
            Action::Rename { reopen } => {
                // A writer that still writes to a rotated file reopens before the next rotation.
                self.reopen_if_behind();
                if !self.world.path("access.log").exists() {
                    return;
                }
                self.shift();
                self.world.rename("access.log", "access.log.1");
                self.writes_to = String::from("access.log.1");
                if *reopen {
                    self.reopen();
                    self.write("");
                }
            }
            Action::Reopen => self.reopen(),
            Action::CopyTruncate => {
                self.reopen_if_behind();
                if !self.world.path("access.log").exists() {
                    return;
                }
                self.shift();
                self.world.copytruncate("access.log", "access.log.1");
                // What stands before the cut is a line of the copy, what comes after it another.
                if !self.partial.is_empty() {
                    self.expected.push(std::mem::take(&mut self.partial));
                }
            }
            Action::Compress { newest, keep } => self.compress(*newest, *keep),
            Action::Tidy => self.tidy(),
            Action::Truncate => {
                self.reopen_if_behind();
                self.end_partial();
                self.world.step();
                if self.world.path("access.log").exists() {
                    fs::write(self.world.path("access.log"), "").unwrap();
                }
            }
            Action::Replay => {
                self.reopen_if_behind();
                self.replay();
            }
            Action::Delete => {
                self.end_partial();
                self.world.step();
                if self.writes_to == "access.log" && self.world.path("access.log").exists() {
                    self.world.remove("access.log");
                }
            }
            Action::Poll => drop(self.world.step()),
            Action::Kill(batches) => {
                self.world.follower().look_again();
                let polled = self.world.follower().poll();
                self.world.commit(polled, usize::from(*batches));
                self.world.stop();
            }
            Action::Stop => self.world.stop(),
            Action::Idle => {
                if let Some(follower) = &mut self.world.follower {
                    follower
                        .files
                        .values_mut()
                        .filter(|file| !file.orphan)
                        .for_each(Followed::close);
                }
            }
        }
    }

    fn reopen_if_behind(&mut self) {
        if self.writes_to != "access.log" {
            self.reopen();
        }
    }

    fn compress(&mut self, newest: bool, keep: bool) {
        let mut plain: Vec<u32> = (1..=self.generations)
            .filter(|number| self.world.path(&Self::generation(*number)).exists())
            .filter(|number| {
                !self
                    .world
                    .path(&format!("{}.gz", Self::generation(*number)))
                    .exists()
            })
            .filter(|number| self.writes_to != Self::generation(*number))
            .collect();
        if newest {
            plain.reverse();
        }
        if let Some(number) = plain.pop() {
            self.world.gzip(&Self::generation(number), keep);
        }
    }

    fn tidy(&mut self) {
        for number in 1..=self.generations {
            let name = Self::generation(number);
            if self.world.path(&format!("{name}.gz")).exists() && self.world.path(&name).exists() {
                self.world.remove(&name);
            }
        }
    }

    /// `replay --resume`.
    fn replay(&mut self) {
        self.world.stop();
        let spec = SourceSpec {
            resume: true,
            ..self.world.spec.clone()
        };
        let cursors: Vec<Cursor> = self.world.stored.values().cloned().collect();
        for log in &crate::source::plan(&spec).unwrap().logs {
            let mut reader = log.open(&cursors);
            while let Some(item) = reader.next() {
                let batches = vec![item.unwrap()];
                self.world.commit(
                    Polled {
                        batches,
                        ..Polled::default()
                    },
                    1,
                );
            }
        }
    }

    /// All that was written has come, each line once.
    fn check(mut self) -> Result<(), TestCaseError> {
        self.end_partial();
        self.world.stop();
        self.world.spec.settle = Duration::ZERO;
        self.world.step();
        let (mut seen, mut expected) = (self.world.lines.clone(), self.expected.clone());
        if !self.in_order {
            seen.sort();
            expected.sort();
        }
        prop_assert_eq!(seen, expected, "troubles: {:?}", &self.world.troubles);
        self.world.stop();
        prop_assert_eq!(self.world.step(), Vec::<String>::new());
        Ok(())
    }
}

#[test]
fn any_sequence_of_events_loses_and_repeats_nothing() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse::<u32>().ok())
    };
    let cases = number("AFW_SEQUENCES").unwrap_or(48);
    let seed = number("AFW_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let setting = (
        prop_oneof![Just("access.log"), Just(""), Just("access*")],
        prop_oneof![Just(From::Start), Just(From::End)],
        prop::collection::vec(action(), 1..40),
    );
    let result = runner.run(&setting, |(path, from, actions)| {
        let mut model = Model::new(path, from);
        for action in &actions {
            model.act(action);
        }
        model.check()
    });
    println!("{cases} sequences, seed {seed}");
    if let Err(error) = result {
        panic!("{error}");
    }
}
