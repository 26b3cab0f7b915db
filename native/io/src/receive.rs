//! Many datagrams a system call: recvmmsg with UDP GRO, into memory of the caller's.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use labelway_wire::Ecn;
use socket2::{Domain, SockAddr, SockAddrStorage, Socket};

use crate::outer::integer_option;

/// Messages a call. Each may be a train of datagrams, so few are enough; where nothing is merged,
/// this many datagrams share a call.
pub const MESSAGES: usize = 16;

/// Bytes a message: the largest that UDP has, as GRO fills it.
pub const MESSAGE_BYTES: usize = 65_536;

/// Room for the control messages asked for: the size of a train's datagrams and the outer traffic
/// class, an integer each.
const CONTROL_BYTES: usize = 64;

/// Receives up to [`MESSAGES`] messages at once into the front of a memory: message `n` starts at
/// `n * MESSAGE_BYTES`.
pub struct Receiver {
    addresses: Vec<SockAddrStorage>,
    control: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// Aligned as the kernel's cmsghdr wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

// SAFETY: the raw pointers in `vectors` and `headers` are written anew before each call and point
// only into vectors that this value owns and into the memory lent for that call.
unsafe impl Send for Receiver {}

/// What one message brought: datagrams of one sender, all of `stride` bytes but the last, which
/// may be shorter, and all with one outer ECN field: others are not merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Train {
    pub from: SocketAddr,
    /// Where it is in the memory.
    pub range: Range<usize>,
    pub stride: usize,
    pub ecn: Ecn,
}

impl Train {
    /// Where each datagram is in the memory: at least one, which may be empty.
    pub fn datagrams(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let Range { start, end } = self.range;
        let stride = self.stride.max(1);
        let count = (end - start).div_ceil(stride).max(1);
        (0..count)
            .map(move |index| start + index * stride)
            .map(move |start| start..(start + stride).min(end))
    }
}

impl Receiver {
    pub fn new() -> Self {
        Receiver {
            addresses: (0..MESSAGES).map(|_| SockAddrStorage::zeroed()).collect(),
            control: vec![Control([0; CONTROL_BYTES]); MESSAGES],
            vectors: Vec::with_capacity(MESSAGES),
            headers: Vec::with_capacity(MESSAGES),
        }
    }

    /// Fills the memory from a non-blocking socket and says how many messages came; `WouldBlock`
    /// for none.
    pub fn receive(&mut self, socket: BorrowedFd<'_>, memory: &mut [u8]) -> io::Result<usize> {
        self.vectors.clear();
        self.headers.clear();
        for room in memory.chunks_exact_mut(MESSAGE_BYTES).take(MESSAGES) {
            self.vectors.push(libc::iovec {
                iov_base: room.as_mut_ptr().cast(),
                iov_len: room.len(),
            });
        }
        let parts = self.addresses.iter_mut().zip(&mut self.control);
        for (vector, (address, control)) in self.vectors.iter_mut().zip(parts) {
            // SAFETY: an mmsghdr is integers and pointers, for which all zeroes is a valid value
            // (and musl has padding in it that cannot be named).
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_name = std::ptr::from_mut(address).cast();
            message.msg_hdr.msg_namelen = size_of::<SockAddrStorage>() as libc::socklen_t;
            message.msg_hdr.msg_iov = vector;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = CONTROL_BYTES as _;
            self.headers.push(message);
        }
        // SAFETY: each of the headers points to one iovec, one address and one control buffer of
        // this value, each iovec to its own part of `memory`; none of them moves or is touched
        // during the call.
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

    /// What message `index` of the last [`Receiver::receive`] is; none if it was cut short, or came
    /// without an IP address.
    pub fn train(&self, index: usize) -> Option<Train> {
        let message = &self.headers[index];
        let length = message.msg_len as usize;
        if message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let start = index * MESSAGE_BYTES;
        let told = told(&message.msg_hdr);
        Some(Train {
            from: address(&self.addresses[index], message.msg_hdr.msg_namelen)?,
            range: start..start + length,
            stride: told.stride.unwrap_or(length),
            ecn: told.ecn,
        })
    }
}

/// Asks for trains in one piece (UDP GRO). A kernel that cannot leaves each datagram alone.
pub fn accept_trains(socket: &Socket) -> io::Result<()> {
    integer_option(socket, libc::SOL_UDP, libc::UDP_GRO, 1)
}

/// Asks for the outer ECN field of each message.
pub fn tell_ecn(socket: &Socket, domain: Domain) -> io::Result<()> {
    match domain {
        Domain::IPV6 => integer_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1),
        _ => integer_option(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1),
    }
}

#[derive(Default)]
struct Told {
    /// The size of a train's datagrams; none for a single one.
    stride: Option<usize>,
    ecn: Ecn,
}

/// What the control messages say.
fn told(header: &libc::msghdr) -> Told {
    let mut told = Told::default();
    // SAFETY: the header is as recvmmsg left it: its control buffer lives in the receiver, and
    // CMSG_FIRSTHDR and CMSG_NXTHDR stay within the length that the kernel wrote. The kernel writes
    // an integer for two of the kinds, and a byte for IP_TOS.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(header);
        while !control.is_null() {
            let data = libc::CMSG_DATA(control);
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size: libc::c_int = std::ptr::read_unaligned(data.cast());
                    told.stride = usize::try_from(size).ok().filter(|size| *size > 0);
                }
                (libc::IPPROTO_IP, libc::IP_TOS) => told.ecn = Ecn::of(*data),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    let class: libc::c_int = std::ptr::read_unaligned(data.cast());
                    told.ecn = Ecn::of(class as u8);
                }
                _ => {}
            }
            control = libc::CMSG_NXTHDR(header, control);
        }
    }
    told
}

fn address(storage: &SockAddrStorage, length: libc::socklen_t) -> Option<SocketAddr> {
    // SAFETY: reading an address family and an address from a zero-initialised storage that the
    // kernel has filled up to `length`.
    unsafe { SockAddr::new(std::ptr::read(storage), length) }.as_socket()
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_last_datagram_of_a_train_may_be_shorter() {
        let train = |range, stride| Train {
            from: "192.0.2.1:1".parse().unwrap(),
            range,
            stride,
            ecn: Ecn::NotEct,
        };
        let datagrams = |train: Train| train.datagrams().collect::<Vec<_>>();
        assert_eq!(datagrams(train(10..35, 10)), [10..20, 20..30, 30..35]);
        assert_eq!(datagrams(train(10..30, 10)), [10..20, 20..30]);
        assert_eq!(datagrams(train(10..15, 5)).len(), 1);
    }

    /// Anybody may send one. It has to get to where it is counted as what it is.
    #[test]
    fn an_empty_datagram_is_one() {
        let [from, to] = [0; 2].map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        accept_trains(&socket2::SockRef::from(&to)).unwrap();
        from.send_to(&[], to.local_addr().unwrap()).unwrap();
        let mut receiver = Receiver::new();
        let count = receiver.receive(to.as_fd(), &mut vec![0; 2 * MESSAGE_BYTES]);
        assert_eq!(count.unwrap(), 1);
        let train = receiver.train(0).expect("it was not cut short");
        assert_eq!(
            train.datagrams().collect::<Vec<_>>(),
            vec![Range::default()]
        );
    }
}
