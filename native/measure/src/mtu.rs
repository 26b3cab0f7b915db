//! The largest packet that a path carries, found by probes of that size (RFC 8899, DPLPMTUD).
//!
//! ```text
//!              answer                search ended             3 losses of the size found
//!   Base ─────────────────▶ Search ──────────────▶ Complete ───────────────┐ (black hole)
//!    │  ▲                    ▲  │                     │                    │
//!    │  │                    │  └─── the same ────────┼──────────────▶ Base◀┘
//!    │  └── answer, Error    └── every 10 min ────────┘
//!    └── 3 losses ▶ Error: not even the base size passes; tried on
//! ```
//!
//! Sized probes are STAMP with Extra Padding (RFC 8972 §4.1) under a session identifier of their
//! own: their losses say nothing of the path's loss, and the reflector's counter for the path is not
//! to see them. A loss counts against a size only when an ordinary probe came through that was sent
//! later: a dead path has no MTU.

use std::time::Duration;

/// How long an answer may take. At least 1 s (RFC 8899 §5.1.1, PROBE_TIMER); the 15 s that it
/// recommends are for ways whose round trip is not known.
const PROBE_WAIT: Duration = Duration::from_secs(1);
/// Losses in a row that condemn a size (RFC 8899 §5.1.2, MAX_PROBES).
const MAX_PROBES: u8 = 3;
/// How often the size found is tried again: what a black hole costs at most, with the three probes.
const CONFIRM: Duration = Duration::from_secs(10);
/// After so long a larger size is tried again (RFC 8899 §5.1.1, PMTU_RAISE_TIMER).
const RAISE: Duration = Duration::from_secs(600);
/// The search ends when it knows the size this exactly, in bytes: 0.6 % of the least size, for three
/// steps less.
const GRANULARITY: u16 = 8;

/// Where the search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The base size is yet to be confirmed.
    Base,
    Search,
    Complete,
    /// The base size does not pass.
    Error,
}

/// Send a probe of this size; the token tells its answer from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizedProbe {
    pub size: u16,
    pub token: u32,
}

/// Search for one path's MTU. Sizes are in bytes and mean whatever the caller pads to; a packet that
/// is `size` long by the same measure passes.
#[derive(Debug)]
pub struct PathMtu {
    phase: Phase,
    /// Smallest size that is probed, and what is taken until a larger one is known (RFC 8899 §5.1.2,
    /// BASE_PLPMTU).
    base: u16,
    max: u16,
    /// The size that is relied on.
    known: u16,
    /// What the last search ended with.
    settled: Option<u16>,
    /// The smallest size that failed; above the largest allowed if none has.
    failed: u32,
    under_way: Option<UnderWay>,
    /// Losses in a row of the last probe's size, which is tried again until they are decided on.
    losses: u8,
    last: (u16, bool),
    token: u32,
    /// Answers to earlier tokens are of a path that was another.
    valid_from: u32,
    next: Duration,
    confirm_at: Duration,
    raise_at: Duration,
}

#[derive(Debug, Clone, Copy)]
struct UnderWay {
    size: u16,
    sent: Duration,
    /// Tries the known size rather than a larger one.
    confirms: bool,
}

