//! Downloads from a real server on loopback: what is taken over, what is refused, and that the old stays until then.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use super::geoip::{GeoipSpec, update};
use super::list::ListSource;
use super::*;
use crate::enrich::geo::writer::{Value, database};
use crate::sink::Secret;

/// Answers of a test server: path → status, further headers, body.
type Answers = Arc<Mutex<Vec<(&'static str, u16, String, Vec<u8>)>>>;

/// A server on loopback that answers by path and writes down each request's head. Its thread ends with the process.
fn server() -> (String, Answers, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (answers, asked) = (Answers::default(), Arc::new(Mutex::new(Vec::new())));
    let (serving, writing) = (answers.clone(), asked.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).unwrap() > 2 {}
            let path = head.split(' ').nth(1).unwrap().to_owned();
            writing.lock().unwrap().push(head);
            let found = serving
                .lock()
                .unwrap()
                .iter()
                .find(|answer| path == answer.0)
                .cloned();
            let (_, status, headers, body) = found.unwrap_or(("", 404, String::new(), Vec::new()));
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        }
    });
    (base, answers, asked)
}

fn fetcher() -> Fetcher {
    Fetcher::new(None, Duration::ZERO)
}

/// An archive as MaxMind makes them: a folder, a text and the database.
fn archive(mmdb: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, kind, body) in [
        ("X_20250101/", b'5', &b""[..]),
        ("X_20250101/COPYRIGHT.txt", b'0', b"text"),
        ("X_20250101/X.mmdb", b'0', mmdb),
    ] {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
        header[156] = kind;
        tar.extend(header);
        tar.extend(body);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(&tar).unwrap();
    gz.finish().unwrap()
}

fn sum(bytes: &[u8]) -> Vec<u8> {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{hex}  X.tar.gz\n").into_bytes()
}

fn spec(host: &str, folder: &Path) -> GeoipSpec {
    GeoipSpec {
        host: host.to_owned(),
        account: "12".to_owned(),
        key: Secret::new("s3cr3t").unwrap(),
        editions: vec!["X-Country".to_owned()],
        folder: folder.to_owned(),
    }
}

const SUM: &str = "/geoip/databases/X-Country/download?suffix=tar.gz.sha256";
const FILE: &str = "/geoip/databases/X-Country/download?suffix=tar.gz";

fn country(code: &'static str) -> Vec<u8> {
    database(
        "X-Country",
        &[(
            "192.0.2.0/24",
            Value::Map(vec![("country_code", Value::Text(code))]),
        )],
    )
}

#[test]
fn a_database_is_fetched_once_and_replaced_whole() {
    let (host, answers, asked) = server();
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&host, folder.path());
    let (first, second) = (archive(&country("SE")), archive(&country("GB")));
    // MaxMind sends the file from a store, by redirect; the store must not see the key.
    let moved = format!("location: {host}/store\r\n");
    *answers.lock().unwrap() = vec![
        (SUM, 200, String::new(), sum(&first)),
        (FILE, 302, moved.clone(), vec![]),
        ("/store", 200, String::new(), first),
    ];
    let run = || update(&spec, &fetcher()).remove(0).1;
    let path = folder.path().join("X-Country.mmdb");
    let size = country("SE").len() as u64;
    assert_eq!(run().unwrap(), Updated::Replaced { bytes: size });
    assert_eq!(std::fs::read(&path).unwrap(), country("SE"));
    assert_eq!(run().unwrap(), Updated::Unchanged);
    {
        let asked = asked.lock().unwrap();
        let basic = format!("authorization: basic {}", STANDARD.encode("12:s3cr3t")).to_lowercase();
        assert_eq!(asked.len(), 4);
        assert!(asked[1].to_lowercase().contains(&basic), "{}", asked[1]);
        assert!(!asked[2].to_lowercase().contains("authorization"), "{}", asked[2]);
    }
    *answers.lock().unwrap() = vec![
        (SUM, 200, String::new(), sum(&second)),
        (FILE, 200, String::new(), second.clone()),
    ];
    assert_eq!(run().unwrap(), Updated::Replaced { bytes: size });
    assert_eq!(std::fs::read(&path).unwrap(), country("GB"));

    // Whatever goes wrong, the old file stays.
    let junk = archive(b"junk");
    let torn = second[..second.len() / 2].to_vec();
    for (answer, file, expected) in [
        (sum(b"other"), second, "the checksum is"),
        (sum(&junk), junk, "broken database"),
        (sum(&torn), torn, "broken archive"),
        (b"<html>".to_vec(), vec![], "not a SHA-256 checksum"),
    ] {
        *answers.lock().unwrap() = vec![
            (SUM, 200, String::new(), answer),
            (FILE, 200, String::new(), file),
        ];
        let error = run().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), country("GB"));
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing is left behind"
    );
}

