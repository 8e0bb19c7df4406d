//! Pages told from exposed files by their size, against made-up lines, restarts and clients that try to choose.

use std::sync::Arc;

use afw_parsers::{Format, Layout};

use super::*;
use crate::analysis::scan::{Kit, Scanner};
use crate::analysis::{Fold, FoldOptions};
use crate::detect::{Ruleset, builtin};
use crate::drive::setup::bare_kit;
use crate::source::{Batch, Line};

/// A fold with the built-in rules that lines are fed to one batch at a time.
struct Site {
    kit: Arc<Kit>,
    fold: Fold,
    scanner: Scanner,
    sent: u64,
}

fn options() -> FoldOptions {
    FoldOptions {
        persist: true,
        ..FoldOptions::default()
    }
}

impl Site {
    fn new() -> Self {
        let kit = Arc::new(bare_kit(Arc::new(Ruleset::load(&builtin()).unwrap())));
        Self {
            fold: Fold::new(&kit, options()),
            scanner: Scanner::new(&kit),
            kit,
            sent: 0,
        }
    }

    /// Stops and goes on with what was stored.
    fn restart(&mut self) {
        let mut rows = std::collections::BTreeMap::new();
        for State { kind, key, value } in self.fold.drain_dirty() {
            rows.insert(
                (kind == StateKind::Other, kind == StateKind::Window, key.clone()),
                State { kind, key, value },
            );
        }
        let of = |wanted: StateKind| -> Vec<State> {
            rows.values().filter(|row| row.kind == wanted).cloned().collect()
        };
        self.fold = Fold::new(&self.kit, options());
        self.fold.restore(
            of(StateKind::Window),
            of(StateKind::Indicator),
            of(StateKind::Other),
        );
    }

    /// Classes of the sightings of each line: `minute client target status bytes`, and whether a note says why.
    fn ask(&mut self, lines: &[&str]) -> Vec<(Class, bool)> {
        let mut strongest = Vec::new();
        let text: Vec<String> = lines.iter().map(|line| logged(line)).collect();
        let mut batch = Batch {
            file: "access.log".into(),
            base: self.sent,
            ..Batch::default()
        };
        for line in &text {
            batch.lines.push(Line {
                start: batch.bytes.len() as u32,
                len: line.len() as u32,
                cut: false,
            });
            batch.bytes.extend_from_slice(line.as_bytes());
            batch.bytes.push(b'\n');
        }
        self.sent += batch.bytes.len() as u64;
        let mut scan = self.scanner.scan(batch, &Layout::preset(Format::NginxCombined));
        assert!(scan.rejected.is_empty(), "{text:?}");
        for at in 0..scan.found.len() {
            if let Some(finding) = self.fold.take(&mut scan, at).finding {
                let note = finding.sightings.iter().any(|sighting| sighting.common_page);
                strongest.extend(
                    finding
                        .sightings
                        .iter()
                        .map(|sighting| sighting.class)
                        .min()
                        .zip(Some(note)),
                );
            }
        }
        strongest
    }
}

fn logged(line: &str) -> String {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap();
    let (minute, client, target, status, bytes) = (word(), word(), word(), word(), word());
    let minute: u32 = minute.parse().unwrap();
    let (day, hour, minute) = (1 + minute / 1440, minute / 60 % 24, minute % 60);
    format!(
        "203.0.114.{client} - - [{day:02}/Oct/2026:{hour:02}:{minute:02}:00 +0000] \"GET {target} HTTP/1.1\" {status} {bytes} \"-\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\""
    )
}

const EXPOSED: (Class, bool) = (Class::Exposure, false);
const COMMON: (Class, bool) = (Class::Probe, true);

#[test]
fn a_file_of_its_own_size_was_exposed() {
    let mut site = Site::new();
    assert_eq!(site.ask(&["1 1 / 200 5120", "2 2 /.env 200 437"]), [EXPOSED]);
}

#[test]
fn the_front_page_under_a_secrets_name_is_no_exposure() {
    let mut site = Site::new();
    assert_eq!(
        site.ask(&["1 1 / 200 437", "2 2 /.env 200 437", "3 3 /.git/config 200 437"]),
        [COMMON, COMMON]
    );
    // Another visitor's front page a day later is still the front page; what is long ago is no proof.
    assert_eq!(site.ask(&["1500 9 /.aws/credentials 200 437"]), [EXPOSED]);
}

