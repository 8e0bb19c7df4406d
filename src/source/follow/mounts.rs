//! Which files' changes are all told by events: those need a look less often than others.
//!
//! Network, overlay and user-space file systems say nothing, or only of what this machine does; of a file behind a link
//! or with a second name, or mounted by itself, its directory's watch does not hear. Where in doubt: not told.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::source::discover::Found;

/// File systems all changes of which go through this kernel.
const LOCAL: [&str; 6] = ["ext2", "ext3", "ext4", "xfs", "f2fs", "tmpfs"];

/// What is mounted, as far as it matters here.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// Devices of local file systems.
    devices: HashSet<u64>,
    /// Where anything is mounted, escaped as the kernel does.
    points: HashSet<String>,
}

impl Mounts {
    /// What is mounted now; nothing where the system does not say.
    pub(super) fn read() -> Self {
        let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        Self::parse(&text)
    }

    fn parse(text: &str) -> Self {
        let mut mounts = Self::default();
        for line in text.lines() {
            let Some((mount, kind)) = line.split_once(" - ") else {
                continue;
            };
            let mut fields = mount.split(' ').skip(2);
            let device = fields.next().and_then(device);
            mounts.points.extend(fields.nth(1).map(str::to_owned));
            let is_local = kind.split(' ').next().is_some_and(|kind| LOCAL.contains(&kind));
            mounts.devices.extend(device.filter(|_| is_local));
        }
        mounts
    }

    /// Whether a watch on its directory, which has this device, tells of every change of a file that is no link.
    pub(super) fn tell_all(&self, found: &Found, directory: Option<u64>) -> bool {
        found.links == 1
            && directory == Some(found.key.device)
            && self.devices.contains(&found.key.device)
            && std::path::absolute(&found.path).is_ok_and(|path| !self.is_point(&path))
    }

    fn is_point(&self, path: &Path) -> bool {
        let escaped = |byte: char| match byte {
            ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", byte as u32),
            other => other.to_string(),
        };
        path.to_str().is_none_or(|path| {
            self.points
                .contains(&path.chars().map(escaped).collect::<String>())
        })
    }
}

/// `MAJOR:MINOR` as `stat` numbers it on Linux.
fn device(text: &str) -> Option<u64> {
    let (major, minor) = text.split_once(':')?;
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    Some(libc::makedev(major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::discover::{Origin, scan};

    #[test]
    fn a_plain_file_on_a_local_disk_is_told_of_and_nothing_else() {
        let table = "22 27 0:21 / /proc rw - proc proc rw\n\
                     27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                     30 27 0:50 / /srv/logs rw - nfs4 host:/logs rw\n\
                     31 27 254:0 /a.log /logs/b\\040c.log rw - ext4 /dev/vda rw\n";
        let mounts = Mounts::parse(table);
        let disk = libc::makedev(254, 0);
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.log"), "line\n").unwrap();
        let mut found = scan(&[Origin::Directory(dir.path().into())], false)
            .files
            .remove(0);
        found.key.device = disk;
        assert!(mounts.tell_all(&found, Some(disk)));
        assert!(!mounts.tell_all(&found, Some(libc::makedev(0, 50))));
        assert!(!mounts.tell_all(&found, None));
        let second_name = Found {
            links: 2,
            ..found.clone()
        };
        assert!(!mounts.tell_all(&second_name, Some(disk)));
        let mounted = Found {
            path: "/logs/b c.log".into(),
            ..found.clone()
        };
        assert!(!mounts.tell_all(&mounted, Some(disk)));
        found.key.device = libc::makedev(0, 50);
        assert!(!mounts.tell_all(&found, Some(found.key.device)));
    }

    #[test]
    fn this_systems_root_is_in_its_table() {
        let mounts = Mounts::read();
        assert!(mounts.is_point(Path::new("/")) || !Path::new("/proc/self/mountinfo").exists());
    }
}
