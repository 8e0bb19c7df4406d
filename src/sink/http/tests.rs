//! TLS, proxies and times against servers of our own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::sink::receiver::{Receiver, Reply};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/tls")
        .join(name)
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(testdata(name)).unwrap()
}

/// A TLS server that answers one request 202 and says in the end whether it got one.
fn tls_server(name: &str, needs_client: bool) -> (String, std::thread::JoinHandle<bool>) {
    let chain = vec![certificate(&format!("{name}.pem"))];
    let key = PrivateKeyDer::from_pem_file(testdata(&format!("{name}.key"))).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if needs_client {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca.pem")).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/x", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        answer(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)).is_ok()
    });
    (url, thread)
}

fn answer(mut stream: StreamOwned<ServerConnection, TcpStream>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\nhello") {
        let mut some = [0; 512];
        match stream.read(&mut some)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => request.extend_from_slice(&some[..count]),
        }
    }
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
    stream.flush()
}

#[test]
fn only_a_certificate_that_verifies_is_spoken_to() {
    let own = Some(testdata("ca.pem"));
    let client = Some((testdata("client.pem"), testdata("client.key")));
    for (name, server, needs_client, ca_file, client_cert, accepted) in [
        ("own authority", "server", false, own.clone(), None, true),
        ("authority unknown", "server", false, None, None, false),
        (
            "another host's certificate",
            "other",
            false,
            own.clone(),
            None,
            false,
        ),
        ("client certificate", "server", true, own.clone(), client, true),
        ("client certificate missing", "server", true, own, None, false),
    ] {
        let (url, served) = tls_server(server, needs_client);
        let spec = HttpSpec {
            ca_file,
            client_cert,
            ..HttpSpec::default()
        };
        let endpoint = Endpoint::parse("url", &url, false).unwrap();
        let answer = Http::new(&spec, endpoint, Vec::new())
            .unwrap()
            .deliver(b"hello", &[]);
        let expected = if accepted {
            answer == Answer::Accepted
        } else {
            matches!(answer, Answer::Unavailable { status: None, .. })
        };
        assert!(expected, "{name}: {answer:?}");
        assert_eq!(served.join().unwrap(), accepted, "{name}");
    }
}

#[test]
fn certificate_files_are_checked_at_start() {
    let endpoint = || Endpoint::parse("url", "https://h.example/", false).unwrap();
    for (ca_file, part) in [("server.key", "no certificate"), ("missing.pem", "missing.pem")] {
        let spec = HttpSpec {
            ca_file: Some(testdata(ca_file)),
            ..HttpSpec::default()
        };
        let error = Http::new(&spec, endpoint(), Vec::new()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let broken = vec![("X-Key".to_owned(), Secret::new("a\nb").unwrap())];
    let error = Http::new(&HttpSpec::default(), endpoint(), broken).unwrap_err();
    assert!(!error.to_string().contains("a\nb"), "{error}");
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_at_start() {
    for (key, ok) in [
        ("afw_live_1", true),
        ("a b", true),
        ("a\nb", false),
        ("cl\u{e9}", false),
    ] {
        let endpoint = Endpoint::parse("url", "https://h.example/", false).unwrap();
        let headers = vec![("X-Key".to_owned(), Secret::new(key).unwrap())];
        let made = Http::new(&HttpSpec::default(), endpoint, headers);
        assert_eq!(made.is_ok(), ok, "{key}");
    }
}

#[test]
fn a_proxy_is_used_but_not_for_this_machine() {
    let proxy = Receiver::script([Reply::Status(202)]);
    let spec = HttpSpec {
        proxy: Some(proxy.origin.clone()),
        ..HttpSpec::default()
    };
    let far = Endpoint::parse("url", "https://ingest.invalid/x", false).unwrap();
    Http::new(&spec, far, Vec::new()).unwrap().deliver(b"hello", &[]);
    let asked = proxy.wait_for(1);
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("CONNECT", "ingest.invalid:443")
    );

    let near = Receiver::script([Reply::Status(202)]);
    let endpoint = Endpoint::parse("url", &near.url("/x"), false).unwrap();
    assert_eq!(
        Http::new(&spec, endpoint, Vec::new())
            .unwrap()
            .deliver(b"hello", &[]),
        Answer::Accepted
    );
    assert_eq!((proxy.count(), near.count()), (1, 1));
}

#[test]
fn a_request_ends_when_its_time_is_over() {
    let receiver = Receiver::script([Reply::Hang]);
    let endpoint = Endpoint::parse("url", &receiver.url("/x"), false).unwrap();
    let spec = HttpSpec {
        whole_time: Duration::from_millis(200),
        ..HttpSpec::default()
    };
    let began = Instant::now();
    let answer = Http::new(&spec, endpoint, Vec::new())
        .unwrap()
        .deliver(b"hello", &[]);
    assert!(
        matches!(answer, Answer::Unavailable { status: None, .. }),
        "{answer:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    let spec = HttpSpec::default();
    assert_eq!((spec.connect_time.as_secs(), spec.whole_time.as_secs()), (5, 10));
}
