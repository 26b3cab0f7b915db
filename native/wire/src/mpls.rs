//! The label stack entry (RFC 3032 §2.1, RFC 5462).

use crate::Malformed;

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
pub struct LabelStackEntry(u32);

impl LabelStackEntry {
    /// `traffic_class` has 3 bits (RFC 5462 renamed EXP).
    #[inline]
    pub const fn new(label: Label, traffic_class: u8, bottom: bool, ttl: u8) -> Self {
        let class = (traffic_class as u32 & 7) << 9;
        Self(label.0 << 12 | class | (bottom as u32) << 8 | ttl as u32)
    }

    /// The entry that `bytes` begin with.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.first_chunk() {
            Some(word) => Ok(Self(u32::from_be_bytes(*word))),
            None => Err(Malformed::Truncated),
        }
    }

    #[inline]
    pub const fn encode(self) -> [u8; LABEL_BYTES] {
        self.0.to_be_bytes()
    }

    #[inline]
    pub const fn label(self) -> Label {
        Label(self.0 >> 12)
    }

    #[inline]
    pub const fn traffic_class(self) -> u8 {
        (self.0 >> 9) as u8 & 7
    }

    /// S: the last entry.
    #[inline]
    pub const fn is_bottom(self) -> bool {
        self.0 & 0x100 != 0
    }

    #[inline]
    pub const fn ttl(self) -> u8 {
        self.0 as u8
    }

    #[inline]
    pub const fn with_ttl(self, ttl: u8) -> Self {
        Self(self.0 & !0xff | ttl as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lays_the_fields_out_as_rfc_3032() {
        let label = Label::new(0xabcde).unwrap();
        let entry = LabelStackEntry::new(label, 5, true, 0x7f);
        assert_eq!(entry.encode(), [0xab, 0xcd, 0xeb, 0x7f]);
        assert_eq!((entry.label(), entry.traffic_class()), (label, 5));
        assert_eq!((entry.is_bottom(), entry.ttl()), (true, 0x7f));
        assert_eq!(entry.with_ttl(1).encode(), [0xab, 0xcd, 0xeb, 1]);
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
