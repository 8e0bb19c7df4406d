//! [`Keep`]: the durable side of a run: effects are gathered here and made durable in one transaction.
//!
//! A commit that fails (full or read-only disk) is said once and tried again; a full outbox makes reading wait. Nothing
//! is skipped. What is gathered and when a run commits is [`super::run`]'s. Next: [`crate::store`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::analysis::fold::Fold;
use crate::analysis::scan::Scan;
use crate::drive::clock::now;
use crate::sink::{Sink, Workers};
use crate::source::Cursor;
use crate::store::{Committed, Effects, FileCount, Item, Store, StoreError};
use crate::terminal::Failure;

use super::notify::Notify;
use super::signals::Signals;
use super::start::{Left, left};

/// Work is committed at least this often while lines come: with the time that reading and committing take, within 250 ms.
const COMMIT_EVERY: Duration = Duration::from_millis(225);
/// With nothing to commit the outbox is still held to its limits this often. Such a commit writes nothing.
const TEND_EVERY: Duration = Duration::from_secs(5);
/// So many items for sinks are committed at once even if less time has passed; bounds memory.
const COMMIT_ITEMS: usize = 4096;
/// How long the sinks may still send after a signal.
const GRACE: Duration = Duration::from_secs(5);
/// How long workers may take to end when all that was worth waiting for has been waited for.
const LAST: Duration = Duration::from_millis(500);
/// How long a failed commit waits before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The durable side of a run.
pub struct Keep {
    /// The database.
    pub store: Store,
    /// Sinks, in the order that items count them.
    pub sinks: Vec<Arc<dyn Sink>>,
    /// Their workers.
    pub workers: Workers,
    /// Cursors, windows and indicators are stored, not only what goes to sinks.
    pub resumes: bool,
    /// How long reading waits for a full outbox; `None` waits for ever.
    patience: Option<Duration>,
    effects: Effects,
    /// Where the cursor of each file stands in the effects.
    places: HashMap<i64, usize>,
    committed: Instant,
}

impl Keep {
    /// Nothing gathered yet.
    pub fn new(
        store: Store,
        sinks: Vec<Arc<dyn Sink>>,
        workers: Workers,
        resumes: bool,
        patience: Option<Duration>,
    ) -> Self {
        Self {
            store,
            sinks,
            workers,
            resumes,
            patience,
            effects: Effects::default(),
            places: HashMap::new(),
            committed: Instant::now(),
        }
    }

    /// Lets the sinks send for so long, or after a signal for a shorter time, ends their workers, and says what still
    /// waits.
    pub fn finish(self, patience: Duration, signals: &Signals) -> Left {
        let Self {
            store,
            sinks,
            workers,
            ..
        } = self;
        if !sinks.is_empty() {
            workers.drain_unless(patience, &|| signals.end().is_some());
        }
        workers.stop(if signals.end().is_some() { GRACE } else { LAST });
        // What cannot be read cannot be counted; the store has said so on every commit before.
        left(&store).unwrap_or_default()
    }

    /// Whether it is time to commit, or enough is gathered.
    pub(super) fn is_due(&self) -> bool {
        self.due_in().is_zero() || self.effects.items.len() >= COMMIT_ITEMS
    }

    /// How long until a commit is due. At once when work comes after a pause, so that a quiet log waits for nobody.
    pub(super) fn due_in(&self) -> Duration {
        let pause = if self.has_work() { COMMIT_EVERY } else { TEND_EVERY };
        pause.saturating_sub(self.committed.elapsed())
    }

    fn has_work(&self) -> bool {
        let Effects {
            cursors,
            items,
            forgotten,
            ..
        } = &self.effects;
        !(cursors.is_empty() && items.is_empty() && forgotten.is_empty())
    }

    /// The cursor of a used-up batch, and its counts.
    pub(super) fn advance(&mut self, scan: &Scan) {
        let mut cursor = scan.batch.cursor.clone();
        cursor.layout = scan.layout.as_ref().map(afw_parsers::Layout::state);
        let (lines, rejects) = (
            scan.statistics.lines - scan.counted.0,
            scan.statistics.rejects() - scan.counted.1,
        );
        let last = scan.statistics.last.map(afw_parsers::Time::nanos);
        self.move_to(cursor, lines, rejects, last);
    }

