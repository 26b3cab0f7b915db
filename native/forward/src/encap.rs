//! What is in front of a label stack on the way to a neighbour (RFC 7510 §3).

use labelway_wire::{Ipv4Header, Label, LabelStackEntry, UdpHeader, port, protocol};

use crate::fib::Adjacency;
use crate::{DropReason, ENCAPSULATION_BYTES, Packet};

/// TTL of inner packets: one hop, from tunnel address to tunnel address. RFC 5082 §3 lets a
/// receiver tell from 255 that no router was between; ours does not need to, as WireGuard says so.
const INNER_TTL: u8 = 255;

/// Puts IPv4 and UDP in front of the label stack in `packet`. DF, since inner packets are never
/// fragmented; no UDP checksum, as RFC 7510 §3 allows over IPv4: WireGuard authenticates it all.
pub(crate) fn wrap(
    adjacency: &Adjacency,
    entropy_port: u16,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    if packet.len() > adjacency.mtu {
        return Err(DropReason::LabelledTooBig);
    }
    let udp = UdpHeader {
        source_port: entropy_port,
        destination_port: port::MPLS_IN_UDP,
    };
    let ip = Ipv4Header {
        traffic_class: 0,
        identification: 0, // RFC 6864 §4.1: free to be anything in an atomic datagram.
        dont_fragment: true,
        ttl: INNER_TTL,
        protocol: protocol::UDP,
        source: adjacency.source,
        destination: adjacency.destination,
    };
    let too_big = |_| DropReason::LabelledTooBig;
    let payload = u16::try_from(packet.len()).map_err(|_| DropReason::LabelledTooBig)?;
    let udp = udp.encode(payload).map_err(too_big)?;
    let ip = ip.encode(payload + udp.len() as u16).map_err(too_big)?;
    if !packet.prepend(ENCAPSULATION_BYTES) {
        return Err(DropReason::NoHeadroom);
    }
    let (front, rest) = packet.bytes_mut().split_at_mut(ip.len());
    front.copy_from_slice(&ip);
    rest[..udp.len()].copy_from_slice(&udp);
    Ok(())
}

/// Pushes `labels`, outermost first, all with one TC and TTL; `bottom` tells whether the last of
/// them is the bottom of the stack.
pub(crate) fn push(
    labels: &[Label],
    bottom: bool,
    traffic_class: u8,
    ttl: u8,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    for (index, label) in labels.iter().enumerate().rev() {
        let bottom = bottom && index + 1 == labels.len();
        let entry = LabelStackEntry {
            label: *label,
            traffic_class,
            bottom,
            ttl,
        }
        .encode();
        if !packet.prepend(entry.len()) {
            return Err(DropReason::NoHeadroom);
        }
        packet.bytes_mut()[..entry.len()].copy_from_slice(&entry);
    }
    Ok(())
}
