//! A decrypted inner packet from a neighbour.

use labelway_boundary::TtlModel;
use labelway_wire::{
    Customer, Ipv4, LABEL_BYTES, Label, LabelStackEntry, Malformed, Udp, port, protocol,
};

use crate::fib::Adjacency;
use crate::icmp_error::{IcmpError, quoted_addresses, turn_into};
use crate::ingress::send_back;
use crate::labels::{Hop, LabelAction};
use crate::transit_error::{self, Transit};
use crate::{Context, Count, DropReason, MAX_STACK_DEPTH, Outcome, Packet, encap, local, mss};

/// What becomes of an inner packet that came, decrypted, from the peer of adjacency `from`. Bytes
/// behind the end that its IPv4 header tells (WireGuard's padding) are cut off.
///
/// A TTL that runs out at the egress is answered to the customer, through its segment. A transit
/// site does not know which segment that is: it sends its errors along the packet's own stack, and
/// the egress turns them round (see [`transit_error`]).
pub fn switch<C: Count>(
    context: &mut Context<'_, C>,
    from: usize,
    packet: &mut Packet<'_>,
) -> Outcome {
    match inner(context, from, packet) {
        Ok(Inner::Stamp) => Outcome::Local { labelled: false },
        Ok(Inner::Labelled { entropy_port }) => {
            stack(context, from, entropy_port, packet).unwrap_or_else(|reason| context.drop(reason))
        }
        Err(reason) => context.drop(reason),
    }
}

enum Inner {
    Stamp,
    Labelled { entropy_port: u16 },
}

/// Checks the inner IPv4 and UDP headers; of a labelled packet, leaves the stack and what is below.
fn inner<C: Count>(
    context: &Context<'_, C>,
    from: usize,
    packet: &mut Packet<'_>,
) -> Result<Inner, DropReason> {
    let adjacency = context
        .fib
        .adjacencies
        .get(from)
        .ok_or(DropReason::UnknownAdjacency)?;
    let ip = Ipv4::decode(packet.bytes()).map_err(|_| DropReason::InnerMalformed)?;
    if ip.source() != adjacency.destination {
        return Err(DropReason::InnerWrongSource);
    }
    if ip.destination() != adjacency.source {
        return Err(DropReason::InnerWrongDestination);
    }
    if ip.is_fragment() {
        return Err(DropReason::InnerFragment);
    }
    if ip.protocol() != protocol::UDP {
        return Err(DropReason::InnerUnknownProtocol);
    }
    let udp = Udp::decode(&ip).map_err(|malformed| match malformed {
        Malformed::Checksum => DropReason::InnerBadChecksum,
        _ => DropReason::InnerMalformed,
    })?;
    let headers = ip.header_len() + labelway_wire::UDP_HEADER;
    let (total, payload) = (ip.total_len(), udp.payload().len());
    let entropy_port = udp.source_port();
    let is_stamp = local::is_stamp(&udp);
    match udp.destination_port() {
        port::MPLS_IN_UDP => {
            packet.advance(headers);
            packet.truncate(payload);
            Ok(Inner::Labelled { entropy_port })
        }
        _ if is_stamp => {
            packet.truncate(total);
            Ok(Inner::Stamp)
        }
        _ => Err(DropReason::InnerUnknownProtocol),
    }
}

