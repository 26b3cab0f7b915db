//! Bodies of the fuzz targets (`native/fuzz`), here so that `cargo test` runs them too.
//!
//! Each takes any bytes, and panics when something that must hold does not.
#![doc(hidden)]

pub(crate) mod tables;

use std::time::Duration;

use labelway_boundary::Liveness;
use labelway_wire::checksum::Sum;
use labelway_wire::stamp::{ReflectorPacket, SenderPacket, Tlv, Tlvs};
use labelway_wire::{Customer, Ipv4, Ipv6, LabelStackEntry, Tcp, Udp, port, protocol};
use tables::Reader;

use crate::{
    Context, DropReason, Fib, FlowCache, HEADROOM, Live, LocalDatagram, MAX_STACK_DEPTH, Outcome,
    Packet, TokenBucket, encapsulate_local, ingress, switch,
};

/// Every decoder reads or refuses.
pub fn decoders(bytes: &[u8]) {
    if let Ok(customer) = Customer::decode(bytes) {
        assert!(customer.upper <= customer.length && customer.length <= bytes.len());
    }
    if let Ok(ip) = Ipv4::decode(bytes) {
        assert_eq!(ip.header().len() + ip.payload().len(), ip.total_len());
        let _ = Udp::decode(&ip).map(|udp| udp.payload().len());
    }
    let _ = Ipv4::decode_quoted(bytes).map(|ip| (ip.source(), ip.is_fragment()));
    let _ = Ipv6::decode(bytes).map(|ip| ip.upper_layer());
    let _ = Ipv6::decode_quoted(bytes).map(|ip| ip.upper_layer());
    if let Some(mss) = Tcp::decode(bytes).ok().and_then(|tcp| tcp.mss()) {
        let mut segment = bytes.to_vec();
        Tcp::set_mss(&mut segment, mss, 536);
        let after = Tcp::decode(&segment).ok().and_then(|tcp| tcp.mss());
        assert_eq!(after.map(|mss| mss.value), Some(536));
    }
    if let Ok(entry) = LabelStackEntry::decode(bytes) {
        assert_eq!(entry.encode(), bytes[..4]);
    }
    let _ = SenderPacket::decode(bytes).map(|(_, tlvs)| read(tlvs));
    let _ = ReflectorPacket::decode(bytes).map(|(_, tlvs)| read(tlvs));
}

fn read(tlvs: Tlvs<'_>) {
    for tlv in tlvs {
        if let Ok(Tlv::ReturnPath(path)) = tlv {
            assert!(path.labels().all(|label| label < 1 << 20));
        }
    }
}

/// A table of any values compiles or is refused with reasons.
pub fn compile(bytes: &[u8]) {
    let table = Reader::new(bytes).wild_table();
    if let Err(errors) = Fib::compile(&table) {
        assert!(!errors.is_empty() && errors.iter().all(|error| error.contains(": ")));
    }
}

/// Any bytes from a TUN, under any table.
pub fn from_tun(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Some((fib, live)) = forwarding(&mut reader) else {
        return;
    };
    let segment = usize::from(reader.byte() % 3);
    let customer = reader.customer();
    let mut buffer = vec![0xa5; HEADROOM + customer.len() + 16];
    buffer[HEADROOM..HEADROOM + customer.len()].copy_from_slice(&customer);
    let mut packet = Packet::new(&mut buffer, customer.len());
    let mut icmp = TokenBucket::default();
    let now = Duration::ZERO;
    let mut context = Context {
        fib: &fib,
        live: &live,
        icmp: &mut icmp,
        now,
        count: &mut (),
    };
    match ingress(
        &mut context,
        &mut FlowCache::with_capacity(4),
        segment,
        &mut packet,
    ) {
        Outcome::Send { adjacency } => is_labelled(&fib, adjacency, packet.bytes()),
        Outcome::Fragments(mut fragments) => {
            let mut payload = 0;
            let total = usize::from(u16::from_be_bytes([customer[2], customer[3]]));
            let header = usize::from(customer[0] & 15) * 4;
            while fragments.next(&mut packet) {
                is_labelled(&fib, fragments.adjacency(), packet.bytes());
                let piece = below_stack(packet.bytes());
                let piece = Ipv4::decode(piece).expect("a piece is a packet");
                payload += piece.payload().len();
            }
            assert_eq!(payload, total - header, "every byte is in one piece");
        }
        Outcome::ToTun { segment: to } => {
            assert_eq!(to, segment);
            is_icmp_error(packet.bytes());
        }
        Outcome::Drop(reason) => assert_ne!(reason, DropReason::NoHeadroom),
        other => panic!("{other:?}"),
    }
}

