//! Checked views over the bytes of packets, and encoders for the headers that we send.
//!
//! `decode` checks lengths once; what it returns can be read without a check and never panics.
//! Nothing allocates. These are own views rather than smoltcp's or etherparse's because a label
//! router reads a few fields of each header and rewrites some of them in place, which neither of
//! the two is made for; they are compared with tshark's reading in `test/packets`.
#![forbid(unsafe_code)]

pub mod checksum;
mod customer;
pub mod ecn;
mod icmp;
mod ipv4;
mod ipv6;
mod mpls;
pub mod stamp;
mod tcp;
mod udp;

pub use customer::{Customer, Ports};
pub use ecn::Ecn;
pub use icmp::{IcmpV4, IcmpV6, is_icmp_v4_error, is_icmp_v6_error};
pub use ipv4::{IPV4_HEADER, Ipv4, Ipv4Header};
pub use ipv6::{IPV6_HEADER, Ipv6, Ipv6Header, UpperLayer};
pub use mpls::{LABEL_BYTES, Label, LabelStackEntry};
pub use tcp::{Tcp, TcpMss};
pub use udp::{UDP_HEADER, Udp, UdpHeader};

/// Protocol numbers (IANA) that are looked at.
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ICMPV6: u8 = 58;
    pub const SCTP: u8 = 132;
}

/// UDP ports (IANA) that are looked at.
pub mod port {
    /// STAMP, RFC 8762 §4.1.
    pub const STAMP: u16 = 862;
    /// BFD over a single hop, RFC 5881 §4.
    pub const BFD: u16 = 3784;
    /// MPLS-in-UDP, RFC 7510 §3.
    pub const MPLS_IN_UDP: u16 = 6635;
}

/// Why bytes are not what they were to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Fewer bytes than the header, or than its own lengths tell.
    Truncated,
    /// A version field that is not the one asked for.
    Version,
    /// A length field that contradicts another.
    Length,
    /// The checksum is wrong.
    Checksum,
    /// A field with a value that the specification rules out.
    Value,
}

#[inline]
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
