//! [`Subject`]: the value that sightings are gathered under.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::event::{Observable, SightedEvent, ValueType};
use crate::net::Cidr;

/// Longest domain, URL and user agent that become indicators, in bytes. A longer one cannot be told from its cut
/// form, so it becomes none.
const DOMAIN_BYTES: usize = 253;
const URL_BYTES: usize = 2048;
const AGENT_BYTES: usize = 512;

/// What an indicator is about. The order is that of addresses, so the addresses of one /64 are neighbours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Subject {
    Address(IpAddr),
    /// An IPv6 /64 by its first address.
    Prefix(Ipv6Addr),
    Text(ValueType, Arc<str>),
}

impl Subject {
    pub const fn kind(&self) -> ValueType {
        match self {
            Self::Address(address) => ValueType::of_address(*address),
            Self::Prefix(_) => ValueType::Ipv6,
            Self::Text(kind, _) => *kind,
        }
    }

    pub fn value(&self) -> Box<str> {
        match self {
            Self::Address(address) => address.to_string().into(),
            Self::Prefix(first) => format!("{first}/64").into(),
            Self::Text(_, text) => (&**text).into(),
        }
    }

    /// Reads what [`Subject::kind`] and [`Subject::value`] say.
    pub fn parse(kind: &str, value: &str) -> Option<Self> {
        Some(match kind {
            "ipv4-addr" => Self::Address(value.parse::<Ipv4Addr>().ok()?.into()),
            "ipv6-addr" => match value.strip_suffix("/64") {
                Some(first) => Self::Prefix(first.parse().ok()?),
                None => Self::Address(value.parse::<Ipv6Addr>().ok()?.into()),
            },
            "domain-name" => Self::Text(ValueType::Domain, value.into()),
            "url" => Self::Text(ValueType::Url, value.into()),
            "user-agent" => Self::Text(ValueType::UserAgent, value.into()),
            _ => return None,
        })
    }

    /// A payload's value, if it can stand for something outside: no address (a client is never one that somebody
    /// else wrote), no name of the asked host itself, nothing that is not one printable line.
    pub fn observed(observable: &Observable, event: &SightedEvent) -> Option<Self> {
        let value = &*observable.value;
        let (longest, fits) = match observable.kind {
            ValueType::Ipv4 | ValueType::Ipv6 => return None,
            ValueType::Domain => (DOMAIN_BYTES, is_public_name(value) && !is_host(value, event)),
            ValueType::Url => (URL_BYTES, !value.contains(char::is_whitespace)),
            ValueType::UserAgent => (AGENT_BYTES, true),
        };
        let told = fits && !value.is_empty() && super::evidence::is_printable(value, longest);
        told.then(|| Self::Text(observable.kind, observable.value.clone()))
    }
}

/// First address of the /64.
pub(super) fn prefix_of(address: Ipv6Addr) -> Ipv6Addr {
    match Cidr::new(address.into(), 64).map(Cidr::network) {
        Some(IpAddr::V6(first)) => first,
        _ => address,
    }
}

/// Last address of the /64.
pub(super) const fn last_of(prefix: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(prefix.to_bits() | u64::MAX as u128)
}

/// A name with a dot whose last label is not a number.
fn is_public_name(name: &str) -> bool {
    let Some((_, last)) = name.rsplit_once('.') else {
        return false;
    };
    let inside = [
        "localhost",
        "localdomain",
        "local",
        "internal",
        "lan",
        "home",
        "arpa",
    ];
    !last.is_empty()
        && !last.bytes().all(|byte| byte.is_ascii_digit())
        && !inside.contains(&last)
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

fn is_host(name: &str, event: &SightedEvent) -> bool {
    event.host.as_deref().is_some_and(|host| {
        let host = host.strip_prefix("www.").unwrap_or(host);
        let name = name.strip_prefix("www.").unwrap_or(name);
        host.eq_ignore_ascii_case(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_value_bring_it_back() {
        for (kind, value) in [
            ("ipv4-addr", "192.0.2.7"),
            ("ipv6-addr", "2001:db8::1"),
            ("ipv6-addr", "2001:db8:1:2::/64"),
            ("domain-name", "evil.example.com"),
            ("url", "http://evil.example.com/x:y"),
            ("user-agent", "sqlmap/1.7 (https://sqlmap.org)"),
        ] {
            let subject = Subject::parse(kind, value).unwrap();
            assert_eq!((subject.kind().name(), &*subject.value()), (kind, value));
        }
        assert_eq!(Subject::parse("ipv4-addr", "2001:db8::1"), None);
        assert_eq!(Subject::parse("email", "a@b"), None);
    }

    #[test]
    fn the_addresses_of_a_prefix_are_neighbours() {
        let prefix = prefix_of("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(prefix.to_string(), "2001:db8:1:2::");
        assert_eq!(last_of(prefix).to_string(), "2001:db8:1:2:ffff:ffff:ffff:ffff");
    }

    #[test]
    fn what_payloads_may_name() {
        let event = SightedEvent {
            host: Some("www.shop.example.org".into()),
            ..SightedEvent::default()
        };
        for (kind, value, expected) in [
            (ValueType::Domain, "evil.example.com", true),
            (ValueType::Domain, "Shop.example.org", false),
            (ValueType::Domain, "localhost", false),
            (ValueType::Domain, "db.internal", false),
            (ValueType::Domain, "10.0.0.1", false),
            (ValueType::Domain, "a b.com", false),
            (ValueType::Domain, "", false),
            (ValueType::Ipv4, "192.0.2.7", false),
            (ValueType::Url, "http://evil.example.com/a", true),
            (ValueType::Url, "http://evil.example.com/\u{1b}", false),
            (ValueType::UserAgent, "sqlmap/1.7", true),
        ] {
            let observable = Observable {
                kind,
                value: value.into(),
                confidence: None,
            };
            assert_eq!(
                Subject::observed(&observable, &event).is_some(),
                expected,
                "{value}"
            );
        }
        let long = Observable {
            kind: ValueType::UserAgent,
            value: "x".repeat(513).into(),
            confidence: None,
        };
        assert_eq!(Subject::observed(&long, &event), None);
    }
}
