//! Client addresses as logs write them: plain, bracketed, with a port or a zone, mapped into IPv6.
//!
//! Nothing here decides who the client is; it only reads one token. See `afw::client` for that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::lanes;

/// What some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line without the marks that files which were joined bring into the middle; all at once, since a line may hold
/// nothing else.
pub(crate) fn without_marks(line: &[u8]) -> &[u8] {
    let mut rest = line;
    while let Some(after) = rest.strip_prefix(BYTE_ORDER_MARK) {
        rest = after;
    }
    rest
}

/// An address token and the port written behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address; an IPv4-mapped IPv6 address is unmapped.
    pub ip: IpAddr,
    /// The port, where the token carries one.
    pub port: Option<u16>,
}

/// The last entry of a forwarding header, which the nearest proxy wrote.
pub(crate) fn last_entry(list: &[u8]) -> &[u8] {
    let last = list.rsplit(|&b| b == b',').next();
    last.unwrap_or_default().trim_ascii()
}

/// Reads `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`, `fe80::1%eth0` and
/// `::ffff:192.0.2.1`; `None` when the whole token is nothing of this.
#[inline]
pub fn peer(text: &[u8]) -> Option<Peer> {
    if let Some((ip, rest)) = v4(text) {
        let port = match rest {
            [] => None,
            [b':', digits @ ..] => Some(port(digits)?),
            _ => return None,
        };
        return Some(Peer {
            ip: IpAddr::V4(ip),
            port,
        });
    }
    v6_peer(text)
}

/// Reads a token that always ends in a port, whatever brackets an IPv6 address has: load balancers write
/// `2001:db8::1:443`.
pub(crate) fn endpoint(text: &[u8]) -> Option<Peer> {
    let colon = memchr::memrchr(b':', text)?;
    let port = port(text.get(colon + 1..)?)?;
    Some(Peer {
        ip: ip(text.get(..colon)?)?,
        port: Some(port),
    })
}

/// The address of a token, its port ignored.
#[inline]
pub fn ip(text: &[u8]) -> Option<IpAddr> {
    peer(text).map(|peer| peer.ip)
}

/// An address, unmapped if it is IPv4 mapped into IPv6: [`IpAddr::to_canonical`], which compilers take apart byte by
/// byte, looked at as one number.
#[inline]
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.to_bits() >> 32 == 0xffff => {
            IpAddr::V4(Ipv4Addr::from_bits(v6.to_bits() as u32))
        }
        address => address,
    }
}

/// Whether a token can be the peer of a log that resolves names or listens on a socket: a host name
/// (letters, digits, `-`, `_`, `.`, at least one letter or digit) or `unix:` with whatever follows.
pub fn is_host_name(text: &[u8]) -> bool {
    if text.starts_with(b"unix:") {
        return true;
    }
    // A byte order mark in the middle of joined files is no letter of a name.
    let named =
        text.len() <= 253 && !text.starts_with(BYTE_ORDER_MARK) && text.iter().any(u8::is_ascii_alphanumeric);
    named
        && text
            .iter()
            .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.') || b >= 0x80)
}

/// Four octets without leading `+`, at most three digits each, and what follows them.
#[inline(always)]
pub(crate) fn v4(text: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    match text.first_chunk() {
        Some(bytes) => {
            let (octets, length) = lanes::octets(bytes)?;
            Some((Ipv4Addr::from(octets), text.get(length..)?))
        }
        None => short_v4(text),
    }
}

/// The same, byte by byte: for a text that ends with the address.
fn short_v4(text: &[u8]) -> Option<(Ipv4Addr, &[u8])> {
    let mut octets = [0u8; 4];
    let mut rest = text;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            let [b'.', after @ ..] = rest else { return None };
            rest = after;
        }
        let mut value: u32 = 0;
        let mut digits = 0;
        while let Some((&byte @ b'0'..=b'9', after)) = rest.split_first() {
            value = value * 10 + u32::from(byte - b'0');
            digits += 1;
            rest = after;
            if digits > 3 {
                return None;
            }
        }
        if digits == 0 {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
    }
    Some((Ipv4Addr::from(octets), rest))
}

fn v6_peer(text: &[u8]) -> Option<Peer> {
    let (inner, port) = match text.strip_prefix(b"[") {
        None => (text, None),
        Some(rest) => {
            let end = memchr::memchr(b']', rest)?;
            let (inner, after) = rest.split_at(end);
            let port = match after {
                [b']'] => None,
                [b']', b':', digits @ ..] => Some(self::port(digits)?),
                _ => return None,
            };
            (inner, port)
        }
    };
    let inner = match memchr::memchr(b'%', inner) {
        Some(at) => inner.get(..at)?,
        None => inner,
    };
    // `2001:db8::1` at most 45 bytes (a mapped address in full); anything longer is no address.
    if inner.len() > 45 || !inner.contains(&b':') {
        return bracketed_v4(text, inner, port);
    }
    let ip = match v6(inner) {
        Some((ip, [])) => ip,
        _ => std::str::from_utf8(inner).ok()?.parse().ok()?,
    };
    Some(Peer {
        ip: canonical(IpAddr::V6(ip)),
        port,
    })
}

/// An IPv6 address that is written in groups alone, as nearly all are, and what follows it.
#[inline]
pub(crate) fn v6(text: &[u8]) -> Option<(Ipv6Addr, &[u8])> {
    groups(text).map(|(groups, rest)| (Ipv6Addr::from(groups), rest))
}

