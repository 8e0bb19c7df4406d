//! The built-in rules: our own text, one file per family, in `packs/`.
//!
//! Each rule has a class and a confidence of its own, and requests that must and must not match; the tests here run
//! them. Next: [`super::rules`].

use super::rule_text::RuleText;

/// Every built-in file, by name.
const PACKS: [(&str, &str); 23] = [
    ("secrets", include_str!("packs/secrets.yml")),
    ("backups", include_str!("packs/backups.yml")),
    ("consoles", include_str!("packs/consoles.yml")),
    ("cms", include_str!("packs/cms.yml")),
    ("products", include_str!("packs/products.yml")),
    ("installers", include_str!("packs/installers.yml")),
    ("requests", include_str!("packs/requests.yml")),
    ("webshells", include_str!("packs/webshells.yml")),
    ("exposures", include_str!("packs/exposures.yml")),
    ("sqli", include_str!("packs/sqli.yml")),
    ("xss", include_str!("packs/xss.yml")),
    ("traversal", include_str!("packs/traversal.yml")),
    ("command", include_str!("packs/command.yml")),
    ("template", include_str!("packs/template.yml")),
    ("php", include_str!("packs/php.yml")),
    ("injection", include_str!("packs/injection.yml")),
    ("base64", include_str!("packs/base64.yml")),
    ("agents", include_str!("packs/agents.yml")),
    ("crawlers", include_str!("packs/crawlers.yml")),
    ("lists", include_str!("packs/lists.yml")),
    ("referrers", include_str!("packs/referrers.yml")),
    ("systems", include_str!("packs/systems.yml")),
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
