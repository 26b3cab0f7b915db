//! The Internet checksum (RFC 1071), whole and incremental (RFC 1624).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes that one turn of the loop adds, each four of them to a lane of their own: no carry from lane
/// to lane, so the compiler makes vectors of them.
const BLOCK: usize = LANES * 4;
const LANES: usize = 8;

fn add_block(lanes: &mut [u64; LANES], block: &[u8; BLOCK]) {
    for (lane, word) in lanes.iter_mut().zip(block.as_chunks().0) {
        *lane += u64::from(u32::from_ne_bytes(*word));
    }
}

/// A ones' complement sum under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes that begin at an even offset; an odd last byte is padded with zero.
    pub fn bytes(self, bytes: &[u8]) -> Sum {
        let (blocks, rest) = bytes.as_chunks();
        let mut lanes = [0; LANES];
        for block in blocks {
            add_block(&mut lanes, block);
        }
        self.native(lanes, rest)
    }

    /// Copies `from` into `to`, and adds it as [`bytes`](Self::bytes) does: the bytes are fetched
    /// from memory once instead of twice.
    ///
    /// # Panics
    ///
    /// When the two are not equally long, as `copy_from_slice`.
    pub fn copy(self, from: &[u8], to: &mut [u8]) -> Sum {
        assert_eq!(from.len(), to.len(), "a copy is as long as its source");
        let (blocks, rest) = from.as_chunks();
        let (room, room_for_rest) = to.as_chunks_mut();
        let mut lanes = [0; LANES];
        for (block, room) in blocks.iter().zip(room) {
            *room = *block;
            add_block(&mut lanes, block);
        }
        room_for_rest.copy_from_slice(rest);
        self.native(lanes, rest)
    }

    /// Adds lanes of words in the machine's byte order, and a last piece of less than a block.
    fn native(self, lanes: [u64; LANES], rest: &[u8]) -> Sum {
        let mut sum: u64 = lanes.iter().sum();
        let (words, rest) = rest.as_chunks();
        for word in words {
            sum += u64::from(u32::from_ne_bytes(*word));
        }
        sum += match *rest {
            [a] => u64::from(u16::from_ne_bytes([a, 0])),
            [a, b] => u64::from(u16::from_ne_bytes([a, b])),
            [a, b, c] => {
                u64::from(u16::from_ne_bytes([a, b])) + u64::from(u16::from_ne_bytes([c, 0]))
            }
            _ => 0,
        };
        // Folded to at most 33 bits, so that millions of calls do not overflow. To swap the bytes of
        // a ones' complement sum (RFC 1071 §2 B) is to multiply it by 256.
        let sum = (sum >> 32) + (sum & 0xffff_ffff);
        let swap = if cfg!(target_endian = "little") { 8 } else { 0 };
        Sum(self.0 + (sum << swap))
    }

    pub fn word(self, word: u16) -> Sum {
        Sum(self.0 + u64::from(word))
    }

    /// Pseudo-header of UDP and TCP over IPv4 (RFC 768, RFC 9293 §3.1).
    pub fn pseudo_v4(source: Ipv4Addr, destination: Ipv4Addr, protocol: u8, length: u16) -> Sum {
        Sum::default()
            .bytes(&source.octets())
            .bytes(&destination.octets())
            .word(u16::from(protocol))
            .word(length)
    }

    /// Pseudo-header over IPv6 (RFC 8200 §8.1).
    pub fn pseudo_v6(source: Ipv6Addr, destination: Ipv6Addr, protocol: u8, length: u32) -> Sum {
        Sum::default()
            .bytes(&source.octets())
            .bytes(&destination.octets())
            .bytes(&length.to_be_bytes())
            .word(u16::from(protocol))
    }

    /// The checksum to write: the complement of the folded sum.
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        !(sum as u16)
    }

    /// Whether what was summed, its checksum field included, is right.
    pub fn is_valid(self) -> bool {
        self.finish() == 0
    }
}

/// The checksum after a 16-bit word it covers went from `old` to `new` (RFC 1624 §3, equation 3).
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    !Sum::default()
        .word(!checksum)
        .word(!old)
        .word(new)
        .finish_sum()
}

impl Sum {
    fn finish_sum(self) -> u16 {
        !self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 1071 §3: the worked example.
    #[test]
    fn rfc_1071_example() {
        let sum = Sum::default().bytes(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.finish(), !0xddf2);
    }

    /// RFC 1624 §4: where equation 2 of RFC 1141 goes wrong.
    #[test]
    fn rfc_1624_example() {
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }

    fn naive(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    proptest! {
        #[test]
        fn whole_is_as_the_naive_one(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Sum::default().bytes(&bytes).finish(), naive(&bytes));
        }

        #[test]
        fn pieces_are_as_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..3000),
            at in 0usize..1500,
            high: bool,
        ) {
            let mut bytes = bytes;
            if high {
                bytes.iter_mut().for_each(|byte| *byte = 0xff);
            }
            let at = (at * 2).min(bytes.len() & !1);
            let sum = Sum::default().bytes(&bytes[..at]).bytes(&bytes[at..]);
            prop_assert_eq!(sum.finish(), naive(&bytes));
            let mut to = vec![0; bytes.len()];
            prop_assert_eq!(Sum::default().copy(&bytes, &mut to).finish(), naive(&bytes));
            prop_assert_eq!(to, bytes);
        }

        #[test]
        fn incremental_is_as_the_whole(
            mut bytes in prop::collection::vec(any::<u8>(), 12..60),
            at in 0usize..5,
            new: u16,
        ) {
            bytes.truncate(bytes.len() & !1);
            // A sum of nothing but zeros has two representations; a header never is all zeros.
            bytes[10] = 0x45;
            let before = naive(&bytes);
            let old = u16_at(&bytes, at * 2);
            bytes[at * 2..at * 2 + 2].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(update(before, old, new), naive(&bytes));
        }
    }

    use crate::u16_at;
}
