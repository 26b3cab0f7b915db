//! Packets that must not come apart on their way: probes for its MTU (RFC 8899). They are marked by
//! their source port, which goes on with them as an entropy port does.

use labelway_wire::{Ecn, LABEL_BYTES, Label, LabelStackEntry};

use crate::labels::LabelAction;
use crate::switch::{Next, next_hop};
use crate::transit_error::Transit;
use crate::{Context, Count, MAX_STACK_DEPTH};

/// UDP source port of such a packet. What is sent otherwise has an entropy port, 49152 or above (RFC
/// 7510 §3); this is below, so that no other packet is looked at for it.
pub(crate) const WHOLE_PORT: u16 = labelway_wire::port::MPLS_IN_UDP;

/// Whether a packet from adjacency `from`, `bytes` of stack and what is below, would leave over an
/// adjacency that it is not known to cross in one piece. What ends here, or is wrong, does not leave.
#[cold]
pub(crate) fn may_come_apart<C: Count>(
    context: &Context<'_, C>,
    from: usize,
    bytes: &[u8],
) -> bool {
    let labels = &context.fib.labels;
    for (above, entry) in bytes
        .chunks_exact(LABEL_BYTES)
        .take(MAX_STACK_DEPTH)
        .enumerate()
    {
        let Ok(entry) = LabelStackEntry::decode(entry) else {
            return false;
        };
        let is_popped = matches!(
            entry.label(),
            Label::IPV4_EXPLICIT_NULL | Label::IPV6_EXPLICIT_NULL
        );
        match labels.find(entry.label()).map(|(_, found)| &found.action) {
            Some(LabelAction::Forward(hops)) => {
                let transit = Transit {
                    from,
                    hops,
                    ecn: Ecn::NotEct,
                    entropy_port: WHOLE_PORT,
                };
                let Ok(Next { hop, .. }) = next_hop(context, &transit, || true) else {
                    return false;
                };
                let popped = (above + 1) * LABEL_BYTES;
                let labelled = bytes.len() - popped + labels.pushed(hop).len() * LABEL_BYTES;
                let adjacency = context.fib.adjacencies.get(hop.adjacency as usize);
                let found = adjacency.and_then(|adjacency| adjacency.found.get());
                return found.is_none_or(|found| labelled > found);
            }
            Some(LabelAction::Pop) => {}
            None if is_popped => {}
            Some(LabelAction::Deliver(_)) | None => return false,
        }
    }
    false
}
