//! [`Case`]: one labelled request, and [`read`], which takes them from JSON lines.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One labelled request.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Its name; also what sorts it into a half and into a session.
    pub id: String,
    /// `attack`, `bot`, `crawler` or `benign`.
    pub kind: String,
    /// What it is, within its kind.
    pub class: String,
    /// How far the label can be trusted, and of what sort of list it comes.
    #[serde(default)]
    pub tier: String,
    /// Request method.
    pub method: String,
    /// Request target.
    pub uri: String,
    /// Status of the answer.
    pub status: u16,
    /// User agent; empty for none.
    pub ua: String,
    /// Referrer; empty for none.
    pub referer: String,
}

/// Which of the cases are looked at: rules are developed on one half and checked on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// All.
    Both,
    /// Those that may be looked at when rules are written.
    A,
    /// Those that may not.
    B,
}

impl Half {
    /// The half of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "a" => Some(Self::A),
            "b" => Some(Self::B),
            _ => None,
        }
    }

    fn holds(self, case: &Case) -> bool {
        match self {
            Self::Both => true,
            Self::A => case.number() & 1 == 0,
            Self::B => case.number() & 1 == 1,
        }
    }
}

impl Case {
    /// A number that depends on the id alone: FNV-1a, stirred so that single bits can be used.
    pub fn number(&self) -> u64 {
        let hash = self.id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let hash = (hash ^ (hash >> 31)).wrapping_mul(0x7fb5_d329_728e_a185);
        hash ^ (hash >> 27)
    }

    /// Whether the label says that a client which sends such requests is hostile, and nothing else.
    pub fn is_hostile(&self) -> bool {
        self.kind == "attack"
            && ["payload", "payload-b64", "attack", "recon", "wild", "session"].contains(&self.tier.as_str())
    }

    /// Whether it is what an ordinary visitor sends.
    pub fn is_benign(&self) -> bool {
        self.kind == "benign" && self.tier == "benign"
    }
}

/// All cases of a half in the files of a folder, or in one file.
///
/// # Errors
/// A file that cannot be read, or the first line that is no case.
pub fn read(path: &Path, half: Half) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for path in files(path, "jsonl")? {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (number, line) in text.lines().enumerate() {
            let case: Case = serde_json::from_str(line)
                .map_err(|error| format!("{}:{}: {error}", path.display(), number + 1))?;
            if half.holds(&case) {
                cases.push(case);
            }
        }
    }
    Ok(cases)
}

/// The files with an extension in a folder, sorted; the path itself when it is a file.
///
/// # Errors
/// A folder that cannot be read.
pub fn files(path: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    Ok(files)
}
