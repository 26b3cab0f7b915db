//! A peer as the engine's threads see it: found in the table, locked for a run of packets.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::drops::{DropReason, Drops};
use crate::key::PublicKey;
use crate::now::Now;
use crate::state::State;

/// Unique among all peers that a device ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(crate) u64);

/// Where and how much to send: the bytes are the first `len` of the output buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    pub len: usize,
    pub to: SocketAddr,
}

/// What became of a packet to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Send `out[..len]`: the packet encrypted, or a handshake initiation while the packet waits.
    Datagram(Datagram),
    /// Waits for the handshake that is under way (at most 256 packets do).
    Queued,
    /// Already counted.
    Dropped(DropReason),
}

/// A configured peer.
pub struct Peer {
    id: PeerId,
    key: PublicKey,
    drops: Arc<Drops>,
    pub(crate) state: Mutex<State>,
}

impl Peer {
    pub(crate) fn new(id: PeerId, key: PublicKey, drops: Arc<Drops>) -> Self {
        Peer {
            id,
            key,
            drops,
            state: Mutex::new(State::default()),
        }
    }

    pub fn id(&self) -> PeerId {
        self.id
    }

    pub fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Reserves `count` message numbers of the session that sends now. No lock is taken.
    ///
    /// None: nothing can be sent at once, [`Peer::wait`] is to be called for each packet.
    pub fn seal_run(&self, now: Now, count: usize) -> Option<Sealer<'_>> {
        let _ = (now, count);
        todo!()
    }

    /// Takes a packet for which [`Peer::seal_run`] had no session: a copy waits for the handshake,
    /// at most 256 do. A handshake initiation that is due is written to `out`; so is the packet
    /// itself if there is a session by now.
    ///
    /// `packet` comes without padding and may be padded up to `room` bytes. `out` holds at least
    /// [`crate::MIN_OUTPUT`] bytes.
    pub fn wait(&self, now: Now, packet: &[u8], room: usize, out: &mut [u8]) -> Sent {
        let _ = (now, packet, room, out);
        todo!()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Peer")
            .field("id", &self.id)
            .field("key", &self.key)
            .finish()
    }
}

/// Encrypts a run of packets in place: one session, one endpoint, a range of message numbers.
/// Numbers that are not used are skipped. Tells the peer what was sent when it is dropped.
pub struct Sealer<'p> {
    peer: &'p Peer,
    to: SocketAddr,
}

impl Sealer<'_> {
    /// Where the datagrams of this run go.
    pub fn to(&self) -> SocketAddr {
        self.to
    }

    /// Encrypts the inner packet `buffer[packet]` where it is and returns where the datagram is.
    ///
    /// [`crate::HEADER`] bytes in front of the packet, up to 15 bytes of padding and
    /// [`crate::TAG`] bytes behind it are overwritten. The padding is to a multiple of 16, but not
    /// beyond `room` bytes of inner packet: the tunnel's MTU (WireGuard clamps to it).
    ///
    /// None, counted as [`DropReason::BufferTooSmall`], if `buffer` does not reach that far; None
    /// also if all reserved numbers are used.
    pub fn seal(
        &mut self,
        buffer: &mut [u8],
        packet: Range<usize>,
        room: usize,
    ) -> Option<Range<usize>> {
        let _ = (buffer, packet, room, self.peer);
        todo!()
    }
}
