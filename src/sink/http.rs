//! [`Http`]: one request to a receiver, and what its answer means for delivery.
//!
//! Certificates are always verified, redirects never followed, times bounded. Retrying is no business of this module:
//! that belongs to the outbox. Next: [`super::pace`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use afw_parsers::Time;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use crate::bounded;
use crate::text::system_message;

use super::endpoint::Endpoint;
use super::retry_after::wait_of;
use super::{Answer, Secret, SinkError};

/// `User-Agent` of every request.
pub const USER_AGENT: &str = concat!("afw/", env!("CARGO_PKG_VERSION"));
/// Longest time for a connection to be made.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Longest time for a whole request, from name resolution to the end of the answer.
const WHOLE_TIME: Duration = Duration::from_secs(10);
/// Connections that were not used for this long are closed: receivers and proxies drop them about then.
const IDLE_TIME: Duration = Duration::from_secs(15);
/// Largest file of certificates or with a key, in bytes; a system's bundle is a quarter of a megabyte.
const MAX_KEY_BYTES: u64 = 16 << 20;
/// So many characters of an answer are kept to be shown.
const ERROR_CHARS: usize = 512;
/// So much of an answer is read at most, so that the connection can be used again.
const DRAIN_BYTES: u64 = 64 << 10;

/// How receivers are reached. Times are the design's and only tests change them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSpec {
    /// Proxy as `http://HOST:PORT`; without one, the usual environment variables count. Never used for this machine.
    pub proxy: Option<String>,
    /// PEM file of certificate authorities that take the place of the built-in ones.
    pub ca_file: Option<PathBuf>,
    /// PEM files of a client certificate chain and its key.
    pub client_cert: Option<(PathBuf, PathBuf)>,
    /// Longest time for a connection to be made.
    pub connect_time: Duration,
    /// Longest time for a whole request.
    pub whole_time: Duration,
}

impl Default for HttpSpec {
    fn default() -> Self {
        Self {
            proxy: None,
            ca_file: None,
            client_cert: None,
            connect_time: CONNECT_TIME,
            whole_time: WHOLE_TIME,
        }
    }
}

/// A receiver's address with everything a request to it needs.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
    endpoint: Endpoint,
    headers: Vec<(String, Secret)>,
}

/// An answer as it came: status, wait asked for, and the beginning of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// `Retry-After`, when given.
    pub retry_after: Option<Duration>,
    /// The body as far as it was read.
    pub body: Vec<u8>,
    /// Whether that is all of it: the connection did not break, nor did time or the limit run out.
    pub whole: bool,
    /// The `next_page` header of paged answers.
    pub next_page: Option<String>,
}

