//! Many datagrams a system call: sendmmsg with UDP GSO, from memory of the caller's.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use labelway_wire::Ecn;
use socket2::SockAddr;

/// Datagrams that are collected before they are sent.
pub const DATAGRAMS: usize = 256;

/// Datagrams a train: UDP_MAX_SEGMENTS of kernels before 6.9.
const SEGMENTS: usize = 64;

/// Bytes a train: what fits an IPv4 or IPv6 packet with its headers (RFC 768, RFC 791 §3.1).
const TRAIN_BYTES: usize = 65_535 - 40 - 8;

/// Room for the two control messages that a message may have: its datagrams' size and its ECN field.
const CONTROL_BYTES: usize = 64;

/// Collects datagrams for one pair of sockets and sends them at once. Those that follow each other
/// to one address, all of one size but the last, are one message, a train, which the kernel or the
/// network card takes apart.
pub struct Sender {
    messages: Vec<Message>,
    addresses: Vec<SockAddr>,
    /// Where the datagrams are in the memory, in order.
    ranges: Vec<Range<usize>>,
    vectors: Vec<libc::iovec>,
    control: Vec<Control>,
    headers: Vec<libc::mmsghdr>,
}

/// Where a datagram goes, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    pub to: SocketAddr,
    /// For the outer header.
    pub ecn: Ecn,
}

struct Message {
    destination: Destination,
    /// Of all datagrams but the last.
    size: usize,
    bytes: usize,
    datagrams: usize,
    /// Takes no more: a shorter one was its last, or it has to stay alone.
    closed: bool,
}

/// Aligned as the kernel's cmsghdr wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

// SAFETY: the raw pointers in `vectors` and `headers` are written anew before each call and point
// only into vectors that this value owns and into the memory lent for that call.
unsafe impl Send for Sender {}

impl Sender {
    pub fn new() -> Self {
        Sender {
            messages: Vec::with_capacity(DATAGRAMS),
            addresses: Vec::with_capacity(DATAGRAMS),
            ranges: Vec::with_capacity(DATAGRAMS),
            vectors: Vec::with_capacity(DATAGRAMS),
            control: vec![Control([0; CONTROL_BYTES]); DATAGRAMS],
            headers: Vec::with_capacity(DATAGRAMS),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many more [`Sender::push`] takes before a flush.
    pub fn room(&self) -> usize {
        DATAGRAMS - self.ranges.len()
    }

    /// Keeps a datagram, which is at `range` of the memory that the flush will be given. `alone`:
    /// it joins no train.
    pub fn push(&mut self, range: Range<usize>, destination: Destination, alone: bool) {
        debug_assert!(self.room() > 0);
        let bytes = range.len();
        self.ranges.push(range);
        if let Some(last) = self.messages.last_mut()
            && !alone
            && last.takes(bytes, &destination)
        {
            last.bytes += bytes;
            last.datagrams += 1;
            last.closed = bytes < last.size;
            return;
        }
        self.addresses.push(destination.to.into());
        self.messages.push(Message {
            destination,
            size: bytes,
            bytes,
            datagrams: 1,
            closed: alone || bytes == 0,
        });
    }

    /// Sends everything and forgets it, each datagram by the socket of its family. What the kernel
    /// refuses is told to `refused`, a datagram a call, and does not hold up the next: another peer
    /// may well be reachable.
    ///
    /// Answers whether trains can go on: false if the device cannot take them apart. Then, and
    /// where a train was refused for its size, its datagrams were sent one by one.
    pub fn flush(
        &mut self,
        memory: &[u8],
        v4: BorrowedFd<'_>,
        v6: Option<BorrowedFd<'_>>,
        mut refused: impl FnMut(&io::Error),
    ) -> bool {
        self.address_vectors(memory);
        let mut trains_pass = true;
        let (mut message, mut vector) = (0, 0);
        while message < self.messages.len() {
            let socket = match self.messages[message].destination.to {
                SocketAddr::V4(_) => Some(v4),
                SocketAddr::V6(_) => v6,
            };
            let end = self.family_end(message);
            let sent = match socket {
                Some(socket) => send(socket, &mut self.headers[message..end]),
                None => Err(io::Error::from_raw_os_error(libc::ENETUNREACH)),
            };
            let done = match sent {
                Ok(done) => done,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let datagrams = self.messages[message].datagrams;
                    match socket {
                        Some(socket) if datagrams > 1 && is_about_trains(&error) => {
                            trains_pass &= error.raw_os_error() != Some(libc::EIO);
                            self.send_singly(socket, message, vector, &mut refused);
                        }
                        _ => (0..datagrams).for_each(|_| refused(&error)),
                    }
                    1
                }
            };
            let done = message..message + done;
            message = done.end;
            vector += self.messages[done]
                .iter()
                .map(|m| m.datagrams)
                .sum::<usize>();
        }
        self.messages.clear();
        self.addresses.clear();
        self.ranges.clear();
        trains_pass
    }

    /// Where the messages end that leave by the same socket as this one.
    fn family_end(&self, message: usize) -> usize {
        let is_v6 = |message: &Message| message.destination.to.is_ipv6();
        let first = is_v6(&self.messages[message]);
        let same = |other: &&Message| is_v6(other) == first;
        message + self.messages[message..].iter().take_while(same).count()
    }

    /// Points the headers to the vectors, and those to the datagrams.
    fn address_vectors(&mut self, memory: &[u8]) {
        self.vectors.clear();
        self.headers.clear();
        for range in &self.ranges {
            let datagram = &memory[range.clone()];
            self.vectors.push(libc::iovec {
                iov_base: datagram.as_ptr().cast_mut().cast(),
                iov_len: datagram.len(),
            });
        }
        let mut vectors = &mut self.vectors[..];
        let parts = self.addresses.iter().zip(&mut self.control);
        for (message, (address, control)) in self.messages.iter().zip(parts) {
            let (own, later) = vectors.split_at_mut(message.datagrams);
            vectors = later;
            let mut header = header(address, own);
            let size = (message.datagrams > 1).then_some(message.size);
            control_messages(&mut header, control, size, &message.destination);
            self.headers.push(libc::mmsghdr {
                msg_hdr: header,
                msg_len: 0,
            });
        }
    }

    fn send_singly(
        &mut self,
        socket: BorrowedFd<'_>,
        message: usize,
        vector: usize,
        refused: &mut impl FnMut(&io::Error),
    ) {
        let datagrams = self.messages[message].datagrams;
        let destination = &self.messages[message].destination;
        for vector in self.vectors[vector..vector + datagrams].chunks_mut(1) {
            let mut header = header(&self.addresses[message], vector);
            control_messages(&mut header, &mut self.control[message], None, destination);
            let mut single = [libc::mmsghdr {
                msg_hdr: header,
                msg_len: 0,
            }];
            if let Err(error) = send(socket, &mut single) {
                refused(&error);
            }
        }
    }
}

impl Message {
    fn takes(&self, bytes: usize, destination: &Destination) -> bool {
        !self.closed
            && bytes <= self.size
            && bytes > 0
            && self.datagrams < SEGMENTS
            && self.bytes + bytes <= TRAIN_BYTES
            && self.destination == *destination
    }
}

/// EIO: the device computes no checksums, which taking a train apart needs. The others: its
/// datagrams are larger than the device takes, but alone they may leave as fragments.
fn is_about_trains(error: &io::Error) -> bool {
    let about_trains = [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::EOPNOTSUPP];
    error
        .raw_os_error()
        .is_some_and(|errno| about_trains.contains(&errno))
}

/// Sends from the front; how many went.
fn send(socket: BorrowedFd<'_>, headers: &mut [libc::mmsghdr]) -> io::Result<usize> {
    // SAFETY: each header was made by `header` and `control_messages`: it points to vectors, an address
    // and control bytes of one sender, and the vectors to the memory that is lent to its flush;
    // sendmmsg only reads what they point to.
    let count = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            headers.len() as libc::c_uint,
            libc::MSG_DONTWAIT as _,
        )
    };
    match count {
        1.. => Ok(count as usize),
        _ => Err(io::Error::last_os_error()),
    }
}

