//! A customer packet from the LAN onto a label stack.

use labelway_boundary::TtlModel;
use labelway_wire::{Customer, ecn};

use crate::encap::{self, Stack};
use crate::fib::{List, Segment};
use crate::flows::{Decision, FlowKey};
use crate::fragment::Labelled;
use crate::icmp_error::{IcmpError, is_one_host, turn_into};
use crate::steering::{Mark, choose};
use crate::{
    Context, Count, DropReason, Fib, FlowCache, Fragments, Live, Outcome, Packet, flow, mss,
};

/// TTL of labels that hide the customer's (RFC 3443 §3.2, pipe).
pub(crate) const PIPE_TTL: u8 = 255;

/// What becomes of a customer packet that came from the TUN of `segment`. `flows` is the calling
/// thread's; it is what it was given for the packets before.
pub fn ingress<C: Count>(
    context: &mut Context<'_, C>,
    flows: &mut FlowCache,
    segment: usize,
    packet: &mut Packet<'_>,
) -> Outcome {
    let (fib, live) = (context.fib, context.live);
    let Some(origin) = fib.segments.get(segment) else {
        return context.drop(DropReason::UnknownSegment);
    };
    let Ok(customer) = Customer::decode(packet.bytes()) else {
        return context.drop(DropReason::CustomerMalformed);
    };
    packet.truncate(customer.length);
    let key = FlowKey::new(segment, &customer);
    let decision = flows.decision(fib, live, &key, |former| {
        decide(fib, live, origin, &customer, former)
    });
    if decision.list() == Err(DropReason::CustomerNotUnicast) {
        return context.drop(DropReason::CustomerNotUnicast);
    }
    // RFC 1812 §5.3.1, RFC 8200 §3: nothing is forwarded that would leave with 0.
    let (reason, error) = if customer.ttl <= 1 {
        (DropReason::CustomerTtlExpired, IcmpError::TimeExceeded)
    } else {
        let leaving = Leaving {
            origin,
            customer: &customer,
            ttl: customer.ttl - 1,
            decision,
        };
        match push(context, &leaving, packet) {
            Ok(adjacency) => return Outcome::Send { adjacency },
            Err(Refusal::InPieces) => {
                return in_pieces(context, &leaving, packet)
                    .map_or_else(|reason| context.drop(reason), Outcome::Fragments);
            }
            Err(Refusal::TooBig { mtu }) => (DropReason::TooBig, IcmpError::TooBig { mtu }),
            // RFC 1812 §4.3.3.1, RFC 4443 §3.1: told at once, so that nobody waits in vain.
            Err(Refusal::Drop(reason @ DropReason::NoRoute)) => (reason, IcmpError::NoRoute),
            Err(Refusal::Drop(reason @ DropReason::NoPath)) => (reason, IcmpError::NoPath),
            Err(Refusal::Drop(reason)) => return context.drop(reason),
        }
    };
    refuse(context, reason, error, segment, &customer, packet)
}

/// An ICMP error about a packet from another site, sent back there through its own segment.
pub(crate) fn send_back<C: Count>(
    context: &mut Context<'_, C>,
    segment: usize,
    packet: &mut Packet<'_>,
) -> Option<Outcome> {
    let error = Customer::decode(packet.bytes()).ok()?;
    let origin = context.fib.segments.get(segment)?;
    let leaving = Leaving {
        origin,
        customer: &error,
        ttl: error.ttl,
        decision: decide(context.fib, context.live, origin, &error, None),
    };
    match push(context, &leaving, packet) {
        Ok(adjacency) => Some(Outcome::Send { adjacency }),
        Err(Refusal::InPieces) => {
            let fragments = in_pieces(context, &leaving, packet).ok()?;
            Some(Outcome::Fragments(fragments))
        }
        Err(_) => None,
    }
}

/// Everything that the flow's packets have in common. `former`: see [`choose`].
#[inline(never)]
pub(crate) fn decide(
    fib: &Fib,
    live: &Live,
    segment: &Segment,
    customer: &Customer,
    former: Mark,
) -> Decision {
    let flow = flow::hash(customer);
    let list = || {
        if !is_one_host(customer.destination) || !is_one_host(customer.source) {
            return Err(DropReason::CustomerNotUnicast);
        }
        let steering = segment
            .route(customer.destination)
            .ok_or(DropReason::NoRoute)?;
        choose(fib, live, steering, customer, flow, former)
    };
    Decision::new(list(), flow::entropy_port(flow))
}

