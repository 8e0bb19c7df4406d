//! [`Format`]: the access-log formats known by name, and which grammar reads each.
//!
//! To add one: a variant, its line in [`Format::name`] and [`Format::doc`], its arm in [`Format::parse`], and a
//! folder in `testdata/formats/` (the parity test does not compile without it).

use crate::caddy;
use crate::clf::{self, Shape, Tail, tail};
use crate::cloudflare::{self, Dataset};
use crate::columns::w3c::{self, Writer};
use crate::columns::{Columns, event, iis};
use crate::elb;
use crate::envoy;
use crate::haproxy;
use crate::line::{Line, Skip};
use crate::memo::TimeMemo;
use crate::nginx_json;
use crate::npm;
use crate::record::{Moment, Record};
use crate::reject::{Reason, Reject};
use crate::traefik;
use crate::transform;
use crate::unescape::Escape;
use crate::wrap;
use crate::zoraxy;

/// A format known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// nginx `combined`.
    NginxCombined,
    /// nginx `main`: combined and `"$http_x_forwarded_for"`.
    NginxMain,
    /// JSON composed by hand in nginx's `log_format`.
    NginxJson,
    /// ingress-nginx's `upstreaminfo`.
    IngressNginx,
    /// nginx-proxy-manager's `proxy` and `standard`.
    NginxProxyManager,
    /// Apache `common`.
    ApacheCommon,
    /// Apache `combined`.
    ApacheCombined,
    /// Debian's Apache `vhost_combined`: `%v:%p` before combined.
    ApacheVhostCombined,
    /// Apache `combinedio`: combined and `%I %O`.
    ApacheCombinedio,
    /// OpenLiteSpeed: common or combined inside one more pair of quotes.
    Litespeed,
    /// Varnish NCSA: combined with the absolute URL in the request.
    Varnish,
    /// Zoraxy's router log.
    Zoraxy,
    /// Caddy's JSON encoder, every version of Caddy 2.
    Caddy,
    /// Caddy's console encoder.
    CaddyConsole,
    /// Cloudflare Logpush, dataset `http_requests`.
    CloudflareHttp,
    /// Cloudflare Logpush, dataset `firewall_events`.
    CloudflareFirewall,
    /// Caddy's `transform` encoder with its common template and another time.
    CaddyTransform,
    /// Traefik's extension of the Common Log Format.
    TraefikClf,
    /// Traefik's JSON.
    TraefikJson,
    /// HAProxy `option httplog`.
    Haproxy,
    /// AWS application and classic load balancers.
    AwsElb,
    /// Envoy's and Istio's text.
    Envoy,
    /// The JSON of Istio and Envoy Gateway.
    EnvoyJson,
    /// W3C extended with `#Fields`: IIS and others.
    W3c,
    /// AWS CloudFront.
    Cloudfront,
    /// IIS's own format.
    Iis,
    /// IIS's requests as events of Windows, in XML.
    IisEvent,
}

impl Format {
    /// Every format, in the order in which they are tried; of formats that accept the same line, the narrower
    /// comes first.
    pub const ALL: &[Self] = &[
        Self::Varnish,
        Self::NginxCombined,
        Self::ApacheCombined,
        Self::ApacheCommon,
        Self::NginxMain,
        Self::ApacheVhostCombined,
        Self::ApacheCombinedio,
        Self::IngressNginx,
        Self::NginxProxyManager,
        Self::Caddy,
        Self::CaddyConsole,
        Self::CloudflareHttp,
        Self::CloudflareFirewall,
        Self::TraefikJson,
        Self::EnvoyJson,
        Self::NginxJson,
        Self::TraefikClf,
        Self::CaddyTransform,
        Self::Haproxy,
        Self::AwsElb,
        Self::Envoy,
        Self::Cloudfront,
        Self::W3c,
        Self::Iis,
        Self::IisEvent,
        Self::Litespeed,
        Self::Zoraxy,
    ];

