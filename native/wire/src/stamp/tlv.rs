//! STAMP TLVs (RFC 8972 §4): the Return Path (RFC 9503 §4.1) and private ones.

use super::report::{REPORT_TLV_TYPE, Report};
use crate::{LABEL_BYTES, Label, LabelStackEntry, Malformed, u16_at};

/// RFC 9503 §4.1.
pub const RETURN_PATH_TLV_TYPE: u8 = 10;
/// From the range for private use, 252–254 (RFC 8972 §5.1).
pub const GENERATION_TLV_TYPE: u8 = 252;

/// RFC 9503 §4.1.3: SR-MPLS label stack of the return path.
const SR_MPLS_SUB_TLV_TYPE: u8 = 3;
pub(super) const HEADER: usize = 4;
pub(super) const GENERATION_BYTES: usize = 8;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |U|M|I|R|R|R|R|R|     Type      |        Length of value        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                             Value                             |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tlv<'a> {
    ReturnPath(ReturnPath<'a>),
    /// Hash of the configuration that the sender of this packet runs.
    Generation([u8; GENERATION_BYTES]),
    /// What a site measures on its adjacencies; in a probe, the question for it.
    Report(Report<'a>),
    Other {
        kind: u8,
        value: &'a [u8],
    },
}

/// TLVs of one packet; ends after the first that is malformed (RFC 8972 §4).
#[derive(Debug, Clone)]
pub struct Tlvs<'a>(&'a [u8]);

impl<'a> Tlvs<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = split_tlv(self.0).and_then(|(kind, value, rest)| {
            self.0 = rest;
            match kind {
                RETURN_PATH_TLV_TYPE => ReturnPath::decode(value).map(Tlv::ReturnPath),
                GENERATION_TLV_TYPE => value
                    .try_into()
                    .map(Tlv::Generation)
                    .map_err(|_| Malformed::Length),
                REPORT_TLV_TYPE => Report::decode(value).map(Tlv::Report),
                _ => Ok(Tlv::Other { kind, value }),
            }
        });
        if item.is_err() {
            self.0 = &[];
        }
        Some(item)
    }
}

/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |STAMP TLV Flags|    Type=10    |             Length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |STAMP TLV Flags|    Type=3     |             Length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |        one label stack entry (RFC 3032) for each label        |
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReturnPath<'a>(&'a [u8]);

impl<'a> ReturnPath<'a> {
    pub(super) fn decode(value: &'a [u8]) -> Result<Self, Malformed> {
        let (kind, entries, rest) = split_tlv(value)?;
        if kind != SR_MPLS_SUB_TLV_TYPE || !rest.is_empty() {
            return Err(Malformed::Value);
        }
        if !entries.len().is_multiple_of(LABEL_BYTES) {
            return Err(Malformed::Length);
        }
        Ok(Self(entries))
    }

    /// The labels, outermost first.
    pub fn labels(self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.0.chunks_exact(LABEL_BYTES).map(|entry| {
            // Whole entries by construction; the TC, S and TTL in them mean nothing here.
            u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]) >> 12
        })
    }
}

/// Bytes of a Return Path TLV with so many labels.
pub const fn return_path_len(labels: usize) -> usize {
    2 * HEADER + labels * LABEL_BYTES
}

/// Bytes of a generation TLV.
pub const fn generation_len() -> usize {
    HEADER + GENERATION_BYTES
}

/// Writes a Return Path TLV to the front of `out`; tells its length.
pub fn encode_return_path(labels: &[u32], out: &mut [u8]) -> Result<usize, Malformed> {
    let length = return_path_len(labels.len());
    let value = u16::try_from(length - HEADER).map_err(|_| Malformed::Length)?;
    let out = out.get_mut(..length).ok_or(Malformed::Truncated)?;
    out[..4].copy_from_slice(&header(RETURN_PATH_TLV_TYPE, value));
    out[4..8].copy_from_slice(&header(SR_MPLS_SUB_TLV_TYPE, value - HEADER as u16));
    let count = labels.len();
    for (index, (label, entry)) in labels.iter().zip(out[8..].chunks_exact_mut(4)).enumerate() {
        let label = Label::new(*label).ok_or(Malformed::Value)?;
        let bottom = index + 1 == count;
        entry.copy_from_slice(&LabelStackEntry::new(label, 0, bottom, 255).encode());
    }
    Ok(length)
}

