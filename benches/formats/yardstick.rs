//! What our figures are held against: a plain regular expression, or `serde_json` into a borrowed struct.

use std::borrow::Cow;
use std::hint::black_box;

use afw_parsers::Format;
use regex::bytes::Regex;
use serde::Deserialize;

use super::lines::Log;

/// Another way to read the same lines.
pub enum Yardstick {
    /// A capture for each field.
    Regex(Regex),
    /// A struct that borrows the line.
    Serde(fn(&[u8]) -> bool),
}

impl Yardstick {
    /// The yardstick of a format.
    pub fn of(format: Format) -> Self {
        match format {
            Format::Caddy => Self::Serde(|line| reads::<Caddy<'_>>(line)),
            Format::CloudflareHttp | Format::CloudflareFirewall => {
                Self::Serde(|line| reads::<Cloudflare<'_>>(line))
            }
            Format::TraefikJson => Self::Serde(|line| reads::<Traefik<'_>>(line)),
            Format::EnvoyJson => Self::Serde(|line| reads::<Envoy<'_>>(line)),
            Format::NginxJson => Self::Serde(|line| reads::<Nginx<'_>>(line)),
            text => Self::Regex(expression(text)),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Regex(_) => "regex",
            Self::Serde(_) => "serde",
        }
    }

    /// Reads the log once.
    pub fn run(&self, log: &Log) {
        match self {
            Self::Regex(regex) => {
                let mut places = regex.capture_locations();
                for line in log.lines() {
                    let found = regex.captures_read(&mut places, black_box(line));
                    assert!(found.is_some(), "{}", String::from_utf8_lossy(line));
                }
            }
            Self::Serde(read) => log.lines().for_each(|line| assert!(read(black_box(line)))),
        }
    }
}

fn reads<'a, T: Deserialize<'a>>(line: &'a [u8]) -> bool {
    black_box(serde_json::from_slice::<T>(line)).is_ok()
}

/// The expression that an administrator would write for a format.
fn expression(format: Format) -> Regex {
    const CLF: &str = r#"(\S+) (\S+) (.+?) \[([^\]]+)\] "(\S+) (.*?) (\S+)" (\d+|-) (\d+|-)"#;
    const AGENT: &str = r#" "([^"]*)" "([^"]*)""#;
    let text = match format {
        Format::NginxCombined | Format::ApacheCombined | Format::Varnish | Format::CaddyTransform => {
            format!("^{CLF}{AGENT}$")
        }
        Format::NginxMain => format!(r#"^{CLF}{AGENT} "([^"]*)"$"#),
        Format::IngressNginx => format!(
            r"^{CLF}{AGENT} (\d+) ([\d.]+) \[(.*?)\] \[(.*?)\] (\S+) (\S+) (\S+) (\S+) (\S+)$"
        ),
        Format::ApacheCommon => format!("^{CLF}$"),
        Format::ApacheVhostCombined => format!(r"^(\S+):(\d+) {CLF}{AGENT}$"),
        Format::ApacheCombinedio => format!(r"^{CLF}{AGENT} (\d+) (\d+)$"),
        Format::Litespeed => format!(r#"^"{CLF}{AGENT}"$"#),
        Format::TraefikClf => format!(r#"^{CLF}{AGENT} (\d+) "([^"]*)" "([^"]*)" (\d+)ms$"#),
        Format::NginxProxyManager => r#"^\[([^\]]+)\] (\S+) (\S+) (\d+) - (\S+) (\S+) (\S+) "(.*?)" \[Client (\S+)\] \[Length (\S+)\] \[Gzip (\S+)\] \[Sent-to (\S+)\] "([^"]*)" "([^"]*)"$"#.to_owned(),
        Format::Zoraxy => r"^\[([^\]]+)\] \[router:(.*?)\] \[origin:(.*?)\] \[client: (\S+)\] \[useragent: (.*?)\] (\S+) (.*) (\d+)$".to_owned(),
        Format::Haproxy => r#"^(\S+):(\d+) \[([^\]]+)\] (\S+) (\S+)/(\S+) (\S+) (\d+) (\d+) (\S+) (\S+) (\S+) (\S+) (\S+) \{([^}]*)\} "(\S+) (.*?) (\S+)"$"#.to_owned(),
        Format::AwsElb => r#"^(\S+) (\S+) (\S+) (\S+):(\d+) (\S+) (\S+) (\S+) (\S+) (\d+) (\S+) (\d+) (\d+) "(\S+) (.*?) (\S+)" "([^"]*)" (\S+) (\S+) (\S+) "([^"]*)" "([^"]*)" (.*)$"#.to_owned(),
        Format::Envoy => r#"^\[([^\]]+)\] "(\S+) (.*?) (\S+)" (\d+) (\S+) (\S+) (\S+) "([^"]*)" (\d+) (\d+) (\d+) (\S+) "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)" (\S+) (\S+) (\S+) (\S+):(\d+) (.*)$"#.to_owned(),
        Format::W3c => fields(" ", 15),
        Format::Cloudfront => fields("\t", 19),
        Format::Iis => format!("{},$", fields(", ", 15).trim_end_matches('$')),
        Format::IisEvent => format!("^<Event.*?{}</EventData></Event>$", vec!["<Data Name='[^']*'>([^<]*)</Data>"; 17].concat()),
        Format::CaddyConsole => r"^([^\t]+)\t([^\t]+)\t([^\t]+)\t([^\t]+)\t(.*)$".to_owned(),
        Format::Caddy
        | Format::CloudflareHttp
        | Format::CloudflareFirewall
        | Format::TraefikJson
        | Format::EnvoyJson
        | Format::NginxJson => String::new(),
    };
    Regex::new(&text).unwrap_or_else(|error| panic!("{error}"))
}

fn fields(between: &str, count: usize) -> String {
    format!("^{}$", vec![r"(\S*?)"; count].join(between))
}

/// A text that borrows the line unless it holds an escape; an `Option<Cow>` would always copy.
#[derive(Deserialize)]
#[expect(dead_code, reason = "what is read counts, not what is made of it")]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

type Text<'a> = Option<Borrowed<'a>>;

/// A struct of what one format reads, by the names in its lines; what is not named is passed over.
macro_rules! borrowed {
    ($name:ident: $($key:literal $field:ident $type:ty),+ $(,)?) => {
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "'de: 'a"))]
        #[expect(dead_code, reason = "what is read counts, not what is made of it")]
        struct $name<'a> {
            $(#[serde(rename = $key)] $field: $type,)+
        }
    };
}

borrowed! { Caddy:
    "level" level Text<'a>, "ts" ts f64, "logger" logger Text<'a>, "msg" msg Text<'a>,
    "request" request CaddyRequest<'a>, "bytes_read" bytes_read u64, "user_id" user_id Text<'a>,
    "duration" duration f64, "size" size u64, "status" status u16,
}

borrowed! { CaddyRequest:
    "remote_ip" remote_ip Text<'a>, "remote_port" remote_port Text<'a>, "client_ip" client_ip Text<'a>,
    "proto" proto Text<'a>, "method" method Text<'a>, "host" host Text<'a>, "uri" uri Text<'a>,
    "headers" headers CaddyHeaders<'a>, "tls" tls Option<CaddyTls<'a>>,
}

borrowed! { CaddyHeaders:
    "User-Agent" user_agent Option<Vec<Borrowed<'a>>>, "Referer" referrer Option<Vec<Borrowed<'a>>>,
}

borrowed! { CaddyTls:
    "resumed" resumed bool, "version" version u16, "cipher_suite" cipher_suite u16, "proto" proto Text<'a>,
    "server_name" server_name Text<'a>,
}

borrowed! { Cloudflare:
    "Action" action Text<'a>, "ClientASN" asn Option<u32>, "ClientCountry" country Text<'a>,
    "ClientIP" ip Text<'a>, "ClientRequestBytes" request_bytes Option<u64>, "ClientRequestHost" host Text<'a>,
    "ClientRequestMethod" method Text<'a>, "ClientRequestPath" path Text<'a>,
    "ClientRequestProtocol" protocol Text<'a>, "ClientRequestQuery" query Text<'a>,
    "ClientRequestReferer" referrer Text<'a>, "ClientRequestScheme" scheme Text<'a>,
    "ClientRequestSource" request_source Text<'a>, "ClientRequestURI" uri Text<'a>,
    "ClientRequestUserAgent" agent Text<'a>, "ClientSSLCipher" cipher Text<'a>,
    "ClientSSLProtocol" ssl Text<'a>, "ClientSrcPort" port Option<u16>, "Datetime" datetime Option<i64>,
    "EdgeEndTimestamp" end Option<i64>, "EdgeResponseBodyBytes" body_bytes Option<u64>,
    "EdgeResponseBytes" bytes Option<u64>, "EdgeResponseStatus" status Option<u16>,
    "EdgeStartTimestamp" start Option<i64>, "JA3Hash" ja3 Text<'a>, "JA4" ja4 Text<'a>,
    "ParentRayID" parent Text<'a>, "RayID" ray Text<'a>, "RuleID" rule Text<'a>,
    "SecurityAction" security_action Text<'a>, "SecurityActions" security_actions Option<Vec<Borrowed<'a>>>,
    "Source" source Text<'a>, "WorkerSubrequest" subrequest Option<bool>,
}

borrowed! { Traefik:
    "ClientAddr" addr Text<'a>, "ClientHost" host Text<'a>, "ClientPort" port Text<'a>,
    "ClientUsername" user Text<'a>, "DownstreamContentSize" size Option<u64>,
    "DownstreamStatus" status Option<u16>, "Duration" duration Option<u64>, "RequestHost" request_host Text<'a>,
    "RequestMethod" method Text<'a>, "RequestPath" path Text<'a>, "RequestProtocol" protocol Text<'a>,
    "RequestScheme" scheme Text<'a>, "StartUTC" start Text<'a>, "TLSCipher" cipher Text<'a>,
    "TLSVersion" tls Text<'a>, "request_User-Agent" agent Text<'a>, "request_Referer" referrer Text<'a>,
}

borrowed! { Envoy:
    "authority" authority Text<'a>, "bytes_received" received u64, "bytes_sent" sent u64,
    "downstream_remote_address" peer Text<'a>, "duration" duration u64, "method" method Text<'a>,
    "path" path Text<'a>, "protocol" protocol Text<'a>, "request_id" id Text<'a>, "response_code" status u16,
    "start_time" start Text<'a>, "user_agent" agent Text<'a>, "x_forwarded_for" forwarded Text<'a>,
}

borrowed! { Nginx:
    "time" time Text<'a>, "remote_addr" peer Text<'a>, "request" request Text<'a>, "status" status u16,
    "body_bytes_sent" bytes u64, "request_time" duration f64, "http_referrer" referrer Text<'a>,
    "http_user_agent" agent Text<'a>, "host" host Text<'a>,
}
