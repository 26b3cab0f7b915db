//! Buffers that packets are worked on in, and what is to happen to them.

use std::ops::Range;

use labelway_forward::{HEADROOM, Packet};

use crate::batch::{BATCH, SLOT};

/// Bytes a buffer: headroom, the largest packet, and WireGuard's padding and tag behind it.
const ROOM: usize = HEADROOM + SLOT + 64;

/// [`BATCH`] buffers, allocated once.
pub struct Pool(Box<[u8]>);

/// A packet in a pool that is to be sent over an adjacency.
pub struct Queued {
    pub adjacency: usize,
    pub slot: usize,
    pub range: Range<usize>,
}

impl Pool {
    pub fn new() -> Self {
        Pool(vec![0; BATCH * ROOM].into_boxed_slice())
    }

    pub fn slot(&mut self, index: usize) -> &mut [u8] {
        &mut self.0[index * ROOM..][..ROOM]
    }

    /// Where a packet of unknown length is received to.
    pub fn room(&mut self, index: usize) -> &mut [u8] {
        &mut self.slot(index)[HEADROOM..]
    }

    pub fn packet(&mut self, index: usize, length: usize) -> Packet<'_> {
        Packet::new(self.slot(index), length)
    }
}

/// Sorts so that packets for one adjacency follow each other, each flow in its order.
pub fn group(queue: &mut [Queued]) {
    // Unstable because the stable one allocates; the slot makes it stable.
    queue.sort_unstable_by_key(|queued| (queued.adjacency, queued.slot));
}
