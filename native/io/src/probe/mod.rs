//! Is an adjacency or a segment list alive, and how good is it?
//!
//! BFD decides about adjacencies, STAMP (RFC 8762) about lists, and STAMP measures both. One of its
//! sessions probes one adjacency or one list, named by its STAMP session identifier (RFC 8972
//! §3). The reflector numbers its answers by session (RFC 8762 §4.3, stateful), so that losses there and
//! back are told apart. `now` is the time since the engine started.

mod ask;
mod authentication;
mod bfd;
mod direct;
mod liveness;
mod message;
mod names;
mod pacing;
mod prober;
mod report;
mod sizing;
mod suspect;

pub use ask::Asking;
pub use authentication::Authentication;
pub use bfd::{Bfd, handle_due as handle_bfd_due};
pub use liveness::{Judge, Timers};
pub use pacing::{Named, Pacing, by_key};
pub use prober::{
    LocalOutcome, Prober, Target, What, handle_link_down, handle_local, handle_tick,
    publish_adjacency, write_due,
};
pub use suspect::{Places, Suspicion, is_due as is_due_as_suspect, review as review_suspicions};

pub use sizing::write_due as write_size_due;

/// UDP ports of both ends.
pub struct StampPorts {
    pub reflector: u16,
    pub sender: u16,
    /// The sender's of padded probes, whose losses are for their size.
    pub sized: u16,
}

/// The sender's port differs from the reflector's, so that each end tells a reply from a probe:
/// both have the same length.
pub const STAMP_PORTS: StampPorts = StampPorts {
    reflector: labelway_wire::port::STAMP,
    sender: 49862,
    sized: 49863,
};
