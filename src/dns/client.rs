//! [`Client`]: asks name servers one question, over UDP, and over TCP when the answer does not fit.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use crate::enrich::crawler::message::{Question, Reply};
use crate::enrich::crawler::{Answer, Failure};

/// How many times a question is sent over UDP at least; each server is tried.
const TRIES: usize = 2;
/// Largest reply over UDP without an agreement on more (RFC 1035); with room for servers that do not keep to it.
const UDP_BYTES: usize = 4_096;

/// A client of name servers that are asked in turn.
#[derive(Debug, Clone)]
pub struct Client {
    servers: Vec<SocketAddr>,
    timeout: Duration,
}

impl Client {
    /// How long one try waits, unless told otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(2);

    /// A client of these servers, best first; each try waits `timeout`.
    pub const fn new(servers: Vec<SocketAddr>, timeout: Duration) -> Self {
        Self { servers, timeout }
    }

    /// Asks, and waits for the answer. A server that is silent or cannot be reached is left for the next one.
    pub fn ask(&self, question: &Question) -> Result<Answer, Failure> {
        let mut failure = Failure::TimedOut;
        let tries = self.servers.len().max(TRIES);
        for server in self.servers.iter().cycle().take(tries) {
            match self.over_udp(*server, question) {
                Ok(Some(Reply::Whole(answer))) => return answer,
                Ok(Some(Reply::Truncated)) => return self.over_tcp(*server, question),
                Ok(None) => return Err(Failure::Malformed),
                Err(error) if is_timeout(&error) => failure = Failure::TimedOut,
                Err(_) => failure = Failure::Network,
            }
        }
        Err(failure)
    }

    /// Waits for the reply to this very question; anything else that arrives is somebody's forgery or a late reply
    /// to another one.
    fn over_udp(&self, server: SocketAddr, question: &Question) -> io::Result<Option<Reply>> {
        let id = random_id();
        let Some(message) = question.encode(id) else {
            return Ok(None);
        };
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.send(&message)?;
        let deadline = Instant::now() + self.timeout;
        let mut buffer = [0; UDP_BYTES];
        loop {
            socket.set_read_timeout(Some(remaining(deadline)?))?;
            let len = socket.recv(&mut buffer)?;
            if let Some(reply) = question.decode(id, buffer.get(..len).unwrap_or_default()) {
                return Ok(Some(reply));
            }
        }
    }

    fn over_tcp(&self, server: SocketAddr, question: &Question) -> Result<Answer, Failure> {
        match self.exchange(server, question) {
            Ok(Some(Reply::Whole(answer))) => answer,
            Ok(_) => Err(Failure::Malformed),
            Err(error) if is_timeout(&error) => Err(Failure::TimedOut),
            Err(_) => Err(Failure::Network),
        }
    }

    fn exchange(&self, server: SocketAddr, question: &Question) -> io::Result<Option<Reply>> {
        let id = random_id();
        let Some(message) = question.encode(id) else {
            return Ok(None);
        };
        let deadline = Instant::now() + self.timeout;
        let mut stream = TcpStream::connect_timeout(&server, self.timeout)?;
        stream.set_write_timeout(Some(self.timeout))?;
        let len = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
        stream.write_all(&[&len[..], &message].concat())?;
        let mut len = [0; 2];
        read_until(&mut stream, &mut len, deadline)?;
        let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
        read_until(&mut stream, &mut reply, deadline)?;
        Ok(question.decode(id, &reply))
    }
}

/// Fills the buffer; a server that sends a byte now and then does not hold us beyond the deadline.
fn read_until(stream: &mut TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        stream.set_read_timeout(Some(remaining(deadline)?))?;
        match stream.read(rest)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            len => filled += len,
        }
    }
    Ok(())
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

/// A number that an outsider cannot guess: the standard library seeds its hashers from the system's randomness.
fn random_id() -> u16 {
    let hash = RandomState::new().build_hasher().finish();
    let [low, high, ..] = hash.to_le_bytes();
    u16::from_le_bytes([low, high])
}
