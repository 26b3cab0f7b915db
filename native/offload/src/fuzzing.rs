//! Bodies of the fuzz targets (`native/fuzz`), here so that `cargo test` runs them too.
//!
//! Each takes any bytes, and panics when something that must hold does not.
#![doc(hidden)]

use labelway_wire::checksum::Sum;
use labelway_wire::{Customer, Ports, protocol};

use crate::{Coalescer, Opened, Segments, VNET_HEADER, VnetHeader, open};

/// Any header in front of any packet. What is cut is whole and adds up.
pub fn segment(bytes: &[u8]) {
    let Ok(mut header) = VnetHeader::decode(bytes) else {
        return;
    };
    let mut packet = bytes[VNET_HEADER..].to_vec();
    if header.hdr_len.is_multiple_of(2) {
        plausible(&mut header, &mut packet);
    }
    let before = packet.clone();
    match open(header, &mut packet) {
        Ok(Opened::Super(segments)) => {
            assert_eq!(before, packet, "only a single packet is completed");
            is_cut(&segments, &packet);
        }
        Ok(Opened::Single) => {
            let changed = (0..packet.len()).filter(|at| packet[*at] != before[*at]);
            let checksum = usize::from(header.csum_start) + usize::from(header.csum_offset);
            assert!(changed.into_iter().all(|at| at.wrapping_sub(checksum) < 2));
        }
        Err(_) => {}
    }
}

/// Makes the lengths and positions of a packet fit, so that more than its first bytes is read.
fn plausible(header: &mut VnetHeader, packet: &mut [u8]) {
    if packet.len() < 60 {
        return;
    }
    header.flags &= 3;
    repair(packet);
    let Ok(ip) = Customer::decode(packet) else {
        return;
    };
    header.csum_start = ip.upper as u16;
    header.csum_offset = if ip.protocol == protocol::TCP { 16 } else { 6 };
    if ip.protocol == protocol::UDP && packet.len() >= ip.upper + 8 {
        let length = (packet.len() - ip.upper) as u16;
        packet[ip.upper + 4..ip.upper + 6].copy_from_slice(&length.to_be_bytes());
    }
}