/// The groups of an address and what follows them; the standard library takes its time.
fn groups(text: &[u8]) -> Option<([u16; 8], &[u8])> {
    let mut groups = [0; 8];
    let (mut used, mut rest, mut gap) = match text.strip_prefix(b"::") {
        Some(rest) => (0, rest, Some(0)),
        None => (0, text, None),
    };
    loop {
        let (group, after) = group(rest)?;
        let Some(group) = group else {
            // Only a gap may have no group behind it.
            if gap == Some(used) {
                break;
            }
            return None;
        };
        *groups.get_mut(used)? = group;
        used += 1;
        rest = match after {
            [b':', b':', after @ ..] if gap.is_none() => {
                gap = Some(used);
                after
            }
            [b':', after @ ..] => after,
            _ => {
                rest = after;
                break;
            }
        };
    }
    match gap {
        None => (used == 8).then_some((groups, rest)),
        Some(gap) => {
            let left_out = 8_usize.checked_sub(used).filter(|left_out| *left_out > 0)?;
            groups.get_mut(gap..)?.rotate_right(left_out);
            Some((groups, rest))
        }
    }
}

/// The hexadecimal digits in front, at most four of them, and what follows.
#[inline]
fn group(text: &[u8]) -> Option<(Option<u16>, &[u8])> {
    let (mut group, mut rest) = (0, text);
    while let [byte, after @ ..] = rest
        && let digit @ 0..16 = HEXADECIMAL[usize::from(*byte)]
    {
        group = group << 4 | u16::from(digit);
        rest = after;
    }
    match text.len() - rest.len() {
        0 => Some((None, rest)),
        1..=4 => Some((Some(group), rest)),
        _ => None,
    }
}

/// What each byte counts as a hexadecimal digit; 16 for those that are none.
const HEXADECIMAL: [u8; 256] = {
    let mut values = [16; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

fn bracketed_v4(text: &[u8], inner: &[u8], port: Option<u16>) -> Option<Peer> {
    let (ip, rest) = v4(inner)?;
    (rest.is_empty() && text.starts_with(b"[")).then_some(Peer {
        ip: IpAddr::V4(ip),
        port,
    })
}

fn port(digits: &[u8]) -> Option<u16> {
    u16::try_from(crate::memo::decimal(digits)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn groups_are_read_as_the_standard_library_reads_them(
            pieces in proptest::collection::vec(
                proptest::sample::select(&["::", ":", ":", "0", "1:", "ff:", "aBcD:", "12345", "1.2.3.4", "g"][..]), 0..12),
        ) {
            let text = pieces.concat();
            let read = text.parse().ok().filter(|_| !text.contains('.'));
            let whole = |(ip, rest): (_, &[u8])| rest.is_empty().then_some(ip);
            prop_assert_eq!(v6(text.as_bytes()).and_then(whole), read, "{}", text);
        }

        #[test]
        fn mapped_addresses_are_unmapped_as_the_standard_library_does_it(bits in any::<u128>(), shift in 0_u32..128, v4 in any::<u32>()) {
            let near = 0xffff_u128 << 32 ^ 1 << shift;
            for bits in [bits, bits >> shift, near, 0xffff_u128 << 32 | u128::from(v4), u128::from(v4)] {
                let address = IpAddr::V6(Ipv6Addr::from_bits(bits));
                prop_assert_eq!(canonical(address), address.to_canonical());
            }
            let address = IpAddr::V4(Ipv4Addr::from_bits(v4));
            prop_assert_eq!(canonical(address), address);
        }
    }

    #[test]
    fn tokens() {
        for (text, ip, port) in [
            ("192.0.2.1", "192.0.2.1", None),
            ("192.0.2.1:443", "192.0.2.1", Some(443)),
            ("[192.0.2.1]:80", "192.0.2.1", Some(80)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "2001:db8::1", None),
            ("[2001:db8::1]:8443", "2001:db8::1", Some(8443)),
            ("fe80::1%eth0", "fe80::1", None),
            ("[fe80::1%25eth0]:1", "fe80::1", Some(1)),
            ("::ffff:192.0.2.1", "192.0.2.1", None),
            ("[::ffff:192.0.2.1]:9", "192.0.2.1", Some(9)),
            ("::1", "::1", None),
            ("::", "::", None),
        ] {
            let want = Peer {
                ip: ip.parse().unwrap(),
                port,
            };
            assert_eq!(peer(text.as_bytes()), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "-",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.4:",
            "1.2.3.4:99999",
            "1.2.3.4x",
            "0001.2.3.4",
            "[::1",
            "[::1]x",
            "::1]",
            "12345::",
            "host.example",
            "unix:",
            "1.2.3.4, 5.6.7.8",
            "+1.2.3.4",
        ] {
            assert_eq!(peer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn host_names() {
        for (text, yes) in [
            ("host.example", true),
            ("monitoring-server", true),
            ("unix:", true),
            ("unix:/run/x.sock", true),
            ("b\u{fc}cher.example", true),
            ("-", false),
            ("", false),
            ("[error]", false),
            ("a b", false),
            ("a:80", false),
            ("\"x", false),
        ] {
            assert_eq!(is_host_name(text.as_bytes()), yes, "{text}");
        }
    }
}