impl PathMtu {
    /// `base` is what everything has to pass, `max` the largest size by the configuration; one below
    /// the base size is taken as that.
    pub fn new(base: u16, max: u16, now: Duration) -> Self {
        let max = max.max(base);
        PathMtu {
            phase: Phase::Base,
            base,
            max,
            known: base,
            settled: None,
            failed: u32::from(max) + 1,
            under_way: None,
            losses: 0,
            last: (base, true),
            token: 0,
            valid_from: 0,
            next: now,
            confirm_at: now,
            raise_at: now,
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The size that may be used; none if not even the base size passes.
    pub fn size(&self) -> Option<u16> {
        (self.phase != Phase::Error).then_some(self.known)
    }

    /// The largest size that passes, as the last search found it, while nothing says otherwise: none
    /// before the first has ended, while it is sought anew after a black hole, and where not even
    /// the base size passes.
    pub fn settled(&self) -> Option<u16> {
        self.settled
    }

    /// The configuration allows another size.
    pub fn handle_max(&mut self, max: u16, now: Duration) {
        let max = max.max(self.base);
        if max == self.max {
            return;
        }
        self.max = max;
        self.known = self.known.min(max);
        self.settled = self.settled.map(|settled| settled.min(max));
        self.failed = u32::from(max) + 1;
        self.abandon();
        if self.phase == Phase::Complete {
            self.search(now);
        }
    }

    /// Something says that the path carries less now (packets of full size are missed, the system
    /// refuses to send them): looks at once. A message from outside is a hint only (RFC 8899 §4.6).
    pub fn handle_hint(&mut self, now: Duration) {
        self.confirm_at = now;
        if self.under_way.is_none() {
            self.next = now;
        }
    }

    /// Whether [`Self::poll`] has a probe to send.
    pub fn is_due(&self, now: Duration) -> bool {
        self.under_way.is_none() && now >= self.next_timeout()
    }

    /// A probe to send, if it is time for one.
    pub fn poll(&mut self, now: Duration) -> Option<SizedProbe> {
        if !self.is_due(now) {
            return None;
        }
        if self.phase == Phase::Complete && now >= self.raise_at {
            self.failed = u32::from(self.max) + 1;
            self.search(now);
        }
        let (size, confirms) = match self.phase {
            _ if self.losses > 0 => self.last,
            Phase::Search if now < self.confirm_at => (self.candidate(), false),
            _ => (self.known, true),
        };
        self.last = (size, confirms);
        self.token = self.token.wrapping_add(1);
        self.under_way = Some(UnderWay {
            size,
            sent: now,
            confirms,
        });
        Some(SizedProbe {
            size,
            token: self.token,
        })
    }

    /// A sized probe was answered, in whole.
    pub fn handle_answer(&mut self, probe: SizedProbe, now: Duration) {
        let current = probe.token == self.token && self.under_way.is_some();
        if !current && self.is_stale(probe.token) || probe.size > self.max {
            return;
        }
        if current {
            self.abandon();
            self.next = now;
        }
        if probe.size < self.known {
            return;
        }
        self.confirm_at = now + CONFIRM;
        let grew = probe.size > self.known;
        self.known = probe.size;
        if u32::from(probe.size) >= self.failed {
            // One that was given up came after all: what failed was bad luck.
            self.failed = u32::from(self.max) + 1;
        }
        match self.phase {
            Phase::Base | Phase::Error => self.search(now),
            Phase::Complete if grew => self.search(now),
            Phase::Search | Phase::Complete => self.finish_search(now),
        }
    }

    /// To be called at [`Self::next_timeout`]. `alive` is when the last ordinary probe that was
    /// answered had been sent.
    pub fn handle_timeout(&mut self, alive: Option<Duration>, now: Duration) {
        let Some(probe) = self.under_way else { return };
        // Until something came through, it is not known whether anything of any size does.
        let is_alive = alive.is_some_and(|alive| alive >= probe.sent);
        if now < probe.sent + PROBE_WAIT || !is_alive {
            return;
        }
        self.under_way = None;
        self.next = now;
        self.losses += 1;
        if self.losses < MAX_PROBES {
            return;
        }
        self.losses = 0;
        if !probe.confirms {
            self.failed = self.failed.min(u32::from(probe.size));
            self.finish_search(now);
        } else if probe.size > self.base {
            // Black hole (RFC 8899 §4.3): back to what has to pass, then up to below this size.
            self.failed = u32::from(probe.size);
            self.known = self.base;
            self.settled = None;
            self.phase = Phase::Base;
            self.valid_from = self.token.wrapping_add(1);
        } else {
            self.phase = Phase::Error;
            self.settled = None;
            self.valid_from = self.token.wrapping_add(1);
            self.next = now + CONFIRM;
        }
    }

    /// When to call `handle_timeout`, then `poll`.
    pub fn next_timeout(&self) -> Duration {
        match (self.under_way, self.phase) {
            (Some(probe), _) => probe.sent + PROBE_WAIT,
            // A retry goes at once.
            (None, Phase::Complete) if self.losses == 0 => {
                self.next.max(self.confirm_at.min(self.raise_at))
            }
            (None, _) => self.next,
        }
    }

    fn search(&mut self, now: Duration) {
        self.phase = Phase::Search;
        self.losses = 0;
        self.finish_search(now);
    }

    fn finish_search(&mut self, now: Duration) {
        // The largest allowed is tried itself, however near the known size is.
        let near = self.failed <= u32::from(self.known) + u32::from(GRANULARITY);
        let reached = self.known >= self.max || (self.failed <= u32::from(self.max) && near);
        if self.phase == Phase::Search && reached {
            self.phase = Phase::Complete;
            self.settled = Some(self.known);
            self.confirm_at = now + CONFIRM;
            self.raise_at = match self.known >= self.max {
                true => Duration::MAX,
                false => now + RAISE,
            };
        }
    }

    /// The largest allowed first, since most paths carry it; then by halves.
    fn candidate(&self) -> u16 {
        if self.failed > u32::from(self.max) {
            return self.max;
        }
        let middle = u32::from(self.known).midpoint(self.failed);
        // Between two sizes of 16 bits.
        middle as u16
    }

    fn abandon(&mut self) {
        self.under_way = None;
        self.losses = 0;
    }

    fn is_stale(&self, token: u32) -> bool {
        (token.wrapping_sub(self.valid_from) as i32) < 0
            || (self.token.wrapping_sub(token) as i32) < 0
    }
}
