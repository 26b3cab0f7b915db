//! Two devices in memory: what WireGuard promises.

mod common;

use std::net::SocketAddr;

use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519;
use common::*;
use labelway_wireguard::*;

#[test]
fn handshake_and_data_both_ways() {
    for (a, b) in [
        ("192.0.2.1:1", "192.0.2.2:2"),
        ("[2001:db8::1]:1", "[2001:db8::2]:2"),
    ] {
        let pair = Pair::at(a, b);
        let there = ipv4(pair.a.inner, pair.b.inner, &[1; 1000]);
        let back = ipv4(pair.b.inner, pair.a.inner, &[2; 33]);
        // The first waits for the handshake and arrives all the same.
        assert_eq!(pair.a_to_b(&there), vec![there.clone()]);
        assert_eq!(pair.b_to_a(&back), vec![back.clone()]);
        assert_eq!(pair.a_to_b(&there), vec![there.clone()]);
        let seconds = pair
            .clock
            .0
            .wall
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        for end in [&pair.a, &pair.b] {
            assert_eq!(end.get("last_handshake_time_sec"), [seconds.to_string()]);
        }
    }
}

#[test]
fn packets_wait_in_order_on_both_sides() {
    let pair = Pair::new();
    let packet = |end: &End, to: &End, n| ipv4(end.inner, to.inner, &[n; 100]);
    let mut from_a = vec![];
    let mut from_b = vec![];
    for n in 0..5 {
        from_a.extend(
            pair.a
                .send(pair.clock, &pair.b.key(), &packet(&pair.a, &pair.b, n))
                .unwrap(),
        );
        from_b.extend(
            pair.b
                .send(pair.clock, &pair.a.key(), &packet(&pair.b, &pair.a, n))
                .unwrap(),
        );
    }
    // B's initiation is lost: its packets go once A's first data confirms A's handshake.
    assert_eq!((from_a.len(), from_b.len()), (1, 1));
    let (at_a, at_b) = pair.settle(from_a, vec![]);
    assert_eq!(
        at_b,
        (0..5)
            .map(|n| packet(&pair.a, &pair.b, n))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        at_a,
        (0..5)
            .map(|n| packet(&pair.b, &pair.a, n))
            .collect::<Vec<_>>()
    );
}

#[test]
fn crossing_handshakes_settle() {
    let pair = Pair::new();
    let (ab, ba) = (
        ipv4(pair.a.inner, pair.b.inner, b"1"),
        ipv4(pair.b.inner, pair.a.inner, b"2"),
    );
    let from_a = pair.a.send(pair.clock, &pair.b.key(), &ab).unwrap();
    let from_b = pair.b.send(pair.clock, &pair.a.key(), &ba).unwrap();
    let (at_a, at_b) = pair.settle(from_a, from_b);
    assert_eq!((at_a, at_b), (vec![ba.clone()], vec![ab.clone()]));
    assert_eq!((pair.b_to_a(&ba), pair.a_to_b(&ab)), (vec![ba], vec![ab]));
}

#[test]
fn the_endpoint_follows_the_last_authentic_datagram() {
    let pair = Pair::connected();
    let elsewhere: SocketAddr = "198.51.100.7:4242".parse().unwrap();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"moved");
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    // Altered on the way: no proof of anything.
    let mut altered = wire[0].1.clone();
    *altered.last_mut().unwrap() ^= 1;
    let refused = pair.b.receive(pair.clock, elsewhere, &altered);
    assert_eq!(refused, Err(DropReason::BadData));
    assert_eq!(pair.b.get("endpoint"), [pair.a.address.to_string()]);
    pair.b.receive(pair.clock, elsewhere, &wire[0].1).unwrap();
    assert_eq!(pair.b.get("endpoint"), [elsewhere.to_string()]);
    let back = ipv4(pair.b.inner, pair.a.inner, b"found you");
    assert_eq!(
        pair.b.send(pair.clock, &pair.a.key(), &back).unwrap()[0].0,
        elsewhere
    );
    // The same again is a replay, and moves nothing back.
    let replayed = pair.b.receive(pair.clock, pair.a.address, &wire[0].1);
    assert_eq!(replayed, Err(DropReason::Replayed));
    assert_eq!(pair.b.get("endpoint"), [elsewhere.to_string()]);
    assert_eq!(pair.b.device.drops(DropReason::Replayed), 1);
}

