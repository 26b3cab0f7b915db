//! Reading a packet on its way to a TUN: its flow, and whether it may be part of a super-packet.

use labelway_wire::{Customer, Tcp, UDP_HEADER, protocol};

use crate::coalesce::Shape;
use crate::header::{self, Transport, tcp, u16_at, u32_at, udp};
use crate::open::MAX_HEADERS;

/// Source and destination as they are in the header; of IPv4 in the first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub v6: bool,
    pub words: [u64; 4],
}

/// What tells one flow from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowKey {
    pub addresses: Addresses,
    /// Source and destination port.
    pub ports: [u16; 2],
    pub protocol: u8,
}

pub enum Read {
    /// Its order among others does not matter: not TCP, UDP or a piece of them, or malformed.
    NoFlow,
    /// Its ports are not known: it may belong to any flow between two hosts.
    Between(Addresses),
    Flow(Flow),
}

pub struct Flow {
    pub key: FlowKey,
    /// None: it stays alone.
    pub candidate: Option<Candidate>,
}

/// A packet that may be part of a super-packet if its checksum is right.
pub struct Candidate {
    pub shape: Shape,
    /// Of TCP.
    pub sequence: u32,
    /// Of IPv4.
    pub identification: u16,
    pub push: bool,
}

pub fn read(packet: &[u8]) -> Read {
    let Ok(ip) = Customer::decode(packet) else {
        return Read::NoFlow;
    };
    if ip.fragment {
        return Read::Between(Addresses::of(packet, &ip));
    }
    let transport = match ip.protocol {
        protocol::TCP => Transport::Tcp,
        protocol::UDP => Transport::Udp,
        _ => return Read::NoFlow,
    };
    let addresses = Addresses::of(packet, &ip);
    let Some(ports) = ip.ports else {
        return Read::Between(addresses);
    };
    Read::Flow(Flow {
        key: FlowKey {
            addresses,
            ports: [ports.source, ports.destination],
            protocol: ip.protocol,
        },
        candidate: Candidate::read(packet, &ip, transport),
    })
}

impl Addresses {
    fn of(packet: &[u8], ip: &Customer) -> Addresses {
        let mut words = [0; 4];
        let bytes = if ip.is_v4() {
            &packet[12..20]
        } else {
            &packet[8..40]
        };
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        Addresses {
            v6: !ip.is_v4(),
            words,
        }
    }
}

impl FlowKey {
    /// Sorts out flows that differ; those with the same tag are compared. Nobody gains by a clash.
    pub fn tag(&self) -> u32 {
        let [source, destination] = self.ports.map(u64::from);
        let ports = source << 24 ^ destination << 8 ^ u64::from(self.protocol);
        let mix =
            |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        (self.addresses.words.into_iter().fold(ports, mix) >> 32) as u32
    }
}

impl Candidate {
    fn read(packet: &[u8], ip: &Customer, transport: Transport) -> Option<Candidate> {
        // Bytes behind the packet would become payload.
        if ip.length != packet.len() {
            return None;
        }
        let upper = &packet[ip.upper..];
        let length = match transport {
            Transport::Tcp => tcp_header(upper)?,
            Transport::Udp => udp_header(upper)?,
        };
        let headers = ip.upper + length;
        let size = packet.len() - headers;
        if size == 0 || headers > MAX_HEADERS {
            return None;
        }
        // All ones is right too, but is not what a packet that is cut off gets.
        if ip.is_v4() && u16_at(packet, 10) == 0xffff {
            return None;
        }
        let is_tcp = transport == Transport::Tcp;
        Some(Candidate {
            shape: Shape {
                transport,
                v6: !ip.is_v4(),
                upper: ip.upper,
                headers,
                size,
            },
            sequence: if is_tcp {
                u32_at(upper, tcp::SEQUENCE)
            } else {
                0
            },
            identification: if ip.is_v4() { u16_at(packet, 4) } else { 0 },
            push: is_tcp && upper[tcp::FLAGS] & tcp::PSH != 0,
        })
    }

    /// Bytes of payload.
    pub fn payload(&self) -> usize {
        self.shape.size
    }

    /// Whether nothing may follow it in a super-packet of that shape.
    pub fn is_last_behind(&self, shape: Option<&Shape>) -> bool {
        self.push || shape.is_none_or(|shape| self.payload() < shape.size)
    }

    /// Whether the TCP or UDP checksum is there, and is the one that we would write: who cuts the
    /// super-packet apart writes it anew, right even where it was wrong.
    pub fn checksum_is_ours(&self, packet: &[u8]) -> bool {
        let Shape {
            transport,
            v6,
            upper,
            ..
        } = self.shape;
        let upper = &packet[upper..];
        // The ones' complement of zero is written as zero in TCP, as all ones in UDP, where zero is
        // no checksum (RFC 768).
        let other_zero = match transport {
            Transport::Tcp => 0xffff,
            Transport::Udp => 0,
        };
        u16_at(upper, transport.checksum_at()) != other_zero
            && header::addresses(packet, !v6)
                .word(u16::from(transport.protocol()))
                .word(upper.len() as u16)
                .bytes(upper)
                .is_valid()
    }
}

/// Bytes of the header of a TCP segment that has only data to tell: ACK and nothing else but PSH and
/// ECE, which stays the same until the peer has reduced its window (RFC 3168 §6.1.3).
fn tcp_header(segment: &[u8]) -> Option<usize> {
    Tcp::decode(segment).ok()?;
    let apart = tcp::FIN | tcp::SYN | tcp::RST | tcp::URG | tcp::CWR;
    let flags = segment[tcp::FLAGS];
    (flags & tcp::ACK != 0 && flags & apart == 0).then(|| header::tcp_header_len(segment))
}

fn udp_header(datagram: &[u8]) -> Option<usize> {
    let whole = datagram.len() >= UDP_HEADER
        && usize::from(u16_at(datagram, udp::LENGTH)) == datagram.len();
    whole.then_some(UDP_HEADER)
}
