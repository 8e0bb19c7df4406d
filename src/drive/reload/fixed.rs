//! What a running tail keeps as it is until it is started again.

use crate::config::Config;
use crate::terminal::Failure;

/// Refuses what would make another run of this one.
///
/// # Errors
/// Exit code 2: another state directory.
pub(super) fn refuse(now: &Config, new: &Config) -> Result<(), Failure> {
    if now.state_dir == new.state_dir {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "state_dir = \"{}\": this afw runs with {}",
        new.state_dir.display(),
        now.state_dir.display()
    ))
    .hint("stop it, move the directory, and start it again"))
}

/// Names what changed and counts from the next start only.
pub(super) fn tell(now: &Config, new: &Config) {
    let changed = [
        ("metrics", now.file.metrics != new.file.metrics),
        ("report", now.output.report != new.output.report),
        ("log_level", now.log_level != new.log_level),
        ("log_style", now.log_style != new.log_style),
        ("color", now.color != new.color),
        ("progress", now.progress != new.progress),
    ];
    let names: Vec<&str> = changed
        .iter()
        .filter_map(|(name, changed)| changed.then_some(*name))
        .collect();
    if !names.is_empty() {
        tracing::warn!("{}: changed, counts from the next start of afw", names.join(", "));
    }
}
