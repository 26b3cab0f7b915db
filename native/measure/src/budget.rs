//! What all probes together may cost, and how it is shared out.

use std::time::Duration;

use crate::schedule::Load;

/// Upper bounds for probes and their answers together: both directions count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub packets_per_second: u32,
    pub bits_per_second: u64,
}

impl Default for Budget {
    /// For 1,000 sites with 4 paths each: little beside what a gateway carries.
    fn default() -> Self {
        Budget {
            packets_per_second: 10_000,
            bits_per_second: 5_000_000,
        }
    }
}

/// How much a path matters; the order is the priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// In use, and the evidence hangs in the balance.
    Closest,
    /// In use by those who may lose little.
    Closer,
    /// Carries traffic, or backs up what does.
    InUse,
    /// May be chosen next.
    Candidate,
    Rest,
}

impl Rank {
    pub const ALL: [Rank; 5] = [
        Rank::Closest,
        Rank::Closer,
        Rank::InUse,
        Rank::Candidate,
        Rank::Rest,
    ];
    pub(crate) const COUNT: usize = Rank::ALL.len();
}

/// Hundredths of the budget that a rank gets before another gets more: a path that got better is
/// found however many are in use.
const SHARES: [f64; Rank::COUNT] = [10.0, 10.0, 50.0, 20.0, 10.0];
/// The plan uses this part of the budget; the rest is for the spread of the intervals.
const PLANNED: f64 = 0.95;
/// A probe and its answer.
const PACKETS: f64 = 2.0;

/// Intervals as wanted, or longer, so that all paths together keep to the budget.
pub(crate) fn stretched(
    budget: &Budget,
    wanted: &[Duration; Rank::COUNT],
    load: &[Load; Rank::COUNT],
) -> [Duration; Rank::COUNT] {
    let packets = load.map(|load| load.paths as f64 * PACKETS);
    let bits = load.map(|load| load.bytes as f64 * 8.0);
    let by_packets = factors(f64::from(budget.packets_per_second), wanted, &packets);
    let by_bits = factors(budget.bits_per_second as f64, wanted, &bits);
    std::array::from_fn(|rank| {
        let factor = by_packets[rank].max(by_bits[rank]).min(LONGEST);
        wanted[rank].mul_f64(factor)
    })
}

/// Even a budget of nothing gives a finite interval; the tokens then hold everything back.
const LONGEST: f64 = 1e6;

/// By how much each rank's interval grows for one bound.
fn factors(
    bound: f64,
    wanted: &[Duration; Rank::COUNT],
    costs: &[f64; Rank::COUNT],
) -> [f64; Rank::COUNT] {
    let demand: [f64; Rank::COUNT] =
        std::array::from_fn(|rank| costs[rank] / wanted[rank].as_secs_f64());
    let bound = bound * PLANNED;
    let mut granted: [f64; Rank::COUNT] =
        std::array::from_fn(|rank| demand[rank].min(bound * SHARES[rank] / 100.0));
    let mut left = bound - granted.iter().sum::<f64>();
    for rank in 0..Rank::COUNT {
        let more = (demand[rank] - granted[rank]).min(left).max(0.0);
        granted[rank] += more;
        left -= more;
    }
    std::array::from_fn(|rank| match demand[rank] {
        demand if demand > granted[rank] => demand / granted[rank],
        _ => 1.0,
    })
}

/// Both bounds as buckets of tokens: over any time `t` at most `rate × (t + BURST)` goes out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens {
    packets: f64,
    bits: f64,
    at: Duration,
}

/// What may go at once: a tenth of a second, so that a thread which looks every few milliseconds
/// is not held back.
const BURST_SECONDS: f64 = 0.1;
/// And never less than a probe of full size with its answer, or it could never go.
const LEAST_BITS: f64 = 2.0 * 9000.0 * 8.0;

impl Tokens {
    pub fn new(budget: &Budget, now: Duration) -> Self {
        Tokens {
            packets: packets_at_once(budget),
            bits: bits_at_once(budget),
            at: now,
        }
    }

    /// Whether a probe and its answer of so many bytes may go; takes them if so.
    pub fn take(&mut self, budget: &Budget, bytes: u32, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let packets = f64::from(budget.packets_per_second);
        let bits = budget.bits_per_second as f64;
        self.packets = (self.packets + passed * packets).min(packets_at_once(budget));
        self.bits = (self.bits + passed * bits).min(bits_at_once(budget));
        let (need_packets, need_bits) = need(budget, bytes);
        if self.packets < need_packets || self.bits < need_bits {
            return false;
        }
        self.packets -= PACKETS;
        self.bits -= f64::from(bytes) * 8.0;
        true
    }

    /// When a probe of so many bytes may go.
    pub fn ready(&self, budget: &Budget, bytes: u32) -> Duration {
        let (need_packets, need_bits) = need(budget, bytes);
        let wait = |missing: f64, rate: f64| match missing {
            missing if missing <= 0.0 => 0.0,
            missing => (missing / rate.max(1e-3)).min(1e6),
        };
        let packets = wait(
            need_packets - self.packets,
            f64::from(budget.packets_per_second),
        );
        let bits = wait(need_bits - self.bits, budget.bits_per_second as f64);
        // A nanosecond more than rounding may take away.
        self.at
            + Duration::from_secs_f64(packets.max(bits))
            + Duration::from_nanos(u64::from(packets.max(bits) > 0.0))
    }
}

/// No more than the bucket holds: one that is larger than it goes when it is full.
fn need(budget: &Budget, bytes: u32) -> (f64, f64) {
    (PACKETS, (f64::from(bytes) * 8.0).min(bits_at_once(budget)))
}

fn packets_at_once(budget: &Budget) -> f64 {
    (f64::from(budget.packets_per_second) * BURST_SECONDS).max(PACKETS)
}

fn bits_at_once(budget: &Budget) -> f64 {
    (budget.bits_per_second as f64 * BURST_SECONDS).max(LEAST_BITS)
}
