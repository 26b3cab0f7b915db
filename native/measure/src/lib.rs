//! What probes tell of a path, and when to send them. Pure: no I/O, no clock, no randomness.
//!
//! `now` is a [`std::time::Duration`] since an origin that the caller keeps to (the engine's start);
//! it never goes back.
//!
//! - [`PathMeter`] takes what was sent and what came back on one path, and tells loss in each
//!   direction, round trips, jitter, order and copies over windows from 1 s to 24 h.
//! - [`Schedule`] says when which path is probed, in which class, within a [`Budget`] for all.
#![forbid(unsafe_code)]

mod buckets;
mod budget;
mod direction;
mod path;
mod probe;
mod schedule;
mod slices;
mod summary;

pub use budget::{Budget, Rank};
pub use path::{Answer, KEPT, LONGEST_WAIT, MAX_KEPT, PathMeter, Reflector, Reply};
pub use schedule::{Due, Intervals, Path, PathId, Schedule};
pub use summary::{Bounds, Counts, Jitter, RoundTrips, Scratch, Summary, Window};
