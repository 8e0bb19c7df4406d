//! Browsers: product, major version, engine and system, and combinations that never existed.
//!
//! Source: the user agents that the browsers' makers document (MDN "User-Agent", Chromium "User-Agent reduction"),
//! 2026-11. The order of the products matters: nearly every browser also names the ones it imitates.

use super::super::{AgentFacts, AgentType};
use super::scan::Scan;
use super::{Odd, number, words};

/// Token before the version, and the product's name; the first that is found wins.
pub(super) const PRODUCTS: &[(&str, &str)] = &[
    ("edga/", "Edge"),
    ("edgios/", "Edge"),
    ("edg/", "Edge"),
    ("edge/", "Edge"),
    ("opr/", "Opera"),
    ("opt/", "Opera"),
    ("opios/", "Opera"),
    ("opera mini/", "Opera Mini"),
    ("samsungbrowser/", "Samsung Internet"),
    ("yabrowser/", "Yandex Browser"),
    ("vivaldi/", "Vivaldi"),
    ("ucbrowser/", "UC Browser"),
    ("mqqbrowser/", "QQ Browser"),
    ("qqbrowser/", "QQ Browser"),
    ("miuibrowser/", "Miui Browser"),
    ("huaweibrowser/", "Huawei Browser"),
    ("heytapbrowser/", "HeyTap Browser"),
    ("vivobrowser/", "Vivo Browser"),
    ("duckduckgo/", "DuckDuckGo"),
    ("ddg/", "DuckDuckGo"),
    ("whale/", "Whale"),
    ("silk/", "Silk"),
    ("crios/", "Chrome"),
    ("fxios/", "Firefox"),
    ("focus/", "Firefox Focus"),
    ("seamonkey/", "SeaMonkey"),
    ("palemoon/", "Pale Moon"),
    ("firefox/", "Firefox"),
    ("chromium/", "Chromium"),
    ("chrome/", "Chrome"),
    ("msie ", "Internet Explorer"),
    ("trident/", "Internet Explorer"),
    ("konqueror/", "Konqueror"),
    ("epiphany/", "Epiphany"),
    ("lynx/", "Lynx"),
    ("links (", "Links"),
    ("elinks/", "ELinks"),
    ("w3m/", "w3m"),
    ("version/", "Safari"),
    ("opera/", "Opera"),
    ("safari/", "Safari"),
];

