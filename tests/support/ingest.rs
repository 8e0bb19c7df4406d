//! An AppFirewall ingest on loopback that takes nothing but the exact wire form, and keeps what it took.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One accepted batch.
#[derive(Debug, Clone)]
pub struct Taken {
    /// `Idempotency-Key`.
    pub key: String,
    /// The events, decoded.
    pub events: Vec<serde_json::Value>,
}

/// What the receiver has seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Batches by key: a repeated key must bring the same bytes and counts once.
    pub batches: HashMap<String, (Vec<u8>, Taken)>,
    /// Every deviation from the contract.
    pub faults: Vec<String>,
    /// Requests offered, accepted or not.
    pub offers: u64,
    /// Status codes to answer with before accepting again, first first.
    pub answers: Vec<u16>,
}

/// The receiver; it listens until the process ends.
#[derive(Clone)]
pub struct Ingest {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Ingest {
    /// Starts listening on a free loopback port.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { port, seen }
    }

    /// Where to send.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/v1/events", self.port)
    }

    /// Answers the next offers with these statuses before accepting again.
    pub fn answer_next(&self, statuses: &[u16]) {
        self.seen.lock().expect("not poisoned").answers.extend(statuses);
    }

    /// Looks at what was seen.
    pub fn look<T>(&self, with: impl FnOnce(&Seen) -> T) -> T {
        with(&self.seen.lock().expect("not poisoned"))
    }

    /// Changes what it does or has seen.
    pub fn look_mut<T>(&self, with: impl FnOnce(&mut Seen) -> T) -> T {
        with(&mut self.seen.lock().expect("not poisoned"))
    }

    /// All events of all accepted batches.
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.look(|seen| {
            seen.batches
                .values()
                .flat_map(|(_, taken)| taken.events.clone())
                .collect()
        })
    }
}

/// Serves requests on one connection until the client closes it.
fn serve(stream: TcpStream, seen: &Mutex<Seen>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    while let Some((head, body)) = request(&mut reader) {
        let mut seen = seen.lock().expect("not poisoned");
        seen.offers += 1;
        let status = if seen.answers.is_empty() {
            take(&mut seen, &head, body)
        } else {
            seen.answers.remove(0)
        };
        drop(seen);
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

type Head = (String, HashMap<String, String>);

fn request(reader: &mut BufReader<TcpStream>) -> Option<(Head, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let first = line.trim_end().to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(((first, headers), body))
}

/// Checks an offer against the contract and keeps it; the status to answer with.
fn take(seen: &mut Seen, (first, headers): &Head, body: Vec<u8>) -> u16 {
    match check(first, headers, &body) {
        Ok(taken) => {
            if let Some((before, _)) = seen.batches.get(&taken.key)
                && *before != body
            {
                seen.faults
                    .push(format!("key {} came with two bodies", taken.key));
            }
            seen.batches.insert(taken.key.clone(), (body, taken));
            202
        }
        Err(fault) => {
            seen.faults.push(fault);
            400
        }
    }
}

/// What is wrong with an offer, or what it brings.
pub fn check(first: &str, headers: &HashMap<String, String>, body: &[u8]) -> Result<Taken, String> {
    let expect = |name: &str, value: &str| match headers.get(name) {
        Some(found) if found == value => Ok(()),
        found => Err(format!("{name}: {found:?}, expected {value}")),
    };
    if first != "POST /v1/events HTTP/1.1" {
        return Err(format!("request line: {first}"));
    }
    expect("authorization", "Bearer afw_test_key")?;
    expect("content-type", "application/x-ndjson")?;
    expect("content-encoding", "gzip")?;
    let key = headers
        .get("idempotency-key")
        .cloned()
        .ok_or("no Idempotency-Key")?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(body)
        .read_to_string(&mut text)
        .map_err(|error| format!("gzip: {error}"))?;
    if text.ends_with('\n') || text.is_empty() || !text.is_ascii() {
        return Err("the body must be ASCII JSON lines without a newline at the end".to_owned());
    }
    let events: Vec<serde_json::Value> = text.lines().map(event).collect::<Result<_, _>>()?;
    if events.len() > 500 {
        return Err(format!("{} events in one batch", events.len()));
    }
    Ok(Taken { key, events })
}

/// Keys in the SDK's order, no others, no spaces between tokens.
fn event(line: &str) -> Result<serde_json::Value, String> {
    const HTTP: [&str; 13] = [
        "type",
        "ts",
        "ip",
        "method",
        "path",
        "status",
        "ua",
        "referer",
        "cf_country",
        "cf_ray",
        "cf_asn",
        "classification",
        "environment",
    ];
    const CUSTOM: [&str; 9] = [
        "type",
        "ts",
        "name",
        "fields",
        "ip",
        "path",
        "method",
        "cf_ray",
        "environment",
    ];
    let value: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    let object = value.as_object().ok_or("not an object")?;
    let order: &[&str] = match value["type"].as_str() {
        Some("http_request") => &HTTP,
        Some("custom") => &CUSTOM,
        other => return Err(format!("type {other:?}")),
    };
    let mut places = object
        .keys()
        .map(|key| order.iter().position(|known| known == key));
    let mut last = None;
    if !places.all(|place| place.is_some() && std::mem::replace(&mut last, place) < place) {
        return Err(format!("keys or their order: {line}"));
    }
    if line.contains("\": ") || line.contains(", \"") {
        return Err(format!("spaces between tokens: {line}"));
    }
    Ok(value)
}
