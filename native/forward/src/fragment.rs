//! IPv4 fragmentation at the ingress (RFC 791 §3.2, RFC 1812 §5.2.7).

use labelway_wire::checksum::Sum;
use labelway_wire::{Customer, Ecn, IPV4_HEADER, Ipv4, Label};

use crate::encap::{self, Onwards, Stack};
use crate::{DropReason, MAX_PUSHED_LABELS, Packet};

const MAX_HEADER: usize = 60;
const MORE_FRAGMENTS: u16 = 0x2000;
/// Kept as it was: a set reserved bit is no reason to change it.
const RESERVED_AND_DF: u16 = 0xc000;
const OFFSET: u16 = 0x1fff;
const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
/// RFC 791 §3.1: the option is in every fragment, not in the first alone.
const OPTION_COPIED: u8 = 0x80;

/// A packet that leaves in pieces. Nothing is moved: each piece's headers are written in front of
/// its payload, over the end of the piece before it.
#[derive(Debug)]
pub struct Fragments {
    adjacency: usize,
    encapsulation: Encapsulation,
    /// Header of the next piece: the original's, then, from the second on, without the options
    /// that are not copied.
    header: [u8; MAX_HEADER],
    header_len: usize,
    /// Bytes in the buffer that are still to be sent.
    rest: std::ops::Range<usize>,
    /// Fragment field of the next piece.
    field: u16,
    /// Whether more follows even the last piece, as it is a fragment itself.
    more_behind: bool,
    mtu: usize,
}

/// What every piece gets in front: kept here as pieces are made when the caller asks.
#[derive(Debug)]
struct Encapsulation {
    out: Onwards,
    labels: [Label; MAX_PUSHED_LABELS],
    depth: usize,
    bottom: Option<Label>,
    traffic_class: u8,
    ttl: u8,
    ecn: Ecn,
    entropy_port: u16,
}

/// Where a packet goes, and what it gets in front.
pub(crate) struct Labelled<'a> {
    pub(crate) adjacency: usize,
    pub(crate) out: &'a Onwards,
    pub(crate) stack: Stack<'a>,
    pub(crate) ecn: Ecn,
    pub(crate) entropy_port: u16,
}

impl Fragments {
    /// Plans the pieces of `packet`, an IPv4 packet without DF, whose TTL is already as it leaves.
    pub(crate) fn new(
        customer: &Customer,
        packet: &Packet<'_>,
        mtu: usize,
        way: &Labelled<'_>,
    ) -> Option<Fragments> {
        let ip = Ipv4::decode(packet.bytes()).ok()?;
        let depth = way.stack.labels.len();
        let mut labels = [Label::IPV4_EXPLICIT_NULL; MAX_PUSHED_LABELS];
        labels.get_mut(..depth)?.copy_from_slice(way.stack.labels);
        let mut header = [0; MAX_HEADER];
        header[..customer.upper].copy_from_slice(ip.header());
        let range = packet.range();
        Some(Fragments {
            adjacency: way.adjacency,
            encapsulation: Encapsulation {
                out: *way.out,
                labels,
                depth,
                bottom: way.stack.bottom,
                traffic_class: way.stack.traffic_class,
                ttl: way.stack.ttl,
                ecn: way.ecn,
                entropy_port: way.entropy_port,
            },
            header,
            header_len: customer.upper,
            rest: range.start + customer.upper..range.start + customer.length,
            field: u16::from_be_bytes([header[6], header[7]]) & (RESERVED_AND_DF | OFFSET),
            more_behind: ip.more_fragments(),
            mtu,
        })
    }

    pub fn adjacency(&self) -> usize {
        self.adjacency
    }

    /// Shapes `packet` (the one that went into [`ingress`](crate::ingress)) into the next piece, a
    /// complete inner IPv4 packet; false when there are no more. The caller has to be done with one
    /// piece (encrypted into another buffer, or sent) before it asks for the next, and must not
    /// write behind a piece's end: the next one lies there.
    pub fn next(&mut self, packet: &mut Packet<'_>) -> bool {
        // Whatever goes wrong goes wrong for all further pieces too: the packet is over.
        let made = !self.rest.is_empty() && self.shape(packet).is_ok();
        if !made {
            self.rest = 0..0;
        }
        made
    }

    fn shape(&mut self, packet: &mut Packet<'_>) -> Result<(), DropReason> {
        let room = self.mtu.saturating_sub(self.header_len) & !7;
        if room == 0 {
            return Err(DropReason::TooBig);
        }
        let whole = self.header_len + self.rest.len() <= self.mtu;
        let taken = if whole { self.rest.len() } else { room };
        let more = !whole || self.more_behind;
        let (start, end) = (self.rest.start, self.rest.start + taken);
        if !packet.place(start, end) || !packet.prepend(self.header_len) {
            return Err(DropReason::NoHeadroom);
        }
        let header = &mut self.header[..self.header_len];
        let total = (self.header_len + taken) as u16;
        header[2..4].copy_from_slice(&total.to_be_bytes());
        let field = self.field | if more { MORE_FRAGMENTS } else { 0 };
        header[6..8].copy_from_slice(&field.to_be_bytes());
        header[10..12].copy_from_slice(&[0, 0]);
        let checksum = Sum::default().bytes(header).finish();
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet.bytes_mut()[..header.len()].copy_from_slice(header);

        let outer = &self.encapsulation;
        let stack = Stack {
            labels: &outer.labels[..outer.depth],
            bottom: outer.bottom,
            traffic_class: outer.traffic_class,
            ttl: outer.ttl,
        };
        encap::encapsulate(&outer.out, &stack, outer.ecn, outer.entropy_port, packet)?;

        self.rest.start = end;
        let offset = (self.field & OFFSET) + (taken / 8) as u16;
        self.field = self.field & RESERVED_AND_DF | offset & OFFSET;
        self.header_len = keep_copied_options(&mut self.header, self.header_len);
        Ok(())
    }
}

/// Removes the options that only the first fragment has; tells the new header length.
fn keep_copied_options(header: &mut [u8; MAX_HEADER], length: usize) -> usize {
    let mut kept = IPV4_HEADER;
    let mut at = IPV4_HEADER;
    while at < length && header[at] != OPTION_END {
        let size = match header[at] {
            OPTION_NOP => 1,
            _ if at + 1 < length => usize::from(header[at + 1]),
            _ => break,
        };
        if size == 0 || at + size > length || (size == 1 && header[at] != OPTION_NOP) {
            break; // Malformed: what follows cannot be told apart.
        }
        if header[at] & OPTION_COPIED != 0 {
            header.copy_within(at..at + size, kept);
            kept += size;
        }
        at += size;
    }
    let end = kept.next_multiple_of(4);
    header[kept..end].fill(OPTION_END);
    header[0] = 0x40 | (end / 4) as u8;
    end
}
