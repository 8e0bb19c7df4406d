//! What packages hold: units that systemd accepts, files that exist, scripts that shells read, a configuration that afw
//! takes. Needs `systemd-analyze` (Debian's `systemd`); where it is absent the tests say so and are skipped, unless
//! `AFW_REQUIRE_SERVERS` is set.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{afw, run, server_program, shell, stdout, text};

const UNITS: [&str; 3] = ["afw.service", "afw-replay.service", "afw-replay.timer"];

#[test]
fn systemd_accepts_the_units() {
    let Some(analyze) = server_program("systemd-analyze") else {
        return;
    };
    let (_room, units) = units_with_this_binary();
    let output = run(Command::new(analyze).args(["verify", "--man=no"]).args(units));
    assert_eq!(said(&output), "");
    assert!(output.status.success());
}

#[test]
fn the_services_are_exposed_to_little() {
    let Some(analyze) = server_program("systemd-analyze") else {
        return;
    };
    let (_room, units) = units_with_this_binary();
    for unit in units.iter().filter(|unit| unit.ends_with("service")) {
        // Of 100: the network and what adm may read remain.
        let output = run(Command::new(&analyze)
            .args(["security", "--no-pager", "--offline=true", "--threshold=15"])
            .arg(unit));
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn both_services_live_in_one_sandbox() {
    let sandbox = |unit: &str| {
        let text = packaged(unit);
        let (_, rest) = text.split_once("# The web server comes first.\n").unwrap();
        rest.split("[Install]").next().unwrap().trim().to_owned()
    };
    assert_eq!(sandbox("afw.service"), sandbox("afw-replay.service"));
}

#[test]
fn a_credential_of_the_unit_switches_its_sink_on() {
    let state = tempfile::tempdir().unwrap();
    let unit = packaged("afw.service");
    let names: Vec<&str> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential="))
        .collect();
    assert_eq!(names.len(), 3);
    for (name, sink) in [
        ("appfirewall_api_key", "appfirewall"),
        ("onefirewall_api_key", "onefirewall"),
    ] {
        assert!(names.contains(&name));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), "afw_test_0123456789\n").unwrap();
        let shown = stdout(
            afw(state.path())
                .args(["config", "show", "--json"])
                .env("CREDENTIALS_DIRECTORY", folder.path()),
        );
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["sink"], serde_json::json!([sink]));
    }
}

#[test]
fn every_variable_of_the_service_is_an_option() {
    let state = tempfile::tempdir().unwrap();
    let help = stdout(afw(state.path()).args(["tail", "--help"]));
    let files = ["afw.service", "afw-replay.service", "afw.default", "cron.example"];
    let mut count = 0;
    for file in files {
        for line in packaged(file).lines() {
            let line = line.trim_start_matches("Environment=").trim_start_matches('#');
            let Some((name, _)) = line.split_once('=').filter(|(name, _)| name.starts_with("AFW_")) else {
                continue;
            };
            assert!(help.contains(&format!("[env: {name}")), "{file}: {name}");
            count += 1;
        }
    }
    assert!(count >= 6, "{count}");
}

