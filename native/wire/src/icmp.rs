//! ICMP errors (RFC 792, RFC 1191 §4, RFC 4443 §3).

/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           unused              |  Next-Hop MTU (v4, too big)   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 as much of the refused packet                 |
/// ```
///
/// The eight bytes in front of the quoted packet, the checksum still zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpV4 {
    /// Type 3 code 4 (RFC 1191 §4).
    FragmentationNeeded { mtu: u16 },
    /// Type 3, with the code for why.
    Unreachable { code: u8 },
    /// Type 11 code 0.
    TimeExceeded,
}

impl IcmpV4 {
    pub fn encode(self) -> [u8; 8] {
        match self {
            Self::FragmentationNeeded { mtu } => {
                let [high, low] = mtu.to_be_bytes();
                [3, 4, 0, 0, 0, 0, high, low]
            }
            Self::Unreachable { code } => [3, code, 0, 0, 0, 0, 0, 0],
            Self::TimeExceeded => [11, 0, 0, 0, 0, 0, 0, 0],
        }
    }
}

/// Likewise for ICMPv6; the MTU of "packet too big" has 32 bits (RFC 4443 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IcmpV6 {
    /// Type 2 code 0.
    PacketTooBig { mtu: u32 },
    /// Type 1, with the code for why.
    Unreachable { code: u8 },
    /// Type 3 code 0.
    TimeExceeded,
}

impl IcmpV6 {
    pub fn encode(self) -> [u8; 8] {
        match self {
            Self::PacketTooBig { mtu } => {
                let [a, b, c, d] = mtu.to_be_bytes();
                [2, 0, 0, 0, a, b, c, d]
            }
            Self::Unreachable { code } => [1, code, 0, 0, 0, 0, 0, 0],
            Self::TimeExceeded => [3, 0, 0, 0, 0, 0, 0, 0],
        }
    }
}

/// Whether an ICMP type is an error message, about which no error is ever sent (RFC 1122 §3.2.2).
/// Redirects count as errors there.
pub fn is_icmp_v4_error(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 11 | 12)
}

/// Likewise for ICMPv6: types below 128 are errors (RFC 4443 §2.1), and redirects (137) are treated
/// alike (§2.4 e.2).
pub fn is_icmp_v6_error(kind: u8) -> bool {
    kind < 128 || kind == 137
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_the_mtu_where_each_version_has_it() {
        let v4 = IcmpV4::FragmentationNeeded { mtu: 1380 }.encode();
        assert_eq!(v4, [3, 4, 0, 0, 0, 0, 0x05, 0x64]);
        let v6 = IcmpV6::PacketTooBig { mtu: 1380 }.encode();
        assert_eq!(v6, [2, 0, 0, 0, 0, 0, 0x05, 0x64]);
    }

    #[test]
    fn queries_are_no_errors() {
        assert!(is_icmp_v4_error(3) && !is_icmp_v4_error(8) && !is_icmp_v4_error(0));
        assert!(is_icmp_v6_error(1) && !is_icmp_v6_error(128) && is_icmp_v6_error(137));
    }
}
