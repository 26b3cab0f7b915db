//! A small histogram of round trips: only the buckets that were hit, four bytes each.
//!
//! Buckets are those of the `histogram` crate (H2: each power of two cut into `2^grouping` equal
//! parts), which merges and reads them; its own forms hold a dense array or cannot be counted up.

/// Each power of two is cut into 32: a bucket's middle is at most 1/64 off.
pub(crate) const FINEST: u8 = 5;
/// Different buckets that one histogram may have. With more it is made coarser by half, so that a
/// path of any shape stays within the bound: 96 cover round trips within a factor of 8 at 1.6 %, of
/// 64 at 3.1 %, of 4,096 at 6.3 %.
pub(crate) const MAX_BUCKETS: usize = 96;
/// Values are below 2^24 µs = 16.7 s, far beyond the longest wait.
pub(crate) const MAX_VALUE_BITS: u8 = 24;

const COUNT_BITS: u32 = 22;
const MAX_COUNT: u32 = (1 << COUNT_BITS) - 1;

#[derive(Debug, Clone)]
pub(crate) struct Buckets {
    grouping: u8,
    /// Index and count in one word, by index.
    entries: Vec<u32>,
}

impl Default for Buckets {
    fn default() -> Self {
        Buckets {
            grouping: FINEST,
            entries: Vec::new(),
        }
    }
}

impl Buckets {
    pub fn increment(&mut self, value: u32) {
        let value = value.min((1 << MAX_VALUE_BITS) - 1);
        let index = index(self.grouping, value);
        match self
            .entries
            .binary_search_by_key(&index, |entry| entry >> COUNT_BITS)
        {
            // 4 million in one bucket are not reached: 2 h of probes every 10 ms are 720,000.
            Ok(at) if self.entries[at] & MAX_COUNT < MAX_COUNT => self.entries[at] += 1,
            Ok(_) => {}
            Err(at) => {
                self.entries.insert(at, index << COUNT_BITS | 1);
                if self.entries.len() > MAX_BUCKETS {
                    self.coarsen();
                }
            }
        }
    }

    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.grouping = FINEST;
        self.entries.clear();
    }

    pub fn grouping(&self) -> u8 {
        self.grouping
    }

    /// Index and count, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.entries
            .iter()
            .map(|entry| (entry >> COUNT_BITS, entry & MAX_COUNT))
    }

    fn coarsen(&mut self) {
        while self.entries.len() > MAX_BUCKETS && self.grouping > 0 {
            let finer = self.grouping;
            self.grouping -= 1;
            let mut kept = 0usize;
            for at in 0..self.entries.len() {
                let (old, count) = (self.entries[at] >> COUNT_BITS, self.entries[at] & MAX_COUNT);
                let index = index(self.grouping, range(finer, old).0);
                let last = kept.checked_sub(1).map(|last| self.entries[last]);
                match last {
                    Some(last) if last >> COUNT_BITS == index => {
                        let sum = ((last & MAX_COUNT) + count).min(MAX_COUNT);
                        self.entries[kept - 1] = index << COUNT_BITS | sum;
                    }
                    _ => {
                        self.entries[kept] = index << COUNT_BITS | count;
                        kept += 1;
                    }
                }
            }
            self.entries.truncate(kept);
        }
    }
}

/// Which bucket a value falls into: below `2^(grouping + 1)` its own, beyond it one of `2^grouping`
/// of its power of two.
fn index(grouping: u8, value: u32) -> u32 {
    let bits = 32 - value.leading_zeros();
    let grouping = u32::from(grouping);
    if bits <= grouping + 1 {
        return value;
    }
    let shift = bits - grouping - 1;
    (shift << grouping) + (value >> shift)
}

/// Smallest and largest value of a bucket.
fn range(grouping: u8, index: u32) -> (u32, u32) {
    let grouping = u32::from(grouping);
    if index < 2 << grouping {
        return (index, index);
    }
    let shift = (index >> grouping) - 1;
    let low = (index - (shift << grouping)) << shift;
    (low, low + (1 << shift) - 1)
}

/// What stands for a bucket.
pub(crate) fn middle(grouping: u8, index: u32) -> u32 {
    let (low, high) = range(grouping, index);
    low + (high - low) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use histogram::Histogram;
    use proptest::prelude::*;

    #[test]
    fn indices_fit_their_bits() {
        let last = index(FINEST, (1 << MAX_VALUE_BITS) - 1);
        assert!(last < 1 << (32 - COUNT_BITS), "{last}");
    }

    proptest! {
        #[test]
        fn buckets_are_those_of_the_library(value in 0u32..1 << MAX_VALUE_BITS, grouping in 0u8..=FINEST) {
            let mut histogram = Histogram::new(grouping, MAX_VALUE_BITS).unwrap();
            histogram.increment(value.into()).unwrap();
            let bucket = histogram.quantile_bucket(0.5).unwrap().unwrap();
            let (low, high) = range(grouping, index(grouping, value));
            prop_assert_eq!(bucket.range(), u64::from(low)..=u64::from(high));
        }

        #[test]
        fn a_middle_is_near(value in 0u32..1 << MAX_VALUE_BITS, grouping in 0u8..=FINEST) {
            let middle = f64::from(middle(grouping, index(grouping, value)));
            let most = f64::from(value) * 0.5f64.powi(i32::from(grouping) + 1) + 0.5;
            prop_assert!((middle - f64::from(value)).abs() <= most);
        }

        #[test]
        fn coarser_ones_lose_nothing(values in prop::collection::vec(0u32..1 << MAX_VALUE_BITS, 0..2000)) {
            let mut buckets = Buckets::default();
            for value in &values {
                buckets.increment(*value);
            }
            prop_assert!(buckets.iter().len() <= MAX_BUCKETS);
            prop_assert_eq!(buckets.iter().map(|(_, count)| count as usize).sum::<usize>(), values.len());
            let mut direct: Vec<u32> = values.iter().map(|value| index(buckets.grouping(), *value)).collect();
            direct.sort_unstable();
            direct.dedup();
            let indices: Vec<u32> = buckets.iter().map(|(index, _)| index).collect();
            prop_assert_eq!(indices, direct);
        }
    }
}
