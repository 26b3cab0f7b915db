//! MACs and cookies (WireGuard paper §5.3, §5.4.4, §5.4.7): who does not know the device's public
//! key gets no answer, and under load nobody gets one who has not shown that his address is his, nor
//! more than an address's share.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use blake2::digest::consts::U16;
use blake2::digest::{Digest, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{Key, Tag, XChaCha20Poly1305, XNonce};
use parking_lot::Mutex;
use rand_core::{OsRng, RngCore};
use zeroize::Zeroizing;

use crate::key::PublicKey;
use crate::message::{COOKIE, COOKIE_LEN, put_words, word};

/// Handshake messages a second, of the whole device, from which on a sender must prove its
/// address. Ours; a handshake costs about 0.2 ms.
const HANDSHAKES_PER_SECOND: u32 = 100;
/// As the kernel: under load so many are answered to one address a second, or to one /64 of IPv6.
const FROM_ONE_ADDRESS: u32 = 20;
/// Under load so many addresses are answered to in a second. Ours: bounds memory and work.
const ADDRESSES: usize = 1024;
const SECOND: Duration = Duration::from_secs(1);
/// WireGuard paper §5.4.7: the secret that cookies are made of changes this often.
const SECRET_LIFE: Duration = Duration::from_secs(120);
/// A cookie is used for 5 s less: it has to be valid still when it arrives.
const COOKIE_LIFE: Duration = Duration::from_secs(115);

const MAC: usize = 16;
type MacBytes = [u8; MAC];

/// What a device makes of the MACs that it gets.
pub(crate) struct Checker {
    mac1_key: [u8; 32],
    cookie_key: [u8; 32],
    /// Taken for handshakes alone.
    load: Mutex<Load>,
}

#[derive(Default)]
struct Load {
    second: Option<Instant>,
    messages: u32,
    /// Messages of this second from addresses that are proven.
    proven: HashMap<IpAddr, u32>,
    secret: Option<(Instant, Zeroizing<[u8; 32]>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answer,
    /// Answer with the cookie that was written.
    Cookie,
    WrongMac,
    /// Too many from this address.
    Flood,
}

impl Checker {
    pub fn new(own: &PublicKey) -> Self {
        Checker {
            mac1_key: hash(b"mac1----", own),
            cookie_key: hash(b"cookie--", own),
            load: Mutex::default(),
        }
    }

    /// `message` is an initiation or a response, `out` room for a cookie.
    pub fn check(&self, now: Instant, from: SocketAddr, message: &[u8], out: &mut [u8]) -> Verdict {
        let (rest, mac2) = message.split_at(message.len() - MAC);
        let (covered, mac1) = rest.split_at(rest.len() - MAC);
        if !verify(&self.mac1_key, covered, mac1) {
            return Verdict::WrongMac;
        }
        let Some(cookie) = self.load.lock().cookie_if_overloaded(now, from) else {
            return Verdict::Answer;
        };
        if verify(&cookie, rest, mac2) {
            let admitted = self.load.lock().admit(from.ip());
            return if admitted {
                Verdict::Answer
            } else {
                Verdict::Flood
            };
        }
        let sender = word(message, 4).expect("a handshake message is longer");
        let mut nonce = XNonce::default();
        OsRng.fill_bytes(&mut nonce);
        self.write(sender, &nonce, cookie, mac1, out);
        Verdict::Cookie
    }

    fn write(&self, to: u32, nonce: &XNonce, mut cookie: MacBytes, mac1: &[u8], out: &mut [u8]) {
        let tag = XChaCha20Poly1305::new(Key::from_slice(&self.cookie_key))
            .encrypt_in_place_detached(nonce, mac1, &mut cookie)
            .expect("16 bytes are not too many");
        put_words(out, [COOKIE, to]);
        out[8..32].copy_from_slice(nonce);
        out[32..48].copy_from_slice(&cookie);
        out[48..COOKIE_LEN].copy_from_slice(&tag);
    }
}

impl Load {
    /// Counts a message. The cookie of its sender, if he has to have it.
    fn cookie_if_overloaded(&mut self, now: Instant, from: SocketAddr) -> Option<MacBytes> {
        let is_over = |since: &Instant, life| now.saturating_duration_since(*since) >= life;
        if self.second.is_none_or(|since| is_over(&since, SECOND)) {
            self.second = Some(now);
            self.messages = 0;
            self.proven.clear();
        }
        self.messages = self.messages.saturating_add(1);
        if self.messages <= HANDSHAKES_PER_SECOND {
            return None;
        }
        self.secret
            .take_if(|(since, _)| is_over(since, SECRET_LIFE));
        let (_, secret) = self.secret.get_or_insert_with(|| {
            let mut secret = Zeroizing::new([0; 32]);
            OsRng.fill_bytes(&mut *secret);
            (now, secret)
        });
        let mut cookie = keyed(&**secret);
        match from.ip() {
            IpAddr::V4(ip) => cookie.update(&ip.octets()),
            IpAddr::V6(ip) => cookie.update(&ip.octets()),
        }
        cookie.update(&from.port().to_be_bytes());
        Some(cookie.finalize().into_bytes().into())
    }

    /// Counts a message from an address that is proven. False: it has had its share.
    fn admit(&mut self, from: IpAddr) -> bool {
        let from = match from {
            IpAddr::V4(_) => from,
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) >> 64 << 64).into(),
        };
        if self.proven.len() >= ADDRESSES && !self.proven.contains_key(&from) {
            return false;
        }
        let messages = self.proven.entry(from).or_default();
        *messages = messages.saturating_add(1);
        *messages <= FROM_ONE_ADDRESS
    }
}

