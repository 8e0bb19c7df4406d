//! Configurations as distributions ship them and as administrators write them.

use proptest::prelude::*;

use super::*;

fn nginx_logs(text: &str) -> Vec<Declared> {
    declared(Server::Nginx, &nginx::directives(text).unwrap())
}

fn apache_logs(text: &str) -> Vec<Declared> {
    declared(Server::Apache, &apache::directives(text).unwrap())
}

fn file(log: &Declared) -> &str {
    match &log.target {
        Target::File(path) => path,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_nginx_configuration() {
    let text = r#"
user www-data;            # comment with ; and "
events { worker_connections 768; }
http {
    include /etc/nginx/mime.types;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
                    '$status $body_bytes_sent "$http_referer" ' # joined
                    "\"$http_user_agent\" ${my_var}#x";
    log_format js escape=json '{"a":"$remote_addr",
"b":"$request"}';
    content_by_lua_block { ngx.say("unbalanced ' quote") if x then { } end }
    access_log /var/log/nginx/access.log;
    server {
        access_log /var/log/nginx/shop.log main buffer=32k flush=5s if=$loggable;
        access_log logs/js.log js gzip;
        access_log syslog:server=unix:/dev/log main;
        location /x { access_log off; }
    }
    include conf.d/*.conf;
}
"#;
    let directives = nginx::directives(text).unwrap();
    let includes: Vec<_> = directives
        .iter()
        .filter_map(|located| match &located.directive {
            Directive::Include { pattern, optional } => Some((pattern.as_str(), *optional, located.line)),
            _ => None,
        })
        .collect();
    assert_eq!(
        includes,
        [("/etc/nginx/mime.types", false, 5), ("conf.d/*.conf", true, 19)]
    );
    let logs = declared(Server::Nginx, &directives);
    assert_eq!(logs.len(), 5);
    assert_eq!(
        (file(&logs[0]), logs[0].text.as_str(), logs[0].at.1),
        ("/var/log/nginx/access.log", "nginx-combined", 12)
    );
    assert_eq!(
        logs[1].text,
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ${my_var}#x"#
    );
    assert!(logs[1].conditional && logs[1].layout.is_ok());
    assert_eq!(
        (file(&logs[2]), logs[2].layout.as_ref().unwrap().name()),
        ("logs/js.log", "nginx-json")
    );
    assert_eq!(logs[2].text, "{\"a\":\"$remote_addr\",\n\"b\":\"$request\"}");
    assert_eq!(
        logs[3].target,
        Target::Syslog("syslog:server=unix:/dev/log".to_owned())
    );
    assert_eq!(logs[4].target, Target::Off);
}

#[test]
fn braces_in_lua_hide_no_log() {
    let text =
        "server { set_by_lua_block $x { return \"a{\" -- it's }\n } access_log a.log; }\naccess_log b.log;";
    let logs = nginx_logs(text);
    let files: Vec<_> = logs.iter().map(|log| (file(log), log.at.1)).collect();
    assert_eq!(files, [("a.log", 2), ("b.log", 3)]);
}

#[test]
fn connections_are_no_requests() {
    let text = "stream { log_format main '$remote_addr $protocol $status'; include stream.d/*;\n\
                server { access_log tcp.log main; } }\n\
                http { map $stream $x { default 0; } log_format main '$remote_addr $request'; access_log http.log main; }";
    let logs = nginx_logs(text);
    assert_eq!((logs.len(), file(&logs[0])), (1, "http.log"));
    assert_eq!(logs[0].text, "$remote_addr $request");
    assert_eq!(logs[0].defined, Some((Some("main".to_owned()), (0, 3))));
    let includes = |located: &&Located| matches!(located.directive, Directive::Include { .. });
    assert_eq!(
        nginx::directives(text).unwrap().iter().filter(includes).count(),
        0
    );
}

#[test]
fn an_apache_configuration() {
    let text = r#"
ServerRoot "/etc/apache2"
# LogFormat "no" no
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
logformat '%h %l %u %t "%r" %>s %b' common
LogFormat "%h %t \"%r\""
TransferLog logs/transfer.log
Define LOGS /srv/log
<VirtualHost *:80>
    CustomLog ${APACHE_LOG_DIR}/access.log combined env=!dontlog
    LogFormat "%a \
%r" common
    CustomLog "|/usr/bin/rotatelogs /x 86400" common
    GlobalLog logs/inline.log "%h \"%r\" %>s" "expr=%{REQUEST_STATUS} >= 400"
</VirtualHost>
CustomLog logs/other.log common
IncludeOptional sites-enabled/*.conf
"#;
    let directives = apache::directives(text).unwrap();
    assert_eq!(
        directives[0].directive,
        Directive::Root {
            path: "/etc/apache2".to_owned()
        }
    );
    let logs = declared(Server::Apache, &directives);
    let seen: Vec<_> = logs
        .iter()
        .map(|log| (log.text.as_str(), log.conditional, log.layout.is_ok()))
        .collect();
    assert_eq!(
        seen,
        [
            ("%h %t \"%r\"", false, true),
            ("apache-combined", true, true),
            ("%a %r", false, true),
            ("%h \"%r\" %>s", true, true),
            ("%h %l %u %t \"%r\" %>s %b", false, true),
        ]
    );
    assert_eq!(
        logs[2].target,
        Target::Pipe("/usr/bin/rotatelogs /x 86400".to_owned())
    );
    assert!(directives.iter().any(|l| l.directive
        == Directive::Define {
            name: "LOGS".to_owned(),
            value: "/srv/log".to_owned()
        }));
}

#[test]
fn a_format_that_is_not_there_is_said() {
    let log = &nginx_logs("access_log a.log mine;")[0];
    assert!(log.layout.as_ref().unwrap_err().to_string().contains("\"mine\""));
    assert!(
        nginx_logs("access_log a.log later; log_format later $request;")[0]
            .layout
            .is_ok()
    );
    assert!(apache_logs("CustomLog a.log nothing")[0].layout.is_err());
    assert_eq!(apache_logs("CustomLog a.log CLF")[0].text, "apache-common");
}

#[test]
fn what_does_not_end_is_an_error_with_its_line() {
    for (text, line) in [
        ("a b;\nlog_format x 'y;\n", 2),
        ("\n\naccess_log x", 3),
        ("a_by_lua_block {\n{}", 1),
    ] {
        assert_eq!(nginx::directives(text).unwrap_err().line, line, "{text}");
    }
    assert_eq!(apache::directives("\nCustomLog \"x").unwrap_err().line, 2);
}

proptest! {
    #[test]
    fn any_text_is_taken(text in "[ -~\n\\\\\"'{};#$é]{0,80}") {
        let _ = nginx::directives(&text);
        let _ = nginx::directives(&format!("log_format {text};access_log a {text};"));
        for line in ["CustomLog", "LogFormat"] {
            if let Ok(found) = apache::directives(&format!("{line} {text}")) {
                let _ = declared(Server::Apache, &found);
            }
        }
    }
}

#[test]
fn what_nginx_refuses_is_told() {
    for (text, line) in [
        ("events {}\nhttp {\n  log_format a '$status';\n", 2),
        ("http {\n  server {\n    access_log /x a;\n  }\n", 1),
        ("http {\n  log_format a \"x \"$request\" y\";\n}\n", 2),
        ("http {\n  log_format a 'x''y';\n}\n", 2),
    ] {
        let refused = super::nginx::directives(text).unwrap_err();
        assert_eq!(refused.line, line, "{text}");
    }
    for text in [
        "http { log_format a 'x'\n'y' ; }",
        "map \"a\"{ 'b' c; }",
        "include x;",
    ] {
        assert!(super::nginx::directives(text).is_ok(), "{text}");
    }
}

#[test]
fn an_escaping_that_nginx_does_not_have_is_no_text() {
    let logs = nginx_logs("log_format x escape=jsn '$remote_addr ' '$status'; access_log a x; access_log b;");
    let error = logs[0].layout.as_ref().unwrap_err();
    assert_eq!((error.at, error.message.as_str()), (7, "nginx has no escape=jsn"));
    assert!(logs[1].layout.is_ok());
}
