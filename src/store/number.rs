//! Numbers as SQLite keeps them.

/// SQLite has no unsigned 64-bit integers: the bits are kept, the sign is not meant.
pub(super) const fn signed(value: u64) -> i64 {
    value as i64
}

/// The number whose bits a column keeps.
pub(super) const fn unsigned(value: i64) -> u64 {
    value as u64
}
