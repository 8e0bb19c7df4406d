//! From the configuration to what a run needs: rules, databases, lists, trust, formats. All reading of such files is
//! here; everything that is wrong is said at once, before any log is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::analysis::scan::{Kit, Wants};
use crate::cli::{Exit, Failure};
use crate::client::{Trust, TrustSpec};
use crate::config::{Analysis, Config};
use crate::detect::{RuleProblem, RuleText, Ruleset};
use crate::enrich::address::DEFAULT_ADDRESSES;
use crate::enrich::crawler::Published;
use crate::enrich::{Databases, Exemptions, ListFormat, ListSpec, Lists, Role};
use crate::net::{Cidr, Ranges};
use crate::sink::Sink;
use crate::source::discover;
use crate::source::servers::{DeclaredLog, Servers};
use crate::text::{printable, printable_path, system_message};

use super::data::Data;
use super::formats::Formats;

/// Largest rule file that is read, in bytes; Sigma rules are a few kilobytes.
const MAX_RULE_BYTES: u64 = 4 << 20;
/// What to do about rules that cannot be read.
const RULES_HINT: &str = "--rules takes a Sigma rule file or a folder of .yml and .yaml files";

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

/// Loads the built-in packs and the user's rules.
///
/// # Errors
/// Exit code 2 with every refused rule; warnings are only logged.
pub fn ruleset(analysis: &Analysis) -> Result<Ruleset, Failure> {
    let mut texts = if analysis.default_rules {
        crate::detect::builtin()
    } else {
        Vec::new()
    };
    texts.extend(own_rules(analysis)?);
    let ruleset = Ruleset::load(&texts).map_err(|problems| refused_of(analysis, &problems))?;
    for warning in ruleset.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(ruleset)
}

/// The refusal of a rule set, with the places where the refused files are named.
fn refused_of(analysis: &Analysis, problems: &[RuleProblem]) -> Failure {
    if analysis.origins.is_typed("rules") {
        return refused(problems);
    }
    let mut by_path: BTreeMap<Option<&PathBuf>, Vec<RuleProblem>> = BTreeMap::new();
    for problem in problems.iter().filter(|problem| !problem.warning) {
        let is_of = |path: &&PathBuf| Path::new(&*problem.file).starts_with(path);
        let named = analysis.rules.iter().find(is_of);
        by_path.entry(named).or_default().push(problem.clone());
    }
    let failures = by_path.into_iter().map(|(path, problems)| match path {
        Some(path) => named_at(analysis, path, refused(&problems)),
        None => refused(&problems),
    });
    Failure::all(failures.collect()).unwrap_or_else(|| refused(problems))
}

/// A fault in rules that the configuration names.
fn named_at(analysis: &Analysis, path: &Path, failure: Failure) -> Failure {
    let named = path.display().to_string();
    analysis.origins.fault("rules", &named, "AFW_RULES", failure)
}

/// The refusal of a rule set, with every refused construct.
pub fn refused(problems: &[RuleProblem]) -> Failure {
    let refusals = problems.iter().filter(|problem| !problem.warning);
    let lines: Vec<String> = refusals.map(ToString::to_string).collect();
    let many = if lines.len() == 1 {
        "a rule was refused"
    } else {
        "rules were refused"
    };
    Failure::usage(format!("{many}:\n{}", lines.join("\n")))
        .hint("`afw rules check PATH` shows all problems of a file or folder")
}

/// Reads the rule files that the configuration names.
///
/// # Errors
/// Exit code 2 with every path that cannot be read, and where it is named.
pub fn own_rules(analysis: &Analysis) -> Result<Vec<RuleText>, Failure> {
    let read = |path: &PathBuf| {
        rule_texts(std::slice::from_ref(path)).map_err(|failure| named_at(analysis, path, failure))
    };
    // One that is named twice is read once.
    let mut met = BTreeSet::new();
    let paths = analysis.rules.iter().filter(|path| met.insert(*path));
    let texts: Vec<Vec<RuleText>> = Failure::none_of(paths.map(read))?;
    Ok(texts.into_iter().flatten().collect())
}

