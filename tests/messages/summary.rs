//! What the summary says, and what it keeps to itself.

use std::fs;

use super::support::{afw, run, text};
use super::{SAMPLE, prepare};

#[test]
fn a_summary_says_when_requests_tell_no_client() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    let line = |peer: &str| format!("{peer} - - [29/Mar/2026:03:00:00 +0200] \"GET /.env HTTP/1.1\" 404 5\n");
    for (lines, said) in [
        (line("dial-in.example.net").repeat(3) + &line("203.0.113.5"), true),
        (
            line("203.0.113.5").repeat(40) + &line("dial-in.example.net"),
            false,
        ),
    ] {
        fs::write(&log, lines).unwrap();
        let summary = text(&run(afw(dir.path()).arg("replay").arg(&log)).stdout);
        assert_eq!(
            summary.contains("3 requests tell no client address"),
            said,
            "{summary}"
        );
        assert_eq!(summary.contains("no client address"), said, "{summary}");
    }
}

#[test]
fn a_summary_of_a_proxy_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    let line = |peer: &str, at: u32| {
        format!(
            "{peer} - - [29/Mar/2026:03:00:{at:02} +0200] \"GET /.env?{at} HTTP/1.1\" 404 5 \"-\" \"-\" \"45.83.1.{at}\"\n"
        )
    };
    let said =
        |arguments: &[&str]| text(&run(afw(dir.path()).arg("replay").arg(&log).args(arguments)).stdout);
    let hint = "nearly all of this came from 10.0.0.5, which never becomes an indicator: if a proxy stands before the server \
                there, --trusted-proxy 10.0.0.5 ";
    let proxied: String = (0..40).map(|at| line("10.0.0.5", at)).collect();
    fs::write(&log, line("10.0.0.6", 1) + &proxied).unwrap();
    assert!(said(&[]).contains(hint), "{}", said(&[]));
    for named in ["10.0.0.5", "10.0.0.0/8"] {
        let said = said(&["--trusted-proxy", named]);
        assert!(!said.contains("nearly all of this"), "{said}");
    }
    let direct: String = (0..10).map(|at| line("45.83.1.7", at)).collect();
    fs::write(&log, proxied + &direct).unwrap();
    assert!(!said(&[]).contains("nearly all of this"), "{}", said(&[]));
    fs::write(&log, line("10.0.0.5", 1).repeat(3)).unwrap();
    assert!(!said(&[]).contains("nearly all of this"), "{}", said(&[]));
}

#[test]
fn a_summary_of_nothing_gives_no_advice_about_findings() {
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    fs::write(dir.path().join("empty.log"), "").unwrap();
    let state = dir.path().join("state");
    let said = |log: &str| {
        let mut command = afw(&state);
        text(&run(command.current_dir(dir.path()).args(["replay", log])).stdout)
    };
    assert_eq!(said("missing.log"), "", "the error says it all");
    for (log, advice) in [
        ("empty.log", "there is no line in it"),
        ("error.log", "no line was a request"),
    ] {
        let said = said(log);
        assert!(said.contains(advice), "{said}");
        for never in [
            "nothing suspicious",
            "geoip update",
            "nothing is shipped",
            "lines/s",
        ] {
            assert!(!said.contains(never), "{never}: {said}");
        }
    }
}

#[test]
fn a_replay_that_prints_nothing_says_what_it_shipped() {
    let dir = tempfile::tempdir().unwrap();
    // The state directory is afw's own, and what lies in it is made.
    let place = dir.path().join("state/found/x.jsonl");
    let sink = format!("file:{}", place.display());
    let mut command = afw(&dir.path().join("state"));
    command.args(["replay", SAMPLE, "--print", "none", "--sink", &sink]);
    let output = run(&mut command);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let shipped = fs::read_to_string(&place).unwrap().lines().count();
    assert!(shipped > 1);
    assert_eq!(said, format!("afw: {shipped} records handed to {sink}\n"));
    command.arg("--quiet");
    assert_eq!(text(&run(&mut command).stderr), "");
}

#[test]
fn a_summary_without_a_line_tells_only_what_is_known() {
    const ROTATED: &str = "there is no line in it: was it rotated just now?";
    let dir = tempfile::tempdir().unwrap();
    prepare(dir.path());
    fs::write(dir.path().join("empty.log"), "").unwrap();
    fs::write(dir.path().join("torn.log.gz"), b"\x1f\x8b\x08\x00").unwrap();
    let said = |log: &str| {
        let mut command = afw(&dir.path().join("state"));
        text(&run(command.current_dir(dir.path()).args(["replay", log])).stdout)
    };
    assert!(said("empty.log").contains(ROTATED));
    let torn = said("torn.log.gz");
    assert!(!torn.contains(ROTATED) && !torn.contains("Next"), "{torn}");
    let piped = said("-");
    assert!(
        piped.contains("no line came on standard input: did the command before it print any?"),
        "{piped}"
    );
    assert!(!piped.contains(ROTATED), "{piped}");
}

#[test]
fn what_was_served_is_what_to_act_on_first() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("access.log");
    let line = |at: u32, target: &str, status: u16| {
        format!(
            "45.9.21.7 - - [05/Jan/2026:10:00:{at:02} +0000] \"GET {target} HTTP/1.1\" {status} 512 \"-\" \"curl/8.11.0\"\n"
        )
    };
    std::fs::write(
        &log,
        line(1, "/actuator/gateway/routes", 404) + &line(2, "/.git/config", 200),
    )
    .unwrap();
    let said = text(&run(afw(dir.path()).arg("replay").arg(&log)).stdout);
    assert!(
        said.contains("act first: `/.git/config` was answered with success to an attacker"),
        "{said}"
    );
}
