//! A receiver on a loopback port: keeps every request, answers as told, and misbehaves on command.
//!
//! It reads HTTP/1.1 strictly: a request that a real server might stumble over is a fault that fails the test.

#![allow(dead_code, reason = "each test uses the part it needs")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// When it was complete.
    pub at: Instant,
    /// `POST`.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Vec<u8>,
}

impl Request {
    /// The only value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self
            .headers
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "header {name} was sent twice");
        value
    }
}

/// What the receiver does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A status and an empty body.
    Status(u16),
    /// A whole answer.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Closes the connection without an answer.
    Close,
    /// Never answers.
    Hang,
    /// Bytes that are no HTTP.
    Garbage,
    /// Status 200, then a body that never ends.
    SlowBody,
    /// The beginning of an answer, then the end of the connection.
    Torn,
    /// Status 200 and the beginning of a longer body, then the end of the connection.
    Cut(&'static str),
}

impl Reply {
    /// A status with a header.
    pub fn with(status: u16, name: &'static str, value: impl ToString) -> Self {
        Self::Answer {
            status,
            headers: vec![(name, value.to_string())],
            body: Vec::new(),
        }
    }

    /// A status with a body.
    pub fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

/// What becomes of a connection before a byte of HTTP is read from it.
#[derive(Debug, Clone)]
pub enum Door {
    /// It is served.
    Open,
    /// It is reset in the middle of the first request.
    Reset,
    /// It is served over TLS.
    Tls(Arc<ServerConfig>),
}

type Respond = dyn Fn(&Request) -> Reply + Send + Sync;
type Doorman = dyn Fn(usize) -> Door + Send + Sync;

struct Shared {
    requests: Mutex<Vec<Request>>,
    faults: Mutex<Vec<String>>,
    arrived: Condvar,
    connections: AtomicUsize,
    stop: AtomicBool,
    respond: Box<Respond>,
    door: Box<Doorman>,
}

/// The running receiver. Ends with its value.
pub struct Receiver {
    /// `http://127.0.0.1:PORT`.
    pub origin: String,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Answers each request as `respond` says.
    pub fn start(respond: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::behind(listener, |_| Door::Open, respond)
    }

    /// Treats the n-th connection as `door` says and answers each request as `respond` says.
    pub fn behind(
        listener: TcpListener,
        door: impl Fn(usize) -> Door + Send + Sync + 'static,
        respond: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            faults: Mutex::default(),
            arrived: Condvar::new(),
            connections: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            respond: Box::new(respond),
            door: Box::new(door),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stop.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { origin, shared }
    }

    /// Answers by script: the n-th request gets the n-th reply, all further ones the last.
    pub fn script(replies: impl Into<Vec<Reply>>) -> Self {
        let replies = replies.into();
        let next = AtomicUsize::new(0);
        Self::start(move |_| {
            let at = next.fetch_add(1, Ordering::SeqCst);
            replies
                .get(at)
                .or(replies.last())
                .cloned()
                .unwrap_or(Reply::Status(200))
        })
    }

