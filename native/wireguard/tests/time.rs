//! Timers over minutes, on a clock that the test moves.

mod common;

use std::time::Duration;

use common::*;
use labelway_wireguard::{DropReason, Sent};

const SECOND: Duration = Duration::from_secs(1);

fn keepalive(end: &End, other: &End, seconds: u16) {
    let key = hex(other.key().as_bytes());
    end.set(&format!(
        "public_key={key}\npersistent_keepalive_interval={seconds}\n"
    ));
}

/// Kinds of what an end sends by itself over so long, nobody answering.
fn alone(pair: &mut Pair, time: Duration) -> Vec<u8> {
    let mut kinds = vec![];
    for _ in 0..time.as_millis() / 250 {
        pair.clock.advance(SECOND / 4);
        kinds.extend(
            pair.a
                .timers(pair.clock)
                .iter()
                .map(|(_, datagram)| datagram[0]),
        );
    }
    kinds
}

#[test]
fn a_session_in_use_is_renewed_every_two_minutes_without_a_loss() {
    let mut pair = Pair::connected();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let back = ipv4(pair.b.inner, pair.a.inner, b"y");
    let mut initiations = 0;
    for second in 0..600 {
        initiations += pair.run(SECOND);
        assert_eq!(
            pair.a_to_b(&packet),
            vec![packet.clone()],
            "after {second} s"
        );
        assert_eq!(pair.b_to_a(&back), vec![back.clone()], "after {second} s");
    }
    assert!(
        (4..=5).contains(&initiations),
        "{initiations} handshakes in 10 minutes"
    );
}

#[test]
fn an_idle_session_ends_and_traffic_starts_another() {
    let mut pair = Pair::connected();
    pair.run(SECOND * 11); // B's keepalive has come
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let late = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert_eq!(
        pair.run(SECOND * 181),
        1,
        "the unanswered data asks once whether B is there"
    );
    // That handshake's session is idle in turn.
    assert_eq!(pair.run(SECOND * 200), 0);
    let received = pair.b.receive(pair.clock, pair.a.address, &late[0].1);
    assert_eq!(received, Err(DropReason::NoSession));
    assert_eq!(pair.run(SECOND * 1000), 0);
    assert_eq!(pair.a_to_b(&packet), vec![packet]);
}

#[test]
fn without_an_answer_it_gives_up_after_90_seconds_until_there_is_traffic() {
    let mut pair = Pair::new();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let first = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert_eq!(first[0].1[0], 1);
    for _ in 1..256 {
        assert!(
            pair.a
                .send(pair.clock, &pair.b.key(), &packet)
                .unwrap()
                .is_empty()
        );
    }
    let one_more = pair.a.send(pair.clock, &pair.b.key(), &packet);
    assert_eq!(one_more, Ok(vec![]), "the oldest makes room");
    assert_eq!(pair.a.device.drops(DropReason::QueueFull), 1);
    let retries = alone(&mut pair, SECOND * 120);
    assert!(
        retries.iter().all(|kind| *kind == 1) && (15..=18).contains(&retries.len()),
        "{retries:?}"
    );
    assert_eq!(pair.a.device.drops(DropReason::NoAnswer), 256);
    assert!(alone(&mut pair, SECOND * 1000).is_empty());
    assert_eq!(pair.a_to_b(&packet), vec![packet]);
    assert_eq!(pair.a.device.drops(DropReason::NoAnswer), 256);
}

#[test]
fn a_persistent_keepalive_never_gives_up() {
    let mut pair = Pair::new();
    keepalive(&pair.a, &pair.b, 25);
    assert_eq!(pair.a.timers(pair.clock).len(), 1, "at once");
    let tries = alone(&mut pair, SECOND * 3600);
    assert!(tries.len() > 450, "{}", tries.len());
    // And once the other is there, it is found.
    pair.run(SECOND * 60);
    assert_ne!(pair.a.get("last_handshake_time_sec"), ["0"]);
    assert!(pair.b.get("rx_bytes")[0].parse::<u64>().unwrap() > 0);
}

#[test]
fn a_persistent_keepalive_keeps_its_interval_and_yields_to_traffic() {
    let mut pair = Pair::connected();
    keepalive(&pair.a, &pair.b, 20);
    let mut kinds = vec![];
    let mut quiet = 0;
    for quarter in 0..4 * 90 {
        pair.clock.advance(SECOND / 4);
        let wire = pair.a.timers(pair.clock);
        kinds.extend(wire.iter().map(|(_, d)| (quarter / 4, d[0], d.len())));
        pair.settle(wire, pair.b.timers(pair.clock));
    }
    assert_eq!(
        kinds.iter().map(|k| (k.1, k.2)).collect::<Vec<_>>(),
        [(4, 32); 5],
        "{kinds:?}"
    );
    for second in 0..20 {
        pair.clock.advance(SECOND);
        let wire = pair.a.timers(pair.clock);
        quiet += wire.len();
        pair.settle(wire, pair.b.timers(pair.clock));
        let packet = ipv4(pair.a.inner, pair.b.inner, &[second]);
        pair.a_to_b(&packet);
    }
    assert_eq!(quiet, 0, "keepalives among traffic");
    keepalive(&pair.a, &pair.b, 0);
    assert!(!alone(&mut pair, SECOND * 60).contains(&4), "switched off");
}

