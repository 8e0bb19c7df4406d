//! Mistakes that end a command, one by one: what is typed, and what is said of it.

use std::path::Path;
use std::process::Command;

use super::prepare;
use super::support::{afw, run, text};

/// A mistake: what is typed, the environment, the exit code, lines that must be said in this order, `…` for any end.
struct Mistake {
    typed: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    code: i32,
    said: &'static [&'static str],
}

const fn mistake(typed: &'static [&'static str], code: i32, said: &'static [&'static str]) -> Mistake {
    Mistake {
        typed,
        environment: &[],
        code,
        said,
    }
}

const MISTAKES: &[Mistake] = &[
    mistake(
        &["replay", "missing.log"],
        3,
        &[
            "afw: error: missing.log: no such file or directory",
            "hint: check the path; a glob can be given in quotes",
        ],
    ),
    mistake(
        &["replay", "nothing-*.log"],
        3,
        &[
            "afw: error: nothing to read: no file matches nothing-*.log",
            "hint: check the pattern; a directory is read recursively",
        ],
    ),
    mistake(
        &["replay", "acess.log"],
        3,
        &[
            "afw: error: acess.log: no such file or directory",
            "hint: did you mean access.log?",
        ],
    ),
    mistake(
        &["replay", "rotated/access.log"],
        3,
        &[
            "afw: error: rotated/access.log: no such file or directory",
            "hint: older files of it are there: 'rotated/access.log*' reads them all",
        ],
    ),
    mistake(
        &["replay", "https://logs.example/access.log"],
        3,
        &[
            "afw: error: https://logs.example/access.log: no such file or directory",
            "hint: afw reads files and standard input: `curl … | afw replay -`",
        ],
    ),
    mistake(
        &["replay", "nothing"],
        3,
        &[
            "afw: error: nothing to read: no file matches nothing",
            "hint: there is no file in it that could be a log: …",
        ],
    ),
    mistake(
        &["replay", "binary.log"],
        3,
        &[
            "afw: error: binary.log: none of its …",
            "hint: it holds no text; access logs are text, plain or compressed with gzip, zstd, bzip2 or xz",
        ],
    ),
    mistake(
        &["access.log"],
        2,
        &[
            "afw: error: unrecognized subcommand 'access.log'",
            "hint: `afw replay access.log` reads it, `afw tail access.log` follows it; more with '--help'.",
        ],
    ),
    mistake(
        &["replay", "access.log", "--format", "nginx-combind"],
        2,
        &[
            "afw: error: --format: no format is named \"nginx-combind\" at byte 0 of the format",
            "hint: did you mean nginx-combined…",
        ],
    ),
    mistake(
        &["replay", "access.log", "--geoip", "GeoLite2-Country.tar.gz"],
        2,
        &[
            "afw: error: a database cannot be used: GeoLite2-Country.tar.gz: this is an archive, no database",
            "hint: unpack it (`tar xf FILE`) and name the .mmdb file in it",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sink", "file:nodir/x.jsonl"],
        2,
        &[
            "afw: error: --sink file:nodir/x.jsonl: there is no such directory",
            "hint: name a file in a directory that exists, or make it",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sink", "ecs:nodir/x.jsonl"],
        2,
        &["afw: error: --sink ecs:nodir/x.jsonl: there is no such directory"],
    ),
    mistake(
        &["replay", "access.log", "--class", "exploits"],
        2,
        &[
            "afw: error: --class exploits: there is no such class",
            "hint: did you mean exploit?",
        ],
    ),
    mistake(
        &["replay", "access.log", "--config", "treads.toml"],
        2,
        &[
            "afw: error: treads.toml:2: unknown key `treads`; did you mean `threads`?",
            "hint: `afw config init` writes a file with every key and what it means",
        ],
    ),
    mistake(
        &["reload"],
        1,
        &[
            "afw: error: no running `afw tail` keeps its state in …",
            "hint: name its directory with --state-dir …",
        ],
    ),
    mistake(
        &["replay", "error.log"],
        3,
        &[
            "afw: error: error.log: none of its 3 lines is of an access log",
            "hint: it looks like an error log or a system log; access logs are usually beside it",
        ],
    ),
    mistake(
        &["replay", "access.log", "--since", "yesterdayish"],
        2,
        &[
            "afw: error: --since: `yesterdayish` is no point in time",
            "hint: RFC 3339 (2026-01-31T12:00:00Z), a date (2026-01-31) or an age (45m, 2h, 7d)",
        ],
    ),
    mistake(
        &["replay", "access.log", "--format", "nginx:$remote_addr [$bogus]"],
        2,
        &[
            "afw: error: --format: nginx has no variable $bogus at byte 20 of the format",
            "nginx:$remote_addr [$bogus]",
            "                    ^",
            "hint: variables of your own (map, set) are known when the format is read with --format-from",
        ],
    ),
    mistake(
        &["replay", "access.log", "--format", "apache:%h %Q"],
        2,
        &[
            "afw: error: --format: Apache has no directive \"%Q\" at byte 10 of the format",
            "apache:%h %Q",
            "          ^",
            "hint: …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--format", "nonsense"],
        2,
        &[
            "afw: error: --format: no format is named \"nonsense\" at byte 0 of the format",
            "nonsense",
            "^",
            "hint: auto, nginx:'LOG_FORMAT', …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--rules", "broken.yml"],
        2,
        &[
            "afw: error: a rule was refused:",
            "broken.yml:7: sounds: is no modifier that afw knows",
            "hint: modifiers are contains, …",
            "hint: `afw rules check PATH` …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--rules", "missing.yml"],
        2,
        &[
            "afw: error: cannot read the rule file missing.yml: no such file or directory",
            "hint: --rules takes a Sigma rule file or a folder of .yml and .yaml files",
        ],
    ),
    mistake(
        &["replay", "access.log", "--geoip", "broken.mmdb"],
        2,
        &[
            "afw: error: a database cannot be used: broken.mmdb: broken database: …",
            "hint: fetch it again, …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--geoip", "missing.mmdb"],
        2,
        &[
            "afw: error: a database cannot be used: missing.mmdb: cannot read the database: no such file or directory",
            "hint: check the path in --geoip; …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--list", "tor.txt"],
        2,
        &[
            "afw: error: --list tor.txt: expected NAME=FILE",
            "hint: for example --list tor=/etc/afw/tor.txt",
        ],
    ),
    mistake(
        &["replay", "access.log", "--list", "tor=missing.txt"],
        2,
        &[
            "afw: error: a list cannot be used: missing.txt: cannot read the list: no such file or directory",
            "hint: check the path in --list NAME=FILE",
        ],
    ),
    mistake(
        &["replay", "access.log", "--list", "tor=error.log"],
        2,
        &[
            "afw: error: a list cannot be used: error.log:1: …",
            "hint: a list holds one address, …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sink", "appfirewall"],
        2,
        &[
            "afw: error: AppFirewall needs an API key",
            "hint: set APPFIREWALL_API_KEY, …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sink", "appfirewal"],
        2,
        &[
            "afw: error: --sink appfirewal: there is no such receiver",
            "hint: did you mean appfirewall? one of appfirewall, …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sink", "webhook"],
        2,
        &[
            "afw: error: --sink webhook: something is missing after it",
            "hint: webhook:URL, as in webhook:https://receiver.example/afw; all forms: …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sink", "file:"],
        2,
        &[
            "afw: error: --sink file: something is missing after it",
            "hint: file:PATH, as in file:/var/log/afw.jsonl; all forms: …",
        ],
    ),
    mistake(
        &[
            "replay",
            "access.log",
            "--since",
            "2026-02-01",
            "--until",
            "2026-01-01",
        ],
        2,
        &[
            "afw: error: --until: not after --since, so no time lies between them",
            "hint: --since is the earlier of the two",
        ],
    ),
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[("AFW_MIN_CONFIDENCE", "abc")],
        code: 2,
        said: &[
            "afw: error: AFW_MIN_CONFIDENCE: \"abc\" is not what belongs here",
            "hint: a number is wanted",
        ],
    },
    mistake(
        &["rules", "check", "/dev/zero"],
        2,
        &[
            "afw: error: cannot read the rule file /dev/zero: it has more than 4194304 bytes",
            "hint: --rules takes a Sigma rule file or a folder of .yml and .yaml files",
        ],
    ),
    mistake(
        &["replay", "access.log", "--config", "/dev/zero"],
        2,
        &[
            "afw: error: /dev/zero: cannot read it: it has more than 16777216 bytes",
            "hint: `afw config init` writes a file with every key and what it means",
        ],
    ),
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[("AFW_NO_DEFAULT_RULES", "maybe")],
        code: 2,
        said: &[
            "afw: error: AFW_NO_DEFAULT_RULES: \"maybe\" is not what belongs here",
            "hint: true or false is wanted, and empty counts as unset",
        ],
    },
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[("AFW_COLOR", "red")],
        code: 2,
        said: &[
            "afw: error: AFW_COLOR: \"red\" is not what belongs here",
            "hint: one of auto, always, never",
        ],
    },
    mistake(
        &[
            "replay",
            "access.log",
            "--sink",
            "webhook:http://receiver.example/x",
        ],
        2,
        &[
            "afw: error: webhook:http://receiver.example/x: http:// would send keys and findings in the clear",
            "hint: use https://, or set allow_insecure = true for this sink",
        ],
    ),
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[
            ("APPFIREWALL_API_KEY", "afw_secret"),
            ("APPFIREWALL_ENDPOINT", "http://receiver.example/v1/events"),
        ],
        code: 2,
        said: &[
            "afw: error: APPFIREWALL_ENDPOINT: http:// would send keys and findings in the clear",
            "hint: use https://, …",
        ],
    },
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[("ONEFIREWALL_API_KEY", "afw_secret"), ("ONEFIREWALL_BULK", "-1")],
        code: 2,
        said: &[
            "afw: error: ONEFIREWALL_BULK: -1: a batch has at least one report",
            "hint: leave it out for batches of 100",
        ],
    },
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[
            ("ONEFIREWALL_API_KEY", "afw_secret"),
            ("ONEFIREWALL_FLUSH_SEC", "1m"),
        ],
        code: 2,
        said: &[
            "afw: error: ONEFIREWALL_FLUSH_SEC=1m: not a whole number",
            "hint: for example 100",
        ],
    },
    Mistake {
        typed: &["replay", "access.log"],
        environment: &[("APPFIREWALL_API_KEY_FILE", "empty.key")],
        code: 2,
        said: &[
            "afw: error: the secret file empty.key is empty",
            "hint: write the key into it, or do not name it",
        ],
    },
    mistake(
        &["tail", "access.log", "--state-dir", "damaged"],
        1,
        &[
            "afw: error: state database damaged/afw.db is damaged: file is not a database",
            "hint: try `sqlite3 damaged/afw.db .recover …",
        ],
    ),
    mistake(
        &["status", "--state-dir", "damaged"],
        1,
        &[
            "afw: error: state database damaged/afw.db is damaged: file is not a database",
            "hint: …",
        ],
    ),
    mistake(
        &["outbox", "show", "NOID"],
        1,
        &[
            "afw: error: there is no batch NOID in the outbox",
            "hint: `afw outbox list` shows all ids",
        ],
    ),
    Mistake {
        typed: &["domains", "check"],
        environment: &[("AFW_COLOR", "never"), ("AFW_PROGRESS", "never")],
        code: 2,
        said: &[
            "afw: error: the following required arguments were not provided:",
            "  <DOMAIN>",
            "",
            "Usage: afw domains check <DOMAIN>",
        ],
    },
    mistake(
        &["frobnicate"],
        2,
        &[
            "afw: error: unrecognized subcommand 'frobnicate'",
            "hint: more with '--help'.",
        ],
    ),
    mistake(
        &["replay", "access.log", "--sinc", "2h"],
        2,
        &[
            "afw: error: unexpected argument '--sinc' found",
            "hint: more with '--help'.",
        ],
    ),
    mistake(
        &["replay", "access.log", "--print", "everything"],
        2,
        &[
            "afw: error: invalid value 'everything' for '--print <WHAT>'",
            "hint: more with '--help'.",
        ],
    ),
    mistake(
        &["replay", "access.log", "--config", "missing.toml"],
        2,
        &[
            "afw: error: --config missing.toml: there is no such file",
            "hint: `afw config init > missing.toml` writes one",
        ],
    ),
    mistake(
        &["replay", "access.log", "--allow", "somebody"],
        2,
        &[
            "afw: error: --allow somebody: …",
            "hint: a network such as 192.0.2.0/24",
        ],
    ),
    mistake(
        &["replay", "access.log", "--trusted-proxy", "10.0.0.0/33"],
        2,
        &[
            "afw: error: --trusted-proxy 10.0.0.0/33: …",
            "hint: a network such as 10.0.0.0/8, `cloudflare` or `none`",
        ],
    ),
    mistake(
        &["replay", "access.log", "--class", "malware"],
        2,
        &[
            "afw: error: --class malware: there is no such class",
            "hint: one of exposure, …",
        ],
    ),
    mistake(
        &["replay", "access.log", "--min-confidence", "7"],
        2,
        &["afw: error: --min-confidence 7: not between 0 and 1", "hint: …"],
    ),
    mistake(
        &["replay", "access.log", "--drain", "long"],
        2,
        &[
            "afw: error: --drain long: not a span of time",
            "hint: for example 30s or 5m",
        ],
    ),
    mistake(
        &["replay", "access.log", "--rejects", "missing/rejects"],
        2,
        &[
            "afw: error: --rejects missing/rejects: no such file or directory",
            "hint: name a file in a directory that exists and can be written",
        ],
    ),
    mistake(
        &["replay", "access.log", "--format-from", "missing.conf"],
        2,
        &[
            "afw: error: --format-from missing.conf: no such file or directory",
            "hint: …",
        ],
    ),
    mistake(
        &["explain"],
        2,
        &["afw: error: no line to explain", "hint: afw explain 'LINE', …"],
    ),
];

