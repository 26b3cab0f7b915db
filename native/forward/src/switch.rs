//! A decrypted inner packet from a neighbour.

use crate::{Context, Count, Outcome, Packet};

/// What becomes of an inner packet that came, decrypted, from the peer of adjacency `from`. Bytes
/// behind the end that its IPv4 header tells (WireGuard's padding) are cut off.
pub fn switch<C: Count>(context: &mut Context<'_, C>, from: usize, packet: &mut Packet<'_>) -> Outcome {
    todo!()
}
