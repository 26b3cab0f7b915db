//! WireGuard's four messages on the wire (paper §5.4): numbers are little-endian.
//!
//! ```text
//! initiation  1 | sender | ephemeral 32, static 48, timestamp 28 | MAC1 16 | MAC2 16    148 bytes
//! response    2 | sender | receiver | ephemeral 32, empty 16     | MAC1 16 | MAC2 16     92
//! cookie      3 | receiver | nonce 24 | cookie 32                                        64
//! data        4 | receiver | counter 8 | packet, tag 16                                  32 and more
//! ```

pub(crate) const INITIATION: u32 = 1;
pub(crate) const RESPONSE: u32 = 2;
pub(crate) const COOKIE: u32 = 3;
pub(crate) const DATA: u32 = 4;

pub(crate) const INITIATION_LEN: usize = 148;
pub(crate) const RESPONSE_LEN: usize = 92;
pub(crate) const COOKIE_LEN: usize = 64;

/// What Noise says in an initiation and in a response.
pub(crate) const INITIATION_NOISE: std::ops::Range<usize> = 8..116;
pub(crate) const RESPONSE_NOISE: std::ops::Range<usize> = 12..60;

/// The 32-bit word at byte `at`. The type field with its three reserved bytes, which are zero, is
/// one too.
pub(crate) fn word(message: &[u8], at: usize) -> Option<u32> {
    let bytes = message.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// Writes words from the start of the message on.
pub(crate) fn put_words<const N: usize>(message: &mut [u8], words: [u32; N]) {
    for (place, word) in message.as_chunks_mut().0.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
}
