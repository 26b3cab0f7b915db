//! One decision for a run of like packets: those that a super-packet is cut into go the way of the
//! first.

use labelway_forward::repeat;
use labelway_offload::Segments;
use labelway_wire::{Customer, Tcp, protocol};

/// Whether the other packets may follow the first as it went. They differ from it in length, which
/// is never greater, in sequence numbers and in flags, on none of which the way depends. But a SYN
/// may have its MSS changed, which would have to be done in each.
pub fn may_follow(super_packet: &[u8]) -> bool {
    let Ok(customer) = Customer::decode(super_packet) else {
        return false;
    };
    match super_packet.get(customer.upper..) {
        Some(upper) if customer.protocol == protocol::TCP => {
            Tcp::decode(upper).is_ok_and(|tcp| !tcp.is_syn())
        }
        upper => upper.is_some(),
    }
}

/// Writes packet `index` to `out` behind `prefix`, what is in front of the first one. `out` is as
/// long as both. The super-packet has the TTL already that the packets leave with. False if the
/// prefix is none that can be repeated.
#[must_use]
pub fn write_like(
    prefix: &[u8],
    segments: &Segments,
    index: usize,
    super_packet: &[u8],
    out: &mut [u8],
) -> bool {
    let (front, packet) = out.split_at_mut(prefix.len());
    let length = segments.write(index, super_packet, packet);
    repeat(prefix, length, front)
}

