//! The commonest mistakes and what afw says of each: what is wrong, where, what to do, and the exit code. Once, on
//! standard error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

#[path = "messages/mistakes.rs"]
mod mistakes;
#[path = "messages/summary.rs"]
mod summary;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{afw, run, text};

const SAMPLE: &str = "testdata/sample/access.log";

/// The files that the mistakes are made with.
fn prepare(dir: &Path) {
    let error = "2026/10/10 13:55:36 [error] 7#7: *1 open() \"/x\" failed (2: No such file or directory)\n";
    fs::write(dir.join("error.log"), error.repeat(3)).unwrap();
    fs::copy(SAMPLE, dir.join("access.log")).unwrap();
    let rule = "title: Broken\nid: 7b9bd2a6-6a3e-4b1c-9c1e-0d5b6a9c1f11\nlogsource:\n  category: webserver\ndetection:\n  selection:\n    cs-uri|sounds: a\n  condition: selection\nlevel: high\n";
    fs::write(dir.join("broken.yml"), rule).unwrap();
    fs::write(dir.join("broken.mmdb"), "no database".repeat(100)).unwrap();
    fs::write(dir.join("empty.key"), "\n").unwrap();
    fs::create_dir(dir.join("damaged")).unwrap();
    fs::create_dir(dir.join("nothing")).unwrap();
    fs::create_dir(dir.join("rotated")).unwrap();
    fs::copy(SAMPLE, dir.join("rotated/access.log.1")).unwrap();
    let noise: Vec<u8> = (0..4_000_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    fs::write(dir.join("binary.log"), noise).unwrap();
    fs::write(dir.join("GeoLite2-Country.tar.gz"), b"\x1f\x8b\x08\x00rest").unwrap();
    fs::write(dir.join("treads.toml"), "threads = 2\ntreads = 3\n").unwrap();
    fs::write(dir.join("damaged/afw.db"), "no database".repeat(1000)).unwrap();
}

/// Mistakes that are told while the work goes on: what is done, what is said, and with which code it ends.
#[test]
fn what_needs_a_look_is_told_while_the_work_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let sample = fs::read_to_string(SAMPLE).unwrap();
    let lines: Vec<&str> = sample.lines().take(200).collect();
    fs::write(dir.path().join("empty.log"), "").unwrap();
    let half: String = lines
        .iter()
        .map(|line| format!("{line}\nno line of this format\n"))
        .collect();
    fs::write(dir.path().join("half.log"), half).unwrap();
    let ahead = lines.join("\n").replace("/2026:", "/2099:") + "\n";
    fs::write(dir.path().join("ahead.log"), ahead).unwrap();
    for (typed, code, said) in [
        (
            &["replay", "empty.log"][..],
            0,
            "there is no line in it: was it rotated just now?",
        ),
        (
            &["replay", "half.log"],
            0,
            "many lines were rejected: `afw explain 'LINE'` shows where parsing stops",
        ),
        (&["replay", "half.log"], 0, "half.log at byte "),
        (
            &["replay", "access.log"],
            0,
            "nothing is shipped: set APPFIREWALL_API_KEY or ONEFIREWALL_API_KEY",
        ),
        (
            &["replay", "access.log"],
            0,
            "`afw geoip update` fetches databases",
        ),
        (
            &["replay", "access.log", "--since", "2099-01-01"],
            0,
            "requests lie outside --since and --until",
        ),
        (
            &["replay", "ahead.log"],
            0,
            "days ahead of this machine's clock\nhint: compare the UTC offset",
        ),
        (&["replay", "rotated/access.log*"], 0, "in 1 log"),
    ] {
        let mut command = afw(&dir.path().join("state"));
        let output = run(command.current_dir(dir.path()).args(typed));
        let all = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{typed:?}: {all}");
        assert!(all.contains(said), "{typed:?}: {said}\n--\n{all}");
    }
}

#[test]
fn a_tail_tells_of_rejects_clocks_and_of_shipping_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let line =
        |time: &str| format!("192.0.2.7 - - [{time}] \"GET / HTTP/1.1\" 200 5 \"-\" \"Mozilla/5.0\"\n");
    let half = line("10/Oct/2025:13:55:36 +0000") + "no line of this format\n";
    fs::write(dir.path().join("half.log"), half.repeat(80)).unwrap();
    fs::write(dir.path().join("ahead.log"), line("10/Oct/2099:13:55:36 +0000")).unwrap();
    let said = dir.path().join("said");
    let child = afw(&dir.path().join("state"))
        .current_dir(dir.path())
        .args([
            "tail",
            "--from",
            "start",
            "--no-dns",
            "--print",
            "none",
            "half.log",
            "ahead.log",
            "late.log",
        ])
        .stderr(fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let _running = support::Running(child);
    let wait_for = |expected: &str| {
        support::wait_until(expected, || fs::read_to_string(&said).unwrap().contains(expected));
    };
    wait_for(
        "following half.log, ahead.log, late.log; nothing is shipped (no API key, no --sink)\nhint: set APPFIREWALL_API_KEY",
    );
    wait_for("half.log: 80 of 160 lines are rejected\nhint: `afw explain 'LINE'`");
    wait_for("ahead.log: its lines are ");
    wait_for("late.log: not there yet, waiting for it");
    // Lines that come just now and are two hours old were written by a clock in another zone.
    let date = Command::new("date")
        .args(["-u", "-d", "2 hours ago", "+%d/%b/%Y:%H:%M:%S +0000"])
        .env("LC_ALL", "C")
        .output();
    let date = text(&date.unwrap().stdout);
    fs::write(dir.path().join("late.log"), line(date.trim())).unwrap();
    wait_for("late.log: its lines are 2.0 hours behind this machine's clock");
}

