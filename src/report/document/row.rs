//! [`Row`]: the columns of a row packed into one word, so that rows are put in order and compared at once.

/// Bits of each column but the first, which has the rest.
const BITS: u32 = 10;
/// The largest value of these columns; [`super::Detail`]s are told apart by fewer.
const MAX: i64 = (1 << BITS) - 2;
/// The smallest value of any column.
const MIN: i64 = -1;

/// So many small numbers, ordered as they would be one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row<const N: usize>(u128);

impl<const N: usize> Row<N> {
    /// These columns: none smaller than -1, and none but the first larger than 1022.
    pub fn of(columns: [i64; N]) -> Self {
        const { assert!(N > 0 && N as u32 * BITS <= u128::BITS) };
        let mut word = 0;
        for (at, column) in columns.into_iter().enumerate() {
            let max = if at == 0 { i64::from(i16::MAX) * 8 } else { MAX };
            let value = column.clamp(MIN, max) - MIN;
            // Not negative.
            word = word << BITS | value.cast_unsigned() as u128;
        }
        Self(word)
    }

    /// The columns.
    pub fn columns(self) -> [i64; N] {
        let mut rest = self.0;
        let mut columns = [0; N];
        for (at, column) in columns.iter_mut().enumerate().rev() {
            let bits = if at == 0 { rest } else { rest & ((1 << BITS) - 1) };
            // At most 18 bits.
            *column = bits as i64 + MIN;
            rest >>= BITS;
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::super::DETAILS;
    use super::*;

    #[test]
    fn columns_come_back_and_rows_are_in_their_order() {
        let rows = [
            [-1, 0, 5],
            [0, -1, 1022],
            [0, 0, 0],
            [3, 7, -1],
            [130_000, 1022, 0],
        ];
        let packed = rows.map(Row::of);
        assert_eq!(packed.map(Row::columns), rows);
        assert!(packed.is_sorted());
        let long = [7, -1, 1, 2, 3, 4, 5, 6, 7, 8, 1022, 9];
        assert_eq!(Row::of(long).columns(), long);
        assert_eq!(Row::of([5, 2000]).columns(), [5, 1022]);
    }

    #[test]
    fn every_detail_has_room() {
        for detail in DETAILS {
            // Networks, then autonomous systems half as many, and the others.
            let most = [detail.things * 3 / 2 + 1, detail.hosts + 1, detail.countries + 1];
            assert!(most.into_iter().all(|most| (most as i64) < MAX), "{detail:?}");
        }
    }
}
