//! Bidirectional Forwarding Detection: RFC 5880 in asynchronous mode, RFC 5881 for a single hop.
//!
//! A [`Session`] is a state machine without sockets, clock or randomness. Who drives it hands over
//! what arrives and says what time it is:
//!
//! ```text
//!   datagram, its TTL, now ──▶ receive ────────▶ a change of state, or why it was discarded
//!                              poll_timeout ───▶ when to call handle_timeout
//!   now, 32 random bits ─────▶ handle_timeout ─▶ a packet to send, a change of state, or both
//! ```
//!
//! Everything that leaves, leaves by `handle_timeout`, also answers and news: they are due at once.
//! It gives one packet a call, so it is called for as long as `poll_timeout` is not later than now.
//! What has arrived is to be handed over first: a thread that was held up would otherwise take the
//! packets that wait in its socket for missing ones.
//!
//! Time is a [`Duration`](std::time::Duration) since any moment that does not change, as in the
//! engine; it never runs backwards. Nothing allocates.
//!
//! Left out: authentication (a packet with the A bit is discarded and counted), Demand mode of our
//! own (a neighbour may ask for it, §6.6), the Echo function, the passive role, multipoint. A
//! session talks to one neighbour and is found by what its packets arrive over (an adjacency).
#![forbid(unsafe_code)]

mod discard;
pub mod fuzzing;
mod packet;
mod session;
mod settings;
mod status;
mod timers;

pub use discard::{Discard, Discards};
pub use packet::{
    CONTROL_BYTES, ControlPacket, ControlView, Diagnostic, Discriminator, Sequence, State,
};
pub use session::Session;
pub use settings::{Setting, SettingError, Settings};
pub use status::{Change, Remote, Status, Step};

/// UDP port of control packets over a single hop (RFC 5881 §4).
pub const PORT: u16 = 3784;

/// Ports to send from: one a session, the same for as long as the session lives (RFC 5881 §4).
pub const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 49152..=65535;

/// TTL of every packet, sent and received: one that was routed has less (RFC 5881 §5, RFC 5082).
pub const TTL: u8 = 255;
