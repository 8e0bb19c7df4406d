//! Decoding, against every compression, cut and broken.

use std::io::Write;

use super::*;

fn decode(data: &[u8]) -> (Vec<u8>, Option<Fault>) {
    decode_by(data, 777)
}

fn decode_by(data: &[u8], step: usize) -> (Vec<u8>, Option<Fault>) {
    let mut decoder = Decoder::new(data);
    let mut out = Vec::new();
    let mut room = vec![0; step];
    loop {
        match decoder.read(&mut room) {
            Ok(0) => return (out, None),
            Ok(count) => out.extend_from_slice(&room[..count]),
            Err(fault) => return (out, Some(fault)),
        }
    }
}

fn text() -> Vec<u8> {
    (0..20_000)
        .flat_map(|n| format!("line {n} {:x}\n", n * 7919).into_bytes())
        .collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

fn xz(data: &[u8]) -> Vec<u8> {
    let mut out = liblzma::write::XzEncoder::new(Vec::new(), 1);
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

fn bzip2(data: &[u8]) -> Vec<u8> {
    let mut out = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    let mut out = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    out.include_checksum(true).unwrap();
    out.write_all(data).unwrap();
    out.finish().unwrap()
}

type Pack = fn(&[u8]) -> Vec<u8>;

fn packed() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let text = text();
    let (a, b) = text.split_at(text.len() / 3);
    let pack: [(&'static str, Pack); 4] = [("gzip", gzip), ("zstd", zstd), ("bzip2", bzip2), ("xz", xz)];
    pack.into_iter()
        .map(|(name, f)| (name, f(&text), [f(a), f(b)].concat()))
        .collect()
}

#[test]
fn every_coding_gives_the_same_bytes_in_one_member_or_many() {
    for (name, one, many) in packed() {
        for step in [1, 100, 1 << 20] {
            if step == 1 && name != "gzip" {
                continue;
            }
            let (out, fault) = decode_by(&one, step);
            assert!(out == text() && fault.is_none(), "{name} {fault:?}");
            let (out, fault) = decode_by(&many, step);
            assert!(
                out == text() && fault.is_none(),
                "{name} in two members: {fault:?}"
            );
        }
        let padded = [one, vec![0; 1000]].concat();
        let (out, fault) = decode(&padded);
        assert!(
            out == text() && fault.is_none(),
            "{name} padded with zeros: {fault:?}"
        );
    }
}

#[test]
fn plain_bytes_pass_and_an_empty_input_is_empty() {
    assert_eq!(decode(&text()).0, text());
    for short in [&b""[..], b"a", b"ab\n", b"\xff", b"\x1f", b"B"] {
        let (out, fault) = decode(short);
        assert!(fault.is_none());
        assert!(out == short || short == b"\xff", "{short:?}");
    }
}

#[test]
fn a_truncated_archive_gives_what_came_before() {
    for (name, one, _) in packed() {
        let (out, fault) = decode(&one[..one.len() / 2]);
        assert!(text().starts_with(&out), "{name}");
        assert!(name == "bzip2" || !out.is_empty(), "{name}");
        assert!(matches!(fault, Some(Fault::Truncated(_))), "{name}: {fault:?}");
    }
}

#[test]
fn a_corrupt_archive_gives_what_came_before() {
    for (name, mut one, _) in packed() {
        let middle = one.len() * 3 / 4;
        one[middle..middle + 16].fill(0xff);
        let (out, fault) = decode(&one);
        assert!(matches!(fault, Some(Fault::Corrupt(..))), "{name}: {fault:?}");
        assert!(out.len() < text().len() + 1000, "{name}");
        let same = out.iter().zip(text()).take_while(|(a, b)| **a == *b).count();
        assert!(name == "bzip2" || same > text().len() / 3, "{name}: {same}");
    }
}

#[test]
fn a_wrong_checksum_at_the_end_loses_no_byte() {
    let mut data = gzip(&text());
    let at = data.len() - 8;
    data[at] ^= 1;
    let (out, fault) = decode(&data);
    assert_eq!(out, text());
    assert!(matches!(fault, Some(Fault::Corrupt(..))));
}

#[test]
fn garbage_after_the_end_is_told() {
    let (out, fault) = decode(&[gzip(b"one\n"), b"garbage".to_vec()].concat());
    assert_eq!(out, b"one\n");
    assert_eq!(
        fault.unwrap().what(),
        "corrupt gzip data (other data after its end)"
    );
}

#[test]
fn a_zstd_window_beyond_the_limit_is_refused() {
    let mut encoder = ::zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.write_all(&text()).unwrap();
    let (out, fault) = decode(&encoder.finish().unwrap());
    assert!(out.is_empty());
    assert!(matches!(fault, Some(Fault::TooLarge(Coding::Zstd))), "{fault:?}");
}

#[test]
fn utf16_is_read_as_utf8() {
    let text = "GET /ä 🦀\r\nzwei\n";
    let le: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let be: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_be_bytes)
        .collect();
    for data in [le, be] {
        for step in [1, 3, 4096] {
            assert_eq!(decode_by(&data, step).0, text.as_bytes());
        }
        assert_eq!(decode(&gzip(&data)).0, text.as_bytes());
    }
}

#[test]
fn other_archives_are_named() {
    let (_, fault) = decode(b"PK\x03\x04whatever");
    assert_eq!(fault.unwrap().what(), "zip archive, which is not read");
}

#[test]
fn a_host_name_is_not_taken_for_bzip2() {
    for text in ["BZh.example.com", "BZh9.example.com 192.0.2.1", "BZhA", "BZh0"] {
        assert_eq!(Coding::sniff(text.as_bytes()), Some(Coding::Plain), "{text}");
    }
    for text in ["B", "BZ", "BZh9", "BZh11"] {
        assert_eq!(Coding::sniff(text.as_bytes()), None, "{text}");
        assert_eq!(decode(text.as_bytes()).0, text.as_bytes());
    }
}
