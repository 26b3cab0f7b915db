//! What probes tell of a path, and when to send them. Pure: no I/O, no clock, no randomness.
//!
//! `now` is a [`std::time::Duration`] since an origin that the caller keeps to (the engine's start);
//! it never goes back.
//!
//! - [`PathMeter`] takes what was sent and what came back on one path, and tells loss in each
//!   direction, round trips, jitter, order and copies over windows from 1 s to 24 h.
//! - [`Schedule`] says when which path is probed, in which class, within a [`Budget`] for all.
//! - [`PathMtu`] finds the largest packet that a path carries.
//! - [`Sessions`] numbers a reflector's answers, so that the other end can tell directions apart.
//! - [`Reports`] asks other sites for what they measure on their own adjacencies.
//!
//! # Memory
//!
//! A path's probes of the last minute take 24 bytes each, a quarter more while a ring grows; older
//! ones are in 22 packed slices of 0.1 to 0.3 KiB. With 4,000 paths under the whole default budget
//! (5,000 probes a second) that is 26 MB usually and 35 MB whatever the round trips are, which a
//! test with a counting allocator holds at 28 and 40. A probe allocates nothing at a steady rate; a
//! slice does when it is closed, and a new bucket may.
#![forbid(unsafe_code)]

mod buckets;
mod budget;
mod direction;
mod look;
mod mtu;
mod path;
mod probe;
mod reflector;
mod reports;
mod schedule;
mod slices;
mod summary;

pub use budget::{Budget, Rank};
pub use mtu::{PathMtu, Phase, SizedProbe};
pub use path::{Answer, KEPT, LONGEST_WAIT, MAX_KEPT, PathMeter, Reflector, Reply};
pub use reflector::{SessionKey, Sessions};
pub use reports::{ENTRIES, Reports, Told};
pub use schedule::{Due, Intervals, Path, PathId, Schedule};
pub use summary::{Bounds, Counts, Jitter, RoundTrips, Scratch, Summary, Window};
