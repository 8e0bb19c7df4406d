//! Opening sets of real files: order, resuming, archives and what is refused, held against what was written.

use std::fs;
use std::io::Write;

use super::*;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, data: &[u8]) {
        fs::write(self.path(name), data).unwrap();
    }
    fn append(&self, name: &str, data: &str) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(data.as_bytes()).unwrap();
    }
    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }
    /// Compresses as logrotate does: a new file, then the old one goes.
    fn gzip(&self, name: &str) {
        let data = fs::read(self.path(name)).unwrap();
        self.write(&format!("{name}.gz"), &gzip(&data));
        fs::remove_file(self.path(name)).unwrap();
    }
    fn plan(&self, names: &[&str], resume: bool) -> Plan {
        let paths = names.iter().map(|name| self.path(name)).collect();
        plan(&SourceSpec {
            paths,
            resume,
            batch_bytes: 100,
            ..SourceSpec::default()
        })
        .unwrap()
    }
    fn replay(&self, names: &[&str]) -> Vec<String> {
        let plan = self.plan(names, false);
        let mut lines = Vec::new();
        for log in &plan.logs {
            lines.extend(drain(&mut log.open(&[])).0);
        }
        lines
    }
    /// A run with cursors, which are put back as the store would.
    fn resume(&self, names: &[&str], cursors: &mut Vec<Cursor>) -> Vec<String> {
        let mut all = Vec::new();
        for log in &self.plan(names, true).logs {
            let (lines, fresh, _) = drain(&mut log.open(cursors));
            all.extend(lines);
            for cursor in fresh {
                cursors.retain(|old| old.id != cursor.id);
                cursors.push(cursor);
            }
        }
        all
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

fn drain(reader: &mut LogReader) -> (Vec<String>, Vec<Cursor>, Vec<Trouble>) {
    let (mut lines, mut cursors, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(item) = reader.next() {
        match item {
            Ok(batch) => {
                let text =
                    |line: &super::super::Line| String::from_utf8_lossy(batch.line(*line)).into_owned();
                lines.extend(batch.lines.iter().map(text));
                cursors.push(batch.cursor);
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    (lines, cursors, troubles)
}

fn numbered(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("line {n} {}\n", n * 7919)).collect()
}

fn lines(range: std::ops::Range<u32>) -> Vec<String> {
    numbered(range).lines().map(str::to_owned).collect()
}

#[test]
fn history_is_read_once_and_in_order() {
    let dir = Dir::new();
    dir.write("access.log.10.gz", &gzip(numbered(0..100).as_bytes()));
    dir.write("access.log.2.gz", &gzip(numbered(100..200).as_bytes()));
    dir.write("access.log.1", numbered(200..300).as_bytes());
    dir.write("access.log.1.gz", &gzip(numbered(200..300).as_bytes()));
    dir.write("access.log", numbered(300..400).as_bytes());
    assert_eq!(dir.replay(&[""]), lines(0..400));
    assert_eq!(dir.replay(&["access.log*"]), lines(0..400));
    assert_eq!(dir.replay(&["access.log"]), lines(300..400));
    assert_eq!(dir.replay(&["access.log", "access.log.1"]), lines(200..400));
}

#[test]
fn small_generations_that_begin_alike_are_all_read() {
    let dir = Dir::new();
    dir.write("access.log.2", b"same\n");
    dir.write("access.log.1", b"same\nother\n");
    dir.write("access.log", b"same\n");
    assert_eq!(dir.replay(&[""]), ["same", "same", "other", "same"]);
}

#[test]
fn one_log_in_any_coding_gives_the_same_lines_and_offsets() {
    let text = numbered(0..3000);
    let mut expected = None;
    for (name, packer) in [
        ("plain", ""),
        ("gz", "gzip"),
        ("zst", "zstd"),
        ("bz2", "bzip2"),
        ("xz", "xz"),
    ] {
        let dir = Dir::new();
        dir.write("access.log", text.as_bytes());
        if !packer.is_empty() {
            let file = fs::File::open(dir.path("access.log")).unwrap();
            let packed = std::process::Command::new(packer)
                .arg("-c")
                .stdin(file)
                .output()
                .unwrap()
                .stdout;
            dir.write("access.log", &packed);
        }
        let mut reader = dir.plan(&["access.log"], false).logs[0].open(&[]);
        let mut seen = Vec::new();
        while let Some(batch) = reader.next() {
            let batch = batch.unwrap();
            seen.extend(
                batch
                    .lines
                    .iter()
                    .map(|line| (batch.offset(*line), batch.line(*line).to_vec())),
            );
        }
        assert_eq!(seen.len(), 3000, "{name}");
        assert_eq!(*expected.get_or_insert_with(|| seen.clone()), seen, "{name}");
    }
}

#[test]
fn a_broken_archive_gives_its_lines_and_then_a_trouble() {
    let dir = Dir::new();
    let packed = gzip(numbered(0..5000).as_bytes());
    dir.write("access.log.1.gz", &packed[..packed.len() / 2]);
    dir.write("access.log", numbered(5000..5010).as_bytes());
    let mut reader = dir.plan(&[""], false).logs[0].open(&[]);
    let (lines_read, _, troubles) = drain(&mut reader);
    assert!(lines_read.len() > 1000);
    let whole = lines_read.len() as u32 - 10;
    assert_eq!(lines_read, [lines(0..whole), lines(5000..5010)].concat());
    assert!(
        troubles[0]
            .to_string()
            .contains("access.log.1.gz: truncated gzip data at byte ")
    );
}

#[test]
fn the_head_can_be_looked_at_first() {
    let dir = Dir::new();
    dir.write("access.log", numbered(0..50).as_bytes());
    let mut reader = dir.plan(&["access.log"], false).logs[0].open(&[]);
    assert_eq!(reader.peek_head()[0], b"line 0 0");
    assert_eq!(drain(&mut reader).0, lines(0..50));
    assert!(reader.raw_bytes() > 0);
}

#[test]
fn a_second_run_with_nothing_new_gives_nothing() {
    let dir = Dir::new();
    let mut cursors = Vec::new();
    dir.write("access.log.1.gz", &gzip(numbered(0..100).as_bytes()));
    dir.write("access.log", numbered(100..200).as_bytes());
    assert_eq!(dir.resume(&[""], &mut cursors), lines(0..200));
    assert_eq!(cursors.len(), 2);
    let before = cursors.clone();
    assert_eq!(dir.resume(&[""], &mut cursors), [""; 0]);
    assert_eq!(before, cursors);
}

#[test]
fn a_run_goes_on_through_rotation_compression_and_growth() {
    let dir = Dir::new();
    let mut cursors = Vec::new();
    dir.write("access.log.1.gz", &gzip(b"older, never asked for\n"));
    dir.append("access.log", &numbered(0..10));
    assert_eq!(dir.resume(&["access.log"], &mut cursors), lines(0..10));
    dir.append("access.log", &numbered(10..20));
    dir.rename("access.log.1.gz", "access.log.3.gz");
    dir.rename("access.log", "access.log.2");
    dir.gzip("access.log.2");
    dir.append("access.log.1", &numbered(20..30));
    dir.append("access.log", &numbered(30..40));
    assert_eq!(dir.resume(&["access.log"], &mut cursors), lines(10..40));
    assert_eq!(dir.resume(&["access.log"], &mut cursors), [""; 0]);
    dir.append("access.log", &numbered(40..42));
    assert_eq!(dir.resume(&["access.log"], &mut cursors), lines(40..42));
}

#[test]
fn a_run_goes_on_through_copytruncate() {
    for (before, after) in [(10, 5), (10, 500), (300, 5), (300, 3000)] {
        let dir = Dir::new();
        let mut cursors = Vec::new();
        dir.append("access.log", &numbered(0..before));
        assert_eq!(dir.resume(&["access.log"], &mut cursors), lines(0..before));
        dir.append("access.log", &numbered(before..before + 3));
        fs::copy(dir.path("access.log"), dir.path("access.log.1")).unwrap();
        dir.write("access.log", b"");
        dir.append("access.log", &numbered(before + 3..before + after));
        assert_eq!(
            dir.resume(&["access.log"], &mut cursors),
            lines(before..before + after)
        );
        assert_eq!(dir.resume(&["access.log"], &mut cursors), [""; 0]);
    }
}

#[test]
fn an_unterminated_line_waits_until_the_file_is_rotated() {
    let dir = Dir::new();
    let mut cursors = Vec::new();
    dir.append("access.log", "whole\nhal");
    assert_eq!(dir.replay(&["access.log"]), ["whole", "hal"]);
    assert_eq!(dir.resume(&["access.log"], &mut cursors), ["whole"]);
    dir.append("access.log", "f\nlast");
    assert_eq!(dir.resume(&["access.log"], &mut cursors), ["half"]);
    dir.rename("access.log", "access.log.1");
    dir.append("access.log", "new\n");
    assert_eq!(dir.resume(&["access.log"], &mut cursors), ["last", "new"]);
    assert_eq!(dir.resume(&["access.log"], &mut cursors), [""; 0]);
}

#[test]
fn a_log_rotated_between_plan_and_reading_is_read_whole() {
    let dir = Dir::new();
    dir.append("access.log.1", &numbered(0..10));
    dir.append("access.log", &numbered(10..20));
    let plan = dir.plan(&[""], false);
    dir.rename("access.log.1", "access.log.2");
    dir.rename("access.log", "access.log.1");
    dir.append("access.log", "too late\n");
    assert_eq!(drain(&mut plan.logs[0].open(&[])).0, lines(0..20));
}

#[test]
fn missing_files_are_troubles_and_the_rest_is_read() {
    let dir = Dir::new();
    dir.append("access.log", "one\n");
    let plan = dir.plan(&["missing.log", "access.log"], false);
    assert_eq!(plan.troubles.len(), 1);
    assert_eq!(plan.logs.len(), 1);
    assert!(
        plan.troubles[0]
            .to_string()
            .contains("missing.log: no such file or directory\nhint: ")
    );
}
