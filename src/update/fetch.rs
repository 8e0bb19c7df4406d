//! [`Fetcher`]: gets one URL, bounded in time and size, over TLS, with back-off where the publisher asks for patience.

use std::io::Read;
use std::thread;
use std::time::Duration;

use ureq::{Agent, Proxy};

use super::UpdateError;
use crate::sink::Endpoint;
use crate::sink::http::USER_AGENT;

/// Longest time for a whole download; databases have some hundred megabytes at most.
const WHOLE_TIME: Duration = Duration::from_secs(300);
/// Longest time until an answer begins: who is silent for so long has nothing to say.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// What is said when a publisher answers 304 although no tag was sent.
pub(super) const UNASKED: &str = "says that nothing changed, but was not asked that";
/// Longest time for a connection to be made.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// MaxMind answers with the address of a store; more hops than this are a circle.
const REDIRECTS: u32 = 5;
/// How often a publisher in trouble is asked.
const TRIES: u32 = 3;

/// Gets files from publishers.
#[derive(Debug, Clone)]
pub struct Fetcher {
    proxy: Option<String>,
    pause: Duration,
}

/// What came.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The publisher has nothing newer.
    NotModified,
    /// The file, and its tag if it has one.
    Body { bytes: Vec<u8>, etag: Option<String> },
}

impl Fetcher {
    /// A fetcher through this proxy (`http://HOST:PORT`), or the environment's. Publishers in trouble are asked again
    /// after `pause`, then after twice that.
    pub const fn new(proxy: Option<String>, pause: Duration) -> Self {
        Self { proxy, pause }
    }

    /// Gets a URL of at most `most` bytes. Credentials are not sent on to where a redirect leads.
    pub(super) fn get(&self, url: &str, headers: &[(&str, &str)], most: u64) -> Result<Fetched, UpdateError> {
        let endpoint = Endpoint::parse("update", url, false);
        let endpoint = endpoint.map_err(|error| UpdateError::Setting(error.to_string()))?;
        let agent = self.agent(&endpoint)?;
        let mut pause = self.pause;
        let mut tries = 1;
        loop {
            match get_once(&agent, url, headers, most) {
                Err(UpdateError::Fetch { status, .. })
                    if tries < TRIES && status.is_none_or(|status| status >= 500) =>
                {
                    thread::sleep(pause);
                    pause *= 2;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    fn agent(&self, endpoint: &Endpoint) -> Result<Agent, UpdateError> {
        let proxy = match &self.proxy {
            _ if endpoint.is_loopback() => None,
            // The proxy itself is not shown: it may hold a password.
            Some(proxy) => Some(
                Proxy::new(proxy).map_err(|error| UpdateError::Setting(format!("http.proxy: {error}")))?,
            ),
            None => Proxy::try_from_env(),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .https_only(endpoint.url().starts_with("https:"))
            .timeout_connect(Some(CONNECT_TIME))
            .timeout_recv_response(Some(ANSWER_TIME))
            .timeout_global(Some(WHOLE_TIME))
            .user_agent(USER_AGENT)
            .proxy(proxy)
            .build();
        Ok(config.into())
    }
}

fn get_once(agent: &Agent, url: &str, headers: &[(&str, &str)], most: u64) -> Result<Fetched, UpdateError> {
    let failed = |status, reason| UpdateError::Fetch {
        url: url.to_owned(),
        status,
        reason,
    };
    let mut request = agent.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.call().map_err(|error| failed(None, error.to_string()))?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        304 => return Ok(Fetched::NotModified),
        _ => return Err(failed(Some(status), format!("answered with status {status}"))),
    }
    let etag = response
        .headers()
        .get("etag")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut bytes = Vec::new();
    let reader = response.body_mut().as_reader();
    let read = reader.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| failed(None, format!("broke off: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(failed(Some(status), format!("is larger than {most} bytes")));
    }
    Ok(Fetched::Body { bytes, etag })
}
