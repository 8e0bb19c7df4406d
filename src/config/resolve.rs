//! One value out of what was typed and what the file says, and whether it can be meant.

use std::path::{Path, PathBuf};

use afw_parsers::Time;

use crate::config::options::{AnalysisOptions, OutputOptions};
use crate::detect::{Class, Confidence};
use crate::enrich::address::DEFAULT_ADDRESSES;
use crate::report::Form;
use crate::terminal::Failure;
use crate::text::nearest;

use super::{
    Analysis, DEFAULT_LINE_CAP_BYTES, DEFAULT_MIN_CONFIDENCE, File, Mistakes, Origins, Output, data,
    parse_time, times,
};

/// Most worker threads.
const MAX_THREADS: usize = 512;

/// How lines are read and judged.
pub(super) fn analysis(
    typed: &AnalysisOptions,
    file: &File,
    state_dir: &Path,
    origins: &Origins,
    mistakes: &mut Mistakes,
) -> Analysis {
    let min_confidence = typed.min_confidence.or(file.min_confidence);
    let min_confidence = mistakes.or(
        confidence(min_confidence.unwrap_or(DEFAULT_MIN_CONFIDENCE), origins),
        Confidence::default(),
    );
    let format = typed
        .format
        .clone()
        .or_else(|| file.format.clone())
        .filter(|format| format != "auto");
    let trusted = file
        .trusted_proxy
        .clone()
        .unwrap_or_else(|| vec!["cloudflare".to_owned()]);
    let mut geoip = repeated_paths("AFW_GEOIP", &typed.geoip, &file.geoip);
    if geoip.is_empty() {
        geoip = data::fetched_databases(&file.maxmind);
    }
    let sources = mistakes.or(data::scheduled(file, state_dir, origins), Vec::new());
    let mut lists = mistakes.or(
        lists(&repeated("AFW_LIST", &typed.list, &file.list), origins),
        Vec::new(),
    );
    if typed.list.is_empty() {
        let kept = sources
            .iter()
            .map(|one| (one.source.name.clone(), one.source.path.clone()));
        let new: Vec<_> = kept
            .filter(|(_, path)| !lists.iter().any(|(_, known)| known == path))
            .collect();
        lists.extend(new);
    }
    Analysis {
        format,
        format_from: typed.format_from.clone().or_else(|| file.format_from.clone()),
        trusted_proxies: repeated("AFW_TRUSTED_PROXY", &typed.trusted_proxy, &trusted),
        client_header: typed.client_header.clone().or_else(|| file.client_header.clone()),
        geoip,
        geoip_typed: !typed.geoip.is_empty(),
        cache_addresses: file.cache_addresses.unwrap_or(DEFAULT_ADDRESSES).max(1),
        rules: repeated_paths("AFW_RULES", &typed.rules.rules, &file.rules),
        default_rules: !(typed.rules.no_default_rules || file.no_default_rules == Some(true)),
        lists,
        sources,
        allow: repeated("AFW_ALLOW", &typed.allow, &file.allow),
        own_hosts: file.own_hosts.clone(),
        min_confidence,
        resolver: typed.resolver.clone().or_else(|| file.resolver.clone()),
        dns: typed
            .no_dns
            .then_some(false)
            .or(typed.dns.then_some(true))
            .or(file.dns),
        line_cap_bytes: line_cap(file),
        origins: origins.clone(),
    }
}

/// No line is cut at less than a kilobyte, and none is held beyond a gigabyte.
fn line_cap(file: &File) -> usize {
    let cap = file.line_cap_bytes.unwrap_or(DEFAULT_LINE_CAP_BYTES);
    cap.clamp(1 << 10, 1 << 30)
}

fn confidence(value: f64, origins: &Origins) -> Result<Confidence, Failure> {
    Confidence::new(value).ok_or_else(|| {
        origins
            .wrong("min_confidence", value, "not between 0 and 1")
            .hint("the default is 0.5; higher names fewer and surer clients")
    })
}