/// Word in the text, and the system it means; the first that is found wins.
pub(super) const SYSTEMS: &[(&str, &str)] = &[
    ("windows phone", "Windows Phone"),
    ("xbox", "Xbox"),
    ("windows", "Windows"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("ipod", "iOS"),
    ("watchos", "watchOS"),
    ("cros", "ChromeOS"),
    ("tizen", "Tizen"),
    ("web0s", "webOS"),
    ("webos", "webOS"),
    ("kaios", "KaiOS"),
    ("openharmony", "HarmonyOS"),
    ("harmonyos", "HarmonyOS"),
    ("android", "Android"),
    ("macintosh", "macOS"),
    ("mac os x", "macOS"),
    ("darwin", "Darwin"),
    ("playstation", "PlayStation"),
    ("nintendo", "Nintendo"),
    ("freebsd", "BSD"),
    ("openbsd", "BSD"),
    ("netbsd", "BSD"),
    ("sunos", "Solaris"),
    ("linux", "Linux"),
    ("x11", "Unix"),
];

/// Words of telephones and set-top boxes from before browsers had a common frame.
pub(super) const OLD_DEVICES: &[&str] = &[
    "midp",
    "cldc",
    "up.browser",
    "up.link",
    "obigo",
    "netfront",
    "symbianos",
    "symbian",
    "blackberry",
    "nokia",
    "sonyericsson",
    "samsung",
    "docomo",
    "kddi",
    "j-phone",
    "vodafone",
    "softbank",
    "wap",
    "teleca",
    "maui",
    "polaris",
    "dorado",
    "novarra",
    "browser",
    "opera",
    "series60",
    "brew",
    "win95",
    "win16",
    "amiga",
    "ccleaner",
    "mot-",
    "psp",
];

/// Whether the text begins as browsers do.
pub(super) fn is_frame(text: &[u8]) -> bool {
    text.starts_with(b"mozilla/") || text.starts_with(b"opera/")
}

/// Facts about a text that names no program: as it was written, in lower case, and scanned.
pub(super) fn read(written: &[u8], text: &[u8], scan: &Scan) -> AgentFacts {
    let system = scan.system;
    if let Some((name, major)) = product(text, scan).filter(|_| is_frame(text) || system.is_some()) {
        return AgentFacts {
            kind: AgentType::Browser,
            name: Some(name.into()),
            major,
            engine: engine(text),
            odd: impossible(text, name, major, system).then_some(Odd::Impossible),
            ..AgentFacts::default()
        };
    }
    match (is_frame(text), system) {
        (true, None) if !scan.old_device && engine(text).is_none() => framed(written, text),
        (true, _) => of_kind(AgentType::Browser),
        (false, _) if scan.old_device => of_kind(AgentType::Browser),
        (false, Some(_)) => of_kind(AgentType::App),
        (false, None) => AgentFacts::default(),
    }
}

fn of_kind(kind: AgentType) -> AgentFacts {
    AgentFacts {
        kind,
        ..AgentFacts::default()
    }
}

/// A browser's frame around something that is no browser: `Mozilla/5.0 (compatible; Acme/1.0)`. The frame alone tells
/// nothing.
fn framed(written: &[u8], text: &[u8]) -> AgentFacts {
    let Some(rest) = written
        .get(b"mozilla/5.0".len()..)
        .filter(|_| text.starts_with(b"mozilla/5.0"))
    else {
        return of_kind(AgentType::Unknown);
    };
    let compatible = find(text, "compatible;").is_some();
    let own = if compatible {
        words::self_described(written)
    } else {
        let rest = rest.trim_ascii_start();
        words::self_described(rest.strip_prefix(b"(").unwrap_or(rest))
    };
    if own.is_empty() || own.eq_ignore_ascii_case("compatible") {
        return AgentFacts {
            odd: Some(Odd::Bare),
            ..AgentFacts::default()
        };
    }
    AgentFacts {
        kind: if compatible {
            AgentType::Crawler
        } else {
            AgentType::Script
        },
        name: Some(own.into()),
        ..AgentFacts::default()
    }
}

/// Facts about a browser that gives its name outside the usual frame.
pub(super) fn named(text: &[u8], name: &str) -> AgentFacts {
    AgentFacts {
        kind: AgentType::Browser,
        name: Some(name.into()),
        major: super::major_after(text, name),
        engine: engine(text),
        ..AgentFacts::default()
    }
}

fn find(text: &[u8], word: &str) -> Option<usize> {
    memchr::memmem::find(text, word.as_bytes())
}

/// Name and major version.
fn product(text: &[u8], scan: &Scan) -> Option<(&'static str, Option<u32>)> {
    let (token, name, end) = scan.product?;
    let after = |word: &str| find(text, word).and_then(|at| number(text.get(at + word.len()..)?));
    let own = text.get(end..).and_then(number);
    Some(match token {
        // Internet Explorer 11 tells its version as `rv:`.
        "trident/" => (name, after("rv:")),
        // Opera 12 calls itself 9.80 and adds its version; Android's own browser calls itself Safari.
        "version/" if find(text, "opera/").is_some() => ("Opera", own),
        "version/" | "safari/" if scan.system == Some("Android") => ("Android Browser", after("version/")),
        // Safari's own number is WebKit's; without `Version/` its version is not told.
        "safari/" => (name, None),
        _ => (name, own),
    })
}

/// The engine a browser's text names.
fn engine(text: &[u8]) -> Option<&'static str> {
    let has = |word| find(text, word).is_some();
    if has("trident/") || has("msie ") {
        Some("Trident")
    } else if has("edge/") {
        Some("EdgeHTML")
    } else if has("presto/") {
        Some("Presto")
    } else if (has("chrome/") || has("chromium/")) && has("applewebkit/") {
        let version = find(text, "chrome/").and_then(|at| number(text.get(at + 7..)?));
        // Chrome left WebKit for Blink with version 28.
        Some(if version.is_some_and(|major| major < 28) {
            "WebKit"
        } else {
            "Blink"
        })
    } else if has("applewebkit/") || has("webkit/") {
        Some("WebKit")
    } else if has("gecko/") {
        Some("Gecko")
    } else if has("khtml") {
        Some("KHTML")
    } else {
        None
    }
}

/// Combinations that no release ever had. Only facts that cannot change: what a maker ended, or the engine that a
/// system's owner demands.
fn impossible(text: &[u8], name: &str, major: Option<u32>, system: Option<&str>) -> bool {
    let has = |word| find(text, word).is_some();
    let major = major.unwrap_or(0);
    match (name, system) {
        // Apple ended Safari for Windows with version 5, and never made one for Android or Linux desktops.
        ("Safari", Some("Windows")) => major > 5 && has("safari/") && !has("chrome/"),
        // Internet Explorer ended with 11 and never ran on a telephone's Linux.
        ("Internet Explorer", Some("Android" | "iOS" | "Linux")) => true,
        ("Internet Explorer", _) => major > 11,
        // Chrome never ran on Windows before XP; since version 50 not before 7, since 110 not before 10.
        ("Chrome", Some("Windows")) => {
            has("windows 98")
                || has("windows 95")
                || has("windows nt 4")
                || (major >= 50 && (has("windows nt 5.") || has("windows nt 6.0")))
                || (major >= 110 && has("windows nt 6."))
        }
        // Firefox since 53 not before Windows 7, since 116 not before 10.
        ("Firefox", Some("Windows")) => {
            (major >= 53 && (has("windows nt 5.") || has("windows nt 6.0")))
                || (major >= 116 && has("windows nt 6."))
                || has("windows nt 11")
        }
        _ => false,
    }
}
