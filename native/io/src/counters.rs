//! Counters with one writer each: an addition is a load and a store, no locked instruction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use labelway_forward::DropReason;

use crate::threads::Thread;

/// A number that one thread alone adds to.
#[derive(Debug, Default)]
struct Number(AtomicU64);

impl Number {
    // Relaxed: whoever reads wants a recent value, nothing is ordered by it.
    fn add(&self, amount: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(amount),
            Ordering::Relaxed,
        );
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Packets and their bytes, counted by each thread in a place of its own.
#[derive(Debug, Clone)]
pub struct Traffic(Arc<[Pair]>);

#[derive(Debug, Default)]
struct Pair {
    packets: Number,
    bytes: Number,
}

/// Pairs from one thread's to the next one's where they are spread: 64 bytes, a cache line, so that
/// threads that count the same do not take it away from each other.
const SPREAD: usize = 4;

/// Most counters of a kind that are spread; of more than these few are in use at a time.
const MOST_SPREAD: usize = 1 << 14;

impl Traffic {
    /// For so many threads; `like`: so many counters there are of this kind. Two threads share a
    /// line: they seldom count the same.
    pub fn new(slots: usize, like: usize) -> Self {
        let spread = slots > 2 && like <= MOST_SPREAD;
        let pairs = if spread { slots * SPREAD } else { slots };
        Traffic((0..pairs).map(|_| Pair::default()).collect())
    }

    pub fn add(&self, thread: Thread, bytes: usize) {
        self.add_many(thread, 1, bytes);
    }

    /// `bytes` is the sum over all packets.
    pub fn add_many(&self, thread: Thread, packets: usize, bytes: usize) {
        let pair = self.pair(thread);
        pair.packets.add(packets as u64);
        pair.bytes.add(bytes as u64);
    }

    pub fn packets(&self) -> u64 {
        self.0.iter().map(|pair| pair.packets.read()).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|pair| pair.bytes.read()).sum()
    }

    /// The same for all that count the same.
    pub fn identity(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// Packets and bytes that this thread counted.
    pub fn of(&self, thread: Thread) -> (u64, u64) {
        let pair = self.pair(thread);
        (pair.packets.read(), pair.bytes.read())
    }

    fn pair(&self, thread: Thread) -> &Pair {
        let spread = self.0.len() > thread.slots;
        &self.0[if spread {
            thread.slot * SPREAD
        } else {
            thread.slot
        }]
    }
}

/// Drops that happen here, at the sockets and devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoDrop {
    /// The kernel has no way to the peer's endpoint: no route, device down or gone.
    UplinkUnreachable,
    /// The socket's buffer is full.
    UplinkBusy,
    /// The kernel refused a datagram for another reason.
    UplinkRefused,
    /// Datagrams found a socket's receive buffer full; the kernel counts them, and is asked each
    /// second.
    UplinkOverrun,
    /// A datagram or packet larger than any that is meant to come.
    Oversized,
    /// The adjacency's public key is no peer of the interface (yet).
    NoPeer,
    /// A peer, or an inner address, that is no adjacency of the table.
    UnknownNeighbour,
    /// The segment's TUN took no more packets, or is down.
    TunRefused,
    /// A super-packet from a TUN whose headers contradict each other.
    TunMalformed,
    /// Congestion was met on the underlay by a packet whose transport cannot be told but by a loss
    /// (RFC 6040 §4.2).
    CongestionUntold,
    /// UDP 862, but no STAMP that concerns this router.
    ProbeMalformed,
    /// A reply to no probe that is waited for.
    ProbeStale,
    /// A probe, or an answer to one, in the mode of STAMP that this router does not take: without a
    /// code where one is required, or with one where none is.
    ProbeOtherMode,
    /// A probe, or an answer to one, whose code or whose TLVs' code is not that of our key.
    ProbeWrongCode,
    /// A BFD packet that RFC 5880 §6.8.6 discards.
    BfdDiscarded,
}

