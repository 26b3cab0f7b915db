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
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;
    use crate::receive::{MESSAGE_BYTES, MESSAGES, Receiver, accept_trains, tell_ecn};

    fn destination(to: SocketAddr) -> Destination {
        let ecn = Ecn::NotEct;
        Destination { to, ecn }
    }

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// Sends datagrams of these sizes, each filled with its number, and tells the sizes of what
    /// arrives, a vector for each message.
    fn cross(sizes: &[usize], alone: bool, trains: bool) -> Vec<Vec<usize>> {
        let (from, to) = (socket(), socket());
        if trains {
            accept_trains(&socket2::SockRef::from(&to)).unwrap();
        }
        let mut memory = Vec::new();
        let mut sender = Sender::new();
        for (number, size) in sizes.iter().enumerate() {
            let start = memory.len() + 3; // they need not touch
            memory.resize(start, 0xff);
            memory.resize(start + size, number as u8);
            sender.push(
                start..start + size,
                destination(to.local_addr().unwrap()),
                alone,
            );
        }
        let v4 = from.as_fd();
        assert!(sender.flush(&memory, v4, None, |error| panic!("{error}")));
        assert!(sender.is_empty());
        let mut receiver = Receiver::new();
        let mut room = vec![0; MESSAGES * MESSAGE_BYTES];
        let (mut seen, mut messages) = (0, Vec::new());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while seen < sizes.len() {
            assert!(std::time::Instant::now() < end, "only {seen} arrived");
            let Ok(count) = receiver.receive(to.as_fd(), &mut room) else {
                std::thread::yield_now();
                continue;
            };
            for index in 0..count {
                let train = receiver.train(index).unwrap();
                assert_eq!(train.from, from.local_addr().unwrap());
                let datagrams = train.datagrams().map(|range| {
                    assert_eq!(room[range.clone()], vec![seen as u8; range.len()]);
                    seen += 1;
                    range.len()
                });
                messages.push(datagrams.collect());
            }
        }
        messages
    }

    #[test]
    fn datagrams_of_a_size_cross_as_one_train() {
        let sizes = [[1400; 40].as_slice(), &[900]].concat();
        assert_eq!(cross(&sizes, false, true).concat(), sizes);
        assert_eq!(cross(&sizes, false, true).len(), 1);
        // Nobody has to receive trains, and what is alone is none.
        let each: Vec<_> = sizes.iter().map(|size| vec![*size]).collect();
        assert_eq!(cross(&sizes, false, false), each);
        assert_eq!(cross(&sizes[..5], true, true), each[..5]);
    }

    #[test]
    fn a_train_ends_where_it_has_to() {
        let sizes = [700, 700, 800, 800, 100, 100, 900];
        let trains = [vec![700, 700], vec![800, 800, 100], vec![100], vec![900]];
        assert_eq!(cross(&sizes, false, true), trains);
        // 64 datagrams, and 64 KiB.
        let counts = |sizes: &[usize]| {
            let trains = cross(sizes, false, true);
            trains.iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[10; 130]), [64, 64, 2]);
        assert_eq!(counts(&[1400; 50]), [46, 4]);
    }

    #[test]
    fn what_is_refused_does_not_hold_up_the_next() {
        let (from, to) = (socket(), socket());
        let memory = [42; 100];
        let mut sender = Sender::new();
        let nowhere = destination("0.0.0.0:0".parse().unwrap());
        sender.push(0..10, destination("[::1]:9".parse().unwrap()), false); // no socket for it
        sender.push(0..10, nowhere, false); // refused by the kernel
        sender.push(0..10, nowhere, false);
        sender.push(0..1, destination(to.local_addr().unwrap()), false);
        let mut refused = 0;
        sender.flush(&memory, from.as_fd(), None, |_| refused += 1);
        assert_eq!(refused, 3, "each datagram is counted");
        let mut receiver = Receiver::new();
        let mut room = vec![0; MESSAGE_BYTES];
        assert_eq!(receiver.receive(to.as_fd(), &mut room).unwrap(), 1);
        assert_eq!(receiver.train(0).unwrap().range, 0..1);
    }

    #[test]
    fn the_ecn_field_crosses_in_both_families() {
        for (from, to, domain) in [
            ("127.0.0.1:0", "127.0.0.1:0", socket2::Domain::IPV4),
            ("[::1]:0", "[::1]:0", socket2::Domain::IPV6),
        ] {
            let from = UdpSocket::bind(from).unwrap();
            let to = UdpSocket::bind(to).unwrap();
            to.set_nonblocking(true).unwrap();
            accept_trains(&socket2::SockRef::from(&to)).unwrap();
            tell_ecn(&socket2::SockRef::from(&to), domain).unwrap();
            let mut sender = Sender::new();
            let fields = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];
            for ecn in fields {
                let to = to.local_addr().unwrap();
                sender.push(0..100, Destination { to, ecn }, false);
                sender.push(0..100, Destination { to, ecn }, false);
            }
            let socket = from.as_fd();
            sender.flush(&[7; 100], socket, Some(socket), |error| panic!("{error}"));
            let mut receiver = Receiver::new();
            let mut room = vec![0; MESSAGES * MESSAGE_BYTES];
            let mut seen = Vec::new();
            let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
            while seen.len() < 4 && std::time::Instant::now() < end {
                let count = receiver.receive(to.as_fd(), &mut room).unwrap_or(0);
                for index in 0..count {
                    let train = receiver.train(index).unwrap();
                    assert_eq!(train.datagrams().count(), 2);
                    seen.push(train.ecn);
                }
            }
            assert_eq!(seen, fields);
        }
    }

    /// Datagrams larger than the device's MTU leave as fragments, but not as a train.
    #[test]
    fn a_train_of_large_datagrams_goes_one_by_one() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let thread = std::thread::spawn(|| {
            // SAFETY: moves this thread alone to a new network namespace, gone with it.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            let up = "ip link set lo mtu 1400 up".split(' ').skip(1);
            let status = std::process::Command::new("ip").args(up).status();
            assert!(status.unwrap().success());
            cross(&[2000; 5], false, true)
        });
        assert_eq!(thread.join().unwrap(), vec![vec![2000]; 5]);
    }
}
