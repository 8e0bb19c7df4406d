//! [`Endpoint`]: `tail --metrics ADDR`, for monitoring: `/metrics` in Prometheus' text format and `/healthz`.
//!
//! One thread answers one request after the other, reads at most a few kilobytes of it and waits at most two seconds
//! for them, so that nobody can make it hold memory or keep it busy for long. It never writes: counts come from the
//! driver by [`Endpoint::publish`], the rest from the store through a connection of its own. Next: `text`, which
//! writes the format, and `health`, which decides what is wrong.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::report::Statistics;
use crate::store::{FileRow, Receiver, StateKind, Store, StoreError};

mod health;
#[cfg(test)]
mod tests;
mod text;

/// How long a client may take for its request, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest request that is read, in bytes.
const MAX_REQUEST: usize = 8 << 10;
/// How often counts are taken over from the driver.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// What the driver last told.
#[derive(Debug, Clone)]
struct Live {
    statistics: Statistics,
    /// Indicators made.
    indicators: u64,
    /// When the last round ended.
    round: Instant,
}

/// What the store holds at one moment; empty in a dry run.
#[derive(Debug, Default)]
struct Stored {
    files: Vec<FileRow>,
    receivers: Vec<Receiver>,
    windows: u64,
    indicators: u64,
    counters: Vec<(String, u64)>,
}

/// The endpoint of one running tail.
#[derive(Debug)]
pub struct Endpoint {
    live: Arc<Mutex<Live>>,
    published: Instant,
}

impl Endpoint {
    /// Listens. `state_dir` is where the store lies, when there is one.
    ///
    /// # Errors
    /// The address is taken, or not this machine's.
    pub fn start(address: SocketAddr, state_dir: Option<&Path>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        tracing::info!("metrics on http://{}/metrics", listener.local_addr()?);
        let live = Arc::new(Mutex::new(Live {
            statistics: Statistics::default(),
            indicators: 0,
            round: Instant::now(),
        }));
        let server = Server {
            live: Arc::clone(&live),
            state_dir: state_dir.map(PathBuf::from),
        };
        std::thread::Builder::new()
            .name("metrics".into())
            .spawn(move || server.run(&listener))?;
        Ok(Self {
            live,
            published: Instant::now(),
        })
    }

    /// Tells what was counted, at the end of each round; most calls only say that there was one.
    pub fn publish(&mut self, statistics: &Statistics, indicators: u64) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.round = Instant::now();
        if self.published.elapsed() >= PUBLISH_EVERY || live.statistics.lines == 0 {
            self.published = live.round;
            live.statistics.clone_from(statistics);
            live.indicators = indicators;
        }
    }
}

/// The thread's part.
struct Server {
    live: Arc<Mutex<Live>>,
    state_dir: Option<PathBuf>,
}

impl Server {
    fn run(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            match stream {
                // A client that goes away harms only itself.
                Ok(stream) => drop(self.serve(stream)),
                // Out of descriptors, for one: trying at once would only burn the processor.
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_write_timeout(Some(PATIENCE))?;
        let head = read_head(&mut stream)?;
        let (status, kind, body) = self.answer(&head);
        let body_wanted = !head.starts_with("HEAD ");
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )?;
        if body_wanted {
            stream.write_all(body.as_bytes())?;
        }
        stream.flush()
    }

    /// Status line, content type and body.
    fn answer(&self, head: &str) -> (&'static str, &'static str, String) {
        const PLAIN: &str = "text/plain; charset=utf-8";
        let mut words = head.split_ascii_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !matches!(method, "GET" | "HEAD") {
            return ("405 Method Not Allowed", PLAIN, "only GET and HEAD\n".into());
        }
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match target.split('?').next() {
            Some("/metrics") => match self.stored() {
                Ok(stored) => (
                    "200 OK",
                    "text/plain; version=0.0.4; charset=utf-8",
                    text::metrics(&live, &stored),
                ),
                Err(error) => ("500 Internal Server Error", PLAIN, format!("{error}\n")),
            },
            Some("/healthz") => match self.stored() {
                Ok(stored) => health::answer(&health::faults(&live, &stored)),
                Err(error) => health::answer(&[error.to_string()]),
            },
            _ => ("404 Not Found", PLAIN, "/metrics or /healthz\n".into()),
        }
    }

    fn stored(&self) -> Result<Stored, StoreError> {
        let Some(dir) = &self.state_dir else {
            return Ok(Stored::default());
        };
        let store = Store::attach(dir)?;
        Ok(Stored {
            files: store.files()?,
            receivers: store.receivers()?,
            windows: store.state_count(StateKind::Window)?,
            indicators: store.state_count(StateKind::Indicator)?,
            counters: store.counters()?,
        })
    }
}

/// Reads a request up to the blank line after its headers.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let end = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || head.len() > MAX_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            read => head.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
