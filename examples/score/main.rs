//! Scores the packs on labelled requests:
//! `cargo run --release --example score -- FOLDER [--rules PATH] [--half a|b] [--verdicts | --misses | --false-hits | --by-rule | --clients]`.
//!
//! FOLDER holds JSON lines, one request each: `id`, `kind` (`attack`, `bot`, `crawler`, `benign`), `class`, `tier`,
//! `method`, `uri`, `status`, `ua`, `referer`. Printed is, per class, how many requests a rule fired on and how many
//! with confidence 0.5 and 0.7 or more; the same for the groups that docs/detection.md states goals for; and the same for
//! clients that send several such requests. `--rules` takes the rules from a file or folder in place of the built-in packs;
//! `--half` looks at one half of the cases only, so that rules can be written with one and checked with the other.
//! In place of the tables, `--verdicts` prints every request (id, kind, class, tier, strongest confidence, agent type,
//! rules, target), `--misses` the hostile ones on which nothing fired, `--false-hits` the benign ones on which
//! something did, `--by-rule` what each rule and family contributes, `--clients` the clients that were judged wrongly.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example may talk")]

mod case;
mod judge;
mod sessions;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use afw::detect::{RuleText, Ruleset, builtin};

use case::{Case, Half};
use judge::{Judge, Verdict};
use table::Table;

/// How many requests the clients of the tables send.
const CLIENT_SIZES: [usize; 3] = [5, 10, 20];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("score: {reason}");
            ExitCode::from(2)
        }
    }
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Tables,
    Verdicts,
    Misses,
    FalseHits,
    ByRule,
    Clients,
}

fn run() -> Result<(), String> {
    let mut folder = None;
    let mut rules = None;
    let mut half = Half::Both;
    let mut show = Show::Tables;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rules" => rules = args.next().map(PathBuf::from),
            "--half" => {
                let name = args.next().unwrap_or_default();
                half = Half::from_name(&name).ok_or("the halves are a and b")?;
            }
            "--verdicts" => show = Show::Verdicts,
            "--misses" => show = Show::Misses,
            "--false-hits" => show = Show::FalseHits,
            "--by-rule" => show = Show::ByRule,
            "--clients" => show = Show::Clients,
            _ => folder = Some(PathBuf::from(arg)),
        }
    }
    let folder = folder.ok_or("name the folder of the cases")?;
    let ruleset = Arc::new(ruleset(rules.as_deref())?);
    let cases = case::read(&folder, half)?;
    match show {
        Show::Clients => print_clients(&cases, &ruleset),
        _ => print_requests(&cases, &ruleset, show),
    }
    if show == Show::Tables {
        for size in CLIENT_SIZES {
            let mut sessions = sessions::make(&cases, size);
            sessions::run(&mut sessions, Arc::clone(&ruleset));
            println!();
            print(&table::by_client(&sessions, size));
        }
    }
    Ok(())
}

fn print(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}

fn print_requests(cases: &[Case], ruleset: &Arc<Ruleset>, show: Show) {
    let mut judge = Judge::new(Arc::clone(ruleset));
    let verdicts: Vec<(&Case, Verdict)> = cases.iter().map(|case| (case, judge.judge(case))).collect();
    match show {
        Show::ByRule => return print(&table::by_rule(ruleset, &verdicts)),
        Show::Tables | Show::Clients => {}
        Show::Verdicts | Show::Misses | Show::FalseHits => {
            for (case, verdict) in &verdicts {
                let fired = !verdict.rules.is_empty();
                let wanted = match show {
                    Show::Misses => case.is_hostile() && !fired,
                    Show::FalseHits => case.kind == "benign" && fired,
                    _ => true,
                };
                if wanted {
                    println!("{}", line(case, verdict, ruleset));
                }
            }
            return;
        }
    }
    let mut table = Table::default();
    for (case, verdict) in &verdicts {
        table.add(case, verdict);
    }
    print(&table.by_class());
    println!();
    print(&table.by_goal());
}

fn line(case: &Case, verdict: &Verdict, ruleset: &Ruleset) -> String {
    let titles: Vec<&str> = verdict
        .rules
        .iter()
        .filter_map(|rule| ruleset.rules().get(*rule as usize))
        .map(|rule| &*rule.info.title)
        .collect();
    format!(
        "{}\t{}\t{}\t{}\t{:.2}\t{}\t{}\t{} {} {} ua={:?} ref={:?}",
        case.id,
        case.kind,
        case.class,
        case.tier,
        verdict.confidence,
        verdict.agent,
        titles.join("; "),
        case.method,
        case.status,
        case.uri.escape_debug(),
        case.ua,
        case.referer
    )
}

/// The hostile clients below 0.7 and the benign ones from 0.5 on.
fn print_clients(cases: &[Case], ruleset: &Arc<Ruleset>) {
    for size in CLIENT_SIZES {
        let mut sessions = sessions::make(cases, size);
        sessions::run(&mut sessions, Arc::clone(ruleset));
        for session in &sessions {
            let hostile = session.is_hostile();
            let wrong = match hostile {
                true => session.confidence < 0.7,
                false => session.confidence >= 0.5,
            };
            if wrong {
                println!(
                    "{size} {:.3} {}: {}",
                    session.confidence,
                    session.group,
                    session.rules.join("; ")
                );
                for case in &session.cases {
                    println!(
                        "    {} {} {} {}",
                        case.id,
                        case.method,
                        case.status,
                        case.uri.escape_debug()
                    );
                }
            }
        }
    }
}

fn ruleset(path: Option<&Path>) -> Result<Ruleset, String> {
    let texts = match path {
        Some(path) => texts(path)?,
        None => builtin(),
    };
    Ruleset::load(&texts).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("rules are refused\n{}", lines.join("\n"))
    })
}

fn texts(path: &Path) -> Result<Vec<RuleText>, String> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(RuleText {
            name: path.display().to_string().into(),
            text,
        })
    };
    case::files(path, "yml")?.into_iter().map(read).collect()
}
