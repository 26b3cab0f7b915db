//! Packets are encrypted and decrypted where they are.

mod common;

use std::ops::Range;

use common::*;
use labelway_wireguard::*;

#[test]
fn data_is_padded_and_counted_as_wireguard_does() {
    let pair = Pair::connected();
    let before: u64 = pair.a.get("tx_bytes")[0].parse().unwrap();
    // Handshake 148 + the first packet: 25 bytes, padded to 32.
    assert_eq!(before, 148 + 32 + 32);
    assert_eq!(pair.a.get("rx_bytes"), ["92"]);
    assert_eq!(pair.b.get("rx_bytes"), [before.to_string()]);
    let packet = ipv4(pair.a.inner, pair.b.inner, &[3; 13]); // 33 bytes
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert_eq!(wire[0].1.len(), 48 + 32);
    assert_eq!(pair.settle(wire, vec![]).1, vec![packet.clone()]);
    // No padding beyond the MTU.
    let peers = pair.a.device.peers();
    let peer = peers.by_key(&pair.b.key()).unwrap();
    for (room, padded) in [(0, 33), (33, 33), (36, 36), (48, 48), (1000, 48)] {
        let (to, sealed) = seal(peer, pair.clock, &packet, room).unwrap();
        assert_eq!(sealed.len(), padded + DATA_OVERHEAD, "{room}");
        let wire = vec![(to, sealed)];
        assert_eq!(pair.settle(wire, vec![]).1, vec![packet.clone()], "{room}");
    }
    // A packet that waited is padded like the others.
    let pair = Pair::new();
    let peers = pair.a.device.peers();
    let peer = peers.by_key(&pair.b.key()).unwrap();
    let mut out = [0; 200];
    let Sent::Datagram(sent) = peer.wait(pair.clock.0, &packet, 36, &mut out) else {
        panic!("no initiation")
    };
    let wire = pair.b.receive(pair.clock, pair.a.address, &out[..sent.len]);
    let response = &wire.unwrap().1[0].1;
    let wire = pair
        .a
        .receive(pair.clock, pair.b.address, response)
        .unwrap()
        .1;
    assert_eq!(wire[0].1.len(), 36 + DATA_OVERHEAD);
    assert_eq!(pair.settle(wire, vec![]).1, vec![packet]);
}

#[test]
fn a_packet_stays_where_it_is_in_its_buffer() {
    let pair = Pair::connected();
    let packet = ipv4(pair.a.inner, pair.b.inner, &[3; 13]); // 33 bytes
    let peers = pair.a.device.peers();
    let peer = peers.by_key(&pair.b.key()).unwrap();
    let mut buffer = [0xee; 200];
    let at = 50..50 + packet.len();
    buffer[at.clone()].copy_from_slice(&packet);
    let mut sealer = peer.seal_run(pair.clock.0, 2).unwrap();
    let sealed = sealer.seal(&mut buffer, at.clone(), 1420).unwrap();
    assert_eq!(sealed, 50 - HEADER..50 + 48 + TAG);
    assert!(
        buffer[..sealed.start]
            .iter()
            .chain(&buffer[sealed.end..])
            .all(|b| *b == 0xee)
    );
    let mut datagram = buffer[sealed].to_vec();
    // Too little room is a drop, not a panic, and takes no number.
    let too_little = [
        (0..33, 200),
        (15..48, 200),
        (100..133, 163),
        (190..201, 200),
        (Range { start: 40, end: 30 }, 200),
    ];
    for (range, end) in too_little {
        assert_eq!(
            sealer.seal(&mut buffer[..end], range.clone(), 1420),
            None,
            "{range:?}"
        );
    }
    assert_eq!(pair.a.device.drops(DropReason::BufferTooSmall), 5);
    buffer[at.clone()].copy_from_slice(&packet);
    let second = sealer.seal(&mut buffer, at.clone(), 1420).unwrap();
    assert_eq!(buffer[second][8..16], 2u64.to_le_bytes());
    assert_eq!(
        sealer.seal(&mut buffer, at, 1420),
        None,
        "two numbers were reserved"
    );
    drop(sealer);
    let sent: u64 = pair.a.get("tx_bytes")[0].parse().unwrap();
    assert_eq!(sent, 148 + 64 + 2 * 80);

    let peers = pair.b.device.peers();
    let mut receiver = peers.receiver();
    let received = receiver.receive(pair.clock.0, pair.a.address, &mut datagram, &mut [0; 148]);
    let Received::Packet { packet: range, .. } = received else {
        panic!("{received:?}")
    };
    assert_eq!(datagram[range], packet);
    assert!(receiver.flush(pair.clock.0, &mut [0; 148]).is_none());
    let mut initiation = [0; 148];
    for (first, room, reason) in [
        (0, 148, DropReason::Malformed),
        (1, 148, DropReason::WrongMac),
        (1, 147, DropReason::BufferTooSmall),
    ] {
        initiation[0] = first;
        let mut out = vec![0; room];
        let received = receiver.receive(pair.clock.0, pair.a.address, &mut initiation, &mut out);
        assert!(
            matches!(received, Received::Dropped(got) if got == reason),
            "{received:?}"
        );
    }
    let sent = peer.wait(pair.clock.0, &packet, 1420, &mut [0; 147]);
    assert_eq!(sent, Sent::Dropped(DropReason::BufferTooSmall));
}

