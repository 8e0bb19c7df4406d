//! Lists of addresses, networks and autonomous systems: `--list NAME=FILE`, the format recognised by content.
//!
//! A list loads whole or not at all: the first line that is neither entry nor comment refuses it, with its number.
//! Private and reserved entries (FireHOL's level 1 holds some) are left out and counted. [`List::parse`] is pure;
//! [`Lists::load`] reads files and is called by drivers. `format` reads the formats.
//! Next: [`crate::enrich::address`].

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use afw_parsers::Time;

use super::reserved;
use crate::bounded;
use crate::net::{Cidr, PrefixMap};

mod format;

pub use format::ListFormat;

/// Largest list that is read. FireHOL's largest public list has less than a tenth of this.
const MAX_BYTES: u64 = 256 << 20;

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error(
        "{path}: cannot read the list: {}\nhint: check the path in --list NAME=FILE",
        crate::text::system_message(source)
    )]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is neither entry nor comment.
    #[error(
        "{path}:{line}: {reason}\nhint: a list holds one address, network or AS number a line, or is one of the \
         JSON forms of Spamhaus, Cloudflare and the crawlers"
    )]
    Broken {
        /// The file.
        path: String,
        /// Line number, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
}

/// One value of `--list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListSpec {
    /// The name that findings carry. Files of one name are one list.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// A text that is no `NAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not NAME=FILE with a name of letters, digits, `.`, `-` and `_`")]
pub struct ListSpecError(String);

impl FromStr for ListSpec {
    type Err = ListSpecError;

    fn from_str(text: &str) -> Result<Self, ListSpecError> {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        match text.split_once('=') {
            Some((name, path))
                if !path.is_empty() && (1..=64).contains(&name.len()) && name.bytes().all(named) =>
            {
                Ok(Self {
                    name: name.to_owned(),
                    path: path.into(),
                })
            }
            _ => Err(ListSpecError(text.chars().take(80).collect())),
        }
    }
}

/// What being on a list means. Told by the list's name, or by a format that has only one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A reason for suspicion: any name without another role.
    Threat,
    /// A kind of network and no suspicion in itself: `datacenter…`, `hosting…`, `vpn…`, `proxy…`, `cloud…`.
    Network,
    /// Edges of a content delivery network, never an indicator: `cdn…`, `cloudflare…`, and Cloudflare's JSON.
    Edge,
    /// Published addresses of a crawler: a name of the crawler table (`googlebot`, `bingbot`, …) or `crawler…`.
    Crawler,
}

impl Role {
    fn of(name: &str, format: ListFormat) -> Self {
        let name = name.to_ascii_lowercase();
        let starts = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
        if format == ListFormat::CloudflareJson || starts(&["cdn", "cloudflare"]) {
            Self::Edge
        } else if starts(&["datacenter", "datacentre", "hosting", "vpn", "proxy", "cloud"]) {
            Self::Network
        } else if starts(&["crawler"]) || super::crawler::operator(&name).is_some() {
            Self::Crawler
        } else {
            Self::Threat
        }
    }

    /// Whether who is on it is spared: then a mistake in it, or somebody's hand, opens a door.
    const fn spares(self) -> bool {
        matches!(self, Self::Edge | Self::Crawler)
    }

    /// The name in `afw lists status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threat => "threat",
            Self::Network => "network",
            Self::Edge => "edge",
            Self::Crawler => "crawler",
        }
    }
}

/// One list in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    name: Arc<str>,
    source: String,
    format: ListFormat,
    role: Role,
    networks: PrefixMap<()>,
    /// Sorted.
    asns: Vec<u32>,
    reserved: usize,
    too_wide: Option<Cidr>,
    made: Option<Time>,
}

impl List {
    /// Reads a file. For drivers.
    pub fn open(name: &str, path: &Path) -> Result<Self, ListError> {
        let source = path.display().to_string();
        match bounded::read(path, MAX_BYTES) {
            Ok(bytes) => Self::parse(name, &source, &bytes),
            Err(error) => Err(ListError::Read {
                path: source,
                source: error,
            }),
        }
    }

