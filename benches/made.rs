//! What benchmarks make for themselves: a folder, and the made-up log in it. Shared by those that read whole logs.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

#[path = "../examples/genlog/log.rs"]
mod log;

/// How many lines were asked for on the command line, beside cargo's own `--bench`.
pub fn lines(usual: u64) -> u64 {
    let mut arguments = std::env::args().skip(1);
    let asked = arguments.find_map(|argument| argument.parse().ok());
    asked.unwrap_or(usual)
}

/// A benchmark's own folder.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The log of so many lines, written once.
pub fn log(folder: &Path, lines: u64) -> PathBuf {
    log_of(folder, lines, 0)
}

/// The same where so many requests in a hundred are in words of their own.
pub fn log_of(folder: &Path, lines: u64, own: u64) -> PathBuf {
    let name = match own {
        0 => format!("{lines}.log"),
        own => format!("{lines}-{own}-own.log"),
    };
    let path = folder.join(name);
    write(&path, |out| log::write(out, lines, 1, own).unwrap());
    path
}

/// Writes a file once.
pub fn write(path: &Path, text: impl FnOnce(&mut BufWriter<File>)) {
    if path.exists() {
        return;
    }
    let part = path.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part).unwrap());
    text(&mut out);
    out.flush().unwrap();
    std::fs::rename(part, path).unwrap();
}
