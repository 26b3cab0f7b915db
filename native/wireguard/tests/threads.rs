//! Two threads receive from one peer: it roams, and the kernel hands its datagrams to the other.

mod common;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use labelway_wireguard::*;

const MESSAGES: usize = 24_000;
/// Datagrams a batch: a thread holds on to a session for one.
const BATCH: usize = 64;
/// How far a thread may fall behind what the other has received: less than the replay window.
const BEHIND: usize = 4_000;

fn message(pair: &Pair, number: usize) -> Vec<u8> {
    let packet = ipv4(pair.a.inner, pair.b.inner, &(number as u64).to_le_bytes());
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    wire.into_iter().next().unwrap().1
}

fn number_in(packet: &[u8]) -> usize {
    u64::from_le_bytes(packet[20..28].try_into().unwrap()) as usize
}

/// Receives the datagrams in batches; tells which were accepted, and how many were refused as
/// received before. `due`: how far it may go, now.
fn receive(
    pair: &Pair,
    from: impl Fn(usize) -> SocketAddr,
    datagrams: &[Vec<u8>],
    due: impl Fn() -> usize,
    done: &AtomicUsize,
) -> (Vec<usize>, usize) {
    let (mut accepted, mut replayed) = (vec![], 0);
    let mut out = vec![0; 2000];
    for (batch, messages) in datagrams.chunks(BATCH).enumerate() {
        while due() < batch * BATCH {
            std::thread::yield_now();
        }
        let peers = pair.b.device.peers();
        let mut receiver = peers.receiver();
        for (at, datagram) in messages.iter().enumerate() {
            let at = batch * BATCH + at;
            let mut datagram = datagram.clone();
            match receiver.receive(pair.clock.0, from(at), &mut datagram, &mut out) {
                Received::Packet { packet, .. } => accepted.push(number_in(&datagram[packet])),
                Received::Dropped(DropReason::Replayed) => replayed += 1,
                other => panic!("{other:?}"),
            }
            assert!(receiver.flush(pair.clock.0, &mut out).is_none());
        }
        drop(receiver);
        done.store((batch + 1) * BATCH, Ordering::Release);
    }
    (accepted, replayed)
}

fn addresses() -> [SocketAddr; 2] {
    ["192.0.2.1:1001", "192.0.2.1:2002"].map(|address| address.parse().unwrap())
}

/// The peer's port changes in the middle: from there on the other thread receives. Each thread is
/// also given all that is the other's, as somebody would who repeats what he has seen.
#[test]
fn nothing_is_lost_and_nothing_repeated_when_a_peer_moves_between_two_threads() {
    let pair = Pair::connected();
    let datagrams: Vec<_> = (0..MESSAGES).map(|number| message(&pair, number)).collect();
    let address = |at| addresses()[usize::from(at >= MESSAGES / 2)];
    let done = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let both = std::thread::scope(|scope| {
        let threads = [0, 1].map(|me| {
            let (mine, other) = (&done[me], &done[1 - me]);
            // The first thread begins and the second one ends, so that each accepts something however
            // they are scheduled.
            let due = move || {
                let theirs = other.load(Ordering::Acquire);
                let all = if me == 0 && theirs < MESSAGES {
                    MESSAGES - BATCH - 1
                } else {
                    MESSAGES
                };
                all.min(theirs + BEHIND)
            };
            let (pair, datagrams) = (&pair, &datagrams);
            scope.spawn(move || {
                while me == 1 && other.load(Ordering::Acquire) == 0 {
                    std::thread::yield_now();
                }
                receive(pair, address, datagrams, due, mine)
            })
        });
        threads.map(|thread| thread.join().unwrap())
    });
    let replayed: usize = both.iter().map(|(_, replayed)| replayed).sum();
    assert_eq!(replayed, MESSAGES, "each was received twice");
    for (accepted, _) in &both {
        assert!(!accepted.is_empty());
        assert!(
            accepted.is_sorted(),
            "a thread keeps the order that it was given"
        );
    }
    let mut accepted: Vec<_> = both
        .into_iter()
        .flat_map(|(accepted, _)| accepted)
        .collect();
    accepted.sort();
    assert!(accepted.into_iter().eq(0..MESSAGES));
    assert_eq!(pair.b.get("endpoint"), [addresses()[1].to_string()]);
}

/// What waited with the first thread is looked at after the second one has received from the new
/// address: answers do not go to the old one again.
#[test]
fn what_is_late_does_not_move_a_peer_back() {
    let pair = Pair::connected();
    let datagrams: Vec<_> = (0..200).map(|number| message(&pair, number)).collect();
    let [old, new] = addresses();
    let done = AtomicUsize::new(0);
    let (late, now) = datagrams.split_at(100);
    let all = || usize::MAX;
    let (accepted, _) = receive(&pair, |_| new, now, all, &done);
    assert_eq!(accepted.len(), 100);
    assert_eq!(pair.b.get("endpoint"), [new.to_string()]);
    let (accepted, replayed) = receive(&pair, |_| old, late, all, &done);
    assert_eq!((accepted.len(), replayed), (100, 0));
    assert_eq!(pair.b.get("endpoint"), [new.to_string()]);
    // It moves back when it does.
    let next = [message(&pair, 200)];
    receive(&pair, |_| old, &next, all, &done);
    assert_eq!(pair.b.get("endpoint"), [old.to_string()]);
}

/// The same handshake given to both threads at once is answered by one of them, and one session
/// comes of it.
#[test]
fn a_handshake_that_two_threads_get_is_answered_once() {
    for _ in 0..50 {
        let pair = Pair::new();
        let packet = ipv4(pair.a.inner, pair.b.inner, b"hello");
        let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
        let (_, initiation) = &wire[0];
        let replies = Mutex::new(vec![]);
        std::thread::scope(|scope| {
            for address in addresses() {
                let (pair, replies) = (&pair, &replies);
                scope.spawn(
                    move || match pair.b.receive(pair.clock, address, initiation) {
                        Ok((None, wire)) => replies.lock().unwrap().extend(wire),
                        Err(reason) => assert!(
                            matches!(
                                reason,
                                DropReason::HandshakeFlood | DropReason::BadHandshake
                            ),
                            "{reason:?}"
                        ),
                        Ok((Some(packet), _)) => panic!("{packet:?}"),
                    },
                );
            }
        });
        let replies = replies.into_inner().unwrap();
        assert_eq!(replies.len(), 1);
        let response = &replies[0].1;
        let (_, wire) = pair
            .a
            .receive(pair.clock, pair.b.address, response)
            .unwrap();
        let arrived = pair.settle(wire, vec![]).1;
        assert_eq!(arrived, [packet]);
    }
}
