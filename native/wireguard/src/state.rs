//! What is behind a peer's lock: boringtun's `Tunn` and what WireGuard keeps around it (endpoint,
//! counters, the time of the last handshake, the persistent keepalive).

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use boringtun::noise::errors::WireGuardError;
use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519;

use crate::drops::{DropReason, Drops};
use crate::key::{PublicKey, SecretKey};
use crate::now::Now;
use crate::peer::{Datagram, Sent};
use crate::peers::Identity;
use crate::{DATA_OVERHEAD, MIN_OUTPUT};

/// First byte of a data message.
const DATA: u8 = 4;
/// WireGuard paper §6.1: a session is renewed after the first, refused after the second.
const REKEY_AFTER_TIME: Duration = Duration::from_secs(120);
const REJECT_AFTER_TIME: Duration = Duration::from_secs(180);
/// WireGuard paper §6.1; boringtun would overflow above it.
const REJECT_AFTER_MESSAGES: u64 = u64::MAX - (1 << 13);
/// As the kernel: at most 50 initiations a second are taken from a peer.
const BETWEEN_INITIATIONS: Duration = Duration::from_millis(20);
/// As many packets wait for a handshake: boringtun's limit, which it keeps without a word.
const QUEUE: u64 = 256;

pub(crate) enum Decrypted {
    Keepalive,
    Packet { len: usize },
}

#[derive(Default)]
pub(crate) struct State {
    /// None while the device has no private key, and once the peer is removed.
    tunn: Option<Tunn>,
    /// Upper 24 bits of the indices of `tunn`'s sessions.
    index: u32,
    replaced: Option<Replaced>,
    removed: bool,
    pub endpoint: Option<SocketAddr>,
    /// Persistent keepalive, seconds; 0 is off.
    pub keepalive: u16,
    /// Anything authentic, sent or received: puts the persistent keepalive off.
    last_traversal: Option<Instant>,
    last_initiation: Option<Instant>,
    pub last_handshake: Option<SystemTime>,
    pub tx_bytes: u64,
    pub rx_bytes: u64,
    /// Our index of a session we answered for; its first data completes the handshake.
    unconfirmed: Option<u32>,
    /// A handshake was completed: what waited for it can go.
    flush: bool,
    /// Packets that wait inside `tunn`.
    waiting: u64,
    /// Packets that will never go, not yet counted as dropped.
    lost: u64,
}

/// The sessions from before a change of keys. boringtun takes keys only when a `Tunn` is made,
/// WireGuard lets sessions live on when they change.
struct Replaced {
    tunn: Tunn,
    index: u32,
    /// Whether it still sends until the new keys have a session. After a change of the preshared
    /// key it does, after a change of the private key it only receives.
    sends: bool,
    /// When to start a handshake with the new keys; None once started.
    rekey_at: Option<Instant>,
    until: Instant,
}

impl State {
    /// Starts anew with these keys, keeping the sessions there are for as long as they may live.
    pub fn renew(
        &mut self,
        now: Now,
        identity: Option<&Identity>,
        peer: &PublicKey,
        preshared: Option<&SecretKey>,
        index: u32,
        old_sends: bool,
    ) {
        let before = self.tunn.take();
        let before_index = std::mem::replace(&mut self.index, index);
        if !old_sends && let Some(replaced) = &mut self.replaced {
            replaced.sends = false;
        }
        if let Some(tunn) = before
            && let Some(age) = tunn.time_since_last_handshake()
            && age < REJECT_AFTER_TIME
        {
            self.replaced = Some(Replaced {
                tunn,
                index: before_index,
                sends: old_sends,
                rekey_at: Some(now.monotonic + REKEY_AFTER_TIME.saturating_sub(age)),
                until: now.monotonic + (REJECT_AFTER_TIME - age),
            });
        }
        self.unconfirmed = None;
        self.lost += std::mem::take(&mut self.waiting);
        self.tunn = identity.map(|identity| {
            Tunn::new(
                identity.secret.clone(),
                x25519::PublicKey::from(*peer.as_bytes()),
                preshared.map(|key| *key.bytes()),
                None, // the persistent keepalive is ours: boringtun's cannot be changed
                index,
                Some(identity.unlimited.clone()),
            )
        });
    }

    pub fn remove(&mut self) {
        *self = State {
            removed: true,
            ..State::default()
        };
    }

    /// Whose sessions may name this peer.
    pub fn indices(&self) -> impl Iterator<Item = u32> {
        let current = self.tunn.is_some().then_some(self.index);
        current
            .into_iter()
            .chain(self.replaced.as_ref().map(|replaced| replaced.index))
    }

