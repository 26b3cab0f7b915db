//! Fields of IP, TCP and UDP headers that differ between the packets of a super-packet.

use labelway_wire::checksum::Sum;
use labelway_wire::{IPV6_HEADER, protocol};

/// What a super-packet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

impl Transport {
    pub fn protocol(self) -> u8 {
        match self {
            Transport::Tcp => protocol::TCP,
            Transport::Udp => protocol::UDP,
        }
    }

    /// Where the checksum is in the header.
    pub fn checksum_at(self) -> usize {
        match self {
            Transport::Tcp => tcp::CHECKSUM,
            Transport::Udp => udp::CHECKSUM,
        }
    }
}

/// Positions and flags of RFC 9293 §3.1.
pub mod tcp {
    pub const SEQUENCE: usize = 4;
    pub const ACKNOWLEDGMENT: usize = 8;
    pub const OFFSET: usize = 12;
    pub const FLAGS: usize = 13;
    pub const WINDOW: usize = 14;
    pub const CHECKSUM: usize = 16;
    pub const URGENT: usize = 18;

    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
    pub const CWR: u8 = 0x80;
}

/// Positions of RFC 768.
pub mod udp {
    pub const LENGTH: usize = 4;
    pub const CHECKSUM: usize = 6;
}

/// Bytes of the TCP header that `segment` begins with, as it says; at least 20 were checked.
pub fn tcp_header_len(segment: &[u8]) -> usize {
    usize::from(segment[tcp::OFFSET] >> 4) * 4
}

/// The addresses of the pseudo-header.
pub fn addresses(packet: &[u8], v4: bool) -> Sum {
    Sum::default().bytes(if v4 { &packet[12..20] } else { &packet[8..40] })
}

/// Writes the length of a whole packet into its IP header with all options, and the IPv4 header
/// checksum.
pub fn set_length(ip: &mut [u8], v6: bool, length: usize) {
    if v6 {
        put_u16(ip, 4, (length - IPV6_HEADER) as u16);
    } else {
        put_u16(ip, 2, length as u16);
        put_u16(ip, 10, 0);
        let checksum = Sum::default().bytes(ip).finish();
        put_u16(ip, 10, checksum);
    }
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
