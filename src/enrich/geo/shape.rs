//! One database record, in any of the shapes that makers use.
//!
//! * MaxMind and DB-IP: `country.iso_code`, `registered_country.iso_code`, `autonomous_system_number`,
//!   `autonomous_system_organization`, the same under `traits`, and `is_…` flags.
//! * IPinfo: `country` or `country_code` as text, `asn` as `AS15169`, `as_name` or `name`, `vpn`, `proxy`, `tor`,
//!   `relay`, `hosting` as `"true"`.
//! * iptoasn and ip-location-db: `country_code` as text beside MaxMind's names for the network.
//!
//! Unknown keys are skipped; a known key with an unexpected type is as good as absent.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a database says of one address.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place {
    /// ISO 3166 code, upper case: where the address is, else where its network is registered.
    pub country: Option<[u8; 2]>,
    /// Autonomous system number.
    pub asn: Option<u32>,
    /// Name of the autonomous system's organisation.
    pub as_org: Option<Arc<str>>,
    /// What kind of exit it is.
    pub marks: Marks,
}

impl Place {
    /// Takes from another what is not known yet. A name is taken only for the same autonomous system.
    pub fn complete(&mut self, other: &Self) {
        self.country = self.country.or(other.country);
        if self.asn.is_none() {
            self.asn = other.asn;
            self.as_org.clone_from(&other.as_org);
        } else if self.asn == other.asn && self.as_org.is_none() {
            self.as_org.clone_from(&other.as_org);
        }
        self.marks = self.marks.with(other.marks);
    }
}

/// Kinds of exit that a privacy database tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Marks(u8);

impl Marks {
    /// A VPN exit.
    pub const VPN: Self = Self(1);
    /// A public or residential proxy.
    pub const PROXY: Self = Self(2);
    /// A Tor exit.
    pub const TOR: Self = Self(4);
    /// A privacy relay.
    pub const RELAY: Self = Self(8);
    /// A hosting network.
    pub const HOSTING: Self = Self(16);

    /// Each kind and its name in [`crate::enrich::AddressFacts::lists`], in the order of the names.
    pub const NAMES: [(Self, &'static str); 5] = [
        (Self::HOSTING, "hosting"),
        (Self::PROXY, "proxy"),
        (Self::RELAY, "relay"),
        (Self::TOR, "tor"),
        (Self::VPN, "vpn"),
    ];

    /// Whether nothing is marked.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is marked.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn named(key: &str) -> Option<Self> {
        Some(match key {
            "vpn" | "is_vpn" | "is_anonymous_vpn" => Self::VPN,
            "proxy" | "is_proxy" | "is_public_proxy" | "is_residential_proxy" => Self::PROXY,
            "tor" | "is_tor" | "is_tor_exit_node" => Self::TOR,
            "relay" | "is_relay" => Self::RELAY,
            "hosting" | "is_hosting" | "is_hosting_provider" | "is_datacenter" => Self::HOSTING,
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw, A::Error> {
                Raw::read(map, 0)
            }
        }
        deserializer.deserialize_map(Whole).map(Raw::into_place)
    }
}

/// Everything of use that stands in a record, before it is weighed.
#[derive(Default)]
struct Raw {
    country: Option<[u8; 2]>,
    country_code: Option<[u8; 2]>,
    registered: Option<[u8; 2]>,
    asn: Option<u32>,
    organization: Option<Arc<str>>,
    /// `name`, which is the network's only where the record is about a network.
    name: Option<Arc<str>>,
    marks: Marks,
}

impl Raw {
    fn read<'de, A: MapAccess<'de>>(mut map: A, depth: u8) -> Result<Self, A::Error> {
        let mut raw = Self::default();
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "country" => raw.country = map.next_value::<Code>()?.0,
                "country_code" => raw.country_code = map.next_value::<Code>()?.0,
                "registered_country" => raw.registered = map.next_value::<Code>()?.0,
                "autonomous_system_number" | "as_number" => raw.asn = map.next_value::<Number>()?.0,
                "autonomous_system_organization" | "as_name" | "as_org" => {
                    raw.organization = map.next_value::<Text>()?.0;
                }
                "name" => raw.name = map.next_value::<Text>()?.0,
                "asn" | "traits" | "as" if depth == 0 => raw.absorb(map.next_value::<Nested>()?.0),
                "asn" => raw.asn = map.next_value::<Number>()?.0,
                other => match Marks::named(other) {
                    Some(mark) if map.next_value::<Flag>()?.0 => raw.marks = raw.marks.with(mark),
                    Some(_) => {}
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
            }
        }
        Ok(raw)
    }

