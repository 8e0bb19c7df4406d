//! Instructions a line, by callgrind: of a longer log less those of a shorter one, so that starting does not count.

use std::path::Path;
use std::process::Command;

const AFW: &str = env!("CARGO_BIN_EXE_afw");
const SHORT: u64 = 20_000;
const LONG: u64 = 120_000;

/// Prints what starting and each further line take, where `valgrind` is installed.
pub fn table(folder: &Path) {
    println!();
    for (name, more) in [
        ("records only", &["--no-default-rules"][..]),
        ("built-in rules", &[]),
    ] {
        let counted = [SHORT, LONG].map(|lines| counted(&super::made::log(folder, lines), more));
        let [Some(short), Some(long)] = counted else {
            println!("instructions are not counted: valgrind is not installed");
            return;
        };
        let line = (long - short) / (LONG - SHORT);
        let start = short.saturating_sub(line * SHORT) / 1_000_000;
        println!("{line:>6} instructions a line, {start:>5} million to start: {name}");
    }
}

/// Instructions of one replay.
fn counted(log: &Path, more: &[&str]) -> Option<u64> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            AFW,
            "replay",
        ])
        .arg(log)
        .args(["--threads", "1", "--print", "none"])
        .args(more)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = told.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}
