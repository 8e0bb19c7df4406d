//! The table of checkable crawlers.
//!
//! Sources: Google "Verifying requests from Google crawlers and fetchers", Yandex "How to check that a robot belongs
//! to Yandex", Bing "Verifying Bingbot", Apple "About Applebot", Seznam "SeznamBot crawler", Amazon "Amazonbot", and
//! each operator's own page for tokens and list addresses, as collected in 2026-11. Domains that no operator's page
//! was seen to promise are not marked as promised: they can prove a claim, never disprove it.

/// A crawler whose claim can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crawler {
    /// Key of the claim.
    pub key: &'static str,
    /// What user agents contain that claim to be it; case does not matter.
    pub tokens: &'static [&'static str],
    /// Names (`--list NAME=FILE`) under which its published addresses are looked for.
    pub lists: &'static [&'static str],
    /// Where the operator publishes the addresses.
    pub url: Option<&'static str>,
    /// Domains of its reverse DNS names.
    pub domains: &'static [&'static str],
    /// Whether the operator promises these domains: then another name disproves the claim.
    pub promised: bool,
    /// Domains that it shares with anybody: neither proof nor disproof.
    pub shared: &'static [&'static str],
    /// Networks and autonomous systems that are wholly the operator's own.
    pub networks: &'static [&'static str],
    /// See `networks`.
    pub asns: &'static [u32],
}

const NONE: Crawler = Crawler {
    key: "",
    tokens: &[],
    lists: &[],
    url: None,
    domains: &[],
    promised: false,
    shared: &[],
    networks: &[],
    asns: &[],
};

