//! A real nginx writes, `afw tail` follows and ships: every event arrives exactly once, through a `kill -9` and a rotation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::ingest::Ingest;
use support::{Running, afw, free_port, server_program, wait_for_port, wait_until};

/// A request as the client sent it: target and agent.
const ODD_REQUESTS: [(&str, &str); 10] = [
    ("/.env", "curl/8.11.0"),
    ("/a%20b?q=1%27%20OR%201=1--", "sqlmap/1.8"),
    ("/static/..%252f..%252fetc/passwd", "Mozilla/5.0"),
    ("/a/b/%2e%2e/%2e%2e/etc/passwd", "say \"hello\" \\ there"),
    ("/gr\u{fc}n", "Mozilla/5.0 (compatible; Nikto/2.5)"),
    ("/wp-login.php", "tab\there"),
    ("/.git/config", "-"),
    ("/?x=${jndi:ldap://192.0.2.1/a}", "${jndi:ldap://192.0.2.1/b}"),
    ("/phpmyadmin/", "\u{1f980}"),
    ("/cgi-bin/test.cgi?\\x22", "Mozilla/5.0 zgrab/0.x"),
];

struct Nginx {
    process: Running,
    port: u16,
}

/// nginx in the foreground with everything below `dir`. Clients are told by a header, so that findings have public
/// addresses: loopback addresses never become indicators and are never shipped.
fn start_nginx(program: &Path, dir: &Path) -> Nginx {
    let port = free_port();
    let root = dir.display();
    let conf = format!(
        "daemon off; master_process on; pid {root}/nginx.pid; error_log {root}/error.log; worker_processes 1;
         events {{ worker_connections 64; }}
         http {{
           client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
           uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
           set_real_ip_from 127.0.0.0/8; real_ip_header X-Test-Client;
           access_log {root}/access.log combined;
           server {{ listen 127.0.0.1:{port}; root {root}; location = /.env {{ return 200 'A=1'; }} }}
         }}"
    );
    fs::write(dir.join("nginx.conf"), conf).unwrap();
    let log = fs::File::create(dir.join("nginx.out")).unwrap();
    let process = Command::new(program)
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        .arg("-p")
        .arg(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let nginx = Nginx {
        process: Running(process),
        port,
    };
    wait_for_port(port);
    nginx
}

/// Workers outlive a killed master: nginx is asked to end.
impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.terminate();
    }
}

impl Nginx {
    /// Sends one request byte for byte and reads the answer to its end.
    fn request(&self, client: &str, target: &str, agent: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {agent}\r\nX-Test-Client: {client}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 "), "{target}: {answer:?}");
    }

    /// Renames the log and asks nginx to open a new one, as logrotate does.
    fn rotate(&self, dir: &Path) {
        if dir.join("access.log.1").exists() {
            fs::rename(dir.join("access.log.1"), dir.join("access.log.2")).unwrap();
        }
        fs::rename(dir.join("access.log"), dir.join("access.log.1")).unwrap();
        let pid = fs::read_to_string(dir.join("nginx.pid")).unwrap();
        assert!(
            Command::new("kill")
                .args(["-USR1", pid.trim()])
                .status()
                .unwrap()
                .success()
        );
        wait_until("nginx to open a new log", || dir.join("access.log").exists());
    }
}

fn start_tail(dir: &Path, state: &Path, receiver: &Ingest) -> Running {
    let messages = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("afw.err"))
        .unwrap();
    let child = afw(state)
        .args(["tail", "--from", "start", "--print", "none"])
        .arg(dir.join("access.log"))
        .env("APPFIREWALL_API_KEY", "afw_test_key")
        .env("APPFIREWALL_ENDPOINT", receiver.endpoint())
        .stdout(Stdio::null())
        .stderr(Stdio::from(messages))
        .spawn()
        .unwrap();
    Running(child)
}

/// How often each client's request arrived; every client sends one request.
fn arrivals(receiver: &Ingest) -> HashMap<String, usize> {
    let faults = receiver.look(|seen| seen.faults.clone());
    assert!(faults.is_empty(), "{faults:#?}");
    let mut counts = HashMap::new();
    for event in receiver
        .events()
        .iter()
        .filter(|event| event["type"] == "http_request")
    {
        *counts
            .entry(event["ip"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
}

#[test]
fn every_event_of_a_real_nginx_arrives_exactly_once() {
    let Some(program) = server_program("nginx") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    // Workers of an nginx that root starts run as another user: they must be able to look for what is asked.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (logs, state) = (dir.path(), dir.path().join("state"));
    let nginx = start_nginx(&program, logs);
    let receiver = Ingest::start();
    let mut sent = Vec::new();
    let mut send = |round: u8| {
        for (at, (target, agent)) in ODD_REQUESTS.iter().enumerate() {
            let client = format!("45.83.{round}.{}", at + 1);
            nginx.request(&client, target, agent);
            sent.push(client);
        }
    };

    send(1);
    let mut tail = start_tail(logs, &state, &receiver);
    wait_until("the first round", || arrivals(&receiver).len() == 10);
    send(2);
    tail.kill();
    send(3);
    nginx.rotate(logs);
    send(4);
    receiver.answer_next(&[503]);
    let mut tail = start_tail(logs, &state, &receiver);
    send(5);
    nginx.rotate(logs);
    send(6);
    wait_until("all rounds", || arrivals(&receiver).len() == sent.len());
    assert_eq!(tail.terminate(), Some(0));

    let counts = arrivals(&receiver);
    for client in &sent {
        assert_eq!(counts.get(client), Some(&1), "{client}");
    }
    assert_eq!(counts.len(), sent.len());
}