    /// Notes how far a file was taken. A stream has no place to come back to, but its lines count.
    pub fn move_to(&mut self, cursor: Cursor, lines: u64, rejects: u64, last_time_nanos: Option<i64>) {
        let format = cursor
            .layout
            .as_deref()
            .and_then(afw_parsers::Layout::from_state)
            .map(|layout| layout.name().to_owned());
        let next = self.effects.cursors.len();
        let at = *self.places.entry(cursor.id).or_insert(next);
        match self.effects.cursors.get_mut(at) {
            Some(known) => *known = cursor,
            None => self.effects.cursors.push(cursor),
        }
        self.effects.counts.push(FileCount {
            cursor: at,
            lines,
            rejects,
            last_time_nanos,
            format,
        });
    }

    /// What goes to sinks with the next commit.
    pub(super) fn ship(&mut self, items: Vec<Item>) {
        self.effects.items.extend(items);
    }

    /// These files are gone for good.
    pub(super) fn forget(&mut self, ids: &[i64]) {
        self.effects.forgotten.extend_from_slice(ids);
    }

    /// Makes what is gathered durable, with the counters of analysis and, where the run resumes, its windows and
    /// indicators; false when a signal ended the waiting for a disk or outbox with room.
    ///
    /// # Errors
    /// The store is damaged.
    pub(super) fn commit(
        &mut self,
        fold: &mut Fold,
        signals: &Signals,
        notify: &mut Notify,
    ) -> Result<bool, Failure> {
        if self.resumes {
            self.effects.states.extend(fold.drain_dirty());
        }
        self.effects.counters.extend(fold.take_counters());
        let mut complained = false;
        loop {
            match self.store.commit(&self.effects, &self.sinks, now()) {
                Ok(committed) => {
                    if complained {
                        tracing::info!("the store can be written again");
                    }
                    return self.after_commit(&committed, signals, notify);
                }
                Err(error) if error.is_retryable() => {
                    if !std::mem::replace(&mut complained, true) {
                        complain(&error);
                    }
                    if signals.end().is_some() {
                        return Ok(false);
                    }
                    // It waits for a reason that was said: to be restarted would not help.
                    notify.alive();
                    std::thread::sleep(RETRY_AFTER);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Everything is durable: the next effects begin.
    fn after_commit(
        &mut self,
        committed: &Committed,
        signals: &Signals,
        notify: &mut Notify,
    ) -> Result<bool, Failure> {
        self.effects = Effects::default();
        self.places.clear();
        self.committed = Instant::now();
        if committed.frozen > 0 {
            self.workers.wake();
        }
        self.tidy()?;
        match committed.full {
            true => self.wait_for_room(signals, notify),
            false => Ok(true),
        }
    }

    /// After a commit there is time until the next.
    fn tidy(&mut self) -> Result<(), Failure> {
        if !self.resumes {
            return Ok(());
        }
        match self.store.tidy(now()) {
            Err(error) if !error.is_retryable() => Err(error.into()),
            // A disk that is full will be said of the next commit, after which this is tried again.
            _ => Ok(()),
        }
    }

    /// The log is the buffer: reading waits until the sinks have made room in the outbox.
    fn wait_for_room(&mut self, signals: &Signals, notify: &mut Notify) -> Result<bool, Failure> {
        tracing::warn!(
            "the outbox is full: reading waits until the sinks take something (`afw status`, `afw outbox list`)"
        );
        let started = Instant::now();
        while self.store.outbox_full(now())? {
            let waited_enough = self
                .patience
                .is_some_and(|patience| started.elapsed() >= patience);
            if signals.end().is_some() || waited_enough {
                return Ok(false);
            }
            notify.alive();
            std::thread::sleep(Duration::from_millis(200));
        }
        tracing::info!("the outbox has room again");
        Ok(true)
    }
}

/// Says once that the store cannot be written, and what to do.
fn complain(error: &StoreError) {
    let hint = error.hint().map(|hint| format!("\nhint: {hint}"));
    let hint = hint.unwrap_or_default();
    tracing::error!("{error}; reading waits and nothing is lost{hint}");
}
