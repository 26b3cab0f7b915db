//! What a window tells.

use std::time::Duration;

use histogram::Histogram;

use crate::buckets::MAX_VALUE_BITS;
use crate::probe::{Fate, NO_ROUND_TRIP, Probe};

/// How far back a summary looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    Second,
    TenSeconds,
    Minute,
    /// 15 minutes, in slices of 90 s: up to one slice more.
    Quarter,
    /// 24 hours, in slices of 2 h: up to one slice more.
    Day,
}

impl Window {
    pub const ALL: [Window; 5] = [
        Window::Second,
        Window::TenSeconds,
        Window::Minute,
        Window::Quarter,
        Window::Day,
    ];

    pub fn width(self) -> Duration {
        Duration::from_secs(match self {
            Window::Second => 1,
            Window::TenSeconds => 10,
            Window::Minute => 60,
            Window::Quarter => 900,
            Window::Day => 86_400,
        })
    }
}

/// Probes of a window, by the time at which they were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub sent: u64,
    /// Neither answered nor given up yet; of no weight in any share.
    pub waiting: u64,
    pub answered: u64,
    pub lost: u64,
    /// Of the lost ones, those that the reflector never saw.
    pub lost_forward: u64,
    /// Of the lost ones, those whose answer was lost. The rest is unknown.
    pub lost_return: u64,
    /// Of the answered ones, those that had been given up before.
    pub late: u64,
    pub forward_copies: u64,
    pub return_copies: u64,
    /// Reflected after one that was sent later (RFC 4737 §3.3).
    pub forward_reordered: u64,
    /// Came back after one that was reflected later.
    pub return_reordered: u64,
}

/// A share of which only this is known; both are the same where all is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub least: f64,
    pub most: f64,
}

impl Counts {
    /// Share of lost probes among those whose fate is known; none without one.
    pub fn loss(&self) -> Option<f64> {
        share(self.lost, self.answered + self.lost)
    }

    pub fn lost_unknown(&self) -> u64 {
        self.lost - self.lost_forward - self.lost_return
    }

    /// Share of probes that were lost on the way there.
    pub fn forward_loss(&self) -> Option<Bounds> {
        let known = self.answered + self.lost;
        Some(Bounds {
            least: share(self.lost_forward, known)?,
            most: share(self.lost_forward + self.lost_unknown(), known)?,
        })
    }

    /// Share of answers that were lost on the way back, of those that were sent.
    pub fn return_loss(&self) -> Option<Bounds> {
        let reflected = self.answered + self.lost_return;
        let unknown = self.lost_unknown();
        Some(Bounds {
            // An unknown one that was lost on the way there sent no answer.
            least: share(self.lost_return, reflected)?,
            most: share(self.lost_return + unknown, reflected + unknown)?,
        })
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Round trips in microseconds, without the time in the reflector: (T4 − T1) − (T3 − T2).
///
/// Minimum and maximum are exact; quantiles are nearest ranks: exact up to a minute, else within
/// 2 % while the round trips of each slice lie within a factor of 8 (64: 3.6 %, 4,096: 6.7 %).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrips {
    pub count: u64,
    pub min_micros: u32,
    pub mean_micros: u32,
    pub p50_micros: u32,
    pub p95_micros: u32,
    pub p99_micros: u32,
    pub max_micros: u32,
}

/// Delay variation of round trips: |difference| of two probes of one class that were sent one after
/// the other and both answered (RFC 3393 §2.4, consecutive packets). Its mean, not the smoothed
/// value of RFC 3550 §6.4.1, which depends on the rate of the probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter {
    pub count: u64,
    pub mean_micros: u32,
    pub max_micros: u32,
}

/// Everything about one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub counts: Counts,
    pub round_trips: Option<RoundTrips>,
    pub jitter: Option<Jitter>,
}

/// Room to summarise in, for any number of paths.
#[derive(Debug)]
pub struct Scratch {
    pub(crate) samples: Vec<u32>,
    pub(crate) merged: Histogram,
}

/// Finer than what is merged into it: 0.4 % are added to a slice's error.
const MERGED_GROUPING: u8 = 7;

