//! A customer packet from the LAN onto a label stack.

use labelway_boundary::TtlModel;
use labelway_wire::Customer;

use crate::encap;
use crate::fragment::Labelling;
use crate::icmp_error::{IcmpError, is_one_host, turn_into};
use crate::steering::choose;
use crate::{Context, Count, DropReason, Fragments, Outcome, Packet, flow, mss};

/// TTL of labels that hide the customer's (RFC 3443 §3.2, pipe).
pub(crate) const PIPE_TTL: u8 = 255;

/// What becomes of a customer packet that came from the TUN of `segment`.
pub fn ingress<C: Count>(
    context: &mut Context<'_, C>,
    segment: usize,
    packet: &mut Packet<'_>,
) -> Outcome {
    if segment >= context.fib.segments.len() {
        return context.drop(DropReason::UnknownSegment);
    }
    let Ok(customer) = Customer::decode(packet.bytes()) else {
        return context.drop(DropReason::CustomerMalformed);
    };
    packet.truncate(customer.length);
    if !is_one_host(customer.destination) || !is_one_host(customer.source) {
        return context.drop(DropReason::CustomerNotUnicast);
    }
    // RFC 1812 §5.3.1, RFC 8200 §3: nothing is forwarded that would leave with 0.
    if customer.ttl <= 1 {
        let error = IcmpError::TimeExceeded;
        return refuse(
            context,
            DropReason::CustomerTtlExpired,
            error,
            segment,
            &customer,
            packet,
        );
    }
    let (reason, error) = match push(context, segment, &customer, customer.ttl - 1, packet) {
        Ok(outcome) => return outcome,
        Err(Refusal::TooBig { mtu }) => (DropReason::TooBig, IcmpError::TooBig { mtu }),
        // RFC 1812 §4.3.3.1, RFC 4443 §3.1: told at once, so that nobody waits in vain.
        Err(Refusal::Drop(reason @ DropReason::NoRoute)) => (reason, IcmpError::NoRoute),
        Err(Refusal::Drop(reason @ DropReason::NoPath)) => (reason, IcmpError::NoPath),
        Err(Refusal::Drop(reason)) => return context.drop(reason),
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
    push(context, segment, &error, error.ttl, packet).ok()
}

enum Refusal {
    Drop(DropReason),
    TooBig { mtu: usize },
}

/// Route, list, size, stack, encapsulation; the packet leaves with `ttl`.
fn push<C: Count>(
    context: &mut Context<'_, C>,
    segment: usize,
    customer: &Customer,
    ttl: u8,
    packet: &mut Packet<'_>,
) -> Result<Outcome, Refusal> {
    let fib = context.fib;
    let unknown = Refusal::Drop(DropReason::UnknownSegment);
    let segment = fib.segments.get(segment).ok_or(unknown)?;
    let no_route = Refusal::Drop(DropReason::NoRoute);
    let steering = segment.route(customer.destination).ok_or(no_route)?;
    let flow = flow::hash(customer);
    let index = choose(fib, context.live, steering, customer, flow).map_err(Refusal::Drop)?;
    let list = &fib.lists[index];
    let out = &fib.adjacencies[list.adjacency];
    let in_pieces = customer.length > list.mtu;
    if in_pieces && customer.dont_fragment {
        return Err(Refusal::TooBig { mtu: list.mtu });
    }

    Customer::set_ttl(packet.bytes_mut(), ttl);
    mss::clamp(customer, packet.bytes_mut(), list.mtu);
    let labelling = Labelling {
        adjacency: list.adjacency,
        labels: &list.labels,
        service: segment.service_label,
        // RFC 2474 §4.2.2: the class selector, the three upper bits of the DSCP.
        traffic_class: customer.dscp >> 3,
        ttl: match fib.ttl {
            TtlModel::Pipe => PIPE_TTL,
            TtlModel::Uniform => ttl,
        },
        entropy_port: flow::entropy_port(flow),
    };
    if in_pieces {
        let fragments = Fragments::new(customer, packet, list.mtu, out, &labelling)
            .ok_or(Refusal::Drop(DropReason::CustomerMalformed))?;
        context.count.list(index, customer.length);
        return Ok(Outcome::Fragments(fragments));
    }
    let Labelling {
        traffic_class, ttl, ..
    } = labelling;
    encap::push(&[segment.service_label], true, traffic_class, ttl, packet)
        .and_then(|()| encap::push(&list.labels, false, traffic_class, ttl, packet))
        .and_then(|()| encap::wrap(out, labelling.entropy_port, packet))
        .map_err(Refusal::Drop)?;
    context.count.list(index, customer.length);
    Ok(Outcome::Send {
        adjacency: list.adjacency,
    })
}

/// Drops the packet and tells its sender on the LAN, where that is allowed.
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
