//! Which list a customer packet takes: policy, path, list.

use std::net::IpAddr;

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

/// The first rule that matches decides; of its paths the first that is up and not suspect, or else
/// the first that is up; of its lists that are so, the one that the flow belongs to. Nothing but the
/// liveness changes a flow's list.
pub(crate) fn choose(
    fib: &Fib,
    live: &Live,
    steering: &Steering,
    customer: &Customer,
    flow: u64,
) -> Result<u32, DropReason> {
    match steering.verdict(customer) {
        Verdict::Drop => Err(DropReason::PolicyDrop),
        Verdict::Paths(paths) => [false, true]
            .into_iter()
            .find_map(|suspect| best_path(fib, live, paths, flow, suspect))
            .ok_or(DropReason::NoPath),
    }
}

/// `suspect`: also lists that are.
fn best_path(fib: &Fib, live: &Live, paths: &[u32], flow: u64, suspect: bool) -> Option<u32> {
    paths
        .iter()
        .filter_map(|path| fib.paths.get(*path as usize))
        .find_map(|lists| best_list(fib, live, lists, flow, suspect))
}

fn best_list(fib: &Fib, live: &Live, lists: &[u32], flow: u64, suspect: bool) -> Option<u32> {
    let mut best: Option<(u32, f64)> = None;
    for index in lists {
        let Some(list) = fib.lists.get(*index as usize) else {
            continue;
        };
        if !is_usable(live, *index, list) || !suspect && live.is_suspect(*index as usize) {
            continue;
        }
        if lists.len() == 1 {
            return Some(*index);
        }
        let score = flow::score(flow, list.identity, list.weight);
        if best.is_none_or(|(_, highest)| score > highest) {
            best = Some((*index, score));
        }
    }
    best.map(|(index, _)| index)
}

/// While its first adjacency and its own probe are up; a list without labels has no probe of its
/// own, since it is the adjacency and nothing more.
fn is_usable(live: &Live, index: u32, list: &List) -> bool {
    live.adjacency_is_up(list.adjacency)
        && (list.labels.is_empty() || live.list_is_up(index as usize))
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
                verdict: Verdict::Paths(vec![number]),
            });
            let steering = Steering::new(&boundary::Steering {
                rules: numbered.collect(),
                fallback: Verdict::Drop,
            });
            let first = rules.iter().position(|matches| means(matches, &customer));
            let expected = first.map_or(Verdict::Drop, |number| Verdict::Paths(vec![number as u32]));
            prop_assert_eq!(steering.verdict(&customer), &expected);
        }
    }
}
