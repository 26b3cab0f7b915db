//! Datagrams that never reached a thread: the kernel drops what finds a socket's buffer full, and
//! counts that for each socket.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::poll::Token;

/// What each socket had dropped when it was last asked, in rounds over all that are open.
#[derive(Default)]
pub struct Overruns {
    round: u64,
    seen: HashMap<Token, Seen>,
}

struct Seen {
    dropped: u32,
    round: u64,
}

impl Overruns {
    /// How many more this socket has dropped since the last round; of a new one, all.
    pub fn more(&mut self, socket: BorrowedFd<'_>, token: Token) -> usize {
        let Some(dropped) = dropped_by(socket) else {
            return 0;
        };
        let round = self.round;
        let before = self.seen.insert(token, Seen { dropped, round });
        dropped.wrapping_sub(before.map_or(0, |seen| seen.dropped)) as usize
    }

    /// Every socket has been asked: those that were not are gone.
    pub fn end_round(&mut self) {
        self.seen.retain(|_, seen| seen.round == self.round);
        self.round += 1;
    }
}

/// SK_MEMINFO_DROPS of SO_MEMINFO (linux/sock_diag.h); none from a kernel older than 4.12.
fn dropped_by(socket: BorrowedFd<'_>) -> Option<u32> {
    const SO_MEMINFO: libc::c_int = 55;
    const DROPS: usize = 8;
    let mut info = [0u32; DROPS + 1];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the descriptor is open, and the call writes `length` bytes at most, which the array has.
    let status = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &mut length,
        )
    };
    (status == 0 && length as usize == size_of_val(&info)).then_some(info[DROPS])
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_finds_the_buffer_full_is_counted_once() {
        let receiver = socket2::Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        receiver.set_recv_buffer_size(1).unwrap(); // the kernel's least
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap().as_socket().unwrap();
        let mut overruns = Overruns::default();
        let mut count = || {
            let more = overruns.more(receiver.as_fd(), 7);
            overruns.end_round();
            more
        };
        assert_eq!(count(), 0);
        for _ in 0..100 {
            sender.send_to(&[0; 1000], to).unwrap();
        }
        let dropped = count();
        assert!(dropped > 0 && dropped < 100, "{dropped}");
        assert_eq!(count(), 0, "nothing more was sent");
    }

    #[test]
    fn a_socket_in_the_place_of_another_begins_anew() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut overruns = Overruns::default();
        for token in [7, 8] {
            assert_eq!(overruns.more(socket.as_fd(), token), 0);
            overruns.end_round();
        }
        assert_eq!(overruns.seen.len(), 1, "the one that is gone is forgotten");
    }
}
