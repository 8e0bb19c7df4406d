//! The settings of each kind of receiver, from keys, variables and the configuration file. Next: [`super`], which says which
//! are on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::{not_known, span, wrong};
use crate::config::{Config, environment, secret};
use crate::sink::onefirewall::{DEFAULT_END_POINT_V1, DEFAULT_STATUSES};
use crate::sink::{
    AppFirewallMode, AppFirewallSpec, Content, EcsBody, EcsPlace, EcsSpec, FileSpec, HttpSpec,
    OneFirewallSpec, Rotation, Secret, Target, WebhookSpec,
};
use crate::terminal::Failure;

pub(super) fn appfirewall_key(config: &Config) -> Result<Option<Secret>, Failure> {
    let set = &config.file.appfirewall;
    let key = secret(
        "APPFIREWALL_API_KEY",
        set.api_key.as_ref(),
        set.api_key_file.as_deref(),
    )?;
    Ok(key.as_deref().and_then(Secret::new))
}

pub(super) fn onefirewall_key(config: &Config) -> Result<Option<Secret>, Failure> {
    let set = &config.file.onefirewall;
    let key = secret(
        "ONEFIREWALL_API_KEY",
        set.api_key.as_ref(),
        set.api_key_file.as_deref(),
    )?;
    Ok(key.as_deref().and_then(Secret::new))
}

pub(super) fn appfirewall(config: &Config) -> Result<AppFirewallSpec, Failure> {
    let set = &config.file.appfirewall;
    let usual = AppFirewallSpec::default();
    let mode = match (set.mode.as_deref(), &set.local_log_path) {
        (None | Some("ship"), _) => AppFirewallMode::Ship,
        (Some("off"), _) => AppFirewallMode::Off,
        (Some("local"), Some(path)) => AppFirewallMode::Local(path.clone()),
        (Some("local"), None) => {
            let wrong = wrong(config, "appfirewall.mode", "\"local\" needs a file");
            return Err(wrong.hint("set appfirewall.local_log_path"));
        }
        (Some(other), _) => {
            let wrong = not_known(config, "appfirewall.mode", other);
            return Err(wrong.hint("\"ship\", \"local\" or \"off\""));
        }
    };
    Ok(AppFirewallSpec {
        endpoint: environment("APPFIREWALL_ENDPOINT")
            .or_else(|| set.endpoint.clone())
            .unwrap_or(usual.endpoint),
        api_key: appfirewall_key(config)?,
        environment: set.environment.clone(),
        mode,
        send_all: choice(
            config,
            "appfirewall.send",
            set.send.as_deref(),
            "sightings",
            "all",
        )?,
        classify_404: set.classify_404.unwrap_or(usual.classify_404),
        allow_insecure: insecure(config, set.allow_insecure),
        http: http(config)?,
    })
}

/// Settings of the `onefirewall` sinks and of the Domains API.
///
/// # Errors
/// Exit code 2 for values that are none.
pub fn onefirewall(config: &Config) -> Result<OneFirewallSpec, Failure> {
    let set = &config.file.onefirewall;
    let usual = OneFirewallSpec::default();
    let v1 = choice(config, "onefirewall.api", set.api.as_deref(), "v2", "v1")?;
    let end_point = if v1 {
        DEFAULT_END_POINT_V1.to_owned()
    } else {
        usual.end_point
    };
    let flush_secs = number("ONEFIREWALL_FLUSH_SEC")?
        .or(set.flush_sec.map(|secs| i64::try_from(secs).unwrap_or(i64::MAX)));
    let bulk = number("ONEFIREWALL_BULK")?.or(set.bulk.map(|bulk| i64::try_from(bulk).unwrap_or(i64::MAX)));
    let requests = choice(
        config,
        "onefirewall.send",
        set.send.as_deref(),
        "indicators",
        "requests",
    )?;
    Ok(OneFirewallSpec {
        end_point: environment("ONEFIREWALL_END_POINT")
            .or_else(|| set.end_point.clone())
            .unwrap_or(end_point),
        api_key: onefirewall_key(config)?,
        tag: environment("ONEFIREWALL_TAG")
            .or_else(|| set.tag.clone())
            .unwrap_or(usual.tag),
        bulk: bulk.map_or(Ok(usual.bulk), |bulk| at_least_one(config, bulk))?,
        flush: match flush_secs {
            None => usual.flush,
            Some(secs) => u64::try_from(secs)
                .ok()
                .filter(|secs| *secs > 0)
                .map(Duration::from_secs),
        },
        requests: requests.then(|| set.statuses.clone().unwrap_or_else(|| DEFAULT_STATUSES.to_vec())),
        v1,
        bare_key: choice(
            config,
            "onefirewall.authorization",
            set.authorization.as_deref(),
            "bearer",
            "key",
        )?,
        organisation: set.organisation.clone(),
        allow_insecure: insecure(config, set.allow_insecure),
        http: http(config)?,
    })
}

