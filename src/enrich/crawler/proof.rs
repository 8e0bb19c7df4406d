//! Forward-confirmed reverse DNS, as steps that ask a function for answers.
//!
//! The names of the address; those under the operator's domains; the addresses of those names: one of them must be
//! the address again. A failure anywhere leaves the claim undecided.

use std::net::IpAddr;

use super::message::{DnsName, Question};
use super::{Crawler, Verdict};

/// How many names of one address are followed.
const MAX_NAMES: usize = 8;
/// How many aliases are followed.
const MAX_ALIASES: usize = 4;

/// What DNS answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Names of an address.
    Names(Vec<DnsName>),
    /// Addresses of a name.
    Addresses(Vec<IpAddr>),
    /// The name is another's alias, and nothing else was told.
    Alias(DnsName),
    /// There is no such name, or nothing of the kind asked for.
    Nothing,
}

/// Why DNS gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No reply in time.
    TimedOut,
    /// The server said that it cannot or will not.
    Refused,
    /// The reply cannot be read.
    Malformed,
    /// The network refused.
    Network,
}

/// Decides a crawler's claim.
pub fn prove(
    address: IpAddr,
    crawler: &Crawler,
    ask: &mut impl FnMut(&Question) -> Result<Answer, Failure>,
) -> Verdict {
    let address = address.to_canonical();
    let disproof = if crawler.promised {
        Verdict::Fake
    } else {
        Verdict::Unknown
    };
    let names = match names_of(address, ask) {
        Ok(names) => names,
        Err(_) => return Verdict::Unknown,
    };
    let under = |domains: &[&str]| {
        let domains: Vec<DnsName> = domains.iter().filter_map(|text| text.parse().ok()).collect();
        move |name: &DnsName| domains.iter().any(|domain| name.ends_with(domain))
    };
    if names.iter().any(under(crawler.shared)) {
        return Verdict::Unknown;
    }
    let own: Vec<DnsName> = names.into_iter().filter(under(crawler.domains)).collect();
    if own.is_empty() {
        return disproof;
    }
    // What was not looked at disproves nothing.
    let mut failed = own.len() > MAX_NAMES;
    for name in own.into_iter().take(MAX_NAMES) {
        match addresses_of(name, address, ask) {
            Ok(addresses) if addresses.contains(&address) => return Verdict::Verified,
            Ok(_) => {}
            Err(_) => failed = true,
        }
    }
    // The address bears the operator's name and the operator does not confirm it: that is a lie, promised or not.
    if failed { Verdict::Unknown } else { Verdict::Fake }
}

fn names_of(
    address: IpAddr,
    ask: &mut impl FnMut(&Question) -> Result<Answer, Failure>,
) -> Result<Vec<DnsName>, Failure> {
    match ask(&Question::NamesOf(address))? {
        Answer::Names(names) => Ok(names),
        Answer::Nothing => Ok(Vec::new()),
        // A delegated reverse zone whose alias the server did not follow: rare, and not decided here.
        Answer::Alias(_) | Answer::Addresses(_) => Err(Failure::Malformed),
    }
}

