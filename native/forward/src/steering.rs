//! Which list a customer packet takes: policy, path, list.

use std::net::IpAddr;
use std::num::NonZeroU32;

use labelway_boundary::{self as boundary, Match, Verdict};
use labelway_wire::Customer;

use crate::fib::List;
use crate::{DropReason, Fib, Live, flow};

/// Rules in order, laid out so that a thousand of them are gone through in about a microsecond.
#[derive(Debug)]
pub(crate) struct Steering {
    v4: Vec<Row<u32>>,
    v6: Vec<Row<u128>>,
    rules: Vec<boundary::Rule>,
    fallback: Verdict,
}

/// What a rule asks of packets of one IP version.
#[derive(Debug)]
struct Row<A> {
    source: Masked<A>,
    destination: Masked<A>,
    /// As [`class`] packs it.
    class: Masked<u32>,
    source_ports: (u16, u16),
    destination_ports: (u16, u16),
    rule: u32,
    /// Nothing else is asked. Otherwise the ports are within one of several ranges, and what is
    /// here is all from the lowest to the highest.
    is_all: bool,
}

#[derive(Debug, Clone, Copy)]
struct Masked<A> {
    value: A,
    mask: A,
}

impl Steering {
    pub(crate) fn new(steering: &boundary::Steering) -> Self {
        let rules = || (0..).zip(&steering.rules);
        Self {
            v4: rules()
                .filter_map(|(number, rule)| Row::new(number, &rule.matches, v4))
                .collect(),
            v6: rules()
                .filter_map(|(number, rule)| Row::new(number, &rule.matches, v6))
                .collect(),
            rules: steering.rules.clone(),
            fallback: steering.fallback.clone(),
        }
    }

    /// That of the first rule that matches.
    fn verdict(&self, customer: &Customer) -> &Verdict {
        let rule = match (customer.source, customer.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.first(&self.v4, source.into(), destination.into(), customer)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                self.first(&self.v6, source.into(), destination.into(), customer)
            }
            _ => None,
        };
        rule.map_or(&self.fallback, |rule| &rule.verdict)
    }

    fn first<A: Bits>(
        &self,
        rows: &[Row<A>],
        source: A,
        destination: A,
        customer: &Customer,
    ) -> Option<&boundary::Rule> {
        let class = class(customer);
        let (from, to) = customer
            .ports
            .map_or((0, 0), |ports| (ports.source, ports.destination));
        rows.iter()
            .filter(|row| {
                row.destination.covers(destination)
                    && row.class.covers(class)
                    && row.source.covers(source)
                    && (row.destination_ports.0..=row.destination_ports.1).contains(&to)
                    && (row.source_ports.0..=row.source_ports.1).contains(&from)
            })
            .filter_map(|row| Some((row.is_all, self.rules.get(row.rule as usize)?)))
            .find(|(is_all, rule)| *is_all || ports_match(&rule.matches, customer))
            .map(|(_, rule)| rule)
    }
}

/// The first rule that matches decides. `former`: mark of the list that the flow has had so far; it
/// keeps it where the verdict lets it. Otherwise it takes the first of the verdict's paths that is
/// up, or its share of the equal ones. Suspect lists count for down, unless there is no other.
pub(crate) fn choose(
    fib: &Fib,
    live: &Live,
    steering: &Steering,
    customer: &Customer,
    flow: u64,
    former: Mark,
) -> Result<u32, DropReason> {
    let (order, equal, keep) = match steering.verdict(customer) {
        Verdict::Drop => return Err(DropReason::PolicyDrop),
        Verdict::Paths { order, equal, keep } => (order, *equal, keep),
    };
    let (equal, others) = order.split_at(order.len().min(equal.max(1) as usize));
    let pick = |suspect: bool| {
        former
            .and_then(|former| kept(fib, live, [keep, equal], former, suspect))
            .or_else(|| share(fib, live, equal, flow, suspect))
            .or_else(|| {
                let mut others = others.chunks(1);
                others.find_map(|path| share(fib, live, path, flow, suspect))
            })
    };
    match pick(false) {
        Some(list) => Ok(list),
        None => pick(true).ok_or(DropReason::NoPath),
    }
}

