//! What the built-in rules find and whom they spare, measured on labelled requests with the code of the example `score`.
//!
//! The project's own requests are a ratchet: none of the hostile ones may be missed and none of the innocent ones
//! flagged. Requests of others, where `AFW_CASES` says they are, must reach the goals that docs/detection.md states.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the example uses more of it")]
#[path = "../examples/score/case.rs"]
mod case;
#[path = "../examples/score/judge.rs"]
mod judge;
#[path = "../examples/score/sessions.rs"]
mod sessions;
#[expect(dead_code, reason = "the example prints more of it")]
#[path = "../examples/score/table.rs"]
mod table;

use std::path::Path;
use std::sync::Arc;

use afw::detect::{Ruleset, builtin};

use case::{Case, Half};
use judge::{Judge, Verdict};
use sessions::Session;
use table::Table;

fn ruleset() -> Arc<Ruleset> {
    Arc::new(Ruleset::load(&builtin()).unwrap_or_else(|problems| panic!("{problems:?}")))
}

fn judged(cases: &[Case]) -> Vec<(&Case, Verdict)> {
    let mut judge = Judge::new(ruleset());
    cases.iter().map(|case| (case, judge.judge(case))).collect()
}

/// The goals that are not reached, with their figures.
fn missed_goals(verdicts: &[(&Case, Verdict)]) -> Vec<String> {
    let mut table = Table::default();
    for (case, verdict) in verdicts {
        table.add(case, verdict);
    }
    let missed = table.groups().filter(|(_, goal, count)| !goal.is_reached(count));
    missed
        .map(|(name, goal, count)| format!("{name}: {goal:?}, but {:.2} % of them", count.any_percent()))
        .collect()
}

fn own() -> Vec<Case> {
    case::read(Path::new("testdata/detect"), Half::Both).unwrap()
}

#[test]
fn none_of_our_own_hostile_requests_is_missed_and_no_innocent_one_flagged() {
    let cases = own();
    let verdicts = judged(&cases);
    let wrong: Vec<String> = verdicts
        .iter()
        .filter(|(case, verdict)| match case.kind.as_str() {
            "benign" => !verdict.rules.is_empty(),
            _ => verdict.rules.is_empty(),
        })
        .map(|(case, verdict)| format!("{} {} {}: {}", case.id, case.class, case.uri, verdict.confidence))
        .collect();
    assert!(verdicts.len() >= 270, "{}", verdicts.len());
    assert_eq!(wrong, [""; 0]);
    assert_eq!(missed_goals(&verdicts), [""; 0]);
}

#[test]
fn tools_and_scripts_are_typed_by_their_agents() {
    let cases = own();
    for (case, verdict) in judged(&cases) {
        let expected: &[&str] = match case.class.as_str() {
            "scanner-tool" => &["scanner"],
            "script-client" => &["script"],
            "browser-real" => &["browser", "app"],
            _ => continue,
        };
        assert!(expected.contains(&verdict.agent), "{} {}", verdict.agent, case.ua);
    }
}

#[test]
fn clients_that_send_our_own_requests_are_told_apart() {
    let cases = own();
    for size in [5, 10] {
        let mut sessions = sessions::make(&cases, size);
        sessions::run(&mut sessions, ruleset());
        for session in &sessions {
            let hostile = session.is_hostile();
            let told = match hostile {
                true => session.confidence >= 0.7,
                false => session.confidence < 0.5,
            };
            let Session {
                group,
                confidence,
                rules,
                ..
            } = session;
            assert!(told, "{size} requests of {group}: {confidence} by {rules:?}");
        }
    }
}

