//! Super-packets from the kernel are cut into the packets that a slow reference cuts.

mod support;

use labelway_offload::{Malformed, Opened, Segments, VNET_HEADER, VnetHeader, open};
use proptest::prelude::*;
use support::*;

/// The header that the kernel puts in front of a super-packet, and the pseudo-header's sum in the
/// checksum field.
fn from_kernel(packet: &mut [u8], size: usize) -> VnetHeader {
    let (v6, upper, protocol) = layout(packet);
    let at = if protocol == TCP { 16 } else { 6 };
    let mut pseudo = packet[if v6 { 8..40 } else { 12..20 }].to_vec();
    pseudo.extend([0, protocol]);
    pseudo.extend(((packet.len() - upper) as u16).to_be_bytes());
    packet[upper + at..upper + at + 2].copy_from_slice(&slow_sum(&pseudo).to_be_bytes());
    VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: match (protocol, v6) {
            (UDP, _) => VnetHeader::GSO_UDP_L4,
            (_, true) => VnetHeader::GSO_TCPV6,
            (_, false) => VnetHeader::GSO_TCPV4,
        },
        // A hint that counts payload, as the kernel's often does.
        hdr_len: packet.len().min(256) as u16,
        gso_size: size as u16,
        csum_start: upper as u16,
        csum_offset: at as u16,
    }
}

fn opened(header: VnetHeader, packet: &mut [u8]) -> Segments {
    match open(header, packet) {
        Ok(Opened::Super(segments)) => segments,
        other => panic!("{other:?}"),
    }
}

fn all(segments: &Segments, packet: &[u8]) -> Vec<Vec<u8>> {
    (0..segments.count())
        .map(|index| {
            let mut out = vec![0xa5; segments.length(index) + 3];
            let length = segments.write(index, packet, &mut out);
            assert_eq!(out.split_off(length), [0xa5; 3], "not a byte more");
            out
        })
        .collect()
}

fn whole() -> impl Strategy<Value = Spec> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let fields = (
        any::<u32>(),
        any::<u16>(),
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
    );
    let payload = prop::collection::vec(any::<u8>(), 1..3000);
    (flow(), flags, fields, payload).prop_map(|((mut spec, _), flags, fields, payload)| {
        let (cwr, ece, fin, push) = flags;
        spec.flags |= [(cwr, CWR), (ece, ECE), (fin, FIN), (push, PSH)]
            .iter()
            .filter(|(set, _)| *set)
            .fold(0, |flags, (_, flag)| flags | flag);
        (spec.sequence, spec.identification, spec.tos, spec.ttl) =
            (fields.0, fields.1, fields.2, fields.3);
        spec.fragment = if fields.4 { 0x4000 } else { 0 };
        spec.payload = payload;
        spec
    })
}

proptest! {
    #[test]
    fn packets_are_those_of_the_reference(
        spec in whole(),
        size in 1usize..1600,
        ttl: u8,
        verified: bool,
    ) {
        let right = spec.encode();
        let mut packet = right.clone();
        let mut header = from_kernel(&mut packet, size);
        if verified {
            // Of a received super-packet that is passed on: its checksum is whole.
            packet = right.clone();
            header.flags = VnetHeader::DATA_VALID;
        }
        if spec.protocol == TCP && spec.flags & CWR != 0 {
            header.gso_type |= VnetHeader::GSO_ECN;
        }
        let segments = opened(header, &mut packet);
        prop_assert_eq!(segments.headers(), headers(&right));
        let cut = all(&segments, &packet);
        prop_assert!(cut.iter().all(|packet| is_right(packet)));
        prop_assert_eq!(&cut, &slow_segments(&right, size));

        let mut other = right.clone();
        other[if spec.v6 { 7 } else { 8 }] = ttl;
        segments.set_ttl(&mut packet, ttl);
        prop_assert_eq!(all(&segments, &packet), slow_segments(&other, size));
    }

    #[test]
    fn single_packets_get_their_checksum(spec in whole()) {
        let right = spec.encode();
        let mut packet = right.clone();
        let header = VnetHeader { gso_type: 0, gso_size: 0, ..from_kernel(&mut packet, 1) };
        prop_assert_eq!(open(header, &mut packet), Ok(Opened::Single));
        prop_assert_eq!(&packet, &right);
        prop_assert_eq!(open(VnetHeader::NONE, &mut packet), Ok(Opened::Single));
        prop_assert_eq!(&packet, &right);
    }

    #[test]
    fn headers_are_read_as_they_are_written(bytes: [u8; VNET_HEADER]) {
        prop_assert_eq!(VnetHeader::decode(&bytes).unwrap().encode(), bytes);
        prop_assert_eq!(VnetHeader::decode(&bytes[1..]), Err(Malformed::Truncated));
    }
}

/// linux/virtio_net.h, on this machine.
#[test]
fn the_header_has_the_kernels_layout() {
    let header = VnetHeader {
        flags: 1,
        gso_type: 5,
        hdr_len: 0x0102,
        gso_size: 0x0304,
        csum_start: 0x0506,
        csum_offset: 0x0708,
    };
    let little = [1, 5, 2, 1, 4, 3, 6, 5, 8, 7];
    let big = [1, 5, 1, 2, 3, 4, 5, 6, 7, 8];
    let here = if cfg!(target_endian = "little") {
        little
    } else {
        big
    };
    assert_eq!(header.encode(), here);
    assert_eq!(VnetHeader::NONE.encode(), [0; 10]);
}

