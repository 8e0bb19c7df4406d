//! From packed bytes to plain ones: sniffs the coding, strings members together, tells a clean end from a torn one.

use std::io::{self, Read};

use super::codec::Codec;
use super::{Coding, Fault, hand_on};

/// Bytes read from a compressed file at once.
const INPUT_BYTES: usize = 64 << 10;
/// Bytes needed to know any coding: the length of xz's magic.
const MAGIC_BYTES: usize = 6;

/// Reads `inner` and undoes its coding.
pub(super) struct Unpack<R> {
    inner: R,
    /// Bytes read and not yet decoded are `input[start..]`.
    input: Vec<u8>,
    start: usize,
    raw_bytes: u64,
    coding: Option<Coding>,
    codec: Codec,
    /// In the middle of a member: the end of the input would be a truncation.
    inside: bool,
    /// Found together with the last bytes given; told at the next call.
    fault: Option<Fault>,
}

impl<R: Read> Unpack<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            input: Vec::new(),
            start: 0,
            raw_bytes: 0,
            coding: None,
            codec: Codec::None,
            inside: false,
            fault: None,
        }
    }

    pub(super) fn plain(inner: R) -> Self {
        Self {
            coding: Some(Coding::Plain),
            ..Self::new(inner)
        }
    }

    pub(super) fn coding(&self) -> Option<Coding> {
        self.coding
    }

    pub(super) fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    pub(super) fn inner(&self) -> &R {
        &self.inner
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if out.is_empty() {
            return Ok(0);
        }
        if self.coding.is_none() {
            self.learn()?;
        }
        match self.coding {
            None => Ok(0),
            Some(Coding::Plain) => self.read_plain(out),
            Some(Coding::Unsupported(name)) => Err(Fault::Unsupported(name)),
            Some(coding) => self.read_packed(coding, out),
        }
    }

    /// Learns the coding from the first bytes; leaves it open while there are none.
    fn learn(&mut self) -> Result<(), Fault> {
        self.fill_to(MAGIC_BYTES)?;
        if self.pending().is_empty() {
            return Ok(());
        }
        let coding = Coding::sniff(self.pending()).unwrap_or(Coding::Plain);
        self.codec = Codec::new(coding)?;
        self.inside = coding.is_packed();
        self.coding = Some(coding);
        Ok(())
    }

    fn read_plain(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if !self.input.is_empty() {
            self.input.drain(..self.start.min(self.input.len()));
            self.start = 0;
            let count = hand_on(&mut self.input, out);
            if self.input.is_empty() {
                self.input = Vec::new();
            }
            return Ok(count);
        }
        let count = read_some(&mut self.inner, out).map_err(Fault::Io)?;
        self.raw_bytes += count as u64;
        Ok(count)
    }

    fn read_packed(&mut self, coding: Coding, out: &mut [u8]) -> Result<usize, Fault> {
        loop {
            if let Some(fault) = self.fault.take() {
                return Err(fault);
            }
            if !self.inside && !self.next_member(coding)? {
                return Ok(0);
            }
            self.fill_to(1)?;
            let at_end = self.pending().is_empty();
            let input = self.input.get(self.start..).unwrap_or_default();
            let step = self.codec.step(input, out, at_end);
            self.start += step.consumed;
            self.inside = !step.member_ended;
            self.fault = step.fault;
            if step.produced > 0 {
                return Ok(step.produced);
            }
            let stuck = self.inside && step.consumed == 0 && self.fault.is_none();
            if stuck && (at_end || !self.fill_more()?) {
                return Err(Fault::Truncated(coding));
            }
        }
    }

    /// After a member: zero padding is passed over, another member begun, anything else is a fault.
    fn next_member(&mut self, coding: Coding) -> Result<bool, Fault> {
        loop {
            self.fill_to(MAGIC_BYTES)?;
            let pending = self.pending();
            let zeros = pending.iter().take_while(|&&byte| byte == 0).count();
            if pending.is_empty() {
                return Ok(false);
            }
            if zeros == 0 {
                break;
            }
            self.start += zeros;
        }
        match Coding::sniff(self.pending()) {
            Some(next) if next == coding => {
                self.codec = Codec::new(coding)?;
                self.inside = true;
                Ok(true)
            }
            None => Err(Fault::Truncated(coding)),
            _ => Err(Fault::Corrupt(coding, String::from("other data after its end"))),
        }
    }

    fn pending(&self) -> &[u8] {
        self.input.get(self.start..).unwrap_or_default()
    }

    /// Reads until `count` bytes are pending or the input ends.
    fn fill_to(&mut self, count: usize) -> Result<(), Fault> {
        while self.pending().len() < count && self.fill_more()? {}
        Ok(())
    }

    /// Reads once; false at the end of the input.
    fn fill_more(&mut self) -> Result<bool, Fault> {
        self.input.drain(..self.start.min(self.input.len()));
        self.start = 0;
        let held = self.input.len();
        self.input.resize(held + INPUT_BYTES, 0);
        let result = read_some(&mut self.inner, self.input.get_mut(held..).unwrap_or_default());
        let count = *result.as_ref().unwrap_or(&0);
        self.input.truncate(held + count);
        self.raw_bytes += count as u64;
        result.map(|count| count > 0).map_err(Fault::Io)
    }
}

/// Reads once, and again when a signal came between.
fn read_some(inner: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match inner.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