    /// As the kernel: switching the keepalive on sends one at once.
    pub fn set_keepalive(&mut self, seconds: u16) {
        if self.keepalive == 0 {
            self.last_traversal = None;
        }
        self.keepalive = seconds;
    }

    fn tunn(&mut self) -> Result<&mut Tunn, DropReason> {
        let missing = if self.removed {
            DropReason::PeerRemoved
        } else {
            DropReason::NoPrivateKey
        };
        self.tunn.as_mut().ok_or(missing)
    }

    /// `plain` is padded already.
    pub fn encrypt(&mut self, now: Now, plain: &[u8], out: &mut [u8]) -> Result<Sent, DropReason> {
        self.tunn()?;
        let to = self.endpoint.ok_or(DropReason::NoEndpoint)?;
        if out.len() < (plain.len() + DATA_OVERHEAD).max(MIN_OUTPUT) {
            return Err(DropReason::BufferTooSmall);
        }
        let len = length(self.sending_tunn(now)?.encapsulate(plain, out));
        let encrypted = len.is_some() && out[0] == DATA;
        if let Some(len) = len {
            self.sent(now, len);
        }
        match (encrypted, self.waiting < QUEUE) {
            (true, _) => {}
            (false, true) => self.waiting += 1,
            (false, false) if len.is_none() => return Err(DropReason::QueueFull),
            (false, false) => self.lost += 1, // but a handshake starts
        }
        Ok(len.map_or(Sent::Queued, |len| Sent::Datagram(Datagram { len, to })))
    }

    /// The new keys' sessions, or the old ones' as long as there are no others.
    fn sending_tunn(&mut self, now: Now) -> Result<&mut Tunn, DropReason> {
        if let Some(old) = &self.replaced
            && old.sends
            && now.monotonic < old.until
            && !self.tunn.as_ref().is_some_and(has_session)
        {
            return Ok(&mut self.replaced.as_mut().expect("just seen").tunn);
        }
        self.tunn()
    }

