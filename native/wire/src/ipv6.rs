//! IPv6 and its extension headers (RFC 8200 §3, §4).

use std::net::Ipv6Addr;

use crate::{Ecn, Malformed, u16_at};

/// Bytes of the fixed header.
pub const IPV6_HEADER: usize = 40;

/// Extension headers walked before giving up: RFC 8200 §4.1 orders seven of them.
const MAX_EXTENSIONS: usize = 8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version| Traffic Class |              Flow Label               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Payload Length        |  Next Header  |   Hop Limit   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   Source Address (16 bytes)                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                Destination Address (16 bytes)                 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Bytes behind the payload length are not part of the view. Jumbograms (RFC 2675) do not fit any
/// link here and are not read.
#[derive(Debug, Clone, Copy)]
pub struct Ipv6<'a>(&'a [u8]);

/// What is behind the extension headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpperLayer {
    pub protocol: u8,
    /// Where it begins in the packet.
    pub offset: usize,
    /// A Fragment header was met (RFC 8200 §4.5).
    pub fragment: bool,
    /// It is a fragment other than the first: `offset` points into the middle of something.
    pub later_fragment: bool,
}

impl<'a> Ipv6<'a> {
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let view = Self::decode_quoted(bytes)?;
        let total = IPV6_HEADER + usize::from(u16_at(view.0, 4));
        if total > bytes.len() {
            return Err(Malformed::Truncated);
        }
        Ok(Self(&bytes[..total]))
    }

    /// The packet quoted in an ICMP error: only its header is whole.
    #[inline]
    pub fn decode_quoted(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < IPV6_HEADER {
            return Err(Malformed::Truncated);
        }
        if bytes[0] >> 4 != 6 {
            return Err(Malformed::Version);
        }
        Ok(Self(bytes))
    }

    #[inline]
    pub fn total_len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub fn traffic_class(&self) -> u8 {
        self.0[0] << 4 | self.0[1] >> 4
    }

    #[inline]
    pub fn dscp(&self) -> u8 {
        self.traffic_class() >> 2
    }

    #[inline]
    pub fn ecn(&self) -> Ecn {
        Ecn::of(self.traffic_class())
    }

    #[inline]
    pub fn hop_limit(&self) -> u8 {
        self.0[7]
    }

    #[inline]
    pub fn source(&self) -> Ipv6Addr {
        address(self.0, 8)
    }

    #[inline]
    pub fn destination(&self) -> Ipv6Addr {
        address(self.0, 24)
    }

    /// Walks the extension headers. A chain that does not fit the packet is malformed; an unknown
    /// header, ESP and "no next header" end it, as they are upper layers to us.
    pub fn upper_layer(&self) -> Result<UpperLayer, Malformed> {
        let mut upper = UpperLayer {
            protocol: self.0[6],
            offset: IPV6_HEADER,
            fragment: false,
            later_fragment: false,
        };
        for _ in 0..MAX_EXTENSIONS {
            let at = upper.offset;
            let length = match upper.protocol {
                HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY => {
                    8 * (1 + usize::from(self.byte(at + 1)?))
                }
                // RFC 4302 §2.2: in 4-byte words, less two.
                AUTHENTICATION => 4 * (2 + usize::from(self.byte(at + 1)?)),
                FRAGMENT => {
                    let field = u16::from_be_bytes([self.byte(at + 2)?, self.byte(at + 3)?]);
                    upper.fragment = true;
                    upper.later_fragment = field >> 3 != 0;
                    8
                }
                _ => return Ok(upper),
            };
            if at + length > self.0.len() {
                return Err(Malformed::Truncated);
            }
            upper.protocol = self.0[at];
            upper.offset = at + length;
            if upper.later_fragment {
                return Ok(upper);
            }
        }
        Err(Malformed::Length)
    }

    /// What lies behind the first bytes of the packet; nothing if it is no longer than they are.
    #[inline]
    pub fn behind(&self, bytes: usize) -> &'a [u8] {
        self.0.get(bytes..).unwrap_or_default()
    }

    #[inline]
    fn byte(&self, at: usize) -> Result<u8, Malformed> {
        self.0.get(at).copied().ok_or(Malformed::Truncated)
    }

    /// Writes other ECN bits.
    pub fn set_ecn(packet: &mut [u8], ecn: Ecn) {
        if let Some(byte) = packet.get_mut(1) {
            *byte = *byte & !0x30 | ecn.bits() << 4;
        }
    }

    /// Writes another hop limit; IPv6 has no header checksum to follow it.
    #[inline]
    pub fn set_hop_limit(packet: &mut [u8], hop_limit: u8) {
        if let Some(byte) = packet.get_mut(7) {
            *byte = hop_limit;
        }
    }
}

