//! Framing: decoded bytes to lines. Any chunking of the same bytes gives the same lines.
//!
//! A line ends at `\n` or `\r\n`. One longer than the cap is cut there and marked, and the rest of it is passed
//! over without being held. Zero bytes before a line (a tail that a power cut left) are no part of it, and a run of
//! [`NUL_RUN`] or more inside one parts it in two. A UTF-8 byte order mark at the very start is left out.
//! Must not know of files; next: [`super::identity`].

use fearless_simd::Level;
use memchr::memchr;

use super::Line;
use super::identity::Trail;

mod ends;
mod held;

use ends::Ends;
use held::Held;

/// So many zero bytes in a row are a hole in the file, not part of a line.
pub const NUL_RUN: usize = 8;
/// About so many lines are given at once: a line costs memory beyond its bytes, and empty ones have hardly any.
pub const MAX_LINES: usize = 32 << 10;
/// UTF-8's byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Collects bytes and gives whole lines.
#[derive(Debug)]
pub struct Framer {
    cap: usize,
    /// Bytes not yet given, from the start of a line on.
    bytes: Held,
    /// Offset of `bytes[0]` in the stream.
    base: u64,
    /// No newline stands before this index of `bytes`.
    scanned: usize,
    /// What the processor can do.
    level: Level,
    /// Set while an over-long line is passed over: `bytes` then holds its first `cap` bytes.
    overlong: Option<Overlong>,
    /// An over-long line that ended.
    ready: Option<Framed>,
    /// Offset after the last line given.
    taken: u64,
    /// The bytes before `taken`.
    trail: Trail,
    /// The bytes between `taken` and `base`: zero bytes that were let go, and a mark.
    passed: Trail,
}

/// What was let go of a line after its first `cap` bytes.
#[derive(Debug, Default)]
struct Overlong {
    len: u64,
    trail: Trail,
}

/// Whole lines and the bytes they stand in.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Framed {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Offset of `bytes[0]` in the stream.
    pub base: u64,
    /// The lines.
    pub lines: Vec<Line>,
    /// Offset after the last line, where reading would go on.
    pub end: u64,
    /// Number and hash of the bytes before `end`.
    pub proof: (u32, u64),
}

impl Framer {
    /// A framer for a stream from `offset` on, `trail` being the bytes before it.
    pub fn new(cap: usize, offset: u64, trail: Trail) -> Self {
        Self {
            cap: cap.max(NUL_RUN),
            bytes: Held::default(),
            base: offset,
            scanned: 0,
            level: Level::new(),
            overlong: None,
            ready: None,
            taken: offset,
            trail,
            passed: Trail::default(),
        }
    }

    /// Offset after the last line given.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Offset after the last byte that came.
    pub fn position(&self) -> u64 {
        self.base + self.bytes.len() as u64 + self.overlong.as_ref().map_or(0, |over| over.len)
    }

    /// Number and hash of the bytes before [`Framer::taken`].
    pub fn proof(&self) -> (u32, u64) {
        self.trail.proof()
    }

    /// Number of bytes that wait for the rest of their line.
    pub fn waiting(&self) -> u64 {
        self.position() - self.taken
    }

    /// Makes room for so many bytes at once.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Takes back a buffer that was given and is used up.
    pub fn reuse(&mut self, bytes: Vec<u8>) {
        self.bytes.reuse(bytes);
    }

    /// Lets `fill` write up to `room` bytes at the end; it says how many it wrote.
    ///
    /// # Errors
    /// Whatever `fill` returns; no byte is taken then.
    pub fn fill<E>(
        &mut self,
        room: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let held = self.bytes.len();
        let result = self.bytes.fill(room, fill);
        self.pass_over(held);
        result
    }

    /// Adds bytes at the end.
    pub fn push(&mut self, bytes: &[u8]) {
        let held = self.bytes.len();
        self.bytes.push(bytes);
        self.pass_over(held);
    }

