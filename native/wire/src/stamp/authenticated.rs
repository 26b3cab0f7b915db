//! STAMP in authenticated mode (RFC 8762 §4.2.2, §4.3.2): the fields of the other mode further
//! apart, and a code over the first six blocks of 16 bytes (§4.4).

use hmac::digest::{CtOutput, Key, zeroize::Zeroize};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ReflectorPacket, SenderPacket, Tlvs, timestamp_at};
use crate::{Malformed, u16_at, u32_at};

/// Bytes of both packets without TLVs.
pub const AUTHENTICATED_STAMP_BYTES: usize = 112;

/// HMAC-SHA-256 is cut to so many bytes (RFC 8762 §4.4).
pub const CODE_BYTES: usize = 16;

const COVERED: usize = AUTHENTICATED_STAMP_BYTES - CODE_BYTES;

/// Key of a session; how it comes to both ends is out of STAMP's scope (RFC 8762 §4.4).
#[derive(Clone)]
pub struct AuthenticationKey(Hmac<Sha256>);

impl std::fmt::Debug for AuthenticationKey {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthenticationKey")
    }
}

/// Keys are as long as the hash at least: shorter ones are weaker than it (RFC 2104 §3).
pub const LEAST_KEY_BYTES: usize = 32;

impl AuthenticationKey {
    /// None if the key has fewer than [`LEAST_KEY_BYTES`].
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() < LEAST_KEY_BYTES {
            return None;
        }
        Hmac::new_from_slice(key).ok().map(Self)
    }

    /// From what HMAC-SHA-256 made of another key.
    pub(super) fn of_hash(hash: &CtOutput<Hmac<Sha256>>) -> Self {
        Self(mac_of(hash.as_bytes().as_ref()))
    }

    pub(super) fn code(&self, parts: &[&[u8]]) -> [u8; CODE_BYTES] {
        let whole = self.over(parts).finalize().into_bytes();
        let mut code = [0; CODE_BYTES];
        code.copy_from_slice(&whole[..CODE_BYTES]);
        code
    }

    /// In constant time.
    pub(super) fn verifies(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        code.len() == CODE_BYTES && self.over(parts).verify_truncated_left(code).is_ok()
    }

    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

/// Zeros behind a key of less than a block are HMAC's own (RFC 2104 §2), and with them none can have
/// a wrong length.
pub(super) fn mac_of(key: &[u8; LEAST_KEY_BYTES]) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    block[..LEAST_KEY_BYTES].copy_from_slice(key);
    let mac = Hmac::new(&block);
    block.zeroize();
    mac
}

/// Whether a packet is laid out as in authenticated mode: what must be zero is, where the other mode
/// has its timestamp, which never is. It tells nothing of whether its code is good.
pub fn is_laid_out_as_authenticated(bytes: &[u8]) -> bool {
    bytes.len() >= AUTHENTICATED_STAMP_BYTES && bytes[4..16].iter().all(|byte| *byte == 0)
}

/// The session identifier of a packet that is laid out so. To find the key by; not to be believed
/// before the code has been verified.
pub fn claimed_session(bytes: &[u8]) -> Option<u16> {
    is_laid_out_as_authenticated(bytes).then(|| u16_at(bytes, 26))
}

/// Why an authenticated packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Malformed(Malformed),
    /// The code is not that of the key.
    Forged,
}

impl SenderPacket {
    /// ```text
    /// |  Sequence Number |          must be zero (12 bytes)           |
    /// |            Timestamp (8)           | Error | SSID  | zero (4) |
    /// |                     must be zero (64 bytes)                   |
    /// |                          HMAC (16 bytes)                      |
    /// ```
    pub fn encode_authenticated(&self, key: &AuthenticationKey) -> [u8; AUTHENTICATED_STAMP_BYTES] {
        let mut bytes = [0; AUTHENTICATED_STAMP_BYTES];
        bytes[..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.timestamp.0.to_be_bytes());
        bytes[24..26].copy_from_slice(&self.error_estimate.to_be_bytes());
        bytes[26..28].copy_from_slice(&self.session.to_be_bytes());
        seal(&mut bytes, key);
        bytes
    }