/// What a list is known by in every generation of the table. Two may share a mark; both of them
/// among the lists that one flow may keep is too rare to matter, and would only move it. One in four
/// billion has none, and keeps no flow.
pub(crate) type Mark = Option<NonZeroU32>;

pub(crate) fn mark(list: &List) -> Mark {
    NonZeroU32::new(list.identity as u32)
}

/// The list with that mark, where it is up and one of these paths'; `suspect`: also if it is.
#[cold]
fn kept(
    fib: &Fib,
    live: &Live,
    paths: [&[u32]; 2],
    former: NonZeroU32,
    suspect: bool,
) -> Option<u32> {
    let lists = paths
        .into_iter()
        .flatten()
        .filter_map(|path| fib.paths.get(*path as usize));
    lists.flatten().copied().find(|index| {
        let list = fib.lists.get(*index as usize);
        list.is_some_and(|list| {
            mark(list) == Some(former) && is_usable(live, *index, list, suspect)
        })
    })
}

/// Of all lists of some paths that are up, the one that has the flow; `suspect`: also of those that
/// are.
#[inline]
fn share(fib: &Fib, live: &Live, paths: &[u32], flow: u64, suspect: bool) -> Option<u32> {
    let mut best: Option<(u32, f64)> = None;
    for path in paths {
        let Some(lists) = fib.paths.get(*path as usize) else {
            continue;
        };
        for index in lists {
            let Some(list) = fib.lists.get(*index as usize) else {
                continue;
            };
            if !is_usable(live, *index, list, suspect) {
                continue;
            }
            if paths.len() == 1 && lists.len() == 1 {
                return Some(*index);
            }
            let score = flow::score(flow, list.identity, list.weight);
            if best.is_none_or(|(_, highest)| score > highest) {
                best = Some((*index, score));
            }
        }
    }
    best.map(|(index, _)| index)
}

/// While its first adjacency and its own probe are up; a list without labels has no probe of its
/// own, since it is the adjacency and nothing more. `suspect`: also if it is.
#[inline]
fn is_usable(live: &Live, index: u32, list: &List, suspect: bool) -> bool {
    let index = index as usize;
    live.adjacency_is_up(list.adjacency)
        && (list.labels.is_empty() || live.list_is_up(index))
        && (suspect || !live.is_suspect(index))
}

impl<A: Bits> Row<A> {
    /// None where a prefix is of the other IP version.
    fn new(number: u32, matches: &Match, bits: fn(IpAddr) -> Option<A>) -> Option<Self> {
        let masked = |prefix: Option<ipnet::IpNet>| match prefix {
            None => Some(Masked::anything()),
            Some(prefix) => Some(Masked {
                value: bits(prefix.network())?,
                mask: bits(prefix.netmask())?,
            }),
        };
        let (source_ports, destination_ports) = (&matches.source_ports, &matches.destination_ports);
        Some(Self {
            source: masked(matches.source)?,
            destination: masked(matches.destination)?,
            class: class_of(matches),
            source_ports: around(source_ports),
            destination_ports: around(destination_ports),
            rule: number,
            is_all: source_ports.len() <= 1 && destination_ports.len() <= 1,
        })
    }
}

/// From the lowest to the highest port of several ranges.
fn around(ranges: &[(u16, u16)]) -> (u16, u16) {
    let low = ranges.iter().map(|range| range.0).min();
    let high = ranges.iter().map(|range| range.1).max();
    (low.unwrap_or(0), high.unwrap_or(u16::MAX))
}

/// Protocol, DSCP, and whether the packet has ports at all.
fn class(customer: &Customer) -> u32 {
    u32::from(customer.protocol)
        | u32::from(customer.dscp) << 8
        | u32::from(customer.ports.is_some()) << 16
}

