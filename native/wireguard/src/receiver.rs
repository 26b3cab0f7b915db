//! Datagrams in: who they are from, what is in them, what is to be answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{ArcMutexGuard, RawMutex};

use crate::cookie::Verdict;
use crate::drops::DropReason;
use crate::handshake::Responder;
use crate::message::*;
use crate::negotiate::ephemeral;
use crate::now::Now;
use crate::peer::{Datagram, Peer, Sessions};
use crate::peers::Peers;
use crate::replay::Window;
use crate::session::{REJECT_AFTER_MESSAGES, REJECT_AFTER_TIME, Session};
use crate::{DATA_OVERHEAD, HEADER, MIN_OUTPUT, TAG};

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
    /// Taken in; nothing to do. A keepalive, a cookie, or a response.
    Nothing,
    /// Already counted.
    Dropped(DropReason),
}

/// Receives a batch. Holds the replay window of the last session that data came by, for which only
/// other receivers would wait: to be dropped at the end of the batch, and never two at once in a
/// thread. A peer learns at the end of a run of its datagrams what was received.
pub struct Receiver<'t> {
    peers: &'t Peers,
    run: Option<Run<'t>>,
    /// A handshake with it was completed.
    completed: Option<&'t Arc<Peer>>,
}

/// Data by one session.
struct Run<'t> {
    peer: &'t Arc<Peer>,
    session: Arc<Session>,
    window: ArcMutexGuard<RawMutex, Window>,
    endpoint: Option<SocketAddr>,
    /// The last address inside that the peer was found to be allowed.
    source: Option<IpAddr>,
    rejected_at: Instant,
    /// Whether data by it is still to confirm that the initiator has its keys.
    confirms: bool,
    /// Whether the session that sends is about to end.
    ending: bool,
    last: Instant,
    bytes: usize,
    authentic: bool,
    data: bool,
}

impl<'t> Receiver<'t> {
    pub(crate) fn new(peers: &'t Peers) -> Self {
        Receiver {
            peers,
            run: None,
            completed: None,
        }
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
        let received = match word(datagram, 0) {
            Some(DATA) => self.data(now, from, datagram),
            Some(_) if out.len() < MIN_OUTPUT => Err(DropReason::BufferTooSmall),
            Some(kind) => self.handshake(now, from, kind, datagram, out),
            None => Err(DropReason::Malformed),
        };
        received.unwrap_or_else(|reason| Received::Dropped(self.peers.drops.count(reason)))
    }

    /// Packets that waited for the handshake which the last datagram completed: until `None`.
    /// Those not asked for go with the next timers. `out` holds at least a full datagram.
    pub fn flush(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        let peer = self.completed?;
        self.run = None; // what was received comes before what is sent
        let flushed = peer.lock().flush(now, out);
        if flushed.is_none() {
            self.completed = None;
        }
        flushed
    }

    fn data(
        &mut self,
        now: Now,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<Received<'t>, DropReason> {
        let header: &[u8; DATA_OVERHEAD] = datagram.first_chunk().ok_or(DropReason::Malformed)?;
        let [_, _, _, _, i0, i1, i2, i3, number @ ..] = header;
        let index = u32::from_le_bytes([*i0, *i1, *i2, *i3]);
        let number = u64::from_le_bytes(*number.first_chunk().expect("8 bytes of 24"));
        if number >= REJECT_AFTER_MESSAGES {
            return Err(DropReason::BadData);
        }
        let run = match &mut self.run {
            Some(run) if run.session.local == index => run,
            run => {
                *run = None; // never two windows at once
                run.insert(Run::begin(self.peers, index, now)?)
            }
        };
        if now.monotonic >= run.rejected_at {
            return Err(DropReason::NoSession);
        }
        if !run.session.open(number, datagram) {
            return Err(DropReason::BadData);
        }
        if !run.window.accept(number) {
            return Err(DropReason::Replayed);
        }
        run.last = now.monotonic;
        run.authentic = true;
        // Roaming, WireGuard paper §2.1. Not back to where an older message came from, which another
        // thread's newer one, or the network, has overtaken.
        if run.endpoint != Some(from) && run.window.is_newest(number) {
            run.peer.lock().set_endpoint(from);
            run.endpoint = Some(from);
        }
        if run.confirms {
            run.peer.lock().confirm(now, &run.session);
            run.confirms = false;
            self.completed = Some(run.peer);
        }
        let end = datagram.len() - TAG;
        if end == HEADER {
            run.bytes += datagram.len();
            return Ok(Received::Nothing);
        }
        run.data = true;
        let (source, len) = inspect(&datagram[HEADER..end]).ok_or(DropReason::NotIp)?;
        if run.source != Some(source) {
            if self.peers.allowed.owner(source) != Some(run.peer.id()) {
                return Err(DropReason::SourceNotAllowed);
            }
            run.source = Some(source);
        }
        run.bytes += datagram.len();
        Ok(Received::Packet {
            peer: run.peer,
            packet: HEADER..HEADER + len,
        })
    }

