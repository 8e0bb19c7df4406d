//! The built-in rules: our own text, one file per family, in `packs/`.
//!
//! Each rule has a class and a confidence of its own, and requests that must and must not match; the tests here run
//! them. Next: [`super::rules`].

use super::rules::RuleText;

/// Every built-in file, by name.
const PACKS: [(&str, &str); 10] = [
    ("probes", include_str!("packs/probes.yml")),
    ("sqli", include_str!("packs/sqli.yml")),
    ("xss", include_str!("packs/xss.yml")),
    ("traversal", include_str!("packs/traversal.yml")),
    ("command", include_str!("packs/command.yml")),
    ("injection", include_str!("packs/injection.yml")),
    ("webshells", include_str!("packs/webshells.yml")),
    ("tools", include_str!("packs/tools.yml")),
    ("agents", include_str!("packs/agents.yml")),
    ("behaviour", include_str!("packs/behaviour.yml")),
];

/// The built-in rule files, under the names `builtin:NAME`.
pub fn builtin() -> Vec<RuleText> {
    PACKS
        .iter()
        .map(|(name, text)| RuleText {
            name: format!("builtin:{name}").into(),
            text: (*text).to_owned(),
        })
        .collect()
}

#[cfg(test)]
#[path = "packs/tests.rs"]
mod tests;
