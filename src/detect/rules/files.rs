//! Reads rule files side by side: what takes longest of starting is reading a thousand regular expressions, and no file
//! needs another one for that. The result is that of reading them one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::link::Documents;
use super::{Problems, document};
use crate::detect::rule_text::RuleText;

/// More threads than this are not worth their start.
const MAX_THREADS: usize = 8;
/// Less text than this, in bytes, is read at once.
const SMALL_BYTES: usize = 32 << 10;

/// What stands in one file.
pub type Read = (Documents, Problems);

/// Every file, in the order given.
pub fn read(texts: &[RuleText]) -> Vec<Read> {
    let bytes: usize = texts.iter().map(|text| text.text.len()).sum();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(MAX_THREADS).min(texts.len());
    if threads < 2 || bytes < SMALL_BYTES {
        return texts.iter().map(one).collect();
    }
    let next = AtomicUsize::new(0);
    let mut all: Vec<(usize, Read)> = thread::scope(|scope| {
        let readers: Vec<_> = (1..threads).map(|_| scope.spawn(|| some(texts, &next))).collect();
        let mut all = some(texts, &next);
        for reader in readers {
            // A panic of a reader is one of ours.
            all.extend(
                reader
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, read)| read).collect()
}

/// The files that this thread comes to first.
fn some(texts: &[RuleText], next: &AtomicUsize) -> Vec<(usize, Read)> {
    let mine = std::iter::from_fn(|| {
        let at = next.fetch_add(1, Ordering::Relaxed);
        Some((at, one(texts.get(at)?)))
    });
    mine.collect()
}

fn one(text: &RuleText) -> Read {
    let mut documents = Documents::default();
    let mut problems = Problems::new(Arc::clone(&text.name));
    document::read(&text.text, &mut documents, &mut problems);
    (documents, problems)
}
