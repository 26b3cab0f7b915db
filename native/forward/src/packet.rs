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
}

impl<'a> Packet<'a> {
    /// The packet of `len` bytes that was read to `buf[HEADROOM..]`; cut to what the buffer holds.
    pub fn new(buf: &'a mut [u8], len: usize) -> Self {
        Self::at(buf, HEADROOM, len)
    }

    /// The packet of `len` bytes at `start`; cut to what the buffer holds. With less headroom than
    /// [`HEADROOM`] a packet that needs more is dropped as [`NoHeadroom`](crate::DropReason).
    pub fn at(buf: &'a mut [u8], start: usize, len: usize) -> Self {
        let start = start.min(buf.len());
        let end = start.saturating_add(len).min(buf.len());
        Self { buf, start, end }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buf[self.start..self.end]
    }

    /// Where the packet is in the buffer.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The whole buffer, for a caller that encrypts in place.
    pub fn into_buffer(self) -> &'a mut [u8] {
        self.buf
    }

    /// Moves the start `bytes` to the front; false (and nothing changed) if there is no room.
    #[must_use]
    pub(crate) fn prepend(&mut self, bytes: usize) -> bool {
        match self.start.checked_sub(bytes) {
            Some(start) => {
                self.start = start;
                true
            }
            None => false,
        }
    }

    /// Takes `bytes` off the front.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Cuts the packet to `len` bytes.
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
