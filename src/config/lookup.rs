//! Where things are by default: the configuration file, the state directory, secrets.

use std::path::{Path, PathBuf};

use crate::bounded;
use crate::terminal::Failure;
use crate::text::system_message;

use super::exists;

/// Largest file with a secret, in bytes; a key is some hundreds.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The file to read: the named one, else the first of the usual places that exists.
///
/// # Errors
/// A file that was named must exist.
pub fn config_path(named: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = named {
        return if exists(path) {
            Ok(Some(path.to_owned()))
        } else {
            Err(
                Failure::usage(format!("--config {}: there is no such file", path.display()))
                    .hint(format!("`afw config init > {}` writes one", path.display())),
            )
        };
    }
    let system = PathBuf::from("/etc/afw/afw.toml");
    let user = xdg("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("afw/afw.toml"));
    Ok([Some(system), user]
        .into_iter()
        .flatten()
        .find(|path| exists(path)))
}

/// The state directory: the named one, `/var/lib/afw` for root, else the user's own.
///
/// # Errors
/// No place is known (no home directory).
pub fn state_dir(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    if is_root() {
        return Ok(PathBuf::from("/var/lib/afw"));
    }
    xdg("XDG_STATE_HOME", ".local/state")
        .map(|dir| dir.join("afw"))
        .ok_or_else(|| {
            Failure::usage("no state directory: neither XDG_STATE_HOME nor HOME is set")
                .hint("name one with --state-dir")
        })
}

/// A secret: from the variable, from the file that `VARIABLE_FILE` names, from systemd's credentials directory (lower-case
/// name), from the configuration, or from the file the configuration names. Trailing line ends are not part of it.
///
/// # Errors
/// A named file cannot be read or holds nothing; the message never holds the secret.
pub fn secret(
    variable: &str,
    value: Option<&String>,
    file: Option<&Path>,
) -> Result<Option<String>, Failure> {
    if let Some(value) = environment(variable) {
        return Ok(Some(value));
    }
    let credential =
        environment("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(variable.to_ascii_lowercase()));
    let named = environment(&format!("{variable}_FILE")).map(PathBuf::from);
    let path = named.or(credential.filter(|path| exists(path)));
    if let Some(path) = path.as_deref().or(file.filter(|_| value.is_none())) {
        return read_secret(path).map(Some);
    }
    Ok(value.filter(|value| !value.is_empty()).cloned())
}

/// A variable that is set and not empty.
pub fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn read_secret(path: &Path) -> Result<String, Failure> {
    let text = bounded::read_text(path, MAX_SECRET_BYTES).map_err(|error| {
        Failure::usage(format!(
            "cannot read the secret in {}: {}",
            path.display(),
            system_message(&error)
        ))
    })?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.trim().is_empty() {
        return Err(
            Failure::usage(format!("the secret file {} is empty", path.display()))
                .hint("write the key into it, or do not name it"),
        );
    }
    Ok(secret.to_owned())
}

fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = environment(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    set.or_else(|| environment("HOME").map(|home| PathBuf::from(home).join(below_home)))
}

/// Whether this process runs as root: it owns what it creates, so its own `/proc` entry tells.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
