//! What a file's name says: to which log it belongs and which generation of it this is.
//!
//! Understood: logrotate (`access.log.3.gz`, `access.log-20260130`, `access-20260130.log`), rotatelogs
//! (`access_log.1769731200`, `access.2026-01-30.log`), IIS (`u_ex260130.log`), Caddy's timberjack
//! (`access-2026-01-30T22-15-42.123-size.log.gz`) and lumberjack (the same without the reason), and objects that carry
//! their time in their name (Logpush, ALB, CloudFront). Names only; nothing here looks at a disk.
//! Next: [`super::discover`].

use std::cmp::Ordering;

/// Endings that compression adds.
const PACKED: [&str; 7] = [".gz", ".zst", ".zstd", ".bz2", ".xz", ".bz", ".z"];
/// Endings that belong to a log's own name and may stand after its date.
const ENDINGS: [&str; 8] = [
    ".log", ".json", ".ndjson", ".jsonl", ".csv", ".txt", ".out", ".tsv",
];

/// What a file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Name of the log: the same for all its generations.
    pub stem: String,
    /// Which generation this is.
    pub generation: Generation,
    /// Whether the name ends as compressed files do.
    pub packed: bool,
}

/// Which generation of a log a file is. Orders from oldest to newest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Generation {
    /// Renamed by hand, perhaps (`access.log.old`): a generation only if its content says so.
    Other(String),
    /// Rotated at a time: digits of the date and time in the name, then the rest of the name.
    Dated(String, String),
    /// Rotated so many times.
    Numbered(u32),
    /// The log itself.
    Live,
}

impl Generation {
    /// Whether the names tell which of two is older. A number and a date do not.
    pub const fn tells_age(&self, other: &Self) -> bool {
        !matches!(
            (self, other),
            (Self::Dated(..), Self::Numbered(_)) | (Self::Numbered(_), Self::Dated(..))
        )
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Other(_) => 0,
            Self::Dated(..) => 1,
            Self::Numbered(_) => 2,
            Self::Live => 3,
        }
    }
}

