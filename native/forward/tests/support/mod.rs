//! Tables and packets that the tests share.
#![allow(dead_code)]

use labelway_boundary::*;
use labelway_forward::{
    Context, Count, DropReason, Fib, HEADROOM, Live, Outcome, Packet, TokenBucket, switch,
};
use labelway_wire::checksum::Sum;

/// Counts what it is told.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub struct Counted {
    pub labels: Vec<(usize, usize)>,
    pub lists: Vec<(usize, usize)>,
    pub drops: Vec<DropReason>,
}

impl Count for Counted {
    fn label(&mut self, entry: usize, bytes: usize) {
        self.labels.push((entry, bytes));
    }
    fn list(&mut self, list: usize, bytes: usize) {
        self.lists.push((list, bytes));
    }
    fn dropped(&mut self, reason: DropReason) {
        self.drops.push(reason);
    }
}

pub struct Router {
    pub table: Table,
    pub fib: Fib,
    pub live: Live,
    pub icmp: TokenBucket,
    pub now: std::time::Duration,
    pub count: Counted,
}

impl Router {
    /// Everything up.
    pub fn new(table: Table) -> Self {
        let fib = Fib::compile(&table).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let live = Live::next(None, &table);
        (0..table.adjacencies.len()).for_each(|index| live.set_adjacency(index, Liveness::Up));
        (0..table.lists.len()).for_each(|index| live.set_list(index, Liveness::Up));
        let icmp = TokenBucket::default();
        Self {
            table,
            fib,
            live,
            icmp,
            now: Default::default(),
            count: Counted::default(),
        }
    }

    pub fn context(&mut self) -> Context<'_, Counted> {
        Context {
            fib: &self.fib,
            live: &self.live,
            icmp: &mut self.icmp,
            now: self.now,
            count: &mut self.count,
        }
    }
}

/// A buffer with the packet behind the headroom and some room behind it.
pub fn buffer(packet: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0xee; HEADROOM];
    buffer.extend(packet);
    buffer.extend([0xdd; 32]);
    buffer
}

pub fn packet<'a>(buffer: &'a mut [u8], len: usize) -> Packet<'a> {
    Packet::new(buffer, len)
}

pub const LISBON: u32 = 0;
pub const HUB: u32 = 1;
pub const PORTO: u32 = 2;

pub fn key(number: u8) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode([number; 32])
}

fn adjacency(
    key_: &str,
    uplink: u32,
    remote: [u8; 4],
    site: u32,
    number: u8,
    mtu: u32,
) -> Adjacency {
    Adjacency {
        key: key_.into(),
        uplink,
        remote_key: key(number),
        remote_address: remote.into(),
        remote_site: site,
        remote_uplink: 0,
        mtu,
    }
}

fn list(key: &str, weight: u32, adjacency: u32, labels: &[u32], mtu: u32) -> SegmentList {
    SegmentList {
        key: key.into(),
        weight,
        adjacency,
        labels: labels.into(),
        return_labels: vec![],
        ends: vec![],
        probe_address: [10, 255, 0, 3].into(),
        mtu,
    }
}

fn rule(policy: &str, matches: Match, verdict: Verdict) -> Rule {
    Rule {
        policy: policy.into(),
        matches,
        verdict,
    }
}

