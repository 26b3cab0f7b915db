//! A thread's buffers, in one piece and allocated once: packets are worked on where they lie.

use std::ops::Range;

use labelway_forward::{HEADROOM, Packet};
use labelway_wireguard::{HEADER, TAG};

/// Largest packet that a slot holds, or that is taken from a LAN: an underlay MTU of 9,000 (the most
/// that the configuration takes) and room to spare, a multiple of the cache line.
pub const LARGEST: usize = 9216;

/// WireGuard pads to a multiple of this many bytes (paper §5.4.6).
const PADDING: usize = 16;

/// Bytes that a packet may need behind it until it is sent.
const BEHIND: usize = PADDING + TAG;

/// A slot: WireGuard's header, headroom, the packet, padding and tag.
const SLOT: usize = (HEADER + HEADROOM + LARGEST + BEHIND).next_multiple_of(64);

/// Bytes of the memory from `start` to `limit` that one packet may use up to when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The packet.
    pub packet: Range<usize>,
    /// Where somebody else's bytes begin.
    pub limit: usize,
}

/// In front, what the caller fills as it likes; behind it, slots that are handed out one after the
/// other and taken back all at once.
pub struct Memory {
    bytes: Box<[u8]>,
    front: usize,
    used: usize,
}

impl Memory {
    pub fn new(front: usize, slots: usize) -> Self {
        Memory {
            bytes: vec![0; front + slots * SLOT].into_boxed_slice(),
            front,
            used: 0,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub fn front(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.front]
    }

    /// Slots that are still free.
    pub fn free(&self) -> usize {
        (self.bytes.len() - self.front) / SLOT - self.used
    }

    /// Takes all slots back.
    pub fn reclaim(&mut self) {
        self.used = 0;
    }

    /// Lends the next free slot for a packet of its own; nothing is taken until [`Memory::take`].
    pub fn slot(&mut self) -> &mut [u8] {
        self.front_and_slot().1
    }

    /// The front too, to copy from.
    pub fn front_and_slot(&mut self) -> (&mut [u8], &mut [u8]) {
        let start = self.start() - self.front;
        let (front, slots) = self.bytes.split_at_mut(self.front);
        (front, &mut slots[start..][HEADER..SLOT - BEHIND])
    }

    /// Takes the slot that was lent: it holds a packet at `range` of what was lent.
    pub fn take(&mut self, range: Range<usize>) -> Place {
        let start = self.start();
        self.used += 1;
        let base = start + HEADER;
        Place {
            packet: base + range.start..base + range.end,
            limit: start + SLOT,
        }
    }

    /// A packet to work on: with its slot as headroom, or, in the front, with the next free slot as
    /// its spare. Where it is afterwards tells [`Memory::settle`].
    pub fn packet(&mut self, place: &Place) -> Packet<'_> {
        let range = place.packet.clone();
        if range.start >= self.front {
            let base = self.base(range.start);
            let slot = &mut self.bytes[base..][..SLOT - BEHIND - HEADER];
            return Packet::at(slot, range.start - base, range.len());
        }
        let (front, slot) = self.front_and_slot();
        Packet::with_spare(&mut front[range], slot)
    }

    /// Where a packet from `place` is that says this of itself; takes the spare if it moved there.
    pub fn settle(&mut self, place: Place, moved: bool, range: Range<usize>) -> Place {
        if moved {
            return self.take(range);
        }
        let start = place.packet.start;
        let base = if start >= self.front {
            self.base(start)
        } else {
            start
        };
        Place {
            packet: base + range.start..base + range.end,
            limit: place.limit,
        }
    }

    /// Copies a packet to a slot of its own, which is lent like [`Memory::slot`]. None if it is
    /// larger than that: in the front it may be as large as a datagram.
    pub fn copy(&mut self, place: &Place) -> Option<Packet<'_>> {
        let length = place.packet.len();
        if length > LARGEST {
            return None;
        }
        let to = self.start() + HEADER;
        self.bytes.copy_within(place.packet.clone(), to + HEADROOM);
        let slot = &mut self.bytes[to..][..SLOT - BEHIND - HEADER];
        Some(Packet::new(slot, length))
    }

    /// Where what was lent of the slot begins that this byte is in.
    fn base(&self, at: usize) -> usize {
        self.front + (at - self.front) / SLOT * SLOT + HEADER
    }

    /// There always is one: callers look at [`Memory::free`] before a run.
    fn start(&self) -> usize {
        self.front + self.used * SLOT
    }
}

/// Bytes that [`lay`] needs for a packet of this length.
pub const fn room_for(packet: usize, headroom: usize) -> usize {
    HEADER + headroom + packet + BEHIND
}

/// Where a packet lies for which [`room_for`] bytes were set aside from `at` on.
pub fn lay(at: usize, packet: usize, headroom: usize) -> Place {
    let start = at + HEADER + headroom;
    Place {
        packet: start..start + packet,
        limit: start + packet + BEHIND,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_no_larger_than_its_slot() {
        const FRONT: usize = 65_536;
        let mut memory = Memory::new(FRONT, 2);
        memory.front().fill(7);
        let place = |length| Place {
            packet: HEADER..HEADER + length,
            limit: FRONT,
        };
        let copied = memory.copy(&place(LARGEST)).map(|packet| {
            assert_eq!(packet.bytes(), [7; LARGEST]);
            packet.range()
        });
        let taken = memory.take(copied.unwrap());
        assert_eq!(memory.bytes()[taken.packet], [7; LARGEST]);
        for length in [LARGEST + 1, 3 * LARGEST] {
            assert!(memory.copy(&place(length)).is_none());
        }
        assert_eq!(memory.free(), 1);
    }
}
