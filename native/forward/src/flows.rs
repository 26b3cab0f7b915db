//! What was decided for a flow, kept for its next packet.

use std::net::IpAddr;

use labelway_wire::Customer;

use crate::identity::Identity;
use crate::live::Epoch;
use crate::steering::{Mark, mark};
use crate::{DropReason, Fib, Live};

/// Flows that may share a place: as many as one look-up compares.
const WAYS: usize = 4;
/// A megabyte: the flows of a busy site of some thousand hosts, and still within a processor's
/// second-level cache.
const FLOWS: usize = 16_384;

const VERSION_6: u64 = 1 << 16;
const HAS_PORTS: u64 = 1 << 17;
const FRAGMENT: u64 = 1 << 18;

/// Each ingress thread's own, of a fixed size: a flow that finds no room takes the place of one that
/// was not seen of late. It never answers by another table or liveness than it is asked for; from
/// one to the next it keeps which list a flow had, so that the flow may stay there.
#[derive(Debug)]
pub struct FlowCache {
    entries: Box<[Entry]>,
    /// What the entries of this `round` were decided by.
    basis: Option<(Identity, Epoch)>,
    /// Entries of former rounds are decided anew. Zero is no entry's.
    round: u32,
}

/// A cache line, so that a flow which lies where it belongs costs one.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Entry {
    key: FlowKey,
    round: u32,
    /// Of the decision's list.
    mark: Mark,
    decision: Decision,
}

/// Everything that a decision depends on, but for table and liveness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FlowKey([u64; 6]);

/// In one word, for it is written and read with each packet: the list in the lower half, above it
/// the entropy port, above that why there is no list, counted from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Decision(u64);

/// In the cache: asked for since it was last passed over.
const IN_USE: u64 = 1 << 63;

impl Decision {
    pub(crate) fn new(list: Result<u32, DropReason>, entropy_port: u16) -> Self {
        let list = match list {
            Ok(list) => u64::from(list),
            Err(reason) => (reason.index() as u64 + 1) << 48,
        };
        Self(u64::from(entropy_port) << 32 | list)
    }

    #[inline]
    pub(crate) fn list(self) -> Result<u32, DropReason> {
        match (self.0 & !IN_USE) >> 48 {
            0 => Ok(self.0 as u32),
            reason => Err(DropReason::ALL[(reason as usize - 1) % DropReason::ALL.len()]),
        }
    }

    #[inline]
    pub(crate) fn entropy_port(self) -> u16 {
        (self.0 >> 32) as u16
    }
}

impl Default for FlowCache {
    fn default() -> Self {
        Self::with_capacity(FLOWS)
    }
}

impl FlowCache {
    /// Room for this many flows, rounded up.
    pub fn with_capacity(flows: usize) -> Self {
        let entries = flows.max(WAYS).next_power_of_two();
        Self {
            entries: vec![Entry::default(); entries].into(),
            basis: None,
            round: 0,
        }
    }

    /// What was decided by this table and this liveness, or what is decided now, by the mark of the
    /// list that the flow had until then.
    #[inline]
    pub(crate) fn decision(
        &mut self,
        fib: &Fib,
        live: &Live,
        key: &FlowKey,
        decide: impl FnOnce(Mark) -> Decision,
    ) -> Decision {
        // Asked for before `decide` looks: a flip meanwhile makes the entry void, not wrong.
        let basis = Some((fib.identity, live.epoch()));
        if self.basis != basis {
            self.basis = basis;
            // Zero is passed over when it wraps.
            self.round = self.round.checked_add(1).unwrap_or(1);
        }
        let place = key.place();
        for way in 0..WAYS {
            let at = self.at(place, way);
            let Some(entry) = self.entries.get_mut(at) else {
                break;
            };
            if entry.key.is(key) && entry.round == self.round {
                if entry.decision.0 & IN_USE == 0 {
                    entry.decision.0 |= IN_USE;
                }
                return entry.decision;
            }
        }
        self.anew(fib, place, key, decide)
    }

