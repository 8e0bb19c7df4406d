//! What a configuration says of sinks: [`Choice`] is what `--sink` names, [`SinkSpec`] a sink with all its settings,
//! [`build`] makes them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::appfirewall::{AppFirewall, AppFirewallSpec};
use super::ecs::{Ecs, EcsSpec};
use super::endpoint::Endpoint;
use super::file::{FileSpec, JsonFile};
use super::http::{Http, HttpSpec};
use super::onefirewall::{OneFirewall, OneFirewallSpec};
use super::onefirewall_domains::OneFirewallDomains;
use super::webhook::{Webhook, WebhookSpec};
use super::{Secret, Sink};

/// What `--sink` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// `appfirewall`.
    AppFirewall,
    /// `onefirewall`.
    OneFirewall,
    /// `onefirewall-domains`.
    OneFirewallDomains,
    /// `ecs:PATH`.
    EcsFile(PathBuf),
    /// `ecs:URL`.
    EcsUrl(String),
    /// `webhook:URL`.
    Webhook(String),
    /// `file:PATH`.
    File(PathBuf),
    /// `none`.
    None,
}

/// What `--sink` accepts, for messages.
const CHOICES: &str =
    "appfirewall, onefirewall, onefirewall-domains, ecs:PATH, ecs:URL, webhook:URL, file:PATH or none";

impl Choice {
    /// Reads the argument of `--sink`.
    ///
    /// # Errors
    /// When it names no sink, or a URL that carries a key.
    pub fn parse(text: &str) -> Result<Self, SinkError> {
        match text {
            "appfirewall" => return Ok(Self::AppFirewall),
            "onefirewall" => return Ok(Self::OneFirewall),
            "onefirewall-domains" => return Ok(Self::OneFirewallDomains),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let url =
            |url: &str| Endpoint::parse(text.split(':').next().unwrap_or_default(), url, true).map(drop);
        match text.split_once(':') {
            Some(("ecs", place)) if place.contains("://") => {
                url(place).map(|()| Self::EcsUrl(place.to_owned()))
            }
            Some(("webhook", place)) => url(place).map(|()| Self::Webhook(place.to_owned())),
            Some(("ecs", path)) if !path.is_empty() => Ok(Self::EcsFile(path.into())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(SinkError::new(format!("{text:?} is no sink")).hint(format!("use {CHOICES}"))),
        }
    }
}

/// An HTTP receiver named by a URL.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// The URL, without any key.
    pub url: String,
    /// Headers sent with every request; values may be keys and are never shown.
    pub headers: Vec<(String, Secret)>,
    /// Accept `http://` beyond this machine.
    pub allow_insecure: bool,
    /// How to reach it.
    pub http: HttpSpec,
}

impl Target {
    /// A client for this receiver. `what` names the sink in messages.
    pub(super) fn client(&self, what: &str) -> Result<Http, SinkError> {
        let endpoint = Endpoint::parse(what, &self.url, self.allow_insecure)?;
        Http::new(&self.http, endpoint, self.headers.clone())
    }
}

/// What a sink is, as the configuration says it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSpec {
    /// Name as given to `--sink`; the key of its rows in the outbox.
    pub name: String,
    /// Which contract, with its settings.
    pub kind: SinkKind,
}

/// The contracts a sink can follow.
#[derive(Debug, Clone, PartialEq)]
pub enum SinkKind {
    /// The AppFirewall ingest.
    AppFirewall(AppFirewallSpec),
    /// OneFirewall reports of addresses.
    OneFirewall(OneFirewallSpec),
    /// OneFirewall reports of domains.
    OneFirewallDomains(OneFirewallSpec),
    /// ECS documents or original lines.
    Ecs(EcsSpec),
    /// A signed JSON array of indicators.
    Webhook(WebhookSpec),
    /// Indicators as JSON lines in a file.
    File(FileSpec),
}

/// Makes the sinks of a configuration, in its order.
///
/// # Errors
/// At the first that cannot work: a URL that may not be used, a file that cannot be read, a key that is missing.
pub fn build(specs: &[SinkSpec]) -> Result<Vec<Arc<dyn Sink>>, SinkError> {
    for (at, spec) in specs.iter().enumerate() {
        if specs.iter().take(at).any(|other| other.name == spec.name) {
            return Err(SinkError::new(format!("sink {} is named twice", spec.name)));
        }
    }
    specs.iter().map(build_one).collect()
}

fn build_one(spec: &SinkSpec) -> Result<Arc<dyn Sink>, SinkError> {
    let name = spec.name.clone();
    Ok(match &spec.kind {
        SinkKind::AppFirewall(spec) => Arc::new(AppFirewall::new(name, spec)?),
        SinkKind::OneFirewall(spec) => Arc::new(OneFirewall::new(name, spec)?),
        SinkKind::OneFirewallDomains(spec) => Arc::new(OneFirewallDomains::new(name, spec)?),
        SinkKind::Ecs(spec) => Arc::new(Ecs::new(name, spec)?),
        SinkKind::Webhook(spec) => Arc::new(Webhook::new(name, spec)?),
        SinkKind::File(spec) => Arc::new(JsonFile::new(name, spec)),
    })
}

/// Why a sink cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkError {
    message: String,
    advice: Option<String>,
}

impl SinkError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            advice: None,
        }
    }

    pub(super) fn file(path: &Path, error: impl fmt::Display) -> Self {
        Self::new(format!("{}: {error}", path.display()))
    }

    pub(super) fn hint(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SinkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_sink_has_its_name() {
        for (text, choice) in [
            ("appfirewall", Some(Choice::AppFirewall)),
            ("onefirewall", Some(Choice::OneFirewall)),
            ("onefirewall-domains", Some(Choice::OneFirewallDomains)),
            ("none", Some(Choice::None)),
            (
                "file:/var/log/a:b.jsonl",
                Some(Choice::File("/var/log/a:b.jsonl".into())),
            ),
            ("ecs:out.ndjson", Some(Choice::EcsFile("out.ndjson".into()))),
            (
                "ecs:https://es.example/x",
                Some(Choice::EcsUrl("https://es.example/x".into())),
            ),
            (
                "webhook:https://h.example/x",
                Some(Choice::Webhook("https://h.example/x".into())),
            ),
            ("webhook:https://u:p@h.example/x", None),
            ("ecs:https://h.example/x?token=1", None),
            ("webhook:nonsense", None),
            ("file:", None),
            ("file", None),
            ("http://h.example", None),
            ("", None),
        ] {
            assert_eq!(Choice::parse(text).ok(), choice, "{text}");
        }
        let error = Choice::parse("webhook:https://h.example/?key=s3cret").unwrap_err();
        assert!(
            !error.to_string().contains("s3cret") && error.advice().is_some(),
            "{error}"
        );
    }
}