    /// Reads a list's content; `source` is for messages.
    pub fn parse(name: &str, source: &str, bytes: &[u8]) -> Result<Self, ListError> {
        let content = format::read(bytes).map_err(|fault| ListError::Broken {
            path: source.to_owned(),
            line: fault.line,
            reason: fault.reason,
        })?;
        let role = Role::of(name, content.format);
        let too_wide = |cidr: &Cidr| role.spares() && is_wide(*cidr);
        let first_wide = content.networks.iter().copied().find(too_wide);
        let (left_out, networks): (Vec<Cidr>, Vec<Cidr>) = content
            .networks
            .into_iter()
            .partition(|cidr| unusable(*cidr) || too_wide(cidr));
        let mut asns = content.asns;
        asns.sort_unstable();
        asns.dedup();
        Ok(Self {
            name: name.into(),
            source: source.to_owned(),
            format: content.format,
            role,
            networks: PrefixMap::new(networks.into_iter().map(|cidr| (cidr, ()))),
            asns,
            reserved: left_out.len(),
            too_wide: first_wide,
            made: content.made,
        })
    }

    /// The name that findings carry.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The file or address it came from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The recognised format.
    pub const fn format(&self) -> ListFormat {
        self.format
    }

    /// What being on it means.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// How many networks and addresses it holds.
    pub fn networks(&self) -> usize {
        self.networks.len()
    }

    /// How many autonomous systems it holds.
    pub fn asns(&self) -> usize {
        self.asns.len()
    }

    /// The first network that was left out because it would spare a good part of the internet.
    pub const fn too_wide(&self) -> Option<Cidr> {
        self.too_wide
    }

    /// How many entries were left out because they are reserved, hold the whole internet, or are too wide for what the
    /// list means.
    pub const fn left_out(&self) -> usize {
        self.reserved
    }

    /// When it was made, if it says so.
    pub const fn made(&self) -> Option<Time> {
        self.made
    }

    /// The longest of its networks that contains the address.
    pub fn find(&self, address: IpAddr) -> Option<Cidr> {
        self.networks.find(address).map(|(cidr, ())| cidr)
    }

    /// Each of its networks.
    pub fn iter(&self) -> impl Iterator<Item = Cidr> {
        self.networks.iter().map(|(cidr, ())| cidr)
    }

    /// Whether the address or its autonomous system is on it.
    pub fn contains(&self, address: IpAddr, asn: Option<u32>) -> bool {
        self.find(address).is_some() || asn.is_some_and(|asn| self.asns.binary_search(&asn).is_ok())
    }
}

/// Entries that could only do harm: reserved networks, and one that holds everybody.
fn unusable(cidr: Cidr) -> bool {
    cidr.prefix() == 0 || reserved::covers(cidr)
}

/// Wider than any network of a crawler or a content delivery network: Apple's 17.0.0.0/8 is the widest.
fn is_wide(cidr: Cidr) -> bool {
    match cidr.network() {
        IpAddr::V4(_) => cidr.prefix() < 8,
        IpAddr::V6(_) => cidr.prefix() < 16,
    }
}

/// The lists in use.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    all: Vec<Arc<List>>,
}

impl Lists {
    /// Reads every file; all that is wrong is told at once. For drivers.
    pub fn load(specs: &[ListSpec]) -> Result<Self, Vec<ListError>> {
        let (mut all, mut errors) = (Vec::new(), Vec::new());
        for spec in specs {
            match List::open(&spec.name, &spec.path) {
                Ok(list) => all.push(list),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(Self::new(all))
        } else {
            Err(errors)
        }
    }

    /// Lists that are read already.
    pub fn new<L: Into<Arc<List>>>(all: impl IntoIterator<Item = L>) -> Self {
        let mut all: Vec<Arc<List>> = all.into_iter().map(Into::into).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Self { all }
    }

    /// Each of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &List> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// The lists of one role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &List> {
        self.iter().filter(move |list| list.role == role)
    }

    /// The lists that contain the address or its autonomous system, by name.
    pub fn containing(&self, address: IpAddr, asn: Option<u32>) -> impl Iterator<Item = &List> {
        self.iter().filter(move |list| list.contains(address, asn))
    }
}

#[cfg(test)]
mod tests;
