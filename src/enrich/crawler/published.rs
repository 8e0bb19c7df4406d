//! [`Published`]: claims decided by published addresses alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{CRAWLERS, Crawler, Verdict, operator};
use crate::enrich::{Lists, Role};
use crate::net::{Cidr, Ranges};

/// The addresses that operators publish, from the lists and from the crawler table.
#[derive(Debug, Clone, Default)]
pub struct Published {
    by_key: BTreeMap<&'static str, Known>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    ranges: Ranges,
    /// Whether a list of the operator's is loaded: then the ranges are all there is.
    complete: bool,
}

impl Published {
    /// Takes the crawler lists that belong to a crawler of the table.
    pub fn new(lists: &Lists) -> Self {
        let known = |crawler: &'static Crawler| {
            let own = lists.with_role(Role::Crawler);
            let own = own.filter(|list| operator(list.name()).is_some_and(|found| found.key == crawler.key));
            let listed: Vec<Cidr> = own.flat_map(|list| list.iter()).collect();
            let fixed = crawler.networks.iter().filter_map(|text| text.parse().ok());
            Known {
                complete: !listed.is_empty(),
                ranges: listed.into_iter().chain(fixed).collect(),
            }
        };
        let by_key = CRAWLERS.iter().map(|crawler| (crawler.key, known(crawler)));
        Self {
            by_key: by_key.collect(),
        }
    }

    /// Decides a claim, if addresses alone can: verified inside what is published; fake outside, where the list is
    /// the only proof the operator offers. `None` leaves it to DNS, or undecided.
    pub fn verdict(&self, address: IpAddr, asn: Option<u32>, claim: &str) -> Option<Verdict> {
        let crawler = super::crawler(claim)?;
        let known = self.by_key.get(crawler.key)?;
        let by_network = asn.is_some_and(|asn| crawler.asns.contains(&asn));
        if by_network || known.ranges.contains(address) {
            return Some(Verdict::Verified);
        }
        (crawler.domains.is_empty() && known.complete).then_some(Verdict::Fake)
    }

    /// As [`Published::verdict`], where DNS is not asked: a list that the operator offers as a proof is then all the
    /// proof there is, and an address outside of it is no crawler's.
    pub fn verdict_without_dns(&self, address: IpAddr, asn: Option<u32>, claim: &str) -> Option<Verdict> {
        self.verdict(address, asn, claim).or_else(|| {
            let complete = self.by_key.get(claim).is_some_and(|known| known.complete);
            complete.then_some(Verdict::Fake)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::List;

    #[test]
    fn what_addresses_alone_decide() {
        let list = |name, text: &str| List::parse(name, "x", text.as_bytes()).unwrap();
        let published = Published::new(&Lists::new(vec![
            list("googlebot", r#"{"prefixes":[{"ipv4Prefix":"66.249.64.0/27"}]}"#),
            list("GPTBot", "20.171.206.0/24"),
            list("drop", "9.9.9.0/24"),
        ]));
        let decide = |address: &str, asn, claim| published.verdict(address.parse().unwrap(), asn, claim);
        for (address, asn, claim, verdict) in [
            ("66.249.64.5", None, "googlebot", Some(Verdict::Verified)),
            ("66.249.65.5", None, "googlebot", None),
            ("66.249.64.5", None, "bingbot", None),
            ("20.171.206.9", None, "gptbot", Some(Verdict::Verified)),
            ("20.171.207.9", None, "gptbot", Some(Verdict::Fake)),
            ("20.171.207.9", None, "oai-searchbot", None),
            ("17.1.2.3", None, "applebot", Some(Verdict::Verified)),
            ("8.8.8.8", Some(32934), "meta", Some(Verdict::Verified)),
            ("8.8.8.8", Some(1), "meta", None),
            ("9.9.9.9", None, "nobody", None),
        ] {
            assert_eq!(decide(address, asn, claim), verdict, "{address} {claim}");
        }
        let alone =
            |address: &str, claim| published.verdict_without_dns(address.parse().unwrap(), None, claim);
        assert_eq!(alone("66.249.65.5", "googlebot"), Some(Verdict::Fake));
        assert_eq!(alone("66.249.64.5", "googlebot"), Some(Verdict::Verified));
        assert_eq!(alone("66.249.64.5", "bingbot"), None);
    }
}