/// Runs afw as a user who owns nothing; `None` where that cannot be done.
fn as_nobody(dir: &Path, arguments: &[&str]) -> Option<std::process::Output> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").ok()?.uid() != 0 || !Path::new("/usr/bin/setpriv").exists() {
        eprintln!("skipped: this needs root and setpriv");
        return None;
    }
    // Where the program was built nobody may look.
    let program = dir.join("afw");
    let built = env!("CARGO_BIN_EXE_afw");
    // A copy cannot be run while another test, started in between, still has it open for writing.
    if !program.exists() {
        fs::hard_link(built, &program)
            .or_else(|_| fs::copy(built, &program).map(drop))
            .unwrap();
    }
    let mut command = support::shell(
        &dir.join("own"),
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"",
    );
    command.arg("sh").arg(program).args(arguments).current_dir(dir);
    Some(run(&mut command))
}

#[test]
fn who_may_not_read_a_log_is_told_which_group_may() {
    use std::os::unix::fs::{PermissionsExt, chown};
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    allow(dir.path(), 0o755);
    prepare(dir.path());
    let state = dir.path().join("own");
    fs::create_dir(&state).unwrap();
    let (log, closed) = (dir.path().join("access.log"), dir.path().join("rotated"));
    allow(&log, 0o640);
    allow(&closed, 0o750);
    let groups = fs::read_to_string("/etc/group").unwrap();
    let adm = groups
        .lines()
        .find_map(|line| line.strip_prefix("adm:x:")?.split(':').next()?.parse().ok());
    let Some(adm) = adm else { return };
    if chown(&log, Some(0), Some(adm)).is_err() || chown(&closed, Some(0), Some(adm)).is_err() {
        eprintln!("skipped: this needs root");
        return;
    }
    chown(&state, Some(65534), Some(65534)).unwrap();
    let hint = "hint: it belongs to group `adm`: add afw's user with `usermod -aG adm USER`, or run as root";
    for path in ["access.log", "rotated", "rotated/access.log.1"] {
        let Some(output) = as_nobody(dir.path(), &["replay", path]) else {
            return;
        };
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            said.starts_with(&format!("afw: error: {path}: permission denied\n{hint}\n")),
            "{said}"
        );
    }
    chown(&state, Some(0), Some(0)).unwrap();
    allow(&state, 0o700);
    let output = as_nobody(dir.path(), &["tail", "error.log"]).unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("permission denied") && said.contains("name a directory of your own with --state-dir"),
        "{said}"
    );
}

#[test]
fn the_journal_gets_a_priority_with_every_line_and_json_has_levels() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let said = |arguments: &[&str], journal: &str| {
        let mut command = afw(&dir.path().join("state"));
        command
            .current_dir(dir.path())
            .args(arguments)
            .env("JOURNAL_STREAM", journal);
        text(&run(&mut command).stderr)
    };
    for (arguments, priorities) in [
        (
            &["replay", "missing.log", "--print", "none"][..],
            &["<3>afw: error: ", "<3>hint: "][..],
        ),
        (
            &["replay", "access.log", "--allow", "x"],
            &["<3>afw: error: ", "<3>hint: "],
        ),
        (
            &["config", "check"],
            &["<6>afw: there is no configuration file", "<6>hint: "],
        ),
        (&["outbox", "flush", "-v"], &["<"]),
    ] {
        let told = said(arguments, "8:12345");
        for priority in priorities {
            assert!(
                told.lines().any(|line| line.starts_with(priority)) || told.is_empty(),
                "{told}"
            );
        }
        assert!(told.lines().all(|line| line.starts_with('<')), "{told}");
        assert!(!said(arguments, "").contains("<3>"));
    }
    let json = said(
        &["replay", "missing.log", "--print", "none", "--log-style", "json"],
        "8:12345",
    );
    let line: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(line["level"], "ERROR", "{json}");
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .starts_with("missing.log: no such file"),
        "{json}"
    );
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{json}");
    let quiet = said(
        &["replay", "access.log", "--print", "none", "--log-level", "error"],
        "",
    );
    assert_eq!(quiet, "");
}

#[test]
fn a_port_in_use_is_told() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(afw(&dir.path().join("state")).current_dir(dir.path()).args([
        "tail",
        "access.log",
        "--metrics",
        &address,
    ]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!(
            "cannot listen on {address}: address already in use\nhint: another program listens there"
        )),
        "{said}"
    );
}

