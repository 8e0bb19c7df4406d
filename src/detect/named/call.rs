//! In what place of a payload an address or name stands: whether something is done with it there.

use memchr::memmem;

/// How far back a word may stand that makes an address active, in bytes.
const REACH: usize = 120;

/// Programs that fetch what stands after them.
const FETCHERS: [&[u8]; 17] = [
    b"wget",
    b"curl",
    b"fetch",
    b"lwp-download",
    b"lwp-request",
    b"certutil",
    b"bitsadmin",
    b"mshta",
    b"regsvr32",
    b"aria2c",
    b"tftp",
    b"ftpget",
    b"iwr",
    b"invoke-webrequest",
    b"invoke-restmethod",
    b"downloadstring",
    b"downloadfile",
];

/// Programs that take a bare host name.
const CALLERS: [&[u8]; 10] = [
    b"wget",
    b"curl",
    b"ping",
    b"ping6",
    b"nslookup",
    b"dig",
    b"host",
    b"nc",
    b"ncat",
    b"telnet",
];

/// The scheme with its colon that ends here, empty before a bare `//`; `None` where a letter runs into the slashes.
pub fn scheme(before: &[u8]) -> Option<&[u8]> {
    let Some((b':', word)) = before.split_last() else {
        return match before.last() {
            Some(b'=' | b'"' | b'\'' | b'(' | b'`') => Some(&[]),
            _ => None,
        };
    };
    let letters = word
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
        .take(16)
        .count();
    before.get(word.len() - letters..)
}

/// The address from its scheme to where it ends.
pub fn address(text: &[u8]) -> &[u8] {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`<>{})|;\\&\0".contains(byte);
    let end = text.iter().position(ends).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Whether a scheme is one of files that are fetched from elsewhere.
pub fn is_fetched(scheme: &[u8]) -> bool {
    is_one_of(scheme, &[b"http:", b"https:", b"ftp:", b"ftps:"])
}

/// Whether a scheme leads to another machine at all.
pub fn is_remote(scheme: &[u8]) -> bool {
    let others: [&[u8]; 12] = [
        b"ldap:", b"ldaps:", b"rmi:", b"dns:", b"iiop:", b"corba:", b"nis:", b"nds:", b"tftp:", b"gopher:",
        b"ws:", b"wss:",
    ];
    is_fetched(scheme) || is_one_of(scheme, &others)
}

fn is_one_of(scheme: &[u8], schemes: &[&[u8]]) -> bool {
    schemes.iter().any(|one| one.eq_ignore_ascii_case(scheme))
}

/// Whether what stands before an address does something with it.
pub fn is_active(before: &[u8], scheme: &[u8]) -> bool {
    // As in most referrers.
    if before.is_empty() {
        return false;
    }
    let near = before
        .get(before.len().saturating_sub(REACH)..)
        .unwrap_or_default()
        .to_ascii_lowercase();
    if !scheme.is_empty() && (in_lookup(&near) || in_command(&near)) {
        return true;
    }
    in_markup(&near) || in_call(&near)
}

/// Whether the value of a parameter begins here.
pub fn begins_a_value(before: &[u8]) -> bool {
    before.last() == Some(&b'=') && memchr::memchr(b'?', before).is_some()
}

/// `${jndi:` and its disguises; Cloudflare logs `${` as `x{`.
fn in_lookup(near: &[u8]) -> bool {
    let opened = memmem::rfind(near, b"${").max(memmem::rfind(near, b"x{"));
    opened.is_some() && (memmem::find(near, b"ndi").is_some() || near.last() == Some(&b'}'))
}

/// A program that fetches, as a word, in the same part of the line.
fn in_command(near: &[u8]) -> bool {
    FETCHERS.iter().any(|program| {
        memmem::rfind(near, program).is_some_and(|at| {
            let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            let after = near.get(at + program.len()..).unwrap_or_default();
            !word(at.checked_sub(1).and_then(|before| near.get(before)))
                && !word(after.first())
                && memchr::memchr2(b'&', b'\n', after).is_none()
        })
    })
}

/// Inside an open tag or declaration; names of XML vocabularies look like addresses and are none.
fn in_markup(near: &[u8]) -> bool {
    let Some(open) = memchr::memrchr(b'<', near) else {
        return false;
    };
    let tag = near.get(open + 1..).unwrap_or_default();
    let (value, quoted) = unquoted(tag);
    let attribute = value.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    tag.first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'!' | b'?'))
        && memchr::memchr(b'>', tag).is_none()
        && (attribute.ends_with(b"=") || quoted)
        && !attribute.starts_with(b"xmlns")
        && !tag.starts_with(b"!doctype html")
        && memmem::find(tag, b" public ").is_none()
}

/// The argument of a call, an inclusion or an assignment to a place that is loaded.
fn in_call(near: &[u8]) -> bool {
    let (text, quoted) = unquoted(near);
    let words: [&[u8]; 4] = [b"include", b"include_once", b"require", b"require_once"];
    let places: [&[u8]; 4] = [b".src=", b".href=", b"location=", b"system"];
    (text.ends_with(b"(")
        && text
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
        || (quoted
            && [&b"xp_"[..], b"utl_"]
                .iter()
                .any(|call| memmem::find(text, call).is_some()))
        || (quoted && words.iter().chain(&places).any(|word| text.ends_with(word)))
}

/// The text without the quote and white space at its end, and whether there was a quote.
fn unquoted(text: &[u8]) -> (&[u8], bool) {
    let text = text.trim_ascii_end();
    match text.split_last() {
        Some((b'"' | b'\'' | b'`', rest)) => (rest.trim_ascii_end(), true),
        _ => (text, false),
    }
}

/// Names that stand without a scheme: `/dev/tcp/HOST/80`, `\\HOST\share`, `ping HOST`.
pub fn bare(text: &[u8], mut name: impl FnMut(&[u8])) {
    for device in [&b"/dev/tcp/"[..], b"/dev/udp/"] {
        let named = |at: usize| text.get(at..).and_then(|rest| rest.strip_prefix(device));
        for rest in memchr::memchr_iter(b'/', text).filter_map(named) {
            name(super::host::authority(rest));
        }
    }
    for at in super::pairs(text, b'\\') {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        if matches!(before, Some(b'=' | b'"' | b'\'' | b'(')) {
            name(super::host::authority(text.get(at + 2..).unwrap_or_default()));
        }
    }
    commands(text, name);
}

/// Programs at the start of a command, each with the first of its arguments that has a dot.
fn commands(text: &[u8], mut name: impl FnMut(&[u8])) {
    let breaks = |byte: &u8| matches!(byte, b';' | b'|' | b'&' | b'`' | b'(' | b'\n' | b'\r');
    for command in text.split(breaks) {
        let mut words = command
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let program = words.next().unwrap_or_default();
        let program = program
            .rsplit(|byte| matches!(byte, b'/' | b'='))
            .next()
            .unwrap_or_default();
        if !CALLERS.iter().any(|caller| caller.eq_ignore_ascii_case(program)) {
            continue;
        }
        let argument = words
            .take(8)
            .filter(|word| !word.starts_with(b"-"))
            .find(|word| memchr::memchr(b'.', word).is_some());
        if let Some(argument) = argument.filter(|argument| memmem::find(argument, b"//").is_none()) {
            let bare = super::host::authority(argument);
            // One dot alone is a file's name as often as a host's.
            let dots = bare.iter().filter(|byte| **byte == b'.').count();
            if dots > 1 || bare.len() < argument.len() {
                name(bare);
            }
        }
    }
}
