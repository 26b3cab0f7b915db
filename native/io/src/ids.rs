//! Numbers that are never used twice, to name descriptors to epoll.

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(16);

/// Never repeats in this process, so an event for something closed finds nothing. The first 16
/// are for fixed descriptors.
pub fn next() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}
