//! A decrypted inner packet from a neighbour.

use labelway_boundary::TtlModel;
use labelway_wire::{
    Customer, Ecn, Ipv4, LABEL_BYTES, Label, LabelStackEntry, Malformed, Udp, ecn, port, protocol,
};

use crate::encap::{Onwards, Stack, Varying, encapsulate};
use crate::fib::Adjacency;
use crate::icmp_error::{IcmpError, quoted_addresses, turn_into};
use crate::ingress::send_back;
use crate::labels::{Hop, LabelAction};
use crate::transit_error::{self, Transit};
use crate::whole::{WHOLE_PORT, may_come_apart};
use crate::{
    Context, Count, DropReason, ENCAPSULATION_BYTES, Fib, MAX_STACK_DEPTH, Outcome, Packet, local,
    mss,
};

/// Two repairs may lead round in a circle where more has failed than they are for, until somebody's
/// TTL is up. What was repaired has so many hops left, which no way round takes; in the uniform model
/// it would show.
pub(crate) const REPAIRED_TTL: u8 = 32;

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
    let fate = match inner(context, from, packet) {
        Ok(Inner::Local) => Ok(Fate::Local { labelled: false }),
        Ok(Inner::Labelled { ecn, entropy_port }) => {
            stack(context, from, ecn, entropy_port, packet)
        }
        Err(reason) => Err(reason),
    };
    match fate {
        Ok(Fate::Send { adjacency }) => Outcome::Send { adjacency },
        Ok(Fate::Deliver { segment }) => Outcome::Deliver { segment },
        Ok(Fate::Local { labelled }) => Outcome::Local { labelled },
        Ok(Fate::TurnRound { segment, ecn }) => {
            transit_error::turn_round(context, segment, ecn, packet)
                .unwrap_or_else(|reason| context.drop(reason))
        }
        Ok(Fate::Expired { segment }) => expired(context, segment, packet),
        Err(reason) => context.drop(reason),
    }
}

/// What becomes of a packet, or who is to say: much smaller than an [`Outcome`], for it is handed
/// through several hands.
enum Fate {
    Send { adjacency: usize },
    Deliver { segment: usize },
    Local { labelled: bool },
    TurnRound { segment: usize, ecn: Ecn },
    Expired { segment: usize },
}

enum Inner {
    /// STAMP or BFD, without labels.
    Local,
    Labelled {
        ecn: Ecn,
        entropy_port: u16,
    },
}

/// Checks the inner IPv4 and UDP headers; of a labelled packet, leaves the stack and what is below.
#[inline]
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
    if let Some(Varying {
        ecn,
        entropy_port,
        payload,
    }) = adjacency.back.read(packet.bytes())
    {
        packet.advance(ENCAPSULATION_BYTES);
        packet.truncate(payload);
        return Ok(Inner::Labelled { ecn, entropy_port });
    }
    any_inner(context, from, adjacency, packet)
}

/// As [`inner`], for what is not just what a neighbour sends with a label stack.
#[cold]
fn any_inner<C: Count>(
    context: &Context<'_, C>,
    from: usize,
    adjacency: &Adjacency,
    packet: &mut Packet<'_>,
) -> Result<Inner, DropReason> {
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
    let (ecn, entropy_port) = (ip.ecn(), udp.source_port());
    if udp.destination_port() == port::MPLS_IN_UDP {
        packet.advance(headers);
        packet.truncate(payload);
        if entropy_port == WHOLE_PORT && may_come_apart(context, from, packet.bytes()) {
            return Err(DropReason::SizedTooBig);
        }
        return Ok(Inner::Labelled { ecn, entropy_port });
    }
    if !local::is_stamp(&udp) && !local::is_bfd(&udp) {
        return Err(DropReason::InnerUnknownProtocol);
    }
    packet.truncate(total);
    Ok(Inner::Local)
}