/// Works through the stack from the top until something is done with the packet.
fn stack<C: Count>(
    context: &mut Context<'_, C>,
    from: usize,
    entropy_port: u16,
    packet: &mut Packet<'_>,
) -> Result<Outcome, DropReason> {
    check(packet.bytes())?;
    let fib = context.fib;
    // RFC 3443 §3.1: in the uniform model a popped TTL goes on in what is below. The smaller of
    // the two is taken, so that a router that runs the other model never makes a TTL rise.
    let mut carried = u8::MAX;
    loop {
        let entry =
            LabelStackEntry::decode(packet.bytes()).map_err(|_| DropReason::StackWithoutBottom)?;
        let ttl = match fib.ttl {
            TtlModel::Pipe => entry.ttl,
            TtlModel::Uniform => entry.ttl.min(carried),
        };
        if entry.label.is_special_purpose() {
            let version = match entry.label {
                Label::IPV4_EXPLICIT_NULL => 4,
                Label::IPV6_EXPLICIT_NULL => 6,
                _ => return Err(DropReason::SpecialPurposeLabel),
            };
            if ttl <= 1 {
                return Err(DropReason::LabelTtlExpired);
            }
            packet.advance(LABEL_BYTES);
            if entry.bottom {
                return local::receive(fib, version, packet);
            }
        } else {
            let (index, found) = fib
                .labels
                .find(entry.label)
                .ok_or(DropReason::UnknownLabel)?;
            if !fib.labels.accepts(found, from) {
                return Err(DropReason::LabelNotAccepted);
            }
            context.count.label(index, packet.len());
            match &found.action {
                LabelAction::Deliver(_) if !entry.bottom => {
                    return Err(DropReason::ServiceLabelNotBottom);
                }
                LabelAction::Pop | LabelAction::Forward(_) if entry.bottom => {
                    return Err(DropReason::BottomLabelNotService);
                }
                LabelAction::Deliver(segment) => {
                    packet.advance(LABEL_BYTES);
                    return egress(context, *segment, ttl, packet);
                }
                LabelAction::Forward(hops) => {
                    let transit = Transit {
                        from,
                        hops,
                        entropy_port,
                    };
                    return through(context, &transit, LabelStackEntry { ttl, ..entry }, packet);
                }
                // RFC 3032 §2.4.2: what would leave with 0 does not leave.
                LabelAction::Pop if ttl <= 1 => return Err(DropReason::LabelTtlExpired),
                LabelAction::Pop => packet.advance(LABEL_BYTES),
            }
        }
        carried = ttl;
    }
}

/// There is a bottom within the packet, not further down than any of our stacks is, and nothing
/// above it that must not be on the wire: a pop would lay it bare for the next hop.
fn check(bytes: &[u8]) -> Result<(), DropReason> {
    for bytes in bytes.chunks_exact(LABEL_BYTES).take(MAX_STACK_DEPTH) {
        let entry = LabelStackEntry::decode(bytes).map_err(|_| DropReason::StackWithoutBottom)?;
        if entry.label == Label::IMPLICIT_NULL {
            return Err(DropReason::ImplicitNullOnWire);
        }
        if entry.bottom {
            return Ok(());
        }
    }
    match bytes.len() / LABEL_BYTES > MAX_STACK_DEPTH {
        true => Err(DropReason::StackTooDeep),
        false => Err(DropReason::StackWithoutBottom),
    }
}

/// Onwards, or the packet's own stack takes the error about it there.
fn through<C: Count>(
    context: &mut Context<'_, C>,
    transit: &Transit<'_>,
    entry: LabelStackEntry,
    packet: &mut Packet<'_>,
) -> Result<Outcome, DropReason> {
    // RFC 3032 §2.4.2: what would leave with 0 does not leave.
    if entry.ttl <= 1 {
        return transit_error::expired(context, transit, entry, packet);
    }
    let hop = next_hop(context, transit)?;
    let out = adjacency(context, hop)?;
    let labelled = packet.len() - LABEL_BYTES + hop.labels.len() * LABEL_BYTES;
    if labelled > out.mtu {
        return transit_error::too_big(context, transit, entry, labelled - out.mtu, packet);
    }
    forward(context, transit, entry, packet)
}