    fn handshake(
        &mut self,
        now: Now,
        from: SocketAddr,
        kind: u32,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<Received<'t>, DropReason> {
        let second = word(message, 4).ok_or(DropReason::Malformed)?;
        match (kind, message.len()) {
            (COOKIE, COOKIE_LEN) => {
                self.peers
                    .by_index(second)?
                    .lock()
                    .take_cookie(now, message)?;
                return Ok(Received::Nothing);
            }
            (INITIATION, INITIATION_LEN) | (RESPONSE, RESPONSE_LEN) => {}
            _ => return Err(DropReason::Malformed),
        }
        let identity = self.peers.identity.as_deref();
        let identity = identity.ok_or(DropReason::NoPrivateKey)?;
        match identity.checker.check(now.monotonic, from, message, out) {
            Verdict::Answer => {}
            Verdict::Cookie => {
                return Ok(Received::Reply(Datagram {
                    len: COOKIE_LEN,
                    to: from,
                }));
            }
            Verdict::WrongMac => return Err(DropReason::WrongMac),
            Verdict::Flood => return Err(DropReason::HandshakeFlood),
        }
        if kind == INITIATION {
            let initiation = Responder::read(&identity.secret, ephemeral(), message)
                .map_err(|_| DropReason::BadHandshake)?;
            let peer = self.peers.by_key(&initiation.peer);
            let mut peer = peer.ok_or(DropReason::UnknownPeer)?.lock();
            let reply = peer.respond(now, from, identity, initiation, second, out)?;
            return Ok(Received::Reply(reply));
        }
        let receiver = word(message, 8).ok_or(DropReason::Malformed)?;
        let peer = self.peers.by_index(receiver)?;
        peer.lock()
            .take_response(now, from, message, second, receiver)?;
        self.completed = Some(peer);
        Ok(Received::Nothing)
    }
}

impl<'t> Run<'t> {
    fn begin(peers: &'t Peers, index: u32, now: Now) -> Result<Self, DropReason> {
        let peer = peers.by_index(index)?;
        let sessions = peer.sessions.load();
        if let Some(reason) = sessions.refused {
            return Err(reason);
        }
        let session = sessions.all().find(|session| session.local == index);
        let session = session.ok_or(DropReason::NoSession)?;
        if let Some(window) = session.window.try_lock_arc() {
            return Ok(Run::of(peer, &sessions, session, window, now));
        }
        // Another thread receives from the same peer, which roams or has both address families. What
        // it does meanwhile, to the endpoint for example, is seen once it is done.
        let window = session.window.lock_arc();
        Ok(Run::of(peer, &peer.sessions.load(), session, window, now))
    }

    fn of(
        peer: &'t Arc<Peer>,
        sessions: &Sessions,
        session: &Arc<Session>,
        window: ArcMutexGuard<RawMutex, Window>,
        now: Now,
    ) -> Self {
        Run {
            peer,
            window,
            endpoint: sessions.endpoint,
            source: None,
            rejected_at: session.created + REJECT_AFTER_TIME,
            confirms: sessions
                .next
                .as_ref()
                .is_some_and(|next| Arc::ptr_eq(next, session)),
            ending: sessions
                .current
                .as_ref()
                .is_some_and(|current| current.is_ending(now.monotonic)),
            session: session.clone(),
            last: now.monotonic,
            bytes: 0,
            authentic: false,
            data: false,
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.authentic {
            let activity = &self.peer.activity;
            activity.received(self.last, self.bytes, self.data);
            if self.ending {
                activity.tell_of_ending();
            }
        }
    }
}

/// Source address and length of an IP packet that may have padding behind it.
fn inspect(padded: &[u8]) -> Option<(IpAddr, usize)> {
    let (source, header, len) = match padded.first()? >> 4 {
        4 => {
            let header: &[u8; 20] = padded.first_chunk()?;
            let [_, _, l0, l1, _, _, _, _, _, _, _, _, s0, s1, s2, s3, ..] = *header;
            let len = usize::from(u16::from_be_bytes([l0, l1]));
            let source: IpAddr = Ipv4Addr::new(s0, s1, s2, s3).into();
            (source, header.len(), len)
        }
        6 => {
            let header: &[u8; 40] = padded.first_chunk()?;
            let payload = usize::from(u16::from_be_bytes([header[4], header[5]]));
            let source: &[u8; 16] = header[8..].first_chunk()?;
            (
                Ipv6Addr::from(*source).into(),
                header.len(),
                header.len() + payload,
            )
        }
        _ => return None,
    };
    (header..=padded.len())
        .contains(&len)
        .then_some((source, len))
}
