//! TCP as far as a router looks at it: ports, flags, and the MSS option (RFC 9293 §3.1, §3.7.1).

use crate::{Malformed, checksum, u16_at};

const SYN: u8 = 0x02;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_MSS: u8 = 2;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source Port          |       Destination Port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence Number                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Acknowledgment Number                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Offset| Rsvd  |C|E|U|A|P|R|S|F|            Window             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Checksum            |         Urgent Pointer        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           Options                             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Tcp<'a>(&'a [u8]);

/// The MSS option (RFC 9293 §3.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpMss {
    /// Where its value is in the segment; may be odd.
    pub at: usize,
    pub value: u16,
}

impl<'a> Tcp<'a> {
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < 20 {
            return Err(Malformed::Truncated);
        }
        let header = usize::from(bytes[12] >> 4) * 4;
        if header < 20 {
            return Err(Malformed::Length);
        }
        if header > bytes.len() {
            return Err(Malformed::Truncated);
        }
        Ok(Self(bytes))
    }

    pub fn source_port(&self) -> u16 {
        u16_at(self.0, 0)
    }

    pub fn destination_port(&self) -> u16 {
        u16_at(self.0, 2)
    }

    #[inline]
    pub fn is_syn(&self) -> bool {
        self.0[13] & SYN != 0
    }

    /// The MSS option; none also where the options are malformed in front of it.
    pub fn mss(&self) -> Option<TcpMss> {
        let end = usize::from(self.0[12] >> 4) * 4;
        let mut at = 20;
        while at < end {
            match self.0[at] {
                OPTION_END => return None,
                OPTION_NOP => at += 1,
                kind => {
                    let length = usize::from(*self.0[..end].get(at + 1)?);
                    if length < 2 || at + length > end {
                        return None;
                    }
                    if kind == OPTION_MSS && length == 4 {
                        return Some(TcpMss {
                            at: at + 2,
                            value: u16_at(self.0, at + 2),
                        });
                    }
                    at += length;
                }
            }
        }
        None
    }

    /// Writes another value into the option that [`mss`](Self::mss) found; the checksum follows.
    pub fn set_mss(segment: &mut [u8], mss: TcpMss, value: u16) {
        if mss.at + 2 > segment.len() || segment.len() < 20 {
            return;
        }
        segment[mss.at..mss.at + 2].copy_from_slice(&value.to_be_bytes());
        // At an odd offset the two bytes lie in two words; a ones' complement sum does not mind
        // as long as both are swapped (RFC 1071 §2 B).
        let (old, new) = match mss.at % 2 {
            0 => (mss.value, value),
            _ => (mss.value.swap_bytes(), value.swap_bytes()),
        };
        let checksum = checksum::update(u16_at(segment, 16), old, new);
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Sum;
    use proptest::prelude::*;

    fn syn(options: &[u8]) -> Vec<u8> {
        let mut segment = vec![0; 20];
        segment[..4].copy_from_slice(&[0x9c, 0x40, 0x01, 0xbb]);
        segment[12] = (((20 + options.len()) / 4) << 4) as u8;
        segment[13] = SYN;
        segment.extend(options);
        let checksum = Sum::default().bytes(&segment).finish();
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        segment
    }

    #[test]
    fn finds_the_mss_wherever_it_is() {
        let at = |options: &[u8]| Tcp::decode(&syn(options)).unwrap().mss();
        assert_eq!(
            at(&[2, 4, 5, 180]),
            Some(TcpMss {
                at: 22,
                value: 1460
            })
        );
        assert_eq!(
            at(&[1, 2, 4, 5, 180, 0, 0, 0]),
            Some(TcpMss {
                at: 23,
                value: 1460
            })
        );
        assert_eq!(
            at(&[4, 2, 2, 4, 5, 180, 0, 0]),
            Some(TcpMss {
                at: 24,
                value: 1460
            })
        );
        assert_eq!(at(&[]), None);
        assert_eq!(
            at(&[0, 0, 2, 4, 5, 180, 0, 0]),
            None,
            "behind the end of the list"
        );
        assert_eq!(
            at(&[3, 0, 2, 4, 5, 180, 0, 0]),
            None,
            "an option without a length"
        );
        assert_eq!(
            at(&[3, 9, 0, 0, 0, 0, 0, 0]),
            None,
            "an option that leaves the header"
        );
        assert_eq!(at(&[1, 1, 1, 2]), None, "cut in the middle");
    }

    #[test]
    fn refuses_headers_that_do_not_fit() {
        assert!(Tcp::decode(&[0; 19]).is_err());
        assert!(Tcp::decode(&[0; 20]).is_err());
        let mut segment = syn(&[]);
        segment[12] = 0x60;
        assert_eq!(Tcp::decode(&segment).err(), Some(Malformed::Truncated));
    }

    proptest! {
        #[test]
        fn the_checksum_stays_right(value: u16, old: u16, odd: bool) {
            let [high, low] = old.to_be_bytes();
            let even = [2, 4, high, low, 1, 1, 1, 1];
            let shifted = [1, 2, 4, high, low, 1, 1, 1];
            let mut segment = syn(if odd { &shifted } else { &even });
            let mss = Tcp::decode(&segment).unwrap().mss().unwrap();
            Tcp::set_mss(&mut segment, mss, value);
            prop_assert_eq!(Tcp::decode(&segment).unwrap().mss().unwrap().value, value);
            prop_assert!(Sum::default().bytes(&segment).is_valid());
        }
    }
}