/// Reads rule files; a directory is read recursively for `.yml` and `.yaml`.
///
/// # Errors
/// Exit code 2 with every path that cannot be read.
pub fn rule_texts(paths: &[PathBuf]) -> Result<Vec<RuleText>, Failure> {
    let files = Failure::none_of(paths.iter().flat_map(|path| rule_files(path)))?;
    Failure::none_of(files.iter().map(|file| rule_text(file)))
}

/// The file itself, or the rule files below a folder.
fn rule_files(path: &Path) -> Vec<Result<PathBuf, Failure>> {
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let entries = walkdir::WalkDir::new(path).follow_links(true).sort_by_file_name();
    let files = entries.into_iter().filter_map(|entry| match entry {
        Ok(entry) => {
            (entry.file_type().is_file() && is_rule_file(entry.path())).then(|| Ok(entry.into_path()))
        }
        Err(error) => Some(Err(unreadable_rules(path, &error))),
    });
    files.collect()
}

fn unreadable_rules(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("cannot read rules {}: {error}", path.display())).hint(RULES_HINT)
}

fn is_rule_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yml" || extension == "yaml")
}

fn rule_text(path: &Path) -> Result<RuleText, Failure> {
    let unreadable = |error: String| {
        Failure::usage(format!("cannot read the rule file {}: {error}", path.display())).hint(RULES_HINT)
    };
    if path.as_os_str().is_empty() {
        return Err(Failure::usage("an empty path names no rule file").hint(RULES_HINT));
    }
    let size = fs::metadata(path)
        .map_err(|error| unreadable(system_message(&error)))?
        .len();
    if size > MAX_RULE_BYTES {
        return Err(unreadable(format!(
            "{size} bytes are more than the {MAX_RULE_BYTES} a rule file may have"
        )));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(system_message(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
    Ok(RuleText {
        name: path.to_string_lossy().into(),
        text,
    })
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
        .with_own(&own_addresses()))
}

/// Addresses of this machine, as the kernel lists them; none where it does not.
/// Asked for this process, since a service may see no more of `/proc` than processes.
fn own_addresses() -> Vec<IpAddr> {
    let v6 = fs::read_to_string("/proc/self/net/if_inet6").unwrap_or_default();
    let v6 = v6.lines().filter_map(|line| {
        let digits = line.split_whitespace().next()?;
        u128::from_str_radix(digits, 16)
            .ok()
            .map(|bits| IpAddr::from(bits.to_be_bytes()))
    });
    let v4 = fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default();
    local_v4(&v4).into_iter().chain(v6).collect()
}

/// Addresses that the kernel's routing trie marks as local to this host.
fn local_v4(trie: &str) -> Vec<IpAddr> {
    let mut last = None;
    let mut found = Vec::new();
    for line in trie.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("|-- ") {
            last = text.parse::<IpAddr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last.take());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The logs to read and how their formats are found: as named, else what the servers' configuration declares.
///
/// # Errors
/// Exit code 2 when nothing is named and nothing is found, or a format is wrong.
pub fn logs(config: &Config) -> Result<(Vec<PathBuf>, Formats), Failure> {
    let servers = match named_servers(&config.analysis)? {
        None if config.paths.is_empty() => Some(Servers::find(Path::new("/"))),
        named => named,
    };
    let formats = formats(&config.analysis, servers.clone())?;
    if !config.paths.is_empty() {
        return Ok((config.paths.clone(), formats));
    }
    let servers = servers.unwrap_or_default();
    for notice in &servers.notices {
        tracing::info!("{notice}");
    }
    for trouble in &servers.troubles {
        tracing::warn!("{trouble}");
    }
    if config.analysis.format_from.is_none() {
        warn_of_formats(&servers);
    }
    let paths: Vec<PathBuf> = formats
        .declared_paths()
        .into_iter()
        .map(Path::to_path_buf)
        .collect();
    if paths.is_empty() {
        return Err(nothing_declared(&servers));
    }
    warn_of_empty_globs(&paths, &formats);
    Ok((paths, formats))
}

/// Names the declared globs that match no file. Where nothing matches at all, that is told as a whole.
fn warn_of_empty_globs(paths: &[PathBuf], formats: &Formats) {
    /// Of very many the first tell enough.
    const MOST: usize = 20;
    let empty: Vec<&PathBuf> = paths
        .iter()
        .filter(|path| discover::is_empty_glob(path))
        .collect();
    if empty.len() == paths.len() {
        return;
    }
    for path in empty.into_iter().take(MOST) {
        let shown = printable_path(path);
        match formats.declared_at(path) {
            Some(at) => tracing::warn!("{shown}: no file matches; {} declares it", printable(at)),
            None => tracing::warn!("{shown}: no file matches"),
        }
    }
}

/// The server configuration that `--format-from` names.
fn servers_of(path: &Path) -> Result<Servers, Failure> {
    if path.as_os_str().is_empty() {
        return Err(Failure::usage("an empty path names no configuration"));
    }
    let servers = Servers::from_file(path);
    if let Some(trouble) = servers.troubles.first() {
        return Err(Failure::usage(trouble));
    }
    let broken = servers.logs.iter().find_map(DeclaredLog::mistake);
    if let (Some(mistake), None) = (broken, servers.layouts().next()) {
        return Err(Failure::usage(mistake));
    }
    warn_of_formats(&servers);
    Ok(servers)
}

/// Names the logs whose declared format could not be compiled. The others are read all the same.
fn warn_of_formats(servers: &Servers) {
    /// Of very many the first tell enough.
    const MOST: usize = 20;
    for mistake in servers.logs.iter().filter_map(DeclaredLog::mistake).take(MOST) {
        tracing::warn!("{mistake}");
    }
}

fn nothing_declared(servers: &Servers) -> Failure {
    let looked: Vec<String> = servers
        .looked
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let message = format!(
        "no log is named, and no server configuration declares one; looked at {}",
        looked.join(", ")
    );
    Failure::usage(message).hint("name a log: afw replay /var/log/nginx/access.log")
}

/// How formats are found when no log is named: by `--format`, or from what `--format-from` declares.
///
/// # Errors
/// Exit code 2 when the format or the configuration is wrong.
pub fn logs_or_none(config: &Config) -> Result<Formats, Failure> {
    formats(&config.analysis, named_servers(&config.analysis)?)
}

/// What the servers' configuration that `--format-from` names declares.
fn named_servers(analysis: &Analysis) -> Result<Option<Servers>, Failure> {
    let Some(path) = analysis.format_from.as_deref() else {
        return Ok(None);
    };
    let placed = |failure| analysis.origins.naming("format_from", failure);
    let servers = servers_of(path).map_err(placed)?;
    if servers.logs.is_empty() && servers.formats.is_empty() {
        let why = "it declares no log and no format; lines say what they are";
        let told = placed(Failure::usage(format!("{}: {why}", path.display())));
        tracing::warn!("{}", told.message);
    }
    Ok(Some(servers))
}

fn formats(analysis: &Analysis, servers: Option<Servers>) -> Result<Formats, Failure> {
    let made = Formats::new(analysis.format.as_deref(), servers);
    made.map_err(|failure| analysis.origins.option("format", "", failure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_those_the_kernel_calls_local() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.7\n        /32 host LOCAL\nLocal:\n     |-- 10.0.0.7\n        /32 host LOCAL\n";
        let expected: Vec<IpAddr> = vec!["10.0.0.7".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert_eq!(local_v4(trie), expected);
    }
}
