//! Which direction lost a probe (RFC 8762 §4.3: a stateful reflector).
//!
//! The reflector numbers its answers, so a probe that it never saw leaves a gap in our numbers
//! alone, and an answer that was lost leaves one in both. Between two points that split both orders
//! alike ("cuts": no probe after the point was reflected before one ahead of it) there are
//!
//! ```text
//! missing  = probes without an answer
//! unseen   = the reflector's numbers that never came
//! lost on the way back  = unseen              lost on the way there = missing − unseen
//! ```
//!
//! The totals of a stretch are exact. Which probe of it was lost where cannot be known when both
//! directions lost some: the two kinds are then spread evenly over the stretch's lost probes. What
//! lies behind the last answer stays unknown until one comes.

use labelway_wire::stamp::Timestamp;

use crate::probe::{Fate, Probe, Ring, after};

/// Probes that may overtake one another and still be told from lost ones.
const SPAN: u32 = 64;
/// Where both directions may have lost something, the probes right behind are waited for: one that
/// overtook would be taken for an answer that was lost.
const SETTLED_BEHIND: i32 = 3;
/// But not for longer, on paths that are probed slowly.
const PATIENCE_MICROS: u64 = 5_000_000;

/// Strays that are remembered; more copies than that within a stretch blur its directions.
const STRAYS: usize = 32;

/// A stretch's beginning: all that is ahead of it is judged.
#[derive(Debug, Clone, Copy)]
struct Cut {
    sequence: u32,
    reflected: u32,
    life: u8,
    sent_micros: u64,
}

/// The newest answer by the reflector's own order.
#[derive(Debug, Clone, Copy)]
struct Newest {
    reflected: u32,
    sent_back: Timestamp,
    sequence: u32,
}

#[derive(Debug)]
pub(crate) struct Directions {
    /// Everything before it is judged.
    judged: u32,
    cut: Option<Cut>,
    /// Since the cut: lost probes, reflector's numbers that came, the highest of them.
    missing: u32,
    seen: u32,
    highest: u32,
    /// Reflector's numbers beyond the cut that no judged probe stands for: of copies, and of probes
    /// that were reflected after the stretch they were sent in.
    strays: Vec<u32>,
    /// The last probe that overtook another.
    overtook: Option<u32>,
    newest: Option<Newest>,
    life: u8,
    /// Whether the reflector is known to count for itself. One that copies our number looks the
    /// same until the way there loses a probe.
    counts: bool,
}

/// An answer as the reflector wrote it.
pub(crate) struct Reflected {
    pub sequence: u32,
    pub reflected: u32,
    pub sent_back: Timestamp,
}

impl Directions {
    pub fn new(first: u32, counts: bool) -> Self {
        Directions {
            judged: first,
            cut: None,
            missing: 0,
            seen: 0,
            highest: 0,
            strays: Vec::new(),
            overtook: None,
            newest: None,
            life: 0,
            counts,
        }
    }

    /// Takes in an answer's numbers: the reflector's life that it is of, and whether a newer answer
    /// came before it.
    pub fn handle_answer(&mut self, answer: &Reflected) -> (u8, bool) {
        self.counts |= answer.reflected != answer.sequence;
        let newest = Newest {
            reflected: answer.reflected,
            sent_back: answer.sent_back,
            sequence: answer.sequence,
        };
        let Some(last) = self.newest else {
            self.newest = Some(newest);
            return (self.life, false);
        };
        let later = after(answer.reflected, last.reflected) > 0;
        let sent_later = answer.sent_back.micros_since(last.sent_back);
        let newer_probe = after(answer.sequence, last.sequence) > 0;
        // Within one life the reflector's numbers and its clock agree. A smaller number for a newer
        // probe at a later time: it counts from zero again.
        if !later && sent_later > 0 && newer_probe {
            self.life = (self.life + 1) & 0x0f;
            self.newest = Some(newest);
            return (self.life, false);
        }
        // The other way round: an answer of the life before that comes after the first of this one.
        if later && sent_later < 0 && !newer_probe {
            return (self.life.wrapping_sub(1) & 0x0f, true);
        }
        if later {
            self.newest = Some(newest);
        }
        (self.life, after(answer.reflected, last.reflected) < 0)
    }

    /// A second answer to one probe with a number of its own: the way there made a copy.
    pub fn handle_copy(&mut self, reflected: u32, life: u8) {
        self.stray(reflected, life);
    }

    /// The answer to a probe that was given up has come, `was` what it counted as. The probe has
    /// its new fate already.
    pub fn handle_late(&mut self, ring: &mut Ring, sequence: u32, was: Fate) {
        let Some(&probe) = ring.at(sequence) else {
            return;
        };
        let Some(cut) = self.cut.filter(|_| after(sequence, self.judged) < 0) else {
            return; // will be judged as answered
        };
        if after(sequence, cut.sequence) > 0 {
            self.missing = self.missing.saturating_sub(1);
            self.see(probe.reflected, probe.life());
        } else if probe.life() == cut.life && after(probe.reflected, cut.reflected) > 0 {
            // Reflected only after its stretch: what was found of that one holds.
            self.stray(probe.reflected, probe.life());
        } else if was == Fate::LostForward {
            // One answer less was lost on the way back, whichever probe had been chosen.
            exchange(ring, sequence);
        }
    }

    /// Goes on as far as every fate is known, that is up to `settled`.
    pub fn judge(&mut self, ring: &mut Ring, settled: u32, now_micros: u64) {
        while after(settled, self.judged) > 0 {
            let sequence = self.judged;
            let Some(&probe) = ring.at(sequence) else {
                self.judged = self.judged.wrapping_add(1);
                continue;
            };
            if probe.fate != Fate::Answered {
                self.missing += 1;
            } else if !self.judge_answered(ring, settled, sequence, &probe, now_micros) {
                return;
            }
            self.judged = self.judged.wrapping_add(1);
        }
    }

