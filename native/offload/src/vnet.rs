//! `struct virtio_net_hdr` (linux/virtio_net.h), which stands in front of each packet.

use labelway_wire::Malformed;

/// Bytes of the header without `num_buffers`, which is a TUN's default (TUNSETVNETHDRSZ).
pub const VNET_HEADER: usize = 10;

/// ```text
/// u8 flags | u8 gso_type | u16 hdr_len | u16 gso_size | u16 csum_start | u16 csum_offset
/// ```
///
/// In the host's byte order, as a TUN without TUNSETVNETLE and TUNSETVNETBE has it on a
/// little-endian or big-endian machine alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VnetHeader {
    pub flags: u8,
    pub gso_type: u8,
    /// Bytes of all headers. From the kernel a hint only: it may count payload.
    pub hdr_len: u16,
    /// Bytes of payload in each packet but the last.
    pub gso_size: u16,
    /// Where in the packet the bytes that the checksum covers begin.
    pub csum_start: u16,
    /// Where the checksum is, counted from `csum_start`.
    pub csum_offset: u16,
}

impl VnetHeader {
    /// An ordinary packet whose checksum is complete.
    pub const NONE: VnetHeader = VnetHeader {
        flags: 0,
        gso_type: Self::GSO_NONE,
        hdr_len: 0,
        gso_size: 0,
        csum_start: 0,
        csum_offset: 0,
    };

    /// The checksum field holds the pseudo-header's sum; the rest is still to be added.
    pub const NEEDS_CSUM: u8 = 1;
    /// The checksum was verified.
    pub const DATA_VALID: u8 = 2;

    pub const GSO_NONE: u8 = 0;
    pub const GSO_TCPV4: u8 = 1;
    pub const GSO_TCPV6: u8 = 4;
    pub const GSO_UDP_L4: u8 = 5;
    /// Beside a TCP type: the super-packet has CWR set, for its first packet only (RFC 3168 §6.1.2).
    pub const GSO_ECN: u8 = 0x80;

    /// Reads the first [`VNET_HEADER`] bytes; every value of the fields is taken.
    pub fn decode(bytes: &[u8]) -> Result<VnetHeader, Malformed> {
        let bytes: &[u8; VNET_HEADER] = bytes.first_chunk().ok_or(Malformed::Truncated)?;
        let word = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
        Ok(VnetHeader {
            flags: bytes[0],
            gso_type: bytes[1],
            hdr_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        })
    }

    pub fn encode(&self) -> [u8; VNET_HEADER] {
        let mut bytes = [0; VNET_HEADER];
        bytes[0] = self.flags;
        bytes[1] = self.gso_type;
        bytes[2..4].copy_from_slice(&self.hdr_len.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.gso_size.to_ne_bytes());
        bytes[6..8].copy_from_slice(&self.csum_start.to_ne_bytes());
        bytes[8..10].copy_from_slice(&self.csum_offset.to_ne_bytes());
        bytes
    }
}