impl Http {
    /// A client for one endpoint. `headers` are sent with every request.
    ///
    /// # Errors
    /// When a certificate file, the proxy or a header cannot be used.
    pub fn new(
        spec: &HttpSpec,
        endpoint: Endpoint,
        headers: Vec<(String, Secret)>,
    ) -> Result<Self, SinkError> {
        for (name, value) in &headers {
            check_header(name, value)?;
        }
        let proxy = match &spec.proxy {
            _ if endpoint.is_loopback() => None,
            // The proxy itself is not shown: it may hold a password.
            Some(proxy) => {
                Some(Proxy::new(proxy).map_err(|error| SinkError::new(format!("http.proxy: {error}")))?)
            }
            None => Proxy::try_from_env(),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(endpoint.url().starts_with("https:"))
            .timeout_connect(Some(spec.connect_time))
            .timeout_global(Some(spec.whole_time))
            .max_idle_age(IDLE_TIME)
            .max_idle_connections_per_host(1)
            .user_agent(USER_AGENT)
            .accept("*/*")
            .proxy(proxy)
            .tls_config(tls(spec)?)
            .build();
        Ok(Self {
            agent: config.into(),
            endpoint,
            headers,
        })
    }

    /// Where requests go.
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Posts a body and says what the answer means for delivery.
    pub fn deliver(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        match self.send("POST", self.endpoint.url(), Some(body), headers, DRAIN_BYTES) {
            Ok(reply) => self.judge(&reply),
            Err(error) => Answer::Unavailable {
                status: None,
                error,
                retry_after: None,
            },
        }
    }

    /// One request. The answer's body is read up to `most` bytes; a body that cannot be read to its end does not undo
    /// the status that was received.
    ///
    /// # Errors
    /// The reason in words when no status was received.
    pub fn send(
        &self,
        method: &str,
        url: &str,
        body: Option<&[u8]>,
        headers: &[(&str, &str)],
        most: u64,
    ) -> Result<Reply, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value.expose());
        }
        let sent = match body {
            Some(body) => request.body(body).map(|request| self.agent.run(request)),
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        let mut response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(ureq::Error::Timeout(_))) => return Err("no answer in time".to_owned()),
            Ok(Err(ureq::Error::Io(error))) => return Err(self.hide(system_message(&error))),
            Ok(Err(error)) => return Err(self.hide(error.to_string())),
            Err(error) => return Err(self.hide(error.to_string())),
        };
        let text = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (retry_after, sent, next_page) = (text("retry-after"), text("date"), text("next_page"));
        let status = response.status().as_u16();
        let (body, whole) = read_some(&mut response, most);
        Ok(Reply {
            status,
            retry_after: retry_after.and_then(|value| wait_of(&value, sent.as_deref(), now())),
            next_page,
            body,
            whole,
        })
    }

    /// What an answer means for delivery.
    pub fn judge(&self, reply: &Reply) -> Answer {
        let status = reply.status;
        let body = || self.excerpt(&reply.body);
        match status {
            200..=299 => Answer::Accepted,
            400 | 413 | 422 => Answer::Refused { status, body: body() },
            408 | 425 | 429 | 500.. | ..=199 => Answer::Unavailable {
                status: Some(status),
                error: super::said(status, &body()),
                retry_after: reply.retry_after,
            },
            // 401, 402, 403, 404 and 3xx speak of key, credit and address; so does every other 4xx in its way.
            300..=499 => Answer::Misconfigured { status, body: body() },
        }
    }

    /// The beginning of an answer as one line of text, without the secrets of this sink. They are taken out before the text
    /// is cut: half a key is a secret, too.
    pub(super) fn excerpt(&self, body: &[u8]) -> String {
        let body = body.get(..DRAIN_BYTES as usize).unwrap_or(body);
        let text = String::from_utf8_lossy(body);
        let text = self.hide(text.split_whitespace().collect::<Vec<_>>().join(" "));
        text.chars().take(ERROR_CHARS).collect()
    }

    /// A text without the secrets of this sink.
    pub(super) fn hide(&self, text: String) -> String {
        self.headers.iter().fold(text, |text, (_, secret)| {
            let bare = secret.expose().strip_prefix("Bearer ").and_then(Secret::new);
            let text = secret.hidden_in(text);
            bare.map_or(text.clone(), |bare| bare.hidden_in(text))
        })
    }
}

/// Reads an answer as far as it comes, and says whether that was all of it; a connection that breaks here changes nothing
/// about the status.
fn read_some(response: &mut ureq::http::Response<ureq::Body>, most: u64) -> (Vec<u8>, bool) {
    use std::io::Read;
    let mut body = Vec::new();
    let end = response.body_mut().as_reader().take(most).read_to_end(&mut body);
    let whole = end.is_ok_and(|read| (read as u64) < most);
    (body, whole)
}

/// The wall clock, for `Retry-After` dates.
fn now() -> Time {
    super::worker::wall_clock()
}

fn check_header(name: &str, value: &Secret) -> Result<(), SinkError> {
    let named = ureq::http::HeaderName::try_from(name).is_ok();
    // Bytes beyond ASCII make a header value, but none that can be sent.
    let valued = ureq::http::HeaderValue::try_from(value.expose()).is_ok_and(|value| value.to_str().is_ok());
    if named && valued {
        return Ok(());
    }
    Err(SinkError::new(format!("header {name:?} cannot be sent"))
        .hint("a header's name is a word, its value (or the key) one line of visible characters"))
}

fn tls(spec: &HttpSpec) -> Result<TlsConfig, SinkError> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = &spec.ca_file {
        tls = tls.root_certs(RootCerts::new_with_certs(&certificates(path)?));
    }
    if let Some((chain, key)) = &spec.client_cert {
        tls = tls.client_cert(Some(ClientCert::new_with_certs(
            &certificates(chain)?,
            private_key(key)?,
        )));
    }
    Ok(tls.build())
}

/// All certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SinkError> {
    let mut found = Vec::new();
    for item in ureq::tls::parse_pem(&read(path)?) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| SinkError::file(path, error))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(SinkError::file(path, "no certificate in it").hint("the file must be in PEM format"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, SinkError> {
    PrivateKey::from_pem(&read(path)?).map_err(|error| SinkError::file(path, error))
}

fn read(path: &Path) -> Result<Vec<u8>, SinkError> {
    bounded::read(path, MAX_KEY_BYTES).map_err(|error| SinkError::file(path, system_message(&error)))
}

#[cfg(test)]
mod tests;
