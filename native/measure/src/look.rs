//! Looks: each probe once, when its fate is known.

use std::time::Duration;

use crate::path::{PathMeter, micros};
use crate::probe::{Fate, after};
use crate::summary::{Scratch, Summary};

/// A lost probe is told of when so many behind it have met their fate: until then one of them may
/// still tell which direction lost it.
const TOLD_BEHIND: i32 = 4;
/// Or after so long, on paths that are probed slowly.
const TOLD_AFTER_MICROS: u64 = 3_000_000;

impl PathMeter {
    /// What became of the probes whose fate was settled since the last look, each in one look only;
    /// none if there are none. A window by the time of sending would end before the fates of its
    /// last probes are known, and never count those of them that were lost.
    pub fn look(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Summary> {
        // While nobody has answered, nothing is known of the way.
        self.begun_micros?;
        let patient = micros(now).saturating_sub(TOLD_AFTER_MICROS);
        let first = self.probes.first();
        let from = (after(self.told, first).max(0) as usize).max(self.skipped(0));
        let mut end = first.wrapping_add(from as u32);
        while after(self.settled, end) > 0
            && self.probes.at(end).is_some_and(|probe| {
                probe.fate != Fate::Lost
                    || after(self.settled, end) > TOLD_BEHIND
                    || probe.sent_micros < patient
            })
        {
            end = end.wrapping_add(1);
        }
        let to = after(end, first) as usize;
        if to == from {
            return None;
        }
        let mut last = self.told_last;
        let summary = self.sum_up(from..to, &mut last, scratch);
        (self.told, self.told_last) = (end, last);
        Some(summary)
    }
}