    /// What a map inside the record says.
    fn absorb(&mut self, inner: Self) {
        self.asn = self.asn.or(inner.asn);
        self.organization = self.organization.take().or(inner.organization).or(inner.name);
        self.marks = self.marks.with(inner.marks);
    }

    fn into_place(self) -> Place {
        let asn = self.asn.filter(|asn| *asn != 0);
        Place {
            country: self.country.or(self.country_code).or(self.registered),
            asn,
            as_org: self.organization.or(self.name).filter(|_| asn.is_some()),
            marks: self.marks,
        }
    }
}

/// Visits a value of any type; what is not overridden is absent.
macro_rules! tolerant {
    ($name:ident($inner:ty) { $($method:item)* }) => {
        struct $name($inner);
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Any;
                impl<'de> Visitor<'de> for Any {
                    type Value = $inner;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("any value")
                    }
                    $($method)*
                }
                deserializer.deserialize_any(Any).map($name)
            }
        }
    };
}

/// The methods that skip what has the wrong type, by the type names of [`Visitor`].
macro_rules! absent {
    ($inner:ty: $($kind:ident),*) => { $(absent!(@ $inner, $kind);)* };
    (@ $inner:ty, bool) => {
        fn visit_bool<E>(self, _: bool) -> Result<$inner, E> { Ok(<$inner>::default()) }
    };
    (@ $inner:ty, text) => {
        fn visit_str<E>(self, _: &str) -> Result<$inner, E> { Ok(<$inner>::default()) }
    };
    (@ $inner:ty, number) => {
        fn visit_u64<E>(self, _: u64) -> Result<$inner, E> { Ok(<$inner>::default()) }
    };
    (@ $inner:ty, rest) => {
        fn visit_i64<E>(self, _: i64) -> Result<$inner, E> { Ok(<$inner>::default()) }
        fn visit_u128<E>(self, _: u128) -> Result<$inner, E> { Ok(<$inner>::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<$inner, E> { Ok(<$inner>::default()) }
        fn visit_bytes<E>(self, _: &[u8]) -> Result<$inner, E> { Ok(<$inner>::default()) }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$inner, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(<$inner>::default())
        }
    };
    (@ $inner:ty, map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$inner, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(<$inner>::default())
        }
    };
}

// A country code as text, or in a map under `iso_code`.
tolerant!(Code(Option<[u8; 2]>) {
    absent!(Option<[u8; 2]>: bool, number, rest);
    fn visit_str<E>(self, text: &str) -> Result<Option<[u8; 2]>, E> {
        Ok(code(text))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<[u8; 2]>, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<&str>()? {
            if matches!(key, "iso_code" | "code") {
                found = map.next_value::<Text>()?.0.as_deref().and_then(code);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
});

// An autonomous system as a number, `AS64496` or `64496`.
tolerant!(Number(Option<u32>) {
    absent!(Option<u32>: bool, rest, map);
    fn visit_u64<E>(self, number: u64) -> Result<Option<u32>, E> {
        Ok(u32::try_from(number).ok())
    }
    fn visit_str<E>(self, text: &str) -> Result<Option<u32>, E> {
        Ok(number(text))
    }
});

tolerant!(Text(Option<Arc<str>>) {
    absent!(Option<Arc<str>>: bool, number, rest, map);
    fn visit_str<E>(self, text: &str) -> Result<Option<Arc<str>>, E> {
        Ok((!text.is_empty()).then(|| text.into()))
    }
});

tolerant!(Flag(bool) {
    absent!(bool: rest, map);
    fn visit_bool<E>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }
    fn visit_u64<E>(self, number: u64) -> Result<bool, E> {
        Ok(number != 0)
    }
    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(matches!(text, "true" | "True" | "1" | "yes"))
    }
});

// `asn` is a number or text at IPinfo and a map with its own `asn` elsewhere; `traits` is a map.
tolerant!(Nested(Raw) {
    absent!(Raw: bool, rest);
    fn visit_u64<E>(self, asn: u64) -> Result<Raw, E> {
        Ok(Raw { asn: u32::try_from(asn).ok(), ..Raw::default() })
    }
    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw { asn: number(text), ..Raw::default() })
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Raw, A::Error> {
        Raw::read(map, 1)
    }
});

/// Two letters, upper case.
fn code(text: &str) -> Option<[u8; 2]> {
    match *text.as_bytes() {
        [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            Some([a.to_ascii_uppercase(), b.to_ascii_uppercase()])
        }
        _ => None,
    }
}

/// `AS64496` or `64496`.
fn number(text: &str) -> Option<u32> {
    let digits = match text.get(..2) {
        Some(prefix) if prefix.eq_ignore_ascii_case("as") => text.get(2..)?,
        _ => text,
    };
    digits.trim().parse().ok()
}
