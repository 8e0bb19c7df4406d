//! From the configuration to what a run needs: rules, databases, lists, trust, formats, read before any log is opened.
//!
//! What is wrong with one kind of file is told at once, with the place that names each; `afw config check` tells all kinds
//! together. Next: [`super::run`].

mod logs;
mod own;
mod rules;

use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::scan::{Kit, Wants};
use crate::client::{Trust, TrustSpec};
use crate::config::{Analysis, Config};
use crate::detect::Ruleset;
use crate::enrich::address::DEFAULT_ADDRESSES;
use crate::enrich::crawler::Published;
use crate::enrich::{Databases, Exemptions, ListFormat, ListSpec, Lists, Role};
use crate::net::{Cidr, Ranges};
use crate::sink::Sink;
use crate::terminal::{Exit, Failure};

use super::data::Data;

pub use logs::{logs, logs_or_none};
pub use rules::{refused, rule_texts, rules_in_force, ruleset};

/// Builds the kit of a run. `dns`: name servers are asked about crawlers' claims.
///
/// # Errors
/// Exit code 2 with everything that is wrong with rules, databases, lists or networks.
pub fn kit(
    config: &Config,
    data: &Data,
    sinks: Vec<Arc<dyn Sink>>,
    wants: Wants,
    dns: bool,
) -> Result<Arc<Kit>, Failure> {
    let analysis = &config.analysis;
    let trust = trust(analysis)?;
    let kit = Kit {
        ruleset: Arc::new(ruleset(analysis)?),
        exemptions: Arc::new(exemptions(analysis, &trust)?),
        databases: Arc::default(),
        lists: Arc::default(),
        published: Arc::default(),
        addresses: analysis.cache_addresses,
        dns,
        trust,
        sinks,
        wants,
        scope: Arc::new(super::start::scope(config)),
    };
    refreshed(&kit, analysis, data)
}

/// The same kit over other databases and lists.
///
/// # Errors
/// As [`kit`].
pub fn refreshed(kit: &Kit, analysis: &Analysis, data: &Data) -> Result<Arc<Kit>, Failure> {
    let trust = trust(analysis)?.with_cloudflare(cloudflare(&data.lists));
    for (list, cidr) in data
        .lists
        .iter()
        .filter_map(|list| Some((list, list.too_wide()?)))
    {
        tracing::warn!(
            "{}: {cidr} would spare a good part of the internet and is left out",
            list.source()
        );
    }
    Ok(Arc::new(Kit {
        ruleset: Arc::clone(&kit.ruleset),
        exemptions: Arc::new(exemptions(analysis, &trust)?),
        databases: Arc::clone(&data.databases),
        lists: Arc::clone(&data.lists),
        published: Arc::new(Published::new(&data.lists)),
        addresses: kit.addresses,
        dns: kit.dns,
        trust,
        sinks: kit.sinks.clone(),
        wants: kit.wants,
        scope: Arc::clone(&kit.scope),
    }))
}

/// Cloudflare's networks by the lists of that name; empty where there is none, or one that would make proxies of
/// half the internet.
fn cloudflare(lists: &Lists) -> Ranges {
    let own = lists.with_role(Role::Edge).filter(|list| {
        let name = list.name().to_ascii_lowercase();
        name.starts_with("cloudflare") || list.format() == ListFormat::CloudflareJson
    });
    let mut networks = Vec::new();
    for list in own {
        match list.too_wide() {
            Some(cidr) => tracing::warn!(
                "{}: {cidr} is wider than any network of Cloudflare; the built-in networks stay in use",
                list.source()
            ),
            None => networks.extend(list.iter()),
        }
    }
    networks.into_iter().collect()
}

/// A kit with these rules and no databases or lists: for running rules' own examples.
pub fn bare_kit(ruleset: Arc<Ruleset>) -> Kit {
    let trust = Trust::new(&[]);
    Kit {
        ruleset,
        databases: Arc::default(),
        lists: Arc::default(),
        exemptions: Arc::new(Exemptions::new(&trust)),
        published: Arc::default(),
        addresses: DEFAULT_ADDRESSES,
        dns: false,
        trust,
        sinks: Vec::new(),
        wants: Wants::default(),
        scope: Arc::default(),
    }
}

/// Opens the MMDB files.
///
/// # Errors
/// Exit code 2 with every file that is no usable database.
pub fn databases(paths: &[PathBuf]) -> Result<Databases, Failure> {
    Databases::open(paths).map_err(|errors| all(&errors, "a database cannot be used"))
}

/// Reads the lists.
///
/// # Errors
/// Exit code 2 with every file that is no usable list.
pub fn lists(entries: &[(String, PathBuf)]) -> Result<Lists, Failure> {
    let specs: Vec<ListSpec> = entries
        .iter()
        .map(|(name, path)| ListSpec {
            name: name.clone(),
            path: path.clone(),
        })
        .collect();
    Lists::load(&specs).map_err(|errors| all(&errors, "a list cannot be used"))
}

fn all<E: std::fmt::Display>(errors: &[E], what: &str) -> Failure {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failure::new(Exit::Usage, format!("{what}: {}", lines.join("\n")))
}

/// Whose forwarding headers count.
///
/// # Errors
/// Exit code 2 for a value that is no network.
pub fn trust(analysis: &Analysis) -> Result<Trust, Failure> {
    let read = |text: &String| {
        text.parse::<TrustSpec>().map_err(|error| {
            let wrong = analysis.origins.wrong("trusted_proxy", text, error);
            wrong.hint("a network such as 10.0.0.0/8, `cloudflare` or `none`")
        })
    };
    let specs = Failure::none_of(analysis.trusted_proxies.iter().map(read))?;
    let trust = Trust::new(&specs);
    Ok(match &analysis.client_header {
        Some(header) => trust.with_header(header),
        None => trust,
    })
}

/// Networks that never become indicators.
///
/// # Errors
/// Exit code 2 for a value that is no network.
pub fn allowed(analysis: &Analysis) -> Result<Vec<Cidr>, Failure> {
    let read = |text: &String| {
        text.parse::<Cidr>().map_err(|error| {
            let wrong = analysis.origins.wrong("allow", text, error);
            wrong.hint("a network such as 192.0.2.0/24")
        })
    };
    Failure::none_of(analysis.allow.iter().map(read))
}

fn exemptions(analysis: &Analysis, trust: &Trust) -> Result<Exemptions, Failure> {
    let allowed = allowed(analysis)?;
    Ok(Exemptions::new(trust)
        .with_allowed(&allowed)
        .with_own_hosts(&analysis.own_hosts)
        .with_own(&own::addresses()))
}