#[test]
fn a_directory_in_use_is_told_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let state = dir.path().join("state");
    let first = afw(&state)
        .args(["tail", "--print", "none"])
        .arg(dir.path().join("access.log"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let _first = support::Running(first);
    support::wait_until("the first to hold its lock", || state.join("afw.db").exists());
    let mut second = afw(&state);
    second
        .args(["replay", "--resume", "--print", "none"])
        .arg(dir.path().join("access.log"));
    let output = run(&mut second);
    assert_eq!(output.status.code(), Some(5));
    let said = text(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("afw: error: "), "{said}");
    assert!(lines[0].contains(state.to_str().unwrap()), "{said}");
    assert!(lines[1].starts_with("hint: "), "{said}");
    assert_eq!(lines.len(), 2, "{said}");
}

#[test]
fn what_a_log_says_never_reaches_a_terminal_unescaped() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("evil\x1b[2J.log");
    fs::write(&log, "\x1b]0;owned\x07 \x1b[31m not a line\n".repeat(5)).unwrap();
    for arguments in [
        ["replay", "--color", "always"].as_slice(),
        &["replay", "--log-style", "json"],
    ] {
        let output = run(afw(dir.path()).args(arguments).arg(&log));
        assert_eq!(output.status.code(), Some(3));
        for said in [text(&output.stdout), text(&output.stderr)] {
            assert!(!said.contains("\x1b[2J") && !said.contains("\x1b]0"), "{said:?}");
        }
    }
}

#[test]
fn afw_alone_says_what_to_type_on_one_screen() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(&mut afw(&dir.path().join("state")));
    let said = text(&output.stderr);
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(2), "")
    );
    assert!(said.contains("afw replay /var/log/nginx "), "{said}");
    assert!(said.lines().count() <= 20, "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_standard_output_that_takes_nothing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for typed in [
        &["replay", SAMPLE][..],
        &["replay", SAMPLE, "--print", "events"],
        &["rules", "list"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let full = fs::File::create("/dev/full").unwrap();
        let child = afw(dir.path())
            .args(typed)
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{typed:?}");
        assert_eq!(
            text(&output.stderr),
            "afw: error: standard output: no space left on device\nhint: make room there, or write to another place\n",
            "{typed:?}"
        );
    }
}

/// What a file that something else names is refused for is told where it is named, whatever a variable holds that nobody reads.
#[test]
fn files_named_by_the_configuration_are_told_by_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write(
        "access.log",
        "192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n",
    );
    write("bad.yml", "title: x\n");
    write("empty.conf", "");
    write(
        "none.toml",
        "\nrules = [\"none.yml\",\n  \"gone.yml\", \"none.yml\"]\n",
    );
    write("bad.toml", "\n\nrules = [\"bad.yml\"]\n");
    write("nowhere.toml", "\nformat_from = \"nowhere.conf\"\n");
    write("empty.toml", "\nformat_from = \"empty.conf\"\n");
    write("list.toml", "\nlist = [\"here=no.txt\"]\n");
    let unread = "afw: error: none.toml:2: rules: cannot read the rule file none.yml: no such file or directory\n\
        afw: error: none.toml:3: rules: cannot read the rule file gone.yml: no such file or directory\nhint:";
    let refused = "afw: error: bad.toml:3: rules: a rule was refused:\nbad.yml:1: document: has neither";
    let nowhere = "afw: error: nowhere.toml:2: format_from: nowhere.conf: no such file or directory\n";
    let empty = "afw: warning: empty.toml:2: format_from: empty.conf: it declares no log";
    let list = "afw: error: list.toml:2: list: a list cannot be used: no.txt: ";
    let cases: [(&str, &[&str], &str, &str); 9] = [
        ("none.toml", &["replay", "access.log"], "", unread),
        ("none.toml", &["replay", "access.log"], "AFW_RULES_FILE", unread),
        // This does not read the variable.
        ("none.toml", &["rules", "list"], "AFW_LIST", unread),
        ("bad.toml", &["replay", "access.log"], "", refused),
        ("bad.toml", &["config", "check"], "", refused),
        (
            "nowhere.toml",
            &["replay", "access.log"],
            "AFW_FORMAT_FROM_FILE",
            nowhere,
        ),
        // What stands behind `--` is no option.
        ("nowhere.toml", &["explain", "--", "--format-from=x"], "", nowhere),
        ("empty.toml", &["replay", "access.log"], "", empty),
        ("list.toml", &["replay", "access.log"], "", list),
    ];
    for (file, arguments, variable, expected) in cases {
        let mut afw = afw(&dir.path().join("state"));
        afw.current_dir(dir.path());
        if !variable.is_empty() {
            afw.env(variable, "/nowhere");
        }
        let told = text(&run(afw.args(["--config", file]).args(arguments)).stderr);
        assert!(
            told.starts_with(expected),
            "{file} {arguments:?} {variable}: {told}"
        );
    }
}
