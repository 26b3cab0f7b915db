//! Two devices joined in memory.
#![allow(dead_code)] // each test file uses its own part

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use boringtun::x25519;
use labelway_wireguard::*;

/// An inner packet and the peer that it is from.
pub type Packet = (PublicKey, Vec<u8>);
/// Datagrams and where they go.
pub type Wire = Vec<(SocketAddr, Vec<u8>)>;

/// A clock that the test moves.
#[derive(Clone, Copy)]
pub struct Clock(pub Now);

impl Clock {
    pub fn start() -> Self {
        Clock(Now {
            monotonic: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        })
    }

    pub fn advance(&mut self, by: Duration) {
        self.0.monotonic += by;
        self.0.wall += by;
    }
}

pub struct End {
    pub device: Device,
    pub address: SocketAddr,
    pub inner: IpAddr,
    pub private: [u8; 32],
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn public(private: [u8; 32]) -> PublicKey {
    let secret = x25519::StaticSecret::from(private);
    PublicKey::from_bytes(x25519::PublicKey::from(&secret).to_bytes())
}

impl End {
    pub fn new(n: u8, address: &str) -> Self {
        let end = End {
            device: Device::new(&format!("wg{n}")),
            address: address.parse().unwrap(),
            inner: format!("10.0.0.{n}").parse().unwrap(),
            private: [n + 1; 32],
        };
        end.set(&format!(
            "private_key={}\nlisten_port={}\n",
            hex(&end.private),
            end.address.port()
        ));
        end
    }

    pub fn key(&self) -> PublicKey {
        public(self.private)
    }

    pub fn ask(&self, now: Now, request: &str) -> String {
        let sockets = |change: SocketChange| Ok(change.listen_port.unwrap_or(51820));
        self.device
            .uapi(now, request.as_bytes(), sockets)
            .to_string()
    }

    pub fn set_at(&self, now: Now, lines: &str) {
        assert_eq!(
            self.ask(now, &format!("set=1\n{lines}\n")),
            "errno=0\n\n",
            "{lines}"
        );
    }

    pub fn set(&self, lines: &str) {
        self.set_at(Now::read(), lines);
    }

    pub fn get(&self, name: &str) -> Vec<String> {
        let text = self.ask(Now::read(), "get=1\n\n");
        assert!(text.ends_with("errno=0\n\n"));
        let prefix = format!("{name}=");
        text.lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .map(String::from)
            .collect()
    }

    /// The lines that make `other` a peer.
    pub fn lines_for(&self, other: &End) -> String {
        format!(
            "public_key={}\nendpoint={}\nreplace_allowed_ips=true\nallowed_ip={}/32\n",
            hex(other.key().as_bytes()),
            other.address,
            other.inner
        )
    }

    pub fn send(&self, clock: Clock, to: &PublicKey, packet: &[u8]) -> Result<Wire, DropReason> {
        let peers = self.device.peers();
        let peer = peers.by_key(to).unwrap();
        if let Some(sealed) = seal(peer, clock, packet, usize::MAX) {
            return Ok(vec![sealed]);
        }
        let mut out = vec![0; 2000];
        match peer.wait(clock.0, packet, usize::MAX, &mut out) {
            Sent::Datagram(d) => Ok(vec![(d.to, out[..d.len].to_vec())]),
            Sent::Queued => Ok(vec![]),
            Sent::Dropped(reason) => Err(reason),
        }
    }

