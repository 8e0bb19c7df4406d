//! Sizes, times and numbers of things in the words of a person.
//!
//! It knows nothing of logs. Next: `screen`, which uses them.

use afw_parsers::Time;

pub(super) fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// `3.4 GB`, decimal units.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} byte{}", plural(count))
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `2026-01-31 07:08 UTC`.
pub(super) fn minute(time: Time) -> String {
    time.to_rfc3339_millis()
        .get(..16)
        .unwrap_or_default()
        .replace('T', " ")
        + " UTC"
}

/// A length of time in the two units that matter.
pub(super) fn span(nanos: i64) -> String {
    let secs = nanos.max(0) / 1_000_000_000;
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..86_400 => format!("{} h {} min", secs / 3600, secs / 60 % 60),
        86_400..172_800 => format!("1 day {} h", secs / 3600 % 24),
        _ => format!("{} days {} h", secs / 86_400, secs / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_read_well() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_270_000_000), "1.3 GB");
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(span(90_000_000_000), "1 min");
        assert_eq!(span(90_000 * 1_000_000_000), "1 day 1 h");
        assert_eq!(span(200_000 * 1_000_000_000), "2 days 7 h");
    }
}
