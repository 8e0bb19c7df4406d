//! `afw tail --metrics`: the real binary, asked over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use support::{Running, afw, text, wait_until};

/// A port that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A receiver to which every key is wrong.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 64 << 10]);
            let _ = stream
                .write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    address
}

fn ask(address: SocketAddr, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(text(&answer))
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).unwrap_or_default()
}

fn start(dir: &Path, address: SocketAddr, sink: &str) -> Running {
    let child = afw(&dir.join("state"))
        .args(["tail", "--from", "start", "--print", "none", "--no-dns"])
        .args(["--metrics", &address.to_string(), "--sink", sink])
        .arg(dir.join("access.log"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn log(dir: &Path, requests: &[&str]) {
    let line = |request: &&str| {
        format!(
            "45.83.7.1 - - [21/Nov/2026:10:00:00 +0000] \"GET {request} HTTP/1.1\" 404 5 \"-\" \"curl/8\"\n"
        )
    };
    std::fs::write(
        dir.join("access.log"),
        requests.iter().map(line).collect::<String>(),
    )
    .unwrap();
}

#[test]
fn what_is_read_and_what_waits_is_told_to_a_monitor() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), &["/.env", "/", "/.git/config"]);
    let address = free();
    let out = dir.path().join("out.jsonl");
    let mut tail = start(dir.path(), address, &format!("file:{}", out.display()));
    wait_until("the counts", || {
        get(address, "/metrics").contains("\nafw_lines_total 3\n")
    });
    let page = get(address, "/metrics");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"),
        "{page}"
    );
    for line in [
        "afw_requests_total 3",
        "# TYPE afw_indicators_total counter",
        "afw_responses_total{status=\"4xx\"} 3",
        "afw_lag_bytes 0",
        "# TYPE afw_sink_up gauge",
    ] {
        assert!(page.lines().any(|own| own == line), "{line} is not in\n{page}");
    }
    let values = page
        .lines()
        .skip_while(|line| !line.is_empty())
        .skip(1)
        .filter(|line| !line.starts_with('#'));
    for line in values {
        let number = line.rsplit(' ').next().unwrap();
        assert!(number.parse::<u64>().is_ok(), "{line}");
    }
    wait_until("its indicator", || {
        get(address, "/metrics").contains("\nafw_indicators_total 1\n")
    });
    wait_until("good health", || {
        get(address, "/healthz").ends_with("\r\n\r\nok\n")
    });
    assert!(get(address, "/").starts_with("HTTP/1.1 404 "));
    let post = ask(address, "POST /metrics HTTP/1.1\r\n\r\n").unwrap();
    assert!(post.starts_with("HTTP/1.1 405 "), "{post}");
    let head = ask(address, "HEAD /healthz HTTP/1.1\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert_eq!(tail.terminate(), Some(0));
}

#[test]
fn a_silent_or_talkative_client_keeps_nobody_waiting_for_long() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), &["/"]);
    let address = free();
    let mut tail = start(dir.path(), address, "none");
    wait_until("the endpoint", || get(address, "/healthz").ends_with("ok\n"));
    let _silent: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(address).unwrap()).collect();
    let endless = "x".repeat(1 << 20);
    let _ = ask(address, &endless);
    wait_until("an answer all the same", || {
        get(address, "/healthz").ends_with("ok\n")
    });
    assert_eq!(tail.terminate(), Some(0));
}

#[test]
fn a_sink_that_is_stopped_is_ill_health() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), &["/.env", "/.git/config", "/wp-config.php.bak"]);
    let address = free();
    let mut tail = start(dir.path(), address, &format!("webhook:http://{}/x", refusing()));
    wait_until("ill health", || {
        let answer = get(address, "/healthz");
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("sink webhook:")
    });
    assert!(get(address, "/metrics").contains("afw_sink_up{sink=\"webhook:"));
    assert_eq!(tail.terminate(), Some(0));
}

#[test]
fn an_address_that_cannot_be_had_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = support::run(afw(dir.path()).args(["tail", "--metrics", &address, "x.log"]));
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains(&format!("cannot listen on {address}")) && said.contains("hint:"),
        "{said}"
    );
}