impl Scratch {
    pub fn new() -> Self {
        Scratch {
            samples: Vec::new(),
            // Both powers are within what the library takes.
            merged: Histogram::new(MERGED_GROUPING, MAX_VALUE_BITS)
                .unwrap_or_else(|_| unreachable!("7 < 24 ≤ 64")),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Sums over probes, without their distribution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Totals {
    pub counts: Counts,
    pub min: u32,
    pub max: u32,
    pub sum: u64,
    pub samples: u64,
    pub jitter_max: u32,
    pub jitter_sum: u64,
    pub jitter_samples: u64,
}

impl Default for Totals {
    fn default() -> Self {
        Totals {
            counts: Counts::default(),
            min: u32::MAX,
            max: 0,
            sum: 0,
            samples: 0,
            jitter_max: 0,
            jitter_sum: 0,
            jitter_samples: 0,
        }
    }
}

/// Classes (TC) that a probe may have.
pub(crate) const CLASSES: usize = 8;

/// The round trip of each class's last probe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last([u32; CLASSES]);

impl Default for Last {
    fn default() -> Self {
        Last([NO_ROUND_TRIP; CLASSES])
    }
}

impl Totals {
    /// Probes come in the order of sending.
    pub fn add(&mut self, probe: &Probe, last: &mut Last) {
        let counts = &mut self.counts;
        counts.sent += 1;
        match probe.fate {
            Fate::Waiting => counts.waiting += 1,
            Fate::Answered => counts.answered += 1,
            Fate::Lost => counts.lost += 1,
            Fate::LostForward => {
                counts.lost += 1;
                counts.lost_forward += 1;
            }
            Fate::LostReturn => {
                counts.lost += 1;
                counts.lost_return += 1;
            }
        }
        let (forward, back) = probe.copies();
        counts.late += u64::from(probe.late());
        counts.forward_copies += u64::from(forward);
        counts.return_copies += u64::from(back);
        counts.forward_reordered += u64::from(probe.forward_reordered());
        counts.return_reordered += u64::from(probe.return_reordered());
        let before = &mut last.0[usize::from(probe.class) % CLASSES];
        let Some(micros) = probe.round_trip() else {
            *before = NO_ROUND_TRIP;
            return;
        };
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
        self.sum += u64::from(micros);
        self.samples += 1;
        let before = std::mem::replace(before, micros);
        if before != NO_ROUND_TRIP {
            let difference = micros.abs_diff(before);
            self.jitter_max = self.jitter_max.max(difference);
            self.jitter_sum += u64::from(difference);
            self.jitter_samples += 1;
        }
    }

    pub fn merge(&mut self, other: &Totals) {
        let mut fields = self.fields();
        for (to, from) in fields.iter_mut().zip(other.fields()) {
            *to += from;
        }
        let (min, max) = (self.min.min(other.min), self.max.max(other.max));
        let jitter_max = self.jitter_max.max(other.jitter_max);
        *self = Totals::from_fields(fields);
        (self.min, self.max, self.jitter_max) = (min, max, jitter_max);
    }

    /// What adds up.
    pub fn fields(&self) -> [u64; FIELDS] {
        let c = &self.counts;
        [
            c.sent,
            c.waiting,
            c.answered,
            c.lost,
            c.lost_forward,
            c.lost_return,
            c.late,
            c.forward_copies,
            c.return_copies,
            c.forward_reordered,
            c.return_reordered,
            self.sum,
            self.samples,
            self.jitter_sum,
            self.jitter_samples,
        ]
    }

    pub fn from_fields(fields: [u64; FIELDS]) -> Self {
        let [
            sent,
            waiting,
            answered,
            lost,
            lost_forward,
            lost_return,
            late,
            forward_copies,
            return_copies,
            forward_reordered,
            return_reordered,
            sum,
            samples,
            jitter_sum,
            jitter_samples,
        ] = fields;
        Totals {
            counts: Counts {
                sent,
                waiting,
                answered,
                lost,
                lost_forward,
                lost_return,
                late,
                forward_copies,
                return_copies,
                forward_reordered,
                return_reordered,
            },
            sum,
            samples,
            jitter_sum,
            jitter_samples,
            ..Totals::default()
        }
    }

    /// `quantile` of 0.5, 0.95 and 0.99 is asked for in this order.
    pub fn summary(&self, mut quantile: impl FnMut(f64) -> u32) -> Summary {
        let mut ranked = |q| quantile(q).clamp(self.min, self.max);
        let round_trips = (self.samples > 0).then(|| RoundTrips {
            count: self.samples,
            min_micros: self.min,
            mean_micros: (self.sum / self.samples) as u32,
            p50_micros: ranked(0.5),
            p95_micros: ranked(0.95),
            p99_micros: ranked(0.99),
            max_micros: self.max,
        });
        let jitter = (self.jitter_samples > 0).then(|| Jitter {
            count: self.jitter_samples,
            mean_micros: (self.jitter_sum / self.jitter_samples) as u32,
            max_micros: self.jitter_max,
        });
        Summary {
            counts: self.counts,
            round_trips,
            jitter,
        }
    }
}

pub(crate) const FIELDS: usize = 15;