/// Writes a generation TLV to the front of `out`; tells its length.
pub fn encode_generation(
    generation: [u8; GENERATION_BYTES],
    out: &mut [u8],
) -> Result<usize, Malformed> {
    let out = out
        .get_mut(..generation_len())
        .ok_or(Malformed::Truncated)?;
    out[..4].copy_from_slice(&header(GENERATION_TLV_TYPE, GENERATION_BYTES as u16));
    out[4..].copy_from_slice(&generation);
    Ok(generation_len())
}

fn header(kind: u8, length: u16) -> [u8; HEADER] {
    let [high, low] = length.to_be_bytes();
    [0, kind, high, low]
}

pub(super) fn split_tlv(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), Malformed> {
    if bytes.len() < HEADER {
        return Err(Malformed::Truncated);
    }
    let end = HEADER + usize::from(u16_at(bytes, 2));
    if end > bytes.len() {
        return Err(Malformed::Truncated);
    }
    Ok((bytes[1], &bytes[HEADER..end], &bytes[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lays_the_return_path_out_as_rfc_9503() {
        let mut out = [0xff; 32];
        let length = encode_return_path(&[16001, 16002], &mut out).unwrap();
        let expected = [
            0, 10, 0, 12, 0, 3, 0, 8, 0x03, 0xe8, 0x10, 0xff, 0x03, 0xe8, 0x21, 0xff,
        ];
        assert_eq!(&out[..length], expected);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert_eq!(
            encode_return_path(&[1 << 20], &mut [0; 32]),
            Err(Malformed::Value)
        );
        assert_eq!(
            encode_return_path(&[16], &mut [0; 11]),
            Err(Malformed::Truncated)
        );
        assert_eq!(
            encode_generation([0; 8], &mut [0; 11]),
            Err(Malformed::Truncated)
        );
        let bad = |bytes: &[u8]| Tlvs::new(bytes).next().unwrap().is_err();
        assert!(bad(&[0, 10, 0]), "no whole header");
        assert!(bad(&[0, 10, 0, 1]), "a value beyond the packet");
        assert!(bad(&[0, 10, 0, 4, 0, 9, 0, 0]), "an unknown sub-TLV");
        assert!(bad(&[0, 10, 0, 6, 0, 3, 0, 2, 0, 0]), "half an entry");
        assert!(bad(&[0, 252, 0, 4, 1, 2, 3, 4]), "half a generation");
    }

    #[test]
    fn unknown_ones_are_passed_over_and_a_malformed_one_ends_the_list() {
        let bytes = [
            0, 1, 0, 2, 9, 9, 0, 252, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0,
        ];
        let read: Vec<_> = Tlvs::new(&bytes).collect();
        assert_eq!(
            read,
            [
                Ok(Tlv::Other {
                    kind: 1,
                    value: &[9, 9]
                }),
                Ok(Tlv::Generation([1, 2, 3, 4, 5, 6, 7, 8])),
                Err(Malformed::Truncated),
            ]
        );
    }

    proptest! {
        #[test]
        fn labels_come_back(labels in prop::collection::vec(0u32..1 << 20, 0..9)) {
            let mut out = [0; 64];
            let length = encode_return_path(&labels, &mut out).unwrap();
            match Tlvs::new(&out[..length]).next() {
                Some(Ok(Tlv::ReturnPath(path))) => prop_assert_eq!(path.labels().collect::<Vec<_>>(), labels),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(Tlvs::new(&bytes).count() <= bytes.len() / HEADER + 1);
        }
    }
}
