//! [`Notify`]: tells systemd how a service is: ready, reloading, stopping, alive, and what it is at.
//!
//! The protocol is a datagram of `KEY=value` lines to the socket that `NOTIFY_SOCKET` names (sd_notify(3)). Without
//! that variable nothing is sent. A manager that does not listen harms nobody: what cannot be sent is left unsaid.

use std::env;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// How long a manager may take to make room for a message.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often a status that changed is told.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// Longest status, in bytes.
const MAX_STATUS: usize = 512;

/// The service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notify {
    manager: Option<Manager>,
    following: bool,
    /// How often a sign of life is sent, when one is expected: twice as often as it is.
    alive_every: Option<Duration>,
    lived: Option<Instant>,
    status: String,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notify {
    /// The manager that the environment names.
    pub fn from_environment() -> Self {
        let named = env::var("NOTIFY_SOCKET").ok().filter(|name| !name.is_empty());
        let manager = named.and_then(|name| match Manager::reach(&name) {
            Ok(manager) => Some(manager),
            Err(error) => {
                tracing::warn!("the service manager cannot be told anything: NOTIFY_SOCKET={name}: {error}");
                None
            }
        });
        Self {
            alive_every: manager.as_ref().and_then(|_| watchdog()),
            manager,
            ..Self::default()
        }
    }

    /// Whether anybody listens.
    pub const fn is_heard(&self) -> bool {
        self.manager.is_some()
    }

    /// Every log that is there has been seen: what is written from now on will be read. Told once.
    pub fn following(&mut self) {
        if !std::mem::replace(&mut self.following, true) {
            self.ready("Following logs");
        }
    }

    /// Logs are followed, or a reload is over.
    pub fn ready(&mut self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// A reload begins. The time tells the manager that it is the one it asked for.
    pub fn reloading(&mut self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The end begins.
    pub fn stopping(&mut self) {
        self.tell("STOPPING=1\nSTATUS=Sending what waits and ending");
    }

    /// A sign of life, when one is due. Called by whoever makes progress, or waits for a reason that was said.
    pub fn alive(&mut self) {
        let Some(every) = self.alive_every else { return };
        if self.lived.is_none_or(|at| at.elapsed() >= every) {
            self.lived = Some(Instant::now());
            self.tell("WATCHDOG=1");
        }
    }

    /// What the service is at, as `systemctl status` shows it; told when it changed, and not too often.
    pub fn status(&mut self, status: impl FnOnce() -> String) {
        let due = self.told.is_none_or(|at| at.elapsed() >= STATUS_EVERY);
        if !self.is_heard() || !due {
            return;
        }
        self.told = Some(Instant::now());
        let status = one_line(&status());
        if status != self.status {
            self.tell(&format!("STATUS={status}"));
            self.status = status;
        }
    }

    fn tell(&mut self, text: &str) {
        let Some(manager) = &self.manager else { return };
        if let Err(error) = manager.socket.send_to_addr(text.as_bytes(), &manager.address) {
            tracing::debug!("the service manager does not listen: {error}");
        }
    }
}

impl Manager {
    /// `/path` or `@name` in the abstract namespace.
    fn reach(name: &str) -> io::Result<Self> {
        let address = match name.strip_prefix('@') {
            Some(name) => abstract_address(name)?,
            None if name.starts_with('/') => SocketAddr::from_pathname(name)?,
            None => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "neither a path nor an @name",
                ));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, address })
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Half of how often the manager wants a sign of life from this process.
fn watchdog() -> Option<Duration> {
    let own = match env::var("WATCHDOG_PID") {
        Ok(pid) if !pid.is_empty() => pid.parse() == Ok(std::process::id()),
        _ => true,
    };
    let micros: u64 = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (own && micros > 0).then(|| Duration::from_micros(micros) / 2)
}

/// A status is one line, of bounded length, whatever is in it.
fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    crate::text::clipped(&line, MAX_STATUS).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_stays_one_line_of_bounded_length() {
        assert_eq!(one_line("a\nREADY=1\u{1b}[2J"), "a READY=1 [2J");
        assert!(one_line(&"é".repeat(10_000)).len() <= MAX_STATUS + 4);
    }

    #[test]
    fn only_paths_and_abstract_names_are_sockets() {
        for name in ["run/notify", "vsock:2:1234", ""] {
            assert!(Manager::reach(name).is_err(), "{name}");
        }
        assert!(Manager::reach("/run/nobody/listens").is_ok());
    }
}
