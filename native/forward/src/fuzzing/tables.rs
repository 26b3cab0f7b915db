//! Tables and packets out of any bytes.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use labelway_boundary::*;
use labelway_wire::checksum::Sum;
use labelway_wire::{Ipv4Header, UdpHeader, port, protocol};

use base64::Engine as _;

/// Reads values off the front; zeros when there is nothing left.
pub(crate) struct Reader<'a>(&'a [u8]);

/// Few addresses and labels, so that packets meet the tables often.
const LABELS: [u32; 8] = [16, 17, 18, 16001, 16002, 28001, 28002, 1_048_575];

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn number(&mut self) -> u32 {
        match self.byte() {
            255 => u32::from(self.word()) << 16 | u32::from(self.word()),
            254 => u32::from(self.word()),
            small => u32::from(small),
        }
    }

    fn below(&mut self, count: usize) -> u32 {
        u32::from(self.byte()) % count.max(1) as u32
    }

    pub(super) fn wild_label(&mut self) -> u32 {
        match self.byte() {
            byte @ 0..16 => u32::from(byte),
            255 => self.number(),
            byte => LABELS[usize::from(byte) % LABELS.len()],
        }
    }

    fn stack(&mut self) -> Vec<u32> {
        let depth = self.byte() % 9;
        (0..depth)
            .map(|_| LABELS[usize::from(self.byte()) % LABELS.len()])
            .collect()
    }

    fn prefix(&mut self) -> IpNet {
        if self.byte().is_multiple_of(4) {
            let address = u128::from(0x2001_0db8u32) << 96 | u128::from(self.byte() % 4) << 80;
            let length = self.byte() % 129;
            let prefix = Ipv6Net::new(address.into(), length).unwrap_or_default();
            return IpNet::V6(prefix.trunc());
        }
        let address = Ipv4Addr::new(10, self.byte() % 4, self.byte() % 4, self.byte());
        let prefix = Ipv4Net::new(address, self.byte() % 33).unwrap_or_default();
        IpNet::V4(prefix.trunc())
    }

    /// A table that compiles.
    pub(crate) fn table(&mut self) -> Table {
        let uplinks: Vec<_> = (0..1 + self.byte() % 2).map(uplink).collect();
        let adjacencies: Vec<_> = (0..1 + self.byte() % 4)
            .map(|number| {
                adjacency(
                    number,
                    self.below(uplinks.len()),
                    700 + self.number() % 1000,
                )
            })
            .collect();
        let lists: Vec<_> = (0..1 + self.byte() % 4)
            .map(|number| self.list(number, &adjacencies))
            .collect();
        let paths: Vec<_> = (0..1 + self.byte() % 3)
            .map(|number| self.path(number, lists.len()))
            .collect();
        let segments: Vec<_> = (0..1 + self.byte() % 2)
            .map(|number| self.segment(number, paths.len()))
            .collect();
        let mut labels: Vec<_> = LABELS
            .iter()
            .filter_map(|label| self.entry(*label, adjacencies.len(), &segments))
            .collect();
        labels.sort_by_key(|entry| entry.label);
        Table {
            generation: "0123456789abcdef".into(),
            site: Site {
                name: "here".into(),
                sid: 1,
                loopback4: self
                    .byte()
                    .is_multiple_of(2)
                    .then(|| [10, 255, 0, 1].into()),
                loopback6: self.byte().is_multiple_of(2).then(|| (1u128 << 120).into()),
            },
            ttl: if self.byte().is_multiple_of(2) {
                TtlModel::Pipe
            } else {
                TtlModel::Uniform
            },
            probe: ProbeTimers {
                interval_millis: 100,
                down_after: 5,
                up_after: 10,
            },
            bfd: labelway_boundary::BfdTimers::default(),
            uplinks,
            adjacencies,
            segments,
            labels,
            paths,
            lists,
        }
    }

    /// A table with values out of range here and there.
    pub(super) fn wild_table(&mut self) -> Table {
        let mut table = self.table();
        for _ in 0..self.byte() % 6 {
            let (value, at) = (self.number(), usize::from(self.byte()));
            let (adjacencies, lists) = (table.adjacencies.len(), table.lists.len());
            match self.byte() % 12 {
                0 => table.adjacencies[at % adjacencies].uplink = value,
                1 => table.adjacencies[at % adjacencies].mtu = value,
                2 => table.lists[at % lists].adjacency = value,
                3 => table.lists[at % lists].weight = value,
                4 => table.lists[at % lists].labels.push(value),
                5 => table.lists[at % lists].mtu = value,
                6 => table.paths[0].lists.push(value),
                7 => table.segments[0].service_label = value,
                8 => table.segments[0].mtu = value,
                9 => table
                    .labels
                    .iter_mut()
                    .for_each(|entry| entry.label = value),
                10 => table
                    .labels
                    .iter_mut()
                    .for_each(|entry| entry.accept.push(value)),
                _ => {
                    let hop = Hop {
                        adjacency: value,
                        labels: vec![value],
                    };
                    let entry = table.labels.iter_mut().next();
                    entry.into_iter().for_each(|entry| {
                        entry.action = LabelAction::Forward(vec![hop.clone()]);
                    });
                }
            }
        }
        table
    }

    fn list(&mut self, number: u8, adjacencies: &[Adjacency]) -> SegmentList {
        let adjacency = self.below(adjacencies.len());
        let labels = self.stack();
        let room = adjacencies[adjacency as usize].mtu - 4 * (labels.len() as u32 + 1);
        SegmentList {
            key: format!("list {number}"),
            weight: 1 + u32::from(self.byte()) % 255,
            adjacency,
            labels,
            return_labels: self.stack(),
            ends: vec![],
            probe_address: [10, 255, 0, 2].into(),
            mtu: 576 + self.number() % (room - 575),
        }
    }

    fn path(&mut self, number: u8, lists: usize) -> Path {
        let mut indices = vec![self.below(lists), self.below(lists)];
        indices.dedup();
        Path {
            key: format!("path {number}"),
            egress: 2,
            lists: indices,
        }
    }

    fn segment(&mut self, number: u8, paths: usize) -> Segment {
        let mut local: Vec<_> = (0..1 + self.byte() % 3).map(|_| self.prefix()).collect();
        let mut remote: Vec<_> = (0..1 + self.byte() % 3).map(|_| self.prefix()).collect();
        for prefixes in [&mut local, &mut remote] {
            prefixes.sort();
            prefixes.dedup();
        }
        let matches = Match {
            source: None,
            destination: self.byte().is_multiple_of(2).then(|| self.prefix()),
            dscp: self.byte().is_multiple_of(3).then(|| self.byte() % 64),
            protocol: self.byte().is_multiple_of(3).then(|| self.byte()),
            source_ports: vec![],
            destination_ports: vec![(0, self.word())],
        };
        let verdict = match self.byte() % 4 {
            0 => Verdict::Drop,
            _ => Verdict::in_order(vec![self.below(paths)]),
        };
        Segment {
            name: format!("segment {number}"),
            number: number.into(),
            service_label: 28001 + u32::from(number),
            tun: format!("lws{number}"),
            mtu: 1280,
            local,
            routes: remote
                .into_iter()
                .map(|prefix| Route {
                    prefix,
                    steering: 0,
                })
                .collect(),
            steerings: vec![Steering {
                rules: vec![Rule {
                    policy: "p".into(),
                    matches,
                    verdict,
                }],
                fallback: Verdict::in_order(vec![self.below(paths), self.below(paths)]),
            }],
        }
    }

    fn entry(
        &mut self,
        label: u32,
        adjacencies: usize,
        segments: &[Segment],
    ) -> Option<LabelEntry> {
        let segment = segments
            .iter()
            .position(|segment| segment.service_label == label);
        let action = match (segment, self.byte() % 4) {
            (Some(index), _) => LabelAction::Deliver(index as u32),
            (None, 0) => return None,
            (None, 1) => LabelAction::Pop,
            (None, _) => {
                let hop = |reader: &mut Self| Hop {
                    adjacency: reader.below(adjacencies),
                    labels: reader.stack(),
                };
                LabelAction::Forward(vec![hop(self), hop(self)])
            }
        };
        let mask = self.byte();
        let accept = (0..adjacencies as u32)
            .filter(|bit| mask >> bit & 1 == 0)
            .collect();
        Some(LabelEntry {
            label,
            accept,
            action,
        })
    }

    /// A customer packet: the rest of the bytes, often with its length and checksum made right, and
    /// often grown.
    pub(super) fn customer(&mut self) -> Vec<u8> {
        let (how, fill) = (self.byte(), self.word());
        let mut packet = self.rest().to_vec();
        if how & 1 == 1 {
            packet.resize(packet.len() + usize::from(fill % 4096), fill as u8);
        }
        if how & 2 == 2 {
            mend(&mut packet);
        }
        packet
    }

    /// An inner packet: a stack of known labels above a customer packet, or any bytes, behind right
    /// headers or behind none.
    pub(super) fn inner(&mut self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let how = self.byte();
        let mut payload = vec![];
        if how & 1 == 1 {
            let depth = self.byte() % 20;
            for index in 0..depth {
                let bottom = u32::from(index + 1 == depth);
                let word = self.wild_label() << 12 | bottom << 8 | u32::from(self.byte());
                payload.extend(word.to_be_bytes());
            }
        }
        payload.extend(self.customer());
        payload.truncate(60_000);
        if how & 2 == 2 {
            return payload;
        }
        let destination_port = if how & 12 == 12 {
            port::STAMP
        } else {
            port::MPLS_IN_UDP
        };
        let udp = UdpHeader {
            source_port: self.word(),
            destination_port,
        };
        let ip = Ipv4Header {
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            ttl: 255,
            protocol: protocol::UDP,
            source,
            destination,
        };
        let length = payload.len() as u16;
        let (Ok(udp), Ok(ip)) = (udp.encode(length), ip.encode(length + 8)) else {
            return payload;
        };
        [&ip[..], &udp, &payload].concat()
    }
}

