//! ICMP errors about customer packets.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use labelway_wire::checksum::Sum;
use labelway_wire::{
    Customer, IPV4_HEADER, IPV6_HEADER, IcmpV4, IcmpV6, Ipv4, Ipv4Header, Ipv6, Ipv6Header,
    is_icmp_v4_error, is_icmp_v6_error, protocol,
};

use crate::{Fib, Packet, TokenBucket};

/// RFC 1812 §4.3.2.3: as much of the packet as makes an error of no more than 576 bytes.
const V4_ERROR_BYTES: usize = 576;
/// RFC 4443 §2.4 c: likewise, the minimum IPv6 MTU.
const V6_ERROR_BYTES: usize = 1280;
const ICMP_HEADER: usize = 8;
/// RFC 1812 §4.3.2.5: precedence 6, internetwork control.
const V4_TRAFFIC_CLASS: u8 = 0xc0;
const ERROR_TTL: u8 = 64;
/// RFC 7600 §4.8: source of errors from a node that has no IPv4 address to give.
const DUMMY_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IcmpError {
    TooBig {
        mtu: usize,
    },
    TimeExceeded,
    NoRoute,
    /// There is a route, and no path of it is up.
    NoPath,
}

/// Turns the customer packet in `packet` into the error about it, addressed to its source. False,
/// and nothing changed, where none must be sent or the limit is reached.
#[must_use]
pub(crate) fn turn_into(
    fib: &Fib,
    limit: &mut TokenBucket,
    now: Duration,
    error: IcmpError,
    customer: &Customer,
    packet: &mut Packet<'_>,
) -> bool {
    if !may_be_answered(customer, packet.bytes()) || !limit.take(now) {
        return false;
    }
    match (customer.source, customer.destination) {
        (IpAddr::V4(source), IpAddr::V4(_)) => v4(fib, error, source, packet),
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            // Without a loopback the error comes from where the packet went: dishonest to a
            // traceroute, but a "packet too big" that gets through is worth more than none.
            let from = fib.loopback6.unwrap_or(destination);
            v6(error, from, source, packet)
        }
        _ => false,
    }
}

/// RFC 1812 §4.3.2.7 and RFC 4443 §2.4 e: no error about an error, a later fragment, or a packet
/// whose source or destination is not one host.
fn may_be_answered(customer: &Customer, bytes: &[u8]) -> bool {
    let kind = bytes.get(customer.upper).copied();
    let about_an_error = match customer.protocol {
        protocol::ICMP if customer.is_v4() => kind.is_none_or(is_icmp_v4_error),
        protocol::ICMPV6 if !customer.is_v4() => kind.is_none_or(is_icmp_v6_error),
        _ => false,
    };
    !about_an_error
        && !customer.later_fragment
        && is_one_host(customer.source)
        && is_one_host(customer.destination)
}

/// Whether an address is of one host beyond this link: neither multicast, broadcast, unspecified,
/// loopback nor link-local.
pub(crate) fn is_one_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // 0/8 is "this network", 240/4 is not in use (RFC 1812 §5.3.7, RFC 1122 §3.2.1.3).
            let first = address.octets()[0];
            first != 0 && first != 127 && first < 224 && !address.is_link_local()
        }
        IpAddr::V6(address) => {
            !address.is_multicast()
                && !address.is_unspecified()
                && !address.is_loopback()
                && !address.is_unicast_link_local()
        }
    }
}

