//! Reading configuration of servers from folders: which logs they declare, in which format.

use std::fs;

use afw_parsers::{Format, Unit};

use super::*;

fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn logs(root: &tempfile::TempDir) -> Vec<String> {
    let servers = Servers::find(root.path());
    let short = |log: &DeclaredLog| {
        let name = log
            .layout
            .as_ref()
            .map_or("broken", |layout| layout.name())
            .to_owned();
        format!("{} {name}", log.path.strip_prefix(root.path()).unwrap().display())
    };
    servers.logs.iter().map(short).collect()
}

#[test]
fn nginx_with_includes_and_variables() {
    let root = root(&[
        (
            "etc/nginx/nginx.conf",
            "http { log_format main '$remote_addr - $request'; access_log /var/log/nginx/access.log;\n\
             include /etc/nginx/conf.d/*.conf; include sites-enabled/*; }",
        ),
        (
            "etc/nginx/conf.d/a.conf",
            "server { access_log /var/log/nginx/a.log main; access_log off; }",
        ),
        (
            "etc/nginx/sites-enabled/b",
            "server { access_log /srv/$host/${x}.log main; access_log syslog:server=h main; }",
        ),
        (
            "etc/nginx/sites-enabled/loop",
            "include /etc/nginx/sites-enabled/loop;",
        ),
    ]);
    let found = logs(&root);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], "var/log/nginx/access.log nginx-combined");
    assert!(found[1].starts_with("var/log/nginx/a.log "));
    assert!(found[2].starts_with("srv/*/*.log "));
    let servers = Servers::find(root.path());
    assert_eq!(servers.notices.len(), 1);
    assert_eq!(servers.troubles.len(), 1, "{:?}", servers.troubles);
    let log = servers
        .log_of(&root.path().join("var/log/nginx/a.log.3.gz"))
        .unwrap();
    assert_eq!(log.text, "$remote_addr - $request");
    assert!(
        servers
            .log_of(&root.path().join("srv/example.org/x.log"))
            .is_some()
    );
    assert!(servers.log_of(Path::new("/elsewhere.log")).is_none());
}

#[test]
fn apache_with_variables_hosts_and_rotatelogs() {
    let root = root(&[
        (
            "etc/apache2/apache2.conf",
            "LogFormat \"%h %l %u %t \\\"%r\\\" %>s %b\" plain\nIncludeOptional sites-enabled/*.conf\nDefine LOGS /var/log/own\n\
             CustomLog ${LOGS}/x.log plain\n",
        ),
        (
            "etc/apache2/envvars",
            "export APACHE_LOG_DIR=/var/log/apache2$SUFFIX\n",
        ),
        (
            "etc/apache2/sites-enabled/000.conf",
            "<VirtualHost *:80>\nCustomLog ${APACHE_LOG_DIR}/access.log combined\n\
             CustomLog \"|/usr/bin/rotatelogs /var/log/apache2/a.%Y-%m-%d.log 86400\" plain\n</VirtualHost>\n",
        ),
    ]);
    let found: Vec<String> = logs(&root)
        .iter()
        .map(|log| log.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        found,
        [
            "var/log/apache2/access.log",
            "var/log/apache2/a.*-*-*.log",
            "var/log/own/x.log"
        ]
    );
}

#[test]
fn caddy_by_caddyfile_and_json() {
    let root = root(&[
        (
            "etc/caddy/Caddyfile",
            "import sites/*\nexample.org {\n log {\n  output file /var/log/caddy/access.log {\n } } }",
        ),
        (
            "etc/caddy/sites/a",
            "a.org {\n log {\n output file \"/var/log/caddy/a.log\"\n}\n}",
        ),
        (
            "etc/caddy/sites/b",
            "b.org {\n log {\n format json {\n duration_format ms\n }\n output file /var/log/caddy/b.log\n }\n log x {\n output file /var/log/caddy/c.log\n }\n}",
        ),
        (
            "var/lib/caddy/.config/caddy/autosave.json",
            r#"{"logging":{"logs":{"x":{"writer":{"output":"file","filename":"/var/log/caddy/j.log"},"encoder":{"format":"filter","wrap":{"format":"json","duration_format":"nano"}}}}}}"#,
        ),
    ]);
    assert_eq!(
        logs(&root),
        [
            "var/log/caddy/a.log auto",
            "var/log/caddy/b.log caddy",
            "var/log/caddy/c.log auto",
            "var/log/caddy/access.log auto",
            "var/log/caddy/j.log caddy"
        ]
    );
    let servers = Servers::find(root.path());
    let durations = |unit| Layout::first(Format::Caddy).with_durations(unit);
    assert_eq!(servers.logs[1].layout, Ok(durations(Unit::Millis)));
    assert_eq!(servers.logs[4].layout, Ok(durations(Unit::Nanos)));
}

