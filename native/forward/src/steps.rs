//! The single steps of forwarding, so that `benches` can measure them apart. No packet comes by
//! here: what is measured are the functions below, in the order in which packets meet them.
#![doc(hidden)]

use std::net::IpAddr;

use labelway_wire::{Customer, Ecn, LABEL_BYTES, LabelStackEntry};

use crate::flows::FlowKey;
use crate::labels::LabelAction;
use crate::switch::next_hop;
use crate::transit_error::Transit;
use crate::{Context, Count, Fib, FlowCache, ingress};

/// Position of a label's entry.
#[inline]
pub fn find(fib: &Fib, entry: [u8; LABEL_BYTES]) -> Option<usize> {
    let entry = LabelStackEntry::decode(&entry).ok()?;
    fib.labels.find(entry.label()).map(|(index, _)| index)
}

/// Looks a label up, checks that it may come from there, and rewrites the top entry for the next
/// hop; answers the adjacency. None for all but one label in the place of another.
#[inline]
pub fn swap<C: Count>(
    context: &Context<'_, C>,
    from: usize,
    top: &mut [u8; LABEL_BYTES],
) -> Option<usize> {
    let entry = LabelStackEntry::decode(top).ok()?;
    let labels = &context.fib.labels;
    let (_, found) = labels.find(entry.label())?;
    let (LabelAction::Forward(hops), true) = (&found.action, labels.accepts(found, from)) else {
        return None;
    };
    let transit = Transit {
        from,
        hops,
        ecn: Ecn::NotEct,
        entropy_port: 0,
    };
    let (hop, _) = next_hop(context, &transit).ok()?;
    let [label] = labels.pushed(hop) else {
        return None;
    };
    let ttl = entry.ttl().checked_sub(1).filter(|ttl| *ttl > 0)?;
    *top = LabelStackEntry::new(*label, entry.traffic_class(), false, ttl).encode();
    Some(hop.adjacency as usize)
}

/// The list of a packet's flow, from the cache or by route and rules.
#[inline]
pub fn classify<C: Count>(
    context: &Context<'_, C>,
    flows: &mut FlowCache,
    segment: usize,
    customer: &Customer,
) -> Option<u32> {
    let origin = context.fib.segments.get(segment)?;
    let key = FlowKey::new(segment, customer);
    let decide = |former| ingress::decide(context.fib, context.live, origin, customer, former);
    let decision = flows.decision(context.fib, context.live, &key, decide);
    decision.list().ok()
}

/// Whether an address is at another site: longest-prefix match.
#[inline]
pub fn is_remote(fib: &Fib, segment: usize, address: IpAddr) -> bool {
    fib.segments
        .get(segment)
        .is_some_and(|segment| segment.place(address).is_remote())
}