/// Every checkable crawler; where tokens overlap, the more particular comes first.
pub const CRAWLERS: &[Crawler] = &[
    Crawler {
        key: "google-special",
        tokens: &["AdsBot-Google", "Mediapartners-Google", "APIs-Google"],
        lists: &["google-special", "special-crawlers"],
        url: Some("https://developers.google.com/static/crawling/ipranges/special-crawlers.json"),
        domains: &["google.com", "googlebot.com"],
        promised: true,
        ..NONE
    },
    Crawler {
        key: "google-user",
        tokens: &[
            "FeedFetcher-Google",
            "Google-Read-Aloud",
            "Google-Site-Verification",
        ],
        lists: &[
            "google-user",
            "user-triggered-fetchers",
            "user-triggered-fetchers-google",
        ],
        url: Some(
            "https://developers.google.com/static/crawling/ipranges/user-triggered-fetchers-google.json",
        ),
        domains: &["google.com", "googlebot.com"],
        promised: true,
        shared: &["gae.googleusercontent.com", "googleusercontent.com"],
        ..NONE
    },
    Crawler {
        key: "googlebot",
        tokens: &[
            "Googlebot",
            "GoogleOther",
            "Google-InspectionTool",
            "Storebot-Google",
        ],
        lists: &["googlebot", "google", "common-crawlers"],
        url: Some("https://developers.google.com/static/crawling/ipranges/common-crawlers.json"),
        domains: &["googlebot.com", "google.com"],
        promised: true,
        ..NONE
    },
    Crawler {
        key: "bingbot",
        tokens: &["bingbot", "msnbot", "BingPreview", "adidxbot"],
        lists: &["bingbot", "bing"],
        url: Some("https://www.bing.com/toolbox/bingbot.json"),
        domains: &["search.msn.com"],
        promised: true,
        ..NONE
    },
    Crawler {
        key: "yandex",
        tokens: &["YandexBot", "yandex.com/bots", "yandex.ru/bots"],
        lists: &["yandex", "yandexbot"],
        domains: &["yandex.ru", "yandex.net", "yandex.com"],
        promised: true,
        ..NONE
    },
    Crawler {
        key: "applebot",
        tokens: &["Applebot"],
        lists: &["applebot", "apple"],
        url: Some("https://search.developer.apple.com/applebot.json"),
        domains: &["applebot.apple.com"],
        promised: true,
        networks: &["17.0.0.0/8"],
        ..NONE
    },
    Crawler {
        key: "duckduckbot",
        tokens: &["DuckDuckBot"],
        lists: &["duckduckbot", "duckduckgo"],
        url: Some("https://duckduckgo.com/duckduckbot.json"),
        ..NONE
    },
    Crawler {
        key: "duckassistbot",
        tokens: &["DuckAssistBot"],
        lists: &["duckassistbot"],
        url: Some("https://duckduckgo.com/duckassistbot.json"),
        ..NONE
    },
    Crawler {
        key: "meta",
        tokens: &["facebookexternalhit", "facebookcatalog", "meta-externalagent"],
        lists: &["meta", "facebook", "facebookexternalhit"],
        domains: &["fbsv.net"],
        asns: &[32934],
        ..NONE
    },
    Crawler {
        key: "baiduspider",
        tokens: &["Baiduspider"],
        lists: &["baiduspider", "baidu"],
        domains: &["baidu.com", "baidu.jp"],
        ..NONE
    },
    Crawler {
        key: "petalbot",
        tokens: &["PetalBot"],
        lists: &["petalbot"],
        domains: &["petalsearch.com", "aspiegel.com"],
        ..NONE
    },
    Crawler {
        key: "seznambot",
        tokens: &["SeznamBot"],
        lists: &["seznambot", "seznam"],
        url: Some("https://search.seznam.cz/ipranges/seznambot.json"),
        domains: &["seznam.cz"],
        promised: true,
        ..NONE
    },
    Crawler {
        key: "gptbot",
        tokens: &["GPTBot"],
        lists: &["gptbot"],
        url: Some("https://openai.com/gptbot.json"),
        ..NONE
    },
    Crawler {
        key: "oai-searchbot",
        tokens: &["OAI-SearchBot"],
        lists: &["oai-searchbot", "searchbot"],
        url: Some("https://openai.com/searchbot.json"),
        ..NONE
    },
    Crawler {
        key: "chatgpt-user",
        tokens: &["ChatGPT-User"],
        lists: &["chatgpt-user"],
        url: Some("https://openai.com/chatgpt-user.json"),
        ..NONE
    },
    Crawler {
        key: "anthropic",
        tokens: &["ClaudeBot", "Claude-User", "Claude-SearchBot"],
        lists: &["anthropic", "claudebot", "claude"],
        url: Some("https://claude.com/crawling/bots.json"),
        ..NONE
    },
    Crawler {
        key: "perplexitybot",
        tokens: &["PerplexityBot"],
        lists: &["perplexitybot"],
        url: Some("https://www.perplexity.com/perplexitybot.json"),
        ..NONE
    },
    Crawler {
        key: "perplexity-user",
        tokens: &["Perplexity-User"],
        lists: &["perplexity-user"],
        url: Some("https://www.perplexity.com/perplexity-user.json"),
        ..NONE
    },
    Crawler {
        key: "ccbot",
        tokens: &["CCBot"],
        lists: &["ccbot", "commoncrawl"],
        url: Some("https://index.commoncrawl.org/ccbot.json"),
        domains: &["crawl.commoncrawl.org"],
        ..NONE
    },
    Crawler {
        key: "ahrefs",
        tokens: &["AhrefsBot"],
        lists: &["ahrefs", "ahrefsbot"],
        url: Some("https://api.ahrefs.com/v3/public/crawler-ip-ranges"),
        domains: &["ahrefs.com", "ahrefs.net"],
        ..NONE
    },
    Crawler {
        key: "semrush",
        tokens: &["SemrushBot"],
        lists: &["semrush", "semrushbot"],
        domains: &["semrush.com"],
        ..NONE
    },
    Crawler {
        key: "amazonbot",
        tokens: &["Amazonbot"],
        lists: &["amazonbot"],
        domains: &["crawl.amazonbot.amazon"],
        promised: true,
        ..NONE
    },
];
