//! The UDP sockets of one embedded uplink: what WireGuard datagrams go through.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use socket2::{Domain, Protocol, Socket, Type};

use crate::counters::{Drops, IoDrop};
use crate::ids;
use crate::poll::Token;
use crate::receive::{accept_trains, tell_ecn};

/// Bytes of socket buffer each way: 14 ms at 4 Gbit/s, what a busy thread may fall behind.
const BUFFER: usize = 7 << 20;

/// Where sockets wait whose device is away: nothing from outside comes in, and by the uplink's own
/// routing table nothing goes out. The port is taken, so `wg` can configure the interface.
const AWAY: &str = "lo";

/// Tries to find one number that is free for both families when any will do.
const EPHEMERAL_TRIES: usize = 32;

/// The sockets on one port of one device: a pair an underlay thread. Where there are several, the
/// kernel parts what arrives among them by source address and port (SO_REUSEPORT): what a neighbour
/// sends stays with one thread, in its order.
pub struct OuterSockets {
    pairs: Box<[Pair]>,
    pub device: String,
    /// Index of the device when they were bound; 0: it was away, see [`AWAY`].
    pub index: u32,
    pub port: u16,
    mark: AtomicU32,
    /// Whether the device takes trains of datagrams apart (UDP GSO); until it refuses one.
    pub takes_trains: AtomicBool,
}

/// One IPv4 and one IPv6 socket. IPv6 may be missing altogether from a kernel.
pub struct Pair {
    pub v4: Socket,
    pub v6: Option<Socket>,
    token4: Token,
    token6: Token,
}

impl Pair {
    /// `bind` is handed each socket and the unspecified address of its family.
    fn open(
        device: &str,
        mark: u32,
        mut bind: impl FnMut(&Socket, IpAddr) -> io::Result<()>,
    ) -> io::Result<Self> {
        let v4 = prepare(Domain::IPV4, device, mark)?;
        bind(&v4, Ipv4Addr::UNSPECIFIED.into())?;
        let v6 = match prepare(Domain::IPV6, device, mark) {
            Ok(v6) => {
                bind(&v6, Ipv6Addr::UNSPECIFIED.into())?;
                Some(v6)
            }
            Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => None,
            Err(error) => return Err(error),
        };
        Ok(Pair {
            v4,
            v6,
            token4: ids::next(),
            token6: ids::next(),
        })
    }

    /// Both sockets with their tokens.
    pub fn all(&self) -> impl Iterator<Item = (&Socket, Token)> {
        std::iter::once((&self.v4, self.token4))
            .chain(self.v6.as_ref().map(|socket| (socket, self.token6)))
    }
}

impl OuterSockets {
    /// So many pairs. Port 0: any that is free.
    pub fn open(device: &str, port: u16, mark: u32, pairs: usize) -> io::Result<Self> {
        let mut tries = EPHEMERAL_TRIES;
        loop {
            tries -= 1;
            let error = match Self::open_once(device, port, mark, pairs) {
                Ok(sockets) => return Ok(sockets),
                Err(error) => error,
            };
            let taken = port == 0 && error.kind() == io::ErrorKind::AddrInUse;
            // It went away between the look and the binding.
            let gone = error.raw_os_error() == Some(libc::ENODEV);
            if tries == 0 || !(taken || gone) {
                return Err(error);
            }
        }
    }

    fn open_once(device: &str, port: u16, mark: u32, count: usize) -> io::Result<Self> {
        // Before the sockets: should the device come this moment, they are bound once more.
        let index = device_index(device).unwrap_or(0);
        let bound = if index == 0 { AWAY } else { device };
        let mut port = port;
        let first = Pair::open(bound, mark, |socket, address| {
            socket.bind(&SocketAddr::from((address, port)).into())?;
            let bound = socket.local_addr()?.as_socket();
            port = bound.map_or(port, |bound| bound.port());
            Ok(())
        })?;
        let mut pairs = vec![first];
        if count > 1 {
            // Only now: bound without it, the first pair has the port for itself, and where another
            // program has it, that is an error. It takes the others in all the same.
            for (socket, _) in pairs[0].all() {
                socket.set_reuse_port(true)?;
            }
        }
        while pairs.len() < count {
            pairs.push(Pair::open(bound, mark, |socket, address| {
                socket.set_reuse_port(true)?;
                socket.bind(&SocketAddr::from((address, port)).into())
            })?);
        }
        Ok(OuterSockets {
            pairs: pairs.into(),
            device: device.to_owned(),
            index,
            port,
            mark: AtomicU32::new(mark),
            takes_trains: AtomicBool::new(true),
        })
    }

