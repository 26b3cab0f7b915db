//! The label stack entry (RFC 3032 §2.1, RFC 5462).

use crate::{Malformed, u32_at};

/// Bytes of one entry.
pub const LABEL_BYTES: usize = 4;

/// A label: 20 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(u32);

impl Label {
    /// RFC 3032 §2.1: an IPv4 packet follows; since RFC 4182 also further labels.
    pub const IPV4_EXPLICIT_NULL: Label = Label(0);
    /// RFC 3032 §2.1: likewise for IPv6.
    pub const IPV6_EXPLICIT_NULL: Label = Label(2);
    /// RFC 3032 §2.1: means "pop" in signalling; never on the wire.
    pub const IMPLICIT_NULL: Label = Label(3);
    pub const MAX: u32 = (1 << 20) - 1;
    /// 0–15 are special-purpose labels (RFC 9017 §2).
    pub const FIRST_ORDINARY: u32 = 16;

    #[inline]
    pub const fn new(value: u32) -> Option<Label> {
        if value <= Self::MAX {
            Some(Label(value))
        } else {
            None
        }
    }

    #[inline]
    pub const fn value(self) -> u32 {
        self.0
    }

    #[inline]
    pub const fn is_special_purpose(self) -> bool {
        self.0 < Self::FIRST_ORDINARY
    }
}

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                Label                  |  TC |S|      TTL      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelStackEntry {
    pub label: Label,
    /// Traffic class, 3 bits (RFC 5462 renamed EXP).
    pub traffic_class: u8,
    /// S: the last entry.
    pub bottom: bool,
    pub ttl: u8,
}

impl LabelStackEntry {
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() < LABEL_BYTES {
            return Err(Malformed::Truncated);
        }
        let word = u32_at(bytes, 0);
        Ok(Self {
            label: Label(word >> 12),
            traffic_class: (word >> 9) as u8 & 7,
            bottom: word & 0x100 != 0,
            ttl: word as u8,
        })
    }

    #[inline]
    pub fn encode(&self) -> [u8; LABEL_BYTES] {
        let word = self.label.0 << 12
            | u32::from(self.traffic_class & 7) << 9
            | u32::from(self.bottom) << 8
            | u32::from(self.ttl);
        word.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lays_the_fields_out_as_rfc_3032() {
        let entry = LabelStackEntry {
            label: Label::new(0xabcde).unwrap(),
            traffic_class: 5,
            bottom: true,
            ttl: 0x7f,
        };
        assert_eq!(entry.encode(), [0xab, 0xcd, 0xeb, 0x7f]);
        assert_eq!(Label::new(1 << 20), None);
        assert_eq!(LabelStackEntry::decode(&[0; 3]), Err(Malformed::Truncated));
    }

    proptest! {
        #[test]
        fn decode_and_encode_are_inverse(word: [u8; 4]) {
            prop_assert_eq!(LabelStackEntry::decode(&word).unwrap().encode(), word);
        }
    }
}
