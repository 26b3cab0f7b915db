//! A label stack, and what is in front of it on the way to a neighbour (RFC 7510 §3).

use std::net::Ipv4Addr;

use labelway_wire::{
    Ecn, IPV4_HEADER, LABEL_BYTES, Label, LabelStackEntry, UDP_HEADER, port, protocol,
};

use crate::{DropReason, ENCAPSULATION_BYTES, Packet};

/// TTL of inner packets: one hop, from tunnel address to tunnel address. RFC 5082 §3 lets a
/// receiver tell from 255 that no router was between; ours does not need to, as WireGuard says so.
const INNER_TTL: u8 = 255;

/// IPv4 and UDP header to one neighbour, as words that are written at once: all that is the same in
/// every packet, with zeros where it is not.
///
/// ```text
///  45 ECN total length   identification   DF, offset      big-endian words of
///  TTL protocol checksum source                           8 bytes, and one of 4
///  destination           source port      6635
///  length   no checksum
/// ```
#[derive(Debug, Clone, Copy)]
pub(crate) struct Front {
    words: [u64; 3],
    /// Ones' complement sum of the IPv4 header in them.
    sum: u16,
}

/// The header that the neighbour sends, under [`SAME`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Back([u64; 3]);

/// Of a header from a neighbour: version, header length, no fragment; protocol and source;
/// destination, destination port, and that the source port is one of entropy. DF, TTL and
/// identification are its own affair.
const SAME: [u64; 3] = [
    0xff00_0000_0000_3fff,
    0x00ff_0000_ffff_ffff,
    0xffff_ffff_0000_ffff | ENTROPY,
];
/// What an entropy port has above, where the source port is (see [`crate::whole::WHOLE_PORT`]).
const ENTROPY: u64 = 0xc000_0000;

/// What differs from packet to packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Varying {
    pub(crate) ecn: Ecn,
    pub(crate) entropy_port: u16,
    /// Bytes behind the headers.
    pub(crate) payload: usize,
}

impl Front {
    pub(crate) fn new(own: Ipv4Addr, neighbour: Ipv4Addr) -> Self {
        let words = words(own, neighbour);
        Self {
            words,
            sum: fold(sum(words)),
        }
    }

    /// The headers of a packet of `total` bytes, these headers included.
    #[inline]
    fn write(&self, total: u16, ecn: Ecn, entropy_port: u16, to: &mut [u8; ENCAPSULATION_BYTES]) {
        let (length, ecn) = (u64::from(total), u64::from(ecn.bits()));
        let checksum = !fold(u64::from(self.sum) + length + ecn);
        let [a, b, c] = self.words;
        to[..8].copy_from_slice(&(a | ecn << 48 | length << 32).to_be_bytes());
        to[8..16].copy_from_slice(&(b | u64::from(checksum) << 32).to_be_bytes());
        to[16..24].copy_from_slice(&(c | u64::from(entropy_port) << 16).to_be_bytes());
        let udp_length = u32::from(total) - IPV4_HEADER as u32;
        to[24..].copy_from_slice(&(udp_length << 16).to_be_bytes());
    }
}

impl Back {
    pub(crate) fn new(own: Ipv4Addr, neighbour: Ipv4Addr) -> Self {
        let [a, b, c] = words(neighbour, own);
        let words = [a, b, c | ENTROPY];
        Self([0, 1, 2].map(|word| words[word] & SAME[word]))
    }

    /// Reads headers that are exactly what the neighbour of this network sends. None tells nothing:
    /// the packet may be another good one, or be wrong in any way.
    #[inline]
    pub(crate) fn read(&self, bytes: &[u8]) -> Option<Varying> {
        let headers = bytes.first_chunk::<ENCAPSULATION_BYTES>()?;
        let [a, b, c] = [0, 8, 16].map(|at| word(headers, at));
        let rest = u32::from_be_bytes([headers[24], headers[25], headers[26], headers[27]]);
        let differs = (a & SAME[0] ^ self.0[0])
            | (b & SAME[1] ^ self.0[1])
            | (c & SAME[2] ^ self.0[2])
            | u64::from(rest & 0xffff);
        let total = (a >> 32 & 0xffff) as usize;
        let udp = (rest >> 16) as usize;
        let fits = udp >= UDP_HEADER && IPV4_HEADER + udp <= total && total <= bytes.len();
        if differs != 0 || !fits || fold(sum([a, b, c])) != 0xffff {
            return None;
        }
        Some(Varying {
            ecn: Ecn::of((a >> 48) as u8),
            entropy_port: (c >> 16) as u16,
            payload: udp - UDP_HEADER,
        })
    }
}

fn words(source: Ipv4Addr, destination: Ipv4Addr) -> [u64; 3] {
    let [source, destination] = [source, destination].map(|address| u64::from(u32::from(address)));
    // RFC 6864 §4.1: the identification of an atomic datagram is free to be anything.
    const DONT_FRAGMENT: u64 = 0x4000;
    [
        // The customer's DSCP is not shown to the underlay.
        0x45 << 56 | DONT_FRAGMENT,
        u64::from(INNER_TTL) << 56 | u64::from(protocol::UDP) << 48 | source,
        destination << 32 | u64::from(port::MPLS_IN_UDP),
    ]
}

/// Ones' complement sum of the IPv4 header in the words (RFC 1071), in 32-bit steps.
#[inline]
fn sum([a, b, c]: [u64; 3]) -> u64 {
    const LOW: u64 = 0xffff_ffff;
    (a >> 32) + (a & LOW) + (b >> 32) + (b & LOW) + (c >> 32)
}

