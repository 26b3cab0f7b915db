//! Many datagrams a system call: recvmmsg and sendmmsg over memory that is allocated once.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use socket2::{SockAddr, SockAddrStorage};

/// Datagrams a call. Larger ones gain little and make the first packet of a batch wait.
pub const BATCH: usize = 64;

/// Bytes a slot: an underlay MTU of 9,000 (the most that the configuration takes) and room to
/// spare, a multiple of the cache line.
pub const SLOT: usize = 9216;

/// Receives up to [`BATCH`] datagrams at once.
pub struct Receiver {
    memory: Box<[u8]>,
    /// Bytes left free at the start of each slot, for headers that the caller puts back.
    headroom: usize,
    addresses: Vec<SockAddrStorage>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the raw pointers in `vectors` and `headers` are written anew before each call and point
// only into vectors that this value owns.
unsafe impl Send for Receiver {}

pub struct Datagram<'a> {
    pub from: SocketAddr,
    /// The whole slot from its start to the datagram's end; the datagram begins at `start`.
    pub slot: &'a mut [u8],
    pub start: usize,
}

impl Receiver {
    pub fn new(headroom: usize) -> Self {
        assert!(
            headroom < SLOT,
            "a slot of {SLOT} bytes leaves none for the datagram"
        );
        Receiver {
            memory: vec![0; BATCH * SLOT].into_boxed_slice(),
            headroom,
            addresses: (0..BATCH).map(|_| SockAddrStorage::zeroed()).collect(),
            vectors: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
        }
    }

    /// Fills the slots from a non-blocking socket and says how many; `WouldBlock` for none.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.vectors.clear();
        self.headers.clear();
        for slot in self.memory.chunks_exact_mut(SLOT) {
            let room = &mut slot[self.headroom..];
            self.vectors.push(libc::iovec {
                iov_base: room.as_mut_ptr().cast(),
                iov_len: room.len(),
            });
        }
        for (vector, address) in self.vectors.iter_mut().zip(&mut self.addresses) {
            self.headers
                .push(header(vector, std::ptr::from_mut(address)));
        }
        // SAFETY: each of the headers points to one iovec and one address of this value, each
        // iovec to its own part of `memory`; none of them moves or is touched during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        if count < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(count as usize)
        }
    }

    /// What the last [`Receiver::receive`] put into slot `index`; none if it was cut short or
    /// came without an IP address.
    pub fn datagram(&mut self, index: usize) -> Option<Datagram<'_>> {
        let message = &self.headers[index];
        if message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let length = message.msg_len as usize;
        let from = address(&self.addresses[index], message.msg_hdr.msg_namelen)?;
        let end = self.headroom + length;
        let slot = &mut self.memory[index * SLOT..][..end];
        Some(Datagram {
            from,
            slot,
            start: self.headroom,
        })
    }
}

fn address(storage: &SockAddrStorage, length: libc::socklen_t) -> Option<SocketAddr> {
    // SAFETY: reading an address family and an address from a zero-initialised storage that the
    // kernel has filled up to `length`.
    unsafe { SockAddr::new(std::ptr::read(storage), length) }.as_socket()
}

/// Collects datagrams for one socket and sends them at once.
pub struct Sender {
    memory: Box<[u8]>,
    addresses: Vec<SockAddr>,
    lengths: Vec<usize>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: as for Receiver.
unsafe impl Send for Sender {}

impl Sender {
    pub fn new() -> Self {
        Sender {
            memory: vec![0; BATCH * SLOT].into_boxed_slice(),
            addresses: Vec::with_capacity(BATCH),
            lengths: Vec::with_capacity(BATCH),
            vectors: Vec::with_capacity(BATCH),
            headers: Vec::with_capacity(BATCH),
        }
    }

    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    pub fn is_full(&self) -> bool {
        self.len() == BATCH
    }

    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Room for the next datagram. Flush first when full.
    pub fn room(&mut self) -> &mut [u8] {
        let index = self.lengths.len();
        &mut self.memory[index * SLOT..][..SLOT]
    }

    /// Keeps the first `length` bytes of [`Sender::room`] for `to`.
    pub fn push(&mut self, length: usize, to: SocketAddr) {
        debug_assert!(!self.is_full() && length <= SLOT);
        self.lengths.push(length);
        self.addresses.push(to.into());
    }

