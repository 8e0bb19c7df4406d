//! Writes small MaxMind DB files for tests, by the specification in github maxmind/MaxMind-DB (version 2.0).

use crate::net::Cidr;
use std::net::IpAddr;

/// A value of a record.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(&'static str),
    Owned(String),
    Number(u32),
    Bool(bool),
    Map(Vec<(&'static str, Value)>),
}

/// The bytes of an IPv6 database of 32-bit records that holds these networks; later networks win.
pub(crate) fn database(kind: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut records = Vec::new();
    for (cidr, value) in networks {
        let cidr: Cidr = cidr.parse().unwrap();
        records.push((cidr, u32::try_from(data.len()).unwrap()));
        encode(value, &mut data);
    }
    assemble(kind, &records, &data)
}

/// The same from networks that point into encoded data.
pub(crate) fn assemble(kind: &str, records: &[(Cidr, u32)], data: &[u8]) -> Vec<u8> {
    let mut nodes: Vec<[u64; 2]> = vec![[EMPTY; 2]];
    for (cidr, offset) in records {
        insert(&mut nodes, *cidr, DATA | u64::from(*offset));
    }
    let count = nodes.len() as u64;
    let mut file = Vec::new();
    for record in nodes.iter().flatten() {
        let written = match *record {
            EMPTY => count,
            data if data & DATA != 0 => count + 16 + (data & !DATA),
            node => node,
        };
        file.extend(u32::try_from(written).unwrap().to_be_bytes());
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(kind, u32::try_from(count).unwrap(), &mut file);
    file
}

const EMPTY: u64 = u64::MAX;
const DATA: u64 = 1 << 40;

fn insert(nodes: &mut Vec<[u64; 2]>, cidr: Cidr, record: u64) {
    let (bits, prefix) = match cidr.network() {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), cidr.prefix() + 96),
        IpAddr::V6(v6) => (u128::from(v6), cidr.prefix()),
    };
    let mut node = 0usize;
    for depth in 0..prefix {
        let side = usize::from(bits >> (127 - u32::from(depth)) & 1 == 1);
        if depth + 1 == prefix {
            nodes[node][side] = record;
            return;
        }
        if nodes[node][side] == EMPTY || nodes[node][side] & DATA != 0 {
            let inherited = nodes[node][side];
            nodes[node][side] = nodes.len() as u64;
            nodes.push([inherited; 2]);
        }
        node = usize::try_from(nodes[node][side]).unwrap();
    }
}

pub(crate) fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => string(text, out),
        Value::Owned(text) => string(text, out),
        Value::Number(number) => {
            out.push(0b1100_0100);
            out.extend(number.to_be_bytes());
        }
        Value::Bool(flag) => out.extend([u8::from(*flag), 7]),
        Value::Map(pairs) => {
            out.push(0b1110_0000 | u8::try_from(pairs.len()).unwrap());
            for (key, value) in pairs {
                string(key, out);
                encode(value, out);
            }
        }
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    let len = text.len();
    if len < 29 {
        out.push(0b0100_0000 | u8::try_from(len).unwrap());
    } else {
        out.extend([0b0101_1101, u8::try_from(len - 29).unwrap()]);
    }
    out.extend(text.as_bytes());
}

fn metadata(kind: &str, nodes: u32, out: &mut Vec<u8>) {
    out.push(0b1110_0000 | 9);
    string("node_count", out);
    encode(&Value::Number(nodes), out);
    for (key, number) in [
        ("record_size", 32u8),
        ("ip_version", 6),
        ("binary_format_major_version", 2),
    ] {
        string(key, out);
        out.extend([0b1010_0001, number]);
    }
    string("binary_format_minor_version", out);
    out.push(0b1010_0000);
    string("database_type", out);
    string(kind, out);
    string("build_epoch", out);
    out.extend([0b0000_0100, 2]);
    out.extend(1_700_000_000u32.to_be_bytes());
    string("languages", out);
    out.extend([0, 4]);
    string("description", out);
    encode(&Value::Map(vec![("en", Value::Text("test"))]), out);
}
