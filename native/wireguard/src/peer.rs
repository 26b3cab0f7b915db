//! A peer as the engine's threads see it: found in the table, locked for a run of packets.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::drops::{DropReason, Drops};
use crate::key::PublicKey;
use crate::now::Now;
use crate::state::State;

/// WireGuard paper §5.4.6: plaintext is padded to a multiple of this many bytes.
const PADDING: usize = 16;

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

    /// For a run of packets to this peer. Never while a [`crate::Receiver`] of the same thread is
    /// held.
    pub fn lock(&self) -> LockedPeer<'_> {
        LockedPeer {
            drops: &self.drops,
            state: self.state.lock(),
        }
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

pub struct LockedPeer<'p> {
    drops: &'p Drops,
    state: MutexGuard<'p, State>,
}

impl LockedPeer<'_> {
    /// Encrypts the inner packet `packet[..len]` into `out`.
    ///
    /// The bytes of `packet` behind `len`, up to the next multiple of 16, are overwritten by the
    /// padding. Padding ends where the slice does: one that ends at the tunnel's MTU gives
    /// WireGuard's clamping to it. `out` needs the padded length and [`crate::DATA_OVERHEAD`], and at
    /// least [`crate::MIN_OUTPUT`].
    pub fn send(&mut self, now: Now, packet: &mut [u8], len: usize, out: &mut [u8]) -> Sent {
        let sent = match packet.len() {
            room if room < len => Err(DropReason::BufferTooSmall),
            room => {
                let padded = len.next_multiple_of(PADDING).min(room);
                packet[len..padded].fill(0);
                self.state.encrypt(now, &packet[..padded], out)
            }
        };
        sent.unwrap_or_else(|reason| Sent::Dropped(self.drops.count(reason)))
    }

    pub fn endpoint(&self) -> Option<SocketAddr> {
        self.state.endpoint
    }
}
