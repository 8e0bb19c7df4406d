//! `afw config`: a file to start from, all mistakes at once, and where each value comes from.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use serde_json::Value;
use support::{afw, run, stdout, text};

#[test]
fn all_mistakes_of_file_options_and_what_they_name_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("afw.toml");
    fs::write(
        &file,
        "treads = 3\nformat = 7\nclass = [\"exploits\"]\nmin_confidence = 7.0\nsink = [\"fiel:x\", \"webhook:http://receiver.example/\"]\n\
         rules = [\"missing.yml\"]\nallow = [\"somebody\"]\nmetrics = \"here\"\ndrain = \"long\"\nfrom = \"middle\"\nlist = [\"tor=missing.txt\"]\n\
         api_key = \"afw_secret\"\n[outbox]\noverflow = \"drop\"\n",
    )
    .unwrap();
    let output = run(afw(dir.path())
        .current_dir(dir.path())
        .args(["--config", "afw.toml", "config", "check"]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(!said.contains("afw_secret"), "{said}");
    for mistake in [
        "afw.toml:1: unknown key `treads`; did you mean `threads`?",
        "afw.toml:2: format: text is wanted, in quotes",
        "afw.toml:12: unknown key `api_key`: it belongs below [appfirewall] or [onefirewall]",
        "afw.toml:3: class: exploits: there is no such class\nhint: did you mean exploit?",
        "afw.toml:4: min_confidence: 7: not between 0 and 1",
        "afw.toml:5: sink: fiel: there is no such receiver\nhint: did you mean file?",
        "afw.toml:5: sink: webhook:http://receiver.example/: http:// would send keys and findings in the clear",
        "cannot read the rule file missing.yml",
        "afw.toml:7: allow: somebody: ",
        "afw.toml:8: metrics: here: no address",
        "afw.toml:9: drain: long: not a span of time",
        "afw.toml:10: from: middle: no place to begin",
        "missing.txt: cannot read the list",
        "afw.toml:14: outbox.overflow: \"drop\" is not known",
    ] {
        assert!(said.contains(mistake), "{mistake}\n--\n{said}");
    }
    assert_eq!(said.matches("afw: error:").count(), 14, "{said}");
    let lines: Vec<usize> = said
        .lines()
        .filter_map(|line| {
            line.strip_prefix("afw: error: afw.toml:")?
                .split(':')
                .next()?
                .parse()
                .ok()
        })
        .collect();
    assert!(lines.len() > 10 && lines.is_sorted(), "{lines:?}\n{said}");
    assert_eq!(said.matches("`afw config init` writes").count(), 1, "{said}");
}

#[test]
fn every_wrong_entry_of_a_list_is_told_in_its_own_line_and_what_a_key_would_switch_on_is_checked_without_it()
{
    let dir = tempfile::tempdir().unwrap();
    let file = "trusted_proxy = [\n  \"10.0.0.0/99\",\n  \"x\",\n]\n[http]\nproxy = \"ftp://SECRET@x\"\n[onefirewall]\nbulk = 0\n";
    fs::write(dir.path().join("afw.toml"), file).unwrap();
    let output = run(afw(dir.path())
        .current_dir(dir.path())
        .args(["--config", "afw.toml", "config", "check"]));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for mistake in [
        "afw: error: afw.toml:2: trusted_proxy: 10.0.0.0/99: ",
        "afw: error: afw.toml:3: trusted_proxy: x: ",
        "afw: error: afw.toml:6: http.proxy: only http:// and https:// proxies can be used\nhint: write it as http://HOST:PORT\n",
        "afw: error: afw.toml:8: onefirewall.bulk: 0: a batch has at least one report\n",
    ] {
        assert!(said.contains(mistake), "{mistake}\n--\n{said}");
    }
    assert_eq!(said.matches("afw: error:").count(), 4, "{said}");
    assert!(!said.contains("SECRET") && !said.contains("--"), "{said}");
}

#[test]
fn every_wrong_entry_of_an_option_and_of_a_variable_is_told() {
    let dir = tempfile::tempdir().unwrap();
    for (typed, name) in [
        (&["--allow", "x", "--allow", "y"][..], "--allow "),
        (&[], "AFW_ALLOW: "),
    ] {
        let mut command = afw(dir.path());
        let output = run(command
            .env("AFW_ALLOW", "x,y")
            .arg("config")
            .args(typed)
            .arg("check"));
        let said = text(&output.stderr);
        assert_eq!(said.matches(&format!("afw: error: {name}")).count(), 2, "{said}");
        assert_eq!(said.matches("hint: a network such as").count(), 1, "{said}");
    }
}

#[test]
fn a_misspelt_variable_is_warned_of_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let output = run(afw(dir.path()).env("AFW_MIN_CONFIDENC", "1").args(arguments));
        assert_eq!(output.status.code(), Some(0));
        text(&output.stderr)
    };
    let checked = said(&["config", "check"]);
    assert!(
        checked.contains(
            "AFW_MIN_CONFIDENC: nothing reads this variable\nhint: did you mean AFW_MIN_CONFIDENCE?"
        ),
        "{checked}"
    );
    assert!(!checked.contains("AFW_STATE_DIR"), "{checked}");
    assert_eq!(said(&["config", "show"]), "");
}