/// Works through the stack from the top until something is done with the packet.
#[inline]
fn stack<C: Count>(
    context: &mut Context<'_, C>,
    from: usize,
    ecn: Ecn,
    entropy_port: u16,
    packet: &mut Packet<'_>,
) -> Result<Fate, DropReason> {
    check(packet.bytes())?;
    let fib = context.fib;
    // RFC 3443 §3.1: in the uniform model a popped TTL goes on in what is below. The smaller of
    // the two is taken, so that a router that runs the other model never makes a TTL rise.
    let mut carried = u8::MAX;
    loop {
        let entry =
            LabelStackEntry::decode(packet.bytes()).map_err(|_| DropReason::StackWithoutBottom)?;
        let ttl = match fib.ttl {
            TtlModel::Pipe => entry.ttl(),
            TtlModel::Uniform => entry.ttl().min(carried),
        };
        if entry.label().is_special_purpose() {
            let version = match entry.label() {
                Label::IPV4_EXPLICIT_NULL => 4,
                Label::IPV6_EXPLICIT_NULL => 6,
                _ => return Err(DropReason::SpecialPurposeLabel),
            };
            if ttl <= 1 {
                return Err(DropReason::LabelTtlExpired);
            }
            packet.advance(LABEL_BYTES);
            if entry.is_bottom() {
                local::receive(fib, version, packet)?;
                return Ok(Fate::Local { labelled: true });
            }
        } else {
            let (index, found) = fib
                .labels
                .find(entry.label())
                .ok_or(DropReason::UnknownLabel)?;
            if !fib.labels.accepts(found, from) {
                return Err(DropReason::LabelNotAccepted);
            }
            context.count.label(index, packet.len());
            match &found.action {
                LabelAction::Deliver(_) if !entry.is_bottom() => {
                    return Err(DropReason::ServiceLabelNotBottom);
                }
                LabelAction::Pop | LabelAction::Forward(_) if entry.is_bottom() => {
                    return Err(DropReason::BottomLabelNotService);
                }
                LabelAction::Deliver(segment) => {
                    packet.advance(LABEL_BYTES);
                    return egress(fib, *segment as usize, ttl, ecn, packet);
                }
                LabelAction::Forward(hops) => {
                    let transit = Transit {
                        from,
                        hops,
                        ecn,
                        entropy_port,
                    };
                    let entry = entry.with_ttl(ttl);
                    let adjacency = through(context, &transit, entry, packet)?;
                    return Ok(Fate::Send { adjacency });
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
#[inline]
fn check(bytes: &[u8]) -> Result<(), DropReason> {
    for bytes in bytes.chunks_exact(LABEL_BYTES).take(MAX_STACK_DEPTH) {
        let entry = LabelStackEntry::decode(bytes).map_err(|_| DropReason::StackWithoutBottom)?;
        if entry.label() == Label::IMPLICIT_NULL {
            return Err(DropReason::ImplicitNullOnWire);
        }
        if entry.is_bottom() {
            return Ok(());
        }
    }
    match bytes.len() / LABEL_BYTES > MAX_STACK_DEPTH {
        true => Err(DropReason::StackTooDeep),
        false => Err(DropReason::StackWithoutBottom),
    }
}

/// Onwards, or the packet's own stack takes the error about it there; answers the adjacency.
#[inline]
fn through<C: Count>(
    context: &mut Context<'_, C>,
    transit: &Transit<'_>,
    entry: LabelStackEntry,
    packet: &mut Packet<'_>,
) -> Result<usize, DropReason> {
    // RFC 3032 §2.4.2: what would leave with 0 does not leave.
    if entry.ttl() <= 1 {
        return transit_error::expired(context, transit, entry, packet);
    }
    let Next { hop, out, repair } = next_hop(context, transit, || is_probe(packet.bytes()))?;
    let entry = match context.fib.ttl {
        TtlModel::Pipe if repair => entry.with_ttl(entry.ttl().min(REPAIRED_TTL)),
        _ => entry,
    };
    let pushed = context.fib.labels.pushed(hop).len() * LABEL_BYTES;
    let labelled = packet.len() - LABEL_BYTES + pushed;
    if labelled > out.mtu {
        return transit_error::too_big(context, transit, entry, labelled - out.mtu, packet);
    }
    forward(context.fib, transit, entry, hop, out, packet)?;
    Ok(hop.adjacency as usize)
}

/// Replaces the top entry by the labels of the hop. TC is kept (RFC 5462 §2), and so is the ECN of
/// the header that the packet came by: within the label-switched path it is what RFC 5129 would
/// carry in the TC.
#[inline]
pub(crate) fn forward(
    fib: &Fib,
    transit: &Transit<'_>,
    entry: LabelStackEntry,
    hop: &Hop,
    out: &Onwards,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    let ttl = entry.ttl().saturating_sub(1);
    let labels = fib.labels.pushed(hop);
    packet.advance(LABEL_BYTES);
    if labels.is_empty() && fib.ttl == TtlModel::Uniform {
        // Penultimate-hop pop: the TTL goes on in the label that is now on top (RFC 3443 §5.4).
        // There is one: the popped label was not the bottom.
        if let Some(below) = packet.bytes_mut().get_mut(LABEL_BYTES - 1) {
            *below = ttl.min(*below);
        }
    }
    let stack = Stack {
        labels,
        bottom: None,
        traffic_class: entry.traffic_class(),
        ttl,
    };
    encapsulate(out, &stack, transit.ecn, transit.entropy_port, packet)
}

/// Where a packet goes.
pub(crate) struct Next<'a> {
    pub(crate) hop: &'a Hop,
    /// What is in front of packets there.
    pub(crate) out: &'a Onwards,
    pub(crate) repair: bool,
}

/// The first that is up and does not lead back, unless it is a repair. `is_probe` is asked where only
/// a repair is left.
#[inline]
pub(crate) fn next_hop<'a, C: Count>(
    context: &Context<'a, C>,
    transit: &Transit<'a>,
    is_probe: impl Fn() -> bool,
) -> Result<Next<'a>, DropReason> {
    let fib = context.fib;
    let first = &transit.hops.first;
    let is_up = context.live.adjacency_is_up(first.adjacency as usize);
    let (hop, repair) = if is_up && first.adjacency as usize != transit.from {
        (first, false)
    } else {
        other_hop(context, transit, is_up, is_probe)?
    };
    let adjacency = fib.adjacencies.get(hop.adjacency as usize);
    let out = &adjacency.ok_or(DropReason::UnknownAdjacency)?.out;
    Ok(Next { hop, out, repair })
}

/// As [`next_hop`], without the first; tells whether it is a repair. `back`: the first is up, and
/// leads back.
#[cold]
fn other_hop<'a, C: Count>(
    context: &Context<'a, C>,
    transit: &Transit<'a>,
    mut back: bool,
    is_probe: impl Fn() -> bool,
) -> Result<(&'a Hop, bool), DropReason> {
    for other in context.fib.labels.others(transit.hops) {
        let adjacency = other.hop.adjacency as usize;
        if !context.live.adjacency_is_up(adjacency) || other.repair && is_probe() {
            continue;
        }
        // A repair may lead back: its labels are looked up there, not the one that led here.
        if adjacency != transit.from || other.repair {
            return Ok((&other.hop, other.repair));
        }
        back = true;
    }
    Err(match back {
        true => DropReason::WouldReturn,
        false => DropReason::NextHopDown,
    })
}

/// Below an explicit null at the bottom is another router's probe, and no customer.
fn is_probe(stack: &[u8]) -> bool {
    stack
        .chunks_exact(LABEL_BYTES)
        .map_while(|bytes| LabelStackEntry::decode(bytes).ok())
        .find(|entry| entry.is_bottom())
        .is_some_and(|bottom| bottom.label().is_special_purpose())
}

/// The customer packet below a service label, whose TTL was `label_ttl`, in an inner header with
/// `ecn`.
#[inline]
fn egress(
    fib: &Fib,
    index: usize,
    label_ttl: u8,
    ecn: Ecn,
    packet: &mut Packet<'_>,
) -> Result<Fate, DropReason> {
    let segment = fib.segments.get(index).ok_or(DropReason::UnknownSegment)?;
    let customer = Customer::decode(packet.bytes()).map_err(|_| DropReason::CustomerMalformed)?;
    packet.truncate(customer.length);
    if !segment.is_local(customer.destination) {
        return Ok(Fate::TurnRound {
            segment: index,
            ecn,
        });
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
    decapsulate(ecn, &customer, packet)?;
    let ttl = match fib.ttl {
        // A label that ran out is a loop in the overlay, of which the customer is not told.
        TtlModel::Pipe if label_ttl <= 1 => return Err(DropReason::LabelTtlExpired),
        TtlModel::Pipe => customer.ttl,
        TtlModel::Uniform => customer.ttl.min(label_ttl),
    };
    if ttl <= 1 {
        return Ok(Fate::Expired { segment: index });
    }
    Customer::set_ttl(packet.bytes_mut(), ttl - 1);
    // What comes the other way is told by this SYN how much it may send.
    mss::clamp(&customer, packet.bytes_mut(), segment.mtu);
    Ok(Fate::Deliver { segment: index })
}

/// What the underlays marked on the way comes to be in the customer's packet (RFC 6040 §4.2).
#[inline]
pub(crate) fn decapsulate(
    outer: Ecn,
    customer: &Customer,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    if outer != customer.ecn {
        let ecn = ecn::decapsulate(outer, customer.ecn).ok_or(DropReason::EgressCongested)?;
        Customer::set_ecn(packet.bytes_mut(), ecn);
    }
    Ok(())
}

/// Tells the sender at the other site, through the segment that the packet came by.
#[cold]
fn expired<C: Count>(
    context: &mut Context<'_, C>,
    segment: usize,
    packet: &mut Packet<'_>,
) -> Outcome {
    let reason = DropReason::CustomerTtlExpired;
    context.count.dropped(reason);
    let told = Customer::decode(packet.bytes()).is_ok_and(|customer| {
        turn_into(
            context.fib,
            context.icmp,
            context.now,
            IcmpError::TimeExceeded,
            &customer,
            packet,
        )
    });
    let answer = told.then(|| send_back(context, segment, packet)).flatten();
    answer.unwrap_or(Outcome::Drop(reason))
}
