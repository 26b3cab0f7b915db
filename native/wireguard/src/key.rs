//! Keys. The secret ones are wiped from memory when dropped and never printed.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize, Zeroizing};

/// A Curve25519 public key; `Display` writes base64 as `wg` does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        PublicKey(bytes)
    }

    /// Base64 as `wg` writes it: 44 characters, padded.
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(PublicKey)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A private or preshared key. It stays in one place: what holds it may move and be copied without
/// leaving the key behind.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretKey(Arc<Zeroizing<[u8; 32]>>);

impl SecretKey {
    /// The userspace protocol writes "no key" as zeros.
    pub fn unless_zero(bytes: Zeroizing<[u8; 32]>) -> Option<Self> {
        (*bytes != [0; 32]).then(|| SecretKey(Arc::new(bytes)))
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub fn public(&self) -> PublicKey {
        let secret = StaticSecret::from(*self.bytes());
        PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// 32 bytes from exactly 64 hexadecimal digits.
pub(crate) fn from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = Zeroizing::new([0u8; 32]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (
            char::from(pair[0]).to_digit(16)?,
            char::from(pair[1]).to_digit(16)?,
        );
        *byte = (high * 16 + low) as u8;
    }
    Some(bytes)
}

/// Appends `NAME=<64 hexadecimal digits>\n`. `text` needs room already where growing it would
/// leave a copy of a secret behind.
pub(crate) fn push_hex(text: &mut String, name: &str, bytes: &[u8; 32]) {
    text.push_str(name);
    text.push('=');
    for byte in bytes {
        for mut digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            digit.zeroize();
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_both_ways_and_nothing_else() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i * 9) as u8);
        let mut text = String::new();
        push_hex(&mut text, "k", &bytes);
        let digits = text
            .strip_prefix("k=")
            .and_then(|t| t.strip_suffix('\n'))
            .unwrap();
        assert_eq!(*from_hex(digits).unwrap(), bytes);
        assert_eq!(*from_hex(&digits.to_uppercase()).unwrap(), bytes);
        for wrong in [
            "",
            &digits[1..],
            &format!("{digits}0"),
            &digits.replace('0', "g"),
        ] {
            assert!(from_hex(wrong).is_none(), "{wrong}");
        }
        // 64 bytes but not 64 digits
        assert!(from_hex(&"é".repeat(32)).is_none());
    }

    #[test]
    fn secrets_are_not_printed() {
        let secret = SecretKey::unless_zero(Zeroizing::new([7; 32])).unwrap();
        assert_eq!(format!("{secret:?}"), "(hidden)");
        assert!(SecretKey::unless_zero(Zeroizing::new([0; 32])).is_none());
    }

    #[test]
    fn base64_as_wg_writes_it() {
        let text = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
        assert_eq!(PublicKey::from_base64(text).unwrap().to_string(), text);
        assert!(PublicKey::from_base64("xTIB").is_none());
    }
}
