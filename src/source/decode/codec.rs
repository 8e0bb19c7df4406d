//! One step of one decompressor, the same for all of them: so much eaten, so much given, and whether it ended or
//! broke. What was given before a fault is always handed on, which the libraries' own readers do not promise.

use std::io;

use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use super::{Coding, Fault};

/// Largest zstd window, as a power of two: what `zstd -d` accepts without `--long` (its own default limit).
const ZSTD_WINDOW_LOG: u32 = 27;
/// Most memory an xz dictionary may ask for, in bytes. `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 << 20;

/// A decompressor in the middle of one member.
pub(super) enum Codec {
    None,
    Gzip(flate2::Decompress),
    Zstd(Box<zstd::stream::raw::Decoder<'static>>),
    Bzip2(Box<bzip2::Decompress>),
    Xz(liblzma::stream::Stream),
}

/// What one step did.
#[derive(Default)]
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    pub(super) member_ended: bool,
    pub(super) fault: Option<Fault>,
}

impl Codec {
    pub(super) fn new(coding: Coding) -> Result<Self, Fault> {
        Ok(match coding {
            Coding::Plain | Coding::Unsupported(_) => Self::None,
            Coding::Gzip => Self::Gzip(flate2::Decompress::new_gzip(15)),
            Coding::Zstd => {
                let mut decoder = zstd::stream::raw::Decoder::new().map_err(Fault::Io)?;
                decoder
                    .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))
                    .map_err(Fault::Io)?;
                Self::Zstd(Box::new(decoder))
            }
            Coding::Bzip2 => Self::Bzip2(Box::new(bzip2::Decompress::new(false))),
            Coding::Xz => Self::Xz(
                liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0)
                    .map_err(|error| Fault::Io(io::Error::other(error.to_string())))?,
            ),
        })
    }

    /// Decodes some of `input` into `out`; `at_end` says that no more input will come.
    pub(super) fn step(&mut self, input: &[u8], out: &mut [u8], at_end: bool) -> Step {
        match self {
            Self::None => Step::default(),
            Self::Gzip(decoder) => gzip(decoder, input, out),
            Self::Zstd(decoder) => zstd(decoder, input, out),
            Self::Bzip2(decoder) => bzip2(decoder, input, out),
            Self::Xz(decoder) => xz(decoder, input, out, at_end),
        }
    }
}

/// How far a pair of 64-bit totals moved.
fn moved(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or_default()
}

fn gzip(decoder: &mut flate2::Decompress, input: &[u8], out: &mut [u8]) -> Step {
    let (fed, given) = (decoder.total_in(), decoder.total_out());
    let result = decoder.decompress(input, out, flate2::FlushDecompress::None);
    Step {
        consumed: moved(fed, decoder.total_in()),
        produced: moved(given, decoder.total_out()),
        member_ended: matches!(result, Ok(flate2::Status::StreamEnd)),
        fault: result.err().map(|error| {
            let why = error.message().unwrap_or("damaged block");
            Fault::Corrupt(Coding::Gzip, why.to_owned())
        }),
    }
}

fn zstd(decoder: &mut zstd::stream::raw::Decoder<'static>, input: &[u8], out: &mut [u8]) -> Step {
    let mut from = InBuffer::around(input);
    let mut to = OutBuffer::around(out);
    let result = decoder.run(&mut from, &mut to);
    let member_ended = matches!(result, Ok(0));
    Step {
        consumed: from.pos(),
        produced: to.pos(),
        member_ended,
        fault: result.err().map(|error| match error.to_string() {
            why if why.contains("too much memory") => Fault::TooLarge(Coding::Zstd),
            why => Fault::Corrupt(Coding::Zstd, why.to_lowercase()),
        }),
    }
}

fn bzip2(decoder: &mut bzip2::Decompress, input: &[u8], out: &mut [u8]) -> Step {
    let (fed, given) = (decoder.total_in(), decoder.total_out());
    let result = decoder.decompress(input, out);
    Step {
        consumed: moved(fed, decoder.total_in()),
        produced: moved(given, decoder.total_out()),
        member_ended: matches!(result, Ok(bzip2::Status::StreamEnd)),
        fault: result
            .err()
            .map(|_| Fault::Corrupt(Coding::Bzip2, String::from("damaged block"))),
    }
}

fn xz(decoder: &mut liblzma::stream::Stream, input: &[u8], out: &mut [u8], at_end: bool) -> Step {
    use liblzma::stream::{Action, Error, Status};
    let (fed, given) = (decoder.total_in(), decoder.total_out());
    let action = if at_end { Action::Finish } else { Action::Run };
    let result = decoder.process(input, out, action);
    Step {
        consumed: moved(fed, decoder.total_in()),
        produced: moved(given, decoder.total_out()),
        member_ended: matches!(result, Ok(Status::StreamEnd)),
        fault: result.err().map(|error| match error {
            Error::MemLimit | Error::Mem => Fault::TooLarge(Coding::Xz),
            other => Fault::Corrupt(Coding::Xz, other.to_string()),
        }),
    }
}
