//! The logs that are measured: the same visits to one shop, as each server writes them.

use std::fmt::Write as _;

use afw_parsers::Format;

/// How many lines a log has: some hundred kilobytes, which stay in the cache as a batch does.
const LINES: u64 = 2000;

/// One request of the shop's traffic.
pub struct Visit {
    pub number: u64,
    pub ip: String,
    pub target: String,
    pub status: u16,
    pub bytes: u64,
    pub referrer: &'static str,
    pub agent: &'static str,
}

/// A log and where its lines stand.
pub struct Log {
    text: Vec<u8>,
    lines: Vec<(usize, usize)>,
    head: Vec<Vec<u8>>,
}

impl Log {
    /// The log of these visits; a line that begins with `#Fields` stands before the first and is not measured.
    pub fn of(visits: &[Visit], mut line: impl FnMut(&Visit) -> String) -> Self {
        let mut log = Self {
            text: Vec::new(),
            lines: Vec::new(),
            head: Vec::new(),
        };
        for visit in visits {
            let written = line(visit);
            let line = written.rsplit('\n').next().unwrap_or_default();
            if visit.number == 0 && line.len() < written.len() {
                log.head
                    .extend(written.lines().take(1).map(|head| head.as_bytes().to_vec()));
            }
            log.push(line.as_bytes());
        }
        log
    }

    fn push(&mut self, line: &[u8]) {
        self.lines.push((self.text.len(), self.text.len() + line.len()));
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines
            .iter()
            .filter_map(|&(from, to)| self.text.get(from..to))
    }

    pub fn head(&self) -> impl Iterator<Item = &[u8]> {
        self.head.iter().map(Vec::as_slice)
    }

    pub fn count(&self) -> usize {
        self.lines.len()
    }

    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// The visits, always the same.
pub fn visits() -> Vec<Visit> {
    const AGENTS: [&str; 5] = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "curl/8.11.0",
    ];
    let visit = |number: u64| {
        // A multiplicative hash: spread, and the same on every machine.
        let word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        Visit {
            number,
            ip: format!(
                "{}.{}.{}.{}",
                11 + word % 200,
                word >> 8 & 255,
                word >> 16 & 255,
                1 + word % 250
            ),
            target: match number % 10 {
                0 => format!("/search?q=blue%20chair%2C+oak&page={}", word % 9),
                1..5 => format!("/assets/img/{:x}.webp?v={}", word >> 12, word % 77),
                5..8 => format!("/product/{}/oak-chair-with-arms", word % 9999),
                _ => "/".to_owned(),
            },
            status: [200, 200, 200, 304, 404][(word % 5) as usize],
            bytes: word % 90_000,
            referrer: ["https://shop.example/", "https://www.google.com/", "-"][(word % 3) as usize],
            agent: AGENTS[(word % 5) as usize],
        }
    };
    (0..LINES).map(visit).collect()
}

/// A line of nginx's error log.
pub fn error_line(visit: &Visit) -> String {
    format!(
        "2023/11/14 22:13:{:02} [error] 1234#1234: *{} open() \"/var/www{}\" failed (2: No such file or directory), client: {}, server: shop.example, request: \"GET {} HTTP/1.1\", host: \"shop.example\"",
        visit.number / 40 % 60,
        visit.number,
        visit.target,
        visit.ip,
        visit.target
    )
}

/// Random bytes in lines of 0 to 299.
pub fn garbage() -> Log {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut log = Log::of(&[], |_| String::new());
    for number in 0..LINES {
        let line: Vec<u8> = (0..number % 300)
            .map(|_| next())
            .filter(|byte| *byte != b'\n')
            .collect();
        log.push(&line);
    }
    log
}

/// A compiled format and the preset that reads the same lines.
pub struct Pair {
    pub preset: Format,
    pub server: &'static str,
    pub format: String,
}