/// Any bytes from a neighbour, under any table.
pub fn from_neighbour(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Some((fib, live)) = forwarding(&mut reader) else {
        return;
    };
    let from = usize::from(reader.byte()) % (fib.adjacencies.len() + 1);
    let inner = match fib.adjacencies.get(from) {
        Some(adjacency) => reader.inner(adjacency.destination, adjacency.source),
        None => reader.rest().to_vec(),
    };
    let mut buffer = vec![0xa5; HEADROOM + inner.len() + 16];
    buffer[HEADROOM..HEADROOM + inner.len()].copy_from_slice(&inner);
    let mut packet = Packet::new(&mut buffer, inner.len());
    let mut icmp = TokenBucket::default();
    let now = Duration::ZERO;
    let mut context = Context {
        fib: &fib,
        live: &live,
        icmp: &mut icmp,
        now,
        count: &mut (),
    };
    match switch(&mut context, from, &mut packet) {
        Outcome::Send { adjacency } => is_labelled(&fib, adjacency, packet.bytes()),
        Outcome::Deliver { segment } => {
            let customer = Customer::decode(packet.bytes()).expect("a packet is delivered");
            assert!(fib.segments[segment].is_local(customer.destination));
            assert!(customer.ttl > 0 && customer.length == packet.len());
        }
        Outcome::Local { .. } => {
            let ip = Ipv4::decode(packet.bytes()).expect("IPv4 for this router");
            assert!(fib.is_own(ip.destination().into()) && ip.total_len() == packet.len());
            Udp::decode(&ip).expect("UDP for this router");
        }
        Outcome::Drop(reason) => assert_ne!(reason, DropReason::NoHeadroom),
        other => panic!("{other:?}"),
    }
}

/// A datagram of this router under any stack that a neighbour may ask for.
pub fn local(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Some((fib, _)) = forwarding(&mut reader) else {
        return;
    };
    let adjacency = usize::from(reader.byte() % 5);
    let labels: Vec<u32> = (0..reader.byte() % 11)
        .map(|_| reader.wild_label())
        .collect();
    let datagram = LocalDatagram {
        source: [10, 255, 0, 1].into(),
        destination: [10, 255, 0, 2].into(),
        source_port: reader.word(),
        destination_port: port::STAMP,
        class: 0,
        whole: false,
    };
    let payload = reader.rest();
    let mut buffer = vec![0xa5; HEADROOM];
    buffer.extend(payload);
    let mut packet = Packet::new(&mut buffer, payload.len());
    if encapsulate_local(&fib, adjacency, &labels, &datagram, &mut packet).is_err() {
        return;
    }
    if labels.is_empty() {
        let ip = Ipv4::decode(packet.bytes()).expect("IPv4");
        assert_eq!(Udp::decode(&ip).expect("UDP").payload(), payload);
    } else {
        is_labelled(&fib, adjacency, packet.bytes());
        let ip = Ipv4::decode(below_stack(packet.bytes())).expect("IPv4 below");
        assert_eq!(Udp::decode(&ip).expect("UDP below").payload(), payload);
    }
}

fn forwarding(reader: &mut Reader<'_>) -> Option<(Fib, Live)> {
    let table = reader.table();
    let fib = Fib::compile(&table).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let live = Live::next(None, &table);
    let state = |byte: u8| {
        if byte.is_multiple_of(5) {
            Liveness::Down
        } else {
            Liveness::Up
        }
    };
    (0..table.adjacencies.len()).for_each(|index| live.set_adjacency(index, state(reader.byte())));
    (0..table.lists.len()).for_each(|index| live.set_list(index, state(reader.byte())));
    Some((fib, live))
}

/// What leaves is whole: the right addresses, a valid header, a stack with a bottom, and no larger
/// than the adjacency carries.
fn is_labelled(fib: &Fib, adjacency: usize, bytes: &[u8]) {
    let out = &fib.adjacencies[adjacency];
    let ip = Ipv4::decode(bytes).expect("an IPv4 header");
    assert_eq!(
        (ip.source(), ip.destination()),
        (out.source, out.destination)
    );
    assert!(ip.dont_fragment() && ip.total_len() == bytes.len());
    let udp = Udp::decode(&ip).expect("a UDP header");
    assert_eq!(udp.destination_port(), port::MPLS_IN_UDP);
    assert!(udp.payload().len() <= out.out.mtu);
    assert!(below_stack(bytes).len() < bytes.len());
}

fn below_stack(inner: &[u8]) -> &[u8] {
    let mut at = 28;
    for _ in 0..MAX_STACK_DEPTH + 8 {
        let entry = LabelStackEntry::decode(&inner[at..]).expect("a stack with a bottom");
        assert_ne!(entry.label().value(), 3);
        at += 4;
        if entry.is_bottom() {
            return &inner[at..];
        }
    }
    panic!("a stack too deep leaves")
}

fn is_icmp_error(bytes: &[u8]) {
    let customer = Customer::decode(bytes).expect("an ICMP error is a packet");
    let message = &bytes[customer.upper..];
    if customer.is_v4() {
        assert!(bytes.len() <= 576 && customer.protocol == protocol::ICMP);
        assert!(Sum::default().bytes(message).is_valid());
    } else {
        assert!(bytes.len() <= 1280 && customer.protocol == protocol::ICMPV6);
    }
}
