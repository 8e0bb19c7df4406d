//! What a scanner is given in a benchmark of stages: databases where `AFW_CASES` names the real cases, and a kit.

use std::path::PathBuf;
use std::sync::Arc;

use afw::analysis::Kit;
use afw::analysis::scan::Wants;
use afw::client::Trust;
use afw::detect::Ruleset;
use afw::enrich::{Databases, Exemptions, Lists};

/// Country and network, of MaxMind's test databases.
pub fn databases() -> Arc<Databases> {
    let Some(cases) = std::env::var_os("AFW_CASES").map(PathBuf::from) else {
        println!("without databases: AFW_CASES is unset");
        return Arc::default();
    };
    let files = ["GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"];
    let paths = files.map(|name| cases.join("data/geo").join(name));
    Arc::new(Databases::open(&paths).unwrap())
}

/// A kit behind Cloudflare's proxies that ships nothing.
pub fn kit(ruleset: Ruleset, databases: &Arc<Databases>, lists: Lists, wants: Wants) -> Arc<Kit> {
    let trust = Trust::new(&["cloudflare".parse().unwrap()]);
    Arc::new(Kit {
        ruleset: Arc::new(ruleset),
        databases: Arc::clone(databases),
        lists: Arc::new(lists),
        exemptions: Arc::new(Exemptions::new(&trust)),
        published: Arc::default(),
        addresses: 1 << 17,
        dns: false,
        trust,
        sinks: Vec::new(),
        wants,
        scope: Arc::default(),
    })
}
