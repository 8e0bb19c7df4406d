//! Streams: standard input, FIFOs and devices, each read by a thread of its own because reading them blocks.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use super::watch::Waker;
use crate::source::decode::Decoder;
use crate::source::frame::{Framed, Framer};
use crate::source::identity::Trail;
use crate::source::spec::Trouble;
use crate::source::{Batch, Cursor};

/// Most bytes handed over at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How many chunks may wait; then the writer waits.
const CHUNKS: usize = 4;
/// After an opened FIFO ended at once, how long until it is opened again.
const REOPEN: Duration = Duration::from_millis(50);

/// What the reading thread says.
enum Said {
    Bytes(Vec<u8>),
    /// A writer closed a FIFO: what it left unterminated is a line.
    Pause,
    End,
    Fault(String, String),
}

/// A stream and the lines of it.
pub(super) struct Stream {
    pub(super) path: PathBuf,
    file: Arc<str>,
    log: u32,
    said: Receiver<Said>,
    framer: Framer,
    ended: bool,
}

impl Stream {
    /// Starts to read.
    pub(super) fn start(path: &Path, log: u32, cap: usize, waker: Waker) -> Self {
        let (sender, said) = sync_channel(CHUNKS);
        let input = path.to_path_buf();
        let spawned = std::thread::Builder::new()
            .name(String::from("afw-stream"))
            .spawn(move || read_stream(&input, &sender, &waker));
        Self {
            path: path.into(),
            file: crate::text::of_path(path).into(),
            log,
            said,
            framer: Framer::new(cap, 0, Trail::default()),
            ended: spawned.is_err(),
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Bytes of lines given so far.
    pub(super) fn offset(&self) -> u64 {
        self.framer.taken()
    }

    /// Takes what came, up to about `room` bytes; false when more is waiting.
    pub(super) fn poll(
        &mut self,
        room: usize,
        batches: &mut Vec<Batch>,
        troubles: &mut Vec<Trouble>,
    ) -> bool {
        let begun = self.framer.position();
        let mut caught_up = false;
        while self.framer.position() - begun < room as u64 && !caught_up {
            match self.said.try_recv() {
                Ok(Said::Bytes(bytes)) => self.framer.push(&bytes),
                Ok(Said::Pause) => self.give_rest(batches),
                Ok(Said::End) | Err(TryRecvError::Disconnected) => {
                    self.give_rest(batches);
                    self.ended = true;
                    caught_up = true;
                }
                Ok(Said::Fault(what, hint)) => {
                    self.give(batches);
                    troubles.push(
                        Trouble::new(&self.path, what)
                            .hint(hint)
                            .at(self.framer.position()),
                    );
                }
                Err(TryRecvError::Empty) => caught_up = true,
            }
        }
        self.give(batches);
        caught_up
    }

    fn give(&mut self, batches: &mut Vec<Batch>) {
        while let Some(framed) = self.framer.take() {
            batches.push(self.batch(framed));
        }
    }

    fn give_rest(&mut self, batches: &mut Vec<Batch>) {
        self.give(batches);
        if let Some(framed) = self.framer.take_rest() {
            batches.push(self.batch(framed));
        }
    }

    fn batch(&self, framed: Framed) -> Batch {
        let cursor = Cursor {
            path: self.path.clone(),
            offset: framed.end,
            ..Cursor::default()
        };
        Batch::of(framed, &self.file, self.log, cursor)
    }
}

/// Reads until the end, or for ever where writers come and go. Ends when nobody listens any more.
fn read_stream(path: &Path, sender: &SyncSender<Said>, waker: &Waker) {
    let say = |said: Said| {
        let heard = sender.send(said).is_ok();
        waker.wake();
        heard
    };
    if path == Path::new("-") {
        if copy(std::io::stdin().lock(), &say) {
            say(Said::End);
        }
        return;
    }
    loop {
        match std::fs::File::open(path) {
            Err(error) => {
                let trouble = Trouble::io(path, &error);
                say(Said::Fault(trouble.what, trouble.hint.unwrap_or_default()));
                say(Said::End);
                return;
            }
            Ok(file) => {
                let fifo = file.metadata().is_ok_and(|meta| is_fifo(&meta));
                if !copy(file, &say) || !say(if fifo { Said::Pause } else { Said::End }) || !fifo {
                    return;
                }
                std::thread::sleep(REOPEN);
            }
        }
    }
}

/// Hands on all bytes of a reader; false when nobody listens any more.
fn copy(reader: impl Read, say: &impl Fn(Said) -> bool) -> bool {
    let mut decoder = Decoder::new(reader);
    let mut room = vec![0; CHUNK_BYTES];
    loop {
        match decoder.read(&mut room) {
            Ok(0) => return true,
            Ok(count) => {
                if !say(Said::Bytes(room.get(..count).unwrap_or_default().to_vec())) {
                    return false;
                }
            }
            Err(fault) => return say(Said::Fault(fault.what(), fault.hint().into())),
        }
    }
}

#[cfg(unix)]
fn is_fifo(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    meta.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_fifo(_: &std::fs::Metadata) -> bool {
    false
}
