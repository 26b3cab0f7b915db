//! ICMP errors about packets in transit (RFC 3032 §2.3.2).
//!
//! A transit router knows neither the segment nor the way back. It puts the error where the packet
//! was, below the rest of the packet's own stack; the egress, which knows the segment, sends it on
//! to the customer who sent the packet.

use labelway_wire::{Customer, Ecn, LABEL_BYTES, LabelStackEntry};

use crate::icmp_error::{IcmpError, quoted_addresses, turn_into};
use crate::ingress::send_back;
use crate::labels::Forward;
use crate::switch::{Next, REPAIRED_TTL, decapsulate, forward, next_hop};
use crate::{Context, Count, DropReason, MAX_STACK_DEPTH, Outcome, Packet};

/// So far an error gets from here, whatever was left to the packet (RFC 3032 §2.4.3). There is no
/// error about an error, so none lives longer than one TTL.
const ERROR_LABEL_TTL: u8 = 255;

/// How a labelled packet goes on.
pub(crate) struct Transit<'a> {
    pub(crate) from: usize,
    pub(crate) hops: &'a Forward,
    /// Of the inner header that the packet came by.
    pub(crate) ecn: Ecn,
    pub(crate) entropy_port: u16,
}

/// The top TTL ran out here. Answers the adjacency that the error leaves by, as the next does.
#[cold]
pub(crate) fn expired<C: Count>(
    context: &mut Context<'_, C>,
    transit: &Transit<'_>,
    entry: LabelStackEntry,
    packet: &mut Packet<'_>,
) -> Result<usize, DropReason> {
    let error = |_: &Customer| Some(IcmpError::TimeExceeded);
    answer(context, transit, entry, error, packet).ok_or(DropReason::LabelTtlExpired)
}

/// Stack and packet are `excess` bytes larger than the next adjacency carries (RFC 3032 §3.4).
#[cold]
pub(crate) fn too_big<C: Count>(
    context: &mut Context<'_, C>,
    transit: &Transit<'_>,
    entry: LabelStackEntry,
    excess: usize,
    packet: &mut Packet<'_>,
) -> Result<usize, DropReason> {
    // The ingress fragments what may be: only one of another generation sends such a packet here.
    let error = |customer: &Customer| {
        let mtu = customer.length.checked_sub(excess)?;
        customer.dont_fragment.then_some(IcmpError::TooBig { mtu })
    };
    answer(context, transit, entry, error, packet).ok_or(DropReason::LabelledTooBig)
}

/// At the egress: an error that another router made about a packet to this site goes to the site
/// that the packet came from. Anything else for another site is dropped.
#[cold]
pub(crate) fn turn_round<C: Count>(
    context: &mut Context<'_, C>,
    index: usize,
    ecn: Ecn,
    packet: &mut Packet<'_>,
) -> Result<Outcome, DropReason> {
    let not_local = DropReason::EgressNotLocal;
    let segment = context.fib.segments.get(index).ok_or(not_local)?;
    let customer = &Customer::decode(packet.bytes()).map_err(|_| not_local)?;
    let (source, destination) = quoted_addresses(customer, packet.bytes()).ok_or(not_local)?;
    let is_ours = source == customer.destination
        && segment.is_remote(source)
        && segment.is_local(destination);
    // A turn costs a hop, so that two sites that disagree about a prefix do not play ball.
    if !is_ours || customer.ttl <= 1 || !context.icmp.take(context.now) {
        return Err(not_local);
    }
    decapsulate(ecn, customer, packet)?;
    Customer::set_ttl(packet.bytes_mut(), customer.ttl - 1);
    send_back(context, index, packet).ok_or(not_local)
}

/// Puts the error in the packet's place and forwards it. None, and the packet is spoilt, if there
/// is nobody to tell.
fn answer<C: Count>(
    context: &mut Context<'_, C>,
    transit: &Transit<'_>,
    top: LabelStackEntry,
    error: impl FnOnce(&Customer) -> Option<IcmpError>,
    packet: &mut Packet<'_>,
) -> Option<usize> {
    let mut stack = [top; MAX_STACK_DEPTH];
    let mut depth = 0;
    loop {
        let entry = LabelStackEntry::decode(packet.bytes()).ok()?;
        packet.advance(LABEL_BYTES);
        *stack.get_mut(depth)? = entry;
        depth += 1;
        if entry.is_bottom() {
            // Below an explicit null is no customer, but another router's probe.
            if entry.label().is_special_purpose() {
                return None;
            }
            break;
        }
    }
    let customer = Customer::decode(packet.bytes()).ok()?;
    packet.truncate(customer.length);
    let error = error(&customer)?;
    let reason = match error {
        IcmpError::TimeExceeded => DropReason::LabelTtlExpired,
        _ => DropReason::LabelledTooBig,
    };
    if !turn_into(
        context.fib,
        context.icmp,
        context.now,
        error,
        &customer,
        packet,
    ) {
        return None;
    }
    for entry in stack.iter_mut().take(depth).rev() {
        *entry = entry.with_ttl(ERROR_LABEL_TTL);
        let bytes = entry.encode();
        if !packet.prepend(bytes.len()) {
            return None;
        }
        packet.bytes_mut()[..bytes.len()].copy_from_slice(&bytes);
    }
    // The error is a packet of its own, whose sender is this router: it met no congestion yet.
    let transit = Transit {
        ecn: Ecn::NotEct,
        ..*transit
    };
    let Next { hop, out, repair } = next_hop(context, &transit, || false).ok()?;
    let top = if repair {
        stack[0].with_ttl(REPAIRED_TTL)
    } else {
        stack[0]
    };
    forward(context.fib, &transit, top, hop, out, packet).ok()?;
    context.count.dropped(reason);
    Some(hop.adjacency as usize)
}
