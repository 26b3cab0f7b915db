//! A peer's handshakes: started, answered, completed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::drops::DropReason;
use crate::handshake::{Ephemeral, Initiator, Keys, Responder, Timestamp};
use crate::message::{INITIATION, INITIATION_LEN, RESPONSE, RESPONSE_LEN, put_words};
use crate::now::Now;
use crate::peer::{Datagram, Sessions};
use crate::peers::Identity;
use crate::session::{REJECT_AFTER_TIME, Session};
use crate::state::Locked;

/// WireGuard paper §6.1, §6.4: this long between initiations, and some jitter.
pub(crate) const REKEY_TIMEOUT: Duration = Duration::from_secs(5);
const JITTER_MILLIS: u32 = 334;
/// Keys are wiped this long after the last session was made (§6.3).
pub(crate) const WIPE_AFTER: Duration = Duration::from_secs(3 * REJECT_AFTER_TIME.as_secs());
/// As the kernel: at most 50 initiations a second are taken from a peer.
const BETWEEN_INITIATIONS: Duration = Duration::from_millis(20);
/// As the kernel: timestamps are this coarse, a power of 2 near 20 ms, so that they do not tell how
/// the clock runs. Nanoseconds.
const TIMESTAMP_STEP: u32 = 1 << 24;
/// TAI64's second 0 of 1970, and the 10 s that TAI was ahead then.
const TAI64_EPOCH: u64 = (1 << 62) + 10;

