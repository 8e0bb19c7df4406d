//! `afw config init`: a file to start from, with what was found on this machine.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::source::servers::Servers;
use crate::text::printable;

/// Every key with its default, commented out.
const TEMPLATE: &str = include_str!("../../config/template.toml");
/// The line in whose place the logs of this machine come.
const PATHS: &str = "#paths = [\"/var/log/nginx/access.log\"]\n";

/// The template; where servers declare logs, with these.
pub(super) fn file(servers: &Servers) -> String {
    if servers.logs.is_empty() {
        return TEMPLATE.to_owned();
    }
    TEMPLATE.replacen(PATHS, &paths(servers), 1)
}

fn paths(servers: &Servers) -> String {
    let mut text =
        "# Found on this machine; without this key afw looks for them by itself at each start.\npaths = [\n"
            .to_owned();
    let mut seen = HashSet::new();
    // One that is declared in several formats is read once.
    for log in servers.logs.iter().filter(|log| seen.insert(&log.path)) {
        let format = match &log.layout {
            Ok(layout) => layout.name().to_owned(),
            Err(error) => format!("its format is not understood: {}", error.message),
        };
        // Writing to a String cannot fail. TOML takes the strings of JSON.
        let _ = writeln!(
            text,
            "    {}, # {}, by {}",
            serde_json::Value::from(log.path.to_string_lossy()),
            printable(&format),
            printable(&log.config.to_string_lossy())
        );
    }
    text + "]\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_a_place_for_logs() {
        assert!(TEMPLATE.contains(PATHS));
        assert_eq!(file(&Servers::default()), TEMPLATE);
    }
}
