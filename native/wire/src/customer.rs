//! What a router needs to know of a packet of either IP version.

use std::net::IpAddr;

use crate::{Ecn, Ipv4, Ipv6, Malformed, protocol, u16_at};

/// Source and destination port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    pub source: u16,
    pub destination: u16,
}

/// A well-formed customer packet, read once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Bytes of the packet; what lies behind is padding.
    pub length: usize,
    /// TTL or hop limit.
    pub ttl: u8,
    pub dscp: u8,
    pub ecn: Ecn,
    /// After IPv6 extension headers.
    pub protocol: u8,
    /// Where the upper layer begins.
    pub upper: usize,
    /// Any fragment, the first one too.
    pub fragment: bool,
    /// A fragment without the upper layer's header.
    pub later_fragment: bool,
    /// Routers must not fragment it: IPv4 with DF, and all of IPv6.
    pub dont_fragment: bool,
    /// Of TCP, UDP and SCTP, where the packet has them.
    pub ports: Option<Ports>,
}

impl Customer {
    // Where a packet comes in, most of what is read here goes straight into a comparison.
    #[inline(always)]
    pub fn decode(bytes: &[u8]) -> Result<Customer, Malformed> {
        match bytes.first().map(|first| first >> 4) {
            Some(4) => Ok(Self::v4(&Ipv4::decode(bytes)?)),
            Some(6) => Self::v6(&Ipv6::decode(bytes)?),
            Some(_) => Err(Malformed::Version),
            None => Err(Malformed::Truncated),
        }
    }

    #[inline]
    pub fn is_v4(&self) -> bool {
        self.source.is_ipv4()
    }

    #[inline(always)]
    fn v4(ip: &Ipv4<'_>) -> Customer {
        Customer {
            source: ip.source().into(),
            destination: ip.destination().into(),
            length: ip.total_len(),
            ttl: ip.ttl(),
            dscp: ip.dscp(),
            ecn: ip.ecn(),
            protocol: ip.protocol(),
            upper: ip.header_len(),
            fragment: ip.is_fragment(),
            later_fragment: ip.fragment_offset() != 0,
            dont_fragment: ip.dont_fragment(),
            ports: match ip.fragment_offset() {
                0 => ports(ip.protocol(), ip.payload()),
                _ => None,
            },
        }
    }

    #[inline]
    fn v6(ip: &Ipv6<'_>) -> Result<Customer, Malformed> {
        let upper = ip.upper_layer()?;
        Ok(Customer {
            source: ip.source().into(),
            destination: ip.destination().into(),
            length: ip.total_len(),
            ttl: ip.hop_limit(),
            dscp: ip.dscp(),
            ecn: ip.ecn(),
            protocol: upper.protocol,
            upper: upper.offset,
            fragment: upper.fragment,
            later_fragment: upper.later_fragment,
            dont_fragment: true,
            ports: match upper.later_fragment {
                false => ports(upper.protocol, ip.behind(upper.offset)),
                true => None,
            },
        })
    }

    /// Writes another TTL or hop limit into a packet that `decode` accepted.
    #[inline]
    pub fn set_ttl(packet: &mut [u8], ttl: u8) {
        match packet.first().map(|first| first >> 4) {
            Some(4) => Ipv4::set_ttl(packet, ttl),
            Some(6) => Ipv6::set_hop_limit(packet, ttl),
            _ => {}
        }
    }

    /// Writes other ECN bits into a packet that `decode` accepted.
    pub fn set_ecn(packet: &mut [u8], ecn: Ecn) {
        match packet.first().map(|first| first >> 4) {
            Some(4) => Ipv4::set_ecn(packet, ecn),
            Some(6) => Ipv6::set_ecn(packet, ecn),
            _ => {}
        }
    }
}

#[inline]
fn ports(protocol: u8, upper: &[u8]) -> Option<Ports> {
    let has_ports = matches!(protocol, protocol::TCP | protocol::UDP | protocol::SCTP);
    match upper.first_chunk::<4>() {
        Some(first) if has_ports => Some(Ports {
            source: u16_at(first, 0),
            destination: u16_at(first, 2),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ipv4Header, Ipv6Header};
    use proptest::prelude::*;

    #[test]
    fn ports_only_where_the_packet_has_them() {
        let header = Ipv6Header {
            next_header: 44,
            hop_limit: 9,
            source: "2001:db8::1".parse().unwrap(),
            destination: "2001:db8::2".parse().unwrap(),
        };
        let first = [
            &header.encode(12)[..],
            &[17, 0, 0, 1, 0, 0, 0, 7, 1, 0, 2, 0],
        ]
        .concat();
        let customer = Customer::decode(&first).unwrap();
        assert_eq!(
            customer.ports,
            Some(Ports {
                source: 256,
                destination: 512
            })
        );
        let later = [
            &header.encode(12)[..],
            &[17, 0, 0, 9, 0, 0, 0, 7, 1, 0, 2, 0],
        ]
        .concat();
        assert_eq!(Customer::decode(&later).unwrap().ports, None);
        let header = Ipv4Header {
            traffic_class: 0xb8,
            identification: 0,
            dont_fragment: false,
            ttl: 7,
            protocol: protocol::UDP,
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
        };
        let short = [&header.encode(3).unwrap()[..], &[0, 1, 2]].concat();
        let customer = Customer::decode(&short).unwrap();
        assert_eq!((customer.ports, customer.dscp, customer.ttl), (None, 46, 7));
        assert_eq!(Customer::decode(&[0x50]), Err(Malformed::Version));
        assert_eq!(Customer::decode(&[]), Err(Malformed::Truncated));
    }

    #[test]
    fn ecn_is_written_into_either_version() {
        let v6 = Ipv6Header {
            next_header: 59,
            hop_limit: 9,
            source: "2001:db8::1".parse().unwrap(),
            destination: "2001:db8::2".parse().unwrap(),
        };
        let v4 = Ipv4Header {
            traffic_class: 0xba,
            identification: 0,
            dont_fragment: false,
            ttl: 7,
            protocol: 253,
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
        };
        let mut v6 = v6.encode(0);
        v6[..2].copy_from_slice(&[0x6b, 0xaf]); // DSCP 46, ECT(0), flow label 0xf....
        for packet in [&mut v6[..], &mut v4.encode(0).unwrap()] {
            let before = Customer::decode(packet).unwrap();
            assert_eq!((before.dscp, before.ecn), (46, Ecn::Ect0));
            for ecn in [Ecn::Ce, Ecn::NotEct, Ecn::Ect1, Ecn::Ect0] {
                Customer::set_ecn(packet, ecn);
                assert_eq!(Customer::decode(packet), Ok(Customer { ecn, ..before }));
            }
        }
        assert_eq!(v6[1] & 0xf, 0xf, "the flow label is left alone");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..120), six: bool) {
            if let Some(first) = bytes.first_mut() {
                *first = if six { 0x60 } else { 0x45 };
            }
            if let Ok(customer) = Customer::decode(&bytes) {
                prop_assert!(customer.upper <= customer.length && customer.length <= bytes.len());
            }
        }
    }
}