#[test]
fn afw_takes_the_packaged_configuration() {
    let state = tempfile::tempdir().unwrap();
    let assets = assets();
    let (source, _) = assets
        .iter()
        .find(|(_, target)| target == "etc/afw/afw.toml")
        .unwrap();
    let output = run(afw(state.path())
        .arg("--config")
        .arg(source)
        .args(["config", "check"]));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn every_file_of_the_package_exists() {
    let assets = assets();
    for (source, target) in &assets {
        if source.starts_with("target/") {
            continue;
        }
        let found = glob::glob(source).unwrap().count();
        assert!(found > 0, "{source} for {target}");
    }
    for path in list(&metadata()["conf-files"]) {
        let path = path.trim_start_matches('/').to_owned();
        assert!(assets.iter().any(|(_, target)| *target == path), "{path}");
    }
    for unit in UNITS {
        assert!(Path::new("packaging").join(unit).exists());
    }
    let recipe = packaged("Containerfile");
    let copies = recipe
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--from"));
    for source in copies.flat_map(|line| {
        let words: Vec<_> = line.split(' ').collect();
        words[..words.len() - 1].to_vec()
    }) {
        assert!(Path::new(source).exists(), "Containerfile: {source}");
    }
}

#[test]
fn shells_read_the_scripts() {
    let scripts = ["generate", "deb/build", "deb/postinst", "deb/prerm", "deb/postrm"];
    for script in scripts {
        let output = run(Command::new("sh")
            .arg("-n")
            .arg(Path::new("packaging").join(script)));
        assert!(output.status.success(), "{script}: {}", said(&output));
    }
}

#[test]
fn every_command_has_a_manual_page_and_every_shell_its_completions() {
    let room = tempfile::tempdir().unwrap();
    let script = fs::canonicalize("packaging/generate").unwrap();
    let output = run(Command::new(script)
        .arg(env!("CARGO_BIN_EXE_afw"))
        .arg(room.path()));
    assert!(output.status.success(), "{}", said(&output));
    for page in [
        "afw",
        "afw-tail",
        "afw-replay",
        "afw-explain",
        "afw-outbox",
        "afw-man",
    ] {
        let path = room.path().join(format!("man/{page}.1.gz"));
        let shown = stdout(Command::new("gzip").arg("-dc").arg(&path));
        assert_eq!(shown.matches("\n.TH ").count(), 1, "{page}");
        assert!(shown.contains(&format!("\n.TH {page} 1 ")), "{page}");
    }
    for (shell, file) in [("bash", "afw.bash"), ("zsh", "_afw"), ("fish", "afw.fish")] {
        let path = room.path().join("completions").join(file);
        assert!(fs::metadata(&path).unwrap().len() > 1000, "{file}");
        if let Ok(output) = Command::new(shell).arg("-n").arg(&path).output() {
            assert!(output.status.success(), "{file}: {}", said(&output));
        }
    }
}

#[test]
fn the_line_for_cron_catches_up() {
    let state = tempfile::tempdir().unwrap();
    let log = fs::canonicalize("testdata/sample/access.log").unwrap();
    let config = state.path().join("afw.toml");
    fs::write(&config, format!("paths = [{log:?}]\n")).unwrap();
    let crontab = packaged("cron.example");
    let line = crontab
        .lines()
        .find_map(|line| line.strip_prefix("*/10 * * * * afw "))
        .unwrap();
    let output = run(shell(state.path(), line).env("AFW_CONFIG", &config));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(said(&output), "");
    let again = stdout(
        afw(state.path())
            .env("AFW_CONFIG", &config)
            .args(["replay", "--resume", "--json"]),
    );
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["lines"], 0, "{again}");
}

/// A service that sees no more of `/proc` than processes still knows the addresses of its machine.
#[test]
fn own_addresses_are_known_in_the_sandbox() {
    let state = tempfile::tempdir().unwrap();
    let log = state.path().join("access.log");
    let line = |address: &str| {
        format!(
            "{address} - - [10/Oct/2026:13:55:36 +0000] \"GET /?q=1%27%20UNION%20SELECT%20password%20FROM%20users--%20 HTTP/1.1\" 200 9 \"-\" \"sqlmap/1.8\"\n"
        )
    };
    fs::write(&log, line("45.76.10.20") + &line("45.76.10.21")).unwrap();
    let script = format!(
        "ip link set lo up && ip address add 45.76.10.20/32 dev lo && mount -t proc -o subset=pid proc /proc \
         && test ! -e /proc/net && echo ready && afw replay --print values {}",
        log.display()
    );
    let mut inside = shell(state.path(), &format!("unshare --mount --net sh -c '{script}'"));
    let output = run(&mut inside);
    let out = text(&output.stdout);
    if !out.starts_with("ready\n") {
        eprintln!("skipped: no name spaces of one's own here: {}", said(&output));
        return;
    }
    assert_eq!(out, "ready\n45.76.10.21\n", "{}", said(&output));
}

/// The units as they are packaged, but with the program that was just built, in a folder of their own.
fn units_with_this_binary() -> (tempfile::TempDir, Vec<PathBuf>) {
    let room = tempfile::tempdir().unwrap();
    let paths = UNITS.map(|unit| {
        let path = room.path().join(unit);
        let text = packaged(unit).replace("=/usr/bin/afw ", &format!("={} ", env!("CARGO_BIN_EXE_afw")));
        fs::write(&path, text).unwrap();
        path
    });
    (room, paths.to_vec())
}

fn packaged(name: &str) -> String {
    fs::read_to_string(Path::new("packaging").join(name)).unwrap()
}

fn metadata() -> toml::Table {
    let manifest: toml::Table = fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

/// Source and full target of every file of the Debian package.
fn assets() -> Vec<(String, String)> {
    let metadata = metadata();
    let assets = metadata["assets"].as_array().unwrap();
    assets
        .iter()
        .map(|asset| {
            let words = list(asset);
            (words[0].clone(), words[1].clone())
        })
        .collect()
}

fn list(value: &toml::Value) -> Vec<String> {
    let items = value.as_array().unwrap();
    items
        .iter()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}