/// Formats that differ from a preset's by a name or an order that changes nothing in the line: they have no
/// hand-written grammar behind them.
pub fn pairs() -> Vec<Pair> {
    let nginx = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    let apache = r#"%a %l %u %t "%r" %>s %b"#;
    let agent = r#""%{Referer}i" "%{User-Agent}i""#;
    let pair = |preset, server, format| Pair {
        preset,
        server,
        format,
    };
    vec![
        pair(Format::NginxCombined, "nginx", nginx.replace("$remote_user", "$http_x_user")),
        pair(Format::NginxMain, "nginx", format!("{nginx} \"$http_x_real_ip\"")),
        pair(
            Format::IngressNginx,
            "nginx",
            format!(
                "{nginx} $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id"
            )
            .replace("$proxy_upstream_name", "$http_a")
            .replace("$proxy_alternative_upstream_name", "$http_b")
            .replace("$req_id", "$request_id"),
        ),
        pair(Format::ApacheCommon, "apache", apache.to_owned()),
        pair(Format::ApacheCombined, "apache", format!("{apache} {agent}")),
        pair(Format::ApacheVhostCombined, "apache", format!("%v:%p {apache} {agent}")),
        pair(Format::ApacheCombinedio, "apache", format!("{apache} {agent} %I %O")),
        pair(Format::NginxJson, "nginx-json", nginx_json()),
    ]
}

/// The `log_format` that [`preset`] writes for nginx's JSON.
fn nginx_json() -> String {
    concat!(
        r#"{"time":"$time_iso8601","remote_addr":"$remote_addr","request":"$request","status":$status,"#,
        r#""body_bytes_sent":$body_bytes_sent,"request_time":$request_time,"http_referrer":"$http_referer","#,
        r#""http_user_agent":"$http_user_agent","host":"$host"}"#
    )
    .to_owned()
}

