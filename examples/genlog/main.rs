//! Writes a deterministic access log to standard output: `cargo run --release --example genlog -- LINES [SEED] [OWN]`.
//!
//! The mix is what a small public site sees: Zipf-distributed addresses (one in twelve IPv6), browsers, crawlers and
//! script clients, about 8 % hostile requests from a few hundred addresses, time stamps that never run backwards.
//! Targets are few, as on a site of some pages, unless OWN says how many requests in a hundred are in words of their own.
//! The same arguments always give the same bytes. Addresses are made up; any likeness to a real host is chance.
#![expect(clippy::print_stderr, reason = "an example may talk")]

use std::io::{self, BufWriter, Write};

mod log;

fn main() -> io::Result<()> {
    let number = |at: usize| std::env::args().nth(at).and_then(|text| text.parse::<u64>().ok());
    let Some(lines) = number(1) else {
        eprintln!("usage: genlog LINES [SEED] [OWN]");
        std::process::exit(2);
    };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    log::write(&mut out, lines, number(2).unwrap_or(1), number(3).unwrap_or(0))?;
    out.flush()
}