fn command(dir: &Path, mistake: &Mistake) -> Command {
    let mut command = afw(&dir.join("state"));
    command
        .current_dir(dir)
        .args(mistake.typed)
        .envs(mistake.environment.iter().copied());
    command
}

fn is(line: &str, expected: &str) -> bool {
    match expected.strip_suffix('…') {
        Some(begin) => line.starts_with(begin),
        None => line == expected,
    }
}

#[test]
fn each_mistake_is_told_once_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    let mut wrong = Vec::new();
    for mistake in MISTAKES {
        let output = run(&mut command(dir.path(), mistake));
        let said = text(&output.stderr);
        let errors = said.matches("afw: error:").count();
        let mut lines = said.lines();
        let missing = mistake
            .said
            .iter()
            .find(|expected| !lines.any(|line| is(line, expected)));
        let first = said.lines().next().unwrap_or_default();
        if output.status.code() != Some(mistake.code)
            || missing.is_some()
            || errors != 1
            || !is(first, mistake.said[0])
        {
            wrong.push(format!(
                "{:?}: {:?}, expected {}; missing {missing:?}\n{said}",
                mistake.typed,
                output.status.code(),
                mistake.code
            ));
        }
        assert!(!said.contains("os error"), "{said}");
        assert!(!said.contains("afw_secret"), "{said}");
        assert!(!said.contains('\x1b'), "{said}");
        if mistake.code != 3 {
            assert_eq!(text(&output.stdout), "", "{:?}", mistake.typed);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