fn addresses_of(
    mut name: DnsName,
    address: IpAddr,
    ask: &mut impl FnMut(&Question) -> Result<Answer, Failure>,
) -> Result<Vec<IpAddr>, Failure> {
    for _ in 0..=MAX_ALIASES {
        match ask(&Question::AddressesOf(name, address))? {
            Answer::Addresses(addresses) => return Ok(addresses),
            Answer::Nothing => return Ok(Vec::new()),
            Answer::Alias(target) => name = target,
            Answer::Names(_) => return Err(Failure::Malformed),
        }
    }
    Err(Failure::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::crawler::crawler;

    #[test]
    fn names_that_were_not_looked_at_disprove_nothing() {
        let crawler = crawler("googlebot").unwrap();
        for (count, verdict) in [(MAX_NAMES, Verdict::Fake), (MAX_NAMES + 1, Verdict::Unknown)] {
            let mut asked = 0;
            let mut ask = |question: &Question| match question {
                Question::NamesOf(_) => {
                    let names = (0..count).map(|number| format!("crawl-{number}.googlebot.com"));
                    Ok(Answer::Names(names.map(|text| name(&text)).collect()))
                }
                Question::AddressesOf(..) => {
                    asked += 1;
                    Ok(Answer::Nothing)
                }
            };
            assert_eq!(prove(ADDRESS.parse().unwrap(), crawler, &mut ask), verdict);
            assert_eq!(asked, MAX_NAMES);
        }
    }

    const ADDRESS: &str = "66.249.66.1";

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    /// Answers from a small zone: names of the address, and addresses of each name (`!` fails, `=x` aliases).
    fn verdict(key: &str, names: Result<&[&str], Failure>, zone: &[(&str, &str)]) -> Verdict {
        let mut ask = |question: &Question| match question {
            Question::NamesOf(_) => names.map(|names| Answer::Names(names.iter().map(|n| name(n)).collect())),
            Question::AddressesOf(asked, _) => {
                let found = zone.iter().find(|(owner, _)| *asked == name(owner));
                match found.map(|(_, value)| *value) {
                    None => Ok(Answer::Nothing),
                    Some("!") => Err(Failure::TimedOut),
                    Some(value) => Ok(match value.strip_prefix('=') {
                        Some(target) => Answer::Alias(name(target)),
                        None => Answer::Addresses(vec![value.parse().unwrap()]),
                    }),
                }
            }
        };
        prove(ADDRESS.parse().unwrap(), crawler(key).unwrap(), &mut ask)
    }

    #[test]
    fn the_whole_circle_must_close() {
        let crawl = "crawl-66-249-66-1.googlebot.com";
        for (key, names, zone, expected) in [
            (
                "googlebot",
                Ok(&[crawl][..]),
                &[(crawl, ADDRESS)][..],
                Verdict::Verified,
            ),
            (
                "googlebot",
                Ok(&["CRAWL.GoogleBot.com"]),
                &[("crawl.googlebot.com", ADDRESS)],
                Verdict::Verified,
            ),
            (
                "googlebot",
                Ok(&["a.example", crawl]),
                &[(crawl, ADDRESS)],
                Verdict::Verified,
            ),
            (
                "googlebot",
                Ok(&[crawl]),
                &[(crawl, "=x.googlebot.com"), ("x.googlebot.com", ADDRESS)],
                Verdict::Verified,
            ),
            ("googlebot", Ok(&[crawl]), &[(crawl, "9.9.9.9")], Verdict::Fake),
            ("googlebot", Ok(&[crawl]), &[], Verdict::Fake),
            ("googlebot", Ok(&[crawl]), &[(crawl, "!")], Verdict::Unknown),
            (
                "googlebot",
                Ok(&["a.googlebot.com", crawl]),
                &[("a.googlebot.com", "!"), (crawl, ADDRESS)],
                Verdict::Verified,
            ),
            (
                "googlebot",
                Ok(&["evilgooglebot.com"]),
                &[("evilgooglebot.com", ADDRESS)],
                Verdict::Fake,
            ),
            (
                "googlebot",
                Ok(&["googlebot.com.evil.example"]),
                &[("googlebot.com.evil.example", ADDRESS)],
                Verdict::Fake,
            ),
            ("googlebot", Ok(&[]), &[], Verdict::Fake),
            ("googlebot", Err(Failure::TimedOut), &[], Verdict::Unknown),
            (
                "googlebot",
                Ok(&[crawl]),
                &[(crawl, "=crawl-66-249-66-1.googlebot.com")],
                Verdict::Unknown,
            ),
            // Anybody's App Engine application has such a name.
            (
                "google-user",
                Ok(&["x.gae.googleusercontent.com"]),
                &[],
                Verdict::Unknown,
            ),
            // Not promised: another name proves nothing; a name that the operator denies does.
            ("petalbot", Ok(&["a.example"]), &[], Verdict::Unknown),
            (
                "petalbot",
                Ok(&["a.petalsearch.com"]),
                &[("a.petalsearch.com", ADDRESS)],
                Verdict::Verified,
            ),
            (
                "petalbot",
                Ok(&["a.petalsearch.com"]),
                &[("a.petalsearch.com", "9.9.9.9")],
                Verdict::Fake,
            ),
        ] {
            assert_eq!(verdict(key, names, zone), expected, "{key} {names:?} {zone:?}");
        }
    }
}
