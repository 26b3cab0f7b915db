//! Which list a customer packet takes: policy, path, list.

use labelway_boundary::{Match, Steering, Verdict};
use labelway_wire::Customer;

use crate::fib::List;
use crate::{DropReason, Fib, Live, flow};

/// The first rule that matches decides; of its paths the first that is up; of its lists that are
/// up, the one that the flow belongs to. Nothing but the liveness changes a flow's list.
pub(crate) fn choose(
    fib: &Fib,
    live: &Live,
    steering: &Steering,
    customer: &Customer,
    flow: u64,
) -> Result<usize, DropReason> {
    let verdict = steering
        .rules
        .iter()
        .find(|rule| matches(&rule.matches, customer))
        .map_or(&steering.fallback, |rule| &rule.verdict);
    match verdict {
        Verdict::Drop => Err(DropReason::PolicyDrop),
        Verdict::Paths(paths) => paths
            .iter()
            .filter_map(|path| fib.paths.get(*path as usize))
            .find_map(|lists| best_list(fib, live, lists, flow))
            .ok_or(DropReason::NoPath),
    }
}

fn best_list(fib: &Fib, live: &Live, lists: &[u32], flow: u64) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for index in lists {
        let index = *index as usize;
        let Some(list) = fib.lists.get(index) else {
            continue;
        };
        if !is_usable(live, index, list) {
            continue;
        }
        if lists.len() == 1 {
            return Some(index);
        }
        let score = flow::score(flow, list.identity, list.weight);
        if best.is_none_or(|(_, highest)| score > highest) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

/// While its first adjacency and its own probe are up; a list without labels has no probe of its
/// own, since it is the adjacency and nothing more.
fn is_usable(live: &Live, index: usize, list: &List) -> bool {
    live.adjacency_is_up(list.adjacency) && (list.labels.is_empty() || live.list_is_up(index))
}

fn matches(matches: &Match, customer: &Customer) -> bool {
    matches
        .source
        .is_none_or(|prefix| prefix.contains(&customer.source))
        && matches
            .destination
            .is_none_or(|prefix| prefix.contains(&customer.destination))
        && matches.dscp.is_none_or(|dscp| dscp == customer.dscp)
        && matches
            .protocol
            .is_none_or(|protocol| protocol == customer.protocol)
        && within(
            &matches.source_ports,
            customer.ports.map(|ports| ports.source),
        )
        && within(
            &matches.destination_ports,
            customer.ports.map(|ports| ports.destination),
        )
}

fn within(ranges: &[(u16, u16)], port: Option<u16>) -> bool {
    ranges.is_empty()
        || port.is_some_and(|port| {
            ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&port))
        })
}
