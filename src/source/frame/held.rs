//! [`Held`]: the bytes that wait for the rest of their line, at the front of a buffer that serves again and again.
//!
//! A buffer that comes back is used as it is: what stands behind the held bytes is old, and is overwritten before it
//! is read, so that it need not be zeroed each time. The largest buffer is the one that is filled, so that a reader
//! whose batches come back at once works in one piece of memory. Used by [`super::Framer`] alone.

use std::ops::Deref;

/// Bytes in a buffer, and another buffer for those to come.
#[derive(Debug, Default)]
pub(super) struct Held {
    buffer: Vec<u8>,
    /// So many bytes of the buffer are held.
    len: usize,
    spare: Vec<u8>,
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Held {
    /// Makes room for so many bytes at once.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.take_largest();
        let wanted = self.len.saturating_add(bytes);
        self.buffer.reserve(wanted.saturating_sub(self.buffer.len()));
    }

    /// Takes back a buffer that is used up.
    pub(super) fn reuse(&mut self, buffer: Vec<u8>) {
        self.spare = buffer;
    }

    /// Lets `fill` write up to `room` bytes at the end; it says how many it wrote.
    pub(super) fn fill<E>(
        &mut self,
        room: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.take_largest();
        let end = self.len + room;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        let result = fill(self.buffer.get_mut(self.len..end).unwrap_or_default());
        self.len += result.as_ref().map_or(0, |count| (*count).min(room));
        result
    }

    /// Adds bytes at the end.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        put(&mut self.buffer, self.len, bytes);
        self.len += bytes.len();
    }

    /// Forgets all but the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Forgets the first `count` bytes.
    pub(super) fn let_go(&mut self, count: usize) {
        let count = count.min(self.len);
        self.buffer.copy_within(count..self.len, 0);
        self.len -= count;
    }

    /// Hands out the first `end` bytes in their buffer and keeps those behind them.
    pub(super) fn give(&mut self, end: usize) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.spare);
        let behind = self.get(end..).unwrap_or_default();
        put(&mut rest, 0, behind);
        self.len = behind.len();
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(end);
        bytes
    }

    /// Moves what is held, mostly the beginning of a line, to the spare buffer where that is the larger one.
    fn take_largest(&mut self) {
        if self.spare.capacity() > self.buffer.capacity() {
            let held = self.buffer.get(..self.len).unwrap_or_default();
            put(&mut self.spare, 0, held);
            std::mem::swap(&mut self.buffer, &mut self.spare);
        }
    }
}

/// Writes bytes to a place in a buffer, which grows where it must.
fn put(buffer: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    match buffer.get_mut(at..at + bytes.len()) {
        Some(place) => place.copy_from_slice(bytes),
        None => {
            buffer.truncate(at);
            buffer.extend_from_slice(bytes);
        }
    }
}
