//! What a service manager hears: ready, reloading, alive, what it is at, stopping. The manager is a real socket.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Running, afw, text};

const LINE: &str =
    "45.83.1.1 - - [10/Oct/2026:13:55:01 +0000] \"GET /.env HTTP/1.1\" 404 5 \"-\" \"curl/8\"\n";

/// What a manager hears until a message is as wanted; two minutes are a failure.
fn hear(socket: &UnixDatagram, wanted: &str) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(120);
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut heard = Vec::new();
    let mut message = [0; 4096];
    loop {
        if let Ok(length) = socket.recv(&mut message) {
            heard.push(text(&message[..length]));
        }
        if heard.iter().any(|message| message.contains(wanted)) {
            return heard;
        }
        assert!(Instant::now() < end, "waited for {wanted}, heard {heard:#?}");
    }
}

fn service(dir: &Path, socket: &str) -> Command {
    fs::write(dir.join("access.log"), LINE).unwrap();
    let mut command = afw(&dir.join("state"));
    command
        .args(["tail", "--from", "start", "--print", "none", "--no-dns"])
        .arg(dir.join("access.log"))
        .env("NOTIFY_SOCKET", socket)
        .env("WATCHDOG_USEC", "400000")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
fn a_manager_hears_of_the_whole_life_of_a_service() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut running = Running(service(dir.path(), path.to_str().unwrap()).spawn().unwrap());
    let heard = hear(&socket, "READY=1");
    assert!(
        heard[0].starts_with("READY=1\nSTATUS="),
        "ready comes first: {heard:?}"
    );
    let alive = hear(&socket, "1 sighting ");
    assert!(
        alive.iter().any(|message| message.starts_with("STATUS=1 line, ")),
        "{alive:?}"
    );

    running.signal("-HUP");
    let heard = hear(&socket, "RELOADING=1");
    let at = heard.last().unwrap().split("MONOTONIC_USEC=").nth(1).unwrap();
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let at: f64 = at.trim().parse::<f64>().unwrap() / 1e6;
    // /proc/uptime also counts the time asleep.
    assert!(at > 0.0 && at <= uptime + 1.0, "{at} of {uptime}");
    hear(&socket, "READY=1\nSTATUS=reloaded");

    assert_eq!(running.terminate(), Some(0));
    hear(&socket, "STOPPING=1");
}

#[test]
fn signs_of_life_come_twice_as_often_as_they_are_wanted_and_only_from_the_living() {
    let dir = tempfile::tempdir().unwrap();
    let name = format!("afw-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let running = Running(service(dir.path(), &format!("@{name}")).spawn().unwrap());
    hear(&socket, "READY=1");
    for _ in 0..3 {
        let started = Instant::now();
        hear(&socket, "WATCHDOG=1");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    let id = running.0.id().to_string();
    running.signal("-STOP");
    support::wait_until("it stands still", || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        status.contains("State:\tT")
    });
    socket.set_nonblocking(true).unwrap();
    let mut message = [0; 4096];
    while socket.recv(&mut message).is_ok() {}
    std::thread::sleep(Duration::from_secs(1));
    assert!(
        socket.recv(&mut message).is_err(),
        "who stands still says nothing"
    );
    socket.set_nonblocking(false).unwrap();
    running.signal("-CONT");
    hear(&socket, "WATCHDOG=1");
}

#[test]
fn a_watchdog_of_another_process_and_a_manager_that_is_not_there_harm_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut running = Running(
        service(dir.path(), path.to_str().unwrap())
            .env("WATCHDOG_PID", "1")
            .spawn()
            .unwrap(),
    );
    let heard = hear(&socket, "1 sighting ");
    assert!(!heard.concat().contains("WATCHDOG"), "{heard:?}");
    // The manager goes away; the service goes on.
    drop(socket);
    fs::remove_file(&path).unwrap();
    let mut log = fs::OpenOptions::new()
        .append(true)
        .open(dir.path().join("access.log"))
        .unwrap();
    log.write_all(LINE.as_bytes()).unwrap();
    support::wait_until("the line is read", || {
        let out = support::run(afw(&dir.path().join("state")).args(["status", "--json"]));
        text(&out.stdout).contains("\"lines\": 2")
    });
    assert_eq!(running.terminate(), Some(0));
}
