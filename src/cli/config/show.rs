//! `afw config show`: the values in force, and where each comes from.

use serde_json::{Map, Value, json};

use crate::config::{Config, Origins, environment};
use crate::drive::sinks;

/// A value, its key in the file and its variable; an empty variable is none.
type Row = (&'static str, &'static str, Value);

/// All of it as readable rows or one JSON document.
pub(super) fn text(config: &Config, as_json: bool) -> String {
    let origins = &config.origins;
    let rows = rows(config);
    if as_json {
        return format!("{:#}\n", document(&rows, origins));
    }
    rows.iter()
        .map(|(key, variable, value)| {
            let line = format!("{key:<28} {:<32} {}", readable(value), origins.of(key, variable));
            crate::text::printable(line.trim_end()) + "\n"
        })
        .collect()
}

/// Values with sections nested, and `origin` with the same keys as in the file.
fn document(rows: &[Row], origins: &Origins) -> Value {
    let (mut values, mut from) = (Map::new(), Map::new());
    for (key, variable, value) in rows {
        from.insert((*key).to_owned(), origins.of(key, variable).into());
        match key.split_once('.') {
            None => drop(values.insert((*key).to_owned(), value.clone())),
            Some((section, key)) => {
                let section = values.entry(section).or_insert_with(|| json!({}));
                section[key] = value.clone();
            }
        }
    }
    values.insert("origin".to_owned(), from.into());
    values.into()
}

