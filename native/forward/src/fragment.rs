//! IPv4 fragmentation at the ingress.

use crate::Packet;

/// A packet that leaves in pieces.
#[derive(Debug)]
pub struct Fragments {
    adjacency: usize,
}

impl Fragments {
    pub fn adjacency(&self) -> usize {
        self.adjacency
    }

    /// Shapes `packet` (the one that went into [`ingress`](crate::ingress)) into the next piece, a
    /// complete inner IPv4 packet; false when there are no more. The caller has to be done with one
    /// piece (encrypted into another buffer, or sent) before it asks for the next, and must not
    /// write behind a piece's end: the next one lies there.
    pub fn next(&mut self, packet: &mut Packet<'_>) -> bool {
        todo!()
    }
}