impl Locked<'_> {
    /// Writes an initiation, unless one was sent within 5 s: then it is repeated in time.
    /// `again`: this is the repetition.
    pub(super) fn initiate(&mut self, now: Now, again: bool, out: &mut [u8]) -> Option<Datagram> {
        let to = self.peer.sessions.load().endpoint?;
        let identity = self.state.identity.clone()?;
        let handshakes = &mut self.state.handshakes;
        if !again {
            handshakes.wanted = Some(now.monotonic);
        }
        if let Some(last) = handshakes.initiated
            && now.monotonic.saturating_duration_since(last) < REKEY_TIMEOUT
        {
            let retry_at = last + REKEY_TIMEOUT + handshakes.jitter;
            handshakes.retry_at.get_or_insert(retry_at);
            return None;
        }
        handshakes.jitter = Duration::from_millis((OsRng.next_u32() % JITTER_MILLIS).into());
        handshakes.initiated = Some(now.monotonic);
        handshakes.retry_at = Some(now.monotonic + REKEY_TIMEOUT + handshakes.jitter);
        let timestamp = timestamp(now, &handshakes.own_timestamp);
        handshakes.own_timestamp = timestamp;
        let index = self.unused_index();
        let message = &mut out[..INITIATION_LEN];
        put_words(message, [INITIATION, index]);
        let peer = self.peer.public_key();
        let initiator = Initiator::new(&identity.secret, peer, ephemeral(), &timestamp, message);
        self.state.handshakes.initiator = Some((index, initiator.ok()?));
        self.state.stamper.stamp(now.monotonic, peer, message);
        self.peer.activity.sent(now.monotonic, message.len(), false);
        Some(Datagram {
            len: INITIATION_LEN,
            to,
        })
    }

    /// Answers an initiation of this peer by index `sender` of his, which was made for `identity`.
    pub fn respond(
        &mut self,
        now: Now,
        from: SocketAddr,
        identity: &Identity,
        initiation: Responder,
        sender: u32,
        out: &mut [u8],
    ) -> Result<Datagram, DropReason> {
        self.refuse()?;
        let own = self.state.identity.as_deref();
        if !own.is_some_and(|own| std::ptr::eq(own, identity)) {
            return Err(DropReason::WrongMac); // the private key was changed meanwhile
        }
        let handshakes = &mut self.state.handshakes;
        let since = |last| now.monotonic.saturating_duration_since(last);
        if handshakes
            .responded
            .is_some_and(|last| since(last) < BETWEEN_INITIATIONS)
        {
            return Err(DropReason::HandshakeFlood);
        }
        if initiation.timestamp <= handshakes.timestamp {
            return Err(DropReason::BadHandshake);
        }
        handshakes.timestamp = initiation.timestamp;
        handshakes.responded = Some(now.monotonic);
        let index = self.unused_index();
        let message = &mut out[..RESPONSE_LEN];
        put_words(message, [RESPONSE, index, sender]);
        let keys = initiation
            .respond(self.state.preshared.as_ref(), message)
            .map_err(|_| DropReason::BadHandshake)?;
        self.state
            .stamper
            .stamp(now.monotonic, self.peer.public_key(), message);
        let mut sessions = self.sessions();
        sessions.endpoint = Some(from);
        sessions.next = Some(self.derive(now, &keys, index, sender, false));
        sessions.previous = None;
        self.publish(sessions);
        let activity = &self.peer.activity;
        activity.received(now.monotonic, INITIATION_LEN, false);
        activity.sent(now.monotonic, message.len(), false);
        Ok(Datagram {
            len: RESPONSE_LEN,
            to: from,
        })
    }

    /// Takes the response, by index `sender` of the peer, to our initiation by `receiver`. The
    /// session's first message is then to be had from [`Locked::flush`].
    pub fn take_response(
        &mut self,
        now: Now,
        from: SocketAddr,
        response: &[u8],
        sender: u32,
        receiver: u32,
    ) -> Result<(), DropReason> {
        self.refuse()?;
        let state = &mut *self.state;
        let Some((_, initiator)) = &mut state
            .handshakes
            .initiator
            .as_mut()
            .filter(|(index, _)| *index == receiver)
        else {
            return Err(DropReason::BadHandshake);
        };
        let keys = initiator
            .finish(state.preshared.as_ref(), response)
            .map_err(|_| DropReason::BadHandshake)?;
        state.handshakes.initiator = None;
        state.confirm = true;
        let session = self.derive(now, &keys, receiver, sender, true);
        let sessions = self.sessions();
        self.publish(Sessions {
            endpoint: Some(from),
            // One that we responded for and that is not yet confirmed may be what the peer sends by.
            previous: sessions.next.or(sessions.current),
            current: Some(session),
            next: None,
            ..sessions
        });
        self.peer
            .activity
            .received(now.monotonic, RESPONSE_LEN, false);
        self.complete(now);
        Ok(())
    }

    pub fn take_cookie(&mut self, now: Now, cookie: &[u8]) -> Result<(), DropReason> {
        self.refuse()?;
        let key = self.peer.public_key();
        let taken = self.state.stamper.take_cookie(now.monotonic, key, cookie);
        taken.then_some(()).ok_or(DropReason::BadHandshake)
    }

    /// The first data came by a session that we responded for: it is used from now on.
    pub fn confirm(&mut self, now: Now, session: &Arc<Session>) {
        let sessions = self.sessions();
        if sessions
            .next
            .as_ref()
            .is_some_and(|next| Arc::ptr_eq(next, session))
        {
            self.publish(Sessions {
                previous: sessions.current,
                current: sessions.next,
                next: None,
                ..sessions
            });
            self.state.handshakes.initiator = None;
            self.state.confirm = false;
            self.complete(now);
        }
    }

    fn complete(&mut self, now: Now) {
        self.state.last_handshake = Some(now.wall);
        let handshakes = &mut self.state.handshakes;
        handshakes.retry_at = None;
        handshakes.wanted = None;
        handshakes.told_of_ending = false;
    }

    fn derive(
        &mut self,
        now: Now,
        keys: &Keys,
        local: u32,
        remote: u32,
        initiator: bool,
    ) -> Arc<Session> {
        self.state.handshakes.wipe_at = Some(now.monotonic + WIPE_AFTER);
        Arc::new(Session::new(keys, local, remote, initiator, now.monotonic))
    }

    fn refuse(&self) -> Result<(), DropReason> {
        self.peer.sessions.load().refused.map_or(Ok(()), Err)
    }

    /// At most four are in use.
    fn unused_index(&mut self) -> u32 {
        let sessions = self.peer.sessions.load();
        let handshakes = &mut self.state.handshakes;
        loop {
            handshakes.last_index = handshakes.last_index.wrapping_add(1);
            let index = self.peer.index << 8 | u32::from(handshakes.last_index);
            let waits = handshakes.initiator.as_ref().map(|(index, _)| *index);
            let mut used = sessions.all().map(|session| session.local).chain(waits);
            if used.all(|used| used != index) {
                return index;
            }
        }
    }
}

/// Drawn for one handshake.
pub(crate) fn ephemeral() -> Ephemeral {
    let mut key = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *key);
    key
}

/// TAI64N of the wall clock, but always greater than the last one.
fn timestamp(now: Now, last: &Timestamp) -> Timestamp {
    let since = now.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut timestamp = Timestamp::default();
    timestamp[..8].copy_from_slice(&(TAI64_EPOCH + since.as_secs()).to_be_bytes());
    timestamp[8..].copy_from_slice(&(since.subsec_nanos() & !(TIMESTAMP_STEP - 1)).to_be_bytes());
    if timestamp <= *last {
        // The clock was set back.
        let seconds = last
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        timestamp[..8].copy_from_slice(&(seconds + 1).to_be_bytes());
    }
    timestamp
}
