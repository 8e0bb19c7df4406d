//! This machine's clock, and whether it and the one that wrote a log disagree. Nothing is judged by it, it is only told.

use std::time::SystemTime;

use afw_parsers::Time;

const MINUTE: i64 = 60_000_000_000;
/// Less may be the drift of two machines.
const AHEAD: i64 = 5 * MINUTE;
/// Less may be a server's write buffer; half-hour zones are rare enough to be found by their hours.
const BEHIND: i64 = 50 * MINUTE;
/// No two zones are further apart: what is older is an old log.
const FARTHEST: i64 = 26 * 60 * MINUTE;

/// The wall clock, for what is about today and not about the log.
pub fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// How far a line is ahead of this machine's clock, with what to do about it.
pub fn ahead(line: Option<Time>, now: Time) -> Option<String> {
    let ahead = line?.since(now);
    (ahead > AHEAD).then(|| {
        format!(
            "{} ahead of this machine's clock\nhint: compare the UTC offset in the log with the server's zone, and the clocks \
             (`timedatectl`); windows go by the log's times",
            span(ahead)
        )
    })
}

/// How far a line that was written just now is behind this machine's clock.
pub fn behind(line: Option<Time>, now: Time) -> Option<String> {
    let behind = now.since(line?);
    (BEHIND..=FARTHEST).contains(&behind).then(|| {
        format!(
            "{} behind this machine's clock, though they come just now\nhint: compare the UTC offset in the log with the \
             server's zone, and the clocks (`timedatectl`); indicators carry the log's times",
            span(behind)
        )
    })
}

fn span(nanos: i64) -> String {
    let minutes = nanos / MINUTE;
    match minutes {
        0..120 => format!("{minutes} minutes"),
        120..2880 => format!("{:.1} hours", minutes as f64 / 60.0),
        _ => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clocks_that_disagree_are_told() {
        let now = Time::from_nanos(1_790_000_000_000_000_000);
        let at = |minutes: i64| Some(Time::from_nanos(now.nanos() + minutes * MINUTE));
        for (minutes, is_ahead, is_behind) in [
            (0, false, false),
            (4, false, false),
            (6, true, false),
            (120, true, false),
            (-10, false, false),
            (-60, false, true),
            (-60 * 24 * 30, false, false),
        ] {
            assert_eq!(ahead(at(minutes), now).is_some(), is_ahead, "{minutes}");
            assert_eq!(behind(at(minutes), now).is_some(), is_behind, "{minutes}");
        }
        assert!(ahead(at(120), now).unwrap().starts_with("2.0 hours ahead"));
        assert_eq!(ahead(None, now), None);
    }
}