/// What an archive says of itself is not believed: it costs neither memory nor time to refuse one.
#[test]
fn hostile_archives_are_refused() {
    let packed = |tar: &[u8]| {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(tar).unwrap();
        gz.finish().unwrap()
    };
    let header = |name: &str, kind: u8, size: &str| {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..124 + size.len()].copy_from_slice(size.as_bytes());
        header[156] = kind;
        header
    };
    let sound = archive(&country("SE"));
    let unpacked = {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&sound[..]), &mut bytes).unwrap();
        bytes
    };
    for (name, tar, expected) in [
        ("empty", vec![], "holds no database"),
        ("zeros", vec![0; 4096], "holds no database"),
        ("no size", header("a.mmdb", b'0', "not octal"), "without a size"),
        ("terabytes", header("a.mmdb", b'0', "77777777777"), "more than"),
        (
            "terabytes beside",
            header("a.txt", b'0', "77777777777"),
            "more than",
        ),
        (
            "a megabyte that is not there",
            header("a.mmdb", b'0', "00004000000"),
            "cut off",
        ),
        (
            "a folder of that name",
            header("a.mmdb", b'5', "00000000000"),
            "holds no database",
        ),
        (
            "a link of that name",
            header("a.mmdb", b'2', "00000000000"),
            "holds no database",
        ),
        ("half a header", unpacked[..100].to_vec(), "holds no database"),
    ] {
        let error = archive::database(&packed(&tar)).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
    // The name of a file in an archive leads nowhere: only its content is taken.
    let mut evil = header("../../../etc/passwd.mmdb", b'0', "00000000003");
    evil.extend(b"abc");
    assert_eq!(archive::database(&packed(&evil)).unwrap(), b"abc");
    assert_eq!(archive::database(&sound).unwrap(), country("SE"));
}

#[test]
fn refusals_are_told_and_troubles_are_tried_again() {
    let (host, answers, asked) = server();
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(&host, folder.path());
    for (status, requests, hint) in [
        (401, 1, "check the account"),
        (429, 1, "tomorrow"),
        (503, 3, "status 503"),
    ] {
        *answers.lock().unwrap() = vec![(SUM, status, String::new(), vec![])];
        asked.lock().unwrap().clear();
        let error = update(&spec, &fetcher()).remove(0).1.unwrap_err().to_string();
        assert!(error.contains(hint) && !error.contains("s3cr3t"), "{error}");
        assert_eq!(asked.lock().unwrap().len(), requests, "{status}");
    }
    *answers.lock().unwrap() = vec![(SUM, 304, String::new(), vec![])];
    let error = update(&spec, &fetcher()).remove(0).1.unwrap_err().to_string();
    assert!(error.contains("was not asked that"), "{error}");
    let evil = GeoipSpec {
        editions: vec!["../../etc/passwd".to_owned()],
        ..spec
    };
    let error = update(&evil, &fetcher()).remove(0).1.unwrap_err();
    assert!(matches!(error, UpdateError::Setting(_)));
}

#[test]
fn a_list_is_fetched_when_it_changed() {
    let (host, answers, asked) = server();
    let folder = tempfile::tempdir().unwrap();
    let source = ListSource {
        name: "drop".to_owned(),
        url: format!("{host}/drop.txt"),
        path: folder.path().join("drop.txt"),
    };
    let put = |status, etag: &str, body: &str| {
        let etag = if etag.is_empty() {
            String::new()
        } else {
            format!("etag: {etag}\r\n")
        };
        *answers.lock().unwrap() = vec![("/drop.txt", status, etag, body.as_bytes().to_vec())];
    };
    let run = || list::update(&source, &fetcher());
    // Nothing is here: neither an answer that nothing changed nor an empty one is a list.
    for (status, body, expected) in [
        (304, "", "was not asked that"),
        (200, "", "holds nothing"),
        (200, "# soon\n", "holds nothing"),
    ] {
        put(status, "\"a\"", body);
        let error = run().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
    asked.lock().unwrap().clear();
    let four = "8.8.8.8\n8.8.4.4\n9.9.9.9\n1.1.1.1\n";
    put(200, "\"a\"", four);
    assert_eq!(run().unwrap(), Updated::Replaced { bytes: 32 });
    put(304, "", "");
    assert_eq!(run().unwrap(), Updated::Unchanged);
    assert!(
        asked.lock().unwrap()[1]
            .to_lowercase()
            .contains("if-none-match: \"a\"")
    );
    for (body, expected) in [
        ("8.8.8.8\n", "1 entries where there were 4"),
        ("<html>", "is no address"),
    ] {
        put(200, "\"b\"", body);
        let error = run().unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("old file stays"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&source.path).unwrap(), four);
    }
    put(200, "", "8.8.8.8\n8.8.4.4\n");
    assert_eq!(run().unwrap(), Updated::Replaced { bytes: 16 });
    run().unwrap();
    assert!(
        !asked
            .lock()
            .unwrap()
            .last()
            .unwrap()
            .to_lowercase()
            .contains("if-none-match")
    );
    let plain = ListSource {
        url: "http://lists.example/x".to_owned(),
        ..source
    };
    assert!(matches!(
        list::update(&plain, &fetcher()),
        Err(UpdateError::Setting(_))
    ));
}
