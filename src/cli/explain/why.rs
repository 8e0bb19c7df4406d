//! `afw explain --why`: what the store holds against an address.

use std::net::IpAddr;
use std::sync::Arc;

use super::page::Page;
use crate::analysis::Fold;
use crate::analysis::scan::Kit;
use crate::cli::output::{Output, quietly, styled};
use crate::cli::{Exit, Failure};
use crate::config::Config;
use crate::drive::start;
use crate::indicator::Indicator;
use crate::store::Store;
use crate::text::{clipped, counted};

/// Why the store holds an indicator.
pub(super) fn why(config: &Config, kit: &Arc<Kit>, address: &str, json: bool) -> Result<Exit, Failure> {
    let store = Store::open_existing(&config.state_dir).map_err(|error| start::store_failure(&error))?;
    let Some(store) = store else {
        return Err(Failure::new(
            Exit::Failed,
            format!("nothing is stored in {} yet", config.state_dir.display()),
        )
        .hint("`afw tail` and `afw replay --resume` store what they find"));
    };
    let mut fold = start::fold(config, kit, false);
    start::restore(&mut fold, &store)?;
    let Some(indicator) = fold.find(address) else {
        return Err(Failure::new(
            Exit::Failed,
            format!("the store holds no indicator for {address}"),
        )
        .hint("it may be below --min-confidence, exempt, or never sighted"));
    };
    let mut out = Output::new(false);
    let written = if json {
        out.line(&crate::indicator::to_json(&indicator))
    } else {
        out.page(&styled(&why_text(&indicator, &fold, address)))
    };
    quietly(written.and_then(|()| out.flush()))
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

fn why_text(indicator: &Indicator, fold: &Fold, address: &str) -> String {
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
    if let Ok(address) = address.parse::<IpAddr>() {
        out.heading("windows");
        for window in fold.progress(address) {
            out.more(&format!(
                "{}: {} of {}",
                window.rule.title, window.count, window.threshold
            ));
        }
    }
    out.text
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
