//! The packets under `test/packets`: what leaves this router, byte for byte. An independent decoder
//! (tshark) reads the same file in `test/packets/packets.test.ts`.
//!
//! `UPDATE=1 cargo test -p labelway-forward --test golden` writes the file anew.

#[path = "../../../test/packets/recorded.rs"]
mod recorded;
mod support;

use labelway_boundary::{Liveness, TtlModel};
use labelway_forward::{FlowCache, LocalDatagram, Outcome, encapsulate_local, ingress, switch};
use labelway_wire::stamp;
use support::*;

const HERE: [u8; 4] = [10, 1, 0, 5];
const THERE: [u8; 4] = [10, 2, 0, 5];

fn from_lan(router: &mut Router, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer = buffer(bytes);
    let mut packet = packet(&mut buffer, bytes.len());
    match ingress(
        &mut router.context(),
        &mut FlowCache::with_capacity(4),
        0,
        &mut packet,
    ) {
        Outcome::Fragments(mut fragments) => {
            let mut pieces = vec![];
            while fragments.next(&mut packet) {
                pieces.push(packet.bytes().to_vec());
            }
            pieces
        }
        Outcome::Send { .. } | Outcome::ToTun { .. } => vec![packet.bytes().to_vec()],
        other => panic!("{other:?}"),
    }
}

fn from_peer(
    router: &mut Router,
    from: usize,
    entries: &[(u32, u8, bool, u8)],
    below: &[u8],
) -> Vec<u8> {
    let payload = [&stack(entries)[..], below].concat();
    let inner = from_neighbour(&router.table, from, &payload);
    let mut buffer = buffer(&inner);
    let mut packet = packet(&mut buffer, inner.len());
    match switch(&mut router.context(), from, &mut packet) {
        Outcome::Send { .. } | Outcome::Deliver { .. } => packet.bytes().to_vec(),
        other => panic!("{other:?}"),
    }
}

fn probe(router: &Router, labels: &[u32], payload: &[u8]) -> Vec<u8> {
    let datagram = LocalDatagram {
        source: [10, 255, 0, 1].into(),
        destination: [10, 255, 0, 3].into(),
        source_port: 50001,
        destination_port: 862,
        class: 0,
        whole: false,
    };
    let mut buffer = buffer(payload);
    let mut packet = packet(&mut buffer, payload.len());
    encapsulate_local(&router.fib, 0, labels, &datagram, &mut packet).unwrap();
    packet.bytes().to_vec()
}

fn stamp_payload() -> Vec<u8> {
    let packet = stamp::SenderPacket {
        sequence: 7,
        timestamp: stamp::Timestamp(0xe000_0000_8000_0000),
        error_estimate: stamp::UNSYNCHRONIZED,
        session: 42,
    };
    let mut bytes = packet.encode().to_vec();
    bytes.resize(200, 0);
    let mut end = stamp::STAMP_BYTES;
    end += stamp::encode_return_path(&[16002, 16001], &mut bytes[end..]).unwrap();
    end += stamp::encode_generation([1, 2, 3, 4, 5, 6, 7, 8], &mut bytes[end..]).unwrap();
    bytes.truncate(end);
    bytes
}

fn with_udp_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    use labelway_wire::checksum::Sum;
    let length = (packet.len() - 20) as u16;
    let mut addresses = Sum::default().bytes(&packet[12..20]).word(17).word(length);
    addresses = addresses.bytes(&packet[20..]);
    packet[26..28].copy_from_slice(&addresses.finish().to_be_bytes());
    packet
}

fn packets() -> Vec<(String, Vec<u8>)> {
    let mut pipe = Router::new(table(TtlModel::Pipe));
    let mut uniform = Router::new(table(TtlModel::Uniform));
    uniform.live.set_list(1, Liveness::Down);
    let data = with_udp_checksum(v4(HERE, THERE, 17, 64, &udp(4000, 5000, b"customer data")));
    let voice = patched(data.clone(), &[(1, 46 << 2)]);
    let back = with_udp_checksum(v4(THERE, HERE, 17, 60, &udp(5000, 4000, b"answer")));
    let data6 = v6("2001:db8:1::5", "2001:db8:2::5", 59, 64, b"");
    let big = v4(HERE, THERE, 17, 64, &udp(1, 2, &[0; 1500]));
    let big6 = v6("2001:db8:1::5", "2001:db8:2::5", 17, 64, &[0; 1400]);
    let mut packets: Vec<(String, Vec<u8>)> = vec![];
    let mut add = |name: &str, bytes: Vec<u8>| packets.push((name.to_owned(), bytes));
    add("direct", from_lan(&mut pipe, &data).remove(0));
    add("direct-ipv6", from_lan(&mut pipe, &data6).remove(0));
    add(
        "two-labels-voice-uniform",
        from_lan(&mut uniform, &voice).remove(0),
    );
    add(
        "transit-swap",
        from_peer(
            &mut pipe,
            1,
            &[(16004, 5, false, 200), (28001, 5, true, 255)],
            &back,
        ),
    );
    add(
        "transit-pop",
        from_peer(
            &mut pipe,
            2,
            &[(16002, 0, false, 200), (28001, 0, true, 255)],
            &back,
        ),
    );
    add(
        "transit-pop-uniform",
        from_peer(
            &mut uniform,
            2,
            &[(16002, 0, false, 40), (28001, 0, true, 63)],
            &back,
        ),
    );
    add(
        "transit-explicit-null",
        from_peer(
            &mut pipe,
            0,
            &[(16003, 0, false, 9), (28001, 0, true, 255)],
            &back,
        ),
    );
    add(
        "transit-repair",
        from_peer(
            &mut pipe,
            0,
            &[(100_002, 0, false, 9), (28001, 0, true, 255)],
            &back,
        ),
    );
    add(
        "delivered",
        from_peer(&mut pipe, 0, &[(28001, 0, true, 255)], &back),
    );
    add("fragmentation-needed", from_lan(&mut pipe, &big).remove(0));
    add("packet-too-big", from_lan(&mut pipe, &big6).remove(0));
    add(
        "time-exceeded",
        from_lan(&mut pipe, &v4(HERE, THERE, 17, 1, &udp(1, 2, b"x"))).remove(0),
    );
    for (index, piece) in from_lan(&mut pipe, &patched(big, &[(6, 0)]))
        .into_iter()
        .enumerate()
    {
        add(&format!("fragment-{index}"), piece);
    }
    add("probe-of-an-adjacency", probe(&pipe, &[], &stamp_payload()));
    add(
        "probe-of-a-list",
        probe(&pipe, &[16003, 16005], &stamp_payload()),
    );
    packets
}

#[test]
fn packets_are_as_they_were_recorded() {
    recorded::hold("packets", &packets());
}