/// Makes version, lengths and checksum of something like an IP packet agree with its size.
fn mend(packet: &mut [u8]) {
    match packet.first().map(|first| first >> 7) {
        Some(0) if packet.len() >= 20 => {
            packet[0] = 0x40 | (packet[0] & 15).clamp(5, (packet.len() / 4).min(15) as u8);
            let header = usize::from(packet[0] & 15) * 4;
            let total = (packet.len().min(65_535) as u16).to_be_bytes();
            packet[2..4].copy_from_slice(&total);
            packet[10..12].fill(0);
            let checksum = Sum::default().bytes(&packet[..header]).finish();
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        Some(1) if packet.len() >= 40 => {
            packet[0] = 0x60 | packet[0] & 15;
            let payload = ((packet.len() - 40).min(65_535) as u16).to_be_bytes();
            packet[4..6].copy_from_slice(&payload);
        }
        _ => {}
    }
}

fn uplink(number: u8) -> Uplink {
    Uplink {
        key: format!("uplink {number}"),
        interface: format!("lw-{number}"),
        backend: Backend::Embedded,
        device: "eth0".into(),
        tunnel_address: [100, 96, 0, 8 + number].into(),
    }
}

fn adjacency(number: u8, uplink: u32, mtu: u32) -> Adjacency {
    Adjacency {
        key: format!("adjacency {number}"),
        uplink,
        remote_key: base64::engine::general_purpose::STANDARD.encode([number; 32]),
        remote_address: [100, 96, 0, 16 + number].into(),
        remote_site: 2,
        remote_uplink: 0,
        mtu,
    }
}
