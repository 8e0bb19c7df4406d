//! The followers that are libraries, each run in a process of its own that prints the lines it gets.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use afw::source::{Follower, SourceSpec};
use linemux::MuxedLines;

use super::Result;

/// What came is printed at the latest when nothing more has come for so long.
const FLUSH_AFTER: Duration = Duration::from_millis(20);

/// Follows with `linemux`.
pub fn linemux(log: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut lines = MuxedLines::new()?;
        lines.add_file(log).await?;
        let mut out = BufWriter::new(std::io::stdout().lock());
        loop {
            match tokio::time::timeout(FLUSH_AFTER, lines.next_line()).await {
                Ok(Ok(Some(line))) => writeln!(out, "{}", line.line())?,
                Ok(Ok(None)) => return Ok(()),
                // A file that vanished for a moment; it goes on.
                Ok(Err(_)) => {}
                Err(_) => out.flush()?,
            }
        }
    })
}

/// Follows with what `afw tail` follows with, and nothing of what it does then.
pub fn source(log: &Path) -> Result<()> {
    let spec = SourceSpec {
        paths: vec![log.into()],
        ..SourceSpec::default()
    };
    let mut follower = Follower::new(&spec, &[])?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    loop {
        let polled = follower.poll();
        let idle = polled.batches.is_empty();
        for batch in &polled.batches {
            for line in &batch.lines {
                out.write_all(batch.line(*line))?;
                out.write_all(b"\n")?;
            }
        }
        if idle {
            out.flush()?;
            follower.wait(Duration::from_millis(500));
        }
    }
}
