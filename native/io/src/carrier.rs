//! Links that go down at this very machine: a cable that is pulled, a modem that loses its network.
//!
//! The kernel tells of every change to a device (rtnetlink(7), group RTNLGRP_LINK). What it tells is
//! not read: whatever changed, the devices that matter are few and asked anew.
//!
//! But of carriers it tells once a second at most, over all devices of all namespaces
//! (`net/core/link_watch.c`): a link that goes down a moment after another, whosever, is told up to a
//! second late. So the devices are asked every [`ASK_EVERY`], too.

use std::collections::HashSet;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// A call of the system for each uplink, and no more than a link may take to be left.
pub const ASK_EVERY: Duration = Duration::from_millis(10);

/// Readable after each change of a network device in this namespace.
pub struct Links(Socket);

impl Links {
    pub fn open() -> io::Result<Self> {
        let socket = route_socket(Type::RAW.nonblocking())?;
        bind_to_links(&socket)?;
        Ok(Links(socket))
    }

    /// Forgets what was told. One that overran tells so by an error, which is a change as well.
    pub fn drain(&self) {
        let mut told = [MaybeUninit::uninit(); 4096];
        loop {
            match self.0.recv(&mut told) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

impl AsFd for Links {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn route_socket(kind: Type) -> io::Result<Socket> {
    let protocol = Protocol::from(libc::NETLINK_ROUTE);
    Socket::new(
        Domain::from(libc::AF_NETLINK),
        kind.cloexec(),
        Some(protocol),
    )
}

fn bind_to_links(socket: &Socket) -> io::Result<()> {
    // SAFETY: integers only, for which zero is valid.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = libc::RTMGRP_LINK as u32;
    // SAFETY: the address is one `sockaddr_nl`, which lives across the call; the socket is open.
    let status = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_nl>() as libc::socklen_t,
        )
    };
    if status < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Asks the system about devices, which is the only way to know at once.
pub struct Devices {
    /// None: nothing can be asked, and probes decide.
    socket: Option<Socket>,
    /// Those that did not run when last looked at; what was never looked at did.
    stopped: HashSet<String>,
}

impl Devices {
    pub fn open() -> Self {
        Devices {
            socket: route_socket(Type::RAW).ok(),
            stopped: HashSet::new(),
        }
    }

    /// Has the device stopped running since it was looked at last?
    pub fn has_stopped(&mut self, device: &str) -> bool {
        if self.is_running(device) {
            self.stopped.remove(device);
            return false;
        }
        self.stopped.insert(device.to_owned())
    }

    /// Whether a device is there, up, and has a carrier: what is not known runs.
    fn is_running(&self, device: &str) -> bool {
        let Some(mut socket) = self.socket.as_ref() else {
            return true;
        };
        if device.len() >= libc::IFNAMSIZ {
            return false; // nor can any device be called so
        }
        // What does not fit is not needed, and cut off.
        let mut answer = [0; HEADER + INFO];
        let question = question(device);
        // The kernel has answered before it returns from taking the question.
        if socket.send(&question.bytes[..question.length]).is_err() {
            return true;
        }
        let Ok(length) = socket.read(&mut answer) else {
            return true;
        };
        let running = (libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_LOWER_UP) as u32;
        flags_in(&answer[..length]).is_some_and(|flags| flags & running == running)
    }
}

/// RTM_GETLINK of one device by its name, without its counters (rtnetlink(7)). Nothing is allocated:
/// it is asked again and again.
fn question(device: &str) -> Question {
    /// IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS: the kernel's `if_link.h` and `rtnetlink.h`.
    const SKIP_STATS: u32 = 1 << 3;
    let mut message = Question {
        bytes: [0; MOST],
        length: HEADER + INFO,
    };
    message.attribute(libc::IFLA_EXT_MASK, &SKIP_STATS.to_ne_bytes());
    message.attribute(libc::IFLA_IFNAME, device.as_bytes());
    let length = message.length as u32;
    message.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
    message.bytes[4..6].copy_from_slice(&libc::RTM_GETLINK.to_ne_bytes());
    message.bytes[6..8].copy_from_slice(&(libc::NLM_F_REQUEST as u16).to_ne_bytes());
    message
}

struct Question {
    bytes: [u8; MOST],
    length: usize,
}

impl Question {
    /// Padded to four bytes by the zeros that are there.
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let (begin, end) = (self.length + 4, self.length + 4 + value.len());
        let length = 4 + value.len() as u16;
        self.bytes[begin - 4..begin - 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes[begin - 2..begin].copy_from_slice(&kind.to_ne_bytes());
        self.bytes[begin..end].copy_from_slice(value);
        self.length = end.next_multiple_of(4);
    }
}

/// Of RTM_NEWLINK; none of an error: there is no such device.
fn flags_in(answer: &[u8]) -> Option<u32> {
    let kind = answer.get(4..6)?;
    if kind != libc::RTM_NEWLINK.to_ne_bytes() {
        return None;
    }
    let flags = answer.get(HEADER + 8..HEADER + 12)?;
    Some(u32::from_ne_bytes(flags.try_into().ok()?))
}

/// `struct nlmsghdr` and `struct ifinfomsg`.
const HEADER: usize = 16;
const INFO: usize = 16;
/// With both attributes.
const MOST: usize = HEADER + INFO + 8 + 4 + libc::IFNAMSIZ;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tun::Tun;

    #[test]
    fn loopback_runs_and_what_is_not_there_does_not() {
        let devices = Devices::open();
        assert!(devices.is_running("lo"));
        assert!(!devices.is_running("no-such-dev"));
        assert!(!devices.is_running("a-name-that-no-device-can-have"));
        assert!(!devices.is_running("nul\0"));
        // Each answer is that of its own question.
        assert!(devices.is_running("lo"));
    }

    #[test]
    fn a_device_stops_once() {
        let mut devices = Devices::open();
        assert!(!devices.has_stopped("lo"));
        assert!(devices.has_stopped("no-such-dev"));
        assert!(!devices.has_stopped("no-such-dev"));
    }

    /// The system tells of the second one a second later: here it has told of neither.
    #[test]
    fn one_that_goes_down_just_after_another_is_seen_at_once() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let thread = std::thread::spawn(|| {
            // SAFETY: moves this thread alone to a new network namespace, gone with it.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            let names = ["lws1-test", "lws2-test"];
            let links = names.map(|name| Tun::create(name, 1400, 1, 1).unwrap());
            let mut devices = Devices::open();
            // What is told of how they came up.
            while names.iter().any(|name| !devices.is_running(name)) {
                std::thread::sleep(Duration::from_millis(10));
            }
            let mut seen = Vec::new();
            for (link, name) in links.iter().zip(names) {
                assert!(!devices.has_stopped(name));
                pull_out(link);
                seen.push(devices.has_stopped(name));
            }
            seen
        });
        assert_eq!(thread.join().unwrap(), [true, true]);
    }

    fn pull_out(link: &Tun) {
        /// The kernel's `if_tun.h`.
        const TUNSETCARRIER: libc::c_ulong = 0x4004_54e2;
        let carrier: libc::c_int = 0;
        let queue = link.queues()[0].as_fd();
        // SAFETY: the descriptor is open, and the call reads one `int`, which lives across it.
        let status =
            unsafe { libc::ioctl(queue.as_raw_fd(), TUNSETCARRIER as _, &raw const carrier) };
        assert_eq!(status, 0);
    }

    #[test]
    fn nothing_is_told_while_nothing_changes() {
        Links::open().unwrap().drain();
    }
}
