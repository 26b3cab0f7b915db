//! What is behind a peer's lock: keys, handshakes under way, packets that wait for one. Neither
//! sending nor receiving data needs it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::MutexGuard;

use crate::cookie::Stamper;
use crate::drops::DropReason;
use crate::handshake::{Initiator, Timestamp};
use crate::key::SecretKey;
use crate::now::Now;
use crate::peer::{Datagram, PADDING, Peer, Sent, Sessions};
use crate::peers::Identity;
use crate::{DATA_OVERHEAD, HEADER};

/// As many packets wait for a handshake. Ours; Linux has 128.
const QUEUE: usize = 256;

#[derive(Default)]
pub(crate) struct State {
    /// None while the device has no private key, and once the peer is removed.
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) preshared: Option<SecretKey>,
    /// Persistent keepalive, seconds; 0 is off.
    keepalive: u16,
    /// The persistent keepalive was just switched on.
    pub(super) keep_alive_at_once: bool,
    pub(super) handshakes: Handshakes,
    pub(super) stamper: Stamper,
    /// Padded already.
    pub(super) queue: VecDeque<Vec<u8>>,
    /// A session that we initiated: something has to be sent by it, so that the responder may use
    /// it too.
    pub(super) confirm: bool,
    pub last_handshake: Option<SystemTime>,
}

#[derive(Default)]
pub(super) struct Handshakes {
    /// Waits for a response to this index.
    pub initiator: Option<(u32, Initiator)>,
    pub initiated: Option<Instant>,
    /// Since when a session has been wanted.
    pub wanted: Option<Instant>,
    pub retry_at: Option<Instant>,
    /// Added to some of the times, so that two peers do not stay in step.
    pub jitter: Duration,
    /// A handshake was asked for because the session is about to end.
    pub told_of_ending: bool,
    /// When the last session's keys are to be wiped.
    pub wipe_at: Option<Instant>,
    pub own_timestamp: Timestamp,
    /// The greatest of the peer's.
    pub timestamp: Timestamp,
    pub responded: Option<Instant>,
    /// Lower 8 bits of the last index.
    pub last_index: u8,
}

/// A peer with its lock held. Nobody else changes its sessions meanwhile.
pub(crate) struct Locked<'p> {
    pub(super) peer: &'p Peer,
    pub(super) state: MutexGuard<'p, State>,
}

impl Locked<'_> {
    /// As the kernel: sessions live on. After a change of the private key they only receive.
    pub fn set_identity(&mut self, identity: Option<Arc<Identity>>) {
        let mut sessions = self.sessions();
        match &identity {
            Some(_) => sessions.all().for_each(|session| session.stop_sending()),
            None => {
                sessions = Sessions {
                    endpoint: sessions.endpoint,
                    ..Sessions::default()
                };
                self.drop_queue(DropReason::NoPrivateKey);
            }
        }
        sessions.refused = identity.is_none().then_some(DropReason::NoPrivateKey);
        self.publish(sessions);
        let handshakes = &mut self.state.handshakes;
        handshakes.initiator = None;
        handshakes.initiated = None; // the new key may be tried at once
        self.state.identity = identity;
    }

    /// For the handshakes from now on. One that is under way ends with this key.
    pub fn set_preshared(&mut self, key: Option<&SecretKey>) {
        if self.state.preshared.as_ref() != key {
            self.state.preshared = key.cloned();
        }
    }

    /// As the kernel: switching the keepalive on sends one at once.
    pub fn set_keepalive(&mut self, seconds: u16) {
        self.state.keep_alive_at_once |= self.state.keepalive == 0 && seconds != 0;
        self.state.keepalive = seconds;
    }

    pub fn set_endpoint(&mut self, endpoint: SocketAddr) {
        let mut sessions = self.sessions();
        if sessions.endpoint != Some(endpoint) {
            sessions.endpoint = Some(endpoint);
            self.publish(sessions);
        }
    }

    pub fn remove(&mut self) {
        self.drop_queue(DropReason::PeerRemoved);
        *self.state = State::default();
        self.publish(Sessions {
            refused: Some(DropReason::PeerRemoved),
            ..Sessions::default()
        });
    }

    pub fn last_handshake(&self) -> Option<SystemTime> {
        self.state.last_handshake
    }

    /// See [`Peer::wait`].
    pub fn wait(
        &mut self,
        now: Now,
        packet: &[u8],
        room: usize,
        out: &mut [u8],
    ) -> Result<Sent, DropReason> {
        let sessions = self.peer.sessions.load();
        if let Some(reason) = sessions.refused {
            return Err(reason);
        }
        sessions.endpoint.ok_or(DropReason::NoEndpoint)?;
        let padded = packet
            .len()
            .next_multiple_of(PADDING)
            .min(room.max(packet.len()));
        if self.state.queue.is_empty()
            && out.len() >= padded + DATA_OVERHEAD
            && let Some(sent) = self.seal(now, packet, room, out)
        {
            return Ok(Sent::Datagram(sent));
        }
        self.push(packet, padded);
        if self.peer.seal_run(now, 0).is_some() {
            return Ok(Sent::Queued); // flushed in its turn; a session is there
        }
        Ok(match self.initiate(now, false, out) {
            Some(initiation) => Sent::Datagram(initiation),
            None => Sent::Queued,
        })
    }

    pub(super) fn drop_queue(&mut self, reason: DropReason) {
        let waiting = std::mem::take(&mut self.state.queue).len();
        self.peer.drops.add(reason, waiting as u64);
    }

    fn push(&mut self, packet: &[u8], padded: usize) {
        let queue = &mut self.state.queue;
        let mut copy = Vec::new();
        if queue.len() == QUEUE {
            self.peer.drops.count(DropReason::QueueFull);
            copy = queue.pop_front().unwrap_or_default();
            copy.clear();
        }
        copy.extend_from_slice(packet);
        copy.resize(padded, 0);
        queue.push_back(copy);
    }

    /// The next packet that waited, if there is a session now. `out` holds at least a full
    /// datagram.
    pub fn flush(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        if self.state.queue.is_empty() && !self.state.confirm {
            return None;
        }
        while let Some(packet) = self.state.queue.pop_front() {
            if out.len() < packet.len() + DATA_OVERHEAD {
                self.peer.drops.count(DropReason::BufferTooSmall);
                continue;
            }
            let sent = self.seal(now, &packet, packet.len(), out);
            if sent.is_none() {
                self.state.queue.push_front(packet);
            }
            return sent;
        }
        let confirm = self.state.confirm;
        confirm.then(|| self.seal(now, &[], 0, out)).flatten()
    }

    /// `out` is long enough.
    pub(super) fn seal(
        &mut self,
        now: Now,
        packet: &[u8],
        room: usize,
        out: &mut [u8],
    ) -> Option<Datagram> {
        let mut sealer = self.peer.seal_run(now, 1)?;
        let range = HEADER..HEADER + packet.len();
        out[range.clone()].copy_from_slice(packet);
        let len = sealer.seal(out, range, room)?.len();
        self.state.confirm = false;
        Some(Datagram {
            len,
            to: sealer.to(),
        })
    }

    pub(super) fn keepalive(&self) -> Duration {
        Duration::from_secs(self.state.keepalive.into())
    }

    /// To be changed and published.
    pub(super) fn sessions(&self) -> Sessions {
        Sessions::clone(&self.peer.sessions.load())
    }

    pub(super) fn publish(&self, sessions: Sessions) {
        self.peer.sessions.store(Arc::new(sessions));
    }
}
