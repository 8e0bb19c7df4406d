//! What real servers log of a scripted client is what was sent: nginx, Apache and Caddy write a dozen formats, and the
//! events are compared with the requests byte for byte.
//!
//! Each server is configured to write the same traffic in several formats at once. afw is given the servers' own
//! configuration (`--format-from`), or nothing at all where it must recognise the format by itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Running, afw, free_port, json_lines, server_program, stdout, wait_for_port, wait_until};

/// What the client sends: method, target, agent, referrer.
const REQUESTS: [(&str, &str, &str, &str); 9] = [
    ("GET", "/", "curl/8.11.0", ""),
    (
        "GET",
        "/a%20b?q=1%27%20OR%201=1--",
        "sqlmap/1.8",
        "https://r.example/?a=b",
    ),
    (
        "POST",
        "/login",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "https://shop.example/",
    ),
    ("HEAD", "/static/..%252f..%252fetc/passwd", "Mozilla/5.0", ""),
    (
        "GET",
        "/quote",
        "say \"hello\" \\ there",
        "https://r.example/\"x\"",
    ),
    ("GET", "/backslash?\\x22=\\n", "a\\x41b", ""),
    ("GET", "/bytes", "gr\u{fc}n \u{1f980}", ""),
    ("GET", "/tab", "tab\there", ""),
    (
        "GET",
        "/jndi?x=${jndi:ldap://192.0.2.1/a}",
        "${jndi:ldap://192.0.2.1/b}",
        "",
    ),
];

/// Formats of the logs below, by the name of the log.
const NGINX: [(&str, &str); 6] = [
    ("combined", ""),
    (
        "main",
        r#"'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"'"#,
    ),
    (
        "timed",
        r#"'$remote_addr:$remote_port|$time_iso8601|$request_method|$request_uri|$server_protocol|$status|$request_time|"$http_user_agent"|"$http_referer"'"#,
    ),
    (
        "json",
        r#"escape=json '{"time":"$time_iso8601","remote_addr":"$remote_addr","request":"$request","status":$status,"http_user_agent":"$http_user_agent","http_referer":"$http_referer","host":"$host"}'"#,
    ),
    (
        "custom_json",
        r#"escape=json '{"t":$msec,"c":"$remote_addr","m":"$request_method","u":"$request_uri","p":"$server_protocol","s":$status,"a":"$http_user_agent","r":"$http_referer"}'"#,
    ),
    (
        "epoch",
        r#"'$msec $remote_addr "$http_user_agent" "$http_referer" $status "$request"'"#,
    ),
];

const APACHE: [(&str, &str); 6] = [
    ("common", r#"%h %l %u %t \"%r\" %>s %b"#),
    (
        "combined",
        r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""#,
    ),
    (
        "vhost_combined",
        r#"%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\""#,
    ),
    (
        "combinedio",
        r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %I %O"#,
    ),
    (
        "decoded",
        r#"%{%Y-%m-%dT%H:%M:%S}t.%{usec_frac}t %{%z}t %a:%{remote}p \"%m %U%q %H\" %>s %D \"%{User-agent}i\" \"%{Referer}i\""#,
    ),
    ("tabs", "%{sec}t\\t%a\\t%>s\\t%r\\t%{User-Agent}i\\t%{Referer}i"),
];

/// What `%U%q` says of a target: the path decoded, the query as it came.
fn as_apache_decodes(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    path.replace("%20", " ").replace("%25", "%") + query
}

/// Sends every request byte for byte and reads each answer to its end.
fn send_all(port: u16) {
    for (method, target, agent, referrer) in REQUESTS {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let referrer = match referrer {
            "" => String::new(),
            referrer => format!("Referer: {referrer}\r\n"),
        };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: {agent}\r\n{referrer}Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 "), "{target}: {answer:?}");
    }
}

/// A server that is asked to end: children outlive a parent that is killed.
struct Server(Running);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.terminate();
    }
}

/// Starts a server in the foreground.
fn start(command: &mut Command, port: u16, dir: &Path) -> Server {
    let said = fs::File::create(dir.join("server.out")).unwrap();
    let process = command
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap();
    let server = Server(Running(process));
    wait_for_port(port);
    server
}

/// Waits until a log has a line for each request.
fn wait_for_lines(log: &Path) {
    wait_until(&format!("lines in {}", log.display()), || {
        fs::read(log).is_ok_and(|log| log.iter().filter(|&&b| b == b'\n').count() >= REQUESTS.len())
    });
}