    /// The packet and the TLVs behind it, which the code does not cover (see the HMAC TLV).
    pub fn decode_authenticated<'a>(
        bytes: &'a [u8],
        key: &AuthenticationKey,
    ) -> Result<(Self, Tlvs<'a>), Refused> {
        let (head, tlvs) = open(bytes, key)?;
        let packet = Self {
            sequence: u32_at(head, 0),
            timestamp: timestamp_at(head, 16),
            error_estimate: u16_at(head, 24),
            session: u16_at(head, 26),
        };
        Ok((packet, Tlvs::new(tlvs)))
    }
}

impl ReflectorPacket {
    /// ```text
    /// |  Sequence Number |          must be zero (12 bytes)           |
    /// |            Timestamp (8)           | Error | SSID  | zero (4) |
    /// |        Receive Timestamp (8)       |         zero (8)         |
    /// |  Sender Sequence |          must be zero (12 bytes)           |
    /// |        Sender Timestamp (8)        | Error |     zero (6)     |
    /// | TTL |                   must be zero (15 bytes)               |
    /// |                          HMAC (16 bytes)                      |
    /// ```
    pub fn encode_authenticated(&self, key: &AuthenticationKey) -> [u8; AUTHENTICATED_STAMP_BYTES] {
        let mut bytes = [0; AUTHENTICATED_STAMP_BYTES];
        bytes[..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.timestamp.0.to_be_bytes());
        bytes[24..26].copy_from_slice(&self.error_estimate.to_be_bytes());
        bytes[26..28].copy_from_slice(&self.session.to_be_bytes());
        bytes[32..40].copy_from_slice(&self.received.0.to_be_bytes());
        bytes[48..52].copy_from_slice(&self.sender_sequence.to_be_bytes());
        bytes[64..72].copy_from_slice(&self.sender_timestamp.0.to_be_bytes());
        bytes[72..74].copy_from_slice(&self.sender_error_estimate.to_be_bytes());
        bytes[80] = self.sender_ttl;
        seal(&mut bytes, key);
        bytes
    }

    /// The packet and the TLVs behind it, which the code does not cover.
    pub fn decode_authenticated<'a>(
        bytes: &'a [u8],
        key: &AuthenticationKey,
    ) -> Result<(Self, Tlvs<'a>), Refused> {
        let (head, tlvs) = open(bytes, key)?;
        let packet = Self {
            sequence: u32_at(head, 0),
            timestamp: timestamp_at(head, 16),
            error_estimate: u16_at(head, 24),
            session: u16_at(head, 26),
            received: timestamp_at(head, 32),
            sender_sequence: u32_at(head, 48),
            sender_timestamp: timestamp_at(head, 64),
            sender_error_estimate: u16_at(head, 72),
            sender_ttl: head[80],
        };
        Ok((packet, Tlvs::new(tlvs)))
    }
}

fn seal(bytes: &mut [u8; AUTHENTICATED_STAMP_BYTES], key: &AuthenticationKey) {
    let code = key.code(&[&bytes[..COVERED]]);
    bytes[COVERED..].copy_from_slice(&code);
}

