//! The packet half without any I/O: a table compiled for lookups, and what becomes of one packet.
//!
//! Pure: no socket, no clock, no lock, no allocation per packet, no unsafe, and no panic whatever
//! the bytes are. The caller owns the buffers, the threads and the counters:
//!
//! - [`Fib::compile`] checks a whole table and builds the lookups.
//! - [`Live`] is what the probes found out; it is flipped while packets flow.
//! - [`ingress`] takes a customer packet from a segment's TUN, and keeps what it decides in the
//!   calling thread's [`FlowCache`].
//! - [`switch`] takes a decrypted inner packet from a neighbour.
//! - [`encapsulate_local`] wraps this router's own datagrams (probes and answers to them).
#![forbid(unsafe_code)]

mod check;
mod context;
mod drop_reason;
mod encap;
mod fib;
mod flow;
mod flows;
mod fragment;
pub mod fuzzing;
mod icmp_error;
mod identity;
mod ingress;
mod labels;
mod live;
mod local;
mod mss;
mod mtu;
mod packet;
mod places;
#[cfg(any(test, feature = "plain"))]
mod plain;
mod repeat;
mod steering;
pub mod steps;
mod switch;
mod transit_error;
mod whole;

pub use context::{Context, Count, Outcome, TokenBucket};
pub use drop_reason::DropReason;
pub use fib::Fib;
pub use flows::FlowCache;
pub use fragment::Fragments;
pub use live::Live;
pub use local::{LocalDatagram, encapsulate_local};
pub use packet::{HEADROOM, Packet};

#[cfg(not(feature = "plain"))]
pub use {ingress::ingress, repeat::repeat, switch::switch};
// Not for use: what the labels cost is measured against it.
#[cfg(feature = "plain")]
pub use plain::{ingress, repeat, switch};

/// IPv4 header without options and UDP header: what is in front of the label stack (RFC 7510 §3).
pub const ENCAPSULATION_BYTES: usize = 28;
/// Most labels that a list may push above the service label; more than any path here needs.
pub const MAX_PUSHED_LABELS: usize = 8;
/// Most entries of a stack that is accepted; ours have at most ten.
pub const MAX_STACK_DEPTH: usize = 16;