    /// Sends everything and forgets it, each datagram by the socket of its family. One that the
    /// kernel refuses is told to `refused` and does not hold up the next: another peer may well be
    /// reachable.
    pub fn flush(
        &mut self,
        v4: BorrowedFd<'_>,
        v6: Option<BorrowedFd<'_>>,
        mut refused: impl FnMut(io::Error),
    ) {
        self.vectors.clear();
        self.headers.clear();
        for (slot, length) in self.memory.chunks_exact_mut(SLOT).zip(&self.lengths) {
            self.vectors.push(libc::iovec {
                iov_base: slot.as_mut_ptr().cast(),
                iov_len: *length,
            });
        }
        for (vector, address) in self.vectors.iter_mut().zip(&self.addresses) {
            let mut message = header(vector, std::ptr::null_mut::<libc::sockaddr_storage>());
            message.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
            message.msg_hdr.msg_namelen = address.len();
            self.headers.push(message);
        }
        let mut headers = &mut self.headers[..];
        for run in self.addresses.chunk_by(|a, b| a.is_ipv6() == b.is_ipv6()) {
            let (now, later) = headers.split_at_mut(run.len());
            headers = later;
            match if run[0].is_ipv6() { v6 } else { Some(v4) } {
                Some(socket) => send_all(socket, now, &mut refused),
                None => run.iter().for_each(|_| {
                    refused(io::Error::from_raw_os_error(libc::ENETUNREACH));
                }),
            }
        }
        self.lengths.clear();
        self.addresses.clear();
    }
}

/// The headers and all that they point to belong to one [`Sender`].
fn send_all(
    socket: BorrowedFd<'_>,
    mut headers: &mut [libc::mmsghdr],
    refused: &mut impl FnMut(io::Error),
) {
    while !headers.is_empty() {
        // SAFETY: each header points to one iovec and one address of the sender, each iovec to
        // its own part of the sender's memory; sendmmsg only reads what they point to.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        let mut done = count.max(0) as usize;
        if count <= 0 {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted {
                continue;
            }
            refused(error);
            done = 1;
        }
        headers = &mut headers[done..];
    }
}

fn header<Address>(vector: &mut libc::iovec, name: *mut Address) -> libc::mmsghdr {
    // SAFETY: an mmsghdr is integers and pointers, for which all zeroes is a valid value (and
    // musl has padding in it that cannot be named).
    let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_name = name.cast();
    message.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    message.msg_hdr.msg_iov = vector;
    message.msg_hdr.msg_iovlen = 1;
    message
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn receive(receiver: &mut Receiver, socket: &UdpSocket) -> usize {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
        loop {
            match receiver.receive(socket.as_fd()) {
                Ok(count) => return count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    assert!(std::time::Instant::now() < end, "nothing arrived");
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_batch_crosses_in_order_behind_its_headroom() {
        let (from, to) = (socket(), socket());
        let mut sender = Sender::new();
        for index in 0..BATCH {
            sender.room()[..index + 1].fill(index as u8);
            sender.push(index + 1, to.local_addr().unwrap());
        }
        assert!(sender.is_full());
        sender.flush(from.as_fd(), None, |error| panic!("{error}"));
        assert!(sender.is_empty());
        let mut receiver = Receiver::new(28);
        let mut seen = 0;
        while seen < BATCH {
            for index in 0..receive(&mut receiver, &to) {
                let datagram = receiver.datagram(index).unwrap();
                assert_eq!(datagram.from, from.local_addr().unwrap());
                assert_eq!(datagram.start, 28);
                assert_eq!(datagram.slot[28..], vec![seen as u8; seen + 1]);
                seen += 1;
            }
        }
    }

    #[test]
    fn a_refused_datagram_does_not_hold_up_the_next() {
        let (from, to) = (socket(), socket());
        let mut sender = Sender::new();
        sender.push(1, "[::1]:9".parse().unwrap()); // no socket for it
        sender.push(1, "0.0.0.0:0".parse().unwrap()); // refused by the kernel
        sender.room()[0] = 42;
        sender.push(1, to.local_addr().unwrap());
        let mut refused = 0;
        sender.flush(from.as_fd(), None, |_| refused += 1);
        assert_eq!(refused, 2);
        let mut receiver = Receiver::new(0);
        assert_eq!(receive(&mut receiver, &to), 1);
        assert_eq!(receiver.datagram(0).unwrap().slot, [42]);
    }

    #[test]
    fn a_datagram_cut_short_is_none() {
        let (from, to) = (socket(), socket());
        let mut receiver = Receiver::new(SLOT - 4);
        from.send_to(&[1; 5], to.local_addr().unwrap()).unwrap();
        assert_eq!(receive(&mut receiver, &to), 1);
        assert!(receiver.datagram(0).is_none());
    }
}