/// A payload for which the computed UDP checksum is zero.
#[test]
fn a_computed_zero_is_sent_as_all_ones() {
    let mut spec = Spec::new(false, UDP, vec![0; 40]);
    let piece = Spec {
        payload: vec![0; 20],
        ..spec.clone()
    }
    .encode();
    let upper = layout(&piece).1;
    spec.payload[..2].copy_from_slice(&piece[upper + 6..upper + 8]);
    let mut packet = spec.encode();
    let header = from_kernel(&mut packet, 20);
    let first = &all(&opened(header, &mut packet), &packet)[0];
    assert_eq!(first[upper + 6..upper + 8], [0xff; 2]);

    let mut single = first.clone();
    let header = VnetHeader {
        gso_type: 0,
        ..from_kernel(&mut single, 0)
    };
    open(header, &mut single).unwrap();
    assert_eq!(&single, first);
}

/// What is wrong with a header or its packet is told, and the packet stays as it was.
#[test]
fn strange_headers_are_refused() {
    let refused = |change: &dyn Fn(&mut VnetHeader, &mut Vec<u8>)| {
        let mut packet = Spec::new(false, TCP, vec![7; 100]).encode();
        let mut header = from_kernel(&mut packet, 30);
        opened(header, &mut packet);
        change(&mut header, &mut packet);
        let before = packet.clone();
        let error = open(header, &mut packet).expect_err("is refused");
        assert_eq!(before, packet);
        error
    };
    use Malformed::*;
    assert_eq!(refused(&|header, _| header.gso_size = 0), Length);
    assert_eq!(refused(&|header, _| header.gso_type = 3), Value, "UFO");
    assert_eq!(refused(&|header, _| header.gso_type = 4), Value, "IPv6");
    assert_eq!(refused(&|header, _| header.gso_type = 5), Value, "UDP");
    assert_eq!(refused(&|header, _| header.gso_type = 0x85), Value, "ECN");
    assert_eq!(
        refused(&|header, _| header.gso_type = 0x80),
        Value,
        "ECN alone"
    );
    assert_eq!(
        refused(&|header, _| header.gso_type = 0x21),
        Value,
        "tunnel"
    );
    assert_eq!(refused(&|header, _| header.flags = 0), Checksum);
    assert_eq!(refused(&|header, _| header.flags = 4), Value, "RSC");
    assert_eq!(refused(&|header, _| header.csum_start = 24), Value);
    assert_eq!(refused(&|header, _| header.csum_offset = 6), Value);
    assert_eq!(refused(&|_, packet| packet.truncate(139)), Truncated);
    assert_eq!(refused(&|_, packet| packet.push(0)), Length);
    assert_eq!(refused(&|_, packet| packet.truncate(0)), Truncated);
    assert_eq!(refused(&|_, packet| packet[0] = 0x15), Version);
    assert_eq!(refused(&|_, packet| packet[10] ^= 1), Checksum, "IPv4");
    assert_eq!(refused(&|_, packet| packet[33] = ACK | SYN), Value);
    assert_eq!(refused(&|_, packet| packet[33] = RST), Value);
    assert_eq!(refused(&|_, packet| packet[32] = 0x40), Length);
    let no_payload = |packet: &mut Vec<u8>| {
        packet.truncate(40);
        complete(packet);
    };
    assert_eq!(refused(&|_, packet| no_payload(packet)), Length);
    assert_eq!(
        refused(&|_, packet| {
            packet[6] = 0x20;
            complete(packet);
        }),
        Value,
        "a fragment"
    );
    let single = |header: &mut VnetHeader| header.gso_type = 0;
    assert_eq!(
        refused(&|header, _| {
            single(header);
            header.csum_start = 65_535;
            header.csum_offset = 65_534
        }),
        Truncated
    );
    assert_eq!(
        refused(&|header, _| {
            single(header);
            header.csum_start = 123
        }),
        Truncated
    );
    assert_eq!(
        refused(&|header, _| {
            single(header);
            header.csum_start = 19
        }),
        Value
    );
    assert_eq!(
        refused(&|header, _| {
            single(header);
            header.csum_offset = 15
        }),
        Value
    );

    let mut packet = Spec::new(true, UDP, vec![7; 100]).encode();
    let header = from_kernel(&mut packet, 30);
    packet[45] += 1;
    assert_eq!(open(header, &mut packet), Err(Length), "UDP length");
}

#[test]
fn the_largest_is_cut() {
    let mut spec = Spec::new(false, UDP, vec![9; 65_507]);
    for (spec, size) in [(spec.clone(), 1), (spec.clone(), 65_535), {
        spec.v6 = true;
        (spec, 1400)
    }] {
        let right = spec.encode();
        let mut packet = right.clone();
        let header = from_kernel(&mut packet, size);
        let segments = opened(header, &mut packet);
        assert_eq!(segments.count(), spec.payload.len().div_ceil(size));
        if size > 1 {
            assert_eq!(all(&segments, &packet), slow_segments(&right, size));
        } else {
            let mut out = [0; 29];
            assert_eq!(segments.write(65_506, &packet, &mut out), 29);
            assert!(is_right(&out));
        }
    }
}
