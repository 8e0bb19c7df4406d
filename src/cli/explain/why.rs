//! `afw explain --why`: what the store holds against an address.

use std::net::IpAddr;
use std::sync::Arc;

use super::page::Page;
use crate::analysis::Fold;
use crate::analysis::scan::Kit;
use crate::config::Config;
use crate::detect::correlate::correlator::Progress;
use crate::drive::start;
use crate::event::ValueType;
use crate::indicator::Indicator;
use crate::store::Store;
use crate::terminal::output::{Output, quietly, styled};
use crate::terminal::{Exit, Failure};
use crate::text::{clipped, counted};

/// Why the store holds an indicator.
pub(super) fn why(config: &Config, kit: &Arc<Kit>, address: &str, json: bool) -> Result<Exit, Failure> {
    let store = Store::open_existing(&config.state_dir)?;
    let Some(store) = store else {
        return Err(Failure::new(
            Exit::Failed,
            format!("nothing is stored in {} yet", config.state_dir.display()),
        )
        .hint("`afw tail` and `afw replay --resume` store what they find"));
    };
    let mut fold = start::fold(config, kit, false);
    start::restore(&mut fold, &store)?;
    let (indicator, windows) = (fold.find(address), windows(&fold, address));
    let mut out = Output::new(false);
    let written = match indicator {
        Some(indicator) if json => out.line(&super::json::why(&indicator, &windows)),
        Some(indicator) => out.page(&styled(&why_text(&indicator, &windows))),
        None => {
            let mut page = Page::default();
            if !json && !windows.is_empty() {
                windows_text(&mut page, &windows);
            }
            quietly(out.page(&styled(&page.text)).and_then(|()| out.flush()))?;
            return Err(nothing(address));
        }
    };
    quietly(written.and_then(|()| out.flush()))
}

fn nothing(address: &str) -> Failure {
    Failure::new(
        Exit::Failed,
        format!("the store holds no indicator for {address}"),
    )
    .hint("it may be below --min-confidence, exempt, or never sighted")
}

/// How far the windows of an address have come; those of a prefix, as indicators tell it, are those of its first address.
fn windows(fold: &Fold, address: &str) -> Vec<Progress> {
    let first = address.split_once('/').map_or(address, |(first, _)| first);
    let client = first.parse::<IpAddr>().ok();
    client.map_or_else(Vec::new, |client| fold.progress(client.to_canonical()))
}

/// How often an indicator was seen, and when, where lines tell it.
fn seen_text(indicator: &Indicator) -> String {
    let times = indicator.first_seen.zip(indicator.last_seen);
    let when = times.map(|(first, last)| format!(" from {first} to {last}"));
    format!(
        "{}{}",
        counted(indicator.sightings, "time"),
        when.unwrap_or_default()
    )
}

fn why_text(indicator: &Indicator, windows: &[Progress]) -> String {
    let mut out = Page::default();
    out.row("indicator", &indicator_text(indicator));
    out.row("seen", &seen_text(indicator));
    out.heading("rules");
    for rule in &indicator.rules {
        out.more(&format!(
            "×{} {} ({}, {})",
            rule.count,
            rule.title,
            rule.level.name(),
            rule.id
        ));
    }
    out.heading("evidence");
    for one in &indicator.evidence {
        let (method, target) = (
            one.method.as_deref().unwrap_or("-"),
            one.target.as_deref().unwrap_or("-"),
        );
        let status = one
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        out.more(&format!(
            "{}{method} {} → {status}",
            one.time.map(|time| format!("{time} ")).unwrap_or_default(),
            clipped(target, 200)
        ));
        if let Some(note) = one.note {
            out.more(&format!("  {note}"));
        }
        out.more(&format!("  {} byte {}, rule {}", one.file, one.offset, one.rule));
    }
    if matches!(indicator.kind, ValueType::Ipv4 | ValueType::Ipv6) {
        windows_text(&mut out, windows);
    }
    out.text
}

fn windows_text(out: &mut Page, windows: &[Progress]) {
    out.heading("windows");
    for window in windows {
        out.more(&format!(
            "{}: {} of {}",
            window.rule.title, window.count, window.threshold
        ));
    }
}

/// What an indicator is of, and how sure it is.
pub(super) fn indicator_text(indicator: &Indicator) -> String {
    format!(
        "{} {}, class {}, confidence {:.2}",
        indicator.kind.name(),
        indicator.value,
        indicator.class.name(),
        indicator.confidence.value()
    )
}
