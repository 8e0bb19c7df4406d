//! From the configuration to receivers: which are on, with which keys and settings.
//!
//! A key in the environment is enough to switch `appfirewall` or `onefirewall` on; everything else must be named.
//! Next: `settings`, those of each kind; [`crate::sink`].

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, parse_span};
use crate::sink::{self, EcsPlace, EcsSpec, Secret, Sink, SinkError, SinkKind, SinkSpec, Tuning, Workers};
use crate::store::{OutboxLimits, Overflow, Store};
use crate::terminal::Failure;

use crate::text::nearest;

mod settings;

pub use settings::onefirewall;
use settings::{appfirewall, appfirewall_key, ecs, file, http, onefirewall_key, rotation, webhook};

/// Names that `--sink` takes.
const FORMS: &str =
    "one of appfirewall, onefirewall, onefirewall-domains, ecs:PATH or ecs:URL, webhook:URL, file:PATH, none";

/// The receivers of this run.
///
/// # Errors
/// Exit code 2 for a name that is none, a key that is missing, a URL that may not be used.
pub fn build(config: &Config) -> Result<Vec<Arc<dyn Sink>>, Failure> {
    made(config, &specs(config)?)
}

/// What the receivers of this run are, with all their settings.
///
/// # Errors
/// As [`build`].
pub fn specs(config: &Config) -> Result<Vec<SinkSpec>, Failure> {
    // A key that was promised and cannot be read must not look like no key.
    appfirewall_key(config)?;
    onefirewall_key(config)?;
    Failure::none_of(names(config).iter().map(|name| with_directory(config, name)))
}

