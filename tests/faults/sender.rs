//! The process that sends what waits in a store, with the design's clock a hundred times as fast, and writes down how
//! delivery went. It can be killed at any moment.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use afw::sink::{
    AppFirewallMode, AppFirewallSpec, HttpSpec, Secret, Sink, SinkKind, SinkSpec, Tuning, Workers, build,
};

use crate::support::afw;

/// Key of the strict receiver.
pub const KEY: &str = "afw_test_key";

/// How much faster than the design's the sender's clock is.
pub const FASTER: u32 = 100;

/// The design's figures, so much faster; a whole request may take longer than that, for machines under load.
fn tuning() -> Tuning {
    let usual = Tuning::default();
    Tuning {
        retry_first: usual.retry_first / FASTER,
        retry_cap: usual.retry_cap / FASTER,
        pause_first: usual.pause_first / FASTER,
        pause_cap: usual.pause_cap / FASTER,
        breaker_open: usual.breaker_open / FASTER,
        poll: usual.poll / FASTER,
        ..usual
    }
}

/// The sink of the sender.
pub fn sinks(url: &str) -> Vec<Arc<dyn Sink>> {
    let spec = AppFirewallSpec {
        endpoint: url.to_owned(),
        api_key: Secret::new(KEY),
        mode: AppFirewallMode::Ship,
        http: HttpSpec {
            ca_file: Some(authority()),
            connect_time: Duration::from_millis(500),
            whole_time: Duration::from_millis(1000),
            ..HttpSpec::default()
        },
        ..AppFirewallSpec::default()
    };
    build(&[SinkSpec {
        name: "appfirewall".into(),
        kind: SinkKind::AppFirewall(spec),
    }])
    .unwrap()
}

/// Certificate authority of the receiver's certificates.
pub fn authority() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/tls/ca.pem")
}

/// The sender over a store.
pub fn quick(dir: &Path, url: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "sender", "--ignored", "-q"])
        .env("AFW_FAULTS_DIR", dir)
        .env("AFW_FAULTS_URL", url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The real binary over a log: it stores what it finds and sends it.
pub fn real(dir: &Path, url: &str) -> Command {
    let config = dir.join("afw.toml");
    std::fs::write(&config, format!("[http]\nca_file = {:?}\n", authority())).unwrap();
    let mut command = afw(&dir.join("state"));
    command
        .env("APPFIREWALL_API_KEY", KEY)
        .env("APPFIREWALL_ENDPOINT", url)
        .args([
            "replay",
            "--resume",
            "--no-default-rules",
            "--print",
            "none",
            "--drain",
            "10m",
            "--rules",
        ])
        .arg(dir.join("rule.yml"))
        .arg("--config")
        .arg(config)
        .arg(dir.join("access.log"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.join("said")).unwrap());
    command
}

/// Sends until nothing waits, in the child.
pub fn run() {
    let (Some(dir), Ok(url)) = (
        std::env::var_os("AFW_FAULTS_DIR"),
        std::env::var("AFW_FAULTS_URL"),
    ) else {
        return;
    };
    let dir = PathBuf::from(dir);
    let workers = Workers::start(&dir, &sinks(&url), tuning()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| trace(&workers, &dir, &done));
        while !workers.drain(Duration::from_millis(5)).is_complete() {
            std::thread::sleep(Duration::from_millis(5));
        }
        done.store(true, Ordering::SeqCst);
    });
    workers.stop(Duration::from_secs(5));
}

/// Adds each change of condition to the file `trace`.
fn trace(workers: &Workers, dir: &Path, done: &AtomicBool) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(dir.join("trace"))
        .unwrap();
    let mut last = None;
    while !done.load(Ordering::SeqCst) {
        let condition = workers.status()[0].condition;
        if last.replace(condition) != Some(condition) {
            writeln!(file, "{}", condition.name()).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