    #[cold]
    #[inline(never)]
    fn anew(
        &mut self,
        fib: &Fib,
        place: u64,
        key: &FlowKey,
        decide: impl FnOnce(Mark) -> Decision,
    ) -> Decision {
        let (at, former) = self.room(place, key);
        let decision = decide(former);
        let list = decision.list().ok();
        let list = list.and_then(|list| fib.lists.get(list as usize));
        if let Some(entry) = self.entries.get_mut(at) {
            *entry = Entry {
                key: *key,
                round: self.round,
                mark: list.and_then(mark),
                decision,
            };
        }
        decision
    }

    /// Where the flow lies that belongs to `place`, and up to three more.
    #[inline]
    fn at(&self, place: u64, way: usize) -> usize {
        (place as usize ^ way) & (self.entries.len() - 1)
    }

    /// Where the flow lay in a former round, and the mark of its list then. Otherwise an empty place,
    /// or that of the first flow that was not asked for since it was last passed over: the clock
    /// algorithm, whose hand starts where the new flow belongs.
    fn room(&mut self, place: u64, key: &FlowKey) -> (usize, Mark) {
        let mut free = None;
        for way in 0..WAYS {
            let at = self.at(place, way);
            let Some(entry) = self.entries.get_mut(at) else {
                break;
            };
            // Those of this round have just been compared.
            if entry.round != self.round && entry.round != 0 && entry.key.is(key) {
                return (at, entry.mark);
            }
            if free.is_none() && entry.decision.0 & IN_USE == 0 {
                free = Some(at);
            }
        }
        if free.is_none() {
            for way in 0..WAYS {
                if let Some(entry) = self.entries.get_mut(self.at(place, way)) {
                    entry.decision.0 &= !IN_USE;
                }
            }
        }
        (free.unwrap_or_else(|| self.at(place, 0)), None)
    }
}

