//! Datagrams that this router sends and receives itself: probes, the answers to them, and BFD.

use std::net::Ipv4Addr;

use labelway_wire::checksum::Sum;
use labelway_wire::{
    Customer, Ecn, IPV4_HEADER, Ipv4, Ipv4Header, Label, UDP_HEADER, Udp, UdpHeader, port, protocol,
};

use crate::encap::{Stack, encapsulate};
use crate::ingress::PIPE_TTL;
use crate::whole::WHOLE_PORT;
use crate::{DropReason, Fib, MAX_PUSHED_LABELS, Packet, flow};

/// RFC 8762 §4.1.1 leaves it open for STAMP; TWAMP's (RFC 5357 §4.2.1), so that the hops can be
/// counted. BFD's as RFC 5881 §5 wants it.
const TTL: u8 = 255;

/// Addresses and ports of a datagram of this router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDatagram {
    /// Not looked at without labels: then the adjacency's tunnel addresses are used.
    pub source: Ipv4Addr,
    /// Likewise.
    pub destination: Ipv4Addr,
    pub source_port: u16,
    pub destination_port: u16,
    /// TC of the labels, and class selector in the datagram's own header, as customers' packets
    /// have it (RFC 2474 §4.2.2): 0–7. The underlay is not shown it, as it is not shown theirs.
    pub class: u8,
    /// Whether routers on the way are to send it on only where it is known to cross in one piece.
    /// Without labels there are none.
    pub whole: bool,
}

/// Makes an inner packet of the UDP payload in `packet`, to be sent over `adjacency`.
///
/// Without labels: IPv4/UDP between the two tunnel addresses. With labels:
/// `labels, explicit null (S), IPv4, UDP` in MPLS-in-UDP, with TTL 255 throughout. Labels that must
/// not be on the wire, or more than eight, are refused: they may come from a neighbour's request.
pub fn encapsulate_local(
    fib: &Fib,
    adjacency: usize,
    labels: &[u32],
    datagram: &LocalDatagram,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    let neighbour = fib
        .adjacencies
        .get(adjacency)
        .ok_or(DropReason::UnknownAdjacency)?;
    if labels.len() > MAX_PUSHED_LABELS {
        return Err(DropReason::StackTooDeep);
    }
    let mut stack = [Label::IPV4_EXPLICIT_NULL; MAX_PUSHED_LABELS];
    for (entry, value) in stack.iter_mut().zip(labels) {
        *entry = Label::new(*value).ok_or(DropReason::UnknownLabel)?;
        if entry.is_special_purpose() {
            return Err(DropReason::SpecialPurposeLabel);
        }
    }
    if labels.is_empty() {
        return write(neighbour.source, neighbour.destination, datagram, packet);
    }
    write(datagram.source, datagram.destination, datagram, packet)?;
    // All packets of one session take the same way through an underlay with several links.
    let session =
        u64::from(datagram.source_port) << 32 | u64::from(u32::from(datagram.destination));
    let source_port = match datagram.whole {
        true => WHOLE_PORT,
        false => flow::entropy_port(flow::of_session(session)),
    };
    let stack = Stack {
        labels: &stack[..labels.len()],
        bottom: Some(Label::IPV4_EXPLICIT_NULL),
        traffic_class: datagram.class & 7,
        ttl: PIPE_TTL,
    };
    encapsulate(&neighbour.out, &stack, Ecn::NotEct, source_port, packet)
}

/// STAMP to this router's reflector or back to its sender (RFC 8762 §4.1).
pub(crate) fn is_stamp(udp: &Udp<'_>) -> bool {
    match (udp.source_port(), udp.destination_port()) {
        (from, port::STAMP) => may_be_answered(from),
        (from, _) => from == port::STAMP,
    }
}

/// BFD between the two ends of an adjacency (RFC 5881 §4); never labelled.
pub(crate) fn is_bfd(udp: &Udp<'_>) -> bool {
    const FIRST_SOURCE_PORT: u16 = 49152;
    udp.destination_port() == port::BFD && udp.source_port() >= FIRST_SOURCE_PORT
}

/// The answer goes to the port that the probe came from, with contents that its sender has a hand
/// in. So not to another reflector, which would answer for ever, nor to a port that stands for more
/// than a STAMP sender: MPLS-in-UDP from us would be believed to be ours.
fn may_be_answered(port: u16) -> bool {
    const SYSTEM_PORTS: u16 = 1024; // RFC 6335 §6
    port >= SYSTEM_PORTS && port != port::MPLS_IN_UDP
}

/// What is below an explicit null at the bottom: a packet for this router, or nothing.
pub(crate) fn receive(fib: &Fib, version: u8, packet: &mut Packet<'_>) -> Result<(), DropReason> {
    let unknown = DropReason::LocalUnknownProtocol;
    let customer = Customer::decode(packet.bytes()).map_err(|_| unknown)?;
    if customer.is_v4() != (version == 4) {
        return Err(unknown);
    }
    if !fib.is_own(customer.destination) {
        return Err(DropReason::LocalWrongDestination);
    }
    packet.truncate(customer.length);
    // Every router has an IPv4 address in the tunnels, so probes never are IPv6.
    let ip = Ipv4::decode(packet.bytes()).map_err(|_| unknown)?;
    if ip.is_fragment() || ip.protocol() != protocol::UDP {
        return Err(unknown);
    }
    let udp = Udp::decode(&ip).map_err(|_| unknown)?;
    if !is_stamp(&udp) {
        return Err(unknown);
    }
    Ok(())
}

fn write(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    datagram: &LocalDatagram,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    let too_big = |_| DropReason::LabelledTooBig;
    let payload = u16::try_from(packet.len()).map_err(|_| DropReason::LabelledTooBig)?;
    let header = UdpHeader {
        source_port: datagram.source_port,
        destination_port: datagram.destination_port,
    };
    let mut udp = header.encode(payload).map_err(too_big)?;
    let length = payload + UDP_HEADER as u16;
    let ip = Ipv4Header {
        traffic_class: (datagram.class & 7) << 5,
        identification: 0,
        dont_fragment: true,
        ttl: TTL,
        protocol: protocol::UDP,
        source,
        destination,
    };
    let ip = ip.encode(length).map_err(too_big)?;
    let pseudo = Sum::pseudo_v4(source, destination, protocol::UDP, length);
    let checksum = UdpHeader::checksum(pseudo.bytes(&udp).bytes(packet.bytes()));
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    if !packet.prepend(IPV4_HEADER + UDP_HEADER) {
        return Err(DropReason::NoHeadroom);
    }
    let (front, rest) = packet.bytes_mut().split_at_mut(ip.len());
    front.copy_from_slice(&ip);
    rest[..udp.len()].copy_from_slice(&udp);
    Ok(())
}
