//! Telling: what a user should know of the logs, each thing once.
//!
//! Nothing is decided here. Next: `super`, whose `Polled` carries it.

use std::path::Path;

use super::Follower;
use crate::source::discover::Scan;
use crate::source::spec::{Notice, Trouble};

/// So many things told are remembered, for each to be told once; beyond that they may be told again.
const TOLD: usize = 10_000;

impl Follower {
    /// Says what was skipped and what is missing, once.
    pub(super) fn tell(&mut self, scan: &Scan) {
        for notice in &scan.notices {
            self.notice(&notice.path, &notice.what);
        }
        for trouble in &scan.troubles {
            if trouble.what.starts_with("no such file") {
                self.notice(&trouble.path, "not there yet, waiting for it");
            } else {
                self.trouble(trouble.clone());
            }
        }
    }

    pub(super) fn notice(&mut self, path: &Path, what: &str) {
        let notice = Notice {
            path: path.into(),
            what: what.into(),
        };
        if self.is_news(notice.to_string()) {
            self.out.notices.push(notice);
        }
    }

    pub(super) fn trouble(&mut self, trouble: Trouble) {
        if self.is_news(trouble.to_string()) {
            self.out.troubles.push(trouble);
        }
    }

    /// Notes what is told; false when it was told before.
    pub(super) fn is_news(&mut self, text: String) -> bool {
        if self.told.len() >= TOLD {
            self.told.clear();
        }
        self.told.insert(text)
    }
}
