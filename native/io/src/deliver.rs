//! Out by a segment's TUN: runs of a flow as one super-packet.

use std::io::IoSlice;
use std::ops::Range;

use labelway_offload::{Coalescer, Group, VnetHeader};

use crate::counters::{Drops, IoDrop};
use crate::threads::Thread;
use crate::world::{Segment, World};

/// Packets that are looked at together.
const PACKETS: usize = 256;

/// Packets a super-packet: its parts are handed to the kernel in one vector.
const PARTS: usize = 64;

/// Collects packets for one segment's LAN. What is handed to it is written at the latest by
/// [`Deliverer::flush`]; until then the memory that it lies in must not change.
pub struct Deliverer {
    thread: Thread,
    /// None yet: larger than any.
    segment: usize,
    coalescer: Coalescer,
    /// Where the packets are in the memory.
    ranges: Vec<Range<usize>>,
}

impl Deliverer {
    pub fn new(thread: Thread) -> Self {
        Deliverer {
            thread,
            segment: usize::MAX,
            coalescer: Coalescer::with_capacity(PACKETS).with_limit(PARTS),
            ranges: Vec::with_capacity(PACKETS),
        }
    }

    /// Takes the packet at `range` of `memory`.
    pub fn push(
        &mut self,
        world: &World,
        drops: &Drops,
        memory: &mut [u8],
        segment: usize,
        range: Range<usize>,
    ) {
        if segment != self.segment || self.ranges.len() == PACKETS {
            self.flush(world, drops, memory);
            self.segment = segment;
            let tun = &world.segments[segment].tun;
            self.coalescer.take_udp(tun.takes_udp_super_packets);
        }
        let id = self.ranges.len() as u32;
        let taken = self.coalescer.offer(id, &memory[range.clone()]);
        debug_assert!(taken, "the coalescer has as much room as there are ranges");
        self.ranges.push(range);
    }

    /// Writes what was collected; the memory may change again.
    pub fn flush(&mut self, world: &World, drops: &Drops, memory: &mut [u8]) {
        // A table may have been swapped in between: then the segment may be gone.
        let Some(segment) = world.segments.get(self.segment) else {
            self.forget();
            return;
        };
        for group in self.coalescer.groups() {
            let first = self.ranges[group.first() as usize].clone();
            let header = group.finish(&mut memory[first]);
            match write(
                segment,
                self.thread.lane,
                &group,
                header,
                &self.ranges,
                memory,
            ) {
                Ok(bytes) => segment.egress.add_many(self.thread, group.count(), bytes),
                Err(_) => drops.io_many(IoDrop::TunRefused, group.count()),
            }
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.coalescer.clear();
        self.ranges.clear();
    }
}

/// The bytes of all the packets, were they written one by one.
fn write(
    segment: &Segment,
    lane: usize,
    group: &Group<'_>,
    header: VnetHeader,
    ranges: &[Range<usize>],
    memory: &[u8],
) -> std::io::Result<usize> {
    let header = header.encode();
    let mut parts = [IoSlice::new(&[]); 1 + PARTS];
    parts[0] = IoSlice::new(&header);
    let mut bytes = 0;
    for (index, (part, id)) in parts[1..].iter_mut().zip(group.ids()).enumerate() {
        let packet = &memory[ranges[id as usize].clone()];
        let skipped = if index == 0 { 0 } else { group.headers() };
        *part = IoSlice::new(&packet[skipped..]);
        bytes += packet.len();
    }
    segment.tun.write(lane, &parts[..1 + group.count()])?;
    Ok(bytes)
}