impl Ord for Generation {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Numbered(a), Self::Numbered(b)) => b.cmp(a),
            (Self::Other(a), Self::Other(b)) => a.cmp(b),
            (Self::Dated(a, x), Self::Dated(b, y)) => a.cmp(b).then_with(|| x.cmp(y)),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Generation {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Name {
    /// Reads a file name (without its directory).
    pub fn parse(name: &str) -> Self {
        let (bare, packed) = without_packing(name);
        let (stem, generation) = numbered(bare)
            .or_else(|| dated(bare))
            .unwrap_or_else(|| (bare.to_owned(), Generation::Live));
        Self {
            stem,
            generation,
            packed,
        }
    }

    /// Reads a file name as a generation of the log that is called `log`; `None` when it is another's. Knows in
    /// addition `access.1.log` and `access.log.old`, which alone could be logs of their own.
    pub fn of_log(name: &str, log: &str) -> Option<Self> {
        let (bare, packed) = without_packing(name);
        if bare == log {
            return Some(Self {
                stem: log.to_owned(),
                generation: Generation::Live,
                packed,
            });
        }
        let parsed = Self::parse(name);
        if parsed.stem == log {
            return Some(parsed);
        }
        let generation = match inner_number(bare, log) {
            Some(number) => Generation::Numbered(number),
            None if bare.strip_prefix(log)?.starts_with(['.', '-', '_', '~']) => {
                Generation::Other(bare.to_owned())
            }
            None => return None,
        };
        Some(Self {
            stem: log.to_owned(),
            generation,
            packed,
        })
    }
}

/// The name without an ending that compression added.
fn without_packing(name: &str) -> (&str, bool) {
    let lower = name.to_ascii_lowercase();
    PACKED
        .iter()
        .find(|ending| lower.ends_with(*ending) && lower.len() > ending.len())
        .and_then(|ending| name.get(..name.len() - ending.len()))
        .map_or((name, false), |bare| (bare, true))
}

/// `STEM.N`, where N has at most six digits; a stem with a date in it keeps that as part of the generation.
fn numbered(bare: &str) -> Option<(String, Generation)> {
    let (stem, digits) = bare.rsplit_once('.')?;
    let short = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !short || stem.is_empty() {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    match dated(stem) {
        // `access.log-20260130.1`: of one day, a higher number is older.
        Some((stem, Generation::Dated(date, rest))) => Some((
            stem,
            Generation::Dated(date, format!("{rest}.{:06}", 999_999 - number)),
        )),
        // `access.2026.01.30`: the last part of a date, not a number.
        _ if dated(bare).is_some() => None,
        _ => Some((stem.to_owned(), Generation::Numbered(number))),
    }
}

/// The number N of `access.N.log`, a generation of `access.log`.
fn inner_number(bare: &str, log: &str) -> Option<u32> {
    let (base, ending) = log.rsplit_once('.')?;
    let middle = bare
        .strip_prefix(base)?
        .strip_prefix('.')?
        .strip_suffix(ending)?
        .strip_suffix('.')?;
    let short = (1..=4).contains(&middle.len()) && middle.bytes().all(|b| b.is_ascii_digit());
    if short { middle.parse().ok() } else { None }
}

/// A name with a date in it.
fn dated(bare: &str) -> Option<(String, Generation)> {
    let bytes = bare.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let run = digits_at(bytes, at);
        if run == 0 {
            at += 1;
            continue;
        }
        let len = date_len(bytes, at).or_else(|| iis_len(bare, at, run));
        if let (Some(len), Some(before), Some(after)) =
            (len, bare.get(..at), len.and_then(|len| bare.get(at + len..)))
        {
            let date: String = bare
                .get(at..at + len)?
                .chars()
                .filter(char::is_ascii_digit)
                .collect();
            return Some((
                stem_around(before, after),
                Generation::Dated(date, after.to_owned()),
            ));
        }
        at += run;
    }
    None
}

/// The log's name when a date stands between `before` and `after`: words stay, what varies goes, and so does all
/// behind it (the second date of a Logpush object and its hash, which may look like a word).
fn stem_around(before: &str, after: &str) -> String {
    let before = before.trim_end_matches(['-', '.', '_']);
    let ending = ENDINGS
        .iter()
        .find(|ending| after.ends_with(*ending))
        .copied()
        .unwrap_or_default();
    let middle = after.strip_suffix(ending).unwrap_or(after);
    let mut stem = before.to_owned();
    let words = middle.split(['-', '.', '_']).filter(|word| !word.is_empty());
    let plain = |word: &&str| word.len() < 16 && word.bytes().all(|b| b.is_ascii_lowercase());
    for word in words.take_while(plain) {
        if !matches!(word, "size" | "time" | "z") {
            stem.push('-');
            stem.push_str(word);
        }
    }
    stem + ending
}

/// How many digits stand at `at`.
fn digits_at(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count()
}

/// The number that `len` digits at `at` make, if they are digits.
fn number_at(bytes: &[u8], at: usize, len: usize) -> Option<u32> {
    let digits = bytes.get(at..at + len)?;
    digits.iter().try_fold(0_u32, |number, b| {
        b.is_ascii_digit().then(|| number * 10 + u32::from(b - b'0'))
    })
}

/// Length of a date with an optional time at `at`: `2026-01-30T22-15-42.123`, `20260130`, `2026013022`,
/// `20260130T221542Z`, `1769731200`.
fn date_len(bytes: &[u8], at: usize) -> Option<usize> {
    let run = digits_at(bytes, at);
    if run == 10 && number_at(bytes, at, 10).is_some_and(|n| n >= 1_000_000_000) && !is_date(bytes, at, 0) {
        return Some(10);
    }
    let separator = usize::from(run == 4 && matches!(bytes.get(at + 4), Some(b'-' | b'.' | b'_')));
    if !(run == 4 && separator == 1 || matches!(run, 8 | 10 | 12 | 14)) || !is_date(bytes, at, separator) {
        return None;
    }
    let day_end = at + 8 + 2 * separator;
    if separator == 1 && (digits_at(bytes, at + 5) != 2 || digits_at(bytes, at + 8) > 2) {
        return None;
    }
    Some(time_end(bytes, at + if separator == 1 { day_end - at } else { run }) - at)
}

fn is_date(bytes: &[u8], at: usize, separator: usize) -> bool {
    let year = number_at(bytes, at, 4).unwrap_or_default();
    let month = number_at(bytes, at + 4 + separator, 2).unwrap_or_default();
    let day = number_at(bytes, at + 6 + 2 * separator, 2).unwrap_or_default();
    (1990..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Where the time after a date ends: groups of two digits, a fraction, an epoch, each after one separator.
fn time_end(bytes: &[u8], date_end: usize) -> usize {
    let mut end = date_end;
    loop {
        let separated = matches!(
            bytes.get(end),
            Some(b'T' | b't' | b'-' | b'_' | b'.' | b':' | b',')
        );
        let run = digits_at(bytes, end + 1);
        if !separated || !matches!(run, 2 | 3 | 4 | 6 | 9 | 10) {
            break;
        }
        end += 1 + run;
    }
    end + usize::from(matches!(bytes.get(end), Some(b'Z')))
}

/// IIS writes `u_exYYMMDD.log` and `u_exYYMMDDHH.log`.
fn iis_len(bare: &str, at: usize, run: usize) -> Option<usize> {
    let before = bare.get(..at)?;
    let month = number_at(bare.as_bytes(), at + 2, 2)?;
    let fits = before.ends_with("ex") && matches!(run, 6 | 8) && (1..=12).contains(&month);
    fits.then_some(run)
}

/// True for directory names that are a date or a part of one: `20260130`, `2026`, `01`, `dt=2026-01-30`, `hour=05`.
pub fn is_date_directory(name: &str) -> bool {
    let value = name.split_once('=').map_or(name, |(_, value)| value);
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let bare = value
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'T' | b'Z'));
    bare && matches!(digits, 2 | 4 | 6 | 8 | 10 | 12 | 14)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_of_one_log_share_its_name() {
        let cases = [
            ("access.log", "access.log"),
            ("access.log.1", "access.log"),
            ("access.log.14.gz", "access.log"),
            ("access.log-20260130", "access.log"),
            ("access.log-20260130.gz", "access.log"),
            ("access.log-2026013022.zst", "access.log"),
            ("access.log-20260130-1769731200.gz", "access.log"),
            ("access.log-20260130.1.gz", "access.log"),
            ("access.log.2026-01-30", "access.log"),
            ("access.log.2026.01.30", "access.log"),
            ("access-20260130.log", "access.log"),
            ("access.2026-01-30.log", "access.log"),
            ("access_2026_01_30.log", "access.log"),
            ("access_log.1769731200", "access_log"),
            ("access-2026-01-30T22-15-42.123-size.log.gz", "access.log"),
            ("access-2026-01-30T22-15-42.123-time.log", "access.log"),
            ("access-2026-01-30T22-15-42.123.log.gz", "access.log"),
            ("u_ex260130.log", "u_ex.log"),
            ("u_ex26013005.log", "u_ex.log"),
            ("20260130T000000Z_20260130T000100Z_5a1b2c3d.log.gz", ".log"),
            ("20260130T000000Z_20260130T000100Z_abcdefab.log.gz", ".log"),
            (
                "1_elasticloadbalancing_eu_app.a.1_20260130T0000Z_10.0.0.1_abcdefgh.log.gz",
                "1_elasticloadbalancing_eu_app.a.1.log",
            ),
            ("20260130-access.log", "-access.log"),
            ("access-20260130-ssl.log", "access-ssl.log"),
            ("20260130-error.log", "-error.log"),
            (
                "123_elasticloadbalancing_eu_app.a.1_20260130T0000Z_10.0.0.1_2ab3c4d.log.gz",
                "123_elasticloadbalancing_eu_app.a.1.log",
            ),
            ("EMLARXS9EXAMPLE.2026-01-30-20.RT4KCN4SGK9.gz", "EMLARXS9EXAMPLE"),
            ("server-1.log", "server-1.log"),
            ("10.0.0.1.access.log", "10.0.0.1.access.log"),
            ("example.com.log", "example.com.log"),
            ("access.log.bak", "access.log.bak"),
        ];
        for (name, stem) in cases {
            assert_eq!(Name::parse(name).stem, stem, "{name}");
        }
    }

    #[test]
    fn generations_order_from_oldest_to_newest() {
        let orders: [&[&str]; 5] = [
            &[
                "access.log.10.gz",
                "access.log.2.gz",
                "access.log.1",
                "access.log",
            ],
            &["access.log-20251231.gz", "access.log-20260101", "access.log"],
            &["access_log.1769731200", "access_log.1769817600"],
            &[
                "a-2026-01-30T22-15-42.123-size.log.gz",
                "a-2026-01-30T22-15-43.001.log",
                "a.log",
            ],
            &[
                "access.log-20260130.2.gz",
                "access.log-20260130.1.gz",
                "access.log-20260131",
            ],
        ];
        for order in orders {
            let names: Vec<Name> = order.iter().map(|name| Name::parse(name)).collect();
            assert!(
                names.is_sorted_by(|a, b| a.generation < b.generation),
                "{names:?}"
            );
        }
    }

    #[test]
    fn a_named_log_knows_more_of_its_generations() {
        let generation = |name| Name::of_log(name, "access.log").map(|name| name.generation);
        assert_eq!(generation("access.2.log.gz"), Some(Generation::Numbered(2)));
        assert_eq!(generation("access.log"), Some(Generation::Live));
        assert_eq!(generation("access.log.gz"), Some(Generation::Live));
        assert_eq!(
            generation("access.log.old"),
            Some(Generation::Other("access.log.old".into()))
        );
        assert_eq!(generation("access.logger"), None);
        assert_eq!(generation("error.log.1"), None);
        assert_eq!(generation("access.de.log"), None);
        let dated = |name| Name::of_log(name, "access-20260131.log").map(|name| name.generation);
        assert_eq!(dated("access-20260131.log"), Some(Generation::Live));
    }

    #[test]
    fn date_directories_are_told_from_others() {
        for name in ["20260130", "2026", "01", "dt=2026-01-30", "hour=05"] {
            assert!(is_date_directory(name), "{name}");
        }
        for name in ["nginx", "v2", "vhosts", "1", "a2026"] {
            assert!(!is_date_directory(name), "{name}");
        }
    }
}
