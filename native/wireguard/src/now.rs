//! Time as an argument.

use std::time::{Instant, SystemTime};

/// One reading of both clocks, taken once a batch and handed down.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub monotonic: Instant,
    /// For the time of the last handshake, which `wg show` prints, and for the timestamps that
    /// keep initiations from being replayed.
    pub wall: SystemTime,
}

impl Now {
    pub fn read() -> Self {
        Now {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        }
    }
}