#[test]
fn data_without_an_answer_gets_a_passive_keepalive() {
    let mut pair = Pair::connected();
    pair.clock.advance(SECOND);
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    pair.settle(pair.a.timers(pair.clock), pair.b.timers(pair.clock));
    pair.a_to_b(&packet);
    let before: u64 = pair.b.get("tx_bytes")[0].parse().unwrap();
    pair.run(SECOND * 12);
    assert_eq!(pair.b.get("tx_bytes"), [(before + 32).to_string()]);
}

#[test]
fn a_changed_preshared_key_is_used_from_the_next_handshake_on() {
    let mut pair = Pair::connected();
    let old = pair.a.get("last_handshake_time_sec");
    for (end, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
        let key = hex(other.key().as_bytes());
        end.set_at(
            pair.clock.0,
            &format!("public_key={key}\npreshared_key={}\n", hex(&[7; 32])),
        );
    }
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    for second in 0..400 {
        pair.run(SECOND);
        assert_eq!(
            pair.a_to_b(&packet),
            vec![packet.clone()],
            "after {second} s"
        );
        let same = pair.a.get("last_handshake_time_sec") == old;
        assert_eq!(same, second < 120, "after {second} s");
        if second == 120 {
            break;
        }
    }
    for second in 121..400 {
        pair.run(SECOND);
        assert_eq!(
            pair.a_to_b(&packet),
            vec![packet.clone()],
            "after {second} s"
        );
    }
}

#[test]
fn a_cookie_lets_a_peer_in_under_load() {
    use boringtun::noise::{Tunn, TunnResult};
    use boringtun::x25519;
    let mut pair = Pair::new();
    let to = x25519::PublicKey::from(*pair.b.key().as_bytes());
    let mut flooder = Tunn::new(
        x25519::StaticSecret::from([77; 32]),
        to,
        None,
        None,
        5,
        None,
    );
    let mut flood = |pair: &Pair| {
        for _ in 0..101 {
            let mut out = [0; 148];
            let TunnResult::WriteToNetwork(message) =
                flooder.format_handshake_initiation(&mut out, true)
            else {
                panic!("no initiation")
            };
            let _ = pair
                .b
                .receive(pair.clock, "198.51.100.9:9".parse().unwrap(), message);
        }
    };
    flood(&pair);
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    assert!(pair.a_to_b(&packet).is_empty(), "answered by a cookie");
    assert_eq!(pair.b.get("last_handshake_time_sec"), ["0"]);
    // Still under load when the initiation is repeated, now with the cookie.
    for _ in 0..24 {
        pair.clock.advance(SECOND / 4);
        pair.b.timers(pair.clock);
        flood(&pair);
        let wire = pair.a.timers(pair.clock);
        pair.settle(wire, vec![]);
    }
    assert_ne!(pair.b.get("last_handshake_time_sec"), ["0"]);
}

#[test]
fn only_the_initiator_renews_a_session_that_both_use() {
    let mut pair = Pair::connected();
    pair.clock.advance(SECOND * 121);
    let (ab, ba) = (
        ipv4(pair.a.inner, pair.b.inner, b"x"),
        ipv4(pair.b.inner, pair.a.inner, b"y"),
    );
    assert_eq!(pair.b_to_a(&ba), vec![ba.clone()]);
    assert!(pair.b.timers(pair.clock).is_empty());
    assert_eq!(pair.a_to_b(&ab), vec![ab]);
    let wire = pair.a.timers(pair.clock);
    assert_eq!((wire.len(), wire[0].1[0]), (1, 1));
    // Asked for again and again, but sent every 5 s.
    assert_eq!(pair.b_to_a(&ba), vec![ba.clone()]);
    pair.clock.advance(SECOND * 4);
    pair.a.send(pair.clock, &pair.b.key(), &ba).unwrap();
    assert!(pair.a.timers(pair.clock).is_empty());
    pair.clock.advance(SECOND * 2);
    assert_eq!(pair.a.timers(pair.clock)[0].1[0], 1);
}

#[test]
fn an_initiator_that_receives_renews_before_the_end() {
    for (second, initiations) in [(164, 0), (166, 1)] {
        let mut pair = Pair::connected();
        pair.run(SECOND * second);
        let ba = ipv4(pair.b.inner, pair.a.inner, b"y");
        for _ in 0..2 {
            assert_eq!(pair.b_to_a(&ba), vec![ba.clone()]);
            let kinds: Vec<_> = alone(&mut pair, SECOND / 4);
            assert_eq!(kinds, vec![1; initiations], "after {second} s");
            pair.clock.advance(SECOND / 4);
            if initiations == 1 {
                break; // the next is the repetition
            }
        }
    }
}

