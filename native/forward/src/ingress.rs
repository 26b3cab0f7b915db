//! A customer packet from the LAN onto a label stack.

use crate::{Context, Count, Outcome, Packet};

/// What becomes of a customer packet that came from the TUN of `segment`.
pub fn ingress<C: Count>(context: &mut Context<'_, C>, segment: usize, packet: &mut Packet<'_>) -> Outcome {
    todo!()
}
