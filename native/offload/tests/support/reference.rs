//! Slow references: what comes of super-packets by building every packet anew.

use super::*;

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
