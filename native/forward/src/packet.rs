//! A packet in a caller's buffer, with room in front of it.

use crate::{ENCAPSULATION_BYTES, MAX_PUSHED_LABELS};

/// Free bytes that a buffer needs in front of a packet so that nothing is ever moved: the
/// encapsulation, the deepest stack with its service label, an ICMPv6 error's own 48 bytes of
/// headers, and rounded up to a cache line.
pub const HEADROOM: usize =
    (ENCAPSULATION_BYTES + 4 * (MAX_PUSHED_LABELS + 2) + 48).next_multiple_of(64);

/// `start..end` of `buf` is the packet. Headers are put on and taken off by moving `start`.
#[derive(Debug)]
pub struct Packet<'a> {
    buf: &'a mut [u8],
    start: usize,
    end: usize,
    /// Where the packet moves to when there is no room in front of it.
    spare: Option<&'a mut [u8]>,
    moved: bool,
}

impl<'a> Packet<'a> {
    /// The packet of `len` bytes that was read to `buf[HEADROOM..]`; cut to what the buffer holds.
    #[inline]
    pub fn new(buf: &'a mut [u8], len: usize) -> Self {
        Self::at(buf, HEADROOM, len)
    }

    /// The packet of `len` bytes at `start`; cut to what the buffer holds. With less headroom than
    /// [`HEADROOM`] a packet that needs more is dropped as [`NoHeadroom`](crate::DropReason).
    #[inline]
    pub fn at(buf: &'a mut [u8], start: usize, len: usize) -> Self {
        let start = start.min(buf.len());
        let end = start.saturating_add(len).min(buf.len());
        Self {
            buf,
            start,
            end,
            spare: None,
            moved: false,
        }
    }

    /// The packet that all of `buf` is. What needs more room in front of it than it gains by taking
    /// headers off moves, at its first need and for good, to `spare`; see [`Packet::moved`].
    pub fn with_spare(buf: &'a mut [u8], spare: &'a mut [u8]) -> Self {
        let len = buf.len();
        Self {
            spare: Some(spare),
            ..Self::at(buf, 0, len)
        }
    }

    /// Whether the packet is in its spare buffer now; its range is then one of that.
    pub fn moved(&self) -> bool {
        self.moved
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.start..self.end]
    }

    /// Where the packet is in the buffer.
    #[inline]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The whole buffer, for a caller that encrypts in place.
    #[inline]
    pub fn into_buffer(self) -> &'a mut [u8] {
        self.buf
    }

    /// Moves the start `bytes` to the front; false (and nothing changed) if there is no room.
    #[inline]
    #[must_use]
    pub(crate) fn prepend(&mut self, bytes: usize) -> bool {
        match self.start.checked_sub(bytes) {
            Some(start) => {
                self.start = start;
                true
            }
            None => self.move_to_spare() && self.prepend(bytes),
        }
    }

    fn move_to_spare(&mut self) -> bool {
        let Some(spare) = self.spare.take() else {
            return false;
        };
        let len = self.len();
        let Some(room) = spare.get_mut(HEADROOM..HEADROOM + len) else {
            return false;
        };
        room.copy_from_slice(&self.buf[self.start..self.end]);
        (self.buf, self.start, self.end) = (spare, HEADROOM, HEADROOM + len);
        self.moved = true;
        true
    }

    /// Takes `bytes` off the front.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Cuts the packet to `len` bytes.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }

    /// Places the packet anew within its buffer; false if it does not fit.
    #[must_use]
    pub(crate) fn place(&mut self, start: usize, end: usize) -> bool {
        let fits = start <= end && end <= self.buf.len();
        if fits {
            (self.start, self.end) = (start, end);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_without_room_moves_to_its_spare_once_and_for_good() {
        let (mut buffer, mut spare) = ([7; 20], [0; HEADROOM + 30]);
        let mut packet = Packet::with_spare(&mut buffer, &mut spare);
        packet.advance(4);
        assert!(
            packet.prepend(4) && !packet.moved(),
            "what was taken off is room"
        );
        assert!(packet.prepend(10) && packet.moved());
        assert_eq!((packet.len(), packet.range().start), (30, HEADROOM - 10));
        assert_eq!(packet.bytes()[10..], [7; 20]);
        assert!(packet.prepend(HEADROOM - 10), "all of its headroom");
        assert!(!packet.prepend(1), "there is no second spare");
    }

    #[test]
    fn a_packet_that_its_spare_cannot_hold_stays() {
        let (mut buffer, mut spare) = ([7; 20], [0; HEADROOM + 19]);
        let mut packet = Packet::with_spare(&mut buffer, &mut spare);
        assert!(!packet.prepend(1));
        assert_eq!((packet.moved(), packet.bytes()), (false, &[7; 20][..]));
    }
}
