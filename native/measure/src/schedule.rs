//! When each path is probed next, and in which class, within a budget for all of them.
//!
//! Paths in use are probed often, candidates less, the rest seldom. Where that exceeds the budget,
//! intervals are stretched: each rank has a share of the budget, and what a rank leaves goes to the
//! ones in use first. Intervals are spread at random, so that paths that were added together drift
//! apart; a bucket of tokens holds the budget over any stretch of time whatever the plan.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::budget::{Budget, Rank, Tokens, stretched};

/// How often paths are probed when the budget allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    pub closest: Duration,
    pub closer: Duration,
    pub in_use: Duration,
    pub candidate: Duration,
    pub rest: Duration,
}

impl Default for Intervals {
    /// 50 ms finds a loss of 5 % within a second; a candidate's minute holds 60 probes; the rest is
    /// only to be noticed when it got better.
    fn default() -> Self {
        Intervals {
            closest: SHORTEST,
            closer: Duration::from_millis(10),
            in_use: Duration::from_millis(50),
            candidate: Duration::from_secs(1),
            rest: Duration::from_secs(10),
        }
    }
}

impl Intervals {
    fn of(&self, rank: Rank) -> Duration {
        let interval = match rank {
            Rank::Closest => self.closest,
            Rank::Closer => self.closer,
            Rank::InUse => self.in_use,
            Rank::Candidate => self.candidate,
            Rank::Rest => self.rest,
        };
        interval.max(SHORTEST)
    }
}

/// 500 probes a second tell a loss of 3 % from one of 1 % within 3 s; a hundred take twice as long.
const SHORTEST: Duration = Duration::from_millis(2);

/// Names a path to its scheduler; its place is used again after `remove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(u32);

/// What the scheduler has to know of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    pub rank: Rank,
    /// Bytes that a probe and its answer take together, with all headers.
    pub bytes: u32,
    /// Classes (TC) in use on it, bit 0 for TC 0; with none, probes have TC 0.
    pub classes: u8,
}

/// Send this now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub path: PathId,
    pub class: u8,
}

/// Randomness is handed in: `random` returns 32 even bits a call.
#[derive(Debug)]
pub struct Schedule {
    intervals: Intervals,
    budget: Budget,
    tokens: Tokens,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// By time, then by place. May hold entries of former plans, known by their stamp.
    queue: BinaryHeap<Reverse<(Duration, u32, u32)>>,
    waiting: usize,
    /// Paths and their bytes, by rank.
    load: [Load; Rank::COUNT],
    /// Intervals as the budget allows them, by rank.
    allowed: [Duration; Rank::COUNT],
    stamp: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    path: Path,
    last_class: u8,
    due: Duration,
    /// The interval that `due` was planned by.
    interval: Duration,
    stamp: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub paths: u64,
    pub bytes: u64,
}

impl Schedule {
    pub fn new(intervals: Intervals, budget: Budget, now: Duration) -> Self {
        let mut schedule = Schedule {
            intervals,
            budget,
            tokens: Tokens::new(&budget, now),
            slots: vec![],
            free: vec![],
            queue: BinaryHeap::new(),
            waiting: 0,
            load: [Load::default(); Rank::COUNT],
            allowed: [Duration::ZERO; Rank::COUNT],
            stamp: 0,
        };
        schedule.plan();
        schedule
    }

    /// Other intervals from now on; what is planned already stays.
    pub fn configure(&mut self, intervals: Intervals) {
        if self.intervals != intervals {
            self.intervals = intervals;
            self.plan();
        }
    }

