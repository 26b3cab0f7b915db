//! Customer packets that are larger than their list, and may be fragmented.

mod support;

use labelway_boundary::TtlModel;
use labelway_forward::{FlowCache, Outcome, ingress};
use labelway_wire::Ipv4;
use support::*;

const A: [u8; 4] = [10, 1, 0, 5];
const B: [u8; 4] = [10, 2, 0, 5];

fn below(inner: &[u8]) -> &[u8] {
    let depth = read_stack(&inner[28..]).len();
    &inner[28 + 4 * depth..]
}

/// Collects pieces and puts them together again as a receiver does (RFC 815).
fn reassembled(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = vec![];
    for (index, piece) in pieces.iter().enumerate() {
        let ip = Ipv4::decode(piece).unwrap();
        assert_eq!(ip.fragment_offset(), payload.len());
        assert_eq!(ip.more_fragments(), index + 1 < pieces.len());
        payload.extend(ip.payload());
    }
    payload
}

fn pieces(router: &mut Router, segment: usize, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer = buffer(bytes);
    let mut packet = packet(&mut buffer, bytes.len());
    let outcome = ingress(
        &mut router.context(),
        &mut FlowCache::with_capacity(4),
        segment,
        &mut packet,
    );
    let Outcome::Fragments(mut fragments) = outcome else {
        panic!("{outcome:?}")
    };
    let mut pieces = vec![];
    while fragments.next(&mut packet) {
        let inner = packet.bytes();
        assert_eq!(Ipv4::decode(inner).unwrap().total_len(), inner.len());
        pieces.push(below(inner).to_vec());
    }
    pieces
}

#[test]
fn packets_that_may_be_fragmented_arrive_whole() {
    let mut router = Router::new(table(TtlModel::Pipe));
    for size in [1361, 1380, 2720, 4000, 65_000] {
        let data: Vec<u8> = (0..size).map(|byte| (byte % 251) as u8).collect();
        let customer = patched(v4(A, B, 17, 64, &udp(1, 2, &data)), &[(6, 0)]);
        let got = pieces(&mut router, 0, &customer);
        assert!(
            got.iter()
                .all(|piece| piece.len() <= 1380 && piece[8] == 63)
        );
        assert!(got[..got.len() - 1].iter().all(|piece| piece.len() == 1380));
        assert_eq!(reassembled(&got), customer[20..]);
    }
    assert_eq!(router.count.lists.len(), 5, "a packet is counted once");
}

#[test]
fn a_fragment_is_fragmented_further() {
    let mut router = Router::new(table(TtlModel::Pipe));
    let data: Vec<u8> = (0..2000).map(|byte| (byte % 251) as u8).collect();
    // Offset 800, more to come.
    let fragment = patched(v4(A, B, 17, 64, &data), &[(6, 0x20), (7, 100)]);
    let got = pieces(&mut router, 0, &fragment);
    let views: Vec<_> = got
        .iter()
        .map(|piece| Ipv4::decode(piece).unwrap())
        .collect();
    assert_eq!(views[0].fragment_offset(), 800);
    assert_eq!(views[1].fragment_offset(), 800 + views[0].payload().len());
    assert!(views.iter().all(|view| view.more_fragments()));
}

#[test]
fn only_options_that_are_to_be_copied_are_in_every_piece() {
    let mut router = Router::new(table(TtlModel::Pipe));
    // Record route (7, not copied), a NOP, router alert (148, copied), end.
    let options = [7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0];
    let data: Vec<u8> = (0..3000).map(|byte| (byte % 251) as u8).collect();
    let mut customer = v4(A, B, 17, 64, &[&options[..], &data].concat());
    customer = patched(customer, &[(0, 0x48), (6, 0)]);
    let got = pieces(&mut router, 0, &customer);
    assert_eq!(&got[0][20..32], options);
    for piece in &got[1..] {
        assert_eq!(Ipv4::decode(piece).unwrap().header().len(), 24);
        assert_eq!(piece[20..24], [148, 4, 0, 0]);
    }
    assert_eq!(reassembled(&got), data);
}