/// Writes the lengths of an IP header, and the IPv4 header checksum.
fn repair(packet: &mut [u8]) {
    let length = packet.len();
    match packet[0] >> 4 {
        4 => {
            let header = usize::from(packet[0] & 15) * 4;
            packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            packet[10..12].fill(0);
            let checksum = Sum::default().bytes(&packet[..header]).finish();
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        _ => packet[4..6].copy_from_slice(&(length as u16).wrapping_sub(40).to_be_bytes()),
    }
}

/// The packets of a super-packet have its payload, each once and in order, and right lengths.
fn is_cut(segments: &Segments, packet: &[u8]) {
    let mut payload: Vec<u8> = Vec::new();
    let mut out = vec![0xa5; packet.len()];
    for index in 0..segments.count() {
        let length = segments.write(index, packet, &mut out);
        assert_eq!(length, segments.length(index));
        let ip = Customer::decode(&out[..length]).expect("a piece is a packet");
        assert!(ip.length == length && !ip.fragment);
        payload.extend(&out[segments.headers()..length]);
    }
    assert_eq!(payload, &packet[segments.headers()..]);
}

/// A batch of packets of a few flows, each with some bytes of its headers changed.
pub fn coalesce(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let mut next = move || bytes.next();
    let limit = usize::from(next().unwrap_or(9));
    let mut packets = Vec::new();
    let mut sent = [0u8; 8];
    while let (Some(flow), Some(size), Some(change)) = (next(), next(), next()) {
        let flow = usize::from(flow % 8);
        let mut packet = plain(flow, sent[flow], usize::from(size % 4) * 5 + 5);
        for _ in 0..change % 4 {
            let (at, value) = (next().unwrap_or(0), next().unwrap_or(0));
            let at = usize::from(at) % packet.len().min(96);
            packet[at] = value;
        }
        if change & 4 == 0 {
            complete(&mut packet);
        }
        sent[flow] = sent[flow].wrapping_add(1);
        packets.push(packet);
    }
    round_trip(&packets, limit);
}

/// Packet `number` of one of eight flows: by bits IPv6, UDP, and another port.
fn plain(flow: usize, number: u8, size: usize) -> Vec<u8> {
    let (v6, udp, port) = (flow & 1 != 0, flow & 2 != 0, (flow & 4) as u8);
    let next = if udp { protocol::UDP } else { protocol::TCP };
    let mut packet = vec![0; if v6 { 40 } else { 20 }];
    if v6 {
        packet[0] = 0x60;
        packet[6..8].copy_from_slice(&[next, 64]);
    } else {
        packet[0] = 0x45;
        packet[5..10].copy_from_slice(&[number, 0x40, 0, 64, next]);
    }
    packet.extend([0, port, 1, 2]);
    if udp {
        packet.extend(((size + 8) as u16).to_be_bytes());
        packet.extend([0, 0]);
    } else {
        // A flow whose packets are all as long as its first has consecutive sequence numbers.
        let sequence = u32::from(number) * size as u32;
        packet.extend(sequence.wrapping_sub(64).to_be_bytes());
        packet.extend([0, 0, 0, 7, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    }
    packet.extend((0..size).map(|at| number ^ at as u8));
    packet
}

/// Writes lengths and checksums where the headers let us find them.
fn complete(packet: &mut [u8]) {
    repair_if_whole(packet);
    let Ok(ip) = Customer::decode(packet) else {
        return;
    };
    let at = match ip.protocol {
        protocol::TCP => ip.upper + 16,
        protocol::UDP => ip.upper + 6,
        _ => return,
    };
    if packet.len() < at + 2 {
        return;
    }
    packet[at..at + 2].fill(0);
    let addresses = if ip.is_v4() { 12..20 } else { 8..40 };
    let sum = Sum::default()
        .bytes(&packet[addresses])
        .word(u16::from(ip.protocol))
        .word((packet.len() - ip.upper) as u16)
        .bytes(&packet[ip.upper..])
        .finish();
    let is_udp_zero = sum == 0 && ip.protocol == protocol::UDP;
    let sum = if is_udp_zero { 0xffff } else { sum };
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn repair_if_whole(packet: &mut [u8]) {
    let header = usize::from(packet[0] & 15) * 4;
    if packet[0] >> 4 != 4 || (20..=packet.len()).contains(&header) {
        repair(packet);
    }
}

/// Coalesces a batch and cuts it again: every packet is there once, byte for byte, and behind those
/// of its flow that came before it. Returns which packets went together.
pub fn round_trip(packets: &[Vec<u8>], limit: usize) -> Vec<Vec<u32>> {
    let mut coalescer = Coalescer::with_capacity(packets.len()).with_limit(limit);
    for (id, packet) in packets.iter().enumerate() {
        assert!(coalescer.offer(id as u32, packet));
    }
    assert!(!coalescer.offer(0, &[]), "no room for one more");
    let groups: Vec<Vec<u32>> = coalescer
        .groups()
        .map(|group| {
            let ids: Vec<u32> = group.ids().collect();
            assert_eq!((group.count(), group.first()), (ids.len(), ids[0]));
            let mut whole = packets[ids[0] as usize].clone();
            let header = group.finish(&mut whole);
            for id in &ids[1..] {
                whole.extend(&packets[*id as usize][group.headers()..]);
            }
            assert_eq!(whole.len(), group.length());
            comes_apart(header, &mut whole, &ids, packets);
            ids
        })
        .collect();
    assert!(groups.iter().is_sorted_by_key(|ids| ids[0]));
    keeps_order(&groups.concat(), packets);
    coalescer.clear();
    assert_eq!(coalescer.groups().len(), 0);
    groups
}

fn comes_apart(header: VnetHeader, whole: &mut [u8], ids: &[u32], packets: &[Vec<u8>]) {
    if ids.len() == 1 {
        assert_eq!(header, VnetHeader::NONE);
        assert_eq!(whole, packets[ids[0] as usize]);
        return;
    }
    assert!(whole.len() <= 65_535);
    let Ok(Opened::Super(segments)) = open(header, whole) else {
        panic!("{header:?} is refused");
    };
    assert_eq!(segments.count(), ids.len());
    assert_eq!(usize::from(header.hdr_len), segments.headers());
    for (index, id) in ids.iter().enumerate() {
        let mut out = vec![0xa5; segments.length(index)];
        segments.write(index, whole, &mut out);
        assert_eq!(&out, &packets[*id as usize], "packet {id}");
    }
}

fn keeps_order(order: &[u32], packets: &[Vec<u8>]) {
    let mut seen = order.to_vec();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..packets.len() as u32), "each once");
    let flows: Vec<_> = packets.iter().map(|packet| flow(packet)).collect();
    for (at, later) in order.iter().enumerate() {
        for earlier in &order[..at] {
            let (Some(one), Some(other)) = (flows[*earlier as usize], flows[*later as usize])
            else {
                continue;
            };
            let same = one.0 == other.0 && (one.1.is_none() || other.1.is_none() || one == other);
            assert!(!same || earlier < later, "{later} in front of {earlier}");
        }
    }
}

type Hosts = (std::net::IpAddr, std::net::IpAddr);

/// Addresses, and protocol and ports where they are known.
fn flow(packet: &[u8]) -> Option<(Hosts, Option<(u8, Ports)>)> {
    let ip = Customer::decode(packet).ok()?;
    let hosts = (ip.source, ip.destination);
    let has_ports = matches!(ip.protocol, protocol::TCP | protocol::UDP);
    if ip.fragment {
        return Some((hosts, None));
    }
    has_ports.then(|| (hosts, ip.ports.map(|ports| (ip.protocol, ports))))
}
