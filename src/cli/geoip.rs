//! `afw geoip`: how old the databases are, and MaxMind's brought up to date.
//!
//! The variables are those of MaxMind's own `geoipupdate`, so that its set-up works unchanged. Nothing here speaks
//! HTTP or opens archives. Next: [`crate::update::geoip`], [`crate::enrich::geo`].

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{logging, refresh};
use crate::config::options::{AnalysisOptions, CommonOptions};
use crate::config::sinks::Maxmind;
use crate::config::{Config, data, environment, secret};
use crate::drive::clock::now;
use crate::drive::data::{STALE_DATABASE_DAYS, days_since};
use crate::enrich::Database;
use crate::sink::Secret;
use crate::terminal::output::{Output, quietly};
use crate::terminal::{Exit, Failure};
use crate::text::{counted, of_path, printable};
use crate::update::geoip::{GeoipSpec, HOST, update};

/// MaxMind databases: status, update.
#[derive(Debug, Args)]
pub struct GeoipArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Each database: its type and how old it is
    Status {
        /// A database (MMDB); repeatable [default: those of the configuration]
        #[arg(long, value_name = "FILE", env = "AFW_GEOIP", hide_env_values = true)]
        geoip: Vec<PathBuf>,
        /// One JSON object a database
        #[arg(long)]
        json: bool,
    },
    /// Fetch what is new, with the account and licence key of section maxmind or GEOIPUPDATE_ACCOUNT_ID and
    /// GEOIPUPDATE_LICENSE_KEY
    Update {
        /// One JSON object a database
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// Configuration that cannot be used; no account or key.
pub fn run(common: &CommonOptions, args: &GeoipArgs) -> Result<Exit, Failure> {
    let analysis = AnalysisOptions {
        geoip: match &args.command {
            Command::Status { geoip, .. } => geoip.clone(),
            Command::Update { .. } => Vec::new(),
        },
        ..Default::default()
    };
    let config = Config::resolve(common, &[], &analysis, &Default::default(), now())?;
    logging::start(&config);
    match args.command {
        Command::Status { json, .. } => status(&config, json),
        Command::Update { json } => fetch(&config, json),
    }
}

fn status(config: &Config, json: bool) -> Result<Exit, Failure> {
    let paths = &config.analysis.geoip;
    if paths.is_empty() {
        tracing::info!(
            "no database is configured; name some with --geoip FILE or the key geoip, `afw geoip update` fetches them"
        );
    }
    let mut out = Output::new(false);
    let mut exit = Exit::Done;
    for path in paths {
        match Database::open(path) {
            Ok(database) => quietly(out.line(&row(&database, json)))?,
            Err(error) => {
                exit = Exit::Failed;
                refresh::failure(&error).report();
                if !json {
                    continue;
                }
                let error = error.to_string();
                quietly(
                    out.line(&json!({ "path": of_path(path), "error": error.lines().next() }).to_string()),
                )?
            }
        };
    }
    quietly(out.flush())?;
    Ok(exit)
}

/// One database as a line; an old one is also told of on standard error.
fn row(database: &Database, json: bool) -> String {
    let path = database.path();
    let built = database.built();
    let days = built.map(days_since);
    let stale = days.is_some_and(|days| days > STALE_DATABASE_DAYS);
    if stale {
        let days = days.unwrap_or_default();
        tracing::warn!(
            "{}: built {days} days ago; addresses change hands, `afw geoip update` fetches a new one",
            path.display()
        );
    }
    if json {
        return json!({
            "path": of_path(path), "type": database.database_type(), "built": built.map(|time| time.to_string()),
            "age_days": days, "stale": stale, "bytes": database.bytes(),
        })
        .to_string();
    }
    let age = match (built, days) {
        (Some(built), Some(days)) => format!("built {built}, {} old", counted(days.unsigned_abs(), "day")),
        _ => "does not say when it was built".to_owned(),
    };
    printable(&format!(
        "{}  {}  {age}",
        path.display(),
        database.database_type()
    ))
}

fn fetch(config: &Config, json: bool) -> Result<Exit, Failure> {
    let spec = spec(&config.file.maxmind)?;
    fs::create_dir_all(&spec.folder).map_err(|error| unwritable(&spec.folder, &error))?;
    let mut out = Output::new(false);
    let mut exit = Exit::Done;
    for (edition, result) in update(&spec, &refresh::fetcher(config)) {
        let path = data::database_path(&spec.folder, &edition);
        match result {
            Ok(updated) => {
                quietly(out.line(&refresh::row(&edition, &path, &updated, json)))?;
                tell_unused(config, &path);
            }
            Err(error) => {
                exit = Exit::Failed;
                refresh::failure(&format!("{edition}: {error}")).report();
            }
        }
    }
    quietly(out.flush())?;
    Ok(exit)
}

/// A database that is kept fresh and that nothing reads helps nobody.
fn tell_unused(config: &Config, path: &Path) {
    // Without the key, what is fetched is what is read.
    let used = config.file.geoip.is_empty()
        || config.analysis.geoip.iter().any(|used| used == path)
        || environment("AFW_GEOIP").is_some();
    if !used {
        tracing::info!(
            "{0} is not in use yet; add it to the key geoip or use --geoip {0}",
            path.display()
        );
    }
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Failure {
    let reason = crate::text::system_message(error);
    Failure::new(Exit::Failed, format!("{}: {reason}", folder.display()))
        .hint("name a folder of your own with directory in [maxmind] or with GEOIPUPDATE_DB_DIR")
}

/// What to fetch, from the environment and the configuration.
fn spec(set: &Maxmind) -> Result<GeoipSpec, Failure> {
    let number = set.account_id.as_ref().map(ToString::to_string);
    let account = secret("GEOIPUPDATE_ACCOUNT_ID", number.as_ref(), None)?;
    let account = account.map(|account| account.trim().to_owned());
    let key = secret(
        "GEOIPUPDATE_LICENSE_KEY",
        set.licence_key.as_ref(),
        set.licence_key_file.as_deref(),
    )?;
    let (Some(account), Some(key)) = (account, key.as_deref().and_then(Secret::new)) else {
        return Err(Failure::usage("no MaxMind account id and licence key are set").hint(
            "both are free at https://www.maxmind.com/en/geolite2/signup; set account_id and licence_key_file in \
             [maxmind], or GEOIPUPDATE_ACCOUNT_ID and GEOIPUPDATE_LICENSE_KEY",
        ));
    };
    if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::usage("the MaxMind account id is not a number")
            .hint("it stands beside the licence key on your MaxMind account page"));
    }
    Ok(GeoipSpec {
        host: host(environment("GEOIPUPDATE_HOST").as_ref().or(set.host.as_ref())),
        account,
        key,
        editions: data::editions(set),
        folder: data::folder(set),
    })
}

