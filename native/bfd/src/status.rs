//! What a session tells who drives it.

use std::num::NonZeroU8;
use std::time::Duration;

use crate::{ControlPacket, Diagnostic, Discriminator, State};

/// The state has just become another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub from: State,
    pub to: State,
    /// Why, as the neighbour is told.
    pub diagnostic: Diagnostic,
    pub remote: Remote,
}

/// As the neighbour last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    pub state: State,
    pub diagnostic: Diagnostic,
}

/// What is to be done with a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Step {
    pub packet: Option<ControlPacket>,
    pub change: Option<Change>,
}

/// For people and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub discriminator: Discriminator,
    pub state: State,
    pub diagnostic: Diagnostic,
    /// When the state was reached.
    pub since: Duration,
    pub remote: Remote,
    pub remote_discriminator: Option<Discriminator>,
    pub remote_detect_mult: NonZeroU8,
    /// Between our packets, before jitter; none while the neighbour wants no periodic ones.
    pub transmit_micros: Option<u32>,
    /// Without a packet for so long, the session is down.
    pub detection: Duration,
    pub polling: bool,
    pub sent: u64,
    /// Those taken in; what was not is among the discards.
    pub received: u64,
    /// Times that the session left Up.
    pub downs: u64,
}
