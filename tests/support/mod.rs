//! What the tests of the binary share: a clean command, a receiver on loopback, real servers where they exist.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

pub mod coding;
pub mod deaf;
pub mod ingest;
pub mod mount;
pub mod schema;
pub mod traffic;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The real binary with nothing of this machine's environment: no keys, no state, no configuration.
pub fn afw(state: &Path) -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_afw")), state)
}

/// A shell that finds the real binary as `afw`, as clean as [`afw`].
pub fn shell(state: &Path, script: &str) -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_afw"))
        .parent()
        .expect("a program lies in a folder");
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&inherited));
    let mut command = clean(Command::new("sh"), state);
    command
        .env("PATH", std::env::join_paths(places).expect("a path"))
        .args(["-c", script]);
    command
}

fn clean(mut command: Command, state: &Path) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["AFW_", "APPFIREWALL_", "ONEFIREWALL_", "XDG_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
        .env("HOME", state)
        .env("AFW_STATE_DIR", state)
        .env("NO_COLOR", "1")
        .env("GEOIPUPDATE_DB_DIR", state.join("geo"))
        .stdin(Stdio::null());
    command
}

/// Runs to the end and returns what it said; a run of a minute is a hang.
pub fn run(command: &mut Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("afw starts");
    child.wait_with_output().expect("afw ends")
}

/// Standard output of a run that must succeed.
pub fn stdout(command: &mut Command) -> String {
    let output = run(command);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{:?}\nstdout: {out}\nstderr: {err}",
        output.status
    );
    out
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Each line of standard output as JSON.
pub fn json_lines(out: &str) -> Vec<serde_json::Value> {
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Waits until `done` says so; 20 seconds are a failure that names what was waited for.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !done() {
        assert!(Instant::now() < end, "waited 120 s for: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// A process that is killed when the test ends, however it ends.
pub struct Running(pub Child);

impl Running {
    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Sends it a signal by name (`-HUP`).
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args([name, &id]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for its end and returns its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the end", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    /// Asks it to end (SIGTERM) and returns its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        // A signal that comes before the program has begun to listen for it just ends it.
        if cfg!(target_os = "linux") {
            wait_until("it listens for signals", || {
                catches_sigterm(&id) || self.0.try_wait().unwrap().is_some()
            });
        }
        let status = Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .expect("kill runs");
        assert!(status.success());
        self.0.wait().expect("it ends").code()
    }
}

/// Whether a process has a handler for the signal that asks it to end.
fn catches_sigterm(id: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    // SIGTERM is signal 15, and bit 0 is signal 1.
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 << 14 != 0)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A real server's program, or a skip that says its name; where the environment demands servers, a failure.
pub fn server_program(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&paths).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    let found = places.map(|place| place.join(name)).find(|path| path.exists());
    if found.is_none() {
        assert!(
            std::env::var_os("AFW_REQUIRE_SERVERS").is_none(),
            "{name} is required here and not installed"
        );
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Waits until a TCP port on loopback answers.
pub fn wait_for_port(port: u16) {
    wait_until(&format!("port {port}"), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
}

/// A port on loopback that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("it has an address").port()
}