#[test]
fn only_allowed_sources_come_out() {
    let pair = Pair::connected();
    let c = End::new(3, "192.0.2.3:1003");
    for source in ["10.0.0.2", "10.0.0.9", "0.0.0.0"] {
        let packet = ipv4(source.parse().unwrap(), pair.b.inner, b"not mine");
        let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
        let received = pair.b.receive(pair.clock, pair.a.address, &wire[0].1);
        assert_eq!(received, Err(DropReason::SourceNotAllowed), "{source}");
    }
    // A more specific prefix of another peer takes the address away.
    pair.b.set(&format!(
        "public_key={}\nallowed_ip=10.0.0.0/24\n",
        hex(pair.a.key().as_bytes())
    ));
    pair.b.set(&pair.b.lines_for(&c));
    let send = |source| {
        let packet = ipv4(source, pair.b.inner, b"x");
        let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
        pair.b.receive(pair.clock, pair.a.address, &wire[0].1)
    };
    assert!(send("10.0.0.77".parse().unwrap()).unwrap().0.is_some());
    assert_eq!(send(c.inner), Err(DropReason::SourceNotAllowed));
    // Authentic, but no IP.
    let wire = pair
        .a
        .send(pair.clock, &pair.b.key(), b"hello world")
        .unwrap();
    let received = pair.b.receive(pair.clock, pair.a.address, &wire[0].1);
    assert_eq!(received, Err(DropReason::NotIp));
}

#[test]
fn strangers_get_no_answer() {
    let pair = Pair::new();
    let stranger = End::new(7, "192.0.2.7:1007");
    stranger.set(&stranger.lines_for(&pair.b));
    let packet = ipv4(stranger.inner, pair.b.inner, b"?");
    let wire = stranger.send(pair.clock, &pair.b.key(), &packet).unwrap();
    let received = pair.b.receive(pair.clock, stranger.address, &wire[0].1);
    assert_eq!(received, Err(DropReason::UnknownPeer));
    // Meant for another device.
    let received = pair.a.receive(pair.clock, stranger.address, &wire[0].1);
    assert_eq!(received, Err(DropReason::WrongMac));
    let received = pair.a.receive(pair.clock, stranger.address, &[4; 40]);
    assert_eq!(received, Err(DropReason::Malformed));
    let mut data = [0; 40];
    data[0] = 4;
    let received = pair.a.receive(pair.clock, stranger.address, &data);
    assert_eq!(received, Err(DropReason::UnknownIndex));
}

#[test]
fn without_endpoint_or_key_nothing_is_sent() {
    let a = End::new(1, "192.0.2.1:1001");
    let peer = public([9; 32]);
    a.set(&format!("public_key={}\n", hex(peer.as_bytes())));
    assert_eq!(
        a.send(Clock::start(), &peer, b"x"),
        Err(DropReason::NoEndpoint)
    );
    a.set(&format!("private_key={}\n", "0".repeat(64)));
    assert_eq!(
        a.send(Clock::start(), &peer, b"x"),
        Err(DropReason::NoPrivateKey)
    );
    assert!(a.timers(Clock::start()).is_empty());
}

#[test]
fn an_initiation_counts_once() {
    let pair = Pair::new();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    let mut later = pair.clock;
    pair.b.receive(later, pair.a.address, &wire[0].1).unwrap();
    let again = pair.b.receive(later, pair.a.address, &wire[0].1);
    assert_eq!(again, Err(DropReason::HandshakeFlood));
    later.0.monotonic += std::time::Duration::from_millis(21);
    let elsewhere = "198.51.100.1:1".parse().unwrap();
    let again = pair.b.receive(later, elsewhere, &wire[0].1);
    assert_eq!(again, Err(DropReason::BadHandshake));
    assert_eq!(pair.b.get("endpoint"), [pair.a.address.to_string()]);
}

#[test]
fn under_load_a_sender_must_prove_its_address() {
    let pair = Pair::new();
    let tunn = |private: [u8; 32]| {
        let to = x25519::PublicKey::from(*pair.b.key().as_bytes());
        Tunn::new(x25519::StaticSecret::from(private), to, None, None, 5, None)
    };
    let initiation = |tunn: &mut Tunn| {
        let mut out = [0; 148];
        assert!(matches!(
            tunn.format_handshake_initiation(&mut out, true),
            TunnResult::WriteToNetwork(_)
        ));
        out
    };
    let mut flooder = tunn([77; 32]);
    for n in 0..100 {
        let received = pair
            .b
            .receive(pair.clock, pair.a.address, &initiation(&mut flooder));
        assert_eq!(received, Err(DropReason::UnknownPeer), "{n}");
    }
    let mut genuine = tunn(pair.a.private);
    let message = initiation(&mut genuine);
    let (_, replies) = pair
        .b
        .receive(pair.clock, pair.a.address, &message)
        .unwrap();
    let cookie = &replies[0].1;
    assert_eq!((cookie[0], cookie.len()), (3, 64));
    let mut out = [0; 148];
    assert!(matches!(
        genuine.decapsulate(None, cookie, &mut out),
        TunnResult::Done
    ));
    // With the cookie, but from another address: no.
    let elsewhere = "198.51.100.7:1".parse().unwrap();
    let (_, replies) = pair
        .b
        .receive(pair.clock, elsewhere, &initiation(&mut genuine))
        .unwrap();
    assert_eq!(replies[0].1[0], 3);
    let (_, replies) = pair
        .b
        .receive(pair.clock, pair.a.address, &initiation(&mut genuine))
        .unwrap();
    assert_eq!((replies[0].1[0], replies[0].1.len()), (2, 92));
}