    pub fn data(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Result<Decrypted, DropReason> {
        let header: &[u8; DATA_OVERHEAD] = datagram.first_chunk().ok_or(DropReason::Malformed)?;
        let index = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        let counter = u64::from_le_bytes(header[8..16].try_into().expect("8 bytes"));
        if counter >= REJECT_AFTER_MESSAGES {
            return Err(DropReason::BadData);
        }
        let current = self.index;
        self.tunn()?;
        let tunn = match &mut self.replaced {
            Some(old) if old.index == index >> 8 && now.monotonic < old.until => &mut old.tunn,
            _ if current == index >> 8 => self.tunn()?,
            _ => return Err(DropReason::NoSession),
        };
        let decrypted = match tunn.decapsulate(None, datagram, out) {
            TunnResult::Done => Ok(Decrypted::Keepalive),
            TunnResult::WriteToTunnelV4(packet, _) | TunnResult::WriteToTunnelV6(packet, _) => {
                Ok(Decrypted::Packet { len: packet.len() })
            }
            // The length was looked at above: this is about what was inside.
            TunnResult::Err(WireGuardError::InvalidPacket) => Err(DropReason::NotIp),
            TunnResult::Err(WireGuardError::InvalidCounter | WireGuardError::DuplicateCounter) => {
                return Err(DropReason::Replayed);
            }
            TunnResult::Err(WireGuardError::NoCurrentSession | WireGuardError::WrongIndex) => {
                return Err(DropReason::NoSession);
            }
            TunnResult::Err(_) | TunnResult::WriteToNetwork(_) => {
                return Err(DropReason::BadData);
            }
        };
        // Authentic: WireGuard paper §6.5, roaming.
        self.endpoint = Some(from);
        self.last_traversal = Some(now.monotonic);
        if self.unconfirmed == Some(index) {
            self.unconfirmed = None;
            self.handshake_completed(now);
        }
        decrypted
    }

    /// An initiation or a response whose MAC is right. Returns the length of the answer.
    pub fn handshake(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut [u8],
    ) -> Result<usize, DropReason> {
        let initiation = datagram.first() == Some(&1);
        let since = self
            .last_initiation
            .map(|last| now.monotonic.duration_since(last));
        if initiation && since.is_some_and(|since| since < BETWEEN_INITIATIONS) {
            return Err(DropReason::HandshakeFlood);
        }
        let len = match self.tunn()?.decapsulate(Some(from.ip()), datagram, out) {
            TunnResult::WriteToNetwork(answer) => answer.len(),
            _ => return Err(DropReason::BadHandshake),
        };
        self.endpoint = Some(from);
        self.rx_bytes += datagram.len() as u64;
        self.sent(now, len);
        if initiation {
            self.last_initiation = Some(now.monotonic);
            self.unconfirmed = Some(u32::from_le_bytes([out[4], out[5], out[6], out[7]]));
        } else {
            self.handshake_completed(now);
        }
        Ok(len)
    }

    pub fn cookie(&mut self, datagram: &[u8], out: &mut [u8]) -> Result<(), DropReason> {
        match self.tunn()?.decapsulate(None, datagram, out) {
            TunnResult::Done => Ok(()),
            _ => Err(DropReason::BadHandshake),
        }
    }

    pub fn flush(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        if !self.flush {
            return None;
        }
        self.flush = false;
        let to = self.endpoint?;
        // Without a session boringtun would put the packet back and start a handshake.
        let tunn = self.tunn.as_mut().filter(|tunn| has_session(tunn))?;
        let TunnResult::WriteToNetwork(datagram) = tunn.decapsulate(None, &[], out) else {
            return None;
        };
        let len = datagram.len();
        self.flush = true;
        self.waiting = self.waiting.saturating_sub(1);
        self.sent(now, len);
        Some(Datagram { len, to })
    }

    pub fn update_timers(
        &mut self,
        now: Now,
        out: &mut [u8],
        drops: &Drops,
        send: &mut impl FnMut(&[u8], SocketAddr),
    ) {
        if out.len() < MIN_OUTPUT {
            return;
        }
        while let Some(queued) = self.flush(now, out) {
            send(&out[..queued.len], queued.to);
        }
        if self
            .replaced
            .as_ref()
            .is_some_and(|old| now.monotonic >= old.until)
        {
            self.replaced = None;
        }
        drops.add(DropReason::NoAnswer, std::mem::take(&mut self.lost));
        let Some(tunn) = &mut self.tunn else { return };
        // boringtun counts the 15 s without an answer, after which WireGuard asks for another
        // handshake, from the last packet received, not from the first unanswered one: data after
        // a silence may start a handshake that WireGuard's would not. The session stays in use.
        //
        // ConnectionExpired after 90 s without an answer is no end: the next packet to send, or
        // the next persistent keepalive, starts another handshake.
        let timed = match tunn.update_timers(out) {
            TunnResult::Err(WireGuardError::ConnectionExpired) => {
                drops.add(DropReason::NoAnswer, std::mem::take(&mut self.waiting));
                None
            }
            other => length(other),
        };
        let Some(to) = self.endpoint else { return };
        if let Some(len) = timed {
            self.sent(now, len);
            send(&out[..len], to);
        }
        if let Some(len) = self.renewal(now, out).or_else(|| self.keep_alive(now, out)) {
            self.sent(now, len);
            send(&out[..len], to);
        }
    }

    /// A handshake with changed keys, when the old session would be due for one.
    fn renewal(&mut self, now: Now, out: &mut [u8]) -> Option<usize> {
        let old = self.replaced.as_mut().filter(|old| old.sends)?;
        old.rekey_at.take_if(|at| now.monotonic >= *at)?;
        let tunn = self.tunn.as_mut().filter(|tunn| !has_session(tunn))?;
        length(tunn.format_handshake_initiation(out, false))
    }

    /// WireGuard's persistent keepalive: so long after anything authentic, for ever.
    fn keep_alive(&mut self, now: Now, out: &mut [u8]) -> Option<usize> {
        let interval = Duration::from_secs(self.keepalive.into());
        let quiet = self
            .last_traversal
            .map(|last| now.monotonic.duration_since(last));
        if interval.is_zero() || quiet.is_some_and(|quiet| quiet < interval) {
            return None;
        }
        let tunn = self.sending_tunn(now).ok()?;
        length(if has_session(tunn) {
            tunn.encapsulate(&[], out)
        } else {
            tunn.format_handshake_initiation(out, false) // nothing if one is under way
        })
    }

    /// As WireGuard counts: whole messages, handshakes and keepalives included.
    fn sent(&mut self, now: Now, len: usize) {
        self.tx_bytes += len as u64;
        self.last_traversal = Some(now.monotonic);
    }

    fn handshake_completed(&mut self, now: Now) {
        self.last_handshake = Some(now.wall);
        self.flush = true;
    }
}

fn has_session(tunn: &Tunn) -> bool {
    tunn.time_since_last_handshake().is_some()
}

fn length(result: TunnResult) -> Option<usize> {
    match result {
        TunnResult::WriteToNetwork(datagram) => Some(datagram.len()),
        _ => None,
    }
}
