//! The long windows: slices of time, closed ones packed to some dozens of bytes.

use std::collections::VecDeque;

use histogram::Histogram;

use crate::buckets::{Buckets, middle};
use crate::probe::Probe;
use crate::summary::{FIELDS, Last, Totals};

/// Width and number of the slices of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    width_micros: u64,
    count: u64,
}

/// 15 min and 24 h, each to a tenth or twelfth: a window is up to a slice longer than it says.
pub(crate) const QUARTER: Shape = Shape {
    width_micros: 90_000_000,
    count: 10,
};
pub(crate) const DAY: Shape = Shape {
    width_micros: 7_200_000_000,
    count: 12,
};

#[derive(Debug)]
pub(crate) struct Slices {
    shape: Shape,
    closed: VecDeque<Closed>,
    /// Number of the slice that is filled: its beginning by its width.
    open: u64,
    totals: Totals,
    buckets: Buckets,
}

#[derive(Debug)]
struct Closed {
    number: u64,
    packed: Box<[u8]>,
}

impl Slices {
    pub fn new(shape: Shape) -> Self {
        Slices {
            shape,
            closed: VecDeque::new(),
            open: 0,
            totals: Totals::default(),
            buckets: Buckets::default(),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Slices::new(self.shape);
    }

    /// Probes come in the order of sending. Allocates when a slice is closed, and when a round trip
    /// falls into a bucket of the open slice that needs more room than any slice before.
    pub fn add(&mut self, probe: &Probe, last: &mut Last) {
        let number = probe.sent_micros / self.shape.width_micros;
        if number > self.open {
            self.close();
            self.open = number;
            let oldest = number.saturating_sub(self.shape.count);
            while self
                .closed
                .front()
                .is_some_and(|closed| closed.number < oldest)
            {
                self.closed.pop_front();
            }
        }
        self.totals.add(probe, last);
        if let Some(micros) = probe.round_trip() {
            self.buckets.increment(micros);
        }
    }

    /// Adds all slices that reach into the window up to `now`.
    pub fn gather(&self, now_micros: u64, totals: &mut Totals, merged: &mut Histogram) {
        let window = self.shape.width_micros * self.shape.count;
        let begin = now_micros.saturating_sub(window);
        let reaches = |number: u64| (number + 1) * self.shape.width_micros > begin;
        for closed in self.closed.iter().filter(|closed| reaches(closed.number)) {
            unpack(&closed.packed, totals, merged);
        }
        if self.totals.counts.sent > 0 && reaches(self.open) {
            totals.merge(&self.totals);
            let grouping = self.buckets.grouping();
            for (index, count) in self.buckets.iter() {
                count_up(merged, middle(grouping, index), count);
            }
        }
    }

    fn close(&mut self) {
        if self.totals.counts.sent > 0 {
            if self.closed.len() == self.closed.capacity() {
                self.closed.reserve_exact(2);
            }
            self.closed.push_back(Closed {
                number: self.open,
                packed: pack(&self.totals, &self.buckets),
            });
        }
        self.totals = Totals::default();
        self.buckets.clear();
    }
}

/// Values are below the histogram's end, which buckets are cut at.
pub(crate) fn count_up(merged: &mut Histogram, value: u32, count: u32) {
    let counted = merged.add(value.into(), count.into());
    debug_assert!(counted.is_ok());
}

/// Sums, extremes, resolution, then each bucket as the distance from the one before and its count;
/// all as numbers of 7 bits a byte (LEB128).
fn pack(totals: &Totals, buckets: &Buckets) -> Box<[u8]> {
    let mut out = Vec::with_capacity(32 + 3 * buckets.iter().len());
    for field in totals.fields() {
        write_number(&mut out, field);
    }
    for extreme in [totals.min, totals.max, totals.jitter_max] {
        write_number(&mut out, extreme.into());
    }
    write_number(&mut out, buckets.grouping().into());
    let mut before = 0;
    for (index, count) in buckets.iter() {
        write_number(&mut out, (index - before).into());
        write_number(&mut out, count.into());
        before = index;
    }
    out.into_boxed_slice()
}

fn unpack(mut packed: &[u8], totals: &mut Totals, merged: &mut Histogram) {
    let mut fields = [0; FIELDS];
    for field in &mut fields {
        *field = read_number(&mut packed);
    }
    let mut read = Totals::from_fields(fields);
    read.min = read_number(&mut packed) as u32;
    read.max = read_number(&mut packed) as u32;
    read.jitter_max = read_number(&mut packed) as u32;
    totals.merge(&read);
    let grouping = read_number(&mut packed) as u8;
    let mut index = 0;
    while !packed.is_empty() {
        index += read_number(&mut packed) as u32;
        let count = read_number(&mut packed) as u32;
        count_up(merged, middle(grouping, index), count);
    }
}

fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(packed: &mut &[u8]) -> u64 {
    let mut number = 0;
    let mut shift = 0;
    while let Some((byte, rest)) = packed.split_first() {
        *packed = rest;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 63 {
            break;
        }
    }
    number
}