    /// Whole lines that came; to be called until it gives `None`.
    pub fn take(&mut self) -> Option<Framed> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        if self.overlong.is_some() {
            return None;
        }
        // About as many lines as there are; more of them cost a copy.
        let mut lines = Vec::with_capacity((self.bytes.len() / 128).min(MAX_LINES));
        let mut start = 0;
        let mut from = self.scanned;
        let mut ends = Ends::new(self.level, from);
        while let Some(end) = ends.next(&self.bytes) {
            let stop = self.without_return(start, end);
            let holed = ends.is_zero_before(end);
            if holed || from > start || !self.is_ordinary(start, stop) {
                self.frame(&mut lines, start, stop, true);
            } else {
                lines.push(line(start, stop));
            }
            if holed {
                ends.pass_zeros(&self.bytes, end);
            }
            start = end + 1;
            from = start;
            if lines.len() >= MAX_LINES {
                self.scanned = 0;
                return self.give(lines, start, 0);
            }
        }
        start = self.part_at_hole(&mut lines, start);
        let framed = self.give(lines, start, 0);
        self.scanned = self.bytes.len();
        self.let_go();
        framed
    }

    /// The unterminated last line; to be called after [`Framer::take`] gave `None`.
    pub fn take_rest(&mut self) -> Option<Framed> {
        let mut lines = Vec::new();
        let end = self.without_return(0, self.bytes.len());
        let over = self.overlong.take();
        self.frame(&mut lines, 0, end, false);
        if over.is_some() {
            mark_cut(&mut lines);
        }
        if lines.is_empty() {
            return None;
        }
        let over = over.unwrap_or_default();
        self.give_over(lines, &over)
    }

    /// While an over-long line is passed over: lets go of what came from index `held` on, up to its end.
    fn pass_over(&mut self, held: usize) {
        let Some(mut over) = self.overlong.take() else {
            return;
        };
        let fresh = self.bytes.get(held..).unwrap_or_default();
        let Some(found) = memchr(b'\n', fresh) else {
            over.len += fresh.len() as u64;
            over.trail.push(fresh);
            self.bytes.truncate(held);
            self.overlong = Some(over);
            return;
        };
        let rest = fresh.get(found + 1..).unwrap_or_default().to_vec();
        over.len += found as u64 + 1;
        over.trail.push(fresh.get(..=found).unwrap_or_default());
        self.bytes.truncate(held);
        let mut lines = Vec::new();
        self.frame(&mut lines, 0, held, false);
        mark_cut(&mut lines);
        self.ready = self.give_over(lines, &over);
        self.bytes.truncate(0);
        self.bytes.push(&rest);
    }

    /// Hands out all of `bytes`, and moves on over what was let go after them.
    fn give_over(&mut self, lines: Vec<Line>, over: &Overlong) -> Option<Framed> {
        let framed = self.give(lines, self.bytes.len(), over.len);
        self.trail.push(over.trail.bytes());
        self.scanned = 0;
        framed.map(|framed| Framed {
            end: self.taken,
            proof: self.trail.proof(),
            ..framed
        })
    }

    /// Hands out `bytes[..end]` with the lines in it, and moves on over it and `beyond` more.
    fn give(&mut self, lines: Vec<Line>, end: usize, beyond: u64) -> Option<Framed> {
        if end == 0 {
            return None;
        }
        let bytes = self.bytes.give(end);
        let base = self.base;
        self.base += end as u64 + beyond;
        self.taken = self.base;
        self.trail.push(std::mem::take(&mut self.passed).bytes());
        self.trail.push(&bytes);
        Some(Framed {
            bytes,
            base,
            lines,
            end: self.taken,
            proof: self.trail.proof(),
        })
    }

    /// While more than a line's worth of bytes waits and the cap falls into a hole: what stands before the hole is
    /// a line. Gives the index after it.
    fn part_at_hole(&self, lines: &mut Vec<Line>, mut start: usize) -> usize {
        loop {
            let line = self.begin_of_line(start);
            if self.bytes.len() <= line + self.cap + 1 || !self.is_hole_before(line + self.cap) {
                return start;
            }
            self.part(lines, line, line + self.cap);
            start = line + self.cap;
        }
    }

    /// Lets go of zero bytes before a line, and a mark, and of all but the first bytes of an over-long one.
    fn let_go(&mut self) {
        let before = self.begin_of_line(0);
        if before > 0 {
            self.passed.push(self.bytes.get(..before).unwrap_or_default());
            self.bytes.let_go(before);
            self.base += before as u64;
        }
        if self.bytes.len() > self.cap + 1 {
            let mut over = Overlong::default();
            let rest = self.bytes.get(self.cap..).unwrap_or_default();
            over.len = rest.len() as u64;
            over.trail.push(rest);
            self.bytes.truncate(self.cap);
            self.overlong = Some(over);
        }
        self.scanned = self.bytes.len();
    }

    /// Whether bytes without a zero among them are one line as they stand: not empty, not too long, without a mark.
    fn is_ordinary(&self, start: usize, end: usize) -> bool {
        start < end && end - start <= self.cap && self.base + start as u64 > 0
    }

    /// Adds the line or lines in `bytes[start..end]`; a terminated empty one counts.
    fn frame(&self, lines: &mut Vec<Line>, start: usize, end: usize, terminated: bool) {
        let mut start = self.after_mark(start, end);
        loop {
            start = self.skip_zeros(start, end);
            if start == end && terminated {
                lines.push(line(start, end));
            }
            if start == end {
                return;
            }
            if end - start <= self.cap {
                return self.part(lines, start, end);
            }
            let cut = start + self.cap;
            self.part(lines, start, cut);
            if !self.is_hole_before(cut) {
                return mark_cut(lines);
            }
            start = cut;
        }
    }

    /// Adds what stands in `bytes[start..end]`, parted where there are holes.
    fn part(&self, lines: &mut Vec<Line>, start: usize, end: usize) {
        let mut from = start;
        let mut line_start = start;
        while let Some(found) = memchr(0, self.bytes.get(from..end).unwrap_or_default()) {
            let hole = from + found;
            from = self.skip_zeros(hole, end);
            if from - hole >= NUL_RUN || from == end {
                lines.push(line(line_start, hole));
                line_start = from;
            }
        }
        if line_start < end {
            lines.push(line(line_start, end));
        }
    }

    /// Index of the first byte of the line whose first bytes wait from `start` on: behind a mark and zero bytes.
    fn begin_of_line(&self, start: usize) -> usize {
        let end = self.bytes.len();
        self.skip_zeros(self.after_mark(start, end), end)
    }

    /// Index of the first byte from `start` on that is not zero, at most `end`.
    fn skip_zeros(&self, start: usize, end: usize) -> usize {
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        start + bytes.iter().take_while(|&&byte| byte == 0).count()
    }

    fn is_hole_before(&self, end: usize) -> bool {
        let run = self
            .bytes
            .get(end.saturating_sub(NUL_RUN)..end)
            .unwrap_or_default();
        run.len() == NUL_RUN && run.iter().all(|&byte| byte == 0)
    }

    /// `end` without a carriage return before it.
    fn without_return(&self, start: usize, end: usize) -> usize {
        match self.bytes.get(start..end) {
            Some([.., b'\r']) => end - 1,
            _ => end,
        }
    }

    /// `start` after a byte order mark at the very beginning of the stream.
    fn after_mark(&self, start: usize, end: usize) -> usize {
        let marked = self.base + start as u64 == 0
            && self
                .bytes
                .get(start..end)
                .is_some_and(|bytes| bytes.starts_with(MARK));
        if marked { start + MARK.len() } else { start }
    }
}

fn line(start: usize, end: usize) -> Line {
    Line {
        start: start as u32,
        len: (end - start) as u32,
        cut: false,
    }
}

fn mark_cut(lines: &mut [Line]) {
    if let Some(last) = lines.last_mut() {
        last.cut = true;
    }
}

#[cfg(test)]
mod tests;