    /// The name that `--format` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::NginxCombined => "nginx-combined",
            Self::NginxMain => "nginx-main",
            Self::NginxJson => "nginx-json",
            Self::IngressNginx => "ingress-nginx",
            Self::ApacheCommon => "apache-common",
            Self::ApacheCombined => "apache-combined",
            Self::ApacheVhostCombined => "apache-vhost-combined",
            Self::ApacheCombinedio => "apache-combinedio",
            Self::NginxProxyManager => "nginx-proxy-manager",
            Self::Litespeed => "litespeed",
            Self::Varnish => "varnish",
            Self::Zoraxy => "zoraxy",
            Self::Caddy => "caddy",
            Self::CaddyConsole => "caddy-console",
            Self::CloudflareHttp => "cloudflare-http",
            Self::CloudflareFirewall => "cloudflare-firewall",
            Self::CaddyTransform => "caddy-transform",
            Self::TraefikClf => "traefik-clf",
            Self::TraefikJson => "traefik-json",
            Self::Haproxy => "haproxy",
            Self::AwsElb => "aws-elb",
            Self::Envoy => "envoy",
            Self::EnvoyJson => "envoy-json",
            Self::W3c => "w3c",
            Self::Cloudfront => "cloudfront",
            Self::Iis => "iis",
            Self::IisEvent => "iis-event",
        }
    }

    /// One line for people.
    pub fn doc(self) -> &'static str {
        match self {
            Self::NginxCombined => "nginx combined (the default of access_log)",
            Self::NginxMain => "nginx main: combined with \"$http_x_forwarded_for\"",
            Self::NginxJson => "nginx JSON, composed by hand in log_format",
            Self::IngressNginx => "ingress-nginx (upstreaminfo)",
            Self::ApacheCommon => "Apache common, the Common Log Format",
            Self::ApacheCombined => "Apache combined",
            Self::ApacheVhostCombined => "Apache vhost_combined: virtual host and port first",
            Self::ApacheCombinedio => "Apache combinedio: combined with bytes in and out",
            Self::NginxProxyManager => "nginx-proxy-manager (proxy and standard)",
            Self::Litespeed => "OpenLiteSpeed: combined or common in quotes",
            Self::Varnish => "Varnish NCSA: combined with absolute URLs",
            Self::Caddy => "Caddy JSON",
            Self::CaddyConsole => "Caddy console: tabs, then JSON",
            Self::CloudflareHttp => "Cloudflare Logpush http_requests",
            Self::CloudflareFirewall => "Cloudflare Logpush firewall_events",
            Self::CaddyTransform => "Caddy transform: common with another time",
            Self::TraefikClf => "Traefik common (the default of its access log)",
            Self::TraefikJson => "Traefik JSON",
            Self::Haproxy => "HAProxy httplog",
            Self::AwsElb => "AWS application and classic load balancers",
            Self::Envoy => "Envoy and Istio text",
            Self::EnvoyJson => "Istio and Envoy Gateway JSON",
            Self::W3c => "W3C extended with #Fields (IIS and others)",
            Self::Cloudfront => "AWS CloudFront",
            Self::Iis => "IIS log file format",
            Self::IisEvent => "IIS requests as Windows events in XML, one a line",
            Self::Zoraxy => "Zoraxy router log",
        }
    }

    /// The format of a name; case does not matter, `_` and space stand for `-`, and what the servers
    /// themselves call their formats (`combined`, `vhost_combined`) is understood.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase().replace(['_', ' ', '/'], "-");
        let name = match name.as_str() {
            "nginx" | "combined" => "nginx-combined",
            "main" => "nginx-main",
            "apache" => "apache-combined",
            "common" | "clf" | "ncsa" => "apache-common",
            "vhost-combined" => "apache-vhost-combined",
            "combinedio" => "apache-combinedio",
            "ingress" | "nginx-ingress" => "ingress-nginx",
            "npm" => "nginx-proxy-manager",
            "openlitespeed" => "litespeed",
            "varnishncsa" => "varnish",
            "caddy-json" => "caddy",
            "traefik" => "traefik-json",
            "alb" | "elb" | "aws-alb" => "aws-elb",
            "istio" => "envoy",
            "iis-w3c" => "w3c",
            "iis-etw" | "iis-xml" => "iis-event",
            "aws-cloudfront" => "cloudfront",
            "httplog" => "haproxy",
            "cloudflare" | "logpush" | "http-requests" | "cloudflare-http-requests" => "cloudflare-http",
            "firewall-events" | "cloudflare-firewall-events" => "cloudflare-firewall",
            other => other,
        };
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// How this format's server escapes; `None` where the grammar settles it.
    pub(crate) fn escape(self) -> Option<Escape> {
        match self {
            Self::NginxCombined | Self::NginxMain | Self::IngressNginx | Self::NginxProxyManager => {
                Some(Escape::Nginx)
            }
            Self::ApacheCommon
            | Self::ApacheCombined
            | Self::ApacheVhostCombined
            | Self::ApacheCombinedio => Some(Escape::Apache),
            Self::Litespeed | Self::Varnish => Some(Escape::Either),
            Self::NginxJson
            | Self::Zoraxy
            | Self::Caddy
            | Self::CaddyConsole
            | Self::CloudflareHttp
            | Self::CloudflareFirewall
            | Self::CaddyTransform
            | Self::TraefikClf
            | Self::TraefikJson
            | Self::Haproxy
            | Self::AwsElb
            | Self::Envoy
            | Self::EnvoyJson
            | Self::W3c
            | Self::Cloudfront
            | Self::Iis
            | Self::IisEvent => None,
        }
    }

    /// Reads one line as exactly this format.
    pub(crate) fn parse<'a>(
        self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
        dialect: Escape,
        columns: Option<&Columns>,
    ) -> Result<Line, Reject> {
        let read = match self {
            Self::NginxCombined
            | Self::NginxMain
            | Self::IngressNginx
            | Self::ApacheCommon
            | Self::ApacheCombined
            | Self::ApacheVhostCombined
            | Self::ApacheCombinedio
            | Self::Varnish => return self.parse_clf(line, record, memo, dialect),
            Self::Litespeed => clf::parse_quoted(line, record, memo, dialect)?,
            Self::Zoraxy => zoraxy::parse(line, record, memo)?,
            Self::NginxJson => nginx_json::parse(line, record, memo)?,
            Self::Caddy => caddy::parse(line, record, memo)?,
            Self::CaddyConsole => caddy::parse_console(line, record, memo)?,
            Self::CloudflareHttp => cloudflare::parse(line, record, memo, columns, Dataset::Http)?,
            Self::CloudflareFirewall => cloudflare::parse(line, record, memo, columns, Dataset::Firewall)?,
            Self::CaddyTransform => transform::parse(line, record, memo)?,
            Self::TraefikClf => traefik::parse_clf(line, record, memo)?,
            Self::TraefikJson => traefik::parse_json(line, record, memo)?,
            Self::Haproxy => haproxy::parse(line, record, memo)?,
            Self::AwsElb => elb::parse(line, record, memo)?,
            Self::Envoy => envoy::parse(line, record, memo)?,
            Self::EnvoyJson => envoy::parse_json(line, record, memo)?,
            Self::W3c => w3c::parse(line, record, memo, columns, Writer::Iis)?,
            Self::Cloudfront => w3c::parse(line, record, memo, columns, Writer::Cloudfront)?,
            Self::Iis => iis::parse(line, record, memo)?,
            Self::IisEvent => event::parse(line, record, memo)?,
            Self::NginxProxyManager => npm::parse(line, record, memo, dialect)?,
        };
        if read == Line::Record {
            record.format = Some(self);
        }
        Ok(read)
    }

    #[inline]
    fn parse_clf<'a>(
        self,
        line: &'a [u8],
        record: &mut Record<'a>,
        memo: &mut TimeMemo,
        dialect: Escape,
    ) -> Result<Line, Reject> {
        let mut shape = clf::parse(line, record, memo, dialect)?;
        if self == Self::ApacheVhostCombined && shape.tail == Tail::None {
            shape.vhost = shape.vhost || clf::head::host_of_list(line, record);
            // Only of a format that was declared is the escaping known.
            if dialect != Escape::Either && record.is_unclear("x-forwarded-for") {
                clf::head::host_as_declared(line, record, dialect);
            }
        }
        if !self.has_shape(shape) {
            return Err(Reject::new(Reason::UnknownFormat, 0));
        }
        if matches!(shape.tail, Tail::Quoted | Tail::Number) {
            tail::quoted_is_forwarded_for(record, dialect);
        }
        if self == Self::Varnish && !clf::host_of_target(record) {
            return Err(Reject::new(Reason::UnknownFormat, 0));
        }
        Ok(self.accept(record))
    }

    /// Marks a record as a line of this format.
    #[inline]
    pub(crate) fn accept(self, record: &mut Record<'_>) -> Line {
        record.format = Some(self);
        if self.escape() == Some(Escape::Apache) {
            record.more.moment = Moment::Start;
        }
        if record
            .target
            .as_deref()
            .is_some_and(|target| target.first() != Some(&b'/'))
        {
            clf::host_of_absolute(record);
        }
        Line::Record
    }

    /// Whether it is one of Cloudflare's own logs.
    pub const fn is_logpush(self) -> bool {
        matches!(self, Self::CloudflareHttp | Self::CloudflareFirewall)
    }

    /// Whether the one grammar of the CLF family reads this format.
    pub(crate) fn is_clf(self) -> bool {
        Self::CLF.contains(&self)
    }

    const CLF: [Self; 7] = [
        Self::NginxCombined,
        Self::ApacheCombined,
        Self::ApacheCommon,
        Self::NginxMain,
        Self::ApacheVhostCombined,
        Self::ApacheCombinedio,
        Self::IngressNginx,
    ];

    /// The format of the CLF family that has this shape, of the server that writes `first` where both have it;
    /// `None` for a shape that is nobody's.
    pub(crate) fn of_shape(shape: Shape, first: Option<Self>) -> Option<Self> {
        if matches!(shape.tail, Tail::Quoted | Tail::Number | Tail::Numbers) {
            return None;
        }
        let of_family = Self::of_family(first);
        if of_family.has_shape(shape) {
            return Some(of_family);
        }
        Self::CLF.into_iter().find(|format| format.has_shape(shape))
    }

    /// Combined of the server that writes `first`.
    pub(crate) fn of_family(first: Option<Self>) -> Self {
        match first.and_then(Self::escape) {
            Some(Escape::Apache) => Self::ApacheCombined,
            _ => Self::NginxCombined,
        }
    }

    /// Whether a line of the CLF family is this format's.
    fn has_shape(self, shape: Shape) -> bool {
        let Shape { vhost, agent, tail } = shape;
        match self {
            Self::NginxCombined | Self::ApacheCombined | Self::Varnish => {
                !vhost && agent && tail == Tail::None
            }
            Self::NginxMain => {
                !vhost && agent && matches!(tail, Tail::ForwardedFor | Tail::Quoted | Tail::Number)
            }
            Self::IngressNginx => !vhost && agent && tail == Tail::Ingress,
            Self::ApacheCommon => !vhost && !agent && tail == Tail::None,
            Self::ApacheVhostCombined => vhost && tail == Tail::None,
            Self::ApacheCombinedio => agent && matches!(tail, Tail::InOut | Tail::Numbers),
            _ => false,
        }
    }
}

/// A line that is empty but for white space and NULs, a comment, or a field of the journal beside the message.
pub(crate) fn skip(line: &[u8]) -> Option<Skip> {
    match line.iter().find(|b| !b.is_ascii_whitespace()) {
        None => Some(Skip::Blank),
        Some(b'#') => Some(Skip::Comment),
        Some(b'<') if event::is_around(line) => Some(Skip::Comment),
        Some(_) if wrap::is_journal_field(line) => Some(Skip::OtherStream),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for &format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
            assert_eq!(
                Format::from_name(&format.name().to_uppercase().replace('-', "_")),
                Some(format)
            );
            assert!(!format.doc().is_empty());
        }
        assert_eq!(
            Format::from_name("vhost_combined"),
            Some(Format::ApacheVhostCombined)
        );
        assert_eq!(Format::from_name("nonsense"), None);
    }
}
