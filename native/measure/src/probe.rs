//! One probe and what came of it, and the last of them in the order of sending.

use std::collections::VecDeque;

/// What became of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Answered,
    /// No answer in time, and nothing tells which direction lost it.
    Lost,
    /// Never reached the reflector.
    LostForward,
    /// The reflector's answer was lost.
    LostReturn,
}

impl Fate {
    pub fn is_lost(self) -> bool {
        matches!(self, Fate::Lost | Fate::LostForward | Fate::LostReturn)
    }
}

/// Round trip of an answered probe that the clocks gave no sense to.
pub(crate) const NO_ROUND_TRIP: u32 = u32::MAX;

/// 24 bytes: a path at full rate keeps thousands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// Microseconds of the caller's clock.
    pub sent_micros: u64,
    /// Low half of the timestamp in the probe: the fraction of the second, in 0.23 ns.
    pub nonce: u32,
    /// The reflector's sequence number, if answered.
    pub reflected: u32,
    pub round_trip_micros: u32,
    pub fate: Fate,
    pub class: u8,
    marks: u8,
    copies: u8,
}

const FORWARD_REORDERED: u8 = 1;
const RETURN_REORDERED: u8 = 2;
const LATE: u8 = 4;
/// Which life of the reflector answered, modulo 16.
const LIFE_SHIFT: u8 = 4;

impl Probe {
    pub fn new(sent_micros: u64, nonce: u32, class: u8) -> Self {
        Probe {
            sent_micros,
            nonce,
            reflected: 0,
            round_trip_micros: NO_ROUND_TRIP,
            fate: Fate::Waiting,
            class,
            marks: 0,
            copies: 0,
        }
    }

    pub fn round_trip(&self) -> Option<u32> {
        (self.fate == Fate::Answered && self.round_trip_micros != NO_ROUND_TRIP)
            .then_some(self.round_trip_micros)
    }

    pub fn mark_forward_reordered(&mut self) {
        self.marks |= FORWARD_REORDERED;
    }

    pub fn mark_return_reordered(&mut self) {
        self.marks |= RETURN_REORDERED;
    }

    pub fn mark_late(&mut self) {
        self.marks |= LATE;
    }

    pub fn forward_reordered(&self) -> bool {
        self.marks & FORWARD_REORDERED != 0
    }

    pub fn return_reordered(&self) -> bool {
        self.marks & RETURN_REORDERED != 0
    }

    pub fn late(&self) -> bool {
        self.marks & LATE != 0
    }

    pub fn life(&self) -> u8 {
        self.marks >> LIFE_SHIFT
    }

    pub fn set_life(&mut self, life: u8) {
        self.marks = self.marks & 0x0f | life << LIFE_SHIFT;
    }

    /// Copies that the way there and the way back made; counted up to 15 each.
    pub fn copies(&self) -> (u8, u8) {
        (self.copies & 0x0f, self.copies >> 4)
    }

    pub fn add_forward_copy(&mut self) {
        self.copies += u8::from(self.copies & 0x0f < 0x0f);
    }

    pub fn add_return_copy(&mut self) {
        self.copies += if self.copies >> 4 < 0x0f { 0x10 } else { 0 };
    }
}

/// The last probes, found by their sequence numbers, which wrap.
#[derive(Debug)]
pub(crate) struct Ring {
    probes: VecDeque<Probe>,
    /// Sequence number of the oldest.
    first: u32,
}

/// Grown by a quarter rather than doubled: thousands of rings stand beside one another.
const SMALLEST: usize = 8;

impl Ring {
    pub fn new(first: u32) -> Self {
        Ring {
            probes: VecDeque::new(),
            first,
        }
    }

    pub fn first(&self) -> u32 {
        self.first
    }

    /// Sequence number of the probe that is sent next.
    pub fn next(&self) -> u32 {
        self.first.wrapping_add(self.probes.len() as u32)
    }

    pub fn len(&self) -> usize {
        self.probes.len()
    }

    pub fn push(&mut self, probe: Probe) -> u32 {
        if self.probes.len() == self.probes.capacity() {
            self.probes
                .reserve_exact(SMALLEST.max(self.probes.len() / 4));
        }
        let sequence = self.next();
        self.probes.push_back(probe);
        sequence
    }

    pub fn oldest(&self) -> Option<&Probe> {
        self.probes.front()
    }

    pub fn pop(&mut self) -> Option<Probe> {
        let probe = self.probes.pop_front()?;
        self.first = self.first.wrapping_add(1);
        // A path that became slow gives its room back; never while the rate stays as it is.
        let capacity = self.probes.capacity();
        if capacity > 8 * SMALLEST && self.probes.len() < capacity / 3 {
            self.probes.shrink_to(self.probes.len() * 3 / 2);
        }
        Some(probe)
    }

    pub fn at(&self, sequence: u32) -> Option<&Probe> {
        self.probes.get(sequence.wrapping_sub(self.first) as usize)
    }

    pub fn at_mut(&mut self, sequence: u32) -> Option<&mut Probe> {
        self.probes
            .get_mut(sequence.wrapping_sub(self.first) as usize)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Probe> + ExactSizeIterator {
        self.probes.iter()
    }
}

/// How far `a` is after `b`, as sequence numbers; negative if it is before.
pub(crate) fn after(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}
