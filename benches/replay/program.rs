//! [`Program`]: one program, run to its end and measured from outside.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// A program to be measured.
pub struct Program {
    /// What the table calls it.
    pub name: &'static str,
    /// The command line.
    pub command: Vec<String>,
    /// Whether one round is enough.
    pub is_slow: bool,
}

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Seconds of processor time, all threads, user and system.
    pub cpu: f64,
    /// Seconds on the clock.
    pub wall: f64,
    /// The most memory that was resident, in bytes; 0 where the system does not tell.
    pub peak_bytes: u64,
}

impl Program {
    /// Runs it once; its output is thrown away.
    pub fn run(&self) -> Cost {
        let (before, begun) = (children(), Instant::now());
        let mut child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak_bytes = 0;
        let status = loop {
            peak_bytes = peak(child.id()).unwrap_or(0).max(peak_bytes);
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        assert!(status.success(), "{}: {status}", self.command.join(" "));
        Cost {
            cpu: children() - before,
            wall: begun.elapsed().as_secs_f64(),
            peak_bytes,
        }
    }
}

/// All programs in turn, round after round, so that a busy minute of the machine meets all of them.
pub fn rounds(programs: &[Program], rounds: usize) -> Vec<Vec<Cost>> {
    let mut costs = vec![Vec::new(); programs.len()];
    for round in 0..rounds {
        for (program, costs) in programs.iter().zip(&mut costs) {
            if round == 0 || !program.is_slow {
                costs.push(program.run());
            }
        }
    }
    costs
}

/// The middle one of some figures.
pub fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds of processor time of all children that ended.
fn children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    micros as f64 / 1e6
}

/// The most memory that a running process had resident.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
