//! [`Traits`]: what is counted of every request, packed into one word, and the keys of the tables.

use super::cells::Key;

/// A request's traits, one word of bit fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Traits(u64);

/// One bit field: where it begins and how wide it is.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    at: u32,
    bits: u32,
}

impl Field {
    const fn after(before: Self, bits: u32) -> Self {
        Self {
            at: before.at + before.bits,
            bits,
        }
    }

    const fn mask(self) -> u64 {
        ((1 << self.bits) - 1) << self.at
    }
}

/// Level of the line ([`super::cells`]).
pub const LEVEL: Field = Field { at: 0, bits: 4 };
/// Class of the strongest sighting, 0 for none.
pub const CLASS: Field = Field::after(LEVEL, 5);
/// Status ([`super::codes::STATUSES`]).
pub const STATUS: Field = Field::after(CLASS, 5);
/// Kind of client.
pub const KIND: Field = Field::after(STATUS, 2);
/// Method ([`super::codes::METHODS`]).
pub const METHOD: Field = Field::after(KIND, 2);
/// Whether an edge turned it away.
pub const DENIED: Field = Field::after(METHOD, 1);
/// What became of a crawler's claim ([`Claim`]).
pub const CLAIM: Field = Field::after(DENIED, 2);
/// Country ([`super::codes::country`]).
pub const COUNTRY: Field = Field::after(CLAIM, 10);
/// Number of the host.
pub const HOST: Field = Field::after(COUNTRY, 21);

/// What became of a crawler's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// There is none.
    None,
    /// It is true.
    Verified,
    /// It is not.
    Fake,
    /// It could not be told.
    Unproven,
}

/// What lies between [`LEVEL`] and [`CLAIM`].
const FEW: Field = Field::after(LEVEL, CLAIM.at - LEVEL.bits);

impl Traits {
    /// How many combinations there are of class, status, kind, method and denial.
    pub const FEW: usize = 1 << FEW.bits;

    /// Number of the combination, under [`Traits::FEW`].
    pub const fn few(self) -> usize {
        self.field(FEW) as usize
    }

    /// The combination of that number.
    pub const fn of_few(number: usize) -> Self {
        Self(0).with(FEW, number as u64)
    }

    /// With a field set; a value that does not fit is cut to the field's width.
    #[must_use]
    pub const fn with(self, field: Field, value: u64) -> Self {
        Self((self.0 & !field.mask()) | ((value << field.at) & field.mask()))
    }

    /// Without these fields: they are 0.
    #[must_use]
    pub const fn without<const N: usize>(self, fields: [Field; N]) -> Self {
        let mut bits = self.0;
        let mut at = 0;
        while at < N {
            bits &= !fields[at].mask();
            at += 1;
        }
        Self(bits)
    }

    /// Value of a field.
    pub const fn field(self, field: Field) -> u64 {
        (self.0 & field.mask()) >> field.at
    }

    /// Number of the host.
    pub const fn host(self) -> u32 {
        self.field(HOST) as u32
    }

    /// The host's number translated.
    #[must_use]
    pub fn translated(self, hosts: &[u32]) -> Self {
        let host = hosts.get(self.host() as usize).copied().unwrap_or_default();
        self.with(HOST, host.into())
    }

    /// Level of the line.
    pub const fn level(self) -> u8 {
        self.field(LEVEL) as u8
    }
}

/// Requests of a span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timed {
    /// Number of the span since the epoch.
    pub span: i64,
    /// Traits.
    pub traits: Traits,
}

/// Requests of one thing: a path, a place, an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Of {
    /// Number of the thing.
    pub thing: u32,
    /// Traits.
    pub traits: Traits,
}

/// Requests that are alike in everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fact {
    /// Seconds since the epoch.
    pub secs: i64,
    /// Number of the path.
    pub path: u32,
    /// Number of the place.
    pub place: u32,
    /// Number of the agent.
    pub agent: u32,
    /// Traits.
    pub traits: Traits,
}

impl Key for Timed {
    fn level(&self) -> u8 {
        self.traits.level()
    }

    fn bits(&self) -> u64 {
        // The span comes again and again: the traits alone would do.
        self.traits.0 ^ self.span.cast_unsigned()
    }
}

impl Key for Of {
    fn level(&self) -> u8 {
        self.traits.level()
    }

    fn bits(&self) -> u64 {
        self.traits.0 ^ (u64::from(self.thing) << 32)
    }
}

impl Key for Fact {
    fn level(&self) -> u8 {
        self.traits.level()
    }

    fn bits(&self) -> u64 {
        self.traits.0 ^ self.secs.cast_unsigned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_out_of_each_other() {
        let fields = [LEVEL, CLASS, STATUS, KIND, METHOD, DENIED, CLAIM, COUNTRY, HOST];
        let full = fields
            .iter()
            .fold(Traits::default(), |traits, field| traits.with(*field, u64::MAX));
        for field in fields {
            assert_eq!(full.field(field), (1 << field.bits) - 1);
            let without = full.without([field]);
            assert_eq!(without.field(field), 0);
            assert!(
                fields
                    .iter()
                    .all(|other| other.at == field.at || without.field(*other) == full.field(*other))
            );
        }
        assert_eq!(full.without(fields), Traits::default());
        let few = full.without([LEVEL, CLAIM, COUNTRY, HOST]);
        assert_eq!(Traits::of_few(full.few()), few);
        assert_eq!(
            (full.few(), few.without([CLASS, STATUS, KIND, METHOD, DENIED])),
            (Traits::FEW - 1, Traits::default())
        );
    }
}
