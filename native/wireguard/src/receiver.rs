//! Datagrams in: who they are from, what is in them, what is to be answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
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
    /// An inner packet, authentic and from an allowed source: `datagram[packet]`. Padding is cut.
    Packet {
        peer: &'t Arc<Peer>,
        packet: Range<usize>,
    },
    /// Answer with `out[..reply.len]`.
    Reply(Datagram),
    /// Taken in; nothing to do. A keepalive or a cookie.
    Nothing,
    /// Already counted.
    Dropped(DropReason),
}

/// Receives a batch. Holds the replay window of the last session that data came by, which only
/// other receivers would wait for: to be dropped at the end of the batch.
pub struct Receiver<'t> {
    peers: &'t Peers,
    held: Option<(&'t Arc<Peer>, MutexGuard<'t, State>)>,
}

impl<'t> Receiver<'t> {
    pub(crate) fn new(peers: &'t Peers) -> Self {
        Receiver { peers, held: None }
    }

    /// Decrypts in place. `out` is for answers alone and holds at least [`MIN_OUTPUT`] bytes.
    /// After each call, [`Receiver::flush`] is to be asked.
    pub fn receive(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &mut [u8],
        out: &mut [u8],
    ) -> Received<'t> {
        let _ = (now, from, datagram, out);
        todo!()
    }

    /// Packets that waited for the handshake which the last datagram completed: until `None`.
    /// Those not asked for go with the next timers.
    pub fn flush(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        self.held.as_mut()?.1.flush(now, out)
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
