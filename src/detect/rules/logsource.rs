//! Which logs a rule is for: the categories and products that write access logs.

use crate::detect::problem::Problems;
use crate::detect::yaml::Node;

/// Which logs a rule is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSource {
    pub category: Option<String>,
    pub product: Option<String>,
    pub service: Option<String>,
}

impl LogSource {
    /// Whether a filter with this source is meant for a rule with the other: what both name must agree.
    pub fn covers(&self, other: &Self) -> bool {
        let agree = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        agree(&self.category, &other.category)
            && agree(&self.product, &other.product)
            && agree(&self.service, &other.service)
    }
}

const CATEGORIES: [&str; 2] = ["webserver", "proxy"];
/// Products whose access logs afw reads.
const PRODUCTS: [&str; 13] = [
    "nginx",
    "apache",
    "httpd",
    "caddy",
    "cloudflare",
    "iis",
    "traefik",
    "haproxy",
    "envoy",
    "cloudfront",
    "varnish",
    "litespeed",
    "ingress-nginx",
];

/// Reads the `logsource` of a rule or filter; one of other logs is refused.
pub(super) fn log_source(document: &Node, problems: &mut Problems) -> LogSource {
    let Some((key, node)) = document.entry("logsource") else {
        return LogSource::default();
    };
    if node.map().is_none() {
        problems.refuse_with(
            node.at,
            "logsource",
            format!("is a map, not {}", node.kind()),
            "write `logsource: {category: webserver}`",
        );
        return LogSource::default();
    }
    let text = |name: &str| {
        node.find(name)
            .and_then(Node::text)
            .map(|text| text.trim().to_ascii_lowercase())
    };
    let source = LogSource {
        category: text("category"),
        product: text("product"),
        service: text("service"),
    };
    let category = source.category.as_deref().map(|name| CATEGORIES.contains(&name));
    let product = source.product.as_deref().map(|name| PRODUCTS.contains(&name));
    if !(category == Some(true) || (category.is_none() && product.unwrap_or(true))) {
        let named = [&source.category, &source.product].into_iter().flatten();
        let named: Vec<&str> = named.map(String::as_str).collect();
        let wrong = if category.is_some() { "category" } else { "product" };
        problems.refuse_with(
            node.find(wrong).map_or(key.at, |wrong| wrong.at),
            "logsource",
            format!("`{}` is no web access log", named.join(" ")),
            "categories are webserver and proxy, products nginx, apache and the other servers afw reads",
        );
    }
    source
}