impl IoDrop {
    pub const ALL: [IoDrop; 15] = [
        IoDrop::UplinkUnreachable,
        IoDrop::UplinkBusy,
        IoDrop::UplinkRefused,
        IoDrop::UplinkOverrun,
        IoDrop::Oversized,
        IoDrop::NoPeer,
        IoDrop::UnknownNeighbour,
        IoDrop::TunRefused,
        IoDrop::TunMalformed,
        IoDrop::CongestionUntold,
        IoDrop::ProbeMalformed,
        IoDrop::ProbeStale,
        IoDrop::ProbeOtherMode,
        IoDrop::ProbeWrongCode,
        IoDrop::BfdDiscarded,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            IoDrop::UplinkUnreachable => "uplink-unreachable",
            IoDrop::UplinkBusy => "uplink-busy",
            IoDrop::UplinkRefused => "uplink-refused",
            IoDrop::UplinkOverrun => "uplink-overrun",
            IoDrop::Oversized => "oversized",
            IoDrop::NoPeer => "no-peer",
            IoDrop::UnknownNeighbour => "unknown-neighbour",
            IoDrop::TunRefused => "tun-refused",
            IoDrop::TunMalformed => "tun-malformed",
            IoDrop::CongestionUntold => "congestion-untold",
            IoDrop::ProbeMalformed => "probe-malformed",
            IoDrop::ProbeStale => "probe-stale",
            IoDrop::ProbeOtherMode => "probe-other-mode",
            IoDrop::ProbeWrongCode => "probe-wrong-code",
            IoDrop::BfdDiscarded => "bfd-discarded",
        }
    }

    /// What a refused datagram is counted as.
    pub fn of_send(error: &std::io::Error) -> IoDrop {
        match error.raw_os_error() {
            Some(
                libc::ENETUNREACH
                | libc::EHOSTUNREACH
                | libc::ENETDOWN
                | libc::ENODEV
                | libc::ENXIO
                | libc::EADDRNOTAVAIL
                | libc::ECONNREFUSED
                | libc::EACCES
                | libc::EPERM,
            ) => IoDrop::UplinkUnreachable,
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => IoDrop::UplinkBusy,
            _ => IoDrop::UplinkRefused,
        }
    }
}

/// Everything that one thread dropped since the engine started.
pub struct Drops {
    forward: [Number; DropReason::ALL.len()],
    io: [Number; IoDrop::ALL.len()],
}

impl Default for Drops {
    fn default() -> Self {
        Drops {
            forward: [const { Number(AtomicU64::new(0)) }; DropReason::ALL.len()],
            io: [const { Number(AtomicU64::new(0)) }; IoDrop::ALL.len()],
        }
    }
}

impl Drops {
    pub fn forward(&self, reason: DropReason) {
        self.forward[reason.index()].add(1);
    }

    pub fn io(&self, reason: IoDrop) {
        self.io_many(reason, 1);
    }

    pub fn io_many(&self, reason: IoDrop, packets: usize) {
        self.io[reason as usize].add(packets as u64);
    }

    /// Name and count of every reason, also of those never seen.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let forward = DropReason::ALL.iter().map(|reason| reason.name());
        let io = IoDrop::ALL.iter().map(|reason| reason.name());
        let forward = forward.zip(self.forward.iter().map(Number::read));
        forward.chain(io.zip(self.io.iter().map(Number::read)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_counter_and_name() {
        let drops = Drops::default();
        for (index, reason) in IoDrop::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            for _ in 0..=index {
                drops.io(reason);
            }
        }
        for reason in DropReason::ALL {
            drops.forward(*reason);
        }
        let read: std::collections::BTreeMap<_, _> = drops.read().collect();
        assert_eq!(
            read.len(),
            IoDrop::ALL.len() + DropReason::ALL.len(),
            "a name is used twice"
        );
        assert_eq!(read["uplink-unreachable"], 1);
        assert_eq!(read["bfd-discarded"], IoDrop::ALL.len() as u64);
        assert_eq!(read[DropReason::ALL[3].name()], 1);
    }

    #[test]
    fn each_thread_has_its_own_and_all_are_summed() {
        let threads = |ingress, underlay| {
            let counts = labelway_boundary::ThreadCounts { ingress, underlay };
            crate::threads::Threads::new(Some(counts)).unwrap()
        };
        for (threads, like) in [
            (threads(1, 1), 1),
            (threads(2, 3), 1),
            (threads(2, 3), 1 << 20),
        ] {
            let traffic = Traffic::new(threads.count(), like);
            for (thread, bytes) in threads.all().zip(1..) {
                traffic.add(thread, bytes);
                traffic.add_many(thread, 2, 100);
                assert_eq!(traffic.of(thread), (3, 100 + bytes as u64));
            }
            let count = threads.count() as u64;
            assert_eq!(traffic.packets(), 3 * count);
            assert_eq!(traffic.bytes(), 100 * count + count * (count + 1) / 2);
        }
    }

    #[test]
    fn two_threads_need_no_more_than_their_pairs_and_more_have_lines_apart() {
        assert_eq!(Traffic::new(2, 1).0.len(), 2);
        assert_eq!(Traffic::new(4, MOST_SPREAD).0.len(), 4 * SPREAD);
        assert_eq!(Traffic::new(4, MOST_SPREAD + 1).0.len(), 4);
        assert_eq!(SPREAD * size_of::<Pair>(), 64);
    }
}
