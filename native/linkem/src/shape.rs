//! What a link does to each frame, as a pure function of the time: loss, rate, queue, delay, jitter,
//! reordering.
//!
//! Frames of one direction overtake each other only where reordering is asked for: a frame that
//! draws a smaller jitter than the one before waits for it.

use serde::{Deserialize, Serialize};

/// Nanoseconds of the monotonic clock.
pub type Nanos = u64;

const NANOS_PER_MILLI: f64 = 1e6;

/// How one direction of a link behaves. The default lets everything through at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Impairment {
    pub delay_millis: f64,
    /// Drawn evenly from −jitter to +jitter and added to the delay.
    pub jitter_millis: f64,
    /// Share of frames that skip the delay and so overtake those that are in it, as by netem; it
    /// needs a delay. They wait for the rate as all do.
    pub reorder_percent: f64,
    /// Share of frames lost over a long time.
    pub loss_percent: f64,
    /// Mean number of frames lost in a row (Gilbert–Elliott); 1 loses each frame independently.
    pub loss_burst: f64,
    /// Bits of Ethernet frame per second; none: no limit.
    pub rate_mbit: Option<f64>,
    /// A frame that would wait longer than this for the rate is dropped at the tail of the queue.
    pub queue_millis: f64,
    /// Everything is lost, silently, as when somebody digs up the fibre far away.
    pub cut: bool,
    /// The cable is pulled out at both ends: all is lost, and both devices have no carrier.
    pub unplugged: bool,
}

impl Default for Impairment {
    fn default() -> Self {
        Impairment {
            delay_millis: 0.0,
            jitter_millis: 0.0,
            reorder_percent: 0.0,
            loss_percent: 0.0,
            loss_burst: 1.0,
            rate_mbit: None,
            queue_millis: 50.0,
            cut: false,
            unplugged: false,
        }
    }
}

impl Impairment {
    /// Nothing comes through.
    pub fn is_dead(&self) -> bool {
        self.cut || self.unplugged
    }

    /// What is wrong with the numbers, or nothing.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |name: &str, value: f64, low: f64, high: f64| {
            if !(low..=high).contains(&value) {
                problems.push(format!("{name} is {value}; accepted is {low} to {high}"));
            }
        };
        check("delayMillis", self.delay_millis, 0.0, 60_000.0);
        check("jitterMillis", self.jitter_millis, 0.0, 60_000.0);
        check("reorderPercent", self.reorder_percent, 0.0, 100.0);
        check("lossPercent", self.loss_percent, 0.0, 100.0);
        check("lossBurst", self.loss_burst, 1.0, 10_000.0);
        check("queueMillis", self.queue_millis, 0.0, 60_000.0);
        if let Some(rate) = self.rate_mbit {
            check("rateMbit", rate, 0.001, 100_000.0);
        }
        if self.reorder_percent > 0.0 && self.delay_millis == 0.0 {
            problems.push(
                "reorderPercent needs a delayMillis above 0: nothing else can be overtaken".into(),
            );
        }
        problems
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Frames that came out at the far end, and their bytes.
    pub packets: u64,
    pub bytes: u64,
    /// Frames that skipped the delay, by `reorderPercent`.
    pub reordered: u64,
    /// By `lossPercent`.
    pub lost: u64,
    pub queue_drops: u64,
    pub cut_drops: u64,
    /// The far device would not take it: it is down.
    pub refused: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Comes out at this time: never before an earlier frame, unless it was drawn to overtake.
    /// Those that overtake keep their order.
    Due(Nanos),
    Dropped,
}

/// One direction of one link.
pub struct Shaper {
    pub impairment: Impairment,
    pub counters: Counters,
    random: fastrand::Rng,
    /// Gilbert–Elliott: within a burst of losses.
    losing: bool,
    /// When the frame that is being sent at the link's rate has gone out.
    line_free_at: Nanos,
    last_due: Nanos,
}

impl Shaper {
    pub fn new(impairment: Impairment, seed: u64) -> Self {
        Shaper {
            impairment,
            counters: Counters::default(),
            random: fastrand::Rng::with_seed(seed),
            losing: false,
            line_free_at: 0,
            last_due: 0,
        }
    }

    /// Decides over a frame of `bytes` that arrives `now`.
    pub fn admit(&mut self, now: Nanos, bytes: usize) -> Fate {
        if self.impairment.is_dead() {
            self.counters.cut_drops += 1;
            return Fate::Dropped;
        }
        if self.draws_loss() {
            self.counters.lost += 1;
            return Fate::Dropped;
        }
        let Some(sent_at) = self.send_at_rate(now, bytes) else {
            self.counters.queue_drops += 1;
            return Fate::Dropped;
        };
        if self.draws_reordering() {
            self.counters.reordered += 1;
            return Fate::Due(sent_at);
        }
        let due = (sent_at + self.draw_delay()).max(self.last_due);
        self.last_due = due;
        Fate::Due(due)
    }

    /// A two-state chain: in the bad state every frame is lost. Mean stay in it is `burst` frames;
    /// the way into it is chosen so that the long-term share of losses is `loss_percent`.
    fn draws_loss(&mut self) -> bool {
        let loss = self.impairment.loss_percent / 100.0;
        if loss <= 0.0 {
            self.losing = false;
            return false;
        }
        let burst = self.impairment.loss_burst;
        if burst <= 1.0 || loss >= 1.0 {
            return self.random.f64() < loss;
        }
        let chance = match self.losing {
            true => 1.0 - 1.0 / burst,
            false => loss / (burst * (1.0 - loss)),
        };
        self.losing = self.random.f64() < chance;
        self.losing
    }

    fn draws_reordering(&mut self) -> bool {
        let share = self.impairment.reorder_percent / 100.0;
        share > 0.0 && self.random.f64() < share
    }

    /// When the last bit has left, or nothing if the queue is full.
    fn send_at_rate(&mut self, now: Nanos, bytes: usize) -> Option<Nanos> {
        let Some(rate) = self.impairment.rate_mbit else {
            return Some(now);
        };
        let start = self.line_free_at.max(now);
        if (start - now) as f64 > self.impairment.queue_millis * NANOS_PER_MILLI {
            return None;
        }
        let bits = bytes as f64 * 8.0;
        self.line_free_at = start + (bits * 1e3 / rate) as Nanos;
        Some(self.line_free_at)
    }

    fn draw_delay(&mut self) -> Nanos {
        let Impairment {
            delay_millis,
            jitter_millis,
            ..
        } = self.impairment;
        let jitter = match jitter_millis > 0.0 {
            true => (self.random.f64() * 2.0 - 1.0) * jitter_millis,
            false => 0.0,
        };
        ((delay_millis + jitter).max(0.0) * NANOS_PER_MILLI) as Nanos
    }
}

#[cfg(test)]
#[path = "shape_test.rs"]
mod tests;