    /// A URL on this receiver.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// All requests so far. Fails when one was not strictly HTTP.
    pub fn requests(&self) -> Vec<Request> {
        let faults = self.shared.faults.lock().unwrap();
        assert!(faults.is_empty(), "faults of the sender: {faults:?}");
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many requests have come.
    pub fn count(&self) -> usize {
        self.shared.requests.lock().unwrap().len()
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, count: usize) -> Vec<Request> {
        let end = Instant::now() + Duration::from_secs(120);
        let mut requests = self.shared.requests.lock().unwrap();
        while requests.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "only {} of {count} requests came",
                requests.len()
            );
            requests = self.shared.arrived.wait_timeout(requests, left).unwrap().0;
        }
        drop(requests);
        self.requests()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.origin.trim_start_matches("http://"));
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let connection = self.connections.fetch_add(1, Ordering::SeqCst);
        let watch = stream.try_clone().unwrap();
        match (self.door)(connection) {
            Door::Open => self.converse(connection, stream, &watch),
            // What is not read when a connection is closed resets it.
            Door::Reset => drop(stream.read(&mut [0])),
            Door::Tls(config) => {
                let stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                self.converse(connection, stream, &watch);
            }
        }
    }

    fn converse(&self, connection: usize, stream: impl Read + Write, watch: &TcpStream) {
        let mut reader = BufReader::new(stream);
        loop {
            let request = match read_request(&mut reader, connection) {
                Ok(Some(request)) => request,
                Ok(None) => return,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.faults.lock().unwrap().push(error.to_string());
                    return;
                }
                Err(_) => return,
            };
            let reply = (self.respond)(&request);
            self.requests.lock().unwrap().push(request);
            self.arrived.notify_all();
            if !self.answer(reader.get_mut(), watch, reply).unwrap_or(false) {
                return;
            }
        }
    }

    /// Answers; true when the connection goes on.
    fn answer(&self, stream: &mut impl Write, watch: &TcpStream, reply: Reply) -> io::Result<bool> {
        let (status, headers, body) = match reply {
            Reply::Status(status) => (status, Vec::new(), Vec::new()),
            Reply::Answer {
                status,
                headers,
                body,
            } => (status, headers, body),
            Reply::Close => return Ok(false),
            Reply::Hang => {
                while !self.stop.load(Ordering::SeqCst) && !is_closed(watch) {
                    std::thread::sleep(Duration::from_millis(5));
                }
                return Ok(false);
            }
            Reply::Garbage => {
                stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n")?;
                return Ok(false);
            }
            Reply::SlowBody => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
                while !self.stop.load(Ordering::SeqCst) {
                    stream.write_all(b"x")?;
                    std::thread::sleep(Duration::from_millis(20));
                }
                return Ok(false);
            }
            Reply::Cut(beginning) => {
                let length = beginning.len() + 1000;
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{beginning}"
                )?;
                return Ok(false);
            }
            Reply::Torn => {
                stream.write_all(b"HTTP/1.1 200 O")?;
                return Ok(false);
            }
        };
        let mut text = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(body);
        stream.write_all(&bytes)?;
        stream.flush()?;
        Ok(true)
    }
}

/// The date so many seconds from now, as HTTP writes it.
pub fn http_date(secs: u64) -> String {
    let at = std::time::SystemTime::now() + Duration::from_secs(secs);
    let secs = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let time = afw_parsers::Time::from_secs(i64::try_from(secs).unwrap())
        .unwrap()
        .civil();
    let month = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ][time.month as usize - 1];
    format!(
        "Thu, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        time.day, time.year, time.hour, time.minute, time.second
    )
}

fn is_closed(stream: &TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
    matches!(stream.peek(&mut [0]), Ok(0))
}

fn fault(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let line = line
        .strip_suffix(b"\r\n")
        .ok_or_else(|| fault("a header line does not end with CRLF"))?;
    String::from_utf8(line.to_vec())
        .map(Some)
        .map_err(|_| fault("a header is not UTF-8"))
}

fn read_request(reader: &mut impl BufRead, connection: usize) -> io::Result<Option<Request>> {
    let Some(line) = read_line(reader)? else {
        return Ok(None);
    };
    let words: Vec<&str> = line.split(' ').collect();
    let [method, path, "HTTP/1.1"] = words.as_slice() else {
        return Err(fault(format!("request line {line:?}")));
    };
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?.ok_or_else(|| fault("the headers do not end"))?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line
            .split_once(": ")
            .ok_or_else(|| fault(format!("header {line:?}")))?;
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if header("host").is_none() {
        return Err(fault("no Host header"));
    }
    if header("transfer-encoding").is_some() || header("expect").is_some() {
        return Err(fault("a body of unknown length, or one that waits for 100"));
    }
    let length = header("content-length")
        .map(str::parse::<usize>)
        .transpose()
        .map_err(|_| fault("Content-Length"))?;
    if *method == "POST" && length.is_none() {
        return Err(fault("POST without Content-Length"));
    }
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some(Request {
        connection,
        at: Instant::now(),
        method: (*method).to_owned(),
        path: (*path).to_owned(),
        headers,
        body,
    }))
}
