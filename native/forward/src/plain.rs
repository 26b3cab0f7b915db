//! **For the benchmark alone, never for a network:** the same router with plain IP in WireGuard.
//!
//! With the feature `plain` this crate's [`ingress`], [`switch`] and [`repeat`] are the ones below,
//! and nothing else differs: a library that is built so has the same devices, offloads, batches and
//! encryption as the one that is shipped. A customer's IPv4 packet goes into WireGuard as it is, and
//! WireGuard's rules decide: the longest prefix that covers its destination names the neighbour it is
//! sent to, and its source has to be among the allowed IPs of the neighbour it came from. These are
//! 0.0.0.0/0 for every neighbour, so an uplink can have only one; the embedded WireGuard looks them
//! up as it always does (the feature reaches it, too). So there are no labels, no policies, no paths
//! beside the first, no liveness, no MSS that is lowered, and **no segments**: all customers' packets
//! that arrive are the first segment's. What is for another site goes on to the neighbour that has
//! its prefix.
//!
//! Everything that these rules do not settle, probes and IPv6 above all, goes the ordinary way,
//! with labels.

use labelway_boundary::{self as boundary, Table, Verdict};
use labelway_wire::Ipv4;

use crate::{
    Context, Count, ENCAPSULATION_BYTES, Fib, FlowCache, Outcome, Packet, ingress as labelled,
    repeat as repeated, switch as switched,
};

/// Where the addresses of a prefix are: what WireGuard calls a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    adjacency: usize,
    /// Counts what is sent there.
    list: usize,
}

/// As [`crate::ingress::ingress`], without labels.
pub fn ingress<C: Count>(
    context: &mut Context<'_, C>,
    flows: &mut FlowCache,
    segment: usize,
    packet: &mut Packet<'_>,
) -> Outcome {
    match enter(context, segment, packet) {
        Some(adjacency) => Outcome::Send { adjacency },
        None => labelled::ingress(context, flows, segment, packet),
    }
}

/// As [`crate::switch::switch`], without labels.
pub fn switch<C: Count>(
    context: &mut Context<'_, C>,
    from: usize,
    packet: &mut Packet<'_>,
) -> Outcome {
    match arrive(context, from, packet) {
        Some(outcome) => outcome,
        None => switched::switch(context, from, packet),
    }
}

/// As [`crate::repeat::repeat`]; where nothing is in front of the first packet, nothing is in front
/// of the others.
#[must_use]
pub fn repeat(prefix: &[u8], length: usize, out: &mut [u8]) -> bool {
    prefix.is_empty() || repeated::repeat(prefix, length, out)
}

/// The neighbour of each steering of a segment: the first hop of its first path, up or not.
pub(crate) fn peers(table: &Table, segment: &boundary::Segment) -> Box<[Option<Peer>]> {
    let peer = |steering: &boundary::Steering| {
        let Verdict::Paths { order, .. } = &steering.fallback else {
            return None;
        };
        let path = table.paths.get(*order.first()? as usize)?;
        let list = *path.lists.first()? as usize;
        let adjacency = table.lists.get(list)?.adjacency as usize;
        Some(Peer { adjacency, list })
    };
    segment.steerings.iter().map(peer).collect()
}

/// From the LAN to a neighbour; answers the adjacency. None, and nothing done: not settled here.
#[inline]
fn enter<C: Count>(
    context: &mut Context<'_, C>,
    segment: usize,
    packet: &mut Packet<'_>,
) -> Option<usize> {
    let segment = context.fib.segments.get(segment)?;
    let ip = Ipv4::decode(packet.bytes()).ok()?;
    let place = segment.place(ip.destination().into());
    let peer = (*segment.peers.get(place.steering()? as usize)?)?;
    let (ttl, length) = (ip.ttl(), ip.total_len());
    send(context, peer, ttl, length, packet)
}

