//! Links that go down at this very machine: a cable that is pulled, a modem that loses its network.
//!
//! The kernel tells of every change to a device (rtnetlink(7), group RTNLGRP_LINK). What it tells is
//! not read: whatever changed, the devices that matter are few and asked anew.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

/// Readable after each change of a network device in this namespace.
pub struct Links(Socket);

impl Links {
    pub fn open() -> io::Result<Self> {
        let domain = Domain::from(libc::AF_NETLINK);
        let kind = Type::RAW.nonblocking().cloexec();
        let socket = Socket::new(domain, kind, Some(Protocol::from(libc::NETLINK_ROUTE)))?;
        bind_to_links(&socket)?;
        Ok(Links(socket))
    }

    /// Forgets what was told. One that overran tells so by an error, which is a change as well.
    pub fn drain(&self) {
        let mut told = [std::mem::MaybeUninit::uninit(); 4096];
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

/// Whether a device is there, up, and has a carrier (netdevice(7), IFF_UP and IFF_RUNNING).
pub fn is_running(device: &str) -> bool {
    let Ok(name) = CString::new(device) else {
        return false;
    };
    let bytes = name.as_bytes_with_nul();
    // SAFETY: all-zero bytes are a valid `ifreq`: integers, byte arrays and a null pointer.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if bytes.len() > request.ifr_name.len() {
        return false;
    }
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    let Ok(socket) = Socket::new(Domain::IPV4, Type::DGRAM, None) else {
        return true; // nothing is known: probes decide
    };
    // SAFETY: the call reads the name and writes the flags of one `ifreq`, which lives across it.
    let status = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &mut request) };
    if status < 0 {
        return false;
    }
    // SAFETY: the call has just written this member.
    let flags = libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags });
    let running = libc::IFF_UP | libc::IFF_RUNNING;
    flags & running == running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_runs_and_what_is_not_there_does_not() {
        assert!(is_running("lo"));
        assert!(!is_running("no-such-dev"));
        assert!(!is_running("a-name-that-no-device-can-have"));
        assert!(!is_running("nul\0"));
    }

    #[test]
    fn nothing_is_told_while_nothing_changes() {
        Links::open().unwrap().drain();
    }
}
