//! Settings of receivers, outbox and publishers, as the configuration file has them.
//!
//! Secrets may be given by environment, by file (`…_file`), by systemd's credentials directory, or here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// `[appfirewall]`: names and meanings are the SDK's.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct AppFirewall {
    pub api_key: Option<String>,
    pub api_key_file: Option<PathBuf>,
    pub endpoint: Option<String>,
    pub environment: Option<String>,
    pub mode: Option<String>,
    pub local_log_path: Option<PathBuf>,
    pub send: Option<String>,
    pub classify_404: Option<bool>,
    pub allow_insecure: Option<bool>,
}

/// `[onefirewall]`: names are the vendor's, lower case without the prefix.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct OneFirewall {
    pub api_key: Option<String>,
    pub api_key_file: Option<PathBuf>,
    pub end_point: Option<String>,
    pub bulk: Option<usize>,
    pub flush_sec: Option<u64>,
    pub tag: Option<String>,
    pub send: Option<String>,
    pub statuses: Option<Vec<u16>>,
    pub api: Option<String>,
    pub authorization: Option<String>,
    pub organisation: Option<String>,
    pub allow_insecure: Option<bool>,
}

/// `[http]`: how afw reaches receivers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct Http {
    pub proxy: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub client_certificate_file: Option<PathBuf>,
    pub client_key_file: Option<PathBuf>,
    pub allow_insecure: Option<bool>,
}

/// `[outbox]`: how much may wait for delivery.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct Outbox {
    pub max_bytes: Option<u64>,
    pub max_age: Option<String>,
    pub overflow: Option<String>,
}

/// `[webhook]`: what every `webhook:URL` uses.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct Webhook {
    pub secret: Option<String>,
    pub secret_file: Option<PathBuf>,
    pub send: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub allow_insecure: Option<bool>,
}

/// `[ecs]`: what every `ecs:PATH|URL` uses.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct Ecs {
    pub body: Option<String>,
    pub send: Option<String>,
    pub bulk: Option<bool>,
    pub index: Option<String>,
    pub headers: BTreeMap<String, String>,
    pub allow_insecure: Option<bool>,
}

/// `[file]`: what every `file:PATH` uses.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each key is explained by `afw config init` and docs/sinks.md"
)]
pub struct FileSink {
    pub send: Option<String>,
    pub max_bytes: Option<u64>,
    pub max_age: Option<String>,
    pub keep: Option<u32>,
}

/// `[maxmind]`: the account that `afw geoip update` fetches databases with.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each key is explained by `afw config init`")]
pub struct Maxmind {
    pub account_id: Option<AccountId>,
    #[serde(alias = "license_key")]
    pub licence_key: Option<String>,
    #[serde(alias = "license_key_file")]
    pub licence_key_file: Option<PathBuf>,
    pub editions: Vec<String>,
    pub directory: Option<PathBuf>,
    pub host: Option<String>,
}

/// An account number, with or without quotes.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum AccountId {
    /// As a number.
    Number(u64),
    /// As text, which may be anything.
    Text(String),
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// `[[list_source]]`: a list that `afw lists update` keeps up to date. Its address may hold a key.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each key is explained by `afw config init`")]
pub struct ListSource {
    pub name: String,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub path: Option<PathBuf>,
    #[serde(default)]
    pub every: Option<String>,
}

/// Debug output of settings that hold secrets says only that they are there.
macro_rules! redacted {
    ($($settings:ty),+) => {
        $(impl std::fmt::Debug for $settings {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($settings), " { .. }"))
            }
        })+
    };
}

redacted!(AppFirewall, OneFirewall, Webhook, Ecs, Maxmind, ListSource);