/// From a neighbour to the LAN, or to another neighbour. None, and nothing done: not settled here.
#[inline]
fn arrive<C: Count>(
    context: &mut Context<'_, C>,
    from: usize,
    packet: &mut Packet<'_>,
) -> Option<Outcome> {
    let fib: &Fib = context.fib;
    let ip = Ipv4::decode(packet.bytes()).ok()?;
    if ip.destination() == fib.adjacencies.get(from)?.source {
        return None;
    }
    let segment = fib.segments.first()?;
    let place = segment.place(ip.destination().into());
    let (ttl, length) = (ip.ttl(), ip.total_len());
    if place.is_local() {
        leave(ttl, length, packet)?;
        return Some(Outcome::Deliver { segment: 0 });
    }
    let peer = (*segment.peers.get(place.steering()? as usize)?)?;
    if peer.adjacency == from {
        return None;
    }
    let adjacency = send(context, peer, ttl, length, packet)?;
    Some(Outcome::Send { adjacency })
}

#[inline]
fn send<C: Count>(
    context: &mut Context<'_, C>,
    peer: Peer,
    ttl: u8,
    length: usize,
    packet: &mut Packet<'_>,
) -> Option<usize> {
    let neighbour = context.fib.adjacencies.get(peer.adjacency)?;
    if length > neighbour.out.mtu + ENCAPSULATION_BYTES {
        return None;
    }
    leave(ttl, length, packet)?;
    context.count.list(peer.list, length);
    Some(peer.adjacency)
}