/// What a peer's MACs are made of.
#[derive(Default)]
pub(crate) struct Stamper {
    last_mac1: Option<MacBytes>,
    cookie: Option<(Instant, MacBytes)>,
}

impl Stamper {
    /// Writes both MACs at the end of an initiation or a response.
    pub fn stamp(&mut self, now: Instant, peer: &PublicKey, message: &mut [u8]) {
        let at = message.len() - 2 * MAC;
        let mac1 = mac(&hash(b"mac1----", peer), &message[..at]);
        message[at..at + MAC].copy_from_slice(&mac1);
        self.last_mac1 = Some(mac1);
        self.cookie
            .take_if(|(since, _)| now.saturating_duration_since(*since) >= COOKIE_LIFE);
        let mac2 = match &self.cookie {
            Some((_, cookie)) => mac(cookie, &message[..at + MAC]),
            None => [0; MAC],
        };
        message[at + MAC..].copy_from_slice(&mac2);
    }

    /// Takes a cookie, if it answers the last message that was stamped.
    pub fn take_cookie(&mut self, now: Instant, peer: &PublicKey, message: &[u8]) -> bool {
        let (Some(mac1), true) = (&self.last_mac1, message.len() == COOKIE_LEN) else {
            return false;
        };
        let mut cookie = MacBytes::default();
        cookie.copy_from_slice(&message[32..48]);
        let (nonce, tag) = (
            XNonce::from_slice(&message[8..32]),
            Tag::from_slice(&message[48..]),
        );
        let opened = XChaCha20Poly1305::new(Key::from_slice(&hash(b"cookie--", peer)))
            .decrypt_in_place_detached(nonce, mac1, &mut cookie, tag);
        if opened.is_err() {
            return false;
        }
        self.last_mac1 = None;
        self.cookie = Some((now, cookie));
        true
    }
}

fn hash(label: &[u8; 8], key: &PublicKey) -> [u8; 32] {
    let hash = Blake2s256::new()
        .chain_update(label)
        .chain_update(key.as_bytes());
    hash.finalize().into()
}

fn mac(key: &[u8], message: &[u8]) -> MacBytes {
    keyed(key)
        .chain_update(message)
        .finalize()
        .into_bytes()
        .into()
}

