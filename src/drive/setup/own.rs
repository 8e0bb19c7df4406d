//! The addresses of this machine, which nobody is to be blamed for.

use std::fs;
use std::net::IpAddr;

/// Addresses of this machine, as the kernel lists them; none where it does not.
/// Asked for this process, since a service may see no more of `/proc` than processes.
pub(super) fn addresses() -> Vec<IpAddr> {
    let v6 = fs::read_to_string("/proc/self/net/if_inet6").unwrap_or_default();
    let v6 = v6.lines().filter_map(|line| {
        let digits = line.split_whitespace().next()?;
        u128::from_str_radix(digits, 16)
            .ok()
            .map(|bits| IpAddr::from(bits.to_be_bytes()))
    });
    let v4 = fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default();
    local_v4(&v4).into_iter().chain(v6).collect()
}

/// Addresses that the kernel's routing trie marks as local to this host.
fn local_v4(trie: &str) -> Vec<IpAddr> {
    let mut last = None;
    let mut found = Vec::new();
    for line in trie.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("|-- ") {
            last = text.parse::<IpAddr>().ok();
        } else if line.starts_with("/32 host LOCAL") {
            found.extend(last.take());
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_those_the_kernel_calls_local() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.7\n        /32 host LOCAL\nLocal:\n     |-- 10.0.0.7\n        /32 host LOCAL\n";
        let expected: Vec<IpAddr> = vec!["10.0.0.7".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert_eq!(local_v4(trie), expected);
    }
}
