//! Cutting what comes from a TUN into packets.

use std::ops::Range;

use labelway_wire::checksum::Sum;
use labelway_wire::{Customer, Malformed, Tcp, UDP_HEADER, UdpHeader};

use crate::VnetHeader;
use crate::header::{self, Transport, tcp, u16_at, u32_at, udp};

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
pub fn open(vnet: VnetHeader, packet: &mut [u8]) -> Result<Opened, Malformed> {
    if vnet.flags & !(VnetHeader::NEEDS_CSUM | VnetHeader::DATA_VALID) != 0 {
        return Err(Malformed::Value);
    }
    if vnet.gso_type != VnetHeader::GSO_NONE {
        return Segments::new(vnet, packet).map(Opened::Super);
    }
    if vnet.flags & VnetHeader::NEEDS_CSUM != 0 {
        complete(vnet, packet)?;
    }
    Ok(Opened::Single)
}

/// The checksum field holds the sum of the pseudo-header, so that the sum of all bytes from
/// `csum_start` is that of the whole. Any protocol may ask for it, behind tunnel headers too.
fn complete(vnet: VnetHeader, packet: &mut [u8]) -> Result<(), Malformed> {
    let start = usize::from(vnet.csum_start);
    let at = start + usize::from(vnet.csum_offset);
    if at + 2 > packet.len() {
        return Err(Malformed::Truncated);
    }
    if start < labelway_wire::IPV4_HEADER || !vnet.csum_offset.is_multiple_of(2) {
        return Err(Malformed::Value);
    }
    let sum = Sum::default().bytes(&packet[start..]);
    let checksum = if at - start == udp::CHECKSUM {
        UdpHeader::checksum(sum)
    } else {
        sum.finish()
    };
    header::put_u16(packet, at, checksum);
    Ok(())
}

/// How a super-packet is cut. Holds positions only: the super-packet is given to each call of
/// [`write`](Self::write).
///
/// To give the packets another TTL or hop limit than the super-packet has, write it into the
/// super-packet once, by [`set_ttl`](Self::set_ttl), before they are written. To change the traffic
/// class too, change it there; the IPv4 header checksum of each packet is computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    transport: Transport,
    v6: bool,
    /// Where TCP or UDP begins.
    upper: u16,
    headers: u16,
    /// Bytes of payload in each packet, and in the last.
    size: u16,
    last: u16,
    count: u16,
    /// Of everything that the TCP or UDP checksum covers and that is the same in all packets.
    common: Sum,
}

impl Segments {
    fn new(vnet: VnetHeader, packet: &[u8]) -> Result<Segments, Malformed> {
        let ip = Customer::decode(packet)?;
        if ip.length != packet.len() {
            return Err(Malformed::Length);
        }
        let transport = match (vnet.gso_type & !VnetHeader::GSO_ECN, ip.is_v4()) {
            (VnetHeader::GSO_TCPV4, true) | (VnetHeader::GSO_TCPV6, false) => Transport::Tcp,
            (VnetHeader::GSO_UDP_L4, _) if vnet.gso_type & VnetHeader::GSO_ECN == 0 => {
                Transport::Udp
            }
            _ => return Err(Malformed::Value),
        };
        if ip.protocol != transport.protocol() || ip.fragment {
            return Err(Malformed::Value);
        }
        let upper = &packet[ip.upper..];
        let length = match transport {
            Transport::Tcp => tcp_header(upper)?,
            Transport::Udp => udp_header(upper)?,
        };
        let payload = upper.len() - length;
        let size = usize::from(vnet.gso_size);
        if payload == 0 || size == 0 {
            return Err(Malformed::Length);
        }
        let count = payload.div_ceil(size);
        Ok(Segments {
            transport,
            v6: !ip.is_v4(),
            upper: ip.upper as u16,
            headers: (ip.upper + length) as u16,
            size: size.min(payload) as u16,
            last: (payload - (count - 1) * size) as u16,
            count: count as u16,
            common: common(vnet, packet, &ip, transport, length)?,
        })
    }

    /// How many packets; at least one.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Bytes of IP (with options or extension headers) and TCP or UDP headers in front of each
    /// payload.
    pub fn headers(&self) -> usize {
        usize::from(self.headers)
    }

    /// Bytes of the whole IP packet `index`.
    ///
    /// # Panics
    ///
    /// When `index` is not below [`count`](Self::count), as [`write`](Self::write).
    pub fn length(&self, index: usize) -> usize {
        self.headers() + self.payload(index).len()
    }