fn open<'a>(bytes: &'a [u8], key: &AuthenticationKey) -> Result<(&'a [u8], &'a [u8]), Refused> {
    if bytes.len() < AUTHENTICATED_STAMP_BYTES {
        return Err(Refused::Malformed(Malformed::Truncated));
    }
    let (head, tlvs) = bytes.split_at(AUTHENTICATED_STAMP_BYTES);
    if !key.verifies(&[&head[..COVERED]], &head[COVERED..]) {
        return Err(Refused::Forged);
    }
    Ok((head, tlvs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stamp::Timestamp;
    use proptest::prelude::*;

    const KEY: &[u8; 32] = b"a key as long as the hash itself";

    /// Laid out and signed by Python's `struct` and `hmac` from the figures of RFC 8762.
    const SENDER: &str = "00000007000000000000000000000000e8a1b2c3d4e5f6078a01123400000000\
        0000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000\
        7202457efe2743ba0f373c8da402e0cc";
    const REFLECTOR: &str = "00000003000000000000000000000000e8a1b2c3d4e5f6100102123400000000\
        e8a1b2c3d4e5f60c000000000000000000000007000000000000000000000000\
        e8a1b2c3d4e5f6078a010000000000003d000000000000000000000000000000\
        b4020a0c0fe80623cb2ad2715587ac2a";

    fn sender() -> SenderPacket {
        SenderPacket {
            sequence: 7,
            timestamp: Timestamp(0xe8a1_b2c3_d4e5_f607),
            error_estimate: 0x8a01,
            session: 0x1234,
        }
    }

    fn reflector() -> ReflectorPacket {
        ReflectorPacket {
            sequence: 3,
            timestamp: Timestamp(0xe8a1_b2c3_d4e5_f610),
            error_estimate: 0x0102,
            session: 0x1234,
            received: Timestamp(0xe8a1_b2c3_d4e5_f60c),
            sender_sequence: 7,
            sender_timestamp: Timestamp(0xe8a1_b2c3_d4e5_f607),
            sender_error_estimate: 0x8a01,
            sender_ttl: 61,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn bytes_and_codes_are_those_of_another() {
        let key = AuthenticationKey::new(KEY).unwrap();
        let bytes = sender().encode_authenticated(&key);
        assert_eq!(hex(&bytes), SENDER);
        assert_eq!(
            SenderPacket::decode_authenticated(&bytes, &key).unwrap().0,
            sender()
        );
        let bytes = reflector().encode_authenticated(&key);
        assert_eq!(hex(&bytes), REFLECTOR);
        assert_eq!(
            ReflectorPacket::decode_authenticated(&bytes, &key)
                .unwrap()
                .0,
            reflector()
        );
    }

    #[test]
    fn the_two_modes_are_told_apart() {
        let key = AuthenticationKey::new(KEY).unwrap();
        for bytes in [
            sender().encode_authenticated(&key),
            reflector().encode_authenticated(&key),
        ] {
            assert_eq!(claimed_session(&bytes), Some(0x1234));
            assert!(!is_laid_out_as_authenticated(&bytes[..111]));
        }
        for bytes in [sender().encode(), reflector().encode()] {
            let padded = [&bytes[..], &[0; 100]].concat();
            assert_eq!(claimed_session(&padded), None);
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = AuthenticationKey::new(KEY).unwrap();
        assert_eq!(format!("{key:?}"), "AuthenticationKey");
    }

    #[test]
    fn short_keys_and_packets_are_refused() {
        assert!(AuthenticationKey::new(&KEY[..31]).is_none());
        let key = AuthenticationKey::new(KEY).unwrap();
        for length in 0..AUTHENTICATED_STAMP_BYTES {
            let bytes = vec![0; length];
            let refused = SenderPacket::decode_authenticated(&bytes, &key);
            assert_eq!(
                refused.unwrap_err(),
                Refused::Malformed(Malformed::Truncated)
            );
        }
    }

    proptest! {
        #[test]
        fn any_changed_bit_is_a_forgery(byte in 0..AUTHENTICATED_STAMP_BYTES, bit in 0u8..8) {
            let key = AuthenticationKey::new(KEY).unwrap();
            let mut bytes = reflector().encode_authenticated(&key);
            bytes[byte] ^= 1 << bit;
            let refused = ReflectorPacket::decode_authenticated(&bytes, &key);
            prop_assert_eq!(refused.unwrap_err(), Refused::Forged);
        }

        #[test]
        fn another_key_does_not_open_it(other: [u8; 32]) {
            let key = AuthenticationKey::new(KEY).unwrap();
            let other = AuthenticationKey::new(&other).unwrap();
            let bytes = sender().encode_authenticated(&other);
            prop_assert!(SenderPacket::decode_authenticated(&bytes, &key).is_err());
        }
    }
}
