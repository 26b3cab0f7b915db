//! Talking to boringtun, an implementation by others.

mod common;

use std::sync::Arc;
use std::time::Duration;

use boringtun::noise::rate_limiter::RateLimiter;
use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519;
use common::*;
use labelway_wireguard::*;

const PRIVATE: [u8; 32] = [77; 32];
const ADDRESS: &str = "192.0.2.9:1009";

/// Our device with boringtun for its peer.
struct Mixed {
    ours: End,
    theirs: Tunn,
    clock: Clock,
}

impl Mixed {
    fn new(psk: Option<[u8; 32]>, limit: Option<u64>) -> Self {
        let ours = End::new(1, "192.0.2.1:1001");
        let psk_line = psk.map_or(String::new(), |key| {
            format!("preshared_key={}\n", hex(&key))
        });
        ours.set(&format!(
            "public_key={}\nendpoint={ADDRESS}\nallowed_ip=10.0.0.9/32\n{psk_line}",
            hex(public(PRIVATE).as_bytes()),
        ));
        let secret = x25519::StaticSecret::from(PRIVATE);
        let own = x25519::PublicKey::from(&secret);
        let limiter = limit.map(|limit| Arc::new(RateLimiter::new(&own, limit)));
        let peer = x25519::PublicKey::from(*ours.key().as_bytes());
        Mixed {
            theirs: Tunn::new(secret, peer, psk, None, 5, limiter),
            ours,
            clock: Clock::start(),
        }
    }

    fn to_them(&self, n: usize) -> Vec<u8> {
        ipv4(
            self.ours.inner,
            "10.0.0.9".parse().unwrap(),
            &vec![n as u8; n],
        )
    }

    fn to_us(&self, n: usize) -> Vec<u8> {
        ipv4(
            "10.0.0.9".parse().unwrap(),
            self.ours.inner,
            &vec![n as u8; n],
        )
    }