    /// Writes packet `index` to `out[..length(index)]`, complete, and returns its length.
    ///
    /// # Panics
    ///
    /// When `packet` is shorter than what was opened, `index` is not below [`count`](Self::count),
    /// or `out` is shorter than [`length`](Self::length) tells.
    pub fn write(&self, index: usize, packet: &[u8], out: &mut [u8]) -> usize {
        let payload = self.payload(index);
        let length = self.headers() + payload.len();
        let (headers, body) = out[..length].split_at_mut(self.headers());
        headers.copy_from_slice(&packet[..self.headers()]);
        let before = payload.start - self.headers();
        let sum = self.common.copy(&packet[payload], body);

        let upper = usize::from(self.upper);
        let (ip, transport) = headers.split_at_mut(upper);
        if !self.v6 {
            let identification = u16_at(ip, 4).wrapping_add(index as u16);
            header::put_u16(ip, 4, identification);
        }
        header::set_length(ip, self.v6, length);
        let sum = sum.word((length - upper) as u16);
        match self.transport {
            Transport::Tcp => self.write_tcp(index, before, transport, sum),
            Transport::Udp => {
                let datagram = (length - upper) as u16;
                header::put_u16(transport, udp::LENGTH, datagram);
                let checksum = UdpHeader::checksum(sum.word(datagram));
                header::put_u16(transport, udp::CHECKSUM, checksum);
            }
        }
        length
    }

    /// `before`: bytes of payload in the packets in front.
    fn write_tcp(&self, index: usize, before: usize, tcp: &mut [u8], sum: Sum) {
        let sequence = u32_at(tcp, tcp::SEQUENCE)
            .wrapping_add(before as u32)
            .to_be_bytes();
        tcp[tcp::SEQUENCE..tcp::SEQUENCE + 4].copy_from_slice(&sequence);
        if index > 0 {
            // RFC 3168 §6.1.2: CWR is set once for a reduction of the window.
            tcp[tcp::FLAGS] &= !tcp::CWR;
        }
        if index + 1 < self.count() {
            tcp[tcp::FLAGS] &= !(tcp::FIN | tcp::PSH);
        }
        let sum = sum.bytes(&sequence).word(u16_at(tcp, tcp::FLAGS - 1));
        header::put_u16(tcp, tcp::CHECKSUM, sum.finish());
    }

    /// Writes the TTL or hop limit that the packets written from now on have into the super-packet.
    /// The IPv4 header checksum of the super-packet itself is wrong thereafter.
    ///
    /// # Panics
    ///
    /// When `packet` is shorter than what was opened.
    pub fn set_ttl(&self, packet: &mut [u8], ttl: u8) {
        packet[if self.v6 { 7 } else { 8 }] = ttl;
    }

    /// Where the payload of packet `index` is in the super-packet.
    fn payload(&self, index: usize) -> Range<usize> {
        assert!(index < self.count(), "a super-packet's last packet");
        let start = self.headers() + index * usize::from(self.size);
        let last = index + 1 == self.count();
        start..start + usize::from(if last { self.last } else { self.size })
    }
}

/// Bytes of the TCP header.
fn tcp_header(segment: &[u8]) -> Result<usize, Malformed> {
    Tcp::decode(segment)?;
    // Neither has ever been part of a larger segment; cut apart, each piece would open or end the
    // connection.
    if segment[tcp::FLAGS] & (tcp::SYN | tcp::RST) != 0 {
        return Err(Malformed::Value);
    }
    Ok(header::tcp_header_len(segment))
}

/// Bytes of the UDP header.
fn udp_header(datagram: &[u8]) -> Result<usize, Malformed> {
    if datagram.len() < UDP_HEADER {
        return Err(Malformed::Truncated);
    }
    if usize::from(u16_at(datagram, udp::LENGTH)) != datagram.len() {
        return Err(Malformed::Length);
    }
    Ok(UDP_HEADER)
}

/// The pseudo-header without the length, and the fields of the header that do not change.
fn common(
    vnet: VnetHeader,
    packet: &[u8],
    ip: &Customer,
    transport: Transport,
    header: usize,
) -> Result<Sum, Malformed> {
    let upper = &packet[ip.upper..];
    let sum = if vnet.flags & VnetHeader::NEEDS_CSUM != 0 {
        let here = (usize::from(vnet.csum_start), usize::from(vnet.csum_offset));
        if here != (ip.upper, transport.checksum_at()) {
            return Err(Malformed::Value);
        }
        // The pseudo-header's sum is in the field, with the super-packet's length. Behind a routing
        // header it has another destination than the IPv6 header (RFC 8200 §8.1).
        Sum::default()
            .word(u16_at(upper, transport.checksum_at()))
            .word(!(upper.len() as u16))
    } else if vnet.flags & VnetHeader::DATA_VALID != 0 {
        header::addresses(packet, ip.is_v4()).word(u16::from(transport.protocol()))
    } else {
        // Each packet gets a checksum that is right; nobody says that it was before.
        return Err(Malformed::Checksum);
    };
    Ok(match transport {
        Transport::Tcp => sum
            .bytes(&upper[..tcp::SEQUENCE])
            .bytes(&upper[tcp::SEQUENCE + 4..tcp::FLAGS - 1])
            .bytes(&upper[tcp::FLAGS + 1..tcp::CHECKSUM])
            .bytes(&upper[tcp::CHECKSUM + 2..header]),
        Transport::Udp => sum.bytes(&upper[..udp::LENGTH]),
    })
}
