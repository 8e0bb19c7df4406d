//! [`Sketch`]: how many distinct values, estimated in fixed memory (HyperLogLog) over a moving window.
//!
//! Used only where a rule asks for more distinct values than are kept exactly. Values come in as 64-bit hashes that
//! are already uniform. The window moves in panes of an eighth of its length, so an estimate may cover up to an
//! eighth more time than the rule asks; its standard error is 2.3 % (1.04 / sqrt(2048)). The estimator is the one of
//! O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs no correction
//! tables and, here, no function but the square root, so every machine computes the same number.

use crate::rows::{Reader, Writer};

/// Registers of one pane: 2^11.
const REGISTERS: usize = 2048;
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();
/// Highest rank: the remaining 53 bits and one.
const MAX_RANK: usize = 64 - INDEX_BITS as usize + 1;
/// Panes to a window.
const PANES: i64 = 8;

/// Distinct values in a moving window, estimated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sketch {
    newest: i64,
    pane_nanos: i64,
    panes: Vec<Pane>,
}

#[derive(Debug, Clone, PartialEq)]
struct Pane {
    number: i64,
    ranks: Box<[u8]>,
}

impl Sketch {
    pub fn new(span_nanos: i64, newest: i64) -> Self {
        Self {
            newest,
            pane_nanos: (span_nanos / PANES).max(1),
            panes: Vec::new(),
        }
    }

    /// Event time of the newest value.
    pub const fn newest(&self) -> i64 {
        self.newest
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        self.panes.len() * (REGISTERS + size_of::<Pane>()) + size_of::<Self>()
    }

    /// Adds a value. True when the number of distinct values in the window may have grown.
    pub fn insert(&mut self, time: i64, hash: u64) -> bool {
        self.newest = self.newest.max(time);
        let last = self.newest.div_euclid(self.pane_nanos);
        self.panes.retain(|pane| pane.number >= last - PANES);
        let number = time.div_euclid(self.pane_nanos);
        if number < last - PANES {
            return false;
        }
        let ranks = self.pane(number);
        let register = (hash >> (64 - INDEX_BITS)) as usize;
        let rank = ((hash << INDEX_BITS).leading_zeros() as usize + 1).min(MAX_RANK) as u8;
        let Some(slot) = ranks.get_mut(register) else {
            return false;
        };
        let grew = rank > *slot;
        *slot = rank.max(*slot);
        grew
    }

    /// The registers of one pane, made when it has none.
    fn pane(&mut self, number: i64) -> &mut [u8] {
        let at = self.panes.partition_point(|pane| pane.number < number);
        if self.panes.get(at).is_none_or(|pane| pane.number != number) {
            let ranks = vec![0; REGISTERS].into_boxed_slice();
            self.panes.insert(at, Pane { number, ranks });
        }
        self.panes
            .get_mut(at)
            .map(|pane| &mut *pane.ranks)
            .unwrap_or_default()
    }

    /// The estimated number of distinct values in the panes of the window.
    pub fn estimate(&self) -> u64 {
        let mut union = [0u8; REGISTERS];
        for pane in &self.panes {
            for (all, &rank) in union.iter_mut().zip(&*pane.ranks) {
                *all = rank.max(*all);
            }
        }
        let mut histogram = [0u32; MAX_RANK + 1];
        for rank in union {
            if let Some(count) = histogram.get_mut(rank as usize) {
                *count += 1;
            }
        }
        cardinality(&histogram)
    }

    pub fn write(&self, writer: &mut Writer) {
        writer.int(self.newest).uint(self.panes.len() as u64);
        for pane in &self.panes {
            writer.int(pane.number).raw(&pane.ranks);
        }
    }

    pub fn read(span_nanos: i64, reader: &mut Reader) -> Option<Self> {
        let mut sketch = Self::new(span_nanos, reader.int()?);
        for _ in 0..reader.count(REGISTERS)? {
            let number = reader.int()?;
            let ranks = reader.raw(REGISTERS)?;
            if ranks.iter().any(|&rank| rank as usize > MAX_RANK) {
                return None;
            }
            sketch.pane(number).copy_from_slice(ranks);
        }
        (sketch.panes.len() <= PANES as usize + 1).then_some(sketch)
    }
}

/// Ertl's estimate from how many registers hold each rank.
fn cardinality(histogram: &[u32; MAX_RANK + 1]) -> u64 {
    let registers = REGISTERS as f64;
    let [zero, middle @ .., full] = histogram;
    let mut sum = registers * tau(1.0 - f64::from(*full) / registers);
    for &count in middle.iter().rev() {
        sum = 0.5 * (sum + f64::from(count));
    }
    sum += registers * sigma(f64::from(*zero) / registers);
    let alpha = 0.5 / std::f64::consts::LN_2;
    (alpha * registers * registers / sum).round() as u64
}

/// x + Σ x^(2^k) · 2^(k-1); infinite at 1, where no value was seen.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut weight, mut sum) = (1.0, x);
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

/// (1 - x - Σ (1 - x^(2^-k))² · 2^-k) / 3.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x) * (1.0 - x) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64: uniform enough to stand for hashes.
    fn hash(n: u64) -> u64 {
        let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[test]
    fn the_estimate_stays_within_its_error() {
        let mut sketch = Sketch::new(800, 0);
        assert_eq!(sketch.estimate(), 0);
        for n in 0..200_000u64 {
            sketch.insert((n / 250) as i64, hash(n));
            if n > 0 && n % 20_000 == 0 {
                let error = (sketch.estimate() as f64 - n as f64).abs() / n as f64;
                assert!(error < 0.07, "{n}: off by {error:.3}");
            }
        }
    }

    #[test]
    fn repetition_adds_nothing_and_old_values_leave() {
        let mut sketch = Sketch::new(80, 0);
        for n in 0..5_000 {
            sketch.insert(0, hash(n));
        }
        let before = sketch.estimate();
        assert!((0..5_000).all(|n| !sketch.insert(1, hash(n))));
        assert_eq!(sketch.estimate(), before);
        sketch.insert(200, hash(9));
        assert!(sketch.estimate() <= 2);
        assert!(!sketch.insert(0, hash(10)));
    }

    #[test]
    fn rows_bring_it_back() {
        let mut sketch = Sketch::new(80, 0);
        for n in 0..3_000 {
            sketch.insert((n / 100) as i64, hash(n));
        }
        let mut writer = Writer::versioned(1);
        sketch.write(&mut writer);
        let bytes = writer.finish();
        let mut reader = Reader::versioned(&bytes, 1).unwrap();
        assert_eq!(Sketch::read(80, &mut reader), Some(sketch));
        let mut short = Reader::versioned(&bytes[..bytes.len() - 1], 1).unwrap();
        assert_eq!(Sketch::read(80, &mut short), None);
    }
}
