//! Many datagrams a system call, each a message of its own.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Datagrams a call; more gains nothing that could be measured.
pub const BATCH: usize = 64;
/// What a busy receiver may fall behind, bytes as the kernel counts them.
const RECEIVE_BUFFER: libc::c_int = 16 << 20;

/// Buffers of equal size and what the kernel needs to know of them.
pub struct Batch {
    bytes: usize,
    memory: Vec<u8>,
}

impl Batch {
    pub fn new(bytes: usize) -> Batch {
        Batch {
            bytes,
            memory: vec![0; bytes * BATCH],
        }
    }

    /// Sends `count` datagrams that carry the numbers from `first` on; answers how many went out.
    pub fn send(&mut self, socket: &UdpSocket, first: u64, count: usize) -> io::Result<usize> {
        for (index, datagram) in self
            .memory
            .chunks_exact_mut(self.bytes)
            .take(count)
            .enumerate()
        {
            datagram[..8].copy_from_slice(&(first + index as u64).to_be_bytes());
        }
        self.call(count, |messages, count| {
            // SAFETY: `call` gives `count` messages that point to memory of ours that outlives the
            // call, and the socket is open. The kernel only reads the datagrams.
            unsafe { libc::sendmmsg(socket.as_raw_fd(), messages, count, 0) }
        })
    }

    /// Waits for at least one datagram and takes what there is; answers how many.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.call(BATCH, |messages, count| {
            // SAFETY: as in `send`; the kernel writes into the datagrams, of which nobody else has
            // a reference, and within the lengths that the messages give.
            unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    messages,
                    count,
                    libc::MSG_WAITFORONE,
                    std::ptr::null_mut(),
                )
            }
        })
    }

    fn call(
        &mut self,
        count: usize,
        system: impl FnOnce(*mut libc::mmsghdr, libc::c_uint) -> libc::c_int,
    ) -> io::Result<usize> {
        let mut vectors: [libc::iovec; BATCH] = std::array::from_fn(|index| libc::iovec {
            iov_base: self.memory[index * self.bytes..].as_mut_ptr().cast(),
            iov_len: self.bytes,
        });
        let mut messages: [libc::mmsghdr; BATCH] = std::array::from_fn(|index| {
            // SAFETY: all-zero bytes are a valid `mmsghdr`: integers and null pointers.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_iov = &mut vectors[index];
            message.msg_hdr.msg_iovlen = 1;
            message
        });
        let count = count.min(BATCH);
        let done = system(messages.as_mut_ptr(), count as libc::c_uint);
        usize::try_from(done).map_err(|_| io::Error::last_os_error())
    }
}

/// Beyond the system's limit, which root may: a short pause of the receiver is no loss of the peer.
pub fn enlarge_receive_buffer(socket: &UdpSocket) -> io::Result<()> {
    let bytes = RECEIVE_BUFFER;
    // SAFETY: the option's value is one integer, which lives across the call.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const bytes).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_keep_their_number_and_size() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.connect(receiver.local_addr().unwrap()).unwrap();
        assert_eq!(Batch::new(100).send(&sender, 7, 3).unwrap(), 3);

        let mut batch = Batch::new(100);
        assert_eq!(batch.receive(&receiver).unwrap(), 3);
        let numbers: Vec<u64> = batch
            .memory
            .chunks_exact(100)
            .take(3)
            .map(|datagram| u64::from_be_bytes(datagram[..8].try_into().unwrap()))
            .collect();
        assert_eq!(numbers, [7, 8, 9]);
    }
}
