//! Variables: one that is set and empty counts as unset, whatever it is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use support::{afw, run, shell, stdout, text};

const SAMPLE: &str = "testdata/sample/access.log";

/// Every `AFW_…` variable that the help of the commands names.
fn variables() -> Vec<String> {
    let state = tempfile::tempdir().unwrap();
    let mut names: Vec<String> = ["tail", "replay", "explain", "geoip", "lists"]
        .iter()
        .flat_map(|command| {
            let help = stdout(afw(state.path()).args([command, "--help"]));
            let named = help.split("[env: ").skip(1);
            named
                .filter_map(|rest| rest.split([']', '=']).next().map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 25, "{names:?}");
    names
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let state = tempfile::tempdir().unwrap();
    let expected = stdout(afw(state.path()).args(["replay", SAMPLE, "--print", "indicators"]));
    let mut names = variables();
    for name in [
        "APPFIREWALL_API_KEY",
        "APPFIREWALL_API_KEY_FILE",
        "APPFIREWALL_ENDPOINT",
        "ONEFIREWALL_API_KEY",
        "ONEFIREWALL_API_KEY_FILE",
        "ONEFIREWALL_END_POINT",
        "ONEFIREWALL_BULK",
        "ONEFIREWALL_TAG",
        "ONEFIREWALL_FLUSH_SEC",
        "AFW_WEBHOOK_SECRET",
        "AFW_WEBHOOK_SECRET_FILE",
        "CREDENTIALS_DIRECTORY",
    ] {
        names.push(name.to_owned());
    }
    let mut command = afw(state.path());
    command.args(["replay", SAMPLE, "--print", "indicators"]);
    for name in &names {
        command.env(name, "");
    }
    // The one variable that the machine itself may need: without it state would go to this machine's own place.
    command.arg("--state-dir").arg(state.path());
    let output = run(&mut command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn rules_tells_of_the_rules_that_variables_put_in_force() {
    let place = tempfile::tempdir().unwrap();
    let own = place.path().join("own.yml");
    let rule = "title: Own\nid: own\ndetection: {s: {cs-uri: /own}, condition: s}\n";
    std::fs::write(&own, rule).unwrap();
    let rules = |arguments: &[&str]| {
        let mut command = afw(&place.path().join("state"));
        command.arg("rules").args(arguments);
        command.env("AFW_RULES", &own).env("AFW_NO_DEFAULT_RULES", "true");
        run(&mut command)
    };
    let listed = text(&rules(&["list"]).stdout);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(listed.trim_end().ends_with("Own  (own)"), "{listed}");
    assert!(text(&rules(&["show", "own"]).stdout).starts_with("Own (own)\n"));
    let checked = text(&rules(&["check"]).stderr);
    assert!(checked.contains("1 rule in 1 file loads"), "{checked}");
    std::fs::write(
        &own,
        "title: Own\ndetection: {s: {cs-uri|no: /own}, condition: s}\n",
    )
    .unwrap();
    let refused = rules(&["check"]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(
        text(&refused.stdout).contains("own.yml:2: no: is no modifier"),
        "{}",
        text(&refused.stdout)
    );
    let mut piped = shell(&place.path().join("state"), "afw rules check - <\"$OWN\"");
    let refused = run(piped.env("OWN", &own));
    let told = text(&refused.stdout);
    assert!(told.contains("/dev/stdin:2: no: is no modifier"), "{told}");
    // A file that is named is looked at alone.
    std::fs::write(place.path().join("other.yml"), rule).unwrap();
    let other = place.path().join("other.yml");
    assert!(rules(&["check", other.to_str().unwrap()]).status.success());
}