/// The visit as a server with this format writes it.
pub fn preset(format: Format, visit: &Visit) -> String {
    let Visit {
        number,
        ip,
        target,
        status,
        bytes,
        referrer,
        agent,
    } = visit;
    let second = number / 40 % 60;
    let epoch = 1_700_000_000 + second;
    let clf =
        format!("{ip} - - [14/Nov/2023:22:13:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} {bytes}");
    let combined = format!("{clf} \"{referrer}\" \"{agent}\"");
    let iso = format!("2023-11-14T22:13:{second:02}.371Z");
    match format {
        Format::NginxCombined | Format::ApacheCombined => combined,
        Format::NginxMain => format!("{combined} \"-\""),
        Format::IngressNginx => format!(
            "{combined} 462 0.050 [shop-web-8080] [] 10.0.0.4:8080 {bytes} 0.048 {status} 4c1a5d0e9b7f4a2c8d3e6f1a{number:08x}"
        ),
        Format::ApacheCommon => clf,
        Format::ApacheVhostCombined => format!("shop.example:443 {combined}"),
        Format::ApacheCombinedio => format!("{combined} 462 {}", bytes + 300),
        Format::Litespeed => format!("\"{combined}\""),
        Format::Varnish => combined.replacen("GET /", "GET http://shop.example/", 1),
        Format::NginxProxyManager => format!(
            "[14/Nov/2023:22:13:{second:02} +0000] - {status} {status} - GET https shop.example \"{target}\" [Client {ip}] [Length {bytes}] [Gzip -] [Sent-to 10.0.0.9] \"{agent}\" \"{referrer}\""
        ),
        Format::Zoraxy => format!(
            "[2023-11-14 22:13:{second:02}.371624] [router:host-http] [origin:shop.example] [client: {ip}] [useragent: {agent}] GET {target} {status}"
        ),
        Format::NginxJson => format!(
            r#"{{"time":"2023-11-14T22:13:{second:02}+00:00","remote_addr":"{ip}","request":"GET {target} HTTP/1.1","status":{status},"body_bytes_sent":{bytes},"request_time":0.015,"http_referrer":"{referrer}","http_user_agent":"{agent}","host":"shop.example"}}"#
        ),
        Format::Caddy => format!(
            r#"{{"level":"info","ts":{epoch}.5241024,"logger":"http.log.access.log0","msg":"handled request","request":{}}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":{bytes},"status":{status},"resp_headers":{{"Server":["Caddy"],"Content-Type":["text/html; charset=utf-8"],"Etag":["\"q1w2e3\""]}}}}"#,
            caddy_request(visit)
        ),
        Format::CaddyConsole => format!(
            "2023/11/14 22:13:{second:02}.371\tINFO\thttp.log.access.log0\thandled request\t{{\"request\": {}}}, \"bytes_read\": 0, \"user_id\": \"\", \"duration\": 0.000929675, \"size\": {bytes}, \"status\": {status}, \"resp_headers\": {{\"Server\": [\"Caddy\"]}}}}",
            caddy_request(visit)
        ),
        Format::CaddyTransform => {
            format!(
                "{ip} - - [2023/11/14 22:13:{second:02}] \"GET {target} HTTP/2.0\" {status} {bytes} \"{referrer}\" \"{agent}\""
            )
        }
        Format::CloudflareHttp => format!(
            r#"{{"ClientASN":64500,"ClientCountry":"de","ClientIP":"{ip}","ClientRequestBytes":900,"ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestPath":"{}","ClientRequestProtocol":"HTTP/2","ClientRequestReferer":"{referrer}","ClientRequestScheme":"https","ClientRequestSource":"eyeball","ClientRequestURI":"{target}","ClientRequestUserAgent":"{agent}","ClientSSLCipher":"AEAD-AES128-GCM-SHA256","ClientSSLProtocol":"TLSv1.3","ClientSrcPort":50000,"EdgeEndTimestamp":{epoch}371000001,"EdgeResponseBodyBytes":{bytes},"EdgeResponseBytes":{},"EdgeResponseStatus":{status},"EdgeStartTimestamp":{epoch}071000000,"JA3Hash":"e7d705a3286e19ea42f587b344ee6865","JA4":"t13d1516h2_8daaf6152771_b186095e22b6","ParentRayID":"00","RayID":"72d807ff{number:08x}","SecurityAction":"","SecurityActions":[],"WorkerSubrequest":false}}"#,
            path(target),
            bytes + 300
        ),
        Format::CloudflareFirewall => format!(
            r#"{{"Action":"block","ClientASN":64500,"ClientCountry":"us","ClientIP":"{ip}","ClientRefererHost":"","ClientRefererPath":"","ClientRefererQuery":"","ClientRefererScheme":"","ClientRequestHost":"shop.example","ClientRequestMethod":"GET","ClientRequestPath":"{}","ClientRequestProtocol":"HTTP/1.1","ClientRequestQuery":"?x=1","ClientRequestScheme":"https","ClientRequestUserAgent":"{agent}","Datetime":{epoch}071000000,"EdgeResponseStatus":{status},"Kind":"firewall","MatchIndex":0,"Metadata":{{"filter":"f1"}},"OriginatorRayID":"00","RayID":"7299f155{number:08x}","RuleID":"100016","Source":"waf"}}"#,
            path(target)
        ),
        Format::TraefikClf => format!("{combined} {number} \"web@docker\" \"http://172.17.0.3:80\" 12ms"),
        Format::TraefikJson => format!(
            r#"{{"ClientAddr":"{ip}:39496","ClientHost":"{ip}","ClientPort":"39496","ClientUsername":"-","DownstreamContentSize":{bytes},"DownstreamStatus":{status},"Duration":357313,"OriginStatus":{status},"RequestAddr":"shop.example","RequestCount":{number},"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"{target}","RequestPort":"-","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RouterName":"web@docker","ServiceAddr":"172.17.0.3:80","StartLocal":"2023-11-14T23:13:{second:02}.587782192+01:00","StartUTC":"2023-11-14T22:13:{second:02}.587782192Z","TLSCipher":"TLS_AES_128_GCM_SHA256","TLSVersion":"1.3","entryPointName":"https","level":"info","msg":"","request_User-Agent":"{agent}","request_Referer":"{referrer}","time":"2023-11-14T22:13:{second:02}Z"}}"#
        ),
        Format::EnvoyJson => format!(
            r#"{{"authority":"shop.example","bytes_received":0,"bytes_sent":{bytes},"downstream_remote_address":"{ip}:4711","duration":5,"method":"GET","path":"{target}","protocol":"HTTP/2","request_id":"84961386-6d84-4c3b-a1b0-{number:012x}","response_code":{status},"response_flags":"-","start_time":"{iso}","upstream_host":"10.0.0.1:80","user_agent":"{agent}","x_forwarded_for":null}}"#
        ),
        Format::Haproxy => format!(
            "{ip}:14853 [14/Nov/2023:22:13:{second:02}.127] https-in~ app/web1 170/0/0/3/173 {status} {bytes} - - ---- 1/1/0/0/0 0/0 {{shop.example|{agent}}} \"GET {target} HTTP/1.1\""
        ),
        Format::AwsElb => format!(
            "h2 {iso} app/web/a1b2 {ip}:44740 10.0.0.1:80 0.086 0.048 0.037 {status} {status} 9 {bytes} \"GET https://shop.example:443{target} HTTP/2.0\" \"{agent}\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/t/7 \"Root=1-58337281-{number:08x}\" \"shop.example\" \"arn:aws:acm:us-east-2:1:certificate/1\" 1 {iso} \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"{status}\" \"-\" \"-\""
        ),
        Format::Envoy => format!(
            "[{iso}] \"GET {target} HTTP/2\" {status} - via_upstream - \"-\" 0 {bytes} 3 1 \"-\" \"{agent}\" \"84961386-6d84-4c3b-a1b0-{number:012x}\" \"shop.example\" \"10.0.2.1:80\" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 {ip}:37652 - default"
        ),
        Format::W3c => {
            let mut line = String::new();
            if *number == 0 {
                line.push_str("#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n");
            }
            let _ = write!(
                line,
                "2023-11-14 22:13:{second:02} 10.0.0.1 GET {} {} 443 - {ip} {} {referrer} {status} 0 0 31",
                path(target),
                query(target),
                agent.replace(' ', "+")
            );
            line
        }
        Format::Cloudfront => {
            let mut line = String::new();
            if *number == 0 {
                line.push_str("#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken\n");
            }
            let _ = write!(
                line,
                "2023-11-14\t22:13:{second:02}\tFRA2\t{bytes}\t{ip}\tGET\td111.cloudfront.net\t{}\t{status}\t{referrer}\t{}\t{}\t-\tMiss\tMRVMF{number:08x}==\tshop.example\thttps\t217\t0.001",
                path(target),
                agent.replace(' ', "%20"),
                query(target)
            );
            line
        }
        Format::Iis => format!(
            "{ip}, -, 11/14/2023, 22:13:{second:02}, W3SVC1, WEB1, 10.0.0.1, 2, 769, {bytes}, {status}, 0, GET, {}, {},",
            path(target),
            query(target)
        ),
        Format::IisEvent => format!(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-IIS-Logging' Guid='{{7e8ad27f-b271-4ea2-a783-a47bde29143b}}'/><EventID>6200</EventID><TimeCreated SystemTime='{iso}'/><EventRecordID>{number}</EventRecordID><Channel>Microsoft-IIS-Logging/Logs</Channel><Computer>web1.example</Computer></System><EventData><Data Name='EnabledFieldsFlags'>2478079</Data><Data Name='date'>2023-11-14</Data><Data Name='time'>22:13:{second:02}</Data><Data Name='c-ip'>{ip}</Data><Data Name='cs-username'>-</Data><Data Name='s-sitename'>W3SVC1</Data><Data Name='s-computername'>WEB1</Data><Data Name='s-ip'>10.0.0.1</Data><Data Name='cs-method'>GET</Data><Data Name='cs-uri-stem'>{}</Data><Data Name='cs-uri-query'>{}</Data><Data Name='sc-status'>{status}</Data><Data Name='sc-bytes'>{bytes}</Data><Data Name='time-taken'>2</Data><Data Name='s-port'>443</Data><Data Name='csUser-Agent'>{}</Data><Data Name='csReferer'>{referrer}</Data></EventData></Event>",
            path(target),
            query(target).replace('&', "&amp;"),
            agent.replace(' ', "+").replace('&', "&amp;")
        ),
    }
}

fn caddy_request(visit: &Visit) -> String {
    let Visit {
        ip,
        target,
        referrer,
        agent,
        ..
    } = visit;
    format!(
        r#"{{"remote_ip":"{ip}","remote_port":"41342","client_ip":"{ip}","proto":"HTTP/2.0","method":"GET","host":"shop.example","uri":"{target}","headers":{{"User-Agent":["{agent}"],"Referer":["{referrer}"],"Accept":["*/*"],"Accept-Encoding":["gzip, deflate, br"],"Accept-Language":["en-GB,en;q=0.5"],"Cookie":["REDACTED"]}},"tls":{{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"shop.example"}}"#
    )
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

fn query(target: &str) -> &str {
    target.split_once('?').map_or("-", |(_, query)| query)
}
