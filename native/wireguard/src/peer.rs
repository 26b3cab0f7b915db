//! A peer as the engine's threads see it: found in the table, sent to without a lock.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;

use crate::activity::Activity;
use crate::drops::{DropReason, Drops};
use crate::key::PublicKey;
use crate::now::Now;
use crate::session::{REJECT_AFTER_TIME, Session};
use crate::state::{Locked, State};
use crate::{HEADER, MIN_OUTPUT, TAG};

/// WireGuard paper §5.4.6: plaintext is padded to a multiple of this many bytes.
pub(crate) const PADDING: usize = 16;

/// Unique among all peers that a device ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub(crate) u64);

/// Where and how much to send: the bytes are the first `len` of the output buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    pub len: usize,
    pub to: SocketAddr,
}

/// What became of a packet that could not be encrypted at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Send `out[..len]`: a handshake initiation while the packet waits, or the packet itself.
    Datagram(Datagram),
    /// Waits for the handshake that is under way.
    Queued,
    /// Already counted.
    Dropped(DropReason),
}

/// A configured peer.
pub struct Peer {
    id: PeerId,
    key: PublicKey,
    /// Upper 24 bits of the indices of its sessions.
    pub(crate) index: u32,
    pub(crate) drops: Arc<Drops>,
    /// Changed only by who holds `state`.
    pub(crate) sessions: ArcSwap<Sessions>,
    pub(crate) activity: Activity,
    state: Mutex<State>,
}

/// What sending and receiving need to know of a peer, in one piece.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    /// Why there is no session and will be none: the peer is removed, or the device has no key.
    pub refused: Option<DropReason>,
    pub endpoint: Option<SocketAddr>,
    /// Data is sent by this one, and received by all of them (WireGuard paper §6.3).
    pub current: Option<Arc<Session>>,
    pub previous: Option<Arc<Session>>,
    /// We responded; the initiator has not yet shown by data that he has the keys.
    pub next: Option<Arc<Session>>,
}

impl Sessions {
    pub fn all(&self) -> impl Iterator<Item = &Arc<Session>> {
        [&self.current, &self.previous, &self.next]
            .into_iter()
            .flatten()
    }
}

impl Peer {
    pub(crate) fn new(
        id: PeerId,
        key: PublicKey,
        index: u32,
        drops: Arc<Drops>,
        now: Instant,
    ) -> Self {
        let sessions = Sessions {
            refused: Some(DropReason::NoPrivateKey), // until it is told of one
            ..Sessions::default()
        };
        Peer {
            id,
            key,
            index,
            drops,
            sessions: ArcSwap::from_pointee(sessions),
            activity: Activity::new(now),
            state: Mutex::default(),
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
        let sessions = self.sessions.load();
        let session = sessions.current.as_ref()?;
        let to = sessions.endpoint?;
        if session.age(now.monotonic) >= REJECT_AFTER_TIME {
            return None;
        }
        let numbers = session.reserve(count)?;
        if session.is_due_for_renewal(now.monotonic) {
            self.activity.ask_for_renewal();
        }
        Some(Sealer {
            peer: self,
            to,
            now: now.monotonic,
            numbers,
            sessions,
            sealed_bytes: 0,
            sealed_data: false,
        })
    }

    /// Takes a packet for which [`Peer::seal_run`] had no session: a copy waits for the handshake.
    /// At most 256 do; one more and the oldest is dropped. A handshake initiation that is due is
    /// written to `out`; so is the packet itself if there is a session by now.
    ///
    /// `packet` comes without padding and may be padded up to `room` bytes. `out` holds at least
    /// [`crate::MIN_OUTPUT`] bytes.
    pub fn wait(&self, now: Now, packet: &[u8], room: usize, out: &mut [u8]) -> Sent {
        let sent = if out.len() < MIN_OUTPUT {
            Err(DropReason::BufferTooSmall)
        } else {
            self.lock().wait(now, packet, room, out)
        };
        sent.unwrap_or_else(|reason| Sent::Dropped(self.drops.count(reason)))
    }

    /// For handshakes, timers, packets that wait, and configuration.
    pub(crate) fn lock(&self) -> Locked<'_> {
        Locked {
            peer: self,
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

/// Encrypts a run of packets in place: one session, one endpoint, a range of message numbers.
/// Numbers that are not used are skipped. Tells the peer what was sent when it is dropped.
pub struct Sealer<'p> {
    peer: &'p Peer,
    to: SocketAddr,
    now: Instant,
    numbers: Range<u64>,
    /// Has a current one.
    sessions: Guard<Arc<Sessions>>,
    sealed_bytes: usize,
    sealed_data: bool,
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
        let Some(place) = place(buffer.len(), &packet, room) else {
            self.peer.drops.count(DropReason::BufferTooSmall);
            return None;
        };
        let number = self.numbers.next()?;
        buffer[packet.end..place.end - TAG].fill(0);
        let session = self.sessions.current.as_ref()?;
        session.seal(number, &mut buffer[place.clone()]);
        self.sealed_bytes += place.len();
        self.sealed_data |= !packet.is_empty();
        Some(place)
    }
}

impl Drop for Sealer<'_> {
    fn drop(&mut self) {
        if self.sealed_bytes > 0 {
            let (bytes, data) = (self.sealed_bytes, self.sealed_data);
            self.peer.activity.sent(self.now, bytes, data);
        }
    }
}

/// The whole datagram's, if a buffer of that length has room for it.
fn place(buffer: usize, packet: &Range<usize>, room: usize) -> Option<Range<usize>> {
    let len = packet.end.checked_sub(packet.start)?;
    let padded = len.checked_next_multiple_of(PADDING)?.min(room.max(len));
    let start = packet.start.checked_sub(HEADER)?;
    let end = packet.start.checked_add(padded)?.checked_add(TAG)?;
    (end <= buffer).then_some(start..end)
}
