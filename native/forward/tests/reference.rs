//! The switch and the ingress against a slow model that is easy to see through: everything is
//! parsed into owned values, decided by linear searches, and written anew.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use labelway_boundary::*;
use labelway_forward::{DropReason, FlowCache, Outcome, ingress, switch};
use proptest::prelude::*;
use support::*;

type Entry = (u32, u8, bool, u8);

/// What a model says: an outcome by name, and the packet where there is one.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Adjacency, traffic class of the inner header, and what is behind the headers.
    Send(usize, u8, Vec<u8>),
    Deliver(usize, Vec<u8>),
    Local,
    Drop,
}

fn model(
    table: &Table,
    down: &[bool],
    from: usize,
    ecn: u8,
    entries: &[Entry],
    below: &[u8],
) -> Seen {
    let uniform = table.ttl == TtlModel::Uniform;
    // The first bottom decides where the stack ends, also one that "below" happens to hold.
    let bytes = [stack(entries), below.to_vec()].concat();
    let words: Vec<Entry> = bytes
        .chunks_exact(4)
        .map(|word| read_entry(word.try_into().unwrap()))
        .collect();
    let depth = words
        .iter()
        .position(|entry| entry.2)
        .map(|bottom| bottom + 1);
    let Some(depth) = depth.filter(|depth| *depth <= 16) else {
        return Seen::Drop;
    };
    let payload = bytes[4 * depth..].to_vec();
    let mut rest = words[..depth].to_vec();
    if rest.iter().any(|entry| entry.0 == 3) {
        return Seen::Drop; // wherever it is
    }
    loop {
        let (label, tc, bottom, ttl) = rest.remove(0);
        let found = table.labels.iter().find(|entry| entry.label == label);
        if let Some(entry) = found {
            if !entry.accept.contains(&(from as u32)) {
                return Seen::Drop;
            }
            match &entry.action {
                LabelAction::Deliver(segment) => {
                    return match bottom {
                        true => deliver(table, *segment as usize, uniform, ttl, ecn, &payload),
                        false => Seen::Drop,
                    };
                }
                _ if ttl <= 1 || bottom => return Seen::Drop,
                LabelAction::Pop => {}
                LabelAction::Forward(hops) => {
                    let is_probe = words[depth - 1].0 <= 15;
                    let hop = hops.iter().find(|hop| {
                        !down[hop.adjacency as usize]
                            && (hop.adjacency as usize != from || hop.repair)
                            && !(hop.repair && is_probe)
                    });
                    let Some(hop) = hop else { return Seen::Drop };
                    let ttl = if hop.repair && !uniform {
                        ttl.min(32)
                    } else {
                        ttl
                    };
                    if uniform && hop.labels.is_empty() {
                        rest[0].3 = rest[0].3.min(ttl - 1);
                    }
                    let mut out: Vec<Entry> = hop
                        .labels
                        .iter()
                        .map(|label| (*label, tc, false, ttl - 1))
                        .collect();
                    out.extend(&rest);
                    let labelled = [stack(&out), payload].concat();
                    if labelled.len() > table.adjacencies[hop.adjacency as usize].mtu as usize {
                        return Seen::Drop;
                    }
                    return Seen::Send(hop.adjacency as usize, ecn, labelled);
                }
            }
        } else if (label == 0 || label == 2) && ttl > 1 {
            if bottom {
                return local(table, label, &payload);
            }
        } else {
            return Seen::Drop;
        }
        if uniform {
            rest[0].3 = rest[0].3.min(ttl);
        }
    }
}

fn read_entry(bytes: [u8; 4]) -> Entry {
    let word = u32::from_be_bytes(bytes);
    (
        word >> 12,
        (word >> 9) as u8 & 7,
        word & 0x100 != 0,
        word as u8,
    )
}

fn covers(prefixes: &[ipnet::IpNet], address: IpAddr) -> Option<u8> {
    prefixes
        .iter()
        .filter(|prefix| prefix.contains(&address))
        .map(|prefix| prefix.prefix_len())
        .max()
}

fn is_local(segment: &Segment, address: IpAddr) -> bool {
    let routes: Vec<_> = segment.routes.iter().map(|route| route.prefix).collect();
    let local = covers(&segment.local, address);
    local.is_some() && local >= covers(&routes, address)
}

fn is_remote(segment: &Segment, address: IpAddr) -> bool {
    segment
        .routes
        .iter()
        .any(|route| route.prefix.contains(&address))
        && !is_local(segment, address)
}

/// The payloads here are IPv4 packets with right headers, no TCP and no ICMP, or garbage.
fn addresses(packet: &[u8]) -> Option<(IpAddr, IpAddr, u8)> {
    if packet.len() < 20 || packet[0] != 0x45 {
        return None;
    }
    let at = |at: usize| -> IpAddr { <[u8; 4]>::try_from(&packet[at..at + 4]).unwrap().into() };
    Some((at(12), at(16), packet[8]))
}