fn v4(fib: &Fib, error: IcmpError, to: Ipv4Addr, packet: &mut Packet<'_>) -> bool {
    let icmp = match error {
        IcmpError::TooBig { mtu } => IcmpV4::FragmentationNeeded {
            mtu: u16::try_from(mtu).unwrap_or(u16::MAX),
        },
        IcmpError::TimeExceeded => IcmpV4::TimeExceeded,
        // RFC 1812 §5.2.7.1: network unreachable, host unreachable.
        IcmpError::NoRoute => IcmpV4::Unreachable { code: 0 },
        IcmpError::NoPath => IcmpV4::Unreachable { code: 1 },
    };
    let quoted = packet.len().min(V4_ERROR_BYTES - IPV4_HEADER - ICMP_HEADER);
    let header = Ipv4Header {
        traffic_class: V4_TRAFFIC_CLASS,
        identification: 0,
        dont_fragment: true, // An atomic datagram, which needs no identification (RFC 6864 §4.1).
        ttl: ERROR_TTL,
        protocol: protocol::ICMP,
        source: fib.loopback4.unwrap_or(DUMMY_V4),
        destination: to,
    };
    let Ok(ip) = header.encode((ICMP_HEADER + quoted) as u16) else {
        return false;
    };
    put(&ip, icmp.encode(), Sum::default(), quoted, packet)
}

fn v6(
    error: IcmpError,
    from: std::net::Ipv6Addr,
    to: std::net::Ipv6Addr,
    packet: &mut Packet<'_>,
) -> bool {
    let icmp = match error {
        IcmpError::TooBig { mtu } => IcmpV6::PacketTooBig {
            mtu: u32::try_from(mtu).unwrap_or(u32::MAX),
        },
        IcmpError::TimeExceeded => IcmpV6::TimeExceeded,
        // RFC 4443 §3.1: no route to destination, address unreachable.
        IcmpError::NoRoute => IcmpV6::Unreachable { code: 0 },
        IcmpError::NoPath => IcmpV6::Unreachable { code: 3 },
    };
    let quoted = packet.len().min(V6_ERROR_BYTES - IPV6_HEADER - ICMP_HEADER);
    let length = ICMP_HEADER + quoted;
    let header = Ipv6Header {
        next_header: protocol::ICMPV6,
        hop_limit: ERROR_TTL,
        source: from,
        destination: to,
    };
    // RFC 4443 §2.3: the checksum covers a pseudo-header, unlike that of ICMP for IPv4.
    let pseudo = Sum::pseudo_v6(from, to, protocol::ICMPV6, length as u32);
    put(
        &header.encode(length as u16),
        icmp.encode(),
        pseudo,
        quoted,
        packet,
    )
}

/// Puts the two headers in front of the quoted packet.
fn put(
    ip: &[u8],
    mut icmp: [u8; ICMP_HEADER],
    pseudo: Sum,
    quoted: usize,
    packet: &mut Packet<'_>,
) -> bool {
    if !packet.prepend(ip.len() + ICMP_HEADER) {
        return false;
    }
    packet.truncate(ip.len() + ICMP_HEADER + quoted);
    let (front, quote) = packet.bytes_mut().split_at_mut(ip.len() + ICMP_HEADER);
    let checksum = pseudo.bytes(&icmp).bytes(quote).finish();
    icmp[2..4].copy_from_slice(&checksum.to_be_bytes());
    front[..ip.len()].copy_from_slice(ip);
    front[ip.len()..].copy_from_slice(&icmp);
    true
}

/// Source and destination of the packet that an ICMP error quotes; none if it is no error.
pub(crate) fn quoted_addresses(customer: &Customer, bytes: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let message = bytes.get(customer.upper..customer.length)?;
    let kind = *message.first()?;
    let quote = message.get(ICMP_HEADER..)?;
    match customer.protocol {
        _ if customer.fragment => None,
        protocol::ICMP if customer.is_v4() && is_icmp_v4_error(kind) => {
            let ip = Ipv4::decode_quoted(quote).ok()?;
            Some((ip.source().into(), ip.destination().into()))
        }
        protocol::ICMPV6 if !customer.is_v4() && is_icmp_v6_error(kind) => {
            let ip = Ipv6::decode_quoted(quote).ok()?;
            Some((ip.source().into(), ip.destination().into()))
        }
        _ => None,
    }
}