/// Compares the events of a log with what was sent; `headers` says whether the format has agent and referrer.
fn compare(dir: &Path, log: &Path, options: &[&str], headers: bool) {
    wait_for_lines(log);
    let mut command = afw(dir);
    command
        .args(["replay", "--no-default-rules", "--print", "events"])
        .args(options)
        .arg(log);
    let all = json_lines(&stdout(&mut command));
    // Caddy's own messages are not of the client.
    let events: Vec<&Value> = all.iter().filter(|event| !event["url"].is_null()).collect();
    let log = log.display();
    assert_eq!(events.len(), REQUESTS.len(), "{log}");
    for (event, (method, target, agent, referrer)) in events.iter().zip(REQUESTS) {
        let same = |pointer: &str, want: &str| {
            let got = event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            assert_eq!(got, want, "{log}: {pointer} of {event}");
        };
        same("/http/request/method", method);
        match log.to_string().ends_with("decoded.log") {
            true => same("/url/original", &as_apache_decodes(target)),
            false => same("/url/original", target),
        }
        same("/http/version", "1.1");
        same("/source/ip", "127.0.0.1");
        if headers {
            same("/user_agent/original", agent);
            same("/http/request/referrer", referrer);
        }
        assert!(event["@timestamp"].is_string(), "{log}: {event}");
        assert!(
            event["http"]["response"]["status_code"].is_u64(),
            "{log}: {event}"
        );
    }
}

#[test]
fn nginx_in_its_formats() {
    let Some(program) = server_program("nginx") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (root, port) = (dir.path().display(), free_port());
    let formats: String = NGINX
        .iter()
        .filter(|(_, format)| !format.is_empty())
        .map(|(name, format)| format!("log_format {name} {format};\n"))
        .collect();
    let logs: String = NGINX
        .iter()
        .map(|(name, _)| format!("access_log {root}/{name}.log {name};\n"))
        .collect();
    let text = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
         events {{ worker_connections 64; }}
         http {{
           client_body_temp_path {root}/b; proxy_temp_path {root}/p; fastcgi_temp_path {root}/f;
           uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
           {formats} server {{ listen 127.0.0.1:{port}; server_name shop.example; root {root}; {logs} }}
         }}"
    );
    let configuration = dir.path().join("nginx.conf");
    fs::write(&configuration, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-c").arg(&configuration).arg("-p").arg(dir.path());
    let _server = start(&mut command, port, dir.path());
    send_all(port);
    let from = ["--format-from", configuration.to_str().unwrap()];
    for (name, _) in NGINX {
        compare(dir.path(), &dir.path().join(format!("{name}.log")), &from, true);
    }
    for name in ["combined", "main", "json"] {
        compare(dir.path(), &dir.path().join(format!("{name}.log")), &[], true);
    }
}

#[test]
fn apache_in_its_formats() {
    let Some(program) = server_program("apache2") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (root, port) = (dir.path().display(), free_port());
    let formats: String = APACHE
        .iter()
        .map(|(name, format)| format!("LogFormat \"{format}\" {name}\nCustomLog {root}/{name}.log {name}\n"))
        .collect();
    let modules: String = ["mpm_event", "authz_core"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let text = format!(
        "ServerRoot {root}\nServerName shop.example\nListen 127.0.0.1:{port}\nPidFile {root}/apache.pid\n\
         DefaultRuntimeDir {root}\nUser www-data\nGroup www-data\n{modules}DocumentRoot {root}\nErrorLog {root}/error.log\n\
         HttpProtocolOptions Unsafe\n{formats}"
    );
    let configuration = dir.path().join("apache2.conf");
    fs::write(&configuration, text).unwrap();
    let mut command = Command::new(program);
    command.args(["-D", "FOREGROUND", "-f"]).arg(&configuration);
    let _server = start(&mut command, port, dir.path());
    send_all(port);
    let from = ["--format-from", configuration.to_str().unwrap()];
    for (name, _) in APACHE {
        let log = dir.path().join(format!("{name}.log"));
        compare(dir.path(), &log, &from, name != "common");
    }
    for name in ["common", "combined", "vhost_combined", "combinedio"] {
        let log = dir.path().join(format!("{name}.log"));
        compare(dir.path(), &log, &[], name != "common");
    }
}

#[test]
fn caddy_in_its_formats() {
    let Some(program) = server_program("caddy") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().display();
    let formats = [
        ("json", "json"),
        ("console", "console"),
        ("iso", "json {\n time_format iso8601\n duration_format string\n }"),
        (
            "millis",
            "json {\n time_format unix_milli_float\n duration_format ms\n }",
        ),
    ];
    let ports: Vec<u16> = formats.iter().map(|_| free_port()).collect();
    let sites: String = formats
        .iter()
        .zip(&ports)
        .map(|((name, format), port)| {
            format!(
                "http://:{port} {{\n bind 127.0.0.1\n respond \"ok\"\n log {{\n output file {root}/{name}.log\n format {format}\n }}\n}}\n"
            )
        })
        .collect();
    let configuration = dir.path().join("Caddyfile");
    fs::write(
        &configuration,
        format!("{{\n admin off\n auto_https off\n}}\n{sites}"),
    )
    .unwrap();
    let mut command = Command::new(program);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(&configuration)
        .env("HOME", dir.path())
        .env("XDG_DATA_HOME", dir.path())
        .env("XDG_CONFIG_HOME", dir.path());
    let last = *ports.last().unwrap();
    let _server = start(&mut command, last, dir.path());
    let from = ["--format-from", configuration.to_str().unwrap()];
    for ((name, _), port) in formats.iter().zip(&ports) {
        wait_for_port(*port);
        send_all(*port);
        let log = dir.path().join(format!("{name}.log"));
        compare(dir.path(), &log, &[], true);
        compare(dir.path(), &log, &from, true);
    }
}