fn deliver(
    table: &Table,
    index: usize,
    uniform: bool,
    label_ttl: u8,
    outer: u8,
    packet: &[u8],
) -> Seen {
    let segment = &table.segments[index];
    let Some((source, destination, ttl)) = addresses(packet) else {
        return Seen::Drop;
    };
    if !is_local(segment, destination) || !is_remote(segment, source) {
        return Seen::Drop;
    }
    // RFC 6040 §4.2, figure 4: Not-ECT 0, ECT(1) 1, ECT(0) 2, CE 3.
    let ecn = match (packet[1] & 3, outer) {
        (0, 3) => return Seen::Drop,
        (0, _) => 0,
        (2, 1) => 1,
        (_, 3) => 3,
        (inner, _) => inner,
    };
    if !uniform && label_ttl <= 1 {
        return Seen::Drop;
    }
    let ttl = if uniform { ttl.min(label_ttl) } else { ttl };
    let class = packet[1] & !3 | ecn;
    match ttl {
        0 | 1 => Seen::Drop, // or an error, which the caller leaves out
        ttl => Seen::Deliver(index, patched(packet.to_vec(), &[(1, class), (8, ttl - 1)])),
    }
}

fn local(table: &Table, null: u32, packet: &[u8]) -> Seen {
    let Some((_, destination, _)) = addresses(packet) else {
        return Seen::Drop;
    };
    let own = table.site.loopback4.map(IpAddr::V4) == Some(destination)
        || table
            .uplinks
            .iter()
            .any(|uplink| IpAddr::V4(uplink.tunnel_address) == destination);
    let ports = packet
        .get(20..24)
        .map(|ports| [&ports[..2], &ports[2..]].contains(&&[3, 94][..]));
    let stamp = null == 0 && packet[9] == 17 && ports == Some(true);
    if own && stamp {
        Seen::Local
    } else {
        Seen::Drop
    }
}

fn label() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => prop::sample::select(vec![16001, 16002, 16003, 16004, 28001, 28002, 100_001, 100_002]),
        2 => prop::sample::select(vec![0, 2]),
        1 => prop_oneof![0u32..16, 16u32..1 << 20],
    ]
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let ttl = prop_oneof![1 => 0u8..3, 6 => 3u8..=255];
    prop::collection::vec((label(), 0u8..8, prop::bool::weighted(0.1), ttl), 0..18).prop_flat_map(
        |entries| {
            // Most of the time the last is the bottom, and most of the time it names a segment.
            (
                Just(entries),
                0u8..10,
                prop::sample::select(vec![28001u32, 28002, 0]),
            )
                .prop_map(|(mut entries, chance, service)| {
                    if let Some(last) = entries.last_mut() {
                        last.2 |= chance > 0;
                        if chance > 3 {
                            last.0 = service;
                        }
                    }
                    entries
                })
        },
    )
}

fn address() -> impl Strategy<Value = [u8; 4]> {
    prop::sample::select(vec![
        [10, 1, 0, 5],
        [10, 2, 0, 5],
        [10, 1, 99, 1],
        [10, 9, 0, 1],
        [192, 168, 1, 5],
        [10, 255, 0, 1],
        [100, 96, 0, 9],
    ])
}

