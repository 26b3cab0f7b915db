//! What the entry points are handed, and what they answer.

use std::time::Duration;

use crate::{DropReason, Fib, Fragments, Live};

/// Everything that deciding about one packet may read. Made once a batch by the caller.
pub struct Context<'a, C: Count> {
    pub fib: &'a Fib,
    pub live: &'a Live,
    /// Limits ICMP errors; each thread has its own.
    pub icmp: &'a mut TokenBucket,
    /// Monotonic time, from any fixed start.
    pub now: Duration,
    pub count: &'a mut C,
}

/// The caller's counters. All of these are called at most once a label or packet, never both for
/// one drop here and by the caller: whatever is dropped is counted through here alone.
pub trait Count {
    /// Entry `entry` of the table's `labels` was hit by a packet of `bytes` (stack and payload).
    fn label(&mut self, entry: usize, bytes: usize);
    /// A customer packet of `bytes` was put on list `list`.
    fn list(&mut self, list: usize, bytes: usize);
    /// A packet was dropped, silently or with an ICMP error in answer.
    fn dropped(&mut self, reason: DropReason);
}

/// Counts nothing.
impl Count for () {
    fn label(&mut self, _: usize, _: usize) {}
    fn list(&mut self, _: usize, _: usize) {}
    fn dropped(&mut self, _: DropReason) {}
}

/// What becomes of a packet; the packet itself is in the [`Packet`](crate::Packet) that went in.
/// Numbers are indices into the vectors of the table.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// A complete inner IPv4 packet, to be encrypted for this adjacency.
    Send { adjacency: usize },
    /// Larger than its list carries and free to be fragmented (RFC 791 §3.2): call
    /// [`Fragments::next`] until it says that there are no more.
    Fragments(Fragments),
    /// A customer packet for the segment's LAN.
    Deliver { segment: usize },
    /// An ICMP error for the sender on the segment's LAN; its cause is counted.
    ToTun { segment: usize },
    /// An IP packet with UDP port 862 for this router, checked down to its UDP header.
    Local {
        /// It came below labels and an explicit null, not as plain UDP between tunnel addresses.
        labelled: bool,
    },
    /// Counted already.
    Drop(DropReason),
}

/// Allows a number of events a second and a burst, without a clock of its own.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    interval_nanos: u64,
    depth_nanos: u64,
    /// Time up to which everything is spent.
    spent_until: Option<u64>,
}

impl TokenBucket {
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval_nanos = 1_000_000_000 / u64::from(per_second.max(1));
        let depth_nanos = interval_nanos * u64::from(burst.saturating_sub(1));
        Self {
            interval_nanos,
            depth_nanos,
            spent_until: None,
        }
    }

    /// Takes one token if there is one at `now`. Time that runs backwards gives nothing.
    pub fn take(&mut self, now: Duration) -> bool {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let spent = self.spent_until.map_or(now, |spent| spent.max(now));
        if spent - now > self.depth_nanos {
            return false;
        }
        self.spent_until = Some(spent.saturating_add(self.interval_nanos));
        true
    }
}

/// As Linux limits its own ICMP errors (`icmp_msgs_per_sec`, `icmp_msgs_burst`; RFC 1812 §4.3.2.8,
/// RFC 4443 §2.4 f): so many a second, and in a burst.
const ICMP_PER_SECOND: u32 = 1000;
const ICMP_BURST: u32 = 50;

impl TokenBucket {
    /// For ICMP errors, by one of so many that together keep the limit: up to 50, beyond which each
    /// has a burst of one still.
    pub fn icmp_shared_by(parts: u32) -> Self {
        let parts = parts.max(1);
        Self::new(ICMP_PER_SECOND / parts, ICMP_BURST / parts)
    }
}

impl Default for TokenBucket {
    /// For all ICMP errors.
    fn default() -> Self {
        Self::icmp_shared_by(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors that so many threads let through in a minute, when all are asked every 100 µs.
    fn let_through(parts: u32) -> usize {
        let mut buckets = vec![TokenBucket::icmp_shared_by(parts); parts as usize];
        let times = (0..600_000).map(|step| Duration::from_micros(100) * step);
        times
            .map(|now| {
                buckets
                    .iter_mut()
                    .filter_map(|b| b.take(now).then_some(()))
                    .count()
            })
            .sum()
    }

    #[test]
    fn threads_that_share_a_limit_keep_it_together() {
        let alone = let_through(1);
        assert!((60_000..=60_050).contains(&alone), "{alone}");
        for parts in [2, 3, 8, 64] {
            let together = let_through(parts);
            let longest = 60 * (ICMP_PER_SECOND as usize + 1) + 64;
            assert!(together <= longest, "{together} by {parts}");
            assert!(together >= alone * 9 / 10, "{together} by {parts}");
        }
    }
}