/// The scheme is HTTPS unless named. MaxMind's other host, the default of `geoipupdate`, has no download API.
fn host(named: Option<&String>) -> String {
    let Some(named) = named.map(|named| named.trim().trim_end_matches('/')) else {
        return HOST.to_owned();
    };
    match named.strip_prefix("https://").unwrap_or(named) {
        "" | "updates.maxmind.com" => HOST.to_owned(),
        _ if named.contains("://") => named.to_owned(),
        bare => format!("https://{bare}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_get_a_scheme_and_the_other_service_is_not_asked() {
        for (named, expected) in [
            (None, HOST),
            (Some("updates.maxmind.com"), HOST),
            (Some("https://updates.maxmind.com/"), HOST),
            (Some("mirror.example"), "https://mirror.example"),
            (Some("http://127.0.0.1:8/"), "http://127.0.0.1:8"),
        ] {
            assert_eq!(host(named.map(str::to_owned).as_ref()), expected, "{named:?}");
        }
    }

    #[test]
    fn account_numbers_are_read_with_and_without_quotes() {
        for text in ["account_id = 12", "account_id = \"12\""] {
            let set: Maxmind = toml::from_str(&format!("{text}\nlicence_key = \"k\"")).unwrap();
            assert_eq!(spec(&set).unwrap().account, "12");
            assert!(!format!("{set:?}").contains("12"));
        }
        let set: Maxmind = toml::from_str("account_id = \"a:b\"\nlicense_key = \"k\"").unwrap();
        assert!(spec(&set).unwrap_err().message.contains("not a number"));
    }
}
