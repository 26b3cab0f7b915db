//! Cutting what comes from a TUN into packets.

use labelway_wire::Malformed;

use crate::VnetHeader;

/// What is behind a `virtio_net_hdr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// An ordinary packet; its checksum is complete now.
    Single,
    /// Many packets under one header.
    Super(Segments),
}

/// Checks `header` against `packet`, and completes the checksum of an ordinary packet in place.
///
/// The kernel is not trusted to be consistent: a header that does not fit its packet, or asks for
/// something that was not negotiated, is refused. An ordinary packet that needs no checksum is
/// not looked at.
pub fn open(header: VnetHeader, packet: &mut [u8]) -> Result<Opened, Malformed> {
    let _ = (header, packet);
    todo!()
}

/// How a super-packet is cut. Holds positions only: the super-packet is given to each call of
/// [`write`](Self::write).
///
/// To give the packets another TTL or hop limit than the super-packet has, write it into the
/// super-packet once, by [`set_ttl`](Self::set_ttl), before they are written. To change the traffic
/// class too, change it there; the IPv4 header checksum of each packet is computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    count: u16,
}

impl Segments {
    /// How many packets; at least one.
    pub fn count(&self) -> usize {
        todo!()
    }

    /// Bytes of IP (with options or extension headers) and TCP or UDP headers in front of each
    /// payload.
    pub fn headers(&self) -> usize {
        todo!()
    }

    /// Bytes of the whole IP packet `index`.
    pub fn length(&self, index: usize) -> usize {
        let _ = index;
        todo!()
    }

    /// Writes packet `index` to `out[..length(index)]`, complete, and returns its length.
    ///
    /// # Panics
    ///
    /// When `packet` is shorter than what was opened, `index` is not below [`count`](Self::count),
    /// or `out` is shorter than [`length`](Self::length) tells.
    pub fn write(&self, index: usize, packet: &[u8], out: &mut [u8]) -> usize {
        let _ = (index, packet, out);
        todo!()
    }

    /// Writes the TTL or hop limit that the packets written from now on have into the super-packet.
    /// The IPv4 header checksum of the super-packet itself is wrong thereafter.
    pub fn set_ttl(&self, packet: &mut [u8], ttl: u8) {
        let _ = (packet, ttl);
        todo!()
    }
}
