//! The AppFirewall label: `scanner`, `benign-miss` or `unknown`, for answers with 404 only.
//!
//! Byte for byte what the AppFirewall SDKs compute, in their order of tests, beside and independent of our own
//! verdicts; it must not be improved. The lists are the SDK's; nothing here is ours. Next: [`super::rules`].

use std::borrow::Cow;

use afw_parsers::Record;

use super::views;

const BENIGN: [&str; 12] = [
    "/favicon.ico",
    "/robots.txt",
    "/sitemap.xml",
    "/humans.txt",
    "/ads.txt",
    "/manifest.json",
    "/manifest.webmanifest",
    "/browserconfig.xml",
    "/.well-known/security.txt",
    "/.well-known/change-password",
    "/.well-known/apple-app-site-association",
    "/apple-app-site-association",
];

const BENIGN_PREFIXES: [&str; 2] = ["/apple-touch-icon", "/.well-known/"];

/// Folded to lower case: the SDK compares without regard to case.
pub(super) const SCANNER: [&str; 57] = [
    "../",
    "..%2f",
    "..%5c",
    "%2e%2e/",
    "%2e%2e%2f",
    "/etc/passwd",
    "/etc/shadow",
    "/boot.ini",
    "/win.ini",
    "/.git/",
    "/.svn/",
    "/.hg/",
    "/.bzr/",
    "/.ssh/",
    "/.aws/",
    "/.docker/",
    "/.kube/",
    "/.env",
    "/.dockerenv",
    "/web.config",
    "/config.php",
    "/database.yml",
    "/settings.py",
    "/wp-admin",
    "/wp-login",
    "/wp-content",
    "/wp-includes",
    "/wp-config",
    "/xmlrpc.php",
    "/wlwmanifest.xml",
    "/administrator",
    "/phpmyadmin",
    "/phppgadmin",
    "/myadmin",
    "/mysqladmin",
    "/pma/",
    "/phpinfo",
    "/server-status",
    "/server-info",
    "/.ds_store",
    "/actuator",
    "/solr/",
    "/jenkins/",
    "/console/",
    "/shell.php",
    "/cmd.php",
    "/c99.php",
    "/r57.php",
    "/backdoor.php",
    "/eval.php",
    "/wso.php",
    "/webshell",
    "/vendor/phpunit",
    "/vendor/autoload.php",
    ".aspx.bak",
    ".php.bak",
    ".sql.bak",
];

/// The label of a path, percent-decoded once and without its query, that was answered with `status`; `None` unless
/// that is 404.
pub fn label(status: Option<u16>, path: &[u8]) -> Option<&'static str> {
    if status != Some(404) {
        return None;
    }
    Some(classify(path))
}

/// The label of a line.
pub fn of_record(record: &Record<'_>) -> Option<&'static str> {
    if record.status != Some(404) {
        return None;
    }
    let path = record.path().unwrap_or_default();
    label(record.status, &decoded_path(path))
}

/// The path as the SDK sees it: percent-decoded once.
pub fn decoded_path(path: &[u8]) -> Cow<'_, [u8]> {
    views::percent_decoded(path)
}

fn classify(path: &[u8]) -> &'static str {
    if path.is_empty() {
        return "unknown";
    }
    let is = |text: &&str| path == text.as_bytes();
    let starts = |text: &&str| path.starts_with(text.as_bytes());
    if BENIGN.iter().any(is) || BENIGN_PREFIXES.iter().any(starts) {
        return "benign-miss";
    }
    match has_scanner_text(path) {
        true => "scanner",
        false => "unknown",
    }
}

/// Whether a path has one of the scanners' texts, whatever its case. Each of them begins with one of three bytes, so
/// nothing has to be folded and copied for the many pages that are merely missing.
fn has_scanner_text(path: &[u8]) -> bool {
    memchr::memchr3_iter(b'/', b'.', b'%', path).any(|at| {
        let rest = path.get(at..).unwrap_or_default();
        let mut texts = texts_like(rest);
        std::iter::from_fn(|| lowest(&mut texts)).any(|text| begins(rest, text.as_bytes()))
    })
}

/// Whether a text, which is in lower case, stands at the beginning in any case.
fn begins(rest: &[u8], text: &[u8]) -> bool {
    rest.get(..text.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(text))
}

/// The scanners' texts that have the first three bytes in common with these, in any case, one a bit.
fn texts_like(rest: &[u8]) -> u64 {
    match rest {
        [first, second, third, ..] => {
            TEXTS[0][*first as usize] & TEXTS[1][*second as usize] & TEXTS[2][*third as usize]
        }
        _ => 0,
    }
}

/// Takes the lowest of a set of texts out.
fn lowest(texts: &mut u64) -> Option<&'static &'static str> {
    let at = texts.trailing_zeros();
    *texts &= texts.wrapping_sub(1);
    SCANNER.get(at as usize)
}

/// For each of the first three places and each byte in either case, the scanners' texts that have it there.
static TEXTS: [[u64; 256]; 3] = {
    assert!(SCANNER.len() <= u64::BITS as usize);
    let mut texts = [[0; 256]; 3];
    let mut at = 0;
    while at < SCANNER.len() {
        let mut place = 0;
        while place < texts.len() {
            let byte = SCANNER[at].as_bytes()[place];
            texts[place][byte as usize] |= 1 << at;
            texts[place][byte.to_ascii_uppercase() as usize] |= 1 << at;
            place += 1;
        }
        at += 1;
    }
    texts
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_s_order_of_tests_and_its_traps() {
        for (path, expected) in [
            ("", "unknown"),
            ("/", "unknown"),
            ("/favicon.ico", "benign-miss"),
            ("/Favicon.ico", "unknown"),
            ("/apple-touch-icon-120x120.png", "benign-miss"),
            ("/.well-known/../../etc/passwd", "benign-miss"),
            ("/.git", "unknown"),
            ("/.gitignore", "unknown"),
            ("/.GIT/config", "scanner"),
            ("/.environment", "scanner"),
            ("/x/.%2e/y", "unknown"),
            ("/x/%2e%2e/y", "scanner"),
            ("/%252e", "unknown"),
            ("/WordPress", "unknown"),
            ("/WP-LOGIN.php", "scanner"),
            ("/PhpMyAdmin/", "scanner"),
            ("/a.php.bak", "scanner"),
        ] {
            assert_eq!(label(Some(404), path.as_bytes()), Some(expected), "{path}");
            assert_eq!(label(Some(200), path.as_bytes()), None, "{path}");
            assert_eq!(label(None, path.as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn every_scanner_text_begins_with_a_byte_that_is_looked_for() {
        for text in SCANNER {
            assert!(text.starts_with(['/', '.', '%']), "{text}");
            let path = format!("/x{}y", text.to_ascii_uppercase());
            assert_eq!(label(Some(404), path.as_bytes()), Some("scanner"), "{path}");
        }
    }

    #[test]
    fn the_path_is_decoded_once_and_the_query_is_left_out() {
        for (target, expected) in [
            ("/%2egit/config", "scanner"),
            ("/%252egit/config", "unknown"),
            ("/a?x=/.env", "unknown"),
            ("http://h.example/.env?x", "scanner"),
        ] {
            let record = crate::detect::testing::record(target);
            assert_eq!(of_record(&record), Some(expected), "{target}");
        }
    }
}
