//! A loopback port that refuses every connection and that no other test is given meanwhile.
//!
//! A port that was merely free a moment ago may be the next receiver's.

use std::net::{SocketAddr, TcpListener, TcpStream};

/// Refuses every connection for as long as it lives.
pub struct Deaf {
    /// Where nobody listens: the near end of a connection of its own, which keeps the port.
    pub address: SocketAddr,
    _ends: [TcpStream; 2],
}

impl Deaf {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, address) = listener.accept().unwrap();
        Self {
            address,
            _ends: [near, far],
        }
    }
}
