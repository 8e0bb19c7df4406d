//! Go's layouts against the instants that they write, and what could be two of them.

use super::*;

/// 2022-03-09T21:30:01Z.
const SECS: i64 = 1_646_861_401;

#[test]
fn layouts_of_every_kind() {
    for text in [
        // Go's own names: ANSIC, UnixDate, RubyDate, RFC850, RFC1123, RFC1123Z, and Layout with a whole year.
        "Wed Mar  9 21:30:01 2022",
        "Wed Mar  9 22:30:01 CET 2022",
        "Wed Mar 09 21:30:01 +0000 2022",
        "Wed Mar 09 14:30:01 -0700 2022",
        "Wednesday, 09-Mar-22 21:30:01 UTC",
        "Wednesday, 09-Mar-22 16:30:01 EST",
        "Wed, 09 Mar 2022 13:30:01 PST",
        "Wed, 09 Mar 2022 22:30:01 +0100",
        "Wed, 09 Mar 2022 21:30:01 GMT",
        // DateTime and Kitchen with a date.
        "2022-03-09 21:30:01",
        "2022-03-09 09:30:01PM",
        "2022-03-09 9:30:01 pm",
        "2022/03/09 09:30:01.000 PM",
        "Mar 9, 2022 9:30:01 PM",
        "March 9, 2022 at 9:30:01pm (UTC)",
        "09 Mar 2022 21:30:01 PM",
        // What people put together.
        "09.03.2022 21:30:01",
        "9.3.2022 21:30:01",
        "09.03.22 21:30:01",
        "09.03.2022 23:30:01+02:00",
        "2022.03.09 21:30:01",
        "20220309T213001Z",
        "20220309T213001+0000",
        "20220309-213001",
        "20220309 21:30:01",
        "20220309213001",
        "20220309T213001.000Z",
        "2022-03-09T21:30:01 UTC",
        "2022-03-09 21:30:01.000000000 +0000 UTC",
        "2022-03-10 08:00:01 ACDT",
        "2022-03-09 18:30:01 -03",
        "2022-03-09 22:30:01 +0100 XYZ",
        "09/Mar/2022 21:30:01",
        "09/Mar/2022:21:30:01 UTC",
        "21:30:01 09 Mar 2022",
    ] {
        let read = read(text.as_bytes()).map(Time::secs);
        assert_eq!(read, Ok(SECS), "{text}");
    }
}

#[test]
fn halves_of_a_day() {
    for (clock, hour) in [
        ("12:30:01 AM", 0),
        ("1:30:01 AM", 1),
        ("12:30:01 PM", 12),
        ("11:30:01 PM", 23),
    ] {
        let text = format!("2022-03-09 {clock}");
        let secs = SECS - 21 * 3600 + hour * 3600;
        assert_eq!(read(text.as_bytes()).map(Time::secs), Ok(secs), "{text}");
    }
}

#[test]
fn what_could_be_two_instants_is_none() {
    for (text, reason) in [
        ("Wed, 09 Mar 2022 21:30:01 CST", Reason::Zone),
        ("2022-03-09 21:30:01 IST", Reason::Zone),
        ("2022-03-09 21:30:01 XYZ", Reason::Zone),
        ("03/09/2022 21:30:01", Reason::Time),
        ("03-09-2022 21:30:01", Reason::Time),
        ("Mar  9 21:30:01", Reason::Time),
        ("9:30PM", Reason::Time),
        ("2022-03-09", Reason::Time),
        ("2022-03-09 13:30:01 AM", Reason::Time),
        ("2022-03-09 00:30:01 PM", Reason::Time),
        ("2022-03-09 21:30:01 PM AM", Reason::Time),
        ("2022-03-09 21:30:01 2022", Reason::Time),
        ("2022-03-09 21:30:01 UTC UTC", Reason::Time),
        ("2022-03-09 21:30:01 +9999", Reason::Time),
        ("2022-03-09 21:30:", Reason::Time),
        ("2022-03-09 21:30:01.", Reason::Time),
        ("2022-03-", Reason::Time),
        ("20220309T2130", Reason::Time),
        ("20220309T21300199", Reason::Time),
        ("09.03.2022.1 21:30:01", Reason::Time),
        ("1234567890123 21:30:01", Reason::Time),
        ("'", Reason::Time),
        ("", Reason::Time),
        ("+", Reason::Time),
    ] {
        assert_eq!(read(text.as_bytes()), Err(reason), "{text}");
    }
    let long = "2022-03-09 21:30:01 ".repeat(100);
    assert_eq!(read(long.as_bytes()), Err(Reason::Time));
}