#[test]
fn caddy_with_snippets_quotes_and_variables() {
    let root = root(&[(
        "etc/caddy/Caddyfile",
        "(logging) {\n\tlog {\n\t\toutput file /srv/{args[0]}.log\n\t\timport units\n\t}\n}\n\
         (units) {\n\tformat json {\n\t\tduration_format ms\n\t}\n}\n(unused) {\n log {\n output file /srv/no.log\n }\n}\n\
         a.org {\n\timport logging a\n}\nb.org {\n\timport logging \"b c\"\n}\n\
         c.org {\n\tlog {\n\t\toutput file {$DIR:/var/log}/c.log\n\t}\n}\n\
         d.org {\n\tlog {\n\t\toutput file `/srv/{$SITE}/{args[1]}.log` # {\n\t}\n}\n\
         e.org {\n\tlog {\n\t\toutput file {$HOME}/e.log\n\t}\n}\n",
    )]);
    assert_eq!(
        logs(&root),
        [
            "srv/a.log caddy",
            "srv/b c.log caddy",
            "var/log/c.log auto",
            "srv/*/*.log auto"
        ]
    );
    let servers = Servers::find(root.path());
    assert!(
        servers.logs[2].at.ends_with("etc/caddy/Caddyfile line 25"),
        "{}",
        servers.logs[2].at
    );
    assert!(
        servers.notices[0].what.contains("{$HOME}/e.log"),
        "{:?}",
        servers.notices
    );
}

#[test]
fn a_single_file_is_nginx_or_apache_by_its_content() {
    let root = root(&[
        (
            "n.conf",
            "log_format x '$remote_addr'; access_log /var/log/n.log x;",
        ),
        ("a.conf", "LogFormat \"%h\" x\nCustomLog /var/log/a.log x\n"),
    ]);
    for (name, path) in [("n.conf", "/var/log/n.log"), ("a.conf", "/var/log/a.log")] {
        let servers = Servers::from_file(&root.path().join(name));
        assert_eq!(servers.logs[0].path, Path::new(path));
        assert_eq!(servers.formats[0].name, "x");
    }
    assert_eq!(Servers::from_file(Path::new("/missing.conf")).troubles.len(), 1);
}

#[test]
fn what_is_named_without_a_place_of_its_own() {
    let root = root(&[
        (
            "srv/nginx/conf/nginx.conf",
            "http { access_log logs/a.log; server { access_log nowhere/b.log; } }",
        ),
        ("srv/nginx/logs/a.log", ""),
        ("srv/cut.conf", "log_format x '$remote_addr [$time_local] \n"),
    ]);
    let servers = Servers::from_file(&root.path().join("srv/nginx/conf/nginx.conf"));
    assert_eq!(servers.logs.len(), 1, "{:?}", servers.logs);
    assert_eq!(servers.logs[0].path, root.path().join("srv/nginx/logs/a.log"));
    assert!(
        servers.notices[0].what.contains("nowhere/b.log"),
        "{:?}",
        servers.notices
    );

    let servers = Servers::from_file(&root.path().join("srv/cut.conf"));
    assert_eq!(servers.troubles[0].what, "line 1: this string does not end");

    let servers = Servers::from_file(&root.path().join("srv/nginx/conf"));
    let told = servers.troubles[0].to_string();
    assert!(
        told.contains("is a directory, not a configuration\nhint: did you mean "),
        "{told}"
    );
    assert!(told.ends_with("srv/nginx/conf/nginx.conf?"), "{told}");
}

#[test]
fn a_configuration_from_elsewhere_does_not_speak_of_this_machine() {
    let root = root(&[
        ("etc/nginx/nginx.conf", "http { }"),
        ("var/log/nginx/access.log", ""),
        ("home/nginx.conf", "http { }"),
    ]);
    assert_eq!(logs(&root), ["var/log/nginx/access.log nginx-combined"]);
    let mut servers = Servers::default();
    servers.load(root.path(), Server::Nginx, &root.path().join("home/nginx.conf"));
    assert!(servers.logs.is_empty(), "{:?}", servers.logs);
}