#[test]
fn unanswered_data_asks_for_a_handshake_after_15_seconds() {
    let mut pair = Pair::connected();
    pair.run(SECOND * 11); // B's keepalive has come
    let packet = ipv4(pair.a.inner, pair.b.inner, b"lost");
    pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert!(alone(&mut pair, SECOND * 15 - SECOND / 4).is_empty());
    assert_eq!(alone(&mut pair, SECOND), [1]);
    // Nothing else was lost by it: the session is still there.
    assert_eq!(pair.a_to_b(&packet), vec![packet]);
}

#[test]
fn nothing_is_sent_or_taken_by_a_session_of_180_seconds() {
    let mut pair = Pair::connected();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let peers = pair.a.device.peers();
    let peer = peers.by_key(&pair.b.key()).unwrap();
    pair.clock.advance(SECOND * 180 - SECOND / 1000);
    let (_, last) = seal(peer, pair.clock, &packet, 1420).unwrap();
    let (_, late) = seal(peer, pair.clock, &packet, 1420).unwrap();
    let received = pair.b.receive(pair.clock, pair.a.address, &last).unwrap();
    assert_eq!(received.0.unwrap().1, packet);
    pair.clock.advance(SECOND / 1000);
    assert!(peer.seal_run(pair.clock.0, 1).is_none());
    let received = pair.b.receive(pair.clock, pair.a.address, &late);
    assert_eq!(received, Err(DropReason::NoSession));
    assert_eq!(pair.a_to_b(&packet), vec![packet]);
}

#[test]
fn an_older_initiation_is_refused_whatever_its_clock_says() {
    let mut pair = Pair::new();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let first = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    pair.settle(first.clone(), vec![]);
    pair.clock.advance(SECOND);
    let replayed = pair.b.receive(pair.clock, pair.a.address, &first[0].1);
    assert_eq!(replayed, Err(DropReason::BadHandshake));
    // A's wall clock is set back by a day: its next initiation is later than the last all the same.
    pair.clock.advance(SECOND * 200);
    let wall = pair.clock.0.wall;
    pair.clock.0.wall -= SECOND * 86_400;
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    pair.clock.0.wall = wall;
    assert_eq!(pair.settle(wire, vec![]).1, vec![packet]);
}

#[test]
fn only_authentic_data_renews_before_the_end() {
    let mut pair = Pair::connected();
    pair.run(SECOND * 11); // B's keepalive has come
    let ba = ipv4(pair.b.inner, pair.a.inner, b"y");
    pair.clock.advance(SECOND * 157);
    let wire = pair.b.send(pair.clock, &pair.a.key(), &ba).unwrap();
    let mut forged = wire[0].1.clone();
    *forged.last_mut().unwrap() ^= 1;
    let received = pair.a.receive(pair.clock, pair.b.address, &forged);
    assert_eq!(received, Err(DropReason::BadData));
    assert!(pair.a.timers(pair.clock).is_empty(), "silent to strangers");
    assert_eq!(pair.settle(vec![], wire).0, vec![ba]);
    assert_eq!(pair.a.timers(pair.clock)[0].1[0], 1);
}

#[test]
fn a_renewal_asked_for_while_one_is_under_way_is_not_repeated() {
    let mut pair = Pair::connected();
    pair.clock.advance(SECOND * 121);
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let old = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    let wire = pair.a.timers(pair.clock);
    assert_eq!((wire.len(), wire[0].1[0]), (1, 1));
    // The old session goes on sending until the response is there.
    let more = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    let whole = [old, wire, more].concat();
    assert_eq!(pair.settle(whole, vec![]).1.len(), 2);
    assert_eq!(pair.run(SECOND * 15), 0, "handshakes for a new session");
}

#[test]
fn a_packet_that_joins_the_queue_of_a_session_asks_for_no_handshake() {
    let mut pair = Pair::new();
    let packet = |n| ipv4(pair.a.inner, pair.b.inner, &[n]);
    let packets = [packet(1), packet(2), packet(3)];
    let [first, second, third] = &packets;
    let initiation = pair.a.send(pair.clock, &pair.b.key(), first).unwrap();
    assert!(
        pair.a
            .send(pair.clock, &pair.b.key(), second)
            .unwrap()
            .is_empty()
    );
    let (_, response) = pair
        .b
        .receive(pair.clock, pair.a.address, &initiation[0].1)
        .unwrap();
    let mut wire = Wire::new();
    let mut out = [0; 2000];
    let peers = pair.a.device.peers();
    let mut receiver = peers.receiver();
    receiver.receive(
        pair.clock.0,
        pair.b.address,
        &mut response[0].1.clone(),
        &mut out,
    );
    let flushed = receiver.flush(pair.clock.0, &mut out).unwrap();
    wire.push((flushed.to, out[..flushed.len].to_vec()));
    // A sender that had found no session comes between.
    let peer = peers.by_key(&pair.b.key()).unwrap();
    let sent = peer.wait(pair.clock.0, third, 1420, &mut out);
    assert_eq!(sent, Sent::Queued);
    while let Some(flushed) = receiver.flush(pair.clock.0, &mut out) {
        wire.push((flushed.to, out[..flushed.len].to_vec()));
    }
    drop(receiver);
    assert_eq!(pair.settle(wire, vec![]).1, packets);
    drop(peers);
    assert_eq!(pair.run(SECOND * 15), 0, "handshakes for a new session");
}
