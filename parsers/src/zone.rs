//! Names of zones, as `%Z` and Go's `MST` write them.
//!
//! The names are no identifiers: several places share one. What is listed stands for one offset in every current
//! table of zones, or for one place far more than for any other; what is not listed makes a time unreadable.

const HOUR_MINUTES: i32 = 60;

/// Seconds east of UTC of a zone's name: `CST` is America's, China's and Cuba's, `IST` India's, Israel's and
/// Ireland's, so they are none. `PST` (the Philippines') and `BST` (Bangladesh's) are read as the Pacific's and Britain's.
pub(crate) fn east_of(name: &[u8]) -> Option<i32> {
    let minutes = match name {
        b"ACST" => 9 * HOUR_MINUTES + 30,
        b"ACDT" => 10 * HOUR_MINUTES + 30,
        b"NST" => -3 * HOUR_MINUTES - 30,
        b"NDT" => -2 * HOUR_MINUTES - 30,
        _ => hours_east_of(name)? * HOUR_MINUTES,
    };
    Some(minutes * 60)
}

fn hours_east_of(name: &[u8]) -> Option<i32> {
    Some(match name {
        b"UTC" | b"GMT" | b"UCT" | b"WET" | b"Z" => 0,
        b"CET" | b"MET" | b"WEST" | b"BST" | b"WAT" => 1,
        b"CEST" | b"MEST" | b"EET" | b"SAST" | b"CAT" => 2,
        b"EEST" | b"MSK" | b"EAT" | b"IDT" => 3,
        b"PKT" => 5,
        b"WIB" => 7,
        b"AWST" | b"HKT" | b"WITA" => 8,
        b"JST" | b"KST" | b"WIT" => 9,
        b"AEST" => 10,
        b"AEDT" => 11,
        b"NZST" => 12,
        b"NZDT" => 13,
        b"ADT" => -3,
        b"AST" | b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" | b"AKDT" => -8,
        b"AKST" => -9,
        b"HST" => -10,
        _ => return None,
    })
}