fn header(address: &SockAddr, vectors: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: an msghdr is integers and pointers, for which all zeroes is a valid value (and musl
    // has padding in it that cannot be named).
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = address.as_ptr().cast_mut().cast();
    header.msg_namelen = address.len();
    header.msg_iov = vectors.as_mut_ptr();
    header.msg_iovlen = vectors.len() as _;
    header
}

/// Makes the message a train of datagrams of this size, if one is given (udp(7), UDP_SEGMENT), and
/// gives it its ECN field unless that is zero anyway.
fn control_messages(
    header: &mut libc::msghdr,
    control: &mut Control,
    size: Option<usize>,
    destination: &Destination,
) {
    let mut used = 0;
    // A datagram has at most 65,535 bytes.
    if let Some(size) = size {
        let size = (size as u16).to_ne_bytes();
        used += put(
            &mut control.0[used..],
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            &size,
        );
    }
    if destination.ecn != Ecn::NotEct {
        let (level, kind) = match destination.to {
            SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TOS),
            SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
        };
        let class = libc::c_int::from(destination.ecn.bits()).to_ne_bytes();
        used += put(&mut control.0[used..], level, kind, &class);
    }
    if used > 0 {
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = used as _;
    }
}

/// Writes a control message (cmsg(3)) and tells how much room it takes.
fn put(room: &mut [u8], level: libc::c_int, kind: libc::c_int, data: &[u8]) -> usize {
    // SAFETY: both only compute with the length.
    let (space, length) = unsafe {
        let bytes = data.len() as libc::c_uint;
        (libc::CMSG_SPACE(bytes) as usize, libc::CMSG_LEN(bytes))
    };
    let room = &mut room[..space];
    room.fill(0);
    let message = room.as_mut_ptr().cast::<libc::cmsghdr>();
    // SAFETY: the room begins at a multiple of CMSG_SPACE within an aligned Control, so it is
    // aligned as a cmsghdr; it holds CMSG_SPACE of the data, which CMSG_DATA points to.
    unsafe {
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = length as _;
        libc::CMSG_DATA(message).copy_from_nonoverlapping(data.as_ptr(), data.len());
    }
    space
}

#[cfg(test)]
#[path = "send_test.rs"]
mod tests;