/// TTL or hop limit of an IP packet.
pub fn ttl(packet: &[u8]) -> u8 {
    match packet[0] >> 4 {
        4 => packet[8],
        _ => packet[7],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use labelway_boundary::*;
    use labelway_forward::{
        Context, Fib, FlowCache, HEADROOM, Live, Packet as Slot, TokenBucket, ingress,
    };
    use labelway_offload::{Opened, VnetHeader, open};
    use labelway_wire::{Ipv4Header, Ipv6Header};
    use proptest::prelude::*;

    use super::*;

    /// One site, reached by a list of two labels, or by one of a small MTU for DSCP 46.
    fn table(ttl: TtlModel) -> Table {
        let list = |key: &str, mtu| SegmentList {
            key: key.into(),
            weight: 1,
            adjacency: 0,
            labels: vec![16003, 16004],
            return_labels: vec![],
            ends: vec![],
            probe_address: [100, 96, 0, 9].into(),
            mtu,
        };
        let path = |lists| Path {
            key: format!("{lists:?}"),
            egress: 9,
            lists,
        };
        let route = |prefix: &str| Route {
            prefix: prefix.parse().unwrap(),
            steering: 0,
        };
        let rule = Rule {
            policy: "voice".into(),
            matches: Match {
                dscp: Some(46),
                ..Match::default()
            },
            verdict: Verdict::in_order(vec![1]),
        };
        Table {
            generation: "0000000000000001".into(),
            site: Site {
                name: "x".into(),
                sid: 1,
                loopback4: None,
                loopback6: None,
            },
            ttl,
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
                tunnel_address: [100, 96, 0, 1].into(),
            }],
            adjacencies: vec![Adjacency {
                key: "wan>y.wan".into(),
                uplink: 0,
                remote_key: format!("{}=", "A".repeat(43)),
                remote_address: [100, 96, 0, 9].into(),
                remote_site: 9,
                remote_uplink: 0,
                mtu: 1392,
            }],
            segments: vec![Segment {
                name: "office".into(),
                number: 1,
                service_label: 28001,
                tun: "lws0".into(),
                mtu: 1380,
                local: vec!["10.0.0.0/24".parse().unwrap()],
                routes: vec![route("10.1.0.0/24"), route("fd01::/64")],
                steerings: vec![Steering {
                    rules: vec![rule],
                    fallback: Verdict::in_order(vec![0]),
                }],
            }],
            labels: vec![],
            paths: vec![path(vec![0]), path(vec![1])],
            lists: vec![list("wide", 1380), list("narrow", 1000)],
        }
    }

    /// A super-packet as a TUN gives it.
    fn super_packet(
        v6: bool,
        tcp: bool,
        traffic_class: u8,
        flags: u8,
        payload: usize,
        size: usize,
    ) -> (VnetHeader, Vec<u8>) {
        let (protocol, upper) = if tcp {
            let mut header = [0; 20];
            header[..4].copy_from_slice(&[0x30, 0x39, 0, 80]);
            header[12..14].copy_from_slice(&[0x50, flags]);
            (6, header.to_vec())
        } else {
            let length = (payload + 8) as u16;
            let header = [&[0x30, 0x39, 0, 80][..], &length.to_be_bytes(), &[0, 0]];
            (17, header.concat())
        };
        let length = (upper.len() + payload) as u16;
        let ip = if v6 {
            let header = Ipv6Header {
                next_header: protocol,
                hop_limit: 64,
                source: "fd00::1".parse().unwrap(),
                destination: "fd01::1".parse().unwrap(),
            };
            let mut bytes = header.encode(length).to_vec();
            bytes[0] |= traffic_class >> 4;
            bytes[1] |= traffic_class << 4;
            bytes
        } else {
            let header = Ipv4Header {
                traffic_class,
                identification: 7,
                dont_fragment: true,
                ttl: 64,
                protocol,
                source: [10, 0, 0, 1].into(),
                destination: [10, 1, 0, 1].into(),
            };
            header.encode(length).unwrap().to_vec()
        };
        let header = VnetHeader {
            flags: VnetHeader::NEEDS_CSUM,
            gso_type: match (tcp, v6) {
                (true, false) => VnetHeader::GSO_TCPV4,
                (true, true) => VnetHeader::GSO_TCPV6,
                (false, _) => VnetHeader::GSO_UDP_L4,
            },
            hdr_len: (ip.len() + upper.len()) as u16,
            gso_size: size as u16,
            csum_start: ip.len() as u16,
            csum_offset: if tcp { 16 } else { 6 },
        };
        let payload: Vec<u8> = (0..payload).map(|byte| byte as u8).collect();
        (header, [ip, upper, payload].concat())
    }

    type Decision = (String, Vec<u8>);

    fn forward(fib: &Fib, live: &Live, write: impl FnOnce(&mut [u8]), length: usize) -> Decision {
        let mut room = vec![0; HEADROOM + length];
        write(&mut room[HEADROOM..]);
        let mut packet = Slot::new(&mut room, length);
        let mut context = Context {
            fib,
            live,
            icmp: &mut TokenBucket::default(),
            now: Duration::ZERO,
            count: &mut (),
        };
        let outcome = format!(
            "{:?}",
            ingress(
                &mut context,
                &mut FlowCache::with_capacity(1),
                0,
                &mut packet
            )
        );
        (outcome, packet.bytes().to_vec())
    }

    proptest! {
        /// Where the first packet goes onto a list, the others after it are byte for byte what they
        /// would be had each gone by itself.
        #[test]
        fn those_that_follow_are_as_if_each_had_gone_alone(
            (v6, tcp, uniform) in any::<(bool, bool, bool)>(),
            traffic_class in prop_oneof![Just(0u8), Just(46 << 2), any::<u8>()],
            flags in prop_oneof![Just(0x10u8), Just(0x18), any::<u8>()],
            size in 100usize..1300,
            packets in 2usize..20,
            tail in 0usize..1300,
        ) {
            let payload = size * (packets - 1) + 1 + tail % size;
            let (header, mut whole) = super_packet(v6, tcp, traffic_class, flags, payload, size);
            let Ok(Opened::Super(segments)) = open(header, &mut whole) else {
                return Ok(());
            };
            let table = table(if uniform { TtlModel::Uniform } else { TtlModel::Pipe });
            let fib = Fib::compile(&table).unwrap();
            let live = Live::next(None, &table);
            live.set_adjacency(0, Liveness::Up);
            (0..2).for_each(|list| live.set_list(list, Liveness::Up));
            let alone = |index: usize, whole: &[u8]| {
                let write = |out: &mut [u8]| { segments.write(index, whole, out); };
                forward(&fib, &live, write, segments.length(index))
            };
            let (outcome, first) = alone(0, &whole);
            if !outcome.starts_with("Send") || !may_follow(&whole) {
                return Ok(());
            }
            let expected: Vec<Decision> =
                (1..segments.count()).map(|index| alone(index, &whole)).collect();
            let prefix = &first[..first.len() - segments.length(0)];
            segments.set_ttl(&mut whole, ttl(&first[prefix.len()..]));
            for (index, expected) in (1..).zip(expected) {
                let mut out = vec![0xff; prefix.len() + segments.length(index)];
                prop_assert!(write_like(prefix, &segments, index, &whole, &mut out));
                prop_assert_eq!((outcome.clone(), out), expected);
            }
        }
    }

    #[test]
    fn a_syn_goes_alone() {
        let (_, syn) = super_packet(false, true, 0, 0x02, 3000, 1000);
        let (_, data) = super_packet(false, true, 0, 0x10, 3000, 1000);
        let (_, udp) = super_packet(true, false, 0, 0, 3000, 1000);
        let packets: [&[u8]; 4] = [&syn, &data, &udp, &[]];
        assert_eq!(packets.map(may_follow), [false, true, true, false]);
    }
}