/// In constant time.
fn verify(key: &[u8], message: &[u8], expected: &[u8]) -> bool {
    keyed(key)
        .chain_update(message)
        .verify_slice(expected)
        .is_ok()
}

fn keyed(key: &[u8]) -> Blake2sMac<U16> {
    <Blake2sMac<U16> as KeyInit>::new_from_slice(key).expect("BLAKE2s takes keys of up to 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flooded(secret: u8, now: Instant) -> Load {
        Load {
            second: Some(now),
            messages: HANDSHAKES_PER_SECOND,
            secret: Some((now, Zeroizing::new([secret; 32]))),
            ..Load::default()
        }
    }

    #[test]
    fn a_cookie_is_of_address_port_and_secret() {
        let now = Instant::now();
        let cookie = |secret, from: &str| {
            flooded(secret, now).cookie_if_overloaded(now, from.parse().unwrap())
        };
        // Computed by Python's hashlib.
        let expected = 0x83b8_aa1f_4df5_3da0_0acc_da7f_be1b_3fc0_u128.to_be_bytes();
        assert_eq!(cookie(0x88, "192.0.2.1:51820"), Some(expected));
        for (secret, from) in [
            (0x89, "192.0.2.1:51820"),
            (0x88, "192.0.2.1:51821"),
            (0x88, "192.0.2.2:51820"),
            (0x88, "[2001:db8::1]:51820"),
        ] {
            let other = cookie(secret, from);
            assert!(
                other.is_some() && other != Some(expected),
                "{secret} {from}"
            );
        }
    }

    #[test]
    fn a_proven_address_has_its_share_of_a_second() {
        let mut now = Instant::now();
        let mut load = flooded(1, now);
        let admitted = |load: &mut Load, from: &str, messages| {
            let from = from.parse().unwrap();
            (0..messages).filter(|_| load.admit(from)).count()
        };
        assert_eq!(admitted(&mut load, "192.0.2.1", 30), 20);
        assert_eq!(admitted(&mut load, "192.0.2.2", 1), 1);
        assert_eq!(admitted(&mut load, "2001:db8::1", 15), 15);
        assert_eq!(admitted(&mut load, "2001:db8::2", 15), 5);
        assert_eq!(admitted(&mut load, "2001:db8:0:1::", 1), 1);
        now += SECOND;
        load.cookie_if_overloaded(now, "192.0.2.1:1".parse().unwrap());
        assert_eq!(admitted(&mut load, "192.0.2.1", 30), 20);
        for n in 0..2000u32 {
            load.admit(IpAddr::V4(n.into()));
        }
        assert_eq!(load.proven.len(), ADDRESSES);
        assert_eq!(admitted(&mut load, "192.0.2.3", 1), 0);
    }

    #[test]
    fn a_second_has_room_for_so_many_and_a_secret_lives_two_minutes() {
        let start = Instant::now();
        let from = "192.0.2.1:51820".parse().unwrap();
        let mut load = Load::default();
        let mut cookies = |after: f64, messages: u32| -> Vec<MacBytes> {
            let now = start + Duration::from_secs_f64(after);
            let made = (0..messages).filter_map(|_| load.cookie_if_overloaded(now, from));
            made.collect()
        };
        assert!(cookies(0.0, HANDSHAKES_PER_SECOND).is_empty());
        let first = cookies(0.9, 2);
        assert!(first.len() == 2 && first[0] == first[1]);
        assert!(cookies(1.0, HANDSHAKES_PER_SECOND).is_empty());
        assert_eq!(cookies(1.5, 1), first[..1]);
        assert_eq!(cookies(120.8, HANDSHAKES_PER_SECOND + 1), first[..1]);
        let later = cookies(122.0, HANDSHAKES_PER_SECOND + 1);
        assert!(later.len() == 1 && later[0] != first[0]);
    }
}
