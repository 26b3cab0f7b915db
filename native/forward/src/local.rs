//! Datagrams that this router sends itself: probes and the answers to them.

use std::net::Ipv4Addr;

use crate::{Context, Count, DropReason, Fib, Outcome, Packet};

/// Addresses and ports of a datagram of this router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDatagram {
    /// Not looked at without labels: then the adjacency's tunnel addresses are used.
    pub source: Ipv4Addr,
    /// Likewise.
    pub destination: Ipv4Addr,
    pub source_port: u16,
    pub destination_port: u16,
}

/// Makes an inner packet of the UDP payload in `packet`, to be sent over `adjacency`.
///
/// Without labels: IPv4/UDP between the two tunnel addresses. With labels:
/// `labels, explicit null (S), IPv4, UDP` in MPLS-in-UDP, with TTL 255 throughout.
pub fn encapsulate_local(
    fib: &Fib,
    adjacency: usize,
    labels: &[u32],
    datagram: &LocalDatagram,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    todo!()
}

/// Sends the UDP payload in `packet` by a stack whose first label is one of our own, as though it
/// had come by `from`: what that neighbour may not send through us, it cannot make us send for it
/// either. Only straight back over `from` is always allowed.
///
/// Without labels it goes back over `from` as plain UDP.
pub fn answer<C: Count>(
    context: &mut Context<'_, C>,
    from: usize,
    labels: &[u32],
    datagram: &LocalDatagram,
    packet: &mut Packet<'_>,
) -> Outcome {
    todo!()
}