#[test]
fn apache_includes_directories_with_all_below_and_expands_formats() {
    let root = root(&[
        (
            "etc/apache2/apache2.conf",
            "Define FMT \"%h %l %u %t \\\"%r\\\" %>s %b\"\nLogFormat \"${FMT} %D\" timed\nInclude conf.d\nInclude more/*\n\
             CustomLog /var/log/in.log \"${FMT} %T\"\n",
        ),
        (
            "etc/apache2/conf.d/a/b/x.conf",
            "CustomLog /var/log/x.log timed\n",
        ),
        ("etc/apache2/conf.d/z.conf", "CustomLog /var/log/z.log timed\n"),
        ("etc/apache2/more/m/y.conf", "CustomLog /var/log/y.log timed\n"),
    ]);
    // Links that lead back end somewhere.
    std::os::unix::fs::symlink(
        root.path().join("etc/apache2/more"),
        root.path().join("etc/apache2/more/m/back"),
    )
    .unwrap();
    let names = ["x", "z", "y", "in"].map(|name| format!("var/log/{name}.log apache"));
    assert_eq!(logs(&root), names);
    let servers = Servers::find(root.path());
    assert_eq!(servers.logs[0].text, r#"%h %l %u %t "%r" %>s %b %D"#);
    assert_eq!(servers.logs[3].text, r#"%h %l %u %t "%r" %>s %b %T"#);
}

#[test]
fn the_path_itself_says_more_than_a_generation_and_that_more_than_a_glob() {
    let root = root(&[(
        "etc/nginx/nginx.conf",
        "http { log_format a '$status'; log_format b '$status $request';\n\
         access_log /srv/$host.log; access_log /srv/a.log.1; access_log /srv/a.log a; access_log /srv/a.log b;\n\
         access_log /srv/a.log a; access_log /srv/a-$host.log b; }",
    )]);
    let servers = Servers::find(root.path());
    let texts = |name: &str| -> Vec<&str> {
        let logs = servers.logs_of(&root.path().join("srv").join(name));
        logs.iter().map(|log| log.text.as_str()).collect()
    };
    assert_eq!(texts("a.log"), ["$status", "$status $request"]);
    assert_eq!(texts("a.log.1"), ["nginx-combined"]);
    assert_eq!(
        texts("a.log.2.gz"),
        ["nginx-combined", "$status", "$status $request"]
    );
    assert_eq!(texts("a-x.log"), ["$status $request", "nginx-combined"]);
}

#[test]
fn nothing_found_says_where_it_looked() {
    let root = root(&[]);
    let servers = Servers::find(root.path());
    assert!(servers.logs.is_empty() && servers.looked.len() > 10);
}

#[test]
fn what_a_configuration_can_do_to_its_reader_is_bounded() {
    // Values that double, and files that include each other in every order.
    let doubling: String = (0..60)
        .map(|n| format!("Define v{} \"${{v{n}}}${{v{n}}}\"\n", n + 1))
        .collect();
    let apache = format!("Define v0 x\n{doubling}CustomLog \"/var/log/${{v60}}.log\" combined\n");
    let root = root(&[("apache2.conf", &apache)]);
    let servers = Servers::from_file(&root.path().join("apache2.conf"));
    assert!(
        servers
            .logs
            .iter()
            .all(|log| log.path.as_os_str().len() < 1 << 20)
    );

    for (main, include) in [("nginx.conf", "include *.conf;"), ("Caddyfile", "import *.conf")] {
        let root = self::root(&[]);
        for n in 0..30 {
            fs::write(root.path().join(format!("{n}.conf")), format!("{include}\n")).unwrap();
        }
        fs::write(root.path().join(main), format!("{include}\n")).unwrap();
        let servers = Servers::from_file(&root.path().join(main));
        assert!(!servers.troubles.is_empty(), "{main}");
        assert!(servers.troubles.len() <= MAX_TROUBLES + 1, "{main}");
    }

    let root = self::root(&[("nginx.conf", "include /dev/zero; include /dev/stdin;")]);
    let servers = Servers::from_file(&root.path().join("nginx.conf"));
    assert!(
        servers.troubles[0].what.contains("device"),
        "{:?}",
        servers.troubles
    );
}
