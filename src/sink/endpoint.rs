//! [`Endpoint`]: a receiver's URL, checked before anything is sent to it.
//!
//! `https` everywhere; `http` for this machine only, unless that was allowed. A URL must not carry a key: URLs end up in
//! process lists, messages and other people's logs.

use ureq::http::Uri;

use super::SinkError;

/// A checked URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    loopback: bool,
}

/// Names of query parameters that carry keys, and ends of such names.
const KEY_NAMES: [&str; 9] = [
    "key",
    "token",
    "secret",
    "password",
    "passwd",
    "auth",
    "authorization",
    "signature",
    "sig",
];

impl Endpoint {
    /// Checks a URL. `what` names the setting it came from.
    ///
    /// # Errors
    /// When it is no `https` URL with a host, or carries a key.
    pub fn parse(what: &str, url: &str, allow_insecure: bool) -> Result<Self, SinkError> {
        let uri: Uri = url
            .parse()
            .map_err(|error| SinkError::new(format!("{what}: not a URL: {error}")))?;
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
            return Err(SinkError::new(format!("{what}: the URL names no host"))
                .hint("write it as https://HOST/PATH"));
        };
        refuse_keys(what, &uri)?;
        let loopback = is_loopback(host);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if loopback || allow_insecure => {}
            Some("http") => {
                return Err(SinkError::new(format!(
                    "{what}: http:// would send keys and findings in the clear"
                ))
                .hint("use https://, or set allow_insecure = true for this sink"));
            }
            _ => {
                return Err(
                    SinkError::new(format!("{what}: only https:// URLs can be sent to"))
                        .hint("write it as https://HOST/PATH"),
                );
            }
        }
        Ok(Self {
            url: url.to_owned(),
            loopback,
        })
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is on this machine.
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The path, without query.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        let rest = rest.split(['?', '#']).next().unwrap_or(rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
    }

    /// Scheme, host and port, with another path.
    pub fn with_path(&self, path: &str) -> Self {
        let after_scheme = self.url.find("://").map_or(0, |at| at + 3);
        let end = self
            .url
            .get(after_scheme..)
            .and_then(|rest| rest.find(['/', '?', '#']))
            .map_or(self.url.len(), |at| after_scheme + at);
        Self {
            url: format!("{}{path}", self.url.get(..end).unwrap_or(&self.url)),
            ..self.clone()
        }
    }
}

/// Refuses user information and query parameters that are named like keys.
fn refuse_keys(what: &str, uri: &Uri) -> Result<(), SinkError> {
    let has_user = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    let has_key = uri.query().is_some_and(|query| {
        query
            .split('&')
            .filter_map(|pair| pair.split('=').next())
            .any(is_key_name)
    });
    if !has_user && !has_key {
        return Ok(());
    }
    Err(SinkError::new(format!("{what}: the URL carries a key"))
        .hint("keys come from the environment, a file or the configuration (`headers` of the sink), never from a URL"))
}

fn is_key_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    KEY_NAMES.iter().any(|key| {
        name.strip_suffix(key)
            .is_some_and(|before| before.is_empty() || before.ends_with(['_', '-', '.']))
    }) || name == "apikey"
        || name == "accesstoken"
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_taken_and_http_only_for_this_machine() {
        for (url, insecure, ok) in [
            ("https://ingest.example/v1/events", false, true),
            ("http://ingest.example/", false, false),
            ("http://ingest.example/", true, true),
            ("http://127.0.0.1:8080/x", false, true),
            ("http://127.9.9.9/x", false, true),
            ("http://[::1]:9/x", false, true),
            ("http://localhost/x", false, true),
            ("http://localhost.example/x", false, false),
            ("http://10.0.0.1/x", false, false),
            ("ftp://h/x", true, false),
            ("/path", true, false),
            ("https:///x", true, false),
            ("not a url", true, false),
        ] {
            assert_eq!(Endpoint::parse("url", url, insecure).is_ok(), ok, "{url}");
        }
    }

    #[test]
    fn a_url_that_carries_a_key_is_refused() {
        for (url, ok) in [
            ("https://user:pw@h.example/", false),
            ("https://h.example/?key=1", false),
            ("https://h.example/?a=b&API_KEY=1", false),
            ("https://h.example/?apikey=1", false),
            ("https://h.example/?access_token=1", false),
            ("https://h.example/?x-token=1", false),
            ("https://h.example/?monkey=1", true),
            ("https://h.example/?org_id=1", true),
        ] {
            assert_eq!(Endpoint::parse("url", url, false).is_ok(), ok, "{url}");
        }
    }

    #[test]
    fn the_origin_stays_when_the_path_changes() {
        for (url, other) in [
            ("https://h.example/api/v2/ips", "https://h.example/p"),
            ("https://h.example:8443?x=1", "https://h.example:8443/p"),
            ("https://h.example", "https://h.example/p"),
            ("http://[::1]:80/a/b", "http://[::1]:80/p"),
        ] {
            assert_eq!(
                Endpoint::parse("url", url, false).unwrap().with_path("/p").url(),
                other
            );
        }
    }

    #[test]
    fn the_path_has_no_query() {
        for (url, path) in [
            ("https://h.example/api/v2?x=/y", "/api/v2"),
            ("https://h.example", "/"),
            ("https://h.example?x=/y", "/"),
            ("https://h.example/", "/"),
        ] {
            assert_eq!(Endpoint::parse("url", url, false).unwrap().path(), path, "{url}");
        }
    }
}