/// Replaces the top entry by the labels of the first hop that is up. TC is kept (RFC 5462 §2).
pub(crate) fn forward<C: Count>(
    context: &Context<'_, C>,
    transit: &Transit<'_>,
    entry: LabelStackEntry,
    packet: &mut Packet<'_>,
) -> Result<Outcome, DropReason> {
    let hop = next_hop(context, transit)?;
    let out = adjacency(context, hop)?;
    let ttl = entry.ttl.saturating_sub(1);
    packet.advance(LABEL_BYTES);
    if hop.labels.is_empty() && context.fib.ttl == TtlModel::Uniform {
        // Penultimate-hop pop: the TTL goes on in the label that is now on top (RFC 3443 §5.4).
        // There is one: the popped label was not the bottom.
        if let Some(below) = packet.bytes_mut().get_mut(LABEL_BYTES - 1) {
            *below = ttl.min(*below);
        }
    }
    encap::push(&hop.labels, false, entry.traffic_class, ttl, packet)?;
    encap::wrap(out, transit.entropy_port, packet)?;
    Ok(Outcome::Send {
        adjacency: hop.adjacency,
    })
}

/// The first that is up and does not lead back.
fn next_hop<'a, C: Count>(
    context: &Context<'_, C>,
    transit: &Transit<'a>,
) -> Result<&'a Hop, DropReason> {
    let is_up = |hop: &&Hop| context.live.adjacency_is_up(hop.adjacency);
    let mut up = transit.hops.iter().filter(is_up).peekable();
    let back_alone = up.peek().is_some();
    up.find(|hop| hop.adjacency != transit.from)
        .ok_or(match back_alone {
            true => DropReason::WouldReturn,
            false => DropReason::NextHopDown,
        })
}

fn adjacency<'a, C: Count>(
    context: &Context<'a, C>,
    hop: &Hop,
) -> Result<&'a Adjacency, DropReason> {
    let adjacencies = &context.fib.adjacencies;
    adjacencies
        .get(hop.adjacency)
        .ok_or(DropReason::UnknownAdjacency)
}

/// The customer packet below a service label, whose TTL was `label_ttl`.
fn egress<C: Count>(
    context: &mut Context<'_, C>,
    index: usize,
    label_ttl: u8,
    packet: &mut Packet<'_>,
) -> Result<Outcome, DropReason> {
    let fib = context.fib;
    let segment = fib.segments.get(index).ok_or(DropReason::UnknownSegment)?;
    let customer = Customer::decode(packet.bytes()).map_err(|_| DropReason::CustomerMalformed)?;
    packet.truncate(customer.length);
    if !segment.is_local(customer.destination) {
        return transit_error::turn_round(context, index, &customer, packet);
    }
    // An ICMP error comes from any router on the way, whose address is in no segment; it is let
    // through if what it quotes is a packet from its destination to another site.
    let remote_error = || {
        quoted_addresses(&customer, packet.bytes()).is_some_and(|(source, destination)| {
            source == customer.destination && segment.is_remote(destination)
        })
    };
    if !segment.is_remote(customer.source) && !remote_error() {
        return Err(DropReason::EgressSpoofed);
    }
    let ttl = match fib.ttl {
        // A label that ran out is a loop in the overlay, of which the customer is not told.
        TtlModel::Pipe if label_ttl <= 1 => return Err(DropReason::LabelTtlExpired),
        TtlModel::Pipe => customer.ttl,
        TtlModel::Uniform => customer.ttl.min(label_ttl),
    };
    if ttl <= 1 {
        return Ok(expired(context, index, &customer, packet));
    }
    Customer::set_ttl(packet.bytes_mut(), ttl - 1);
    // What comes the other way is told by this SYN how much it may send.
    mss::clamp(&customer, packet.bytes_mut(), segment.mtu);
    Ok(Outcome::Deliver { segment: index })
}

/// Tells the sender at the other site, through the segment that the packet came by.
fn expired<C: Count>(
    context: &mut Context<'_, C>,
    segment: usize,
    customer: &Customer,
    packet: &mut Packet<'_>,
) -> Outcome {
    let reason = DropReason::CustomerTtlExpired;
    context.count.dropped(reason);
    let error = IcmpError::TimeExceeded;
    if !turn_into(
        context.fib,
        context.icmp,
        context.now,
        error,
        customer,
        packet,
    ) {
        return Outcome::Drop(reason);
    }
    send_back(context, segment, packet).unwrap_or(Outcome::Drop(reason))
}
