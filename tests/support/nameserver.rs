//! A name server on loopback that says what a test's zone tells it to: truth, nothing, lies, or too late.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype, ToName};
use domain::rdata::{A, Aaaa, Cname, Ptr};

/// What the test's name server says to a name and type.
pub enum Say {
    Names(Vec<&'static str>),
    Address(&'static str),
    /// An alias and, behind it, an address.
    Through(&'static str, &'static str),
    /// An alias and nothing else.
    Alias(&'static str),
    Nothing,
    Fails,
    Silent,
    /// Forgeries first: a wrong number, another question, junk; then the truth.
    AfterForgeries(&'static str),
    /// The names, so much later.
    Late(Duration, &'static str),
    /// Over UDP only that it does not fit.
    OnlyByTcp(&'static str),
}

/// What a name server says to a name and a type.
pub type Zone = fn(&str, Rtype) -> Say;

fn name(text: &str) -> Name<Vec<u8>> {
    text.parse().unwrap()
}

/// What a question asks for.
fn asked(question: &[u8]) -> (String, Rtype) {
    let message = Message::from_octets(question).unwrap();
    let asked = message.sole_question().unwrap();
    let owner: Name<Vec<u8>> = asked.qname().to_vec();
    (owner.to_string().to_lowercase(), asked.qtype())
}

fn delay(zone: Zone, question: &[u8]) -> Duration {
    let (name, kind) = asked(question);
    match zone(&name, kind) {
        Say::Late(delay, _) => delay,
        _ => Duration::ZERO,
    }
}

/// The replies to a question, in the order in which they are sent.
fn replies(zone: Zone, question: &[u8], tcp: bool) -> Vec<Vec<u8>> {
    let message = Message::from_octets(question).unwrap();
    let asked = message.sole_question().unwrap();
    let owner: Name<Vec<u8>> = asked.qname().to_vec();
    let say = zone(&owner.to_string().to_lowercase(), asked.qtype());
    let with = |rcode, fill: &dyn Fn(&mut domain::base::message_builder::AnswerBuilder<Vec<u8>>)| {
        let mut answer = MessageBuilder::new_vec().start_answer(&message, rcode).unwrap();
        fill(&mut answer);
        answer.finish()
    };
    let names = |names: &[&str]| {
        with(Rcode::NOERROR, &|answer| {
            for text in names {
                answer.push((&owner, 60, Ptr::new(name(text)))).unwrap();
            }
        })
    };
    let address = |owner: &Name<Vec<u8>>, text: &str, alias: Option<&str>| {
        with(Rcode::NOERROR, &|answer| {
            let mut owner = owner.clone();
            if let Some(target) = alias {
                answer.push((&owner, 60, Cname::new(name(target)))).unwrap();
                owner = name(target);
            }
            match text.parse() {
                Ok(IpAddr::V4(v4)) => answer.push((&owner, 60, A::new(v4))).unwrap(),
                Ok(IpAddr::V6(v6)) => answer.push((&owner, 60, Aaaa::new(v6))).unwrap(),
                Err(_) => {}
            }
        })
    };
    match say {
        Say::Names(all) => vec![names(&all)],
        Say::Address(text) => vec![address(&owner, text, None)],
        Say::Through(target, text) => vec![address(&owner, text, Some(target))],
        Say::Alias(target) => vec![address(&owner, "", Some(target))],
        Say::Nothing => vec![with(Rcode::NXDOMAIN, &|_| {})],
        Say::Fails => vec![with(Rcode::SERVFAIL, &|_| {})],
        Say::Silent => vec![],
        Say::AfterForgeries(text) => {
            let mut forged = names(&["liar.example"]);
            forged[0] ^= 1;
            let other = names(&["liar.example"]);
            let asked_else = [&other[..13], b"x", &other[14..]].concat();
            vec![b"junk".to_vec(), forged, asked_else, names(&[text])]
        }
        Say::Late(_, text) => vec![names(&[text])],
        Say::OnlyByTcp(text) if tcp => vec![names(&[text])],
        Say::OnlyByTcp(_) => {
            let mut cut = with(Rcode::NOERROR, &|_| {});
            cut[2] |= 2;
            vec![cut]
        }
    }
}

/// A name server on loopback, UDP and TCP on one port. Its threads end with the test process.
pub fn name_server(zone: Zone) -> (SocketAddr, Arc<AtomicUsize>) {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (tcp, udp);
        }
    };
    let address = udp.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 1_500];
        while let Ok((len, from)) = udp.recv_from(&mut buffer) {
            counter.fetch_add(1, Ordering::SeqCst);
            let (udp, question) = (udp.try_clone().unwrap(), buffer[..len].to_vec());
            std::thread::spawn(move || {
                std::thread::sleep(delay(zone, &question));
                for reply in replies(zone, &question, false) {
                    // Who asked may have gone away.
                    drop(udp.send_to(&reply, from));
                }
            });
        }
    });
    std::thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut len = [0; 2];
            stream.read_exact(&mut len).unwrap();
            let mut question = vec![0; usize::from(u16::from_be_bytes(len))];
            stream.read_exact(&mut question).unwrap();
            for reply in replies(zone, &question, true) {
                stream
                    .write_all(&u16::try_from(reply.len()).unwrap().to_be_bytes())
                    .unwrap();
                stream.write_all(&reply).unwrap();
            }
        }
    });
    (address, asked)
}