fn readable(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(readable).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Of a secret only that it is set.
fn secret(set: bool) -> Value {
    if set { "set".into() } else { Value::Null }
}

fn rows(config: &Config) -> Vec<Row> {
    let mut rows = reading(config);
    rows.extend(going_out(config));
    rows.extend(delivery(config));
    for (key, _, value) in &mut rows {
        // A format may hold a URL of variables, which is nobody's key.
        if *key != "format" {
            hide_keys(value);
        }
    }
    rows
}

/// Leaves out what may be a key in the URLs of a value, also of one that is refused because of it.
fn hide_keys(value: &mut Value) {
    match value {
        Value::String(text) if text.contains("://") => *text = sinks::without_keys(text),
        Value::Array(items) => items.iter_mut().for_each(hide_keys),
        _ => {}
    }
}

fn reading(config: &Config) -> Vec<Row> {
    let (analysis, file) = (&config.analysis, &config.file);
    let lists = analysis
        .lists
        .iter()
        .map(|(name, path)| format!("{name}={}", path.display()));
    vec![
        ("config", "AFW_CONFIG", json!(config.config_path)),
        ("state_dir", "AFW_STATE_DIR", json!(config.state_dir)),
        ("paths", "", json!(config.paths)),
        (
            "format",
            "AFW_FORMAT",
            json!(analysis.format.as_deref().unwrap_or("auto")),
        ),
        ("format_from", "AFW_FORMAT_FROM", json!(analysis.format_from)),
        (
            "trusted_proxy",
            "AFW_TRUSTED_PROXY",
            json!(analysis.trusted_proxies),
        ),
        (
            "client_header",
            "AFW_CLIENT_HEADER",
            json!(analysis.client_header),
        ),
        ("geoip", "AFW_GEOIP", json!(analysis.geoip)),
        ("cache_addresses", "", json!(analysis.cache_addresses)),
        ("rules", "AFW_RULES", json!(analysis.rules)),
        (
            "no_default_rules",
            "AFW_NO_DEFAULT_RULES",
            json!(!analysis.default_rules),
        ),
        ("list", "AFW_LIST", lists.collect::<Vec<_>>().into()),
        ("allow", "AFW_ALLOW", json!(analysis.allow)),
        ("own_hosts", "", json!(analysis.own_hosts)),
        (
            "min_confidence",
            "AFW_MIN_CONFIDENCE",
            json!(analysis.min_confidence.value()),
        ),
        ("resolver", "AFW_RESOLVER", json!(analysis.resolver)),
        ("dns", "AFW_DNS", json!(analysis.dns)),
        ("line_cap_bytes", "", json!(analysis.line_cap_bytes)),
        ("from", "AFW_FROM", json!(file.from.as_deref().unwrap_or("end"))),
    ]
}

fn going_out(config: &Config) -> Vec<Row> {
    let (output, file) = (&config.output, &config.file);
    let classes: Vec<&str> = output.classes.iter().map(|class| class.name()).collect();
    let named = |text: String| text.to_ascii_lowercase();
    vec![
        ("sink", "AFW_SINK", json!(sinks::names(config))),
        (
            "print",
            "AFW_PRINT",
            json!(output.print.map(|print| named(format!("{print:?}")))),
        ),
        ("json", "AFW_JSON", json!(output.json)),
        ("report", "AFW_REPORT", json!(output.report)),
        ("rejects", "AFW_REJECTS", json!(output.rejects)),
        ("host", "AFW_HOST", json!(output.hosts)),
        ("class", "AFW_CLASS", json!(classes)),
        (
            "since",
            "AFW_SINCE",
            json!(output.since.map(|time| time.to_string())),
        ),
        (
            "until",
            "AFW_UNTIL",
            json!(output.until.map(|time| time.to_string())),
        ),
        ("threads", "AFW_THREADS", json!(output.threads)),
        ("drain", "AFW_DRAIN", json!(file.drain)),
        ("metrics", "AFW_METRICS", json!(file.metrics)),
        (
            "log_level",
            "AFW_LOG_LEVEL",
            named(format!("{:?}", config.log_level)).into(),
        ),
        (
            "log_style",
            "AFW_LOG_STYLE",
            named(format!("{:?}", config.log_style)).into(),
        ),
        ("color", "AFW_COLOR", named(format!("{:?}", config.color)).into()),
        (
            "progress",
            "AFW_PROGRESS",
            named(format!("{:?}", config.progress)).into(),
        ),
    ]
}

fn delivery(config: &Config) -> Vec<Row> {
    let file = &config.file;
    let (appfirewall, onefirewall) = (&file.appfirewall, &file.onefirewall);
    let said = |variable: &str, set: Option<&String>| environment(variable).or_else(|| set.cloned());
    let (has_appfirewall, has_onefirewall) = sinks::has_keys(config);
    vec![
        (
            "appfirewall.api_key",
            "APPFIREWALL_API_KEY",
            secret(has_appfirewall),
        ),
        (
            "appfirewall.endpoint",
            "APPFIREWALL_ENDPOINT",
            json!(said("APPFIREWALL_ENDPOINT", appfirewall.endpoint.as_ref())),
        ),
        (
            "appfirewall.mode",
            "",
            json!(appfirewall.mode.as_deref().unwrap_or("ship")),
        ),
        (
            "appfirewall.send",
            "",
            json!(appfirewall.send.as_deref().unwrap_or("sightings")),
        ),
        (
            "onefirewall.api_key",
            "ONEFIREWALL_API_KEY",
            secret(has_onefirewall),
        ),
        (
            "onefirewall.end_point",
            "ONEFIREWALL_END_POINT",
            json!(said("ONEFIREWALL_END_POINT", onefirewall.end_point.as_ref())),
        ),
        (
            "onefirewall.bulk",
            "ONEFIREWALL_BULK",
            json!(said(
                "ONEFIREWALL_BULK",
                onefirewall.bulk.map(|bulk| bulk.to_string()).as_ref()
            )),
        ),
        (
            "onefirewall.flush_sec",
            "ONEFIREWALL_FLUSH_SEC",
            json!(said(
                "ONEFIREWALL_FLUSH_SEC",
                onefirewall.flush_sec.map(|secs| secs.to_string()).as_ref()
            )),
        ),
        (
            "onefirewall.tag",
            "ONEFIREWALL_TAG",
            json!(said("ONEFIREWALL_TAG", onefirewall.tag.as_ref())),
        ),
        (
            "onefirewall.send",
            "",
            json!(onefirewall.send.as_deref().unwrap_or("indicators")),
        ),
        ("http.proxy", "", secret(file.http.proxy.is_some())),
        ("http.ca_file", "", json!(file.http.ca_file)),
        ("outbox.max_bytes", "", json!(file.outbox.max_bytes)),
        ("outbox.max_age", "", json!(file.outbox.max_age)),
        (
            "outbox.overflow",
            "",
            json!(file.outbox.overflow.as_deref().unwrap_or("block")),
        ),
        (
            "webhook.secret",
            "AFW_WEBHOOK_SECRET",
            secret(file.webhook.secret.is_some() || file.webhook.secret_file.is_some()),
        ),
    ]
}