fn class_of(matches: &Match) -> Masked<u32> {
    let mut class = Masked::anything();
    let mut ask = |mask: u32, value: u32| {
        class.mask |= mask;
        class.value |= value;
    };
    if let Some(protocol) = matches.protocol {
        ask(0xff, protocol.into());
    }
    if let Some(dscp) = matches.dscp {
        ask(0xff00, u32::from(dscp) << 8);
    }
    if !matches.source_ports.is_empty() || !matches.destination_ports.is_empty() {
        ask(1 << 16, 1 << 16);
    }
    class
}

fn ports_match(matches: &Match, customer: &Customer) -> bool {
    let within = |ranges: &[(u16, u16)], port: Option<u16>| {
        let has = |port| {
            ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&port))
        };
        ranges.is_empty() || port.is_some_and(has)
    };
    let ports = customer.ports;
    within(&matches.source_ports, ports.map(|ports| ports.source))
        && within(
            &matches.destination_ports,
            ports.map(|ports| ports.destination),
        )
}

fn v4(address: IpAddr) -> Option<u32> {
    match address {
        IpAddr::V4(address) => Some(address.into()),
        IpAddr::V6(_) => None,
    }
}

fn v6(address: IpAddr) -> Option<u128> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(address.into()),
    }
}

/// The unsigned integers that addresses and classes are.
trait Bits: Copy {
    const ZERO: Self;
    fn agrees(self, other: Self, mask: Self) -> bool;
}

impl Bits for u32 {
    const ZERO: Self = 0;
    #[inline]
    fn agrees(self, other: Self, mask: Self) -> bool {
        (self ^ other) & mask == 0
    }
}

impl Bits for u128 {
    const ZERO: Self = 0;
    #[inline]
    fn agrees(self, other: Self, mask: Self) -> bool {
        (self ^ other) & mask == 0
    }
}

impl<A: Bits> Masked<A> {
    fn anything() -> Self {
        Self {
            value: A::ZERO,
            mask: A::ZERO,
        }
    }

