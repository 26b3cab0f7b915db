//! Datagrams in: who they are from, what is in them, what is to be answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use boringtun::noise::errors::WireGuardError;
use boringtun::noise::handshake::parse_handshake_anon;
use boringtun::noise::{Packet, Tunn, TunnResult};
use parking_lot::MutexGuard;

use crate::MIN_OUTPUT;
use crate::drops::DropReason;
use crate::key::PublicKey;
use crate::now::Now;
use crate::peer::{Datagram, Peer};
use crate::peers::{Identity, Peers};
use crate::state::{Decrypted, State};

const INITIATION: u32 = 1;
const RESPONSE: u32 = 2;
const COOKIE: u32 = 3;
const DATA: u32 = 4;

/// What became of one datagram.
#[derive(Debug)]
pub enum Received<'t> {
    /// An inner packet, authentic and from an allowed source, in `out[..len]`. Padding is cut.
    Packet { peer: &'t Arc<Peer>, len: usize },
    /// Answer with `out[..reply.len]`.
    Reply(Datagram),
    /// Taken in; nothing to do. A keepalive or a cookie.
    Nothing,
    /// Already counted.
    Dropped(DropReason),
}

/// Receives a batch. Keeps the lock of the last peer for a run of datagrams from the same one:
/// drop it (or call [`Receiver::release`]) before the same thread locks a peer to send.
pub struct Receiver<'t> {
    peers: &'t Peers,
    held: Option<(&'t Arc<Peer>, MutexGuard<'t, State>)>,
}

impl<'t> Receiver<'t> {
    pub(crate) fn new(peers: &'t Peers) -> Self {
        Receiver { peers, held: None }
    }

    /// `out` holds at least the datagram's length and [`MIN_OUTPUT`] bytes. After each call,
    /// [`Receiver::flush`] is to be asked.
    pub fn receive(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Received<'t> {
        match self.try_receive(now, from, datagram, out) {
            Ok(received) => received,
            Err(reason) => Received::Dropped(self.peers.drops.count(reason)),
        }
    }

    /// Packets that waited for the handshake which the last datagram completed: until `None`.
    /// Those not asked for go with the next timers.
    pub fn flush(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        self.held.as_mut()?.1.flush(now, out)
    }

    /// Lets the last peer's lock go.
    pub fn release(&mut self) {
        self.held = None;
    }

    fn try_receive(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Result<Received<'t>, DropReason> {
        if out.len() < datagram.len().max(MIN_OUTPUT) {
            return Err(DropReason::BufferTooSmall);
        }
        let kind = word(datagram, 0).ok_or(DropReason::Malformed)?;
        match kind {
            DATA => self.data(now, from, datagram, out),
            INITIATION | RESPONSE => self.handshake(now, from, datagram, out),
            COOKIE => {
                Tunn::parse_incoming_packet(datagram).map_err(|_| DropReason::Malformed)?;
                let peer = self.by_index(datagram, 4)?;
                self.hold(peer).cookie(datagram, out)?;
                Ok(Received::Nothing)
            }
            _ => Err(DropReason::Malformed),
        }
    }

    fn data(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Result<Received<'t>, DropReason> {
        let peer = self.by_index(datagram, 4)?;
        let peers = self.peers;
        let state = self.hold(peer);
        let len = match state.data(now, from, datagram, out)? {
            Decrypted::Keepalive => {
                state.rx_bytes += datagram.len() as u64;
                return Ok(Received::Nothing);
            }
            Decrypted::Packet { len } => len,
        };
        let source = source(&out[..len]).ok_or(DropReason::NotIp)?;
        if peers.allowed.owner(source) != Some(peer.id()) {
            return Err(DropReason::SourceNotAllowed);
        }
        state.rx_bytes += datagram.len() as u64;
        Ok(Received::Packet { peer, len })
    }

    fn handshake(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Result<Received<'t>, DropReason> {
        let identity: &'t Identity = self
            .peers
            .identity
            .as_deref()
            .ok_or(DropReason::NoPrivateKey)?;
        let packet = match identity
            .limiter
            .verify_packet(Some(from.ip()), datagram, out)
        {
            Ok(packet) => packet,
            Err(TunnResult::WriteToNetwork(cookie)) => {
                return Ok(Received::Reply(Datagram {
                    len: cookie.len(),
                    to: from,
                }));
            }
            Err(TunnResult::Err(WireGuardError::InvalidMac)) => return Err(DropReason::WrongMac),
            Err(_) => return Err(DropReason::Malformed),
        };
        let peer = match packet {
            Packet::HandshakeInit(init) => {
                let half = parse_handshake_anon(&identity.secret, &identity.public, &init)
                    .map_err(|_| DropReason::BadHandshake)?;
                let key = PublicKey::from_bytes(half.peer_static_public);
                self.peers.by_key(&key).ok_or(DropReason::UnknownPeer)?
            }
            _ => self.by_index(datagram, 8)?,
        };
        let len = self.hold(peer).handshake(now, from, datagram, out)?;
        Ok(Received::Reply(Datagram { len, to: from }))
    }

    /// The peer whose session index stands at byte `at`.
    fn by_index(&self, datagram: &[u8], at: usize) -> Result<&'t Arc<Peer>, DropReason> {
        let index = word(datagram, at).ok_or(DropReason::Malformed)?;
        self.peers
            .by_index
            .get(&(index >> 8))
            .ok_or(DropReason::UnknownIndex)
    }

    fn hold(&mut self, peer: &'t Arc<Peer>) -> &mut State {
        match &self.held {
            Some((held, _)) if Arc::ptr_eq(held, peer) => {}
            _ => {
                self.held = None; // never two locks at once
                self.held = Some((peer, peer.state.lock()));
            }
        }
        &mut self.held.as_mut().expect("set above").1
    }
}

/// Source address of an IP packet.
fn source(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => {
            let bytes: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            Some(IpAddr::V4(Ipv4Addr::from(bytes)))
        }
        6 => {
            let bytes: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// A little-endian 32-bit word; WireGuard's type field with its three reserved bytes is one too.
fn word(datagram: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        datagram.get(at..at + 4)?.try_into().ok()?,
    ))
}