/// What a client comes to that sends these requests, each a status and a target, without a referrer.
fn client_that_asks(requests: &[(u16, &str)]) -> (f64, Vec<String>) {
    let case = |(at, (status, uri)): (usize, &(u16, &str))| Case {
        id: format!("asked-{at}"),
        kind: "attack".to_owned(),
        class: "asked".to_owned(),
        tier: "attack".to_owned(),
        method: "GET".to_owned(),
        uri: (*uri).to_owned(),
        status: *status,
        ua: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        referer: String::new(),
    };
    let cases: Vec<Case> = requests.iter().enumerate().map(case).collect();
    let mut sessions = [Session {
        group: String::new(),
        cases: cases.iter().collect(),
        confidence: 0.0,
        rules: Vec::new(),
    }];
    sessions::run(&mut sessions, ruleset());
    let [
        Session {
            confidence, rules, ..
        },
    ] = sessions;
    (confidence, rules)
}

/// No request of theirs says much; what they ask for together does.
#[test]
fn clients_that_work_off_a_list_are_told_by_what_never_comes_together() {
    let lists: [&[(u16, &str)]; 5] = [
        &[(200, "/sap/bc/echo"), (404, "/~walter"), (200, "/pls/dad/htp.p")],
        &[
            (404, "/forum/view.php"),
            (404, "/forum/view.aspx"),
            (404, "/forum/view.jsp"),
        ],
        &[(200, "/wps/myportal"), (404, "/guest.pl"), (200, "/CFIDE/")],
        &[
            (404, "/crm/login.do"),
            (404, "/mail/logon.aspx"),
            (404, "/vendor"),
        ],
        &[(404, "/q8.php"), (200, "/"), (404, "/zz3.php")],
    ];
    for list in lists {
        let (confidence, rules) = client_that_asks(list);
        assert!(confidence >= 0.7, "{list:?}: {confidence} by {rules:?}");
    }
}

/// The users of one system stay on it, whatever it is, and may have an old bookmark.
#[test]
fn users_of_one_system_are_spared() {
    let visits: [&[(u16, &str)]; 6] = [
        &[
            (200, "/sap/bc/ui2/flp"),
            (200, "/sap/bc/ping"),
            (200, "/sap/bc/gui"),
        ],
        &[
            (200, "/wps/portal"),
            (200, "/wps/myportal"),
            (200, "/servlet/report"),
        ],
        &[(200, "/~jane"), (200, "/~paul"), (200, "/cgi-bin/timetable")],
        &[(404, "/news/archive.php"), (200, "/news/index.php"), (200, "/")],
        &[
            (200, "/shop/default.aspx"),
            (404, "/shop/sale.aspx"),
            (200, "/shop/cart.aspx"),
        ],
        &[(404, "/crm/overview.do"), (200, "/"), (200, "/crm/")],
    ];
    for visit in visits {
        let (confidence, rules) = client_that_asks(visit);
        assert!(confidence < 0.5, "{visit:?}: {confidence} by {rules:?}");
    }
}

#[test]
fn the_goals_are_reached_on_requests_that_others_labelled() {
    let Some(cases) = std::env::var_os("AFW_CASES") else {
        println!("skipped: AFW_CASES is unset");
        return;
    };
    let cases = case::read(&Path::new(&cases).join("detect"), Half::Both).unwrap();
    assert_eq!(missed_goals(&judged(&cases)), [""; 0]);
    for size in [5, 10, 20] {
        let mut sessions = sessions::make(&cases, size);
        sessions::run(&mut sessions, ruleset());
        let share = |hostile: bool, from: f64| {
            let of_kind = sessions.iter().filter(|session| session.is_hostile() == hostile);
            let (all, told) = of_kind.fold((0, 0), |(all, told), session| {
                (all + 1, told + u32::from(session.confidence >= from))
            });
            f64::from(told) / f64::from(all)
        };
        assert!(share(true, 0.7) >= 0.99, "{size}: {}", share(true, 0.7));
        assert!(share(false, 0.5) <= 0.01, "{size}: {}", share(false, 0.5));
        assert!(share(false, 0.7) <= 0.002, "{size}: {}", share(false, 0.7));
    }
}