/// A router that is everything at once: two uplinks, three neighbours, two segments.
///
/// Adjacencies: 0 and 1 to the hub by each uplink, 2 to porto. Segment 0 "office" goes to
/// 10.2.0.0/16 and 2001:db8:2::/48 by path 0 (list 0 direct), then path 1 (lists 1 and 2 over
/// the hub, weights 1 and 3); voice (DSCP 46) takes path 1 first; UDP port 9 is dropped.
pub fn table(ttl: TtlModel) -> Table {
    let uplink = |key: &str, interface: &str, address: [u8; 4]| Uplink {
        key: key.into(),
        interface: interface.into(),
        backend: Backend::Embedded,
        device: "eth0".into(),
        tunnel_address: address.into(),
    };
    let voice = Match {
        dscp: Some(46),
        ..Match::default()
    };
    let discard = Match {
        protocol: Some(17),
        destination_ports: vec![(9, 9)],
        ..Match::default()
    };
    let office = Segment {
        name: "office".into(),
        number: 1,
        service_label: 28001,
        tun: "lws1-office".into(),
        mtu: 1360,
        local: vec![
            "10.1.0.0/16".parse().unwrap(),
            "2001:db8:1::/48".parse().unwrap(),
        ],
        routes: ["10.2.0.0/16", "2001:db8:2::/48", "10.1.99.0/24"]
            .map(|prefix| Route {
                prefix: prefix.parse().unwrap(),
                steering: 0,
            })
            .into(),
        steerings: vec![Steering {
            rules: vec![
                rule("voice", voice, Verdict::in_order(vec![1, 0])),
                rule("discard", discard, Verdict::Drop),
            ],
            fallback: Verdict::in_order(vec![0, 1]),
        }],
    };
    let guest = Segment {
        name: "guest".into(),
        number: 2,
        service_label: 28002,
        tun: "lws2-guest".into(),
        mtu: 1280,
        local: vec!["192.168.1.0/24".parse().unwrap()],
        routes: vec![Route {
            prefix: "0.0.0.0/0".parse().unwrap(),
            steering: 0,
        }],
        steerings: vec![Steering {
            rules: vec![],
            fallback: Verdict::in_order(vec![1]),
        }],
    };
    let entry = |label, accept: &[u32], action| LabelEntry {
        label,
        accept: accept.into(),
        action,
    };
    let hop = |adjacency, labels: &[u32]| Hop {
        adjacency,
        labels: labels.into(),
    };
    Table {
        generation: "0123456789abcdef".into(),
        site: Site {
            name: "lisbon".into(),
            sid: 1,
            loopback4: Some([10, 255, 0, 1].into()),
            loopback6: Some("2001:db8:ff::1".parse().unwrap()),
        },
        ttl,
        probe: ProbeTimers {
            interval_millis: 100,
            down_after: 5,
            up_after: 10,
        },
        bfd: labelway_boundary::BfdTimers::default(),
        uplinks: vec![
            uplink("fibre", "lw-0-fibre", [100, 96, 0, 8]),
            uplink("lte", "lw-1-lte", [100, 96, 0, 9]),
        ],
        adjacencies: vec![
            adjacency("fibre>hub.fibre", 0, [100, 96, 0, 16], 2, 1, 1392),
            adjacency("lte>hub.fibre", 1, [100, 96, 0, 16], 2, 1, 1332),
            adjacency("fibre>porto.lte", 0, [100, 96, 0, 25], 3, 2, 1392),
        ],
        segments: vec![office, guest],
        labels: vec![
            entry(16001, &[0, 1, 2], LabelAction::Pop),
            entry(
                16002,
                &[2],
                LabelAction::Forward(vec![hop(0, &[]), hop(1, &[])]),
            ),
            entry(
                16003,
                &[0, 1],
                LabelAction::Forward(vec![hop(2, &[0]), hop(0, &[16003])]),
            ),
            entry(
                16004,
                &[0, 1, 2],
                LabelAction::Forward(vec![hop(0, &[16004])]),
            ),
            entry(28001, &[0, 1, 2], LabelAction::Deliver(0)),
            entry(28002, &[0, 1], LabelAction::Deliver(1)),
            entry(100_001, &[0, 1], LabelAction::Forward(vec![hop(2, &[])])),
            entry(
                100_002,
                &[0],
                LabelAction::Forward(vec![hop(2, &[100_007, 16004])]),
            ),
        ],
        paths: vec![
            Path {
                key: "direct".into(),
                egress: 3,
                lists: vec![0],
            },
            Path {
                key: "hub".into(),
                egress: 3,
                lists: vec![1, 2],
            },
        ],
        lists: vec![
            list("fibre>porto.lte", 1, 2, &[], 1380),
            list("fibre>hub.fibre,16003", 1, 0, &[16003], 1360),
            list("lte>hub.fibre,16003,16005", 3, 1, &[16003, 16005], 1320),
        ],
    }
}