#[inline]
fn fold(sum: u64) -> u16 {
    let fold = |sum: u64| (sum >> 16) + (sum & 0xffff);
    // Less than 2^36, then 2^21, 2^17 and 0x1_0001: four times leave no carry behind.
    fold(fold(fold(fold(sum)))) as u16
}

#[inline]
fn word(bytes: &[u8; ENCAPSULATION_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(word)
}

/// Entries to put on a packet, all with one TC and TTL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stack<'a> {
    /// Outermost first.
    pub(crate) labels: &'a [Label],
    /// The bottom of the stack; without one, what the packet begins with goes on below.
    pub(crate) bottom: Option<Label>,
    pub(crate) traffic_class: u8,
    pub(crate) ttl: u8,
}

impl Stack<'_> {
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        (self.labels.len() + usize::from(self.bottom.is_some())) * LABEL_BYTES
    }
}

/// To a neighbour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Onwards {
    pub(crate) front: Front,
    /// Most bytes behind the headers.
    pub(crate) mtu: usize,
}

/// Puts stack, UDP and IPv4 in front of `packet`.
#[inline]
pub(crate) fn encapsulate(
    out: &Onwards,
    stack: &Stack<'_>,
    ecn: Ecn,
    entropy_port: u16,
    packet: &mut Packet<'_>,
) -> Result<(), DropReason> {
    let front = ENCAPSULATION_BYTES + stack.bytes();
    let total = packet.len() + front;
    if total - ENCAPSULATION_BYTES > out.mtu {
        return Err(DropReason::LabelledTooBig);
    }
    let total = u16::try_from(total).map_err(|_| DropReason::LabelledTooBig)?;
    if !packet.prepend(front) {
        return Err(DropReason::NoHeadroom);
    }
    let Some((headers, entries)) = packet.bytes_mut()[..front].split_first_chunk_mut() else {
        return Err(DropReason::NoHeadroom);
    };
    out.front.write(total, ecn, entropy_port, headers);
    let labels = stack.labels.iter().chain(&stack.bottom);
    for (index, (label, bytes)) in labels
        .zip(entries.chunks_exact_mut(LABEL_BYTES))
        .enumerate()
    {
        let bottom = index == stack.labels.len();
        let entry = LabelStackEntry::new(*label, stack.traffic_class, bottom, stack.ttl);
        bytes.copy_from_slice(&entry.encode());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use labelway_wire::{Ipv4, Ipv4Header, Udp, UdpHeader};
    use proptest::prelude::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(100, 96, 0, 8);
    const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(100, 111, 255, 255);

    /// The same headers by the encoders that are made for any.
    fn encoded(from: Ipv4Addr, to: Ipv4Addr, varying: Varying) -> Vec<u8> {
        let udp = UdpHeader {
            source_port: varying.entropy_port,
            destination_port: port::MPLS_IN_UDP,
        };
        let ip = Ipv4Header {
            traffic_class: varying.ecn.bits(),
            identification: 0,
            dont_fragment: true,
            ttl: INNER_TTL,
            protocol: protocol::UDP,
            source: from,
            destination: to,
        };
        let payload = varying.payload as u16;
        let ip = ip.encode(payload + 8).unwrap();
        [&ip[..], &udp.encode(payload).unwrap()].concat()
    }

    fn varying() -> impl Strategy<Value = Varying> {
        (0u8..4, 49152u16.., 0usize..=65_507).prop_map(|(ecn, entropy_port, payload)| Varying {
            ecn: Ecn::of(ecn),
            entropy_port,
            payload,
        })
    }

    proptest! {
        #[test]
        fn words_are_written_as_headers_are_encoded(varying in varying()) {
            let mut bytes = [0xee; ENCAPSULATION_BYTES];
            let total = (varying.payload + ENCAPSULATION_BYTES) as u16;
            Front::new(OWN, NEIGHBOUR).write(total, varying.ecn, varying.entropy_port, &mut bytes);
            prop_assert_eq!(&bytes[..], &encoded(OWN, NEIGHBOUR, varying)[..]);
        }

        #[test]
        fn what_the_neighbour_sends_is_read(varying in varying(), behind in 0usize..20) {
            let mut bytes = encoded(NEIGHBOUR, OWN, varying);
            bytes.resize(bytes.len() + varying.payload + behind, 0);
            prop_assert_eq!(Back::new(OWN, NEIGHBOUR).read(&bytes), Some(varying));
        }

        /// Whatever is read at once is what the checked views read.
        #[test]
        fn nothing_is_read_that_is_not_right(
            varying in varying(),
            changes in prop::collection::vec((0usize..28, any::<u8>()), 0..4),
            mended: bool,
            missing in 0usize..40,
        ) {
            let mut bytes = encoded(NEIGHBOUR, OWN, varying);
            for (at, value) in changes {
                bytes[at] = value;
            }
            if mended {
                bytes[10..12].fill(0);
                let checksum = labelway_wire::checksum::Sum::default().bytes(&bytes[..20]).finish();
                bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
            }
            bytes.resize((bytes.len() + varying.payload + 20).saturating_sub(missing), 0);
            if let Some(read) = Back::new(OWN, NEIGHBOUR).read(&bytes) {
                let ip = Ipv4::decode(&bytes).unwrap();
                let udp = Udp::decode(&ip).unwrap();
                prop_assert_eq!((ip.source(), ip.destination()), (NEIGHBOUR, OWN));
                prop_assert!(ip.header_len() == 20 && !ip.is_fragment());
                prop_assert!(ip.protocol() == 17 && udp.destination_port() == 6635);
                prop_assert!(udp.source_port() >= 49152);
                prop_assert_eq!(read, Varying {
                    ecn: ip.ecn(),
                    entropy_port: udp.source_port(),
                    payload: udp.payload().len(),
                });
            }
        }
    }
}