    /// The same sockets anew, on the device as it is now.
    pub fn again(&self) -> io::Result<Self> {
        Self::open(&self.device, self.port, self.mark(), self.pairs.len())
    }

    /// Those of each underlay thread.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// All sockets with their tokens.
    pub fn all(&self) -> impl Iterator<Item = (&Socket, Token)> {
        self.pairs.iter().flat_map(Pair::all)
    }

    /// Sends one datagram at once: one that WireGuard makes by itself, a handshake or a keepalive.
    pub fn send(&self, drops: &Drops, datagram: &[u8], to: SocketAddr) {
        let socket = match to {
            SocketAddr::V4(_) => Some(&self.pairs[0].v4),
            SocketAddr::V6(_) => self.pairs[0].v6.as_ref(),
        };
        let sent = match socket {
            Some(socket) => socket.send_to(datagram, &to.into()).map(drop),
            None => Err(io::Error::from_raw_os_error(libc::ENETUNREACH)),
        };
        if let Err(error) = sent {
            drops.io(IoDrop::of_send(&error));
        }
    }

    pub fn mark(&self) -> u32 {
        self.mark.load(Ordering::Relaxed)
    }

    pub fn set_mark(&self, mark: u32) -> io::Result<()> {
        for (socket, _) in self.all() {
            socket.set_mark(mark)?;
        }
        self.mark.store(mark, Ordering::Relaxed);
        Ok(())
    }

    /// For what one thread's sockets send from now on. The kernel knows both options since 2.6, so
    /// nothing but closed sockets could fail.
    pub fn set_fragmentation(&self, lane: usize, wanted: Fragmentation) {
        let pair = &self.pairs[lane];
        let _ = fragment(&pair.v4, Domain::IPV4, wanted);
        if let Some(v6) = &pair.v6 {
            let _ = fragment(v6, Domain::IPV6, wanted);
        }
    }

    /// The device came back with another index: bind to the new one, which may be another device.
    /// For a single pair: several would no longer be parted by the kernel, see
    /// [`OuterSockets::again`].
    pub fn rebind_device(&self) -> io::Result<()> {
        for (socket, _) in self.all() {
            socket.bind_device(Some(self.device.as_bytes()))?;
        }
        self.takes_trains.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn prepare(domain: Domain, device: &str, mark: u32) -> io::Result<Socket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(domain, kind, Some(Protocol::UDP))?;
    socket.bind_device(Some(device.as_bytes()))?;
    socket.set_mark(mark)?;
    enlarge_buffers(&socket);
    let _ = accept_trains(&socket);
    tell_ecn(&socket, domain)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    // As kernel WireGuard does: without DF, so that a narrower way fragments rather than loses.
    fragment(&socket, domain, Fragmentation::Allowed)?;
    Ok(socket)
}

/// Whether what a socket sends may be cut to pieces, here and on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragmentation {
    Allowed,
    /// DF, whatever the system believes of the way (RFC 8899 §4.5).
    Forbidden,
}

fn fragment(socket: &Socket, domain: Domain, wanted: Fragmentation) -> io::Result<()> {
    let (level, name, value) = match (domain, wanted) {
        (Domain::IPV6, Fragmentation::Allowed) => (
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_DONT,
        ),
        (Domain::IPV6, Fragmentation::Forbidden) => (
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_PROBE,
        ),
        (_, Fragmentation::Allowed) => (
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_DONT,
        ),
        (_, Fragmentation::Forbidden) => (
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_PROBE,
        ),
    };
    integer_option(socket, level, name, value)
}

