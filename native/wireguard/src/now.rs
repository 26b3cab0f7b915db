//! Time as an argument.

use std::time::{Instant, SystemTime};

/// One reading of both clocks, taken once a batch and handed down.
///
/// boringtun keeps its own monotonic clock for handshake timers; it follows the real one.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub monotonic: Instant,
    /// For the time of the last handshake, which `wg show` prints.
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
