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
    assert!(verdicts.len() >= 230, "{}", verdicts.len());
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
            let hostile = session.cases.first().is_some_and(|case| case.is_hostile());
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

#[test]
fn the_goals_are_reached_on_requests_that_others_labelled() {
    let Some(cases) = std::env::var_os("AFW_CASES") else {
        println!("skipped: AFW_CASES is unset");
        return;
    };
    let cases = case::read(&Path::new(&cases).join("detect"), Half::Both).unwrap();
    assert_eq!(missed_goals(&judged(&cases)), [""; 0]);
}
