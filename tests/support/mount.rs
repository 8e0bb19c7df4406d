//! File systems of a test's own, for users who may mount.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own, gone with this value.
pub struct Mount(PathBuf);

impl Mount {
    /// One in memory; `None`, said by name, where this user may not mount.
    pub fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        Self::new("tmpfs", at, options)
    }

    /// One that lays directories over each other.
    pub fn overlay(at: &Path, options: &str) -> Option<Self> {
        Self::new("overlay", at, options)
    }

    fn new(kind: &str, at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", kind, "-o", options, kind]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: {kind} cannot be mounted by this user");
        }
        mounted.then(|| Self(at.into()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
