//! What is measured: afw with more and more to do, and what else is installed here.

use std::path::Path;
use std::process::{Command, Stdio};

use super::program::Program;

const AFW: &str = env!("CARGO_BIN_EXE_afw");

/// Counts requests by status.
const GAWK: &str = r#"match($0, /^([^ ]+) [^ ]+ [^ ]+ \[([^\]]+)\] "([^"]*)" ([0-9]+) /, part) { count[part[4]]++ }
END { for (status in count) print status, count[status] }"#;

/// The loop that many a script has: one expression with a group for each field.
const PYTHON: &str = r#"
import collections, re, sys
line = re.compile(rb'(\S+) \S+ (\S+) \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"')
count = collections.Counter()
for text in open(sys.argv[1], "rb"):
    found = line.match(text)
    if found:
        count[found.group(5)] += 1
print(count)
"#;

fn of(name: &'static str, command: &[&str]) -> Program {
    Program {
        name,
        command: command.iter().map(ToString::to_string).collect(),
        is_slow: false,
    }
}

/// `wc` first, then all that can be run on this log.
pub fn installed(log: &Path, folder: &Path) -> Vec<Program> {
    let log = log.to_str().unwrap();
    let mut programs = vec![
        of("wc -l", &["wc", "-l", log]),
        of("grep -c of one literal", &["grep", "-c", "-F", "/.env", log]),
        of(
            "afw, records only",
            &[
                AFW,
                "replay",
                log,
                "--threads",
                "1",
                "--print",
                "none",
                "--no-default-rules",
            ],
        ),
        of(
            "afw, built-in rules",
            &[AFW, "replay", log, "--threads", "1", "--print", "none"],
        ),
    ];
    programs.extend(full(log, folder));
    programs.push(of("gawk, requests by status", &["gawk", GAWK, log]));
    programs.push(of("Python, requests by status", &["python3", "-c", PYTHON, log]));
    programs.extend(goaccess(log));
    programs.retain(|program| is_installed(&program.command[0]));
    programs
}

/// `wc`, and afw with its rules, for a log in which much is said only once.
pub fn few(log: &Path) -> Vec<Program> {
    let log = log.to_str().unwrap();
    let afw = [AFW, "replay", log, "--threads", "1", "--print", "none"];
    vec![of("wc -l", &["wc", "-l", log]), of("afw, built-in rules", &afw)]
}

/// afw with rules, country and network: on one thread, on two, and with a store.
fn full(log: &str, folder: &Path) -> Vec<Program> {
    let state = folder.join("state");
    let state = state.to_str().unwrap();
    let databases = databases();
    let geoip = databases.iter().flat_map(|database| ["--geoip", database]);
    let geoip: Vec<&str> = geoip.collect();
    let of = |name, before: &[&str], more: &[&str]| {
        let replay = [AFW, "replay", log, "--print", "none"];
        let command = [before, &replay, more, &geoip].concat();
        Program {
            name,
            command: command.into_iter().map(str::to_owned).collect(),
            is_slow: false,
        }
    };
    // Each round begins with an empty store.
    let script = format!("rm -rf '{state}' && exec \"$@\"");
    vec![
        of("afw, rules, country and network", &[], &["--threads", "1"]),
        of("afw, the same on two threads", &[], &["--threads", "2"]),
        of(
            "afw, the same with a store (--resume)",
            &["sh", "-c", &script, "sh"],
            &["--threads", "1", "--resume", "--state-dir", state],
        ),
    ]
}

fn databases() -> Vec<String> {
    let Some(cases) = std::env::var_os("AFW_CASES") else {
        println!("AFW_CASES is unset: no country and no network is looked up\n");
        return Vec::new();
    };
    ["GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"]
        .map(|name| Path::new(&cases).join("data/geo").join(name))
        .map(|path| path.to_str().unwrap().to_owned())
        .into()
}

fn goaccess(log: &str) -> Option<Program> {
    let mut command = vec![
        "goaccess",
        log,
        "--log-format=COMBINED",
        "--no-progress",
        "-o",
        "json",
    ];
    let databases = databases();
    command.extend(
        databases
            .iter()
            .flat_map(|database| ["--geoip-database", database]),
    );
    Some(Program {
        name: "GoAccess, JSON report",
        command: command.into_iter().map(str::to_owned).collect(),
        is_slow: true,
    })
}

fn is_installed(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$1\"", "sh", program])
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success();
    if !found {
        println!("{program} is not installed\n");
    }
    found
}
