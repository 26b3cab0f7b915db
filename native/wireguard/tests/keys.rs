//! Configuration and sessions: what keeps them, what ends them.

mod common;

use common::*;
use labelway_wireguard::*;

fn preshared(end: &End, other: &End, n: u8) -> String {
    let _ = end;
    format!(
        "public_key={}\npreshared_key={}\n",
        hex(other.key().as_bytes()),
        hex(&[n; 32])
    )
}

#[test]
fn preshared_keys_must_agree() {
    let pair = Pair::new();
    pair.a.set(&preshared(&pair.a, &pair.b, 7));
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let initiation = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    let (_, response) = pair
        .b
        .receive(pair.clock, pair.a.address, &initiation[0].1)
        .unwrap();
    let received = pair.a.receive(pair.clock, pair.b.address, &response[0].1);
    assert_eq!(received, Err(DropReason::BadHandshake));
    assert_eq!(pair.a.get("last_handshake_time_sec"), ["0"]);

    let pair = Pair::new();
    pair.a.set(&preshared(&pair.a, &pair.b, 7));
    pair.b.set(&preshared(&pair.b, &pair.a, 7));
    assert_eq!(pair.a_to_b(&packet), vec![packet]);
}

#[test]
fn a_session_outlives_a_change_of_the_preshared_key() {
    let pair = Pair::connected();
    let (ab, ba) = (
        ipv4(pair.a.inner, pair.b.inner, b"1"),
        ipv4(pair.b.inner, pair.a.inner, b"2"),
    );
    pair.a.set_at(pair.clock.0, &preshared(&pair.a, &pair.b, 7));
    assert_eq!(
        (pair.a_to_b(&ab), pair.b_to_a(&ba)),
        (vec![ab.clone()], vec![ba.clone()])
    );
    pair.b.set_at(pair.clock.0, &preshared(&pair.b, &pair.a, 7));
    let wire = pair.a.send(pair.clock, &pair.b.key(), &ab).unwrap();
    assert_eq!(wire[0].1[0], 4, "data, no handshake");
    assert_eq!(pair.settle(wire, vec![]).1, vec![ab]);
    assert_eq!(pair.b_to_a(&ba), vec![ba]);
}

#[test]
fn a_new_private_key_starts_anew() {
    let mut pair = Pair::connected();
    let ba = ipv4(pair.b.inner, pair.a.inner, b"under way");
    let under_way = pair.b.send(pair.clock, &pair.a.key(), &ba).unwrap();
    pair.a.private = [55; 32];
    pair.a
        .set_at(pair.clock.0, &format!("private_key={}\n", hex(&[55; 32])));
    // As the kernel: what the old session still brings is taken, but nothing is sent by it.
    assert_eq!(pair.settle(vec![], under_way).0, vec![ba.clone()]);
    let ab = ipv4(pair.a.inner, pair.b.inner, b"new");
    let wire = pair.a.send(pair.clock, &pair.b.key(), &ab).unwrap();
    assert_eq!(wire[0].1[0], 1);
    let received = pair.b.receive(pair.clock, pair.a.address, &wire[0].1);
    assert_eq!(received, Err(DropReason::UnknownPeer));
    pair.b.set_at(pair.clock.0, &pair.b.lines_for(&pair.a));
    let (_, response) = pair
        .b
        .receive(pair.clock, pair.a.address, &wire[0].1)
        .unwrap();
    assert_eq!(pair.settle(vec![], response), (vec![], vec![ab]));
    assert_eq!(pair.b_to_a(&ba), vec![ba]);
}

#[test]
fn setting_what_is_so_changes_nothing() {
    let pair = Pair::connected();
    // The whole, as `wg syncconf` and `wg setconf` send it.
    let whole = |replace: &str| {
        format!(
            "private_key={}\nlisten_port=1001\nfwmark=0\n{replace}{}persistent_keepalive_interval=0\n\
             preshared_key={}\n",
            hex(&pair.a.private),
            pair.a.lines_for(&pair.b),
            "0".repeat(64)
        )
    };
    let before = pair.a.ask(pair.clock.0, "get=1\n\n");
    let table = pair.a.device.peers();
    for request in [whole(""), whole("replace_peers=true\n"), whole("")] {
        let request = format!("set=1\n{request}\n");
        let answer = pair
            .a
            .device
            .uapi(pair.clock.0, request.as_bytes(), |change| {
                panic!("nothing about sockets changes: {change:?}")
            });
        assert_eq!(*answer, "errno=0\n\n");
    }
    assert_eq!(pair.a.ask(pair.clock.0, "get=1\n\n"), before);
    assert!(std::sync::Arc::ptr_eq(&table, &pair.a.device.peers()));
    let packet = ipv4(pair.a.inner, pair.b.inner, b"same session");
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert_eq!(wire[0].1[0], 4, "data, no handshake");
    assert_eq!(pair.settle(wire, vec![]).1, vec![packet]);
}

#[test]
fn another_peer_changes_nothing_for_this_one() {
    let pair = Pair::connected();
    let other = hex(public([99; 32]).as_bytes());
    pair.a.set(&format!(
        "public_key={other}\nendpoint=192.0.2.9:9\nallowed_ip=10.0.0.9/32\n"
    ));
    let packet = ipv4(pair.a.inner, pair.b.inner, b"same session");
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert_eq!(pair.settle(wire, vec![]).1, vec![packet]);
}