#[test]
fn a_removed_peer_is_gone_at_once() {
    let pair = Pair::connected();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let under_way = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    let old_table = pair.b.device.peers();
    pair.b.set(&format!(
        "public_key={}\nremove=true\n",
        hex(pair.a.key().as_bytes())
    ));
    // A thread that still holds the old table.
    let mut out = [0; 2000];
    let received = old_table.receiver().receive(
        pair.clock.0,
        pair.a.address,
        &mut under_way[0].1.clone(),
        &mut out,
    );
    assert!(
        matches!(received, Received::Dropped(DropReason::PeerRemoved)),
        "{received:?}"
    );
    let peer = old_table.by_key(&pair.a.key()).unwrap();
    assert!(peer.seal_run(pair.clock.0, 1).is_none());
    let sent = peer.wait(pair.clock.0, &packet, 1420, &mut out);
    assert_eq!(sent, Sent::Dropped(DropReason::PeerRemoved));
    old_table.update_timers(pair.clock.0, &mut out, |_, _| panic!("nothing to send"));
    // And with the new one.
    let received = pair.b.receive(pair.clock, pair.a.address, &under_way[0].1);
    assert_eq!(received, Err(DropReason::UnknownIndex));
    assert!(pair.b.device.peers().by_key(&pair.a.key()).is_none());
    // Added again it starts from nothing, under another id.
    let old_id = old_table.by_key(&pair.a.key()).unwrap().id();
    pair.b.set(&pair.b.lines_for(&pair.a));
    assert_ne!(
        pair.b.device.peers().by_key(&pair.a.key()).unwrap().id(),
        old_id
    );
    assert_eq!(pair.b.get("rx_bytes"), ["0"]);
}

#[test]
fn peers_come_and_go_while_packets_flow() {
    let pair = Pair::connected();
    let other = hex(public([99; 32]).as_bytes());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..200 {
                pair.a.set(&format!(
                    "public_key={other}\nallowed_ip=10.9.0.{round}/32\n"
                ));
                pair.b.set(&format!(
                    "public_key={other}\nallowed_ip=10.9.0.{round}/32\n"
                ));
                pair.a.set(&format!("public_key={other}\nremove=true\n"));
                pair.b.set(&format!("public_key={other}\nremove=true\n"));
            }
            stop.store(true, relaxed);
        });
        let packet = ipv4(pair.a.inner, pair.b.inner, &[5; 500]);
        let mut sent = 0;
        while !stop.load(relaxed) || sent < 100 {
            assert_eq!(pair.a_to_b(&packet), vec![packet.clone()]);
            sent += 1;
        }
    });
    assert_eq!(pair.a.get("last_handshake_time_sec").len(), 1);
}

#[test]
fn under_load_a_proven_address_has_no_more_than_its_share() {
    let pair = Pair::new();
    let to = x25519::PublicKey::from(*pair.b.key().as_bytes());
    let secret = x25519::StaticSecret::from([77; 32]);
    let mut flooder = Tunn::new(secret, to, None, None, 5, None);
    let mut send = |from: SocketAddr| {
        let mut out = [0; 148];
        assert!(matches!(
            flooder.format_handshake_initiation(&mut out, true),
            TunnResult::WriteToNetwork(_)
        ));
        let answer = pair.b.receive(pair.clock, from, &out);
        if let Ok((_, replies)) = &answer {
            let cookie = flooder.decapsulate(None, &replies[0].1, &mut out);
            assert!(matches!(cookie, TunnResult::Done));
        }
        answer.map(|_| "cookie")
    };
    let (one, other) = (pair.a.address, "198.51.100.7:1".parse().unwrap());
    for _ in 0..100 {
        assert_eq!(send(one), Err(DropReason::UnknownPeer));
    }
    assert_eq!(send(one), Ok("cookie"));
    for _ in 0..20 {
        assert_eq!(send(one), Err(DropReason::UnknownPeer), "looked at");
    }
    assert_eq!(send(one), Err(DropReason::HandshakeFlood));
    // Other addresses have their own.
    assert_eq!(send(other), Ok("cookie"));
    assert_eq!(send(other), Err(DropReason::UnknownPeer));
}