    /// Inner packet with its peer, and what goes back.
    pub fn receive(
        &self,
        clock: Clock,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<(Option<Packet>, Wire), DropReason> {
        let peers = self.device.peers();
        let mut receiver = peers.receiver();
        let (mut datagram, mut out) = (datagram.to_vec(), vec![0; 2000]);
        let mut replies = Wire::new();
        let packet = match receiver.receive(clock.0, from, &mut datagram, &mut out) {
            Received::Packet { peer, packet } => {
                Some((*peer.public_key(), datagram[packet].to_vec()))
            }
            Received::Reply(d) => {
                replies.push((d.to, out[..d.len].to_vec()));
                None
            }
            Received::Nothing => None,
            Received::Dropped(reason) => return Err(reason),
        };
        while let Some(d) = receiver.flush(clock.0, &mut out) {
            replies.push((d.to, out[..d.len].to_vec()));
        }
        Ok((packet, replies))
    }

    pub fn timers(&self, clock: Clock) -> Wire {
        let mut wire = Wire::new();
        let mut out = vec![0; 2000];
        let peers = self.device.peers();
        peers.update_timers(clock.0, &mut out, |datagram, to| {
            wire.push((to, datagram.to_vec()))
        });
        wire
    }
}

/// A run of one packet in a buffer that has just enough room.
pub fn seal(
    peer: &Peer,
    clock: Clock,
    packet: &[u8],
    room: usize,
) -> Option<(SocketAddr, Vec<u8>)> {
    let padded = packet
        .len()
        .next_multiple_of(16)
        .min(room.max(packet.len()));
    let mut buffer = vec![0xee; HEADER + padded + TAG];
    let range = HEADER..HEADER + packet.len();
    buffer[range.clone()].copy_from_slice(packet);
    let mut sealer = peer.seal_run(clock.0, 1)?;
    assert_eq!(sealer.seal(&mut buffer, range, room), Some(0..buffer.len()));
    Some((sealer.to(), buffer))
}

pub struct Pair {
    pub a: End,
    pub b: End,
    pub clock: Clock,
}

impl Pair {
    pub fn new() -> Self {
        Self::at("192.0.2.1:1001", "192.0.2.2:1002")
    }

    pub fn at(a: &str, b: &str) -> Self {
        let (a, b) = (End::new(1, a), End::new(2, b));
        a.set(&a.lines_for(&b));
        b.set(&b.lines_for(&a));
        Pair {
            a,
            b,
            clock: Clock::start(),
        }
    }

    pub fn connected() -> Self {
        let pair = Self::new();
        let packet = ipv4(pair.a.inner, pair.b.inner, b"hello");
        assert_eq!(pair.a_to_b(&packet), vec![packet]);
        pair
    }

    pub fn a_to_b(&self, packet: &[u8]) -> Vec<Vec<u8>> {
        let wire = self.a.send(self.clock, &self.b.key(), packet).unwrap();
        self.settle(wire, vec![]).1
    }

    pub fn b_to_a(&self, packet: &[u8]) -> Vec<Vec<u8>> {
        let wire = self.b.send(self.clock, &self.a.key(), packet).unwrap();
        self.settle(vec![], wire).0
    }

    /// Carries datagrams between both until none is left; packets that came out at A and at B.
    pub fn settle(&self, mut from_a: Wire, mut from_b: Wire) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let (mut at_a, mut at_b) = (vec![], vec![]);
        while !from_a.is_empty() || !from_b.is_empty() {
            let (mut next_a, mut next_b) = (vec![], vec![]);
            for (to, datagram) in from_a.drain(..) {
                assert_eq!(to, self.b.address);
                let (packet, replies) = self
                    .b
                    .receive(self.clock, self.a.address, &datagram)
                    .unwrap();
                at_b.extend(packet.map(|(_, packet)| packet));
                next_b.extend(replies);
            }
            for (to, datagram) in from_b.drain(..) {
                assert_eq!(to, self.a.address);
                let (packet, replies) = self
                    .a
                    .receive(self.clock, self.b.address, &datagram)
                    .unwrap();
                at_a.extend(packet.map(|(_, packet)| packet));
                next_a.extend(replies);
            }
            (from_a, from_b) = (next_a, next_b);
        }
        (at_a, at_b)
    }

    /// Runs both devices' timers for so long, in steps of 250 ms; counts of initiations seen.
    pub fn run(&mut self, time: Duration) -> usize {
        let step = Duration::from_millis(250);
        let mut initiations = 0;
        for _ in 0..time.as_millis() / step.as_millis() {
            self.clock.advance(step);
            let (from_a, from_b) = (self.a.timers(self.clock), self.b.timers(self.clock));
            initiations += from_a
                .iter()
                .chain(&from_b)
                .filter(|(_, d)| d[0] == 1)
                .count();
            self.settle(from_a, from_b);
        }
        initiations
    }
}

/// An IPv4 packet with a right length; nobody here looks at its checksum.
pub fn ipv4(from: IpAddr, to: IpAddr, payload: &[u8]) -> Vec<u8> {
    let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) else {
        panic!("IPv4")
    };
    let len = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(len.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}
