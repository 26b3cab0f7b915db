//! Routers and packets that the measurements share. Everything is made from its arguments alone,
//! so that a count of instructions comes out alike everywhere.
#![allow(dead_code)]

use std::time::Duration;

use base64::Engine as _;
use ipnet::{IpNet, Ipv4Net};
use labelway_boundary::*;
use labelway_forward::{Context, Fib, HEADROOM, Live, Packet, TokenBucket};
use labelway_wire::{Ipv4Header, UdpHeader, protocol};

pub const ADJACENCIES: u32 = 8;
pub const FIRST_LABEL: u32 = 16_000;
/// The adjacency that labelled packets come by; the others lead on.
pub const FROM: usize = 0;
const SERVICE_LABEL: u32 = 15_000;
/// The whole packet that the network carries: 1,360 bytes.
const PAYLOAD: usize = 1_332;

/// A compiled table with everything up.
pub struct Router {
    pub table: Table,
    pub fib: Fib,
    pub live: Live,
    pub icmp: TokenBucket,
    pub count: Counters,
}

/// Counts as the engine's threads do: an addition to a number that is theirs alone.
pub struct Counters {
    labels: Vec<[u64; 2]>,
    lists: Vec<[u64; 2]>,
    drops: u64,
}

impl labelway_forward::Count for Counters {
    #[inline]
    fn label(&mut self, entry: usize, bytes: usize) {
        if let Some([packets, sum]) = self.labels.get_mut(entry) {
            *packets += 1;
            *sum += bytes as u64;
        }
    }
    #[inline]
    fn list(&mut self, list: usize, bytes: usize) {
        if let Some([packets, sum]) = self.lists.get_mut(list) {
            *packets += 1;
            *sum += bytes as u64;
        }
    }
    fn dropped(&mut self, _: labelway_forward::DropReason) {
        self.drops += 1;
    }
}

impl Router {
    pub fn new(table: Table) -> Self {
        let fib = Fib::compile(&table).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let live = Live::next(None, &table);
        (0..table.adjacencies.len()).for_each(|index| live.set_adjacency(index, Liveness::Up));
        (0..table.lists.len()).for_each(|index| live.set_list(index, Liveness::Up));
        let count = Counters {
            labels: vec![[0; 2]; table.labels.len()],
            lists: vec![[0; 2]; table.lists.len()],
            drops: 0,
        };
        Self {
            table,
            fib,
            live,
            icmp: TokenBucket::default(),
            count,
        }
    }

    pub fn context(&mut self) -> Context<'_, Counters> {
        Context {
            fib: &self.fib,
            live: &self.live,
            icmp: &mut self.icmp,
            now: Duration::ZERO,
            count: &mut self.count,
        }
    }
}

/// What a table is made of.
#[derive(Clone, Copy)]
pub struct Scene {
    /// Labels that are swapped for themselves, from [`FIRST_LABEL`] on; a million begin at 16.
    pub labels: u32,
    /// Rules of the one steering; each is for one UDP port of one /24, so that none matches
    /// [`customer`] but the last.
    pub policies: u32,
    /// Remote prefixes, /24 throughout, spread over 11.0.0.0/8 and 12.0.0.0/8.
    pub prefixes: u32,
    /// Labels that the only list pushes above the service label.
    pub pushed: u32,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            labels: 0,
            policies: 0,
            prefixes: 1,
            pushed: 1,
        }
    }
}

pub fn table(scene: Scene) -> Table {
    let adjacencies = (0..ADJACENCIES).map(|number| Adjacency {
        key: format!("adjacency {number}"),
        uplink: 0,
        remote_key: base64::engine::general_purpose::STANDARD.encode([number as u8 + 1; 32]),
        remote_address: [100, 96, 1, number as u8].into(),
        remote_site: number + 2,
        remote_uplink: 0,
        mtu: 1_392,
    });
    let service = LabelEntry {
        label: SERVICE_LABEL,
        accept: (0..ADJACENCIES).collect(),
        action: LabelAction::Deliver(0),
    };
    let first = first_label(scene.labels);
    let transit = (first..first + scene.labels).map(|label| LabelEntry {
        label,
        accept: vec![FROM as u32],
        action: LabelAction::Forward(vec![Hop {
            adjacency: 1 + label % (ADJACENCIES - 1),
            labels: vec![label],
        }]),
    });
    let mut labels: Vec<_> = [service].into_iter().chain(transit).collect();
    labels.sort_by_key(|entry| entry.label);
    labels.dedup_by_key(|entry| entry.label);
    Table {
        generation: "0123456789abcdef".into(),
        site: Site {
            name: "here".into(),
            sid: 1,
            loopback4: Some([10, 255, 0, 1].into()),
            loopback6: None,
        },
        ttl: TtlModel::Pipe,
        probe: ProbeTimers {
            interval_millis: 100,
            down_after: 5,
            up_after: 10,
        },
        bfd: labelway_boundary::BfdTimers::default(),
        uplinks: vec![Uplink {
            key: "uplink".into(),
            interface: "lw-0".into(),
            backend: Backend::Embedded,
            device: "eth0".into(),
            tunnel_address: [100, 96, 0, 8].into(),
        }],
        adjacencies: adjacencies.collect(),
        segments: vec![segment(scene)],
        labels,
        paths: vec![Path {
            key: "path".into(),
            egress: 3,
            lists: vec![0],
        }],
        lists: vec![SegmentList {
            key: "list".into(),
            weight: 1,
            adjacency: 1,
            labels: (0..scene.pushed).map(|index| 17_000 + index).collect(),
            return_labels: vec![],
            ends: vec![],
            probe_address: [10, 255, 0, 3].into(),
            mtu: 1_360,
        }],
    }
}