impl FlowKey {
    #[inline]
    pub(crate) fn new(segment: usize, customer: &Customer) -> Self {
        let (version, addresses) = match (customer.source, customer.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let addresses =
                    u64::from(u32::from(source)) << 32 | u64::from(u32::from(destination));
                (0, [addresses, 0, 0, 0])
            }
            (source, destination) => {
                let [source, destination] = [source, destination].map(|address| match address {
                    IpAddr::V4(address) => u128::from(u32::from(address)),
                    IpAddr::V6(address) => address.into(),
                });
                let high = |address: u128| (address >> 64) as u64;
                let (a, b) = (high(source), source as u64);
                (VERSION_6, [a, b, high(destination), destination as u64])
            }
        };
        let ports = customer.ports.map_or(0, |ports| {
            HAS_PORTS | u64::from(ports.source) << 48 | u64::from(ports.destination) << 32
        });
        let fragment = if customer.fragment { FRAGMENT } else { 0 };
        let class = u64::from(customer.protocol) | u64::from(customer.dscp) << 8;
        let [a, b, c, d] = addresses;
        Self([
            a,
            b,
            c,
            d,
            segment as u64,
            ports | version | fragment | class,
        ])
    }

    /// Equality in registers: a comparison of memory would wait for the key to be written there.
    #[inline]
    fn is(&self, other: &FlowKey) -> bool {
        let [a, b, c, d, e, f] = self.0;
        let [g, h, i, j, k, l] = other.0;
        (a ^ g) | (b ^ h) | (c ^ i) | (d ^ j) | (e ^ k) | (f ^ l) == 0
    }

    /// Where in the cache it belongs: three products that do not wait for one another, folded as in
    /// wyhash.
    #[inline]
    fn place(&self) -> u64 {
        // Odd 64-bit constants with bits well spread (digits of e); any such would do.
        const KEYS: [u64; 6] = [
            0xb7e1_5162_8aed_2a6b,
            0xbf71_5880_9cf4_f3c7,
            0x62e7_160f_38b4_da57,
            0xa784_d904_5190_cfef,
            0x324e_7738_926c_fbe5,
            0xf4bf_8d8d_8c31_d763,
        ];
        let fold = |at: usize| {
            let product =
                u128::from(self.0[at] ^ KEYS[at]) * u128::from(self.0[at + 1] ^ KEYS[at + 1]);
            product as u64 ^ (product >> 64) as u64
        };
        fold(0) ^ fold(2) ^ fold(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labelway_boundary::{Liveness, Table, TtlModel};

    #[test]
    fn an_entry_is_a_cache_line() {
        assert_eq!(std::mem::size_of::<Entry>(), 64);
    }

    /// A table with one adjacency and nothing else: its contents are not asked for here.
    fn table() -> Table {
        let mut reader = crate::fuzzing::tables::Reader::new(&[]);
        Table {
            ttl: TtlModel::Pipe,
            ..reader.table()
        }
    }

    fn key(number: u64) -> FlowKey {
        FlowKey([number, 0, 0, 0, 0, 0])
    }

    struct Asked {
        fib: Fib,
        live: Live,
        flows: FlowCache,
    }

    impl Asked {
        fn new(capacity: usize) -> Self {
            Self {
                fib: Fib::compile(&table()).unwrap(),
                live: Live::next(None, &table()),
                flows: FlowCache::with_capacity(capacity),
            }
        }

        /// Whether the flow was known.
        fn knows(&mut self, number: u64) -> bool {
            let mut known = true;
            let list = match number % 3 {
                0 => Err(DropReason::NoPath),
                _ => Ok(number as u32),
            };
            let expected = Decision::new(list, number as u16);
            let found = self
                .flows
                .decision(&self.fib, &self.live, &key(number), |_| {
                    known = false;
                    expected
                });
            assert_eq!(found.list(), list);
            assert_eq!(found.entropy_port(), number as u16);
            known
        }
    }

    #[test]
    fn every_decision_comes_back() {
        let lists = [0, 1, u32::MAX].map(Ok);
        for list in DropReason::ALL
            .iter()
            .map(|reason| Err(*reason))
            .chain(lists)
        {
            let decision = Decision::new(list, 0xffff);
            assert_eq!((decision.list(), decision.entropy_port()), (list, 0xffff));
        }
    }

    #[test]
    fn a_flow_is_decided_once_until_something_changes() {
        let mut asked = Asked::new(64);
        assert_eq!(
            [1, 2, 3, 1, 2, 3].map(|flow| asked.knows(flow)),
            [false, false, false, true, true, true]
        );
        asked.live.set_adjacency(0, Liveness::Up);
        assert_eq!([1, 1].map(|flow| asked.knows(flow)), [false, true]);
        asked.live.set_adjacency(0, Liveness::Up); // as it was
        assert!(asked.knows(1));
        asked.fib = Fib::compile(&table()).unwrap();
        assert_eq!([1, 1].map(|flow| asked.knows(flow)), [false, true]);
        asked.live = Live::next(Some(&asked.live), &table());
        assert_eq!([1, 1].map(|flow| asked.knows(flow)), [false, true]);
    }

    #[test]
    fn a_flow_in_use_stays_when_others_pass_by() {
        let mut asked = Asked::new(WAYS);
        asked.knows(0);
        for other in 1..100 {
            assert!(asked.knows(0), "{other}");
            asked.knows(other);
        }
    }

    #[test]
    fn flows_spread_over_the_whole_cache() {
        let mut asked = Asked::new(FLOWS);
        // Half of what there is room for: of sets of four, few are asked for more.
        let flows = || (0..FLOWS as u64 / 2).map(|number| number << 32 | 0x0a02_0005);
        for flow in flows() {
            asked.knows(flow);
        }
        let known = flows().filter(|flow| asked.knows(*flow)).count();
        assert!(known > FLOWS / 2 * 9 / 10, "{known}");
    }
}
