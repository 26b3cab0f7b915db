//! UDP (RFC 768).

use crate::checksum::Sum;
use crate::{Ipv4, Malformed, protocol, u16_at};

/// Bytes of the header.
pub const UDP_HEADER: usize = 8;

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source Port          |       Destination Port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Length            |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Udp<'a>(&'a [u8]);

impl<'a> Udp<'a> {
    /// The datagram that an IPv4 packet holds. Its checksum is verified if there is one: zero means
    /// none (RFC 768), as MPLS-in-UDP sends it over IPv4 (RFC 7510 §3).
    #[inline]
    pub fn decode(ip: &Ipv4<'a>) -> Result<Self, Malformed> {
        let bytes = ip.payload();
        if bytes.len() < UDP_HEADER {
            return Err(Malformed::Truncated);
        }
        let length = usize::from(u16_at(bytes, 4));
        if length < UDP_HEADER || length > bytes.len() {
            return Err(Malformed::Length);
        }
        let datagram = &bytes[..length];
        if u16_at(bytes, 6) != 0 && !is_valid(ip, datagram) {
            return Err(Malformed::Checksum);
        }
        Ok(Self(datagram))
    }

    #[inline]
    pub fn source_port(&self) -> u16 {
        u16_at(self.0, 0)
    }

    #[inline]
    pub fn destination_port(&self) -> u16 {
        u16_at(self.0, 2)
    }

    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        &self.0[UDP_HEADER..]
    }
}

/// Cold: nearly all are labelled packets, which have none.
#[cold]
fn is_valid(ip: &Ipv4<'_>, datagram: &[u8]) -> bool {
    let length = datagram.len() as u16;
    Sum::pseudo_v4(ip.source(), ip.destination(), protocol::UDP, length)
        .bytes(datagram)
        .is_valid()
}

/// A header that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpHeader {
    pub source_port: u16,
    pub destination_port: u16,
}

impl UdpHeader {
    /// The header in front of `payload` bytes, without a checksum.
    pub fn encode(&self, payload: u16) -> Result<[u8; UDP_HEADER], Malformed> {
        let length = payload
            .checked_add(UDP_HEADER as u16)
            .ok_or(Malformed::Length)?;
        let mut bytes = [0; UDP_HEADER];
        bytes[..2].copy_from_slice(&self.source_port.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
        Ok(bytes)
    }

    /// The checksum field for a datagram whose sum, pseudo-header included, is `sum`: a computed
    /// zero is sent as all ones (RFC 768).
    pub fn checksum(sum: Sum) -> u16 {
        match sum.finish() {
            0 => 0xffff,
            checksum => checksum,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::Ipv4Header;

    fn packet(length: u16, checksum: Option<u16>) -> Vec<u8> {
        let ip = Ipv4Header {
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            ttl: 64,
            protocol: protocol::UDP,
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
        };
        let mut udp = UdpHeader {
            source_port: 50000,
            destination_port: 862,
        }
        .encode(4)
        .unwrap();
        udp[4..6].copy_from_slice(&length.to_be_bytes());
        let payload = [1, 2, 3, 4];
        let sum = Sum::pseudo_v4(ip.source, ip.destination, protocol::UDP, 12)
            .bytes(&udp)
            .bytes(&payload);
        let checksum = checksum.unwrap_or(UdpHeader::checksum(sum));
        udp[6..8].copy_from_slice(&checksum.to_be_bytes());
        [&ip.encode(12).unwrap()[..], &udp, &payload].concat()
    }

    fn decode(packet: &[u8]) -> Result<(u16, u16, usize), Malformed> {
        let ip = Ipv4::decode(packet).unwrap();
        Udp::decode(&ip).map(|udp| {
            (
                udp.source_port(),
                udp.destination_port(),
                udp.payload().len(),
            )
        })
    }

    #[test]
    fn takes_a_right_checksum_or_none() {
        assert_eq!(decode(&packet(12, None)), Ok((50000, 862, 4)));
        assert_eq!(decode(&packet(12, Some(0))), Ok((50000, 862, 4)));
        assert_eq!(decode(&packet(12, Some(1))), Err(Malformed::Checksum));
    }

    #[test]
    fn refuses_lengths_that_contradict_ip() {
        assert_eq!(decode(&packet(7, Some(0))), Err(Malformed::Length));
        assert_eq!(decode(&packet(13, Some(0))), Err(Malformed::Length));
        assert_eq!(decode(&packet(10, Some(0))), Ok((50000, 862, 2)));
    }

    #[test]
    fn a_computed_zero_is_sent_as_ones() {
        assert_eq!(UdpHeader::checksum(Sum::default().word(0xffff)), 0xffff);
    }
}
