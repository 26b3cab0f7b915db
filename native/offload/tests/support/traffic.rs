//! Batches of packets of random flows, most as they should be.

use proptest::prelude::*;

use super::*;

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