    /// False if it is too early.
    fn judge_answered(
        &mut self,
        ring: &mut Ring,
        settled: u32,
        sequence: u32,
        probe: &Probe,
        now_micros: u64,
    ) -> bool {
        let Some(cut) = self.cut.filter(|cut| cut.life == probe.life()) else {
            // The first ever, or the first after the reflector began anew: nothing is known of
            // what lies before it.
            self.begin(sequence, probe.reflected, probe);
            return true;
        };
        let highest = if after(probe.reflected, self.highest) > 0 {
            probe.reflected
        } else {
            self.highest
        };
        let seen = self.seen + u32::from(after(probe.reflected, cut.reflected) > 0);
        let numbers = highest.wrapping_sub(cut.reflected);
        let strays = self
            .strays
            .iter()
            .filter(|stray| after(**stray, highest) <= 0)
            .count() as u32;
        let unseen = numbers.saturating_sub(seen + strays);
        let young = now_micros.saturating_sub(probe.sent_micros) < PATIENCE_MICROS;
        if self.missing > 0 && unseen > 0 && after(settled, sequence) <= SETTLED_BEHIND && young {
            return false;
        }
        if after(probe.reflected, self.highest) < 0 {
            mark_overtaken(ring, sequence, probe);
            self.overtook = Some(sequence);
        }
        (self.highest, self.seen) = (highest, seen);
        let length = after(sequence, cut.sequence) as u32;
        // A number that no missing probe explains belongs to a lost one further on, which was
        // overtaken, or to a copy. And on a path that reorders, a stretch's ends blur its sums.
        let unexplained = unseen > self.missing && length < SPAN;
        let reorders = self
            .overtook
            .is_some_and(|overtook| after(sequence, overtook) < 4 * SPAN as i32);
        let recent = now_micros.saturating_sub(cut.sent_micros) < PATIENCE_MICROS;
        let short = reorders && length < SPAN / 2 && recent;
        let clean = (self.missing == 0 && unseen == 0)
            || !(unexplained || short || overtaken_later(ring, sequence, highest, probe.life()));
        if clean {
            if self.missing > 0 && self.counts {
                spread(ring, cut.sequence, sequence, self.missing, unseen);
            }
            self.begin(sequence, highest, probe);
        }
        true
    }

    fn begin(&mut self, sequence: u32, reflected: u32, probe: &Probe) {
        self.cut = Some(Cut {
            sequence,
            reflected,
            life: probe.life(),
            sent_micros: probe.sent_micros,
        });
        (self.missing, self.seen, self.highest) = (0, 0, reflected);
        self.strays.retain(|stray| after(*stray, reflected) > 0);
    }

    fn stray(&mut self, reflected: u32, life: u8) {
        let beyond = self
            .cut
            .is_some_and(|cut| cut.life == life && after(reflected, cut.reflected) > 0);
        if beyond && self.strays.len() < STRAYS && !self.strays.contains(&reflected) {
            self.strays.push(reflected);
        }
    }

    fn see(&mut self, reflected: u32, life: u8) {
        let Some(cut) = self.cut.filter(|cut| cut.life == life) else {
            return;
        };
        if after(reflected, cut.reflected) > 0 {
            self.seen += 1;
            if after(reflected, self.highest) > 0 {
                self.highest = reflected;
            }
        }
    }
}

/// Marks those that `probe`, sent after them, has overtaken (RFC 4737 §3.3).
fn mark_overtaken(ring: &mut Ring, sequence: u32, probe: &Probe) {
    for back in 1..=SPAN {
        let Some(earlier) = ring.at_mut(sequence.wrapping_sub(back)) else {
            return;
        };
        if earlier.fate == Fate::Answered
            && earlier.life() == probe.life()
            && after(earlier.reflected, probe.reflected) > 0
        {
            earlier.mark_forward_reordered();
        }
    }
}

/// Whether a probe behind `sequence` was reflected before `highest`.
fn overtaken_later(ring: &Ring, sequence: u32, highest: u32, life: u8) -> bool {
    (1..=SPAN)
        .map_while(|ahead| ring.at(sequence.wrapping_add(ahead)))
        .any(|later| {
            later.fate == Fate::Answered
                && later.life() == life
                && after(later.reflected, highest) < 0
        })
}

/// Tells the lost ones between two sequence numbers apart; `missing` of them there were, some of
/// which may be forgotten.
fn spread(ring: &mut Ring, from: u32, to: u32, missing: u32, unseen: u32) {
    let on_return = u64::from(unseen.min(missing));
    let missing = u64::from(missing);
    let mut index = missing;
    let mut sequence = to;
    while index > 0 {
        sequence = sequence.wrapping_sub(1);
        if after(sequence, from) <= 0 {
            return;
        }
        let Some(probe) = ring.at_mut(sequence) else {
            return;
        };
        if probe.fate.is_lost() {
            let chosen = index * on_return / missing > (index - 1) * on_return / missing;
            probe.fate = if chosen {
                Fate::LostReturn
            } else {
                Fate::LostForward
            };
            index -= 1;
        }
    }
}

/// Makes the nearest probe whose answer counted as lost one that never arrived.
fn exchange(ring: &mut Ring, sequence: u32) {
    for distance in 1..=SPAN {
        for other in [
            sequence.wrapping_sub(distance),
            sequence.wrapping_add(distance),
        ] {
            if let Some(probe) = ring.at_mut(other)
                && probe.fate == Fate::LostReturn
            {
                probe.fate = Fate::LostForward;
                return;
            }
        }
    }
}