#[test]
fn several_sizes_of_the_front_page_are_known() {
    let mut site = Site::new();
    let seen = site.ask(&[
        "1 1 / 200 437",
        "1 1 / 200 441",
        "1 1 / 200 956",
        "2 2 /.env 200 441",
        "3 2 /backup.zip 200 956",
    ]);
    assert_eq!(seen, [COMMON, COMMON]);
}

#[test]
fn unlike_targets_of_one_size_are_one_page() {
    let mut site = Site::new();
    let seen = site.ask(&[
        "1 1 /.env 200 437",
        "2 1 /.git/config 200 437",
        "3 2 /backup.zip 200 437",
        "3 3 /id_rsa 200 1675",
    ]);
    assert_eq!(seen, [EXPOSED, COMMON, COMMON, EXPOSED]);
}

#[test]
fn copies_and_spellings_of_one_file_stay_exposed() {
    for targets in [
        ["/.env", "/.env.bak", "/api/.env", "//%2eenv"],
        [
            "/.git/ORIG_HEAD",
            "/.git/refs/heads/main",
            "/.git/config",
            "/x/../.git/config",
        ],
        ["/shop.sql", "/shop.sql.gz", "/old/shop.sql", "/./shop.sql"],
    ] {
        let mut site = Site::new();
        for target in targets {
            let line = format!("1 1 {target} 200 437");
            assert!(!site.ask(&[&line]).contains(&COMMON), "{target}");
        }
    }
}

#[test]
fn what_a_client_can_choose_proves_nothing() {
    let mut site = Site::new();
    // A search that echoes, a part of a file, an empty page.
    let seen = site.ask(&[
        "1 1 /?q=aaaaaaa 200 437",
        "1 1 / 206 437",
        "1 1 / 304 437",
        "2 1 /.env 200 437",
    ]);
    assert_eq!(seen.last(), Some(&EXPOSED));
    assert_eq!(site.ask(&["3 1 / 200 437", "4 1 /.env 206 437"]), [EXPOSED]);
}

#[test]
fn a_restart_forgets_nothing() {
    let mut site = Site::new();
    site.ask(&["1 1 / 200 437", "1 2 /.env 200 501"]);
    site.restart();
    assert_eq!(
        site.ask(&["2 2 /.env 200 437", "3 2 /.git/config 200 501"]),
        [COMMON, COMMON]
    );
}

#[test]
fn the_indicator_says_why_it_is_no_exposure() {
    let mut site = Site::new();
    site.ask(&["1 1 / 200 437", "2 2 /.env 200 437"]);
    site.restart();
    let indicator = site.fold.find("203.0.114.2").unwrap();
    assert_eq!(indicator.class, Class::Probe);
    assert!(
        indicator
            .evidence
            .iter()
            .any(|line| line.note == Some(crate::event::COMMON_PAGE)),
        "{indicator:?}"
    );
}

#[test]
fn hosts_are_bounded_and_rows_of_forgotten_ones_are_deleted() {
    let mut pages = Pages::new(true);
    let answer = |host: u64| Answer {
        host,
        size: 437,
        time: Time::from_secs(1_700_000_000).unwrap(),
        asked: Asked::Front,
    };
    let mut rows = std::collections::BTreeMap::new();
    for host in 0..40_000 {
        pages.is_common(&answer(host));
        // One host is met all the time.
        pages.is_common(&answer(7));
        for State { key, value, .. } in pages.drain_dirty() {
            match value {
                Some(value) => drop(rows.insert(key, value)),
                None => drop(rows.remove(&key)),
            }
        }
    }
    assert!(pages.hosts.len() + pages.older.len() <= 2 * MAX_HOSTS);
    assert_eq!(rows.len(), pages.hosts.len() + pages.older.len());
    assert!(rows.contains_key(&row_key(7)));
    assert!(!rows.contains_key(&row_key(8)));
    let mut again = Pages::new(true);
    let states: Vec<State> = rows
        .iter()
        .map(|(key, value)| State::other(key.clone(), Some(value.clone())))
        .collect();
    assert_eq!(again.restore(&states), 0);
    assert_eq!(again.restore(&[State::other(row_key(1), Some(vec![9, 9]))]), 1);
    assert_eq!(again.drain_dirty().len(), 1);
}

#[test]
fn a_host_remembers_little() {
    let mut host = Host::default();
    for size in 0..10_000 {
        host.see_page(size, Time::from_nanos(size as i64));
        let answer = Answer {
            host: 0,
            size,
            time: Time::default(),
            asked: Asked::Front,
        };
        host.judge(&answer, size, size);
    }
    assert_eq!((host.pages.len(), host.answers.len()), (MAX_PAGES, MAX_ANSWERS));
    assert_eq!(Host::read(&host.row()), Some(host));
}