/// One hop less, and none of WireGuard's padding (RFC 1812 §5.3.1: nothing leaves with 0).
#[inline]
fn leave(ttl: u8, length: usize, packet: &mut Packet<'_>) -> Option<()> {
    if ttl <= 1 {
        return None;
    }
    packet.truncate(length);
    Ipv4::set_ttl(packet.bytes_mut(), ttl - 1);
    Some(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use labelway_boundary::*;
    use labelway_wire::{Ipv4Header, Ipv6Header, protocol};

    use super::*;
    use crate::{HEADROOM, Live, TokenBucket};

    const NEAR: [u8; 4] = [10, 1, 0, 9];
    const FAR: [u8; 4] = [10, 2, 0, 9];
    const FURTHER: [u8; 4] = [10, 3, 0, 9];

    /// A site with a LAN between two neighbours, one prefix behind each.
    fn table() -> Table {
        let adjacency = |number: u8| Adjacency {
            key: format!("wan>{number}"),
            uplink: 0,
            remote_key: format!("{number}{}=", "A".repeat(42)),
            remote_address: [100, 96, 0, 8 * number].into(),
            remote_site: number.into(),
            remote_uplink: 0,
            mtu: 1392,
        };
        let list = |number: u8| SegmentList {
            key: format!("list {number}"),
            weight: 1,
            adjacency: u32::from(number) - 2,
            labels: vec![],
            return_labels: vec![],
            ends: vec![],
            probe_address: [100, 96, 0, 8 * number].into(),
            mtu: 1388,
        };
        let path = |number: u8| Path {
            key: format!("path {number}"),
            egress: number.into(),
            lists: vec![u32::from(number) - 2],
        };
        let route = |prefix: &str, steering| Route {
            prefix: prefix.parse().unwrap(),
            steering,
        };
        let steering = |path| Steering {
            rules: vec![],
            fallback: Verdict::in_order(vec![path]),
        };
        Table {
            generation: "0000000000000001".into(),
            site: Site {
                name: "x".into(),
                sid: 1,
                loopback4: None,
                loopback6: None,
            },
            ttl: TtlModel::Pipe,
            probe: ProbeTimers {
                interval_millis: 100,
                down_after: 5,
                up_after: 1,
            },
            bfd: labelway_boundary::BfdTimers::default(),
            uplinks: vec![Uplink {
                key: "wan".into(),
                interface: "lw0".into(),
                backend: Backend::Embedded,
                device: "lo".into(),
                tunnel_address: [100, 96, 0, 8].into(),
            }],
            adjacencies: vec![adjacency(2), adjacency(3)],
            segments: vec![Segment {
                name: "office".into(),
                number: 1,
                service_label: 28001,
                tun: "lws0".into(),
                mtu: 1388,
                local: vec!["10.1.0.0/24".parse().unwrap()],
                routes: vec![
                    route("10.2.0.0/16", 0),
                    route("10.3.0.0/16", 1),
                    route("fd02::/64", 0),
                ],
                steerings: vec![steering(0), steering(1)],
            }],
            labels: vec![LabelEntry {
                label: 28001,
                accept: vec![0, 1],
                action: LabelAction::Deliver(0),
            }],
            paths: vec![path(2), path(3)],
            lists: vec![list(2), list(3)],
        }
    }

    fn packet(source: [u8; 4], destination: [u8; 4], ttl: u8, payload: usize) -> Vec<u8> {
        let header = Ipv4Header {
            traffic_class: 0,
            identification: 7,
            dont_fragment: true,
            ttl,
            protocol: protocol::UDP,
            source: source.into(),
            destination: destination.into(),
        };
        let header = header.encode(payload as u16).unwrap();
        [&header[..], &vec![7; payload]].concat()
    }

    enum By {
        Lan,
        Neighbour(usize),
    }

    /// What becomes of a packet, and the packet.
    fn forward(by: By, bytes: &[u8]) -> (String, Vec<u8>) {
        let table = table();
        let fib = Fib::compile(&table).unwrap();
        let live = Live::next(None, &table);
        (0..2).for_each(|adjacency| live.set_adjacency(adjacency, Liveness::Up));
        let mut room = vec![0; HEADROOM + bytes.len()];
        room[HEADROOM..].copy_from_slice(bytes);
        let mut packet = Packet::new(&mut room, bytes.len());
        let mut context = Context {
            fib: &fib,
            live: &live,
            icmp: &mut TokenBucket::default(),
            now: Duration::ZERO,
            count: &mut (),
        };
        let outcome = match by {
            By::Lan => ingress(
                &mut context,
                &mut FlowCache::with_capacity(1),
                0,
                &mut packet,
            ),
            By::Neighbour(from) => switch(&mut context, from, &mut packet),
        };
        (format!("{outcome:?}"), packet.bytes().to_vec())
    }

    #[test]
    fn a_packet_goes_as_it_is_but_for_its_ttl() {
        for (by, source, destination, outcome) in [
            (By::Lan, NEAR, FAR, "Send { adjacency: 0 }"),
            (By::Lan, NEAR, FURTHER, "Send { adjacency: 1 }"),
            (By::Neighbour(0), FAR, NEAR, "Deliver { segment: 0 }"),
            (By::Neighbour(1), FURTHER, NEAR, "Deliver { segment: 0 }"),
            (By::Neighbour(0), FAR, FURTHER, "Send { adjacency: 1 }"),
        ] {
            let mut padded = packet(source, destination, 64, 50);
            padded.extend([0; 10]);
            assert_eq!(
                forward(by, &padded),
                (outcome.into(), packet(source, destination, 63, 50))
            );
        }
    }

    #[test]
    fn what_is_for_nobody_or_for_where_it_came_from_is_dropped() {
        for destination in [FAR, [192, 0, 2, 1], [100, 96, 0, 8]] {
            let (outcome, _) = forward(By::Neighbour(0), &packet(FAR, destination, 64, 50));
            assert!(outcome.starts_with("Drop"), "{destination:?}: {outcome}");
        }
    }

    #[test]
    fn what_is_not_settled_goes_the_ordinary_way() {
        let expired = forward(By::Lan, &packet(NEAR, FAR, 1, 50)).0;
        assert_eq!(expired, "ToTun { segment: 0 }", "an ICMP error");
        let too_big = forward(By::Lan, &packet(NEAR, FAR, 64, 1401)).0;
        assert_eq!(too_big, "ToTun { segment: 0 }", "an ICMP error");
        let fits = forward(By::Lan, &packet(NEAR, FAR, 64, 1400)).0;
        assert_eq!(fits, "Send { adjacency: 0 }");
        let header = Ipv6Header {
            next_header: 59,
            hop_limit: 9,
            source: "fd01::1".parse().unwrap(),
            destination: "fd02::1".parse().unwrap(),
        };
        let six = header.encode(0);
        let (outcome, labelled) = forward(By::Lan, &six);
        assert_eq!(outcome, "Send { adjacency: 0 }");
        assert_eq!(
            labelled.len(),
            ENCAPSULATION_BYTES + 4 + six.len(),
            "labelled"
        );
    }

    #[test]
    fn nothing_is_repeated_where_nothing_was_in_front() {
        assert!(repeat(&[], 100, &mut []));
        assert!(!repeat(&[0x45; 27], 100, &mut [0; 27]));
    }
}
