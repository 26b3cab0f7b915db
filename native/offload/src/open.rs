//! The super-packets of a batch that may still grow: at most one a flow.

use crate::header::{Transport, tcp, u16_at};
use crate::read::{Addresses, Candidate, FlowKey};

/// At most so many at once, as many as the kernel's GRO keeps (8 buckets of 8); a flow more, and one
/// of the others ends. Bounds what a packet costs to look up.
const MAX_OPEN: usize = 64;

/// Bytes of headers that are kept: IPv4 and TCP with all options (120), or IPv6 with 28 bytes of
/// extension headers and TCP with all options.
pub const MAX_HEADERS: usize = 128;

pub struct Open {
    /// Of `entries`, side by side so that looking for one reads little memory.
    tags: Vec<u32>,
    entries: Vec<Entry>,
    room: usize,
    /// Whose turn it is to end when there is no room.
    turn: usize,
}

struct Entry {
    key: FlowKey,
    /// Which super-packet of the batch it is.
    group: usize,
    next_sequence: u32,
    next_identification: u16,
    upper: usize,
    size: usize,
    /// Bytes of `header` that are used.
    headers: usize,
    /// The headers of its first packet.
    header: [u8; MAX_HEADERS],
}

/// A super-packet that is to be open from its first packet on.
pub struct Begin<'a> {
    pub key: FlowKey,
    pub group: usize,
    pub packet: &'a [u8],
    pub candidate: &'a Candidate,
}

impl Open {
    pub fn with_capacity(packets: usize) -> Open {
        let room = packets.min(MAX_OPEN);
        Open {
            tags: Vec::with_capacity(room),
            entries: Vec::with_capacity(room),
            room,
            turn: 0,
        }
    }

    pub fn find(&self, key: &FlowKey) -> Option<usize> {
        let tag = key.tag();
        (0..self.tags.len()).find(|at| self.tags[*at] == tag && self.entries[*at].key == *key)
    }

    pub fn group(&self, at: usize) -> usize {
        self.entries[at].group
    }

    pub fn begin(&mut self, begin: Begin<'_>) {
        let shape = &begin.candidate.shape;
        let mut header = [0; MAX_HEADERS];
        header[..shape.headers].copy_from_slice(&begin.packet[..shape.headers]);
        let mut entry = Entry {
            key: begin.key,
            group: begin.group,
            next_sequence: 0,
            next_identification: 0,
            upper: shape.upper,
            size: shape.size,
            headers: shape.headers,
            header,
        };
        entry.advance(begin.candidate);
        let tag = begin.key.tag();
        if self.entries.len() < self.room {
            self.tags.push(tag);
            self.entries.push(entry);
        } else {
            self.tags[self.turn] = tag;
            self.entries[self.turn] = entry;
            self.turn = (self.turn + 1) % self.room;
        }
    }

    /// Whether a packet of its flow is the next one of an open super-packet: every byte of its
    /// headers is what cutting the super-packet apart would write.
    pub fn continues(&self, at: usize, packet: &[u8], candidate: &Candidate) -> bool {
        let entry = &self.entries[at];
        let shape = &candidate.shape;
        let (ip, upper) = entry.header[..entry.headers].split_at(entry.upper);
        shape.upper == entry.upper
            && shape.headers == entry.headers
            && shape.size <= entry.size
            && candidate.sequence == entry.next_sequence
            && candidate.identification == entry.next_identification
            && same_ip(ip, &packet[..shape.upper], shape.v6)
            && match shape.transport {
                Transport::Tcp => same_tcp(upper, &packet[shape.upper..shape.headers]),
                Transport::Udp => true,
            }
    }

    pub fn advance(&mut self, at: usize, candidate: &Candidate) {
        self.entries[at].advance(candidate);
    }

    pub fn close(&mut self, at: usize) {
        self.tags.swap_remove(at);
        self.entries.swap_remove(at);
    }

    /// Closes all of two hosts in this direction.
    pub fn close_between(&mut self, addresses: &Addresses) {
        for at in (0..self.entries.len()).rev() {
            if self.entries[at].key.addresses == *addresses {
                self.close(at);
            }
        }
    }

    pub fn clear(&mut self) {
        self.tags.clear();
        self.entries.clear();
        self.turn = 0;
    }
}

impl Entry {
    fn advance(&mut self, candidate: &Candidate) {
        if candidate.shape.transport == Transport::Tcp {
            self.next_sequence = candidate.sequence.wrapping_add(candidate.payload() as u32);
        }
        if !candidate.shape.v6 {
            self.next_identification = candidate.identification.wrapping_add(1);
        }
    }
}

/// TOS or traffic class with ECN, flow label, DF, TTL or hop limit, options or extension headers;
/// not lengths, identification and header checksum. The flow's addresses are the same.
fn same_ip(first: &[u8], next: &[u8], v6: bool) -> bool {
    if v6 {
        first[..4] == next[..4] && first[6..8] == next[6..8] && first[40..] == next[40..]
    } else {
        first[..2] == next[..2] && first[6..10] == next[6..10] && first[20..] == next[20..]
    }
}

/// Acknowledgement, data offset and reserved bits, flags but PSH, window, urgent pointer, options.
fn same_tcp(first: &[u8], next: &[u8]) -> bool {
    first[tcp::ACKNOWLEDGMENT..tcp::FLAGS] == next[tcp::ACKNOWLEDGMENT..tcp::FLAGS]
        && (first[tcp::FLAGS] ^ next[tcp::FLAGS]) & !tcp::PSH == 0
        && u16_at(first, tcp::WINDOW) == u16_at(next, tcp::WINDOW)
        && first[tcp::URGENT..] == next[tcp::URGENT..]
}
