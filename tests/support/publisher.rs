//! A publisher of files on loopback.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// The heads of the requests, in lower case.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// A publisher with these files; 304 to whoever names the tag `"1"`, 404 for all else, 401 below `/refused`.
pub fn publisher(files: Vec<(&'static str, Vec<u8>)>) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let heads = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).unwrap() > 2 {}
            heads.lock().unwrap().push(head.to_lowercase());
            let path = head.split(' ').nth(1).unwrap();
            let file = files.iter().find(|file| file.0 == path);
            let (status, body) = match file {
                Some(_) if head.to_lowercase().contains("if-none-match: \"1\"") => (304, &[][..]),
                Some((_, body)) => (200, &body[..]),
                None if path.starts_with("/refused") => (401, &[][..]),
                None => (404, &[][..]),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\netag: \"1\"\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        }
    });
    (base, asked)
}
