//! Packets of random flows, and slow references that share no code with the crate.
#![allow(dead_code)] // Each test file uses a part.

use proptest::prelude::*;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const PSH: u8 = 8;
pub const ACK: u8 = 16;
pub const URG: u8 = 32;
pub const ECE: u8 = 64;
pub const CWR: u8 = 128;

/// A packet as somebody would describe it.
#[derive(Debug, Clone)]
pub struct Spec {
    pub v6: bool,
    pub host: u8,
    pub protocol: u8,
    pub port: u8,
    pub tos: u8,
    pub ttl: u8,
    pub label: u8,
    pub identification: u16,
    /// The three bits and the offset of IPv4.
    pub fragment: u16,
    /// IPv4 options, or one IPv6 destination options header.
    pub ip_options: Vec<u8>,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: u8,
    /// The four bits beside the data offset.
    pub reserved: u8,
    pub window: u16,
    pub urgent: u16,
    pub tcp_options: Vec<u8>,
    pub payload: Vec<u8>,
}

impl Spec {
    pub fn new(v6: bool, protocol: u8, payload: Vec<u8>) -> Spec {
        Spec {
            v6,
            host: 5,
            protocol,
            port: 1,
            tos: 0,
            ttl: 64,
            label: 0,
            identification: 0xfffe,
            fragment: 0x4000,
            ip_options: Vec::new(),
            sequence: 0xffff_fff0,
            acknowledgment: 7,
            flags: ACK,
            reserved: 0,
            window: 501,
            urgent: 0,
            tcp_options: Vec::new(),
            payload,
        }
    }

    /// The packet with right lengths and checksums.
    pub fn encode(&self) -> Vec<u8> {
        let mut upper = vec![0x9c, self.port, 0x01, 0xbb];
        if self.protocol == TCP {
            upper.extend(self.sequence.to_be_bytes());
            upper.extend(self.acknowledgment.to_be_bytes());
            upper.push(((20 + self.tcp_options.len()) / 4 << 4) as u8 | self.reserved);
            upper.push(self.flags);
            upper.extend(self.window.to_be_bytes());
            upper.extend([0, 0]);
            upper.extend(self.urgent.to_be_bytes());
            upper.extend(&self.tcp_options);
        } else {
            upper.extend([0; 4]);
        }
        upper.extend(&self.payload);
        let mut packet = Vec::new();
        if self.v6 {
            packet.extend([0x60 | self.tos >> 4, self.tos << 4, 0, self.label, 0, 0]);
            let first = if self.ip_options.is_empty() {
                self.protocol
            } else {
                60
            };
            packet.extend([first, self.ttl]);
            packet.extend([0xfd; 15]);
            packet.push(self.host);
            packet.extend([0xfd; 15]);
            packet.push(200);
            if let Some((_, options)) = self.ip_options.split_first() {
                packet.push(self.protocol);
                packet.extend(options);
            }
        } else {
            packet.extend([0x45 + (self.ip_options.len() / 4) as u8, self.tos, 0, 0]);
            packet.extend(self.identification.to_be_bytes());
            packet.extend(self.fragment.to_be_bytes());
            packet.extend([self.ttl, self.protocol, 0, 0]);
            packet.extend([10, 1, 0, self.host, 10, 2, 0, 200]);
            packet.extend(&self.ip_options);
        }
        packet.extend(upper);
        complete(&mut packet);
        packet
    }
}

