//! Making super-packets of what goes to a TUN.

use crate::VnetHeader;

/// Finds which packets of a batch can go to the kernel as one. It keeps positions and a copy of the
/// headers of open super-packets, never payload; all of it is allocated once.
///
/// A batch: [`offer`](Self::offer) each packet in the order of arrival, write the
/// [`groups`](Self::groups), [`clear`](Self::clear).
pub struct Coalescer {
    capacity: usize,
}

impl Coalescer {
    /// Room for `capacity` packets a batch; a super-packet may have as many.
    pub fn with_capacity(capacity: usize) -> Coalescer {
        Coalescer { capacity }
    }

    /// At most `packets` packets become one; of UDP never more than 64.
    pub fn with_limit(self, packets: usize) -> Coalescer {
        let _ = packets;
        todo!()
    }

    /// Puts a packet on the end of the open super-packet of its flow, or lets it start its own. `id`
    /// is the caller's. False, and nothing done, when the batch is full.
    pub fn offer(&mut self, id: u32, packet: &[u8]) -> bool {
        let _ = (id, packet, self.capacity);
        todo!()
    }

    /// The super-packets, and packets that stay alone, in the order in which the first packet of
    /// each came.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = Group<'_>> {
        (0..0).map(|index| Group {
            coalescer: self,
            index,
        })
    }

    /// Forgets all packets; the next batch may begin.
    pub fn clear(&mut self) {
        todo!()
    }
}

/// Packets to be written as one, or a packet that stays alone.
#[derive(Clone, Copy)]
pub struct Group<'a> {
    coalescer: &'a Coalescer,
    index: usize,
}

impl<'a> Group<'a> {
    /// How many packets; at least one.
    pub fn count(&self) -> usize {
        let _ = (self.coalescer, self.index);
        todo!()
    }

    /// The first packet, which is to be given to [`finish`](Self::finish).
    pub fn first(&self) -> u32 {
        todo!()
    }

    /// All packets in order, the first one too.
    pub fn ids(&self) -> impl Iterator<Item = u32> + 'a {
        std::iter::empty()
    }

    /// How many bytes to skip in all packets but the first. What is behind them is to be written
    /// whole.
    pub fn headers(&self) -> usize {
        todo!()
    }

    /// Makes the headers of the first packet those of the super-packet, and tells what goes in front
    /// of it. A packet that stays alone is not touched and gets [`VnetHeader::NONE`].
    ///
    /// # Panics
    ///
    /// When `first` is shorter than the first packet's headers.
    pub fn finish(&self, first: &mut [u8]) -> VnetHeader {
        let _ = first;
        todo!()
    }
}