#[test]
fn a_good_file_is_good_and_each_value_says_where_it_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("afw.toml");
    fs::write(
        &file,
        "min_confidence = 0.7\nthreads = 3\nprint = \"values\"\n[onefirewall]\napi_key = \"afw_secret\"\ntag = \"edge\"\n",
    )
    .unwrap();
    let mut command = afw(dir.path());
    command
        .arg("--config")
        .arg(&file)
        .env("AFW_THREADS", "5")
        .env("AFW_ALLOW", "192.0.2.0/24")
        .env("APPFIREWALL_API_KEY", "afw_secret")
        .args(["config", "--allow", "198.51.100.0/24", "show", "--json"]);
    let out = stdout(&mut command);
    assert!(!out.contains("afw_secret"), "{out}");
    let shown: Value = serde_json::from_str(&out).unwrap();
    let from = |key: &str| shown["origin"][key].as_str().unwrap();
    assert_eq!(
        (shown["min_confidence"].as_f64(), shown["threads"].as_u64()),
        (Some(0.7), Some(5))
    );
    assert!(
        from("min_confidence").ends_with("afw.toml:1"),
        "{}",
        from("min_confidence")
    );
    assert_eq!(from("threads"), "AFW_THREADS");
    assert_eq!(from("allow"), "--allow");
    assert_eq!(shown["allow"], serde_json::json!(["198.51.100.0/24"]));
    assert_eq!(from("format"), "default");
    assert_eq!(shown["appfirewall"]["api_key"], "set");
    assert_eq!(from("appfirewall.api_key"), "APPFIREWALL_API_KEY");
    assert!(from("onefirewall.api_key").ends_with("afw.toml:5"));
    assert_eq!(shown["onefirewall"]["tag"], "edge");
    assert_eq!(shown["sink"], serde_json::json!(["appfirewall", "onefirewall"]));

    let readable = stdout(
        afw(dir.path())
            .arg("--config")
            .arg(&file)
            .args(["config", "show"]),
    );
    let row = readable
        .lines()
        .find(|line| line.starts_with("min_confidence"))
        .unwrap();
    assert!(row.contains("0.7") && row.ends_with("afw.toml:1"), "{row}");

    let checked = run(afw(dir.path())
        .arg("--config")
        .arg(&file)
        .args(["config", "check"]));
    assert_eq!(checked.status.code(), Some(0));
    assert!(
        text(&checked.stderr).contains("afw.toml is good"),
        "{}",
        text(&checked.stderr)
    );
}

#[test]
fn a_fresh_file_is_a_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let fresh = stdout(afw(dir.path()).args(["config", "init"]));
    let file = dir.path().join("afw.toml");
    fs::write(&file, &fresh).unwrap();
    let shown: Value = serde_json::from_str(&stdout(
        afw(dir.path())
            .arg("--config")
            .arg(&file)
            .args(["config", "show", "--json"]),
    ))
    .unwrap();
    // Where servers are configured on this machine, their logs stand in it.
    assert_eq!(
        shown["paths"].as_array().unwrap().is_empty(),
        !fresh.contains("# Found on this machine"),
        "{fresh}"
    );
    assert_eq!(shown["trusted_proxy"], serde_json::json!(["cloudflare"]));
}