    /// A new path; its first probe goes within one interval of its rank.
    pub fn insert(&mut self, path: Path, now: Duration, random: &mut dyn FnMut() -> u32) -> PathId {
        self.count(path, 1);
        let slot = Slot {
            path,
            last_class: 7,
            due: now + fraction(self.allowed[path.rank as usize], random()),
            interval: self.allowed[path.rank as usize],
            stamp: 0,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = Some(slot);
                place
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() as u32 - 1
            }
        };
        self.waiting += 1;
        self.enqueue(place, slot.due);
        PathId(place)
    }

    pub fn remove(&mut self, id: PathId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize).and_then(Option::take) {
            self.waiting -= 1;
            self.free.push(id.0);
            self.count(slot.path, -1);
            self.compact();
        }
    }

    /// A path's rank, size or classes changed. One that is to be probed more often need not wait
    /// for the end of its long interval.
    pub fn update(
        &mut self,
        id: PathId,
        path: Path,
        now: Duration,
        random: &mut dyn FnMut() -> u32,
    ) {
        let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) else {
            return;
        };
        let (before, due) = (slot.path, slot.due);
        if before == path {
            return;
        }
        slot.path = path;
        self.count(before, -1);
        self.count(path, 1);
        let soon = now + fraction(self.allowed[path.rank as usize], random());
        if soon < due {
            self.enqueue(id.0, soon);
            self.compact();
        }
    }

    /// The next probe that is due, none if it is too early or the budget is used up. To be called
    /// until it returns none.
    pub fn poll(&mut self, now: Duration, random: &mut dyn FnMut() -> u32) -> Option<Due> {
        self.drop_stale();
        let Reverse((due, place, _)) = *self.queue.peek()?;
        let slot = self.slots[place as usize].as_mut()?;
        if due > now || !self.tokens.take(&self.budget, slot.path.bytes, now) {
            return None;
        }
        let class = next_class(slot.path.classes, slot.last_class);
        slot.last_class = class;
        let interval = self.allowed[slot.path.rank as usize];
        // 0.9 to 1.1 intervals from when it was due, so that the mean holds; from now when that is
        // past, so that a thread that was held up does not send what it missed. Paths that were
        // added or stretched together are thrown about more: 0.1 to 1.9.
        let changed = interval.abs_diff(slot.interval) > interval / 10;
        slot.interval = interval;
        let width = if changed {
            interval * 9 / 5
        } else {
            interval / 5
        };
        let spread = interval - width / 2 + fraction(width, random());
        let next = (due + spread).max(now + interval / 2);
        self.queue.pop();
        self.enqueue(place, next);
        Some(Due {
            path: PathId(place),
            class,
        })
    }

    /// Whether another probe of so many bytes, with its answer, may go now: one that looks for an
    /// MTU, for example. It is paid for if so.
    pub fn take(&mut self, bytes: u32, now: Duration) -> bool {
        self.tokens.take(&self.budget, bytes, now)
    }

    /// Whether some path is probed so often that `poll` is to be called when [`Self::next_timeout`]
    /// says, not just every 10 ms.
    pub fn is_urgent(&self) -> bool {
        self.load[Rank::Closest as usize].paths > 0
    }

    /// When to call `poll` again.
    pub fn next_timeout(&mut self) -> Option<Duration> {
        self.drop_stale();
        let Reverse((due, place, _)) = *self.queue.peek()?;
        let slot = self.slots[place as usize]?;
        Some(due.max(self.tokens.ready(&self.budget, slot.path.bytes)))
    }

    /// The interval that a rank gets, stretched to the budget.
    pub fn interval(&self, rank: Rank) -> Duration {
        self.allowed[rank as usize]
    }

    fn count(&mut self, path: Path, sign: i64) {
        let load = &mut self.load[path.rank as usize];
        load.paths = load.paths.saturating_add_signed(sign);
        load.bytes = load
            .bytes
            .saturating_add_signed(sign * i64::from(path.bytes));
        self.plan();
    }

    /// From sums alone, so that it costs the same for any number of paths.
    fn plan(&mut self) {
        let wanted = Rank::ALL.map(|rank| self.intervals.of(rank));
        self.allowed = stretched(&self.budget, &wanted, &self.load);
    }

    fn enqueue(&mut self, place: u32, due: Duration) {
        self.stamp = self.stamp.wrapping_add(1);
        if let Some(Some(slot)) = self.slots.get_mut(place as usize) {
            slot.due = due;
            slot.stamp = self.stamp;
            self.queue.push(Reverse((due, place, self.stamp)));
        }
    }

    fn drop_stale(&mut self) {
        while let Some(Reverse((_, place, stamp))) = self.queue.peek() {
            if is_current(&self.slots, *place, *stamp) {
                return;
            }
            self.queue.pop();
        }
    }

    /// At most half of the queue is of former plans.
    fn compact(&mut self) {
        if self.queue.len() > 2 * self.waiting + 64 {
            let slots = &self.slots;
            self.queue
                .retain(|Reverse((_, place, stamp))| is_current(slots, *place, *stamp));
        }
    }
}

fn is_current(slots: &[Option<Slot>], place: u32, stamp: u32) -> bool {
    slots[place as usize].is_some_and(|slot| slot.stamp == stamp)
}

/// The next class in use after the last one, so that each has its turn.
fn next_class(classes: u8, last: u8) -> u8 {
    (1..=8)
        .map(|step| (last + step) & 7)
        .find(|class| classes & 1 << class != 0)
        .unwrap_or(0)
}

/// An even share of `whole`.
fn fraction(whole: Duration, random: u32) -> Duration {
    let nanos = (whole.as_nanos() * u128::from(random)) >> 32;
    Duration::from_nanos(nanos as u64)
}