#[test]
fn padding_is_cut_by_the_packets_own_length() {
    let pair = Pair::connected();
    let padded = |mut packet: Vec<u8>, zeros: usize| {
        packet.extend(vec![0; zeros]);
        packet
    };
    let v4 = ipv4(pair.a.inner, pair.b.inner, &[3; 13]);
    let mut v6 = vec![0x60, 0, 0, 0, 0, 4, 17, 64];
    v6.extend([0xfd; 16].iter().chain(&[0xfe; 16]));
    v6.extend([1, 2, 3, 4]);
    pair.b.set(&format!(
        "public_key={}\nallowed_ip=fdfd::/16\n",
        hex(pair.a.key().as_bytes())
    ));
    let receive = |packet: &[u8]| {
        let wire = pair.a.send(pair.clock, &pair.b.key(), packet).unwrap();
        let received = pair.b.receive(pair.clock, pair.a.address, &wire[0].1);
        received.map(|(packet, _)| packet.map(|(_, packet)| packet))
    };
    for packet in [v4.clone(), v6.clone()] {
        assert_eq!(receive(&packet), Ok(Some(packet.clone())));
        assert_eq!(receive(&padded(packet.clone(), 100)), Ok(Some(packet)));
    }
    let changed = |packet: &[u8], at: usize, byte: u8| {
        let mut packet = packet.to_vec();
        packet[at] = byte;
        packet
    };
    // Longer than what there is, shorter than its header, of no known version.
    for broken in [
        changed(&v4, 3, 49),
        changed(&v4, 3, 19),
        changed(&v6, 5, 9),
        changed(&v4, 0, 0x55),
        v4[..16].to_vec(),
        v6[..32].to_vec(),
    ] {
        assert_eq!(receive(&broken), Err(DropReason::NotIp), "{broken:?}");
    }
}

#[test]
fn threads_send_at_once_and_everything_arrives_once() {
    const RUNS: usize = 200;
    const RUN: usize = 32;
    let pair = Pair::connected();
    let (senders, receivers) = (pair.a.device.peers(), pair.b.device.peers());
    let peer = senders.by_key(&pair.b.key()).unwrap();
    // Far fewer under way than the replay window holds.
    let (wire, arriving) = std::sync::mpsc::sync_channel(16);
    std::thread::scope(|scope| {
        for thread in 0..2u8 {
            let (wire, pair) = (wire.clone(), &pair);
            scope.spawn(move || {
                for run in 0..RUNS {
                    let mut sealer = peer.seal_run(pair.clock.0, RUN).unwrap();
                    for n in 0..RUN {
                        let name = [thread, run as u8, n as u8];
                        let packet = ipv4(pair.a.inner, pair.b.inner, &name);
                        let at = HEADER..HEADER + packet.len();
                        let mut buffer = [0; HEADER + 32 + TAG];
                        buffer[at.clone()].copy_from_slice(&packet);
                        sealer.seal(&mut buffer, at, 1420).unwrap();
                        wire.send(buffer).unwrap();
                    }
                }
            });
        }
        drop(wire);
        let mut seen = std::collections::HashSet::new();
        let mut receiver = receivers.receiver();
        for mut datagram in arriving {
            let (from, mut out) = (pair.a.address, [0; MIN_OUTPUT]);
            match receiver.receive(pair.clock.0, from, &mut datagram, &mut out) {
                Received::Packet { packet, .. } => assert!(seen.insert(datagram[packet].to_vec())),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen.len(), 2 * RUNS * RUN);
    });
    let sent = pair.a.get("tx_bytes")[0].parse::<usize>().unwrap();
    assert_eq!(sent, 148 + 64 + 2 * RUNS * RUN * 64);
    assert_eq!(pair.b.get("rx_bytes"), [sent.to_string()]);
}