fn below() -> impl Strategy<Value = Vec<u8>> {
    let packet = (
        address(),
        address(),
        0u8..70,
        any::<u8>(),
        prop::sample::select(vec![862u16, 53]),
    )
        .prop_map(|(source, destination, ttl, class, port)| {
            let packet = v4(source, destination, 17, ttl, &udp(9999, port, b"ok"));
            patched(packet, &[(1, class)])
        });
    prop_oneof![8 => packet, 1 => prop::collection::vec(0u8..64, 0..40)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_switch_does_as_the_model(
        uniform: bool,
        down in prop::collection::vec(prop::bool::weighted(0.3), 3),
        from in 0usize..3,
        class: u8,
        entries in entries(),
        below in below(),
    ) {
        let model_ttl = if uniform { TtlModel::Uniform } else { TtlModel::Pipe };
        let mut router = Router::new(table(model_ttl));
        for (index, down) in down.iter().enumerate() {
            router.live.set_adjacency(index, if *down { Liveness::Down } else { Liveness::Up });
        }
        let inner = from_neighbour(&router.table, from, &[stack(&entries), below.clone()].concat());
        let inner = patched(inner, &[(1, class)]);
        let mut bytes = buffer(&inner);
        let mut packet = packet(&mut bytes, inner.len());
        let outcome = switch(&mut router.context(), from, &mut packet);
        let dropped = router.count.drops.len();
        let seen = match outcome {
            // An ICMP error in answer to a drop: checked elsewhere.
            Outcome::Send { .. } if dropped == 1 => Seen::Drop,
            Outcome::Send { adjacency } => {
                prop_assert_eq!(&packet.bytes()[20..22], 50123u16.to_be_bytes());
                Seen::Send(adjacency, packet.bytes()[1], packet.bytes()[28..].to_vec())
            }
            Outcome::Deliver { segment } => Seen::Deliver(segment, packet.bytes().to_vec()),
            Outcome::Local { .. } => Seen::Local,
            Outcome::Drop(_) => {
                prop_assert_eq!(dropped, 1);
                Seen::Drop
            }
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(seen, model(&router.table, &down, from, class & 3, &entries, &below));
    }

    #[test]
    fn the_ingress_does_as_the_model(
        down in prop::collection::vec(prop::bool::weighted(0.3), 6),
        suspect in prop::collection::vec(any::<bool>(), 3),
        segment in 0usize..2,
        source in address(),
        destination in address(),
        port in prop::sample::select(vec![9u16, 53]),
        dscp in prop::sample::select(vec![0u8, 46]),
        ecn in 0u8..4,
        size in prop_oneof![0usize..100, 1250usize..1400],
    ) {
        let mut router = Router::new(table(TtlModel::Pipe));
        let state = |down: bool| if down { Liveness::Down } else { Liveness::Up };
        (0..3).for_each(|index| router.live.set_adjacency(index, state(down[index])));
        (0..3).for_each(|index| router.live.set_list(index, state(down[index + 3])));
        (0..3).for_each(|index| router.live.set_suspect(index, suspect[index]));
        let customer = patched(v4(source, destination, 17, 64, &udp(1, port, &vec![0; size])), &[(1, dscp << 2 | ecn)]);
        let mut bytes = buffer(&customer);
        let mut packet = packet(&mut bytes, customer.len());
        let outcome = ingress(&mut router.context(), &mut FlowCache::with_capacity(4), segment, &mut packet);

        let lists = allowed(&router.table, &down, &suspect, segment, destination.into(), port, dscp);
        match outcome {
            Outcome::Send { adjacency } => {
                let list = router.count.lists[0].0;
                prop_assert!(lists.contains(&list), "{list} of {lists:?}");
                let expected = &router.table.lists[list];
                prop_assert_eq!(adjacency, expected.adjacency as usize);
                prop_assert!(customer.len() <= expected.mtu as usize);
                let mut labels = expected.labels.clone();
                labels.push(router.table.segments[segment].service_label);
                let count = labels.len();
                let entries: Vec<Entry> = labels
                    .into_iter()
                    .enumerate()
                    .map(|(index, label)| (label, dscp >> 3, index + 1 == count, 255))
                    .collect();
                let below = patched(customer, &[(8, 63)]);
                prop_assert_eq!(packet.bytes()[1], ecn, "ECN is copied, the DSCP is not");
                prop_assert_eq!(&packet.bytes()[28..], [stack(&entries), below].concat());
            }
            Outcome::ToTun { .. } if router.count.drops != [DropReason::TooBig] => {
                prop_assert!(lists.is_empty(), "{lists:?}");
            }
            Outcome::ToTun { .. } => {
                let smallest = lists.iter().map(|list| router.table.lists[*list].mtu).min();
                prop_assert!(smallest.is_some_and(|mtu| customer.len() > mtu as usize));
            }
            Outcome::Drop(_) => prop_assert!(lists.is_empty(), "{lists:?}"),
            other => panic!("{other:?}"),
        }
    }
}

/// The lists that a packet may take: those that are up of the first path that has one, without the
/// suspect ones as long as there are others in any path.
fn allowed(
    table: &Table,
    down: &[bool],
    suspect: &[bool],
    segment: usize,
    destination: Ipv4Addr,
    port: u16,
    dscp: u8,
) -> Vec<usize> {
    let paths: &[usize] = match segment {
        _ if !table.segments[segment]
            .routes
            .iter()
            .any(|route| route.prefix.contains(&IpAddr::V4(destination))) =>
        {
            &[]
        }
        0 if dscp == 46 => &[1, 0],
        0 if port == 9 => &[],
        0 => &[0, 1],
        _ => &[1],
    };
    let up: Vec<Vec<usize>> = paths
        .iter()
        .map(|path| {
            let lists = table.paths[*path].lists.iter().map(|list| *list as usize);
            lists
                .filter(|list| {
                    let entry = &table.lists[*list];
                    !down[entry.adjacency as usize] && (entry.labels.is_empty() || !down[list + 3])
                })
                .collect()
        })
        .collect();
    let innocent = up.iter().map(|lists| {
        let innocent = lists.iter().filter(|list| !suspect[**list]);
        innocent.copied().collect()
    });
    let mut all = innocent.chain(up.clone());
    all.find(|lists: &Vec<usize>| !lists.is_empty())
        .unwrap_or_default()
}