/// A packet on its way out.
struct Leaving<'a> {
    origin: &'a Segment,
    customer: &'a Customer,
    ttl: u8,
    decision: Decision,
}

enum Refusal {
    Drop(DropReason),
    TooBig {
        mtu: usize,
    },
    /// Too big, and free to be fragmented.
    InPieces,
}

/// Size, stack, encapsulation; answers the adjacency.
#[inline(always)]
fn push<C: Count>(
    context: &mut Context<'_, C>,
    leaving: &Leaving<'_>,
    packet: &mut Packet<'_>,
) -> Result<usize, Refusal> {
    let index = leaving.decision.list().map_err(Refusal::Drop)?;
    let Leaving { customer, ttl, .. } = *leaving;
    let (list, way) = way(context.fib, leaving, index).map_err(Refusal::Drop)?;
    let mtu = list.mtu.now();
    if customer.length > mtu {
        return Err(match customer.dont_fragment {
            true => Refusal::TooBig { mtu },
            false => Refusal::InPieces,
        });
    }
    Customer::set_ttl(packet.bytes_mut(), ttl);
    mss::clamp(customer, packet.bytes_mut(), mtu);
    encap::encapsulate(way.out, &way.stack, way.ecn, way.entropy_port, packet)
        .map_err(Refusal::Drop)?;
    context.count.list(index as usize, customer.length);
    Ok(way.adjacency)
}

#[cold]
fn in_pieces<C: Count>(
    context: &mut Context<'_, C>,
    leaving: &Leaving<'_>,
    packet: &mut Packet<'_>,
) -> Result<Fragments, DropReason> {
    let index = leaving.decision.list()?;
    let Leaving { customer, ttl, .. } = *leaving;
    let (list, way) = way(context.fib, leaving, index)?;
    Customer::set_ttl(packet.bytes_mut(), ttl);
    let mtu = list.mtu.now();
    mss::clamp(customer, packet.bytes_mut(), mtu);
    let fragments =
        Fragments::new(customer, packet, mtu, &way).ok_or(DropReason::CustomerMalformed)?;
    context.count.list(index as usize, customer.length);
    Ok(fragments)
}

#[inline(always)]
fn way<'a>(
    fib: &'a Fib,
    leaving: &Leaving<'_>,
    index: u32,
) -> Result<(&'a List, Labelled<'a>), DropReason> {
    let list = fib.lists.get(index as usize).ok_or(DropReason::NoPath)?;
    let adjacency = fib
        .adjacencies
        .get(list.adjacency)
        .ok_or(DropReason::UnknownAdjacency)?;
    let stack = Stack {
        labels: &list.labels,
        bottom: Some(leaving.origin.service_label),
        // RFC 2474 §4.2.2: the class selector, the three upper bits of the DSCP.
        traffic_class: leaving.customer.dscp >> 3,
        ttl: match fib.ttl {
            TtlModel::Pipe => PIPE_TTL,
            TtlModel::Uniform => leaving.ttl,
        },
    };
    let way = Labelled {
        adjacency: list.adjacency,
        out: &adjacency.out,
        stack,
        ecn: ecn::encapsulate(leaving.customer.ecn),
        entropy_port: leaving.decision.entropy_port(),
    };
    Ok((list, way))
}

/// Drops the packet and tells its sender on the LAN, where that is allowed.
#[cold]
fn refuse<C: Count>(
    context: &mut Context<'_, C>,
    reason: DropReason,
    error: IcmpError,
    segment: usize,
    customer: &Customer,
    packet: &mut Packet<'_>,
) -> Outcome {
    context.count.dropped(reason);
    if turn_into(
        context.fib,
        context.icmp,
        context.now,
        error,
        customer,
        packet,
    ) {
        Outcome::ToTun { segment }
    } else {
        Outcome::Drop(reason)
    }
}

impl<C: Count> Context<'_, C> {
    /// Counts a drop.
    pub(crate) fn drop(&mut self, reason: DropReason) -> Outcome {
        self.count.dropped(reason);
        Outcome::Drop(reason)
    }
}