pub fn be16(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// Version 6, and where the upper layer begins; of the packets of this file only.
pub fn layout(packet: &[u8]) -> (bool, usize, u8) {
    if packet[0] >> 4 == 4 {
        return (false, usize::from(packet[0] & 15) * 4, packet[9]);
    }
    match packet[6] {
        60 => (true, 48 + 8 * usize::from(packet[41]), packet[40]),
        protocol => (true, 40, protocol),
    }
}

pub fn headers(packet: &[u8]) -> usize {
    let (_, upper, protocol) = layout(packet);
    match protocol {
        TCP => upper + usize::from(packet[upper + 12] >> 4) * 4,
        _ => upper + 8,
    }
}

/// RFC 1071, word by word.
pub fn slow_sum(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Pseudo-header and upper layer as they are.
fn covered(packet: &[u8]) -> Vec<u8> {
    let (v6, upper, protocol) = layout(packet);
    let mut bytes = packet[if v6 { 8..40 } else { 12..20 }].to_vec();
    bytes.extend([0, protocol]);
    bytes.extend(((packet.len() - upper) as u16).to_be_bytes());
    bytes.extend(&packet[upper..]);
    bytes
}

/// Whether IPv4 header and transport checksum are right.
pub fn is_right(packet: &[u8]) -> bool {
    let (v6, upper, _) = layout(packet);
    (v6 || slow_sum(&packet[..upper]) == 0xffff) && slow_sum(&covered(packet)) == 0xffff
}

/// Writes all lengths and checksums.
pub fn complete(packet: &mut [u8]) {
    let (v6, upper, protocol) = layout(packet);
    let length = packet.len();
    if v6 {
        packet[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
    } else {
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        packet[10..12].fill(0);
        let sum = !slow_sum(&packet[..upper]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let at = match protocol {
        TCP => upper + 16,
        UDP => upper + 6,
        _ => return,
    };
    if protocol == UDP {
        packet[upper + 4..upper + 6].copy_from_slice(&((length - upper) as u16).to_be_bytes());
    }
    packet[at..at + 2].fill(0);
    let mut sum = !slow_sum(&covered(packet));
    if protocol == UDP && sum == 0 {
        sum = 0xffff;
    }
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// Cuts a super-packet by building each packet anew.
pub fn slow_segments(whole: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (v6, upper, protocol) = layout(whole);
    let (header, payload) = whole.split_at(headers(whole));
    let count = payload.chunks(size).len();
    let mut packets = Vec::new();
    for (index, piece) in payload.chunks(size).enumerate() {
        let mut packet = [header, piece].concat();
        if !v6 {
            let identification = (be16(whole, 4) + index) % 65_536;
            packet[4..6].copy_from_slice(&(identification as u16).to_be_bytes());
        }
        if protocol == TCP {
            let mut sequence = [0; 4];
            sequence.copy_from_slice(&whole[upper + 4..upper + 8]);
            let here = u32::from_be_bytes(sequence).wrapping_add((index * size) as u32);
            packet[upper + 4..upper + 8].copy_from_slice(&here.to_be_bytes());
            if index > 0 {
                packet[upper + 13] &= !CWR;
            }
            if index + 1 < count {
                packet[upper + 13] &= !(FIN | PSH);
            }
        }
        complete(&mut packet);
        packets.push(packet);
    }
    packets
}

/// Puts packets together without a thought whether they belong together.
fn slow_whole(packets: &[&Vec<u8>]) -> Vec<u8> {
    let mut whole = packets[0].clone();
    for packet in &packets[1..] {
        whole.extend(&packet[headers(packet)..]);
    }
    let (_, upper, protocol) = layout(&whole);
    if protocol == TCP {
        let last = packets[packets.len() - 1];
        whole[upper + 13] |= last[layout(last).1 + 13] & PSH;
    }
    whole
}

/// Groups by trying: a packet belongs to the last group of its flow if what is put together comes
/// apart into the same bytes, and no rule is against it.
pub fn slow_groups(packets: &[Vec<u8>], flows: &[Option<usize>], limit: usize) -> Vec<Vec<u32>> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (id, packet) in packets.iter().enumerate() {
        // Fragments and whatever has no flow of its own stay alone, and end all before them that
        // they may belong to: the generator gives those the flow `None` and one pair of hosts.
        let last = groups.iter_mut().rev().find(|group| {
            let other = flows[group[0] as usize];
            let one = flows[id];
            other == one || other.is_none() && hosts(&packets[group[0] as usize]) == hosts(packet)
        });
        let joined = last.filter(|group| {
            let members: Vec<&Vec<u8>> = group
                .iter()
                .map(|id| &packets[*id as usize])
                .chain([packet])
                .collect();
            flows[id].is_some()
                && flows[group[0] as usize].is_some()
                && members.iter().all(|one| may_merge(one))
                && members[..members.len() - 1]
                    .iter()
                    .all(|one| !has_push(one))
                && members.len() <= limit
                && (layout(packet).2 == TCP || members.len() <= 64)
                && comes_apart(&members)
        });
        match joined {
            Some(group) => group.push(id as u32),
            None => groups.push(vec![id as u32]),
        }
    }
    groups
}

fn hosts(packet: &[u8]) -> &[u8] {
    if packet[0] >> 4 == 4 {
        &packet[12..20]
    } else {
        &packet[8..40]
    }
}

fn has_push(packet: &[u8]) -> bool {
    let (_, upper, protocol) = layout(packet);
    protocol == TCP && packet[upper + 13] & PSH != 0
}

fn may_merge(packet: &[u8]) -> bool {
    let (_, upper, protocol) = layout(packet);
    let flags = if protocol == TCP {
        packet[upper + 13]
    } else {
        ACK
    };
    packet.len() > headers(packet) && flags & ACK != 0 && flags & (FIN | SYN | RST | URG | CWR) == 0
}

fn comes_apart(members: &[&Vec<u8>]) -> bool {
    let size = members[0].len() - headers(members[0]);
    let whole = slow_whole(members);
    whole.len() <= 65_535
        && slow_segments(&whole, size)
            .iter()
            .eq(members.iter().copied())
}

/// What may be different about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    None,
    Size(usize),
    Flags(u8),
    Plain(&'static str),
}

pub fn change() -> impl Strategy<Value = Change> {
    let plain = [
        "acknowledgment",
        "window",
        "timestamps",
        "tos",
        "ttl",
        "label",
        "identification",
        "df",
        "sequence",
        "reserved",
        "urgent",
        "bad checksum",
        "no checksum",
        "other zero",
        "fragment",
        "padding",
        "ip length",
        "ip options",
        "bad ip checksum",
        "udp length",
    ];
    let flags = [PSH, PSH, FIN, SYN, RST, URG, CWR, ECE, ECE | PSH, ACK];
    prop_oneof![
        12 => Just(Change::None),
        3 => (0usize..60).prop_map(Change::Size),
        2 => prop::sample::select(flags.to_vec()).prop_map(Change::Flags),
        3 => prop::sample::select(plain.to_vec()).prop_map(Change::Plain),
    ]
}

/// The packets of a batch, and of which flow each is; `None` is a fragment.
pub fn traffic(
    flows: &[(Spec, usize)],
    events: &[(usize, Change)],
) -> (Vec<Vec<u8>>, Vec<Option<usize>>) {
    let mut flows = flows.to_vec();
    let mut packets = Vec::new();
    let mut names = Vec::new();
    for (number, (flow, change)) in events.iter().enumerate() {
        let flow = flow % flows.len();
        let (next, size) = &mut flows[flow];
        let mut size = *size;
        let mut once = next.clone();
        match change {
            Change::Size(other) => size = *other,
            Change::Flags(flags) => once.flags ^= flags,
            // What stays changed, so that those behind may merge again.
            Change::Plain("acknowledgment") => next.acknowledgment += 100,
            Change::Plain("window") => next.window ^= 3,
            Change::Plain("tos") => next.tos ^= 1,
            Change::Plain("timestamps") if next.tcp_options.len() == 12 => next.tcp_options[7] ^= 1,
            Change::Plain("ttl") => next.ttl ^= 1,
            Change::Plain("label") => next.label ^= 1,
            Change::Plain("identification") => next.identification ^= 0x10,
            Change::Plain("sequence") => next.sequence = next.sequence.wrapping_sub(9),
            Change::Plain("df") => next.fragment ^= 0x4000,
            Change::Plain("reserved") => next.reserved ^= 1,
            Change::Plain("urgent") => next.urgent ^= 1,
            Change::Plain("ip options") if next.ip_options.len() == 8 => next.ip_options[7] ^= 1,
            _ => {}
        }
        if !matches!(change, Change::Size(_) | Change::Flags(_)) {
            once = next.clone();
        }
        once.payload = (0..size).map(|at| (at * 7 + number) as u8).collect();
        let mut packet = once.encode();
        names.push(if spoil(&mut packet, *change) {
            None
        } else {
            Some(flow)
        });
        packets.push(packet);
        next.sequence = next.sequence.wrapping_add(size as u32);
        next.identification = next.identification.wrapping_add(1);
    }
    (packets, names)
}

/// Breaks a packet that is otherwise right; true if its ports are hidden thereby.
fn spoil(packet: &mut Vec<u8>, change: Change) -> bool {
    let (v6, upper, protocol) = layout(packet);
    let checksum = upper + if protocol == TCP { 16 } else { 6 };
    match change {
        Change::Plain("bad checksum") => packet[checksum + 1] ^= 0x10,
        Change::Plain("no checksum") => packet[checksum..checksum + 2].fill(0),
        Change::Plain("other zero") => {
            // Payload for which all ones and zero are both right.
            let at = headers(packet);
            if packet.len() >= at + 2 {
                let over = be16(packet, checksum) + be16(packet, at);
                let word = (over & 0xffff) + (over >> 16);
                packet[at..at + 2].copy_from_slice(&(word as u16).to_be_bytes());
                packet[checksum..checksum + 2].fill(0xff);
                assert!(is_right(packet));
            }
        }
        Change::Plain("bad ip checksum") if !v6 => packet[10] ^= 1,
        Change::Plain("udp length") if protocol == UDP => packet[upper + 5] ^= 1,
        Change::Plain("padding") => packet.extend([0; 3]),
        // The transport checksum is right only with the bytes behind the packet's end.
        Change::Plain("ip length") if v6 => packet[5] = packet[5].wrapping_sub(1),
        Change::Plain("ip length") => {
            let shorter = (packet.len() - 1) as u16;
            packet[2..4].copy_from_slice(&shorter.to_be_bytes());
            packet[10..12].fill(0);
            let sum = !slow_sum(&packet[..upper]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        Change::Plain("fragment") if !v6 => {
            packet[6] |= 0x20;
            complete(packet);
            return true;
        }
        Change::Plain("fragment") => {
            let fragment = [packet[6], 0, 0, 1, 0, 0, 0, 9];
            packet[6] = 44;
            packet.splice(40..40, fragment);
            let length = (packet.len() - 40) as u16;
            packet[4..6].copy_from_slice(&length.to_be_bytes());
            return true;
        }
        _ => {}
    }
    false
}

/// A flow, and the payload that its packets have.
pub fn flow() -> impl Strategy<Value = (Spec, usize)> {
    let numbers = (
        any::<bool>(),
        any::<bool>(),
        5u8..7,
        1usize..70,
        0u32..200,
        0u16..9,
    );
    (numbers, any::<bool>(), any::<bool>()).prop_map(
        |((v6, udp, host, size, sequence, identification), tcp_options, ip_options)| {
            let mut spec = Spec::new(v6, if udp { UDP } else { TCP }, Vec::new());
            spec.host = host;
            spec.sequence = 0u32.wrapping_sub(sequence);
            spec.identification = 0u16.wrapping_sub(identification);
            if tcp_options {
                spec.tcp_options = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
            }
            if ip_options {
                // Of IPv6, the first is where the next header goes.
                spec.ip_options = if v6 {
                    vec![0, 0, 1, 4, 0, 0, 0, 0]
                } else {
                    vec![1; 8]
                };
            }
            (spec, size)
        },
    )
}

/// Flows that differ at least in their port.
pub fn flows() -> impl Strategy<Value = Vec<(Spec, usize)>> {
    prop::collection::vec(flow(), 1..6).prop_map(|mut flows| {
        for (port, (spec, _)) in flows.iter_mut().enumerate() {
            spec.port = port as u8;
        }
        flows
    })
}