/// Where the labels of a table of this size begin: the largest takes all that there are.
pub fn first_label(labels: u32) -> u32 {
    if FIRST_LABEL + labels <= 1 << 20 {
        FIRST_LABEL
    } else {
        (1 << 20) - labels
    }
}

fn segment(scene: Scene) -> Segment {
    let rules = (0..scene.policies).map(|number| Rule {
        policy: format!("policy {number}"),
        matches: if number + 1 == scene.policies {
            Match {
                dscp: Some(0),
                ..Match::default()
            }
        } else {
            Match {
                destination: Some(prefix(number % 256)),
                protocol: Some(protocol::UDP),
                destination_ports: vec![(10_000 + number as u16, 10_000 + number as u16)],
                ..Match::default()
            }
        },
        verdict: Verdict::in_order(vec![0]),
    });
    Segment {
        name: "office".into(),
        number: 1,
        service_label: SERVICE_LABEL,
        tun: "lws1".into(),
        mtu: 1_360,
        local: vec!["10.0.0.0/8".parse().unwrap()],
        routes: (0..scene.prefixes)
            .map(|number| Route {
                prefix: prefix(number),
                steering: 0,
            })
            .collect(),
        steerings: vec![Steering {
            rules: rules.collect(),
            fallback: Verdict::in_order(vec![0]),
        }],
    }
}

/// The remote prefix of a number: a /24 that lies somewhere else than its neighbours in number.
fn prefix(number: u32) -> IpNet {
    Ipv4Net::new(remote(number).into(), 24)
        .unwrap()
        .trunc()
        .into()
}

/// A host of a remote prefix.
pub fn remote(number: u32) -> [u8; 4] {
    // An odd factor permutes the 2^17 numbers, which are the /24s of 11.0.0.0/8 and 12.0.0.0/8.
    let spread = number.wrapping_mul(40_503) % (1 << 17);
    [
        11 + (spread >> 16) as u8,
        (spread >> 8) as u8,
        spread as u8,
        5,
    ]
}

/// A packet of a local host to a host of remote prefix `to`.
pub fn customer(to: u32, source_port: u16) -> Vec<u8> {
    udp([10, 0, 0, 5], remote(to), 64, source_port, 443)
}

/// A packet from a neighbour with these entries: label and whether it is the bottom.
pub fn labelled(table: &Table, labels: &[u32]) -> Vec<u8> {
    let mut below = vec![];
    for (index, label) in labels.iter().enumerate() {
        let bottom = u32::from(index + 1 == labels.len());
        below.extend((label << 12 | bottom << 8 | 200).to_be_bytes());
    }
    below.extend(udp(remote(0), [10, 0, 0, 5], 60, 50_000, 443));
    let source = table.adjacencies[FROM].remote_address.octets();
    let own = table.uplinks[0].tunnel_address.octets();
    let udp = UdpHeader {
        source_port: 55_555,
        destination_port: 6_635,
    };
    let udp = udp.encode(below.len() as u16).unwrap();
    ip(source, own, 255, &[&udp[..], &below].concat())
}

pub fn to_transit(table: &Table, label: u32) -> Vec<u8> {
    labelled(table, &[label, SERVICE_LABEL])
}

pub fn to_deliver(table: &Table) -> Vec<u8> {
    labelled(table, &[SERVICE_LABEL])
}

fn udp(source: [u8; 4], destination: [u8; 4], ttl: u8, from: u16, to: u16) -> Vec<u8> {
    let header = UdpHeader {
        source_port: from,
        destination_port: to,
    };
    let header = header.encode(PAYLOAD as u16).unwrap();
    let upper = [&header[..], &vec![0; PAYLOAD]].concat();
    ip(source, destination, ttl, &upper)
}

fn ip(source: [u8; 4], destination: [u8; 4], ttl: u8, upper: &[u8]) -> Vec<u8> {
    let header = Ipv4Header {
        traffic_class: 0,
        identification: 0,
        dont_fragment: true,
        ttl,
        protocol: protocol::UDP,
        source: source.into(),
        destination: destination.into(),
    };
    [&header.encode(upper.len() as u16).unwrap()[..], upper].concat()
}

/// Bytes of a packet that any of the measured ways may write to.
pub const TOUCHED: usize = 64;

/// A buffer in which one packet is made anew for each run, as far as it is written to.
pub struct Slot {
    buffer: Vec<u8>,
    front: [u8; TOUCHED],
    len: usize,
}

impl Slot {
    pub fn new(packet: &[u8]) -> Self {
        let mut buffer = vec![0; HEADROOM];
        buffer.extend(packet);
        Self {
            front: packet[..TOUCHED].try_into().unwrap(),
            buffer,
            len: packet.len(),
        }
    }

    /// The packet as it came.
    #[inline]
    pub fn packet(&mut self) -> Packet<'_> {
        self.buffer[HEADROOM..HEADROOM + TOUCHED].copy_from_slice(&self.front);
        Packet::new(&mut self.buffer, self.len)
    }

    /// Writes into the packet as it will come next.
    #[inline]
    pub fn patch<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.front[at..at + N].copy_from_slice(&bytes);
    }
}

/// `0..count`, each once, in an order that no prefetcher sees through.
pub fn shuffled(count: u32) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..count).collect();
    let mut state = 0x243f_6a88_85a3_08d3u64;
    for index in (1..numbers.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(index, (state >> 33) as usize % (index + 1));
    }
    numbers
}