/// A receiver of this run. A file has to lie in a directory that is there: a path with a slip in it would else be made, and
/// nobody would look there. Below the state directory all is afw's own.
fn with_directory(config: &Config, name: &str) -> Result<SinkSpec, Failure> {
    let spec = spec(config, name)?;
    let path = match &spec.kind {
        SinkKind::File(file) => &file.path,
        SinkKind::Ecs(EcsSpec {
            place: EcsPlace::File(path, _),
            ..
        }) => path,
        _ => return Ok(spec),
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let is_missing = parent.is_some_and(|parent| !parent.is_dir());
    if !is_missing || path.starts_with(&config.state_dir) {
        return Ok(spec);
    }
    let failure = Failure::usage("there is no such directory");
    let failure = failure.hint("name a file in a directory that exists, or make it");
    Err(config.origins.option("sink", name, failure))
}

/// All that is wrong with the receivers of this run.
pub fn mistakes(config: &Config) -> Vec<Failure> {
    // What no receiver of this run needs, one of the next may: a key can come from a service's environment.
    let settings = [
        appfirewall(config).err(),
        onefirewall(config).err(),
        http(config).err(),
        rotation(config).err(),
    ];
    let sinks = names(config).into_iter().filter_map(|name| {
        let made = with_directory(config, &name).and_then(|spec| made(config, &[spec]));
        made.err()
    });
    let mut mistakes: Vec<Failure> = settings.into_iter().flatten().chain(sinks).collect();
    // A key that cannot be read is wrong for each receiver that needs it.
    let mut seen = std::collections::HashSet::new();
    mistakes.retain(|failure| seen.insert(failure.message.clone()));
    mistakes
}

/// Whether there are keys for AppFirewall and OneFirewall.
pub fn has_keys(config: &Config) -> (bool, bool) {
    let is_set = |key: Result<Option<Secret>, Failure>| key.is_ok_and(|key| key.is_some());
    (is_set(appfirewall_key(config)), is_set(onefirewall_key(config)))
}

/// The receivers of these settings.
///
/// # Errors
/// As [`build`].
pub fn made(config: &Config, specs: &[SinkSpec]) -> Result<Vec<Arc<dyn Sink>>, Failure> {
    // One after the other: each that cannot work is told of.
    let made = specs.iter().map(|spec| {
        let made = sink::build(std::slice::from_ref(spec));
        made.map_err(|error| placed(config, &spec.name, failure(&error)))
    });
    Ok(Failure::none_of(made)?.into_iter().flatten().collect())
}

/// What is wrong with a receiver, by the setting it is in.
fn placed(config: &Config, name: &str, failure: Failure) -> Failure {
    const SETTINGS: [(&str, &str, &str); 3] = [
        (
            "APPFIREWALL_ENDPOINT: ",
            "appfirewall.endpoint",
            "APPFIREWALL_ENDPOINT",
        ),
        (
            "ONEFIREWALL_END_POINT: ",
            "onefirewall.end_point",
            "ONEFIREWALL_END_POINT",
        ),
        ("http.proxy: ", "http.proxy", ""),
    ];
    let set = |(start, ..): &&(&str, &str, &str)| failure.message.starts_with(start);
    match SETTINGS.iter().find(set) {
        Some((start, key, variable)) => {
            let mut failure = failure;
            failure.message.drain(..start.len());
            config.origins.fault(key, "", variable, failure)
        }
        None => config.origins.fault("sink", name, "AFW_SINK", failure),
    }
}

/// The receivers of this run and those for which something waits in the store.
///
/// # Errors
/// As [`build`].
pub fn build_for(config: &Config, store: &Store) -> Result<Vec<Arc<dyn Sink>>, Failure> {
    let mut all = names(config);
    let known = store.receivers()?;
    let waiting = known.into_iter().filter(|receiver| receiver.waiting_events() > 0);
    all.extend(waiting.map(|receiver| receiver.name));
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    let specs: Vec<SinkSpec> = all
        .iter()
        .map(|name| spec(config, name))
        .collect::<Result<_, _>>()?;
    sink::build(&specs).map_err(|error| failure(&error))
}

/// The names of the receivers of this run, each once.
pub fn names(config: &Config) -> Vec<String> {
    let mut names = match &config.output.sinks {
        Some(named) => named.clone(),
        None => by_key(config),
    };
    names.retain(|name| name != "none");
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Receivers that a key switches on.
fn by_key(config: &Config) -> Vec<String> {
    let appfirewall = appfirewall_key(config)
        .ok()
        .flatten()
        .map(|_| "appfirewall".to_owned());
    let onefirewall = onefirewall_key(config)
        .ok()
        .flatten()
        .map(|_| "onefirewall".to_owned());
    appfirewall.into_iter().chain(onefirewall).collect()
}

/// Threads that deliver, one a sink.
///
/// # Errors
/// The store cannot be opened a second time.
pub fn workers(config: &Config, sinks: &[Arc<dyn Sink>]) -> Result<Workers, Failure> {
    Workers::start(&config.state_dir, sinks, Tuning::default()).map_err(Failure::from)
}

/// How much may wait in the outbox.
///
/// # Errors
/// Exit code 2 for values that are none.
pub fn outbox_limits(config: &Config) -> Result<OutboxLimits, Failure> {
    let set = &config.file.outbox;
    let usual = OutboxLimits::default();
    let overflow = match set.overflow.as_deref() {
        None | Some("block") => Overflow::Block,
        Some("drop-oldest") => Overflow::DropOldest,
        Some(other) => {
            return Err(not_known(config, "outbox.overflow", other).hint("\"block\" or \"drop-oldest\""));
        }
    };
    Ok(OutboxLimits {
        bytes: set.max_bytes.unwrap_or(usual.bytes),
        age: span(config, "outbox.max_age", set.max_age.as_deref())?.or(usual.age),
        overflow,
        ..usual
    })
}

/// A wrong value of a key of the file.
fn wrong(config: &Config, key: &str, why: impl std::fmt::Display) -> Failure {
    config.origins.fault(key, "", "", Failure::usage(why))
}

fn not_known(config: &Config, key: &str, value: &str) -> Failure {
    wrong(config, key, format!("\"{value}\" is not known"))
}

fn span(config: &Config, key: &str, text: Option<&str>) -> Result<Option<Duration>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let secs = parse_span(text).and_then(|secs| u64::try_from(secs).ok());
    secs.map(|secs| Some(Duration::from_secs(secs))).ok_or_else(|| {
        let wrong = wrong(config, key, format!("\"{text}\" is not a span of time"));
        wrong.hint("for example \"30s\", \"12h\" or \"7d\"")
    })
}

fn spec(config: &Config, name: &str) -> Result<SinkSpec, Failure> {
    let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
    let kind = match (kind, rest) {
        ("appfirewall", "") => SinkKind::AppFirewall(appfirewall(config)?),
        ("onefirewall", "") => SinkKind::OneFirewall(onefirewall(config)?),
        ("onefirewall-domains", "") => SinkKind::OneFirewallDomains(onefirewall(config)?),
        ("webhook", url) if !url.is_empty() => SinkKind::Webhook(webhook(config, url)?),
        ("ecs", place) if !place.is_empty() => SinkKind::Ecs(ecs(config, place)?),
        ("file", path) if !path.is_empty() => SinkKind::File(file(config, path)?),
        _ => return Err(unknown(config, name, kind, rest)),
    };
    Ok(SinkSpec {
        name: name.to_owned(),
        kind,
    })
}

fn unknown(config: &Config, name: &str, kind: &str, rest: &str) -> Failure {
    const KINDS: [&str; 6] = [
        "appfirewall",
        "onefirewall",
        "onefirewall-domains",
        "ecs",
        "webhook",
        "file",
    ];
    if KINDS.contains(&kind) {
        let (what, form) = match rest {
            "" => (
                "something is missing after it",
                format!("{}; all forms: {FORMS}", form(kind)),
            ),
            _ => ("nothing comes after it", FORMS.to_owned()),
        };
        return unusable(config, name, kind, what).hint(form);
    }
    let hint = match nearest(kind, KINDS) {
        Some(meant) => format!("did you mean {meant}? {FORMS}"),
        None => FORMS.to_owned(),
    };
    unusable(config, name, kind, "there is no such receiver").hint(hint)
}

/// A receiver's name that is none; what stands behind its kind may be a key and is not shown.
fn unusable(config: &Config, name: &str, kind: &str, why: &str) -> Failure {
    let failure = Failure::usage(format!("{kind}: {why}"));
    let origins = &config.origins;
    let option = if origins.is_typed("sink") { "--sink " } else { "" };
    origins.fault("sink", name, "AFW_SINK", failure.after(option))
}

/// What comes after a receiver's kind.
fn form(kind: &str) -> &str {
    match kind {
        "webhook" => "webhook:URL, as in webhook:https://receiver.example/afw",
        "file" => "file:PATH, as in file:/var/log/afw.jsonl",
        _ => "ecs:PATH or ecs:URL",
    }
}

/// A sink error as a command's failure: the configuration is wrong.
pub fn failure(error: &SinkError) -> Failure {
    let failure = Failure::usage(without_keys(&error.to_string()));
    match error.advice() {
        Some(advice) => failure.hint(advice),
        None => failure,
    }
}

/// A message in which no URL shows what may be a key: user information and queries are left out.
pub fn without_keys(message: &str) -> String {
    let shown = |word: &str| {
        let Some((scheme, rest)) = word.split_once("://") else {
            return word.to_owned();
        };
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (place, tail) = rest.split_at(end);
        let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
        let colon = if tail.ends_with(':') { ":" } else { "" };
        format!(
            "{scheme}://{place}{}{colon}",
            if tail.len() > colon.len() { "?…" } else { "" }
        )
    };
    message.split(' ').map(shown).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_of_a_url_is_shown() {
        let said = without_keys("webhook:https://u:PASS@h.example/x?token=SECRET: the URL carries a key");
        assert_eq!(said, "webhook:https://h.example/x?…: the URL carries a key");
    }
}
