//! Layouts by `--format`: names, formats as the server has them, columns and units.

use super::Layout;
use crate::columns::Columns;
use crate::compile::{FormatError, typed};
use crate::format::Format;
use crate::memo::Unit;
use crate::unescape::Escape;

impl Layout {
    /// What `--format` takes: `auto`, a preset's name, `nginx:FORMAT` (perhaps beginning `escape=json `),
    /// `apache:FORMAT`, the columns of Logpush files without a header as `cloudflare-http:FIELD,FIELD,…`, or the
    /// unit of Caddy's durations as `caddy:ms`. Behind the colon may also stand the name of a preset.
    ///
    /// # Errors
    /// As [`Layout::nginx`] and [`Layout::apache`], with the position in the whole option; an unknown name.
    pub fn from_option(option: &str) -> Result<Self, FormatError> {
        let preset = |name: &str| Format::from_name(name).map(Self::preset);
        if option.trim().eq_ignore_ascii_case("auto") {
            return Ok(Self::auto());
        }
        match option.split_once(':') {
            Some(("nginx", text)) if text.contains('$') => {
                let (escape, format) =
                    escape_word(text).map_err(|error| error.shifted(option.len() - text.len()))?;
                let before = option.len() - format.len();
                Self::nginx(&typed::nginx(format), escape)
                    .or_else(|_| Self::nginx(format, escape).map_err(|error| error.shifted(before)))
            }
            Some(("apache", text)) if text.contains('%') => Self::apache(typed::apache(text))
                .or_else(|_| Self::apache(text).map_err(|error| error.shifted(option.len() - text.len()))),
            Some((name @ ("cloudflare-http" | "cloudflare-firewall"), columns)) => {
                Self::listed(name, columns).ok_or_else(|| no_such_fields(option))
            }
            Some((name @ ("caddy" | "caddy-console"), unit)) => {
                Self::measured(name, unit).ok_or_else(|| no_such_unit(option))
            }
            Some(("nginx", text)) if text.starts_with("escape=") => {
                let error = FormatError::new("behind the escaping stands no format".to_owned(), option.len());
                Err(error.hint("nginx:escape=none FORMAT, with the strings of log_format"))
            }
            Some((server @ ("nginx" | "apache"), name)) => preset(&format!("{server}-{name}"))
                .or_else(|| preset(name))
                .ok_or_else(|| no_such_format(option)),
            _ => preset(option).ok_or_else(|| no_such_format(option)),
        }
    }

    /// Logpush CSV whose columns the administrator lists.
    fn listed(name: &str, columns: &str) -> Option<Self> {
        let columns = Columns::after(columns.as_bytes(), None)?;
        let layout = Self::preset(Format::from_name(name)?);
        Some(layout.with_header(Some(columns.text())))
    }

    /// Caddy with the unit of its durations.
    fn measured(name: &str, unit: &str) -> Option<Self> {
        Some(Self::preset(Format::from_name(name)?).with_durations(Unit::from_name(unit)?))
    }
}

/// `escape=json ` before a format.
///
/// # Errors
/// An escaping that nginx does not have.
pub(crate) fn escape_word(text: &str) -> Result<(Escape, &str), FormatError> {
    const WORD: &str = "escape=";
    let Some((name, format)) = text.strip_prefix(WORD).and_then(|rest| rest.split_once(' ')) else {
        return Ok((Escape::Nginx, text));
    };
    match name {
        "json" => Ok((Escape::Json, format)),
        "none" => Ok((Escape::None, format)),
        "default" => Ok((Escape::Nginx, format)),
        _ => Err(no_such_escape(name, WORD.len())),
    }
}

fn no_such_escape(name: &str, at: usize) -> FormatError {
    let error = FormatError::new(format!("nginx has no escape={name}"), at);
    let near = ["json", "none", "default"]
        .into_iter()
        .find(|known| name.len() > 1 && known.starts_with(name.get(..2).unwrap_or("?")));
    match near {
        Some(known) => error.hint(format!("escape={known} is meant?")),
        None => error.hint("it has escape=default, escape=json and escape=none"),
    }
}

fn no_such_fields(option: &str) -> FormatError {
    let at = option.find(':').map_or(0, |colon| colon + 1);
    FormatError::new("these are not the names of Logpush fields".to_owned(), at)
        .hint("the job's field_names in their order, such as ClientIP,ClientRequestURI,EdgeStartTimestamp")
}

fn no_such_unit(option: &str) -> FormatError {
    let at = option.find(':').map_or(0, |colon| colon + 1);
    FormatError::new("this is no unit of durations".to_owned(), at)
        .hint("what duration_format says: seconds, ms or ns; times in text (`6.31ms`) need none")
}

fn no_such_format(option: &str) -> FormatError {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    let error = FormatError::new(format!("no format is named {option:?}"), 0);
    error.hint(format!(
        "auto, nginx:'LOG_FORMAT', apache:'LogFormat' or one of {}",
        names.join(", ")
    ))
}
