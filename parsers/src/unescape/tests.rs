//! Tables and the round trip with the servers' own escaping.

use proptest::prelude::*;

use super::Escape;

/// What writers of XML do; some write the quotes too, or numbers.
fn xml(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in text {
        match byte {
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'>' => out.extend(b"&gt;"),
            b'"' => out.extend(b"&quot;"),
            b'\'' => out.extend(b"&apos;"),
            0..=0x1F => out.extend(format!("&#x{byte:X};").bytes()),
            b'a'..=b'f' => out.extend(format!("&#{byte};").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

#[test]
fn references_of_xml_that_are_none_stay_as_they_are() {
    for text in [
        "&",
        "a&b",
        "&;",
        "&amp",
        "&nbsp;",
        "&#;",
        "&#x;",
        "&#+65;",
        "&#x110000;",
        "&#xD800;",
        "&#99999999999;",
    ] {
        assert_eq!(Escape::Xml.undo(text.as_bytes()), text.as_bytes(), "{text}");
    }
    assert_eq!(
        Escape::Xml.undo(b"&#x20AC;&#8364;&amp;lt;\\x41"),
        "€€&lt;\\x41".as_bytes()
    );
}

/// What nginx does in `ngx_http_log_escape`.
fn nginx(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in text {
        match byte {
            0..=0x1F | b'"' | b'\\' | 0x7F.. => out.extend(format!("\\x{byte:02X}").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

/// What Apache does in `ap_escape_logitem`.
fn apache(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0x08 => out.extend(b"\\b"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x0B => out.extend(b"\\v"),
            0..=0x1F | 0x7F.. => out.extend(format!("\\x{byte:02x}").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

/// What nginx does in `ngx_escape_json`.
fn json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x08 => out.extend(b"\\b"),
            0x0C => out.extend(b"\\f"),
            0..=0x1F => out.extend(format!("\\u00{byte:02X}").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

#[test]
fn each_dialect_undoes_only_its_own() {
    for (dialect, text, want) in [
        (
            Escape::Nginx,
            &br"\x22\x5C\xE2\x82\xAC"[..],
            &b"\"\\\xE2\x82\xAC"[..],
        ),
        (Escape::Nginx, br"\x5Cx41", br"\x41"),
        (Escape::Nginx, br#"\"\n\xe2\x4"#, br#"\"\n\xe2\x4"#),
        (
            Escape::Apache,
            br#"\"\\\n\t\v\b\r\x16"#,
            b"\"\\\n\t\x0B\x08\r\x16",
        ),
        (Escape::Apache, br"\\x41", br"\x41"),
        (Escape::Apache, br"\q\x4z\", br"\q\x4z\"),
        (Escape::Either, br#"\"\x5C\x5c\n"#, b"\"\\\\\n"),
        (Escape::None, br"\x41", br"\x41"),
        (
            Escape::Json,
            br#"\"\\\/\u0041\u00E9\uD83D\uDE00\x16"#,
            "\"\\/Aé😀\u{16}".as_bytes(),
        ),
        (Escape::Json, br"\uD83D\u12", "\u{FFFD}\\u12".as_bytes()),
        (Escape::Json, br"\u12", br"\u12"),
    ] {
        let got = dialect.undo(text);
        assert_eq!(
            got.as_ref(),
            want,
            "{dialect:?} {}",
            String::from_utf8_lossy(text)
        );
    }
}

proptest! {
    #[test]
    fn undoing_what_the_server_did_gives_the_bytes_back(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let undone = Escape::Nginx.undo(&nginx(&text)).into_owned();
        prop_assert_eq!(&undone, &text);
        let undone = Escape::Apache.undo(&apache(&text)).into_owned();
        prop_assert_eq!(&undone, &text);
        let undone = Escape::Json.undo(&json(&text)).into_owned();
        prop_assert_eq!(&undone, &text);
        let undone = Escape::Xml.undo(&xml(&text)).into_owned();
        prop_assert_eq!(&undone, &text);
        let undone = Escape::Either.undo(&nginx(&text)).into_owned();
        prop_assert_eq!(&undone, &text);
        let undone = Escape::Either.undo(&apache(&text)).into_owned();
        prop_assert_eq!(&undone, &text);
    }

    #[test]
    fn any_bytes_are_taken(text in prop::collection::vec(any::<u8>(), 0..80)) {
        for dialect in [Escape::Nginx, Escape::Apache, Escape::Either, Escape::Json, Escape::None] {
            prop_assert!(dialect.undo(&text).len() <= text.len());
        }
    }
}
