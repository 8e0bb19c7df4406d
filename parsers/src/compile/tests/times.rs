//! Times in formats: zones by name, days of the year, two times in one line.

use super::*;
use crate::record::Moment;

fn nanos(layout: &Layout, line: &str) -> Option<i64> {
    read(layout, line)
        .ok()
        .and_then(|record| record.time)
        .map(|time| time.nanos())
}

const NOON: i64 = 971_179_200_000_000_000;

#[test]
fn a_time_that_names_no_day_is_refused_where_it_stands() {
    for format in [
        "%{%Y %W %T}t",
        "%{%Y-%U}t",
        "%{%G-W%V-%u %T}t",
        "%{%Y-%m %T}t",
        "%{%Y %d %T}t",
        "%{%d/%b %T}t",
        "%{%T}t",
        "%{msec_frac}t",
        "%{end:%Y %W}t",
        "%{%Y}t %{%W}t",
    ] {
        let error = Layout::apache(&format!("%h {format} %>s")).unwrap_err();
        assert_eq!(
            (error.at, error.message.as_str()),
            (3, "this time names no day of a year"),
            "{format}"
        );
        assert!(error.hint.is_some_and(|hint| hint.contains("%W")), "{format}");
    }
    for format in [
        "%t %{%Y %W}t",
        "%{%Y}t %{%j %T}t",
        "%{%d}t/%{%b}t/%{%y %T}t",
        "%{sec}t.%{msec_frac}t",
        "%{%F}t",
        "%{%c}t",
        "%{%F %T}t %{end:%T}t",
        "%h",
    ] {
        assert!(Layout::apache(&format!("%h {format} %>s")).is_ok(), "{format}");
    }
}

#[test]
fn a_time_without_a_zone_says_so() {
    for (format, time, zoneless) in [
        ("%{%F %T}t", "2000-10-10 12:00:00", true),
        ("%{%F %T %z}t", "2000-10-10 12:00:00 +0000", false),
        ("%{%F %T %Z}t", "2000-10-10 12:00:00 UTC", false),
        ("%{sec}t", "971179200", false),
        ("[%{%d/%b/%Y}t %{%T}t]", "[10/Oct/2000 12:00:00]", true),
        ("%t %{%T}t", "[10/Oct/2000:12:00:00 +0000] 12:00:00", false),
    ] {
        let layout = Layout::apache(&format!("%h {format} %>s")).unwrap();
        let line = format!("192.0.2.7 {time} 200");
        let record = read(&layout, &line).unwrap();
        assert_eq!(record.time.map(|time| time.nanos()), Some(NOON), "{format}");
        assert_eq!(record.more.zoneless, zoneless, "{format}");
    }
}

#[test]
fn a_zone_counts_by_its_name_or_the_line_is_refused() {
    let layout = Layout::apache("%h %{%Y-%m-%d %T %Z}t %>s").unwrap();
    for (time, want) in [
        ("12:00:00 UTC", Some(NOON)),
        ("13:00:00 CET", Some(NOON)),
        ("04:00:00 PST", Some(NOON)),
        ("09:00:00 -03", Some(NOON)),
        ("17:30:00 +0530", Some(NOON)),
        ("12:00:00 IST", None),
        ("12:00:00 XYZ", None),
    ] {
        let line = format!("192.0.2.7 2000-10-10 {time} 200");
        assert_eq!(nanos(&layout, &line), want, "{time}");
    }
    let line = "192.0.2.7 2000-10-10 17:30:00 IST 200";
    assert_eq!(read(&layout, line).unwrap_err().reason, Reason::Zone);
    for format in [
        "%h %{%F %T %Z %z}t",
        "%h %{%F %T}t %{%Z}t %{%z}t",
        "%h %{%F %T %z}t|%{%Z}t",
    ] {
        let layout = Layout::apache(format).unwrap();
        let line = match format.contains("%Z %z") || format.contains("%Z}t %{") {
            true => "192.0.2.7 2000-10-10 17:30:00 IST +0530",
            false => "192.0.2.7 2000-10-10 17:30:00 +0530|IST",
        };
        assert_eq!(nanos(&layout, line), Some(NOON), "{format}");
    }
}

#[test]
fn a_day_of_the_year_is_a_day() {
    let layout = Layout::apache("%h %{%Y-%j %T}t %>s").unwrap();
    assert_eq!(nanos(&layout, "192.0.2.7 2000-284 12:00:00 200"), Some(NOON));
    for day in ["000", "367", "x"] {
        assert_eq!(
            nanos(&layout, &format!("192.0.2.7 2000-{day} 12:00:00 200")),
            None,
            "{day}"
        );
    }
    for (day, known) in [("2000-366", true), ("2023-365", true), ("2023-366", false)] {
        let line = format!("192.0.2.7 {day} 12:00:00 200");
        assert_eq!(nanos(&layout, &line).is_some(), known, "{day}");
    }
    let layout = Layout::apache("%h %{%F (%j) %T}t %>s").unwrap();
    assert_eq!(
        nanos(&layout, "192.0.2.7 2000-10-10 (284) 12:00:00 200"),
        Some(NOON)
    );
}

#[test]
fn the_start_is_the_start_and_the_end_is_the_end() {
    for (format, line, moment) in [
        (
            "%h %t %{end:%d/%b/%Y:%T %z}t %D",
            "192.0.2.7 [10/Oct/2000:12:00:00 +0000] 10/Oct/2000:12:00:09 +0000 9",
            Moment::Start,
        ),
        (
            "%h %{end:sec}t %{sec}t %D",
            "192.0.2.7 971179209 971179200 9",
            Moment::Start,
        ),
        (
            "%h %{end:sec}t %{%T}t %D",
            "192.0.2.7 971179200 11:59:00 9",
            Moment::End,
        ),
        ("%h %{end:sec}t %D", "192.0.2.7 971179200 9", Moment::End),
    ] {
        let layout = Layout::apache(format).unwrap();
        assert_eq!(nanos(&layout, line), Some(NOON), "{format}");
        assert_eq!(read(&layout, line).unwrap().more.moment, moment, "{format}");
    }
}

#[test]
fn the_finer_of_two_times_counts() {
    let fine = Some(NOON + 250_000_000);
    for format in [
        "$remote_addr $msec [$time_local]",
        "$remote_addr $msec [$time_iso8601]",
    ] {
        let time = if format.contains("iso") {
            "2000-10-10T12:00:00+00:00"
        } else {
            "10/Oct/2000:12:00:00 +0000"
        };
        let line = format!("192.0.2.7 971179200.250 [{time}]");
        assert_eq!(nanos(&nginx(format), &line), fine, "{format}");
    }
    let layout = nginx("$remote_addr [$time_local] $msec");
    assert_eq!(
        nanos(&layout, "192.0.2.7 [10/Oct/2000:12:00:00 +0000] 971179200.250"),
        fine
    );
    for (format, fraction) in [
        ("%h %t %{usec}t", "971179200250000"),
        ("%h %t %{msec_frac}t", "250"),
        ("%h %t %{%F %T}t.%{usec_frac}t", "2000-10-10 14:00:00.250000"),
    ] {
        let layout = Layout::apache(format).unwrap();
        let line = format!("192.0.2.7 [10/Oct/2000:12:00:00 +0000] {fraction}");
        assert_eq!(nanos(&layout, &line), fine, "{format}");
    }
}
