//! What a peer's packets leave behind for its timers and counters: written once a run of packets,
//! by any thread, without a lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Times are nanoseconds since `start` and one; 0 is never.
pub(crate) struct Activity {
    start: Instant,
    pub sent_bytes: AtomicU64,
    pub received_bytes: AtomicU64,
    /// Anything authentic, sent or received.
    traversed: AtomicU64,
    /// The first data sent since anything authentic was received.
    unanswered: AtomicU64,
    /// The first data received since anything was sent.
    unacknowledged: AtomicU64,
    /// More data was received after that.
    more: AtomicBool,
    /// A sender found the session due for renewal.
    renewal: AtomicBool,
    /// A receiver found the session about to end.
    ending: AtomicBool,
}

impl Activity {
    pub fn new(start: Instant) -> Self {
        Activity {
            start,
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            traversed: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            unacknowledged: AtomicU64::new(0),
            more: AtomicBool::new(false),
            renewal: AtomicBool::new(false),
            ending: AtomicBool::new(false),
        }
    }

    /// Whole messages of so many bytes were sent; `data`: not only handshakes and keepalives.
    pub fn sent(&self, now: Instant, bytes: usize, data: bool) {
        let now = self.stamp(now);
        self.sent_bytes.fetch_add(bytes as u64, Relaxed);
        self.traversed.store(now, Relaxed);
        put(&self.unacknowledged, 0);
        if data && self.unanswered.load(Relaxed) == 0 {
            self.unanswered.store(now, Relaxed);
        }
    }

    /// As [`Activity::sent`].
    pub fn received(&self, now: Instant, bytes: usize, data: bool) {
        let now = self.stamp(now);
        self.received_bytes.fetch_add(bytes as u64, Relaxed);
        self.traversed.store(now, Relaxed);
        put(&self.unanswered, 0);
        if !data {
        } else if self.unacknowledged.load(Relaxed) == 0 {
            self.unacknowledged.store(now, Relaxed);
        } else if !self.more.load(Relaxed) {
            self.more.store(true, Relaxed);
        }
    }

    pub fn ask_for_renewal(&self) {
        if !self.renewal.load(Relaxed) {
            self.renewal.store(true, Relaxed);
        }
    }

    pub fn tell_of_ending(&self) {
        if !self.ending.load(Relaxed) {
            self.ending.store(true, Relaxed);
        }
    }

    pub fn take_renewal(&self) -> bool {
        self.renewal.load(Relaxed) && self.renewal.swap(false, Relaxed)
    }

    pub fn take_ending(&self) -> bool {
        self.ending.load(Relaxed) && self.ending.swap(false, Relaxed)
    }

    /// Whether data has had no answer for so long. It is told once.
    pub fn take_unanswered(&self, now: Instant, after: Duration) -> bool {
        let since = self.unanswered.load(Relaxed);
        let due = since != 0 && self.since(now, since) >= after;
        due && swap(&self.unanswered, since, 0)
    }

    /// Whether data was received so long ago and nothing has been sent since. It is told once, and
    /// so long after that again if more data had come by then.
    pub fn take_unacknowledged(&self, now: Instant, after: Duration) -> bool {
        let since = self.unacknowledged.load(Relaxed);
        let due = since != 0 && self.since(now, since) >= after;
        due && swap(&self.unacknowledged, since, 0)
    }

    pub fn forget_unacknowledged(&self) {
        put(&self.unacknowledged, 0);
    }

    /// See [`Activity::take_unacknowledged`]: to be called after what that led to was sent.
    pub fn expect_more(&self, now: Instant) {
        if self.more.swap(false, Relaxed) {
            swap(&self.unacknowledged, 0, self.stamp(now));
        }
    }

    /// Whether nothing authentic has passed for so long, or ever.
    pub fn is_quiet(&self, now: Instant, after: Duration) -> bool {
        let last = self.traversed.load(Relaxed);
        last == 0 || self.since(now, last) >= after
    }

    fn stamp(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_nanos() as u64 + 1
    }

    fn since(&self, now: Instant, stamp: u64) -> Duration {
        Duration::from_nanos(self.stamp(now).saturating_sub(stamp))
    }
}

/// Leaves the cache line alone if nothing changes.
fn put(place: &AtomicU64, value: u64) {
    if place.load(Relaxed) != value {
        place.store(value, Relaxed);
    }
}

fn swap(place: &AtomicU64, from: u64, to: u64) -> bool {
    place.compare_exchange(from, to, Relaxed, Relaxed).is_ok()
}
