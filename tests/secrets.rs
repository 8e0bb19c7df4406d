//! Promise 6: secrets are never printed, whatever is wrong with the configuration and whatever receivers say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::Output;

#[path = "support/receiver.rs"]
mod receiver;

use receiver::{Receiver, Reply};
use support::{afw, run, text};

const KEY: &str = "afw_live_S3CRET42";

/// Everything that a command printed.
fn said(output: &Output) -> String {
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn no_configuration_makes_afw_show_a_key() {
    let broken = [
        "[appfirewall]\napi_key = \"KEY\n",
        "[appfirewall]\napi_key = [\"KEY\"]\n",
        "[webhook]\nsecret = \"KEY\"\nsecret = \"KEY\"\n",
        "[webhook]\nsecret = \"\\q KEY\"\n",
        "[ecs]\nheaders = { \"X-Key\" = [\"KEY\"] }\n",
        "[maxmind]\naccount_id = 1\nlicence_key = KEY\n",
        "sink = [\"webhook:https://u:KEY@h.example/x\"]\n",
        "sink = [\"webhook:https://h.example/x?token=KEY\"]\n",
        "sink = [\"webhook:https://h.example/x\"]\n[http]\nproxy = \"ftp://u:KEY@h.example\"\n",
        "[appfirewall]\napi_key = \"x\"\nendpoint = \"https://KEY@h.example/\"\n",
    ];
    for text in broken {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("afw.toml");
        std::fs::write(&path, text.replace("KEY", KEY)).unwrap();
        for command in [
            &["config", "show"][..],
            &["config", "show", "--json"],
            &["config", "check"],
            &["status"],
            &["replay", "testdata/sample/access.log", "--log-level", "trace"],
        ] {
            let output = run(afw(state.path()).args(command).arg("--config").arg(&path));
            assert!(!said(&output).contains("S3CRET"), "{text}\n{}", said(&output));
            if command.contains(&"check") {
                assert_eq!(output.status.code(), Some(2), "{text}");
            }
        }
    }
}

#[test]
fn half_a_client_certificate_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("afw.toml");
    std::fs::write(
        &path,
        "sink = [\"webhook:https://h.example/\"]\n[http]\nclient_certificate_file = \"client.pem\"\n",
    )
    .unwrap();
    let mut check = afw(state.path());
    check.args(["config", "check"]);
    let output = run(check.arg("--config").arg(&path));
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("client_key_file"), "{}", said(&output));
}

#[test]
fn what_receivers_say_is_shown_without_the_key() {
    // The second answer holds the key just where the text is cut.
    for before in [String::new(), "x".repeat(505)] {
        let receiver = Receiver::start(move |request| {
            let key = request.header("authorization").unwrap_or_default();
            Reply::body(403, format!("{before}{key} is no good"))
        });
        let state = tempfile::tempdir().unwrap();
        let mut replay = afw(state.path());
        replay
            .args(["replay", "testdata/sample/access.log", "--print", "none"])
            .env("APPFIREWALL_API_KEY", KEY)
            .env("APPFIREWALL_ENDPOINT", receiver.url("/v1/events"));
        let replay = run(&mut replay);
        assert_eq!(replay.status.code(), Some(4), "{}", said(&replay));
        let mut check = afw(state.path());
        check
            .args(["domains", "check", "a.example"])
            .env("ONEFIREWALL_API_KEY", KEY)
            .env("ONEFIREWALL_END_POINT", receiver.url("/"));
        let status = run(afw(state.path()).args(["status", "--json"]));
        let list = run(afw(state.path()).args(["outbox", "list"]));
        for output in [replay, run(&mut check), status, list] {
            assert!(!said(&output).contains("afw_live"), "{}", said(&output));
        }
    }
}
