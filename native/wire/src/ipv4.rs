//! IPv4 (RFC 791 §3.1).

use std::net::Ipv4Addr;

use crate::checksum::{self, Sum};
use crate::{Ecn, Malformed, u16_at, u32_at};

/// Bytes of a header without options.
pub const IPV4_HEADER: usize = 20;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version|  IHL  |   DSCP    |ECN|          Total Length         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Identification        |0 DF MF|     Fragment Offset   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Time to Live |    Protocol   |         Header Checksum       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Source Address                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Destination Address                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Options (0 to 40 bytes)                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Checked as RFC 1812 §5.2.2 asks for, header checksum included. Bytes behind the total length
/// are not part of the view.
#[derive(Debug, Clone, Copy)]
pub struct Ipv4<'a>(&'a [u8]);

impl<'a> Ipv4<'a> {
    #[inline(always)]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let header = Self::checked_header(bytes)?;
        let total = usize::from(u16_at(bytes, 2));
        if total > bytes.len() {
            return Err(Malformed::Truncated);
        }
        if total < header {
            return Err(Malformed::Length);
        }
        let valid = match header {
            IPV4_HEADER => is_valid_without_options(bytes),
            _ => Sum::default().bytes(&bytes[..header]).is_valid(),
        };
        if !valid {
            return Err(Malformed::Checksum);
        }
        Ok(Self(&bytes[..total]))
    }

    /// The packet quoted in an ICMP error: only its header is whole, and its checksum may have
    /// been changed on the way.
    pub fn decode_quoted(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::checked_header(bytes)?;
        Ok(Self(bytes))
    }

    #[inline]
    fn checked_header(bytes: &[u8]) -> Result<usize, Malformed> {
        if bytes.len() < IPV4_HEADER {
            return Err(Malformed::Truncated);
        }
        if bytes[0] >> 4 != 4 {
            return Err(Malformed::Version);
        }
        let header = usize::from(bytes[0] & 0xf) * 4;
        if header < IPV4_HEADER {
            return Err(Malformed::Length);
        }
        if header > bytes.len() {
            return Err(Malformed::Truncated);
        }
        Ok(header)
    }

    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.0[0] & 0xf) * 4
    }

    #[inline]
    pub fn total_len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub fn dscp(&self) -> u8 {
        self.0[1] >> 2
    }

    #[inline]
    pub fn ecn(&self) -> Ecn {
        Ecn::of(self.0[1])
    }

    #[inline]
    pub fn identification(&self) -> u16 {
        u16_at(self.0, 4)
    }

    #[inline]
    pub fn dont_fragment(&self) -> bool {
        self.0[6] & 0x40 != 0
    }

    #[inline]
    pub fn more_fragments(&self) -> bool {
        self.0[6] & 0x20 != 0
    }

    /// Bytes of the datagram in front of this fragment.
    #[inline]
    pub fn fragment_offset(&self) -> usize {
        usize::from(u16_at(self.0, 6) & 0x1fff) * 8
    }

    #[inline]
    pub fn is_fragment(&self) -> bool {
        self.more_fragments() || self.fragment_offset() != 0
    }

    #[inline]
    pub fn ttl(&self) -> u8 {
        self.0[8]
    }

    #[inline]
    pub fn protocol(&self) -> u8 {
        self.0[9]
    }

    #[inline]
    pub fn source(&self) -> Ipv4Addr {
        address(self.0, 12)
    }

    #[inline]
    pub fn destination(&self) -> Ipv4Addr {
        address(self.0, 16)
    }

    #[inline]
    pub fn header(&self) -> &'a [u8] {
        &self.0[..self.header_len()]
    }

    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        &self.0[self.header_len()..]
    }

    /// Writes other ECN bits into a packet that `decode` accepted; the checksum follows.
    pub fn set_ecn(packet: &mut [u8], ecn: Ecn) {
        if packet.len() >= IPV4_HEADER {
            let old = u16_at(packet, 0);
            packet[1] = packet[1] & !0b11 | ecn.bits();
            let checksum = checksum::update(u16_at(packet, 10), old, u16_at(packet, 0));
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
    }

    /// Writes another TTL into a packet that `decode` accepted; the checksum follows.
    #[inline]
    pub fn set_ttl(packet: &mut [u8], ttl: u8) {
        if packet.len() >= IPV4_HEADER {
            let old = u16_at(packet, 8);
            let new = u16::from_be_bytes([ttl, old as u8]);
            packet[8] = ttl;
            let checksum = checksum::update(u16_at(packet, 10), old, new);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
    }
}

/// Nearly every header has no options: its checksum as five words, which need no loop.
#[inline(always)]
fn is_valid_without_options(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<IPV4_HEADER>() else {
        return false;
    };
    let word = |at| u64::from(u32_at(header, at));
    let sum = word(0) + word(4) + word(8) + word(12) + word(16);
    let fold = |sum: u64| (sum >> 16) + (sum & 0xffff);
    // Less than 2^35, then 2^33, 2^18, 2^17 and 0x1_0001: four times leave no carry behind.
    fold(fold(fold(fold(sum)))) == 0xffff
}

#[inline]
fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
}

