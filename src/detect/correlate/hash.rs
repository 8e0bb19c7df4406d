//! Window keys, counted values and names of hosts as numbers that stay the same over restarts and machines.
//!
//! An attacker writes the texts that are hashed and can read this file, so the hash must hold without a secret:
//! SHA-256, cut to what is needed. Parts are framed by their length ([`Frame`]), so `ab`+`c` is not `a`+`bc`.
//! Logs repeat themselves, so a small [`Memo`] by text spares most of the work. An address alone needs no hash, it
//! fits as it is (see `tick`).

use std::hash::BuildHasher;

use sha2::{Digest, Sha256};

/// Parts, framed, in one buffer that is used again.
#[derive(Debug, Default)]
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// One part.
    pub fn part(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// One part, its ASCII letters in lower case.
    pub fn folded(&mut self, bytes: &[u8]) {
        let from = self.0.len();
        self.part(bytes);
        self.0
            .iter_mut()
            .skip(from + 8)
            .for_each(u8::make_ascii_lowercase);
    }

    /// A part that is absent, which is not the same as empty.
    pub fn absent(&mut self) {
        self.0.extend_from_slice(&u64::MAX.to_be_bytes());
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The parts as 128 bits.
    pub fn digest(&self) -> u128 {
        digest(&self.0)
    }
}

fn digest(bytes: &[u8]) -> u128 {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .take(16)
        .fold(0, |hash, &byte| (hash << 8) | u128::from(byte))
}

/// Slots of a [`Memo`]; a power of two.
const SLOTS: usize = 1024;
/// The longest bytes that are remembered: at most 0.5 MiB a thread in all.
const LONGEST: usize = 512;

/// Remembers digests of bytes seen lately. It changes the cost and never the result.
#[derive(Debug)]
pub(crate) struct Memo {
    slots: Vec<(Vec<u8>, u128)>,
    hasher: foldhash::fast::RandomState,
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            slots: vec![(Vec::new(), digest(&[])); SLOTS],
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl Memo {
    /// The digest of these bytes.
    pub fn digest(&mut self, bytes: &[u8]) -> u128 {
        let at = self.hasher.hash_one(bytes) as usize % SLOTS;
        match self.slots.get_mut(at) {
            Some((known, hash)) if known == bytes => *hash,
            Some((known, hash)) if bytes.len() <= LONGEST => {
                known.clear();
                known.extend_from_slice(bytes);
                *hash = digest(bytes);
                *hash
            }
            _ => digest(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parts: &[Option<&str>]) -> Frame {
        let mut frame = Frame::default();
        for part in parts {
            match part {
                Some(part) => frame.part(part.as_bytes()),
                None => frame.absent(),
            }
        }
        frame
    }

    #[test]
    fn parts_do_not_run_together() {
        let all = [
            frame(&[Some("ab"), Some("c")]).digest(),
            frame(&[Some("a"), Some("bc")]).digest(),
            frame(&[Some("abc")]).digest(),
            frame(&[Some("abc"), None]).digest(),
            frame(&[Some("abc"), Some("")]).digest(),
            frame(&[]).digest(),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one));
        }
    }

    #[test]
    fn stored_state_relies_on_this_being_sha_256() {
        // SHA-256 of nothing, as FIPS 180-4's examples give it.
        assert_eq!(frame(&[]).digest(), 0xe3b0_c442_98fc_1c14_9afb_f4c8_996f_b924);
    }

    #[test]
    fn the_memo_never_changes_a_digest() {
        let mut memo = Memo::default();
        for round in 0..3 {
            for n in 0..5_000 {
                let text = format!("/path/{n}{}", "x".repeat(n % 700));
                assert_eq!(memo.digest(text.as_bytes()), digest(text.as_bytes()), "{round}");
            }
        }
        assert_eq!(memo.digest(b""), digest(b""));
    }
}