    #[inline]
    fn covers(self, bits: A) -> bool {
        self.value.agrees(bits, self.mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use labelway_wire::{Ecn, Ports};
    use proptest::prelude::*;

    /// What a rule means, word for word.
    fn means(matches: &Match, customer: &Customer) -> bool {
        let is_in = |prefix: Option<ipnet::IpNet>, address| {
            prefix.is_none_or(|prefix| prefix.contains(&address))
        };
        is_in(matches.source, customer.source)
            && is_in(matches.destination, customer.destination)
            && matches.dscp.is_none_or(|dscp| dscp == customer.dscp)
            && matches
                .protocol
                .is_none_or(|protocol| protocol == customer.protocol)
            && ports_match(matches, customer)
    }

    fn prefix() -> impl Strategy<Value = Option<ipnet::IpNet>> {
        let prefixes = [
            "0.0.0.0/0",
            "10.2.0.0/16",
            "10.2.0.7/32",
            "::/0",
            "2001:db8::/32",
        ];
        prop::option::of(prop::sample::select(prefixes.to_vec()))
            .prop_map(|prefix| prefix.map(|prefix| prefix.parse().unwrap()))
    }

    fn ranges() -> impl Strategy<Value = Vec<(u16, u16)>> {
        prop::collection::vec(
            (0u16..20, 0u16..20).prop_map(|(a, b)| (a.min(b), a.max(b))),
            0..3,
        )
    }

    fn rule() -> impl Strategy<Value = Match> {
        let few = || prop::option::of(prop::sample::select(vec![0u8, 6, 17, 46]));
        (prefix(), prefix(), few(), few(), ranges(), ranges()).prop_map(
            |(source, destination, dscp, protocol, source_ports, destination_ports)| Match {
                source,
                destination,
                dscp,
                protocol,
                source_ports,
                destination_ports,
            },
        )
    }

    fn customer() -> impl Strategy<Value = Customer> {
        let addresses = ["10.2.0.7", "10.3.0.7", "2001:db8::7", "2001:db9::7"];
        let address = || prop::sample::select(addresses.to_vec());
        let ports = (0u16..22, 0u16..22).prop_map(|(source, destination)| Ports {
            source,
            destination,
        });
        let few = || prop::sample::select(vec![0u8, 6, 17, 46]);
        (address(), address(), few(), few(), prop::option::of(ports))
            .prop_filter("of one version", |(a, b, ..)| {
                a.contains(':') == b.contains(':')
            })
            .prop_map(|(source, destination, dscp, protocol, ports)| Customer {
                source: source.parse().unwrap(),
                destination: destination.parse().unwrap(),
                length: 100,
                ttl: 9,
                dscp,
                ecn: Ecn::NotEct,
                protocol,
                upper: 20,
                fragment: false,
                later_fragment: false,
                dont_fragment: true,
                ports,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn rows_say_what_rules_mean(
            rules in prop::collection::vec(rule(), 0..12),
            customer in customer(),
        ) {
            let numbered = (0..).zip(&rules).map(|(number, matches)| boundary::Rule {
                policy: String::new(),
                matches: matches.clone(),
                verdict: Verdict::in_order(vec![number]),
            });
            let steering = Steering::new(&boundary::Steering {
                rules: numbered.collect(),
                fallback: Verdict::Drop,
            });
            let first = rules.iter().position(|matches| means(matches, &customer));
            let expected = first.map_or(Verdict::Drop, |number| Verdict::in_order(vec![number as u32]));
            prop_assert_eq!(steering.verdict(&customer), &expected);
        }
    }

    /// Two adjacencies, six lists with and without labels, three paths.
    fn table(verdict: Verdict) -> boundary::Table {
        let mut table = crate::fuzzing::tables::Reader::new(&[]).table();
        let mut second = table.adjacencies[0].clone();
        second.key = "another".into();
        second.remote_key = format!("B{}", &second.remote_key[1..]);
        second.remote_address = [100, 96, 9, 9].into();
        table.adjacencies.push(second);
        let plain = table.lists[0].clone();
        let list = |number: u32| boundary::SegmentList {
            key: format!("list {number}"),
            weight: number + 1,
            adjacency: number % 2,
            labels: vec![16; usize::from(number > 1)],
            ..plain.clone()
        };
        table.lists = (0..6).map(list).collect();
        let path = |(number, lists): (usize, &[u32])| boundary::Path {
            key: format!("path {number}"),
            egress: 2,
            lists: lists.to_vec(),
        };
        let paths: [&[u32]; 3] = [&[0, 2], &[1], &[3, 4, 5]];
        table.paths = paths.into_iter().enumerate().map(path).collect();
        for segment in &mut table.segments {
            for steering in &mut segment.steerings {
                steering.rules.clear();
                steering.fallback = verdict.clone();
            }
        }
        table
    }

    /// Every list that may be taken, word for word.
    fn allowed(table: &boundary::Table, live: &Live, former: Option<u32>) -> Vec<u32> {
        let Verdict::Paths { order, equal, keep } = &table.segments[0].steerings[0].fallback else {
            return vec![];
        };
        let equal = (*equal).max(1) as usize;
        let lists = |path: &u32| table.paths[*path as usize].lists.clone();
        for suspects_too in [false, true] {
            let is_up = |index: &u32| {
                let list = &table.lists[*index as usize];
                let up = |state| state == labelway_boundary::Liveness::Up;
                up(live.adjacency(list.adjacency as usize))
                    && (list.labels.is_empty() || up(live.list(*index as usize)))
                    && (suspects_too || !live.is_suspect(*index as usize))
            };
            let equals: Vec<u32> = order.iter().take(equal).flat_map(lists).collect();
            let mut stays: Vec<u32> = keep.iter().flat_map(lists).collect();
            stays.extend(&equals);
            if let Some(former) = former.filter(|former| stays.contains(former) && is_up(former)) {
                return vec![former];
            }
            let mut groups = vec![equals];
            groups.extend(order.iter().skip(equal).map(lists));
            for mut group in groups {
                group.retain(is_up);
                if !group.is_empty() {
                    return group;
                }
            }
        }
        vec![]
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        let paths = || prop::collection::vec(0u32..3, 0..4);
        (paths(), 0u32..4, paths()).prop_map(|(order, equal, keep)| Verdict::Paths {
            equal: equal.min(order.len().max(1) as u32),
            order,
            keep,
        })
    }

    fn liveness(table: &boundary::Table, bits: u32) -> Live {
        let live = Live::next(None, table);
        let state = |bit: u32| match bits >> bit & 3 {
            0 => labelway_boundary::Liveness::Down,
            _ => labelway_boundary::Liveness::Up,
        };
        (0..2).for_each(|index| live.set_adjacency(index, state(2 * index as u32)));
        (0..6).for_each(|index| live.set_list(index, state(4 + 2 * index as u32)));
        (0..6).for_each(|index| live.set_suspect(index, bits >> (16 + index) & 1 == 1));
        live
    }

    fn chosen(table: &boundary::Table, live: &Live, flow: u64, former: Option<u32>) -> Option<u32> {
        let fib = Fib::compile(table).unwrap();
        let steering = Steering::new(&table.segments[0].steerings[0]);
        let former = former.and_then(|index| mark(&fib.lists[index as usize]));
        let customer = Customer {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            length: 100,
            ttl: 9,
            dscp: 0,
            ecn: Ecn::NotEct,
            protocol: 17,
            upper: 20,
            fragment: false,
            later_fragment: false,
            dont_fragment: true,
            ports: None,
        };
        choose(&fib, live, &steering, &customer, flow, former).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_flow_takes_what_it_may(
            verdict in verdicts(),
            bits: u32,
            flow: u64,
            former in prop::option::of(0u32..6),
        ) {
            let table = table(verdict);
            let live = liveness(&table, bits);
            let allowed = allowed(&table, &live, former);
            match chosen(&table, &live, flow, former) {
                Some(list) => prop_assert!(allowed.contains(&list), "{list} of {allowed:?}"),
                None => prop_assert!(allowed.is_empty(), "{allowed:?}"),
            }
        }

        /// Resilient hashing: who loses its list moves, and nobody else.
        #[test]
        fn only_the_flows_of_what_is_lost_move(bits: u32, lost in 0usize..6, flow: u64) {
            let table = table(Verdict::Paths { order: vec![0, 1, 2], equal: 3, keep: vec![] });
            let live = liveness(&table, bits);
            let before = chosen(&table, &live, flow, None);
            live.set_list(lost, labelway_boundary::Liveness::Down);
            live.set_suspect(lost, true);
            let up_before = before.filter(|list| *list as usize != lost);
            if let Some(list) = up_before.filter(|list| !live.is_suspect(*list as usize)) {
                prop_assert_eq!(chosen(&table, &live, flow, None), Some(list));
                prop_assert_eq!(chosen(&table, &live, flow, Some(list)), Some(list));
            }
        }
    }

    #[test]
    fn equal_paths_share_new_flows_by_weight() {
        let table = table(Verdict::Paths {
            order: vec![1, 2],
            equal: 2,
            keep: vec![],
        });
        let live = liveness(&table, 0xffff);
        let mut flows = [0u32; 6];
        for flow in 0..4000 {
            let list = chosen(&table, &live, flow::of_session(flow), None).unwrap();
            flows[list as usize] += 1;
        }
        // Lists 1, 3, 4 and 5, of weights 2, 4, 5 and 6.
        for (list, weight) in [(0, 0.0), (1, 2.0), (2, 0.0), (3, 4.0), (4, 5.0), (5, 6.0)] {
            let expected = 4000.0 * weight / 17.0;
            let off = (f64::from(flows[list]) - expected).abs();
            // Six standard deviations of the binomial distribution at most.
            assert!(off <= 6.0 * f64::sqrt(expected), "{flows:?}");
        }
    }
}
