//! Countries and autonomous systems from MaxMind DB files, whoever made them.
//!
//! What a database knows is read from its records' shape and its metadata, never from its file name. Files are read
//! into memory (a map would fault when somebody overwrites the file) and checked whole before they are used: a
//! broken one is refused with a reason. The loaders read files and are called by drivers; lookups are pure.
//! `shape` reads one record. Next: [`crate::enrich::address`].

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use afw_parsers::Time;
use maxminddb::Reader;

use crate::bounded;

mod check;
mod shape;

pub use shape::{Marks, Place};

/// Largest file that is read into memory. The largest database on sale is about half of this.
const MAX_BYTES: u64 = 2 << 30;

/// A file's content, shared between the reader and the check.
#[derive(Clone)]
struct Bytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A database that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The file cannot be read.
    #[error(
        "{}: cannot read the database: {}\nhint: check the path in --geoip; `afw geoip update` fetches databases",
        path.display(),
        crate::text::system_message(source)
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is damaged or no MaxMind DB at all.
    #[error(
        "{}: broken database: {reason}\nhint: fetch it again, for example with `afw geoip update`",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The archive that holds a database.
    #[error("{}: this is an archive, no database\nhint: unpack it (`tar xf FILE`) and name the .mmdb file in it", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
    },
    /// A sound database that tells nothing of use here.
    #[error(
        "{}: a database of type {database_type:?} tells neither country nor autonomous system\nhint: \
         use a Country, City, ASN or ISP database",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its `database_type`.
        database_type: String,
    },
}

/// What a database tells of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Knows {
    /// The country.
    pub country: bool,
    /// The autonomous system.
    pub asn: bool,
    /// Whether it is a VPN, a proxy, a Tor exit or a hosting network.
    pub marks: bool,
}

impl Knows {
    const fn nothing(self) -> bool {
        !(self.country || self.asn || self.marks)
    }
}

/// One database in memory.
pub struct Database {
    path: PathBuf,
    reader: Reader<Bytes>,
    knows: Knows,
    bytes: u64,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path)
            .field("type", &self.database_type())
            .field("knows", &self.knows)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Reads and checks a file. For drivers.
    pub fn open(path: &Path) -> Result<Self, GeoError> {
        let bytes = bounded::read(path, MAX_BYTES).map_err(|source| GeoError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(path, bytes)
    }

    /// Checks the content of a file; `path` is for messages.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, GeoError> {
        Self::from_shared(path, Arc::new(bytes))
    }

    /// As [`Database::from_bytes`], of a content that is needed for more.
    pub(crate) fn from_shared(path: &Path, bytes: Arc<Vec<u8>>) -> Result<Self, GeoError> {
        let broken = |reason| GeoError::Broken {
            path: path.to_owned(),
            reason,
        };
        // gzip, zip: what publishers wrap a database in.
        if bytes.starts_with(b"\x1f\x8b") || bytes.starts_with(b"PK\x03\x04") {
            return Err(GeoError::Archive {
                path: path.to_owned(),
            });
        }
        let size = bytes.len() as u64;
        let bytes = Bytes(bytes);
        let opened = Reader::from_source(bytes.clone());
        let reader = opened.map_err(|error| broken(error.to_string()))?;
        let places = check::records(&reader, bytes.as_ref()).map_err(broken)?;
        let knows = known(&reader.metadata().database_type, &places);
        if knows.nothing() {
            return Err(GeoError::Foreign {
                path: path.to_owned(),
                database_type: reader.metadata().database_type.clone(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            reader,
            knows,
            bytes: size,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The maker's name for the kind of database, such as `GeoLite2-Country`.
    pub fn database_type(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// What it tells.
    pub const fn knows(&self) -> Knows {
        self.knows
    }

    /// When it was built: how old its facts are.
    pub fn built(&self) -> Option<Time> {
        Time::from_secs(i64::try_from(self.reader.metadata().build_epoch).ok()?)
    }

    /// Size in memory.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the address's record stands; equal numbers are equal records. `None`: no record.
    pub(crate) fn record_at(&self, address: IpAddr) -> Option<usize> {
        // An IPv6 address in an IPv4 database is an error for the reader and simply unknown to us.
        self.reader.lookup(address).ok()?.offset()
    }

    /// What the address's record says.
    pub fn place(&self, address: IpAddr) -> Place {
        // The whole file was verified when it was opened, so an undecodable record cannot occur here.
        let found = self.reader.lookup(address.to_canonical());
        found
            .and_then(|found| found.decode::<Place>())
            .ok()
            .flatten()
            .unwrap_or_default()
    }
}

/// What the records and the type say a database tells.
fn known(database_type: &str, places: &[Place]) -> Knows {
    let kind = database_type.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| kind.contains(word));
    let any = |holds: fn(&Place) -> bool| places.iter().any(holds);
    Knows {
        country: says(&["country", "-city", "enterprise"]) || any(|place| place.country.is_some()),
        asn: says(&["-asn", "-isp", "country_asn"]) || any(|place| place.asn.is_some()),
        marks: says(&["anonymous-ip", "privacy"]) || any(|place| !place.marks.is_empty()),
    }
}

/// The databases in use, best first: the first that knows a fact tells it.
#[derive(Debug, Default)]
pub struct Databases {
    all: Vec<Arc<Database>>,
}

impl Databases {
    /// Opens and checks every file; all that is wrong is told at once. For drivers.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, Vec<GeoError>> {
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        for path in paths {
            match Database::open(path.as_ref()) {
                Ok(database) => all.push(Arc::new(database)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self { all })
        } else {
            Err(errors)
        }
    }

    /// Databases that are open already.
    pub fn new<D: Into<Arc<Database>>>(all: impl IntoIterator<Item = D>) -> Self {
        Self {
            all: all.into_iter().map(Into::into).collect(),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Database> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// What all of them together tell.
    pub fn knows(&self) -> Knows {
        self.all.iter().fold(Knows::default(), |sum, database| Knows {
            country: sum.country || database.knows.country,
            asn: sum.asn || database.knows.asn,
            marks: sum.marks || database.knows.marks,
        })
    }

    /// What they say of an address, each asked in turn. Not cached: see [`crate::enrich::AddressCache`].
    pub fn place(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        for database in &self.all {
            place.complete(&database.place(address));
        }
        place
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod writer;