    /// Inner packets that came out at their side and at ours.
    fn settle(&mut self, mut wire: Wire) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut at_them, mut at_us) = (vec![], vec![]);
        while !wire.is_empty() {
            let mut next = vec![];
            for (to, datagram) in wire {
                assert_eq!(to, ADDRESS.parse().unwrap());
                let (packets, answers) = self.they_receive(&datagram);
                at_them.extend(packets);
                for answer in answers {
                    let (packet, replies) = self.we_receive(&answer);
                    at_us.extend(packet);
                    next.extend(replies);
                }
            }
            wire = next;
        }
        (at_them, at_us)
    }

    fn they_receive(&mut self, datagram: &[u8]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut packets, mut answers) = (vec![], vec![]);
        let mut out = [0; 2000];
        let from = Some(self.ours.address.ip());
        let mut result = self.theirs.decapsulate(from, datagram, &mut out);
        loop {
            match result {
                TunnResult::WriteToNetwork(answer) => {
                    answers.push(answer.to_vec());
                    result = self.theirs.decapsulate(None, &[], &mut out);
                }
                TunnResult::WriteToTunnelV4(packet, _) => {
                    packets.push(packet.to_vec());
                    return (packets, answers);
                }
                TunnResult::Done => return (packets, answers),
                other => panic!("{other:?}"),
            }
        }
    }

    fn we_receive(&self, datagram: &[u8]) -> (Option<Vec<u8>>, Wire) {
        let from = ADDRESS.parse().unwrap();
        let (packet, replies) = self.ours.receive(self.clock, from, datagram).unwrap();
        (packet.map(|(_, packet)| packet), replies)
    }

    fn we_send(&mut self, n: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let wire = self
            .ours
            .send(self.clock, &public(PRIVATE), &self.to_them(n))
            .unwrap();
        self.settle(wire)
    }

    fn they_encrypt(&mut self, n: usize) -> Vec<u8> {
        let mut out = [0; 2000];
        // boringtun leaves the padding to others.
        let mut packet = self.to_us(n);
        packet.resize(packet.len().next_multiple_of(16), 0);
        match self.theirs.encapsulate(&packet, &mut out) {
            TunnResult::WriteToNetwork(datagram) => datagram.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    fn they_initiate(&mut self) -> Vec<u8> {
        let mut out = [0; 148];
        match self.theirs.format_handshake_initiation(&mut out, true) {
            TunnResult::WriteToNetwork(initiation) => initiation.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// Data of many lengths, both ways, without a handshake.
    fn exchange(&mut self) {
        for n in (0..100).chain([1000, 1400]) {
            let packet = self.to_them(n);
            assert_eq!(self.we_send(n), (vec![packet], vec![]), "{n}");
            let (datagram, packet) = (self.they_encrypt(n), self.to_us(n));
            assert_eq!(datagram[0], 4);
            assert_eq!(self.we_receive(&datagram), (Some(packet), vec![]), "{n}");
        }
    }
}

#[test]
fn we_initiate() {
    for psk in [None, Some([7; 32])] {
        let mut mixed = Mixed::new(psk, None);
        let packet = mixed.to_them(100);
        assert_eq!(mixed.we_send(100), (vec![packet], vec![]));
        mixed.exchange();
    }
}

#[test]
fn they_initiate() {
    for psk in [None, Some([7; 32])] {
        let mut mixed = Mixed::new(psk, None);
        let initiation = mixed.they_encrypt(100); // its packet waits there
        assert_eq!(initiation.len(), 148);
        let (packet, response) = mixed.we_receive(&initiation);
        assert!(packet.is_none() && response[0].1.len() == 92);
        // We may not send by the session before they have confirmed it: this waits.
        let waits = mixed.to_them(1);
        let sent = mixed
            .ours
            .send(mixed.clock, &public(PRIVATE), &waits)
            .unwrap();
        assert_eq!(sent.len(), 1, "an initiation of ours, which gets lost");
        assert_eq!(sent[0].1[0], 1);
        let (packets, confirming) = mixed.they_receive(&response[0].1);
        assert!(packets.is_empty());
        let (mut at_us, mut wire) = (vec![], vec![]);
        for datagram in confirming {
            let (packet, replies) = mixed.we_receive(&datagram);
            at_us.extend(packet);
            wire.extend(replies);
        }
        assert_eq!(at_us.len(), 1);
        assert_eq!(at_us[0][..120], mixed.to_us(100)[..]);
        assert_eq!(mixed.settle(wire), (vec![waits], vec![]));
        mixed.exchange();
    }
}

#[test]
fn another_preshared_key_makes_no_session() {
    let mut mixed = Mixed::new(Some([7; 32]), None);
    mixed.ours.set(&format!(
        "public_key={}\npreshared_key={}\n",
        hex(public(PRIVATE).as_bytes()),
        hex(&[8; 32])
    ));
    let wire = mixed
        .ours
        .send(mixed.clock, &public(PRIVATE), &mixed.to_them(1))
        .unwrap();
    let (_, answers) = mixed.they_receive(&wire[0].1);
    let from = ADDRESS.parse().unwrap();
    let received = mixed.ours.receive(mixed.clock, from, &answers[0]);
    assert_eq!(received, Err(DropReason::BadHandshake));
}

#[test]
fn sessions_are_renewed_without_a_loss() {
    let mut mixed = Mixed::new(Some([7; 32]), None);
    mixed.we_send(1);
    for round in 0..3 {
        // By us, when it is time.
        mixed.clock.advance(Duration::from_secs(121));
        let under_way = mixed.they_encrypt(200);
        assert_eq!(mixed.we_send(100).0, [mixed.to_them(100)], "{round}");
        let wire = mixed.ours.timers(mixed.clock);
        assert_eq!((wire.len(), wire[0].1[0]), (1, 1), "{round}: an initiation");
        assert_eq!(mixed.settle(wire), (vec![], vec![]));
        assert_eq!(
            mixed.we_receive(&under_way).0,
            Some(mixed.to_us(200)),
            "{round}"
        );
        mixed.exchange();
    }
    for round in 0..3 {
        // By them, whenever they want.
        mixed.clock.advance(Duration::from_secs(1));
        let under_way = mixed.they_encrypt(201);
        let initiation = mixed.they_initiate();
        let (_, response) = mixed.we_receive(&initiation);
        assert_eq!(
            mixed.we_send(101).0,
            [mixed.to_them(101)],
            "{round}: by the old session"
        );
        assert_eq!(mixed.settle(response), (vec![], vec![]));
        assert_eq!(
            mixed.we_receive(&under_way).0,
            Some(mixed.to_us(201)),
            "{round}"
        );
        mixed.exchange();
    }
}

#[test]
fn we_take_their_cookie_under_load() {
    let mut mixed = Mixed::new(None, Some(0)); // always under load
    assert_eq!(mixed.we_send(100), (vec![], vec![]), "answered by a cookie");
    mixed.clock.advance(Duration::from_secs(6));
    let wire = mixed.ours.timers(mixed.clock);
    assert_eq!(wire.len(), 1);
    let packet = mixed.to_them(100);
    assert_eq!(mixed.settle(wire), (vec![packet], vec![]));
}

#[test]
fn they_take_our_cookie_under_load() {
    let mut mixed = Mixed::new(None, None);
    let from = ADDRESS.parse().unwrap();
    for _ in 0..101 {
        let initiation = mixed.they_initiate();
        let _ = mixed.ours.receive(mixed.clock, from, &initiation);
    }
    let initiation = mixed.they_initiate();
    let (_, cookie) = mixed.we_receive(&initiation);
    assert_eq!((cookie[0].1[0], cookie[0].1.len()), (3, 64));
    assert_eq!(mixed.settle(cookie), (vec![], vec![]));
    mixed.clock.advance(Duration::from_millis(30));
    let initiation = mixed.they_initiate();
    let (_, response) = mixed.we_receive(&initiation);
    assert_eq!(response[0].1[0], 2);
    assert_eq!(mixed.settle(response), (vec![], vec![]));
    mixed.exchange();
}