/// Best effort: beyond the system's limit where that is allowed, else up to it.
pub fn enlarge_buffers(socket: &Socket) {
    let size = BUFFER as libc::c_int;
    if integer_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, size).is_err() {
        let _ = socket.set_recv_buffer_size(BUFFER);
    }
    if integer_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, size).is_err() {
        let _ = socket.set_send_buffer_size(BUFFER);
    }
}

/// Options that socket2 has no name for.
pub fn integer_option(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the option value is one int, which lives across the call; the descriptor is open.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if status < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The index of a device now; none while it is away.
pub fn device_index(device: &str) -> Option<u32> {
    let name = std::ffi::CString::new(device).ok()?;
    // SAFETY: the name is a string that ends with a zero byte and lives across the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Why an uplink's sockets could not be opened, and what to do.
pub fn explain(uplink: &str, device: &str, port: u16, error: &io::Error) -> String {
    let why = match error.raw_os_error() {
        Some(libc::ENODEV) => {
            format!("there is no device {device}; see `ip link` for those that there are")
        }
        Some(libc::EADDRINUSE) => {
            format!("UDP port {port} on {device} is in use; see `ss -ulpn sport = :{port}`")
        }
        Some(libc::EPERM) => {
            "permission denied; run as root or with CAP_NET_ADMIN and CAP_NET_RAW".to_owned()
        }
        _ => format!("{error} (device {device}, UDP port {port})"),
    };
    format!("Cannot open the sockets of uplink {uplink}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> bool {
        rustix::process::geteuid().is_root()
    }

    #[test]
    fn both_families_get_one_port() {
        if !root() {
            return;
        }
        let sockets = OuterSockets::open("lo", 0, 0, 1).unwrap();
        assert_ne!(sockets.port, 0);
        for (socket, _) in sockets.all() {
            let address = socket.local_addr().unwrap().as_socket().unwrap();
            assert_eq!(address.port(), sockets.port);
        }
    }

    #[test]
    fn sockets_of_a_device_that_is_away_wait_where_nothing_passes() {
        if !root() {
            return;
        }
        let sockets = OuterSockets::open("no-such-dev", 0, 7, 1).unwrap();
        assert_eq!((sockets.index, sockets.device.as_str()), (0, "no-such-dev"));
        for (socket, _) in sockets.all() {
            assert_eq!(socket.device().unwrap().unwrap(), AWAY.as_bytes());
        }
        assert!(sockets.rebind_device().is_err(), "it is still away");
    }

    #[test]
    fn a_device_that_comes_back_is_tried_with_trains() {
        if !root() {
            return;
        }
        let sockets = OuterSockets::open("lo", 0, 7, 1).unwrap();
        sockets.takes_trains.store(false, Ordering::Relaxed);
        sockets.rebind_device().unwrap();
        assert!(sockets.takes_trains.load(Ordering::Relaxed));
    }

    #[test]
    fn nothing_forbids_fragments() {
        if !root() {
            return;
        }
        let sockets = OuterSockets::open("lo", 0, 7, 1).unwrap();
        assert_eq!(sockets.pairs[0].v4.mark().unwrap(), 7);
        assert_eq!(sockets.pairs[0].v4.device().unwrap().unwrap(), b"lo");
        assert!(sockets.pairs[0].v4.recv_buffer_size().unwrap() >= BUFFER);
        let mut value: libc::c_int = -1;
        let mut length = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the option value is one int, which lives across the call.
        let status = unsafe {
            libc::getsockopt(
                std::os::fd::AsRawFd::as_raw_fd(&sockets.pairs[0].v4),
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                (&raw mut value).cast(),
                &mut length,
            )
        };
        assert_eq!((status, value), (0, libc::IP_PMTUDISC_DONT));
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let error = io::Error::from_raw_os_error(libc::ENODEV);
        assert!(explain("fibre", "eth9", 0, &error).contains("there is no device eth9"));
        if !root() {
            return;
        }
        let first = OuterSockets::open("lo", 0, 0, 1).unwrap();
        let error = OuterSockets::open("lo", first.port, 0, 1).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let text = explain("fibre", "lo", first.port, &error);
        assert!(
            text.contains(&format!("UDP port {} on lo is in use", first.port)),
            "{text}"
        );
    }
}