/// A header without options that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4Header {
    /// DSCP and ECN.
    pub traffic_class: u8,
    pub identification: u16,
    pub dont_fragment: bool,
    pub ttl: u8,
    pub protocol: u8,
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
}

impl Ipv4Header {
    /// The header of a packet with `payload` bytes behind it.
    pub fn encode(&self, payload: u16) -> Result<[u8; IPV4_HEADER], Malformed> {
        let total = payload
            .checked_add(IPV4_HEADER as u16)
            .ok_or(Malformed::Length)?;
        let mut bytes = [0; IPV4_HEADER];
        bytes[0] = 0x45;
        bytes[1] = self.traffic_class;
        bytes[2..4].copy_from_slice(&total.to_be_bytes());
        bytes[4..6].copy_from_slice(&self.identification.to_be_bytes());
        bytes[6] = if self.dont_fragment { 0x40 } else { 0 };
        bytes[8] = self.ttl;
        bytes[9] = self.protocol;
        bytes[12..16].copy_from_slice(&self.source.octets());
        bytes[16..20].copy_from_slice(&self.destination.octets());
        let checksum = Sum::default().bytes(&bytes).finish();
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header whose checksum is published: the example of RFC 1071's descendants, 0xb861.
    const KNOWN: [u8; 20] = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00,
        0x01, 0xc0, 0xa8, 0x00, 0xc7,
    ];

    fn known() -> Vec<u8> {
        let mut packet = KNOWN.to_vec();
        packet.resize(0x73, 0);
        packet
    }

    #[test]
    fn reads_and_writes_the_known_header() {
        let packet = known();
        let view = Ipv4::decode(&packet).unwrap();
        assert_eq!(view.source(), Ipv4Addr::new(192, 168, 0, 1));
        assert!(view.dont_fragment() && !view.is_fragment());
        let header = Ipv4Header {
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            ttl: 64,
            protocol: 17,
            source: view.source(),
            destination: view.destination(),
        };
        assert_eq!(header.encode(0x73 - 20).unwrap(), KNOWN);
        assert_eq!(header.encode(65_535), Err(Malformed::Length));
    }

    #[test]
    fn cuts_what_is_behind_the_total_length() {
        let mut packet = known();
        packet.extend([9; 13]);
        assert_eq!(Ipv4::decode(&packet).unwrap().total_len(), 0x73);
    }

    #[test]
    fn keeps_the_checksum_right_for_every_ttl() {
        for ttl in 0..=255 {
            let mut packet = known();
            Ipv4::set_ttl(&mut packet, ttl);
            assert_eq!(Ipv4::decode(&packet).unwrap().ttl(), ttl);
        }
    }

    #[test]
    fn keeps_the_checksum_right_for_every_ecn() {
        for bits in [3, 0, 1, 2] {
            let mut packet = known();
            packet[1] = 46 << 2;
            packet[10..12].fill(0);
            let checksum = Sum::default().bytes(&packet[..20]).finish();
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
            Ipv4::set_ecn(&mut packet, Ecn::of(bits));
            let view = Ipv4::decode(&packet).unwrap();
            assert_eq!((view.ecn().bits(), view.dscp()), (bits, 46));
        }
    }

    proptest! {
        /// The short way to a header's checksum is as the long one.
        #[test]
        fn a_checksum_of_five_words_is_a_checksum(
            mut header in prop::array::uniform20(prop_oneof![any::<u8>(), Just(0u8), Just(0xff)]),
            right: bool,
        ) {
            if right {
                header[10..12].fill(0);
                let checksum = Sum::default().bytes(&header).finish();
                header[10..12].copy_from_slice(&checksum.to_be_bytes());
            }
            let whole = Sum::default().bytes(&header).is_valid();
            prop_assert_eq!(is_valid_without_options(&header), whole);
            prop_assert!(whole || !right);
        }
    }

    #[test]
    fn refuses_what_is_not_ipv4() {
        let broken = |at: usize, value: u8| {
            let mut packet = known();
            packet[at] = value;
            Ipv4::decode(&packet).err()
        };
        assert_eq!(broken(0, 0x65), Some(Malformed::Version));
        assert_eq!(broken(0, 0x44), Some(Malformed::Length));
        assert_eq!(broken(2, 0x10), Some(Malformed::Truncated));
        assert_eq!(broken(3, 0x13), Some(Malformed::Length));
        assert_eq!(broken(15, 2), Some(Malformed::Checksum));
        for length in 0..20 {
            assert_eq!(
                Ipv4::decode(&known()[..length]).err(),
                Some(Malformed::Truncated)
            );
        }
    }
}
