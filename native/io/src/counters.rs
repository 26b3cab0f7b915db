//! Counters with one writer each: an addition is a load and a store, no locked instruction.

use std::sync::atomic::{AtomicU64, Ordering};

use labelway_forward::DropReason;

/// Who counts. Each of the two packet threads has its own half of every counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thread {
    Ingress = 0,
    Underlay = 1,
}

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

/// Packets and their bytes.
#[derive(Debug, Default)]
pub struct Traffic([Pair; 2]);

#[derive(Debug, Default)]
struct Pair {
    packets: Number,
    bytes: Number,
}

impl Traffic {
    pub fn add(&self, thread: Thread, bytes: usize) {
        self.add_many(thread, 1, bytes);
    }

    /// `bytes` is the sum over all packets.
    pub fn add_many(&self, thread: Thread, packets: usize, bytes: usize) {
        let pair = &self.0[thread as usize];
        pair.packets.add(packets as u64);
        pair.bytes.add(bytes as u64);
    }

    pub fn packets(&self) -> u64 {
        self.0.iter().map(|pair| pair.packets.read()).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|pair| pair.bytes.read()).sum()
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
}

impl IoDrop {
    pub const ALL: [IoDrop; 11] = [
        IoDrop::UplinkUnreachable,
        IoDrop::UplinkBusy,
        IoDrop::UplinkRefused,
        IoDrop::Oversized,
        IoDrop::NoPeer,
        IoDrop::UnknownNeighbour,
        IoDrop::TunRefused,
        IoDrop::TunMalformed,
        IoDrop::CongestionUntold,
        IoDrop::ProbeMalformed,
        IoDrop::ProbeStale,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            IoDrop::UplinkUnreachable => "uplink-unreachable",
            IoDrop::UplinkBusy => "uplink-busy",
            IoDrop::UplinkRefused => "uplink-refused",
            IoDrop::Oversized => "oversized",
            IoDrop::NoPeer => "no-peer",
            IoDrop::UnknownNeighbour => "unknown-neighbour",
            IoDrop::TunRefused => "tun-refused",
            IoDrop::TunMalformed => "tun-malformed",
            IoDrop::CongestionUntold => "congestion-untold",
            IoDrop::ProbeMalformed => "probe-malformed",
            IoDrop::ProbeStale => "probe-stale",
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
        assert_eq!(read["probe-stale"], IoDrop::ALL.len() as u64);
        assert_eq!(read[DropReason::ALL[3].name()], 1);
    }

    #[test]
    fn both_threads_are_summed() {
        let traffic = Traffic::default();
        traffic.add(Thread::Ingress, 100);
        traffic.add(Thread::Underlay, 20);
        traffic.add(Thread::Underlay, 3);
        assert_eq!((traffic.packets(), traffic.bytes()), (3, 123));
    }
}
