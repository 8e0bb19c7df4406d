//! Metrics and health, against labels that would break out and a program that stands still.

use super::*;

#[test]
fn a_label_cannot_leave_its_quotes() {
    let mut stored = Stored::default();
    stored.counters.push(("a\"} 9\nb\\".to_owned(), 1));
    let live = Live {
        statistics: Statistics::default(),
        indicators: 0,
        round: Instant::now(),
    };
    let page = text::metrics(&live, &stored);
    assert!(
        page.contains("afw_events_total{name=\"a\\\"} 9\\nb\\\\\"} 1\n"),
        "{page}"
    );
}

#[test]
fn standing_still_is_a_fault() {
    let Some(round) = Instant::now().checked_sub(Duration::from_secs(61)) else {
        return;
    };
    let live = Live {
        statistics: Statistics::default(),
        indicators: 0,
        round,
    };
    let faults = health::faults(&live, &Stored::default());
    assert_eq!(faults, ["reading has stood still for 61 s"]);
    assert_eq!(health::answer(&faults).0, "503 Service Unavailable");
    assert_eq!(
        health::answer(&[]),
        ("200 OK", "text/plain; charset=utf-8", "ok\n".to_owned())
    );
}
