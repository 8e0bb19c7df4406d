//! [`Files`]: the databases and lists of a run, read once and again when they change.
//!
//! A changed file is noticed by what the system says of it; a database is taken when inode or build time are others,
//! a list when its entries are. What does not load is refused, said once, and the one in memory stays. Next:
//! [`super::refresh`], which looks from time to time, and [`super::setup::refreshed`].

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use afw_parsers::Time;

use crate::config::Analysis;
use crate::drive::clock::now;
use crate::enrich::{Database, Databases, GeoError, List, ListError, Lists};
use crate::terminal::Failure;
use crate::text::counted;
use crate::update::list::tag_path;

/// Databases that hold facts older than this are told of, in days. MaxMind builds new ones twice a week.
pub const STALE_DATABASE_DAYS: i64 = 30;
/// Lists that nobody has compared with their publisher's for longer than this are told of, in days.
pub const STALE_LIST_DAYS: i64 = 30;
const DAY_NANOS: i64 = 86_400_000_000_000;

/// Databases and lists, ready to be looked up.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// Countries and autonomous systems.
    pub databases: Arc<Databases>,
    /// Address, network, ASN and crawler lists.
    pub lists: Arc<Lists>,
}

/// The files of databases and lists, with what was read from them.
#[derive(Debug, Clone, Default)]
pub struct Files {
    all: Vec<Watched>,
}

#[derive(Debug, Clone)]
struct Watched {
    kind: Kind,
    path: PathBuf,
    /// What the system said of the file when it was looked at last.
    stamp: Option<Stamp>,
    content: Option<Content>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Database,
    List(String),
}

#[derive(Debug, Clone)]
enum Content {
    Database(Arc<Database>, Option<u64>),
    List(Arc<List>),
}

/// What tells that a file may have changed. What it tells is looked at, never believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why a file was not taken.
enum Trouble {
    Database(GeoError),
    List(ListError),
}

impl Files {
    /// Reads every database and list. A file that is only configured may be missing: that is a hint, and it is taken
    /// when it comes.
    ///
    /// # Errors
    /// Exit code 2 with every file that cannot be used.
    pub fn open(analysis: &Analysis) -> Result<Self, Failure> {
        let files = Self::default().reopened(analysis)?;
        files.warn_of_age();
        Ok(files)
    }

    /// The files that are configured now. What of them was read before stays in use, also when it is broken by now.
    ///
    /// # Errors
    /// As [`Files::open`], of those that are new.
    pub fn reopened(&self, analysis: &Analysis) -> Result<Self, Failure> {
        let databases = analysis.geoip.iter().map(|path| (Kind::Database, path));
        let lists = analysis.lists.iter();
        let lists = lists.map(|(name, path)| (Kind::List(name.clone()), path));
        let (mut all, mut refused) = (Vec::new(), Vec::new());
        for (kind, path) in databases.chain(lists) {
            let same = |file: &&Watched| file.kind == kind && file.path == *path && file.content.is_some();
            if let Some(known) = self.all.iter().find(same) {
                all.push(known.clone());
                continue;
            }
            let mut file = Watched::new(kind, path);
            match file.read() {
                Ok(content) => file.content = Some(content),
                Err(trouble) if trouble.is_missing() && may_be_missing(&file, analysis) => {
                    file.tell_missing()
                }
                Err(trouble) => refused.push(file.refused(&trouble, analysis)),
            }
            all.push(file);
        }
        Failure::all(refused).map_or(Ok(Self { all }), Err)
    }

    /// What was read.
    pub fn data(&self) -> Data {
        let contents = || self.all.iter().filter_map(|file| file.content.as_ref());
        let databases = contents().filter_map(|content| match content {
            Content::Database(database, _) => Some(Arc::clone(database)),
            Content::List(_) => None,
        });
        let lists = contents().filter_map(|content| match content {
            Content::List(list) => Some(Arc::clone(list)),
            Content::Database(..) => None,
        });
        Data {
            databases: Arc::new(Databases::new(databases)),
            lists: Arc::new(Lists::new(lists)),
        }
    }

    /// Looks at the files again; what there is now, when anything changed.
    pub fn look(&mut self) -> Option<Data> {
        let mut changed = false;
        for file in &mut self.all {
            changed |= file.look();
        }
        changed.then(|| self.data())
    }

    /// Says which databases and lists are old.
    pub fn warn_of_age(&self) {
        for file in &self.all {
            file.warn_of_age();
        }
    }
}

/// Whether the user only wrote the path down, for a file that is fetched by and by.
fn may_be_missing(file: &Watched, analysis: &Analysis) -> bool {
    match file.kind {
        Kind::Database => !analysis.geoip_typed,
        Kind::List(_) => analysis.sources.iter().any(|one| one.source.path == file.path),
    }
}