pub fn v4(source: [u8; 4], destination: [u8; 4], protocol: u8, ttl: u8, upper: &[u8]) -> Vec<u8> {
    let header = labelway_wire::Ipv4Header {
        traffic_class: 0,
        identification: 0x1234,
        dont_fragment: true,
        ttl,
        protocol,
        source: source.into(),
        destination: destination.into(),
    };
    [&header.encode(upper.len() as u16).unwrap()[..], upper].concat()
}

pub fn v6(source: &str, destination: &str, next_header: u8, hops: u8, upper: &[u8]) -> Vec<u8> {
    let header = labelway_wire::Ipv6Header {
        next_header,
        hop_limit: hops,
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    };
    [&header.encode(upper.len() as u16)[..], upper].concat()
}

/// Changes bytes of an IPv4 header and makes its checksum right again.
pub fn patched(mut packet: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (at, value) in changes {
        packet[*at] = *value;
    }
    let header = usize::from(packet[0] & 15) * 4;
    packet[10..12].fill(0);
    let checksum = Sum::default().bytes(&packet[..header]).finish();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

pub fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let header = labelway_wire::UdpHeader {
        source_port: source,
        destination_port: destination,
    };
    [&header.encode(payload.len() as u16).unwrap()[..], payload].concat()
}

/// A SYN with an MSS option.
pub fn syn(mss: u16) -> Vec<u8> {
    let mut segment = vec![0; 24];
    segment[..4].copy_from_slice(&[0x9c, 0x40, 0, 80]);
    segment[12] = 0x60;
    segment[13] = 2;
    let [high, low] = mss.to_be_bytes();
    segment[20..24].copy_from_slice(&[2, 4, high, low]);
    segment
}

/// Label stack entries as words: label, TC, S, TTL.
pub fn stack(entries: &[(u32, u8, bool, u8)]) -> Vec<u8> {
    entries
        .iter()
        .flat_map(|(label, tc, bottom, ttl)| {
            (label << 12 | u32::from(*tc) << 9 | u32::from(*bottom) << 8 | u32::from(*ttl))
                .to_be_bytes()
        })
        .collect()
}

pub fn read_stack(bytes: &[u8]) -> Vec<(u32, u8, bool, u8)> {
    let mut entries = vec![];
    for entry in bytes.chunks_exact(4) {
        let word = u32::from_be_bytes(entry.try_into().unwrap());
        entries.push((
            word >> 12,
            (word >> 9) as u8 & 7,
            word & 0x100 != 0,
            word as u8,
        ));
        if word & 0x100 != 0 {
            return entries;
        }
    }
    panic!("no bottom in {bytes:02x?}")
}

/// What a neighbour sends: IPv4/UDP 6635 from the peer of adjacency `from` of [`table`].
pub fn from_neighbour(table: &Table, from: usize, payload: &[u8]) -> Vec<u8> {
    let adjacency = &table.adjacencies[from];
    let own = table.uplinks[adjacency.uplink as usize].tunnel_address;
    v4(
        adjacency.remote_address.octets(),
        own.octets(),
        17,
        255,
        &udp(50123, 6635, payload),
    )
}

/// Switches a packet that came from a neighbour, and what has become of its bytes.
pub fn run(router: &mut Router, from: usize, bytes: &[u8]) -> (Outcome, Vec<u8>) {
    let mut buffer = buffer(bytes);
    let mut packet = packet(&mut buffer, bytes.len());
    let outcome = switch(&mut router.context(), from, &mut packet);
    (outcome, packet.bytes().to_vec())
}

/// Switches a stack and what is below it.
pub fn labelled(
    router: &mut Router,
    from: usize,
    entries: &[(u32, u8, bool, u8)],
    below: &[u8],
) -> (Outcome, Vec<u8>) {
    let payload = [&stack(entries)[..], below].concat();
    let inner = from_neighbour(&router.table, from, &payload);
    run(router, from, &inner)
}

/// The reason for which a stack is dropped, counted once.
pub fn dropped(
    router: &mut Router,
    from: usize,
    entries: &[(u32, u8, bool, u8)],
    below: &[u8],
) -> DropReason {
    match labelled(router, from, entries, below).0 {
        Outcome::Drop(reason) => {
            assert_eq!(router.count.drops.pop(), Some(reason));
            reason
        }
        other => panic!("{other:?}"),
    }
}
