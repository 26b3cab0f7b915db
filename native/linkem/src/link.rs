//! A link's two directions with the frames that are under way in them.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use crate::shape::{Fate, Nanos, Shaper};

/// Frames under way in one direction, bytes: 1 s at 500 Mbit/s. Only a delay without a rate gets
/// there; the rest is counted as dropped by the queue.
const UNDER_WAY_BYTES: usize = 64 << 20;

pub struct Link {
    pub name: String,
    /// Site to internet, internet to site.
    pub directions: [Direction; 2],
}

/// Reads `from`, writes the other direction's `from`: a link's two devices lie in two directions.
pub struct Direction {
    pub from: OwnedFd,
    pub shaper: Shaper,
    /// In order of `due`, and of arrival where that is the same.
    under_way: VecDeque<(Nanos, Vec<u8>)>,
    under_way_bytes: usize,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
}

impl Direction {
    pub fn new(from: OwnedFd, shaper: Shaper) -> Self {
        Direction {
            from,
            shaper,
            under_way: VecDeque::new(),
            under_way_bytes: 0,
            spare: Vec::new(),
        }
    }

    /// When the next frame is due.
    pub fn next_due(&self) -> Option<Nanos> {
        self.under_way.front().map(|(due, _)| *due)
    }

    /// A frame came in at this end.
    pub fn accept(&mut self, frame: &[u8], now: Nanos, to: &OwnedFd) {
        let Fate::Due(due) = self.shaper.admit(now, frame.len()) else {
            return;
        };
        if due <= now && self.next_due().is_none_or(|next| next > due) {
            self.deliver(frame, to);
        } else if self.under_way_bytes + frame.len() > UNDER_WAY_BYTES {
            self.shaper.counters.queue_drops += 1;
        } else {
            let mut buffer = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(2048));
            buffer.clear();
            buffer.extend_from_slice(frame);
            self.under_way_bytes += frame.len();
            // Nearly always the last; what overtakes goes in near the front.
            let place = self.under_way.partition_point(|(other, _)| *other <= due);
            self.under_way.insert(place, (due, buffer));
        }
    }

    /// Lets out what is due.
    pub fn release(&mut self, now: Nanos, to: &OwnedFd) {
        while self.next_due().is_some_and(|due| due <= now) {
            let Some((_, frame)) = self.under_way.pop_front() else {
                return;
            };
            self.under_way_bytes -= frame.len();
            // Cut means that what is in the cable is lost as well.
            if self.shaper.impairment.is_dead() {
                self.shaper.counters.cut_drops += 1;
            } else {
                self.deliver(&frame, to);
            }
            if self.spare.len() < 4096 {
                self.spare.push(frame);
            }
        }
    }

    fn deliver(&mut self, frame: &[u8], to: &OwnedFd) {
        let counters = &mut self.shaper.counters;
        loop {
            match rustix::io::write(to, frame) {
                Ok(_) => {
                    counters.packets += 1;
                    counters.bytes += frame.len() as u64;
                    return;
                }
                Err(Errno::INTR) => continue,
                Err(_) => {
                    counters.refused += 1;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "link_test.rs"]
mod tests;
