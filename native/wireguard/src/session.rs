//! A session: the keys of one handshake, encrypting and decrypting in place.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::handshake::Keys;
use crate::message::{DATA, put_words};
use crate::negotiate::REKEY_TIMEOUT;
use crate::replay::Window;
use crate::timers::KEEPALIVE_TIMEOUT;
use crate::{HEADER, TAG};

/// WireGuard paper §6.1: the initiator renews a session after the first, nobody uses it after the
/// second.
pub(crate) const REKEY_AFTER_TIME: Duration = Duration::from_secs(120);
pub(crate) const REJECT_AFTER_TIME: Duration = Duration::from_secs(180);
/// WireGuard paper §6.2: the initiator that only receives renews a session after this.
const ENDING_AFTER_TIME: Duration = REJECT_AFTER_TIME
    .saturating_sub(KEEPALIVE_TIMEOUT)
    .saturating_sub(REKEY_TIMEOUT);
pub(crate) const REKEY_AFTER_MESSAGES: u64 = 1 << 60;
pub(crate) const REJECT_AFTER_MESSAGES: u64 = u64::MAX - (1 << 13);

pub(crate) struct Session {
    sealing: LessSafeKey,
    opening: LessSafeKey,
    /// Our index: what is for this session is received by it.
    pub local: u32,
    remote: u32,
    pub initiator: bool,
    pub created: Instant,
    /// The number of the next message to send.
    next: AtomicU64,
    /// Taken by receivers alone.
    pub window: Arc<Mutex<Window>>,
}

impl Session {
    pub fn new(keys: &Keys, local: u32, remote: u32, initiator: bool, created: Instant) -> Self {
        Session {
            sealing: key(&keys.sending),
            opening: key(&keys.receiving),
            local,
            remote,
            initiator,
            created,
            next: AtomicU64::new(0),
            window: Arc::new(Mutex::new(Window::new())),
        }
    }

    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.created)
    }

    /// Takes the next `count` message numbers. None: not that many are left, or nothing is sent by
    /// this session any more.
    pub fn reserve(&self, count: usize) -> Option<Range<u64>> {
        let end = |start: u64| {
            let end = start.checked_add(u64::try_from(count).ok()?)?;
            (start < REJECT_AFTER_MESSAGES && end <= REJECT_AFTER_MESSAGES).then_some(end)
        };
        let start = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, end);
        start.ok().map(|start| start..start + count as u64)
    }

    /// Sends nothing from now on, but still receives.
    pub fn stop_sending(&self) {
        self.next.store(REJECT_AFTER_MESSAGES, Ordering::Relaxed);
    }

    /// For the initiator to ask for another session (WireGuard paper §6.2).
    pub fn is_due_for_renewal(&self, now: Instant) -> bool {
        self.next.load(Ordering::Relaxed) > REKEY_AFTER_MESSAGES
            || self.initiator && self.age(now) >= REKEY_AFTER_TIME
    }

    /// For the initiator that receives to ask for another session, in case that nothing is sent.
    pub fn is_ending(&self, now: Instant) -> bool {
        self.initiator && self.age(now) >= ENDING_AFTER_TIME
    }

    /// `datagram` is room for the header, the padded packet, and room for the tag. A number is
    /// used once.
    pub fn seal(&self, number: u64, datagram: &mut [u8]) {
        put_words(datagram, [DATA, self.remote]);
        datagram[8..HEADER].copy_from_slice(&number.to_le_bytes());
        let end = datagram.len() - TAG;
        let packet = &mut datagram[HEADER..end];
        let tag = self
            .sealing
            .seal_in_place_separate_tag(nonce(number), Aad::empty(), packet)
            .expect("shorter than 256 GiB");
        datagram[end..].copy_from_slice(tag.as_ref());
    }

    /// Decrypts what is behind the header of a datagram that is at least header and tag long. False
    /// if it is not authentic; its bytes are lost then.
    pub fn open(&self, number: u64, datagram: &mut [u8]) -> bool {
        let packet = &mut datagram[HEADER..];
        let opened = self
            .opening
            .open_in_place(nonce(number), Aad::empty(), packet);
        opened.is_ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // ring does not wipe its keys. Blank ones are put over them, and as far as the compiler
        // knows somebody looks at those.
        for used in [&mut self.sealing, &mut self.opening] {
            *used = key(&[0; 32]);
            black_box(used);
        }
    }
}

fn key(bytes: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&CHACHA20_POLY1305, bytes);
    LessSafeKey::new(key.expect("ChaCha20-Poly1305 takes 32 bytes"))
}

/// WireGuard paper §5.4.6: 32 zero bits, then the number, little-endian.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use zeroize::Zeroizing;

    use super::*;

    fn session(initiator: bool) -> Session {
        let keys = Keys {
            sending: Zeroizing::new([1; 32]),
            receiving: Zeroizing::new([2; 32]),
        };
        Session::new(&keys, 1, 2, initiator, Instant::now())
    }

    #[test]
    fn no_number_is_given_twice_and_none_beyond_the_last() {
        let session = session(true);
        assert_eq!(session.reserve(3), Some(0..3));
        assert_eq!(session.reserve(0), Some(3..3));
        assert_eq!(session.reserve(1), Some(3..4));
        session
            .next
            .store(REJECT_AFTER_MESSAGES - 5, Ordering::Relaxed);
        assert_eq!(session.reserve(6), None);
        assert_eq!(session.reserve(usize::MAX), None);
        let last = REJECT_AFTER_MESSAGES - 5..REJECT_AFTER_MESSAGES;
        assert_eq!(session.reserve(5), Some(last));
        for count in [0, 1, 1 << 14] {
            assert_eq!(session.reserve(count), None);
        }
    }

    #[test]
    fn threads_share_the_numbers() {
        let session = session(true);
        let take = || {
            (1..300)
                .flat_map(|n| session.reserve(n % 7).unwrap())
                .collect::<Vec<_>>()
        };
        let taken = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(take));
            threads.map(|thread| thread.join().unwrap()).concat()
        });
        let distinct: HashSet<_> = taken.iter().collect();
        assert_eq!(distinct.len(), taken.len());
        assert_eq!(taken.len() as u64, session.reserve(1).unwrap().start);
    }

    #[test]
    fn renewal_is_due_by_age_for_the_initiator_and_by_count_for_both() {
        for initiator in [true, false] {
            let session = session(initiator);
            let at = |seconds| session.created + Duration::from_secs(seconds);
            assert!(!session.is_due_for_renewal(at(119)));
            assert_eq!(session.is_due_for_renewal(at(120)), initiator);
            session.next.store(REKEY_AFTER_MESSAGES, Ordering::Relaxed);
            assert!(!session.is_due_for_renewal(at(0)));
            session.reserve(1);
            assert!(session.is_due_for_renewal(at(0)));
        }
    }
}
