//! Whether a database's search tree and records are sound, in one walk.
//!
//! The reader's own check visits every network and costs half a second for a large database; this one visits every
//! node once and every record once. Small files get both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use maxminddb::Reader;

use super::{Bytes, Place};

/// Up to this size the reader's own, fuller check is run as well.
const FULL_CHECK_BYTES: usize = 1 << 20;

/// Every distinct record of a sound database.
pub(super) fn records(reader: &Reader<Bytes>, bytes: &[u8]) -> Result<Vec<Place>, String> {
    if bytes.len() <= FULL_CHECK_BYTES {
        reader.verify().map_err(|error| error.to_string())?;
    }
    walk(reader, bytes)
}

/// Every distinct record, by the addresses that lead to them.
pub(super) fn walk(reader: &Reader<Bytes>, bytes: &[u8]) -> Result<Vec<Place>, String> {
    let metadata = reader.metadata();
    let tree = Tree {
        bytes,
        record_bits: usize::from(metadata.record_size),
        nodes: u64::from(metadata.node_count),
        depth: if metadata.ip_version == 6 { 128 } else { 32 },
    };
    let first = tree.first_addresses()?;
    let place = |address| match reader.lookup(address).and_then(|found| found.decode::<Place>()) {
        Ok(place) => Ok(place.unwrap_or_default()),
        Err(error) => Err(error.to_string()),
    };
    first.into_iter().map(place).collect()
}

struct Tree<'b> {
    bytes: &'b [u8],
    record_bits: usize,
    nodes: u64,
    depth: u8,
}

/// A node to visit: its number, how deep it lies, and the address bits that lead there.
#[derive(Clone, Copy)]
struct Step {
    node: u64,
    depth: u8,
    bits: u128,
}

impl Tree<'_> {
    /// For each distinct record, one address that leads to it.
    fn first_addresses(&self) -> Result<Vec<IpAddr>, String> {
        let mut seen = vec![false; usize::try_from(self.nodes).map_err(|error| error.to_string())?];
        if let Some(root) = seen.first_mut() {
            *root = true;
        }
        let mut met = vec![false; self.bytes.len()];
        let mut found = Vec::new();
        let mut waiting = vec![Step {
            node: 0,
            depth: 0,
            bits: 0,
        }];
        while let Some(step) = waiting.pop() {
            for side in 0..2u8 {
                let next = Step {
                    node: self.record(step.node, side)?,
                    depth: step.depth + 1,
                    bits: step.bits | u128::from(side) << (127 - u32::from(step.depth)),
                };
                if next.node == self.nodes {
                    continue;
                }
                if next.node > self.nodes {
                    let record = usize::try_from(next.node - self.nodes)
                        .ok()
                        .and_then(|at| met.get_mut(at));
                    let record =
                        record.ok_or_else(|| format!("node {} points beyond the file", step.node))?;
                    if !std::mem::replace(record, true) {
                        found.push(self.address(next.bits));
                    }
                    continue;
                }
                if next.depth >= self.depth {
                    return Err(format!(
                        "the search tree is deeper than an address at node {}",
                        step.node
                    ));
                }
                let known = seen.get_mut(usize::try_from(next.node).unwrap_or(usize::MAX));
                if known.is_some_and(|known| !std::mem::replace(known, true)) {
                    waiting.push(next);
                } else if self.returns(next) {
                    return Err(format!("the search tree runs in a circle at node {}", next.node));
                }
            }
        }
        Ok(found)
    }

    /// Whether a node that was met before lies on the way to itself. Makers let several prefixes share one subtree
    /// (IPv4 in its IPv6 disguises), so meeting a node again is no fault in itself.
    fn returns(&self, step: Step) -> bool {
        let mut node = 0;
        for depth in 0..step.depth.saturating_sub(1) {
            if node == step.node {
                return true;
            }
            let side = u8::from(step.bits >> (127 - u32::from(depth)) & 1 == 1);
            match self.record(node, side) {
                Ok(next) if next < self.nodes => node = next,
                _ => return false,
            }
        }
        node == step.node
    }

    fn address(&self, bits: u128) -> IpAddr {
        if self.depth == 128 {
            return IpAddr::V6(Ipv6Addr::from(bits));
        }
        let upper = u32::try_from(bits >> 96).unwrap_or(0);
        IpAddr::V4(Ipv4Addr::from(upper))
    }

    /// One of the two records of a node.
    fn record(&self, node: u64, side: u8) -> Result<u64, String> {
        let width = self.record_bits / 4;
        let fault = || format!("the search tree ends before node {node}");
        let start = usize::try_from(node)
            .ok()
            .and_then(|node| node.checked_mul(width))
            .ok_or_else(fault)?;
        let node = self.bytes.get(start..start + width).ok_or_else(fault)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        Ok(match (node, side) {
            // In 28-bit records the middle byte holds the highest four bits of both.
            (&[a, b, c, middle, _, _, _], 0) => number(&[middle >> 4, a, b, c]),
            (&[_, _, _, middle, a, b, c], _) => number(&[middle & 15, a, b, c]),
            _ => {
                let (left, right) = node.split_at(width / 2);
                number(if side == 0 { left } else { right })
            }
        })
    }
}