#[test]
fn get_tells_all_that_was_set() {
    let a = End::new(1, "192.0.2.1:1001");
    let (one, two) = (
        hex(public([1; 32]).as_bytes()),
        hex(public([9; 32]).as_bytes()),
    );
    a.set(&format!(
        "fwmark=1280\npublic_key={one}\npreshared_key={}\nendpoint=[2001:db8::1]:7\n\
         persistent_keepalive_interval=25\nallowed_ip=10.1.2.3/8\nallowed_ip=fd00::/8\n\
         public_key={two}\n",
        hex(&[3; 32])
    ));
    let peer = |key: &str, rest: &str, keepalive: u8, allowed: &str| {
        format!(
            "public_key={key}\n{rest}last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n\
             tx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval={keepalive}\n{allowed}"
        )
    };
    let first = format!(
        "preshared_key={}\nprotocol_version=1\nendpoint=[2001:db8::1]:7\n",
        hex(&[3; 32])
    );
    let mut peers = [
        (
            public([1; 32]),
            peer(
                &one,
                &first,
                25,
                "allowed_ip=10.0.0.0/8\nallowed_ip=fd00::/8\n",
            ),
        ),
        (public([9; 32]), peer(&two, "protocol_version=1\n", 0, "")),
    ];
    peers.sort();
    let expected = format!(
        "private_key={}\nlisten_port=1001\nfwmark=1280\n{}{}errno=0\n\n",
        hex(&a.private),
        peers[0].1,
        peers[1].1
    );
    assert_eq!(a.ask(Now::read(), "get=1\n\n"), expected);
}

#[test]
fn a_refused_request_leaves_everything_as_it_was() {
    let a = End::new(1, "192.0.2.1:1001");
    let before = a.ask(Now::read(), "get=1\n\n");
    let peer = format!("public_key={}\n", hex(public([9; 32]).as_bytes()));
    // A bad last line.
    let answer = a.ask(
        Now::read(),
        &format!("set=1\nfwmark=7\n{peer}allowed_ip=10.0.0.0/99\n\n"),
    );
    assert_eq!(answer, "errno=-22\n\n");
    // A port that is taken.
    let request = format!("set=1\nlisten_port=53\nfwmark=7\n{peer}\n");
    let answer = a.device.uapi(Now::read(), request.as_bytes(), |change| {
        assert_eq!(
            change,
            SocketChange {
                listen_port: Some(53),
                fwmark: Some(7)
            }
        );
        Err(98)
    });
    assert_eq!(*answer, "errno=-98\n\n");
    assert_eq!(a.ask(Now::read(), "get=1\n\n"), before);
}

#[test]
fn sockets_change_before_peers_appear() {
    let a = End::new(1, "192.0.2.1:1001");
    let key = public([9; 32]);
    let request = format!(
        "set=1\nlisten_port=53\npublic_key={}\n\n",
        hex(key.as_bytes())
    );
    let answer = a.device.uapi(Now::read(), request.as_bytes(), |_| {
        assert!(a.device.peers().by_key(&key).is_none());
        Ok(53)
    });
    assert_eq!(*answer, "errno=0\n\n");
    assert!(a.device.peers().by_key(&key).is_some());
}

#[test]
fn any_port_stays_where_it_is() {
    let device = Device::new("wg");
    device.listening(40_000);
    let set = |port: u16, bound: Result<u16, &str>| {
        let request = format!("set=1\nlisten_port={port}\n\n");
        let answer = device.uapi(Now::read(), request.as_bytes(), |change| {
            assert_eq!(change.listen_port, Some(port));
            Ok(bound.expect("sockets untouched"))
        });
        assert_eq!(*answer, "errno=0\n\n");
    };
    set(0, Err("already any"));
    set(40_000, Ok(40_000)); // now for sure; the shell may see that it is bound there already
    set(40_000, Err("the same"));
    set(0, Ok(41_000));
    set(0, Err("still any"));
    let get = device.uapi(Now::read(), b"get=1\n\n", |_| Err(1));
    assert!(get.contains("listen_port=41000\n"));
}

#[test]
fn secrets_are_not_printed() {
    let pair = Pair::connected();
    let peers = pair.a.device.peers();
    let peer = peers.by_key(&pair.b.key()).unwrap();
    assert_eq!(
        format!("{peer:?}"),
        format!("Peer {{ id: {:?}, key: {} }}", peer.id(), pair.b.key())
    );
}

#[test]
fn a_former_private_key_makes_no_session_any_more() {
    let pair = Pair::new();
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    let wire = pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    // A thread that still holds the table with the key for which the initiation was made.
    let old_table = pair.b.device.peers();
    let new_key = format!("private_key={}\n", hex(&[55; 32]));
    pair.b.set_at(pair.clock.0, &new_key);
    let mut out = [0; 2000];
    let received = old_table.receiver().receive(
        pair.clock.0,
        pair.a.address,
        &mut wire[0].1.clone(),
        &mut out,
    );
    assert!(
        matches!(received, Received::Dropped(DropReason::WrongMac)),
        "{received:?}"
    );
}

#[test]
fn what_waits_is_dropped_with_the_private_key() {
    let pair = Pair::new();
    let (old, new) = (
        ipv4(pair.a.inner, pair.b.inner, b"old"),
        ipv4(pair.a.inner, pair.b.inner, b"new"),
    );
    pair.a.send(pair.clock, &pair.b.key(), &old).unwrap();
    let key = |bytes| format!("private_key={}\n", hex(bytes));
    pair.a.set_at(pair.clock.0, &key(&[0; 32]));
    pair.a.set_at(pair.clock.0, &key(&pair.a.private));
    assert_eq!(pair.a.device.drops(DropReason::NoPrivateKey), 1);
    assert_eq!(pair.a_to_b(&new), vec![new]);
}