pub(super) fn webhook(config: &Config, url: &str) -> Result<WebhookSpec, Failure> {
    let set = &config.file.webhook;
    let key = secret(
        "AFW_WEBHOOK_SECRET",
        set.secret.as_ref(),
        set.secret_file.as_deref(),
    )?;
    Ok(WebhookSpec {
        target: target(config, url, &set.headers, set.allow_insecure)?,
        secret: key.as_deref().and_then(Secret::new),
        content: content(config, "webhook.send", set.send.as_deref())?,
    })
}

/// What a receiver without a contract of its own gets.
fn content(config: &Config, key: &str, value: Option<&str>) -> Result<Content, Failure> {
    Ok(match choice(config, key, value, "indicators", "sightings")? {
        true => Content::Sightings,
        false => Content::Indicators,
    })
}

pub(super) fn ecs(config: &Config, place: &str) -> Result<EcsSpec, Failure> {
    let set = &config.file.ecs;
    let is_url = place.starts_with("http://") || place.starts_with("https://");
    let place = if is_url {
        let target = target(config, place, &set.headers, set.allow_insecure)?;
        match set
            .bulk
            .unwrap_or_else(|| place.trim_end_matches('/').ends_with("/_bulk"))
        {
            true => EcsPlace::Bulk(target, set.index.clone()),
            false => EcsPlace::Lines(target),
        }
    } else {
        EcsPlace::File(PathBuf::from(place), rotation(config)?)
    };
    Ok(EcsSpec {
        place,
        body: if choice(config, "ecs.body", set.body.as_deref(), "ecs", "raw")? {
            EcsBody::Raw
        } else {
            EcsBody::Document
        },
        document: |event| crate::ecs::document(event),
        send_all: choice(config, "ecs.send", set.send.as_deref(), "sightings", "all")?,
    })
}

fn target(
    config: &Config,
    url: &str,
    headers: &BTreeMap<String, String>,
    own: Option<bool>,
) -> Result<Target, Failure> {
    let headers = headers
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), Secret::new(value)?)));
    Ok(Target {
        url: url.to_owned(),
        headers: headers.collect(),
        allow_insecure: insecure(config, own),
        http: http(config)?,
    })
}

/// A whole number from the environment.
fn number(variable: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = environment(variable) else {
        return Ok(None);
    };
    let number = text.trim().parse::<i64>();
    number
        .map(Some)
        .map_err(|_| Failure::usage(format!("{variable}={text}: not a whole number")).hint("for example 100"))
}

/// How many reports go into a batch.
fn at_least_one(config: &Config, bulk: i64) -> Result<usize, Failure> {
    usize::try_from(bulk)
        .ok()
        .filter(|bulk| *bulk > 0)
        .ok_or_else(|| {
            let why = Failure::usage(format!("{bulk}: a batch has at least one report"));
            let wrong = config
                .origins
                .fault("onefirewall.bulk", "", "ONEFIREWALL_BULK", why);
            wrong.hint("leave it out for batches of 100")
        })
}

/// Whether a key has its second value in place of its first, which is the default.
fn choice(
    config: &Config,
    key: &str,
    value: Option<&str>,
    first: &str,
    second: &str,
) -> Result<bool, Failure> {
    match value {
        None => Ok(false),
        Some(value) if value == first => Ok(false),
        Some(value) if value == second => Ok(true),
        Some(value) => Err(not_known(config, key, value).hint(format!("\"{first}\" or \"{second}\""))),
    }
}

fn insecure(config: &Config, own: Option<bool>) -> bool {
    own.or(config.file.http.allow_insecure).unwrap_or(false)
}

pub(super) fn http(config: &Config) -> Result<HttpSpec, Failure> {
    let set = &config.file.http;
    let client_cert = match (&set.client_certificate_file, &set.client_key_file) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
        (None, None) => None,
        _ => {
            return Err(
                Failure::usage("[http] has half of a client certificate; receivers would see none")
                    .hint("set both client_certificate_file and client_key_file"),
            );
        }
    };
    if let Some((scheme, _)) = set.proxy.as_ref().and_then(|proxy| proxy.split_once("://"))
        && !matches!(scheme, "http" | "https")
    {
        // The proxy itself is not shown: it may hold a password.
        let wrong = wrong(
            config,
            "http.proxy",
            "only http:// and https:// proxies can be used",
        );
        return Err(wrong.hint("write it as http://HOST:PORT"));
    }
    Ok(HttpSpec {
        proxy: set.proxy.clone(),
        ca_file: set.ca_file.clone(),
        client_cert,
        ..HttpSpec::default()
    })
}

pub(super) fn file(config: &Config, path: &str) -> Result<FileSpec, Failure> {
    Ok(FileSpec {
        path: PathBuf::from(path),
        rotation: rotation(config)?,
        content: content(config, "file.send", config.file.file.send.as_deref())?,
    })
}

pub(super) fn rotation(config: &Config) -> Result<Rotation, Failure> {
    let set = &config.file.file;
    let usual = Rotation::default();
    Ok(Rotation {
        bytes: set.max_bytes.or(usual.bytes),
        age: span(config, "file.max_age", set.max_age.as_deref())?.or(usual.age),
        keep: set.keep.unwrap_or(usual.keep),
    })
}