#[inline]
fn address(bytes: &[u8], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&bytes[at..at + 16]);
    Ipv6Addr::from(octets)
}

/// A header that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6Header {
    pub next_header: u8,
    pub hop_limit: u8,
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
}

impl Ipv6Header {
    pub fn encode(&self, payload: u16) -> [u8; IPV6_HEADER] {
        let mut bytes = [0; IPV6_HEADER];
        bytes[0] = 0x60;
        bytes[4..6].copy_from_slice(&payload.to_be_bytes());
        bytes[6] = self.next_header;
        bytes[7] = self.hop_limit;
        bytes[8..24].copy_from_slice(&self.source.octets());
        bytes[24..40].copy_from_slice(&self.destination.octets());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(next: u8, payload: &[u8]) -> Vec<u8> {
        let header = Ipv6Header {
            next_header: next,
            hop_limit: 64,
            source: "2001:db8::1".parse().unwrap(),
            destination: "2001:db8::2".parse().unwrap(),
        };
        [&header.encode(payload.len() as u16)[..], payload].concat()
    }

    fn upper(next: u8, payload: &[u8]) -> Result<UpperLayer, Malformed> {
        Ipv6::decode(&packet(next, payload)).unwrap().upper_layer()
    }

    #[test]
    fn walks_extension_headers_to_the_upper_layer() {
        let plain = UpperLayer {
            protocol: 6,
            offset: 40,
            fragment: false,
            later_fragment: false,
        };
        assert_eq!(upper(6, &[0; 20]), Ok(plain));
        // Hop-by-hop of 8 bytes, destination options of 16, then UDP.
        let chain = [&[60, 0, 0, 0, 0, 0, 0, 0][..], &[17, 1], &[0; 14], &[0; 8]].concat();
        assert_eq!(
            upper(0, &chain),
            Ok(UpperLayer {
                protocol: 17,
                offset: 64,
                ..plain
            })
        );
        // Authentication: (4 + 2) words.
        let chain = [&[17, 4][..], &[0; 22], &[0; 8]].concat();
        assert_eq!(
            upper(51, &chain),
            Ok(UpperLayer {
                protocol: 17,
                offset: 64,
                ..plain
            })
        );
    }

    #[test]
    fn tells_first_fragments_from_later_ones() {
        let first = upper(44, &[17, 0, 0, 1, 0, 0, 0, 7, 1, 2, 3, 4]).unwrap();
        assert!(first.fragment && !first.later_fragment && first.offset == 48);
        let later = upper(44, &[17, 0, 0, 8, 0, 0, 0, 7, 1, 2, 3, 4]).unwrap();
        assert!(later.fragment && later.later_fragment);
        // What follows in a later fragment is data, whatever the next header says.
        assert!(upper(44, &[60, 0, 0, 8, 0, 0, 0, 7, 255, 255]).is_ok());
    }

    #[test]
    fn refuses_chains_that_leave_the_packet_or_never_end() {
        assert_eq!(
            upper(0, &[6, 1, 0, 0, 0, 0, 0, 0]),
            Err(Malformed::Truncated)
        );
        assert_eq!(upper(0, &[6]), Err(Malformed::Truncated));
        assert_eq!(upper(44, &[6, 0]), Err(Malformed::Truncated));
        assert_eq!(
            upper(60, &[60, 0, 0, 0, 0, 0, 0, 0].repeat(9)),
            Err(Malformed::Length)
        );
    }

    #[test]
    fn reads_the_traffic_class_across_its_bytes() {
        let mut bytes = packet(59, &[]);
        (bytes[0], bytes[1]) = (0x6b, 0x80);
        let view = Ipv6::decode(&bytes).unwrap();
        assert_eq!((view.traffic_class(), view.dscp()), (0xb8, 46));
        bytes[4] = 1;
        assert_eq!(Ipv6::decode(&bytes).err(), Some(Malformed::Truncated));
    }
}
