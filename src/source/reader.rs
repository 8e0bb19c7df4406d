//! Reads one file from an offset to its end, as batches. Used by [`super::replay`].

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::decode::Decoder;
use super::discover::Found;
use super::frame::{Framed, Framer};
use super::identity::{HASHED_BYTES, Head, Trail};
use super::probe::{Probe, pass, read_before};
use super::spec::Trouble;
use super::{Batch, Cursor};
use crate::text::of_path;

/// Most bytes decoded at once.
const READ_BYTES: usize = 256 << 10;
/// After so many bytes without a line the reader gives a batch without one: a hole or an archive of zeros may be
/// endless, and whoever reads wants to look for signals.
const QUIET_BYTES: u64 = 4 << 20;

/// A file being read.
pub struct FileReader {
    file: Arc<str>,
    log: u32,
    decoder: Decoder<Box<dyn Read + Send>>,
    framer: Framer,
    head: Head,
    cursor: Cursor,
    room: usize,
    take_rest: bool,
    /// Give lines as soon as they come: a pipe.
    eager: bool,
    ended: bool,
    /// Told after the lines before it.
    trouble: Option<Trouble>,
}

impl FileReader {
    /// A reader of a file from `cursor.offset` on.
    ///
    /// # Errors
    /// Whatever the system says to reading; an archive that ends before the offset.
    pub fn file(
        found: &Found,
        probe: Probe,
        cursor: &Cursor,
        log: u32,
        cap: usize,
        room: usize,
    ) -> io::Result<Self> {
        let offset = cursor.offset;
        let cursor = Cursor {
            path: found.path.clone(),
            device: probe.key.device,
            inode: probe.key.inode,
            modified_nanos: probe.modified_nanos,
            finished: false,
            ..cursor.clone()
        };
        let (decoder, trail) = position(probe.file, probe.direct, offset)?;
        Ok(Self {
            file: of_path(&found.path).into(),
            log,
            decoder,
            framer: Framer::new(cap, offset, trail),
            head: probe.head,
            cursor,
            room,
            take_rest: true,
            eager: false,
            ended: false,
            trouble: None,
        })
    }

    /// A reader of a FIFO, a device or (`-`) standard input.
    ///
    /// # Errors
    /// Whatever the system says to opening it.
    pub fn stream(path: &Path, log: u32, cap: usize, room: usize) -> io::Result<Self> {
        let input: Box<dyn Read + Send> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path)?)
        };
        Ok(Self {
            file: of_path(path).into(),
            log,
            decoder: Decoder::new(input),
            framer: Framer::new(cap, 0, Trail::default()),
            head: Head::default(),
            cursor: Cursor {
                path: path.into(),
                ..Cursor::default()
            },
            room,
            take_rest: true,
            eager: true,
            ended: false,
            trouble: None,
        })
    }

    /// Whether an unterminated last line is taken.
    #[must_use]
    pub fn taking_rest(mut self, take_rest: bool) -> Self {
        self.take_rest = take_rest;
        self
    }

    /// Takes back the buffer of a batch that is used up.
    pub fn reuse(&mut self, bytes: Vec<u8>) {
        self.framer.reuse(bytes);
    }

    /// Bytes read from disk so far.
    pub fn raw_bytes(&self) -> u64 {
        self.decoder.raw_bytes()
    }

    /// How far it is read, by the lines given.
    pub fn cursor(&self) -> Cursor {
        let mut cursor = self.cursor.clone();
        self.stamp(&mut cursor, self.framer.taken(), self.framer.proof());
        cursor.finished = self.ended && self.take_rest;
        cursor
    }

    /// A batch without lines that carries the cursor.
    pub fn empty_batch(&self) -> Batch {
        let cursor = self.cursor();
        Batch {
            file: self.file.clone(),
            log: self.log,
            base: cursor.offset,
            cursor,
            ..Batch::default()
        }
    }

    /// The next batch; an `Err` is the last item.
    #[expect(clippy::should_implement_trait, reason = "not meant to be adapted")]
    pub fn next(&mut self) -> Option<Result<Batch, Trouble>> {
        let begun = self.framer.position();
        loop {
            if let Some(framed) = self.framer.take() {
                return Some(Ok(self.batch(framed)));
            }
            if let Some(trouble) = self.trouble.take() {
                return Some(Err(trouble));
            }
            if self.ended {
                let rest = if self.take_rest {
                    self.framer.take_rest()
                } else {
                    None
                };
                return rest.map(|framed| Ok(self.batch(framed)));
            }
            if self.framer.position() - begun >= QUIET_BYTES {
                return Some(Ok(self.empty_batch()));
            }
            self.fill();
        }
    }

    /// Reads until a batch is full, the file ends or is broken.
    fn fill(&mut self) {
        let begun = self.framer.position();
        if !self.eager {
            self.framer.reserve(self.room + READ_BYTES);
        }
        while self.framer.position() - begun < self.room as u64 {
            let decoder = &mut self.decoder;
            match self
                .framer
                .fill(READ_BYTES.min(self.room), |room| decoder.read(room))
            {
                Ok(0) => {
                    self.ended = true;
                    return;
                }
                Ok(_) if self.eager => return,
                Ok(_) => {}
                Err(fault) => {
                    let path = &self.cursor.path;
                    let trouble = Trouble::new(path, fault.what()).hint(fault.hint());
                    self.trouble = Some(trouble.at(self.framer.position()));
                    self.ended = true;
                    self.take_rest = false;
                    return;
                }
            }
        }
    }

    fn batch(&mut self, framed: Framed) -> Batch {
        self.head.feed(framed.base, &framed.bytes);
        let mut cursor = self.cursor.clone();
        self.stamp(&mut cursor, framed.end, framed.proof);
        Batch::of(framed, &self.file, self.log, cursor)
    }

    fn stamp(&self, cursor: &mut Cursor, offset: u64, proof: (u32, u64)) {
        (cursor.head_len, cursor.head_hash) = self.head.identity();
        (cursor.proof_len, cursor.proof_hash) = proof;
        cursor.offset = offset;
    }
}

/// A decoder that stands at `offset`, and the bytes before it.
fn position(file: File, direct: bool, offset: u64) -> io::Result<(Decoder<Box<dyn Read + Send>>, Trail)> {
    if direct && offset > 0 {
        let mut trail = Trail::default();
        trail.push(&read_before(&file, offset, HASHED_BYTES)?.unwrap_or_default());
        return Ok((Decoder::plain(Box::new(file)), trail));
    }
    (&file).seek(SeekFrom::Start(0))?;
    let mut decoder = Decoder::new(Box::new(file) as Box<dyn Read + Send>);
    let trail = pass(&mut decoder, offset)
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "ends before the stored offset"))?;
    Ok((decoder, trail))
}
