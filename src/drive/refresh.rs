//! [`Refresh`]: keeps the data of a running `tail` fresh, on threads of its own.
//!
//! One thread looks at the files of databases and lists and hands over what changed; another fetches the lists whose
//! publisher is due. Reading never waits for either. Next: [`super::data`], [`crate::update`].

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::data::{Data, Files};
use crate::config::Config;
use crate::config::data::Scheduled;
use crate::update::list::{tag_path, update};
use crate::update::{Fetcher, Updated};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often the age of data is told, if it is old.
const REMIND: Duration = Duration::from_secs(86_400);
/// How long a publisher in trouble is left alone; each time twice as long, up to how often it is asked anyway.
const RETRY: Duration = Duration::from_secs(300);

/// Pause before a publisher in trouble is asked again; the next is twice that.
const PAUSE: Duration = Duration::from_secs(2);

/// Gets files as `[http]` says.
pub fn fetcher(config: &Config) -> Fetcher {
    Fetcher::new(config.file.http.proxy.clone(), PAUSE)
}

/// Threads that keep data fresh, as long as this lives.
#[derive(Debug)]
pub struct Refresh {
    files: Arc<Mutex<Files>>,
    fresh: Receiver<Data>,
    /// Ends the watching thread when dropped.
    _look: SyncSender<()>,
    /// Ends the fetching thread when dropped.
    _fetching: Option<SyncSender<()>>,
}

impl Refresh {
    /// Starts with what is read already.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(files: Files, sources: &[Scheduled], fetcher: Fetcher) -> std::io::Result<Self> {
        let (hand_over, fresh) = sync_channel(1);
        let (look, looks) = sync_channel(1);
        let files = Arc::new(Mutex::new(files));
        let watched = Arc::clone(&files);
        std::thread::Builder::new()
            .name("data".to_owned())
            .spawn(move || watch(&watched, &hand_over, &looks))?;
        let due: Vec<Due> = sources.iter().filter_map(Due::new).collect();
        let fetching = if due.is_empty() {
            None
        } else {
            let (alive, end) = sync_channel(0);
            let look = look.clone();
            std::thread::Builder::new()
                .name("lists".to_owned())
                .spawn(move || fetch(due, &fetcher, &end, &look))?;
            Some(alive)
        };
        Ok(Self {
            files,
            fresh,
            _look: look,
            _fetching: fetching,
        })
    }

    /// What changed since the last call.
    pub fn take(&self) -> Option<Data> {
        self.fresh.try_iter().last()
    }

    /// Looks at once: the files as they are now, and what is in them if anything changed since the last look or call
    /// of [`Refresh::take`].
    pub fn look(&self) -> (Files, Option<Data>) {
        let mut files = locked(&self.files);
        let changed = files.look();
        (files.clone(), changed.or_else(|| self.take()))
    }
}

/// What a thread that panicked left behind is whole: it is exchanged file by file.
fn locked(files: &Mutex<Files>) -> MutexGuard<'_, Files> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A watching thread's life: until nobody takes what it hands over.
fn watch(files: &Mutex<Files>, hand_over: &SyncSender<Data>, looks: &Receiver<()>) {
    let mut reminded = Instant::now();
    let mut news = false;
    loop {
        match looks.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let mut now = locked(files);
        news |= now.look().is_some();
        let data = news.then(|| now.data());
        drop(now);
        if let Some(data) = data {
            match hand_over.try_send(data) {
                Ok(()) => news = false,
                // Reading waits for a full outbox or disk: the newest is handed over when it goes on.
                Err(TrySendError::Full(_)) => {}
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
        if reminded.elapsed() >= REMIND {
            reminded = Instant::now();
            locked(files).warn_of_age();
        }
    }
}

/// A list with a publisher, and when it is asked next.
#[derive(Debug)]
struct Due {
    list: Scheduled,
    every: Duration,
    next: Instant,
    pause: Duration,
    failing: bool,
}

impl Due {
    /// A list that was compared with its publisher's not long ago has time.
    fn new(list: &Scheduled) -> Option<Self> {
        let every = list.every?;
        let age = age(&list.source.path).unwrap_or(every);
        Some(Self {
            list: list.clone(),
            every,
            next: Instant::now() + every.saturating_sub(age),
            pause: RETRY.min(every),
            failing: false,
        })
    }

    /// Asks the publisher; whether there is a new file.
    fn fetch(&mut self, fetcher: &Fetcher) -> bool {
        let source = &self.list.source;
        let name = &source.name;
        match update(source, fetcher) {
            Ok(updated) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!("{name}: its publisher answers again");
                }
                self.pause = RETRY.min(self.every);
                self.next = Instant::now() + self.every;
                updated != Updated::Unchanged
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::warn!("{name}: not updated: {error}");
                }
                self.next = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(self.every);
                false
            }
        }
    }
}

/// How long ago the file was compared with its publisher's; `None` for one that is not there.
fn age(path: &Path) -> Option<Duration> {
    std::fs::metadata(path).ok()?;
    let compared = std::fs::metadata(tag_path(path)).ok()?.modified().ok()?;
    SystemTime::now().duration_since(compared).ok()
}

/// A fetching thread's life: until `end` is closed.
fn fetch(mut lists: Vec<Due>, fetcher: &Fetcher, end: &Receiver<()>, look: &SyncSender<()>) {
    loop {
        let now = Instant::now();
        let mut new = false;
        for list in lists.iter_mut().filter(|list| list.next <= now) {
            new |= list.fetch(fetcher);
        }
        if new {
            let _ = look.try_send(());
        }
        let next = lists.iter().map(|list| list.next).min().unwrap_or(now + LOOK);
        match end.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) | Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