impl Watched {
    fn new(kind: Kind, path: &Path) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            stamp: None,
            content: None,
        }
    }

    fn read(&mut self) -> Result<Content, Trouble> {
        self.stamp = stamp(&self.path);
        match &self.kind {
            Kind::Database => {
                let database = Database::open(&self.path).map_err(Trouble::Database)?;
                Ok(Content::Database(
                    Arc::new(database),
                    self.stamp.map(|stamp| stamp.inode),
                ))
            }
            Kind::List(name) => {
                let list = List::open(name, &self.path).map_err(Trouble::List)?;
                Ok(Content::List(Arc::new(list)))
            }
        }
    }

    /// That it cannot be used, with the place where it is named.
    fn refused(&self, trouble: &Trouble, analysis: &Analysis) -> Failure {
        let path = self.path.display();
        let (key, variable, named, what) = match &self.kind {
            Kind::Database => (
                "geoip",
                "AFW_GEOIP",
                path.to_string(),
                "a database cannot be used",
            ),
            Kind::List(name) => (
                "list",
                "AFW_LIST",
                format!("{name}={path}"),
                "a list cannot be used",
            ),
        };
        let failure = Failure::usage(format!("{what}: {trouble}"));
        analysis.origins.fault(key, &named, variable, failure)
    }

    /// Takes the file when it is another one; whether it was.
    fn look(&mut self) -> bool {
        let now = stamp(&self.path);
        if now == self.stamp {
            return false;
        }
        if now.is_none() {
            self.stamp = None;
            tracing::warn!(
                "{}: is gone; what was read of it stays in use",
                self.path.display()
            );
            return false;
        }
        match self.read() {
            Ok(new) if self.content.as_ref().is_some_and(|old| old.is(&new)) => false,
            Ok(new) if self.content.as_ref().is_some_and(|old| new.is_emptied(old)) => {
                tracing::warn!(
                    "{}: holds nothing any more; the old one stays in use\nhint: an empty list may be half a download; \
                     restart afw when it is meant to be empty",
                    self.path.display()
                );
                false
            }
            Ok(new) => {
                tracing::info!("{}: taken anew: {}", self.path.display(), new.told());
                self.content = Some(new);
                true
            }
            Err(trouble) => {
                let stays = if self.content.is_some() {
                    "; the old one stays in use"
                } else {
                    ""
                };
                let text = trouble.to_string();
                let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
                let hint = if hint.is_empty() {
                    String::new()
                } else {
                    format!("\nhint: {hint}")
                };
                tracing::warn!("{message}{stays}{hint}");
                false
            }
        }
    }

    fn tell_missing(&self) {
        let command = match self.kind {
            Kind::Database => "afw geoip update",
            Kind::List(_) => "afw lists update",
        };
        tracing::info!(
            "{}: is not there yet\nhint: `{command}` fetches it; it is taken as soon as it comes",
            self.path.display()
        );
    }

    fn warn_of_age(&self) {
        let (days, most, command) = match &self.content {
            Some(Content::Database(database, _)) => (
                database.built().map(days_since),
                STALE_DATABASE_DAYS,
                "afw geoip update",
            ),
            Some(Content::List(list)) => (
                list_time(list, &self.path).map(days_since),
                STALE_LIST_DAYS,
                "afw lists update",
            ),
            None => return,
        };
        if let Some(days) = days.filter(|days| *days > most) {
            tracing::warn!(
                "{}: {days} days old; addresses change hands\nhint: `{command}` fetches a new one",
                self.path.display()
            );
        }
    }
}

impl Content {
    /// Whether both are the same file's same content.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Database(one, inode), Self::Database(other, new)) => {
                inode == new && one.built() == other.built() && one.bytes() == other.bytes()
            }
            (Self::List(one), Self::List(other)) => one == other,
            _ => false,
        }
    }

    /// Whether a list that held something holds nothing.
    fn is_emptied(&self, old: &Self) -> bool {
        match (self, old) {
            (Self::List(new), Self::List(old)) => entries(new) == 0 && entries(old) > 0,
            _ => false,
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Database(database, _) => match database.built() {
                Some(built) => format!("{}, built {built}", database.database_type()),
                None => database.database_type().to_owned(),
            },
            Self::List(list) => {
                let (networks, asns) = (list.networks() as u64, list.asns() as u64);
                format!(
                    "{}, {}",
                    counted(networks, "network"),
                    counted(asns, "autonomous system")
                )
            }
        }
    }
}

fn entries(list: &List) -> usize {
    list.networks() + list.asns()
}

impl Trouble {
    fn is_missing(&self) -> bool {
        let kind = match self {
            Self::Database(GeoError::Read { source, .. }) | Self::List(ListError::Read { source, .. }) => {
                source.kind()
            }
            _ => return false,
        };
        kind == ErrorKind::NotFound
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::List(error) => error.fmt(f),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        bytes: found.size(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

/// Whole days since a time; 0 for one in the future.
pub fn days_since(time: Time) -> i64 {
    now().since(time).max(0) / DAY_NANOS
}

/// When a list was last known to be what its publisher has: when it was last compared, else when it was made, else
/// when it was written.
pub fn list_time(list: &List, path: &Path) -> Option<Time> {
    written(&tag_path(path))
        .max(list.made())
        .or_else(|| written(path))
}

fn written(path: &Path) -> Option<Time> {
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    let since = written.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok().map(Time::from_nanos)
}