/// What goes out and where. `now`: what `--since` and `--until` are told from.
pub(super) fn output(
    typed: &OutputOptions,
    file: &File,
    now: Time,
    origins: &Origins,
    mistakes: &mut Mistakes,
) -> Output {
    let hosts = repeated("AFW_HOST", &typed.host, &file.host);
    let time = |key: &str, text: Option<&String>| {
        let wrong = |error| origins.wrong(key, "", error).hint(times::TIME_FORMS);
        let time = text.map(|text| parse_time(text, now).map_err(wrong));
        time.transpose()
    };
    let since = mistakes.or(time("since", typed.since.as_ref().or(file.since.as_ref())), None);
    let until = mistakes.or(time("until", typed.until.as_ref().or(file.until.as_ref())), None);
    mistakes.or(in_order(since, until, origins), ());
    Output {
        hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        classes: mistakes.or(
            classes(&repeated("AFW_CLASS", &typed.class, &file.class), origins),
            Vec::new(),
        ),
        sinks: sink_names(
            &repeated("AFW_SINK", &typed.sink, file.sink.as_deref().unwrap_or_default()),
            file,
        ),
        print: typed.print.or(file.print),
        json: typed.json || file.json == Some(true),
        report: mistakes.or(
            report_path(typed.report.clone().or_else(|| file.report.clone()), origins),
            None,
        ),
        since,
        until,
        rejects: typed.rejects.clone().or_else(|| file.rejects.clone()),
        threads: mistakes.or(threads(typed.threads.or(file.threads), origins), None),
        dry_run: typed.dry_run,
    }
}

/// A span that holds no time is a mistake: nothing would be read, and nothing found.
fn in_order(since: Option<Time>, until: Option<Time>, origins: &Origins) -> Result<(), Failure> {
    match (since, until) {
        (Some(since), Some(until)) if until <= since => {
            let wrong = origins.wrong("until", "", "not after --since, so no time lies between them");
            Err(wrong.hint("--since is the earlier of the two"))
        }
        _ => Ok(()),
    }
}

fn threads(threads: Option<usize>, origins: &Origins) -> Result<Option<usize>, Failure> {
    let why = match threads {
        Some(0) => "at least one thread is needed".to_owned(),
        Some(threads) if threads > MAX_THREADS => format!("more than {MAX_THREADS} are of no use"),
        _ => return Ok(threads),
    };
    let wrong = origins.wrong("threads", threads.unwrap_or_default(), why);
    Err(wrong.hint("without it all cores are used"))
}

/// A report's name tells its form; another is refused before any work.
fn report_path(path: Option<PathBuf>, origins: &Origins) -> Result<Option<PathBuf>, Failure> {
    match &path {
        Some(named) if Form::of(named).is_none() => Err(origins
            .wrong("report", named.display(), "a report ends in .html or .json")
            .hint("--report report.html for people, --report report.json for scripts")),
        _ => Ok(path),
    }
}

fn sink_names(named: &[String], file: &File) -> Option<Vec<String>> {
    (!named.is_empty() || file.sink.is_some()).then(|| named.to_vec())
}

fn classes(names: &[String], origins: &Origins) -> Result<Vec<Class>, Failure> {
    let known = Class::ALL.map(Class::name).join(", ");
    let read = |name: &String| {
        Class::from_name(name).ok_or_else(|| {
            let hint = match nearest(name, Class::ALL.map(Class::name)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("one of {known}"),
            };
            origins.wrong("class", name, "there is no such class").hint(hint)
        })
    };
    Failure::none_of(names.iter().map(read))
}

fn lists(entries: &[String], origins: &Origins) -> Result<Vec<(String, PathBuf)>, Failure> {
    let read = |entry: &String| match entry.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(path)))
        }
        _ => Err(origins
            .wrong("list", entry, "expected NAME=FILE")
            .hint("for example --list tor=/etc/afw/tor.txt")),
    };
    Failure::none_of(entries.iter().map(read))
}

/// What was typed, else what the file says. A single value that came from the environment is a comma-separated list.
fn repeated(variable: &str, typed: &[String], file: &[String]) -> Vec<String> {
    match typed {
        [] => file.to_vec(),
        [one] if std::env::var(variable).is_ok_and(|value| value == *one) => one
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        many => many.to_vec(),
    }
}

/// [`repeated`] for paths.
fn repeated_paths(variable: &str, typed: &[PathBuf], file: &[PathBuf]) -> Vec<PathBuf> {
    let text = |paths: &[PathBuf]| {
        paths
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
    };
    match typed {
        [one] if one.to_str().is_some() => repeated(variable, &text(typed), &text(file))
            .into_iter()
            .map(PathBuf::from)
            .collect(),
        [] => file.to_vec(),
        many => many.to_vec(),
    }
}
