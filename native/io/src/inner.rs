//! The sockets of one kernel-backend uplink: inner packets go through a WireGuard device that is
//! not ours (the kernel's, or another program's TUN).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use labelway_wire::Ecn;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use crate::ids;
use crate::outer::{enlarge_buffers, integer_option};
use crate::poll::{Poll, Token};
use crate::receive::{accept_trains, tell_ecn};

/// Receives the payload of those UDP ports that the switch understands, and sends in two ways:
/// whole inner packets, header included, or trains of labelled packets of one flow, which stay in
/// one piece until WireGuard takes them apart.
pub struct InnerSockets {
    pub raw: Socket,
    ports: ArcSwap<Vec<InnerPort>>,
    /// UDP ports, and how many sockets each has.
    wanted: Vec<(u16, usize)>,
    interface: String,
    address: Ipv4Addr,
    /// The flows that last had a train, by entropy port, the last one at the end. None: somebody
    /// else has the port.
    flows: Mutex<Vec<(u16, Option<Arc<Socket>>)>>,
}

/// Flows with a socket of their own: bulk transfers that take turns, not all flows.
const FLOWS: usize = 32;

/// Bytes of an inner packet's headers, which a socket that is not raw makes itself.
pub const HEADERS: usize = 28;

/// One of the sockets of a port. Where a port has several, the kernel parts what arrives among them
/// by source address and port (SO_REUSEPORT): a flow stays with one thread, in its order.
pub struct InnerPort {
    pub socket: Socket,
    pub port: u16,
    /// The underlay thread that it is for.
    lane: usize,
    pub token: Token,
}

impl InnerSockets {
    /// `ports`: UDP ports, and how many sockets each gets, for as many underlay threads.
    pub fn open(interface: &str, address: Ipv4Addr, ports: &[(u16, usize)]) -> io::Result<Self> {
        let kind = Type::RAW.nonblocking().cloexec();
        let raw = Socket::new(Domain::IPV4, kind, Some(Protocol::from(libc::IPPROTO_RAW)))?;
        raw.bind_device(Some(interface.as_bytes()))?;
        raw.set_header_included_v4(true)?;
        enlarge_buffers(&raw);
        Ok(InnerSockets {
            raw,
            ports: ArcSwap::from_pointee(open_ports(interface, address, ports)?),
            wanted: ports.to_vec(),
            interface: interface.to_owned(),
            address,
            flows: Mutex::new(Vec::with_capacity(FLOWS)),
        })
    }

    pub fn ports(&self) -> Guard<Arc<Vec<InnerPort>>> {
        self.ports.load()
    }

    /// Lets each underlay thread wait for what arrives for it.
    pub fn register(&self, polls: &[Poll]) -> io::Result<()> {
        register(&self.ports.load(), polls)
    }

    /// Sends trains of the flow that has this entropy port, with it as the source port: a flow keeps
    /// its own, by which it is told from others and merged behind the tunnel. None: the flow's
    /// packets have to go whole. To be asked once a train.
    pub fn of_flow(&self, entropy_port: u16) -> Option<Arc<Socket>> {
        let mut flows = self.flows.lock();
        let known = flows.iter().position(|(port, _)| *port == entropy_port);
        match known {
            Some(index) => flows[index..].rotate_left(1),
            None => {
                if flows.len() == FLOWS {
                    flows.remove(0);
                }
                let socket = sending(&self.interface, self.address, entropy_port);
                flows.push((entropy_port, socket.ok().map(Arc::new)));
            }
        }
        flows.last().and_then(|(_, socket)| socket.clone())
    }

    /// The interface came back with another index: bind to the new one. Sockets that are bound to
    /// another device leave their SO_REUSEPORT group, so where there are several of a port, new
    /// ones take the place of all.
    pub fn rebind_device(&self, polls: &[Poll]) -> io::Result<()> {
        let interface = &self.interface;
        self.raw.bind_device(Some(interface.as_bytes()))?;
        if self.wanted.iter().any(|(_, count)| *count > 1) {
            let ports = open_ports(interface, self.address, &self.wanted)?;
            register(&ports, polls)?;
            self.ports.store(Arc::new(ports));
        } else {
            for port in self.ports.load().iter() {
                port.socket.bind_device(Some(interface.as_bytes()))?;
            }
        }
        self.flows.lock().clear();
        Ok(())
    }
}

fn open_ports(
    interface: &str,
    address: Ipv4Addr,
    wanted: &[(u16, usize)],
) -> io::Result<Vec<InnerPort>> {
    let mut open = Vec::new();
    for &(port, count) in wanted {
        for lane in 0..count {
            let socket = unbound(interface)?;
            // The first has the port for itself, so that another program's is an error, and then
            // takes the others in.
            if lane > 0 {
                socket.set_reuse_port(true)?;
            }
            socket.bind(&SocketAddr::from((address, port)).into())?;
            if lane == 0 && count > 1 {
                socket.set_reuse_port(true)?;
            }
            accept_trains(&socket)?;
            tell_ecn(&socket, Domain::IPV4)?;
            open.push(InnerPort {
                socket,
                port,
                lane,
                token: ids::next(),
            });
        }
    }
    Ok(open)
}

fn register(ports: &[InnerPort], polls: &[Poll]) -> io::Result<()> {
    ports
        .iter()
        .try_for_each(|port| polls[port.lane].add(port.socket.as_fd(), port.token))
}

/// A filter (linux/filter.h) that lets nothing in: no byte of any packet.
const NOTHING: SockFilter = SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0);

/// Headers as `labelway_forward` writes them: one hop from tunnel address to tunnel address, DF set.
fn sending(interface: &str, address: Ipv4Addr, port: u16) -> io::Result<Socket> {
    let socket = bound(interface, address, port)?;
    // Nobody reads it: what a neighbour sends to the port would fill the kernel's memory.
    socket.attach_filter(&[NOTHING])?;
    socket.set_ttl_v4(255)?;
    let dont_fragment = libc::IP_PMTUDISC_PROBE;
    integer_option(
        &socket,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        dont_fragment,
    )?;
    Ok(socket)
}

fn bound(interface: &str, address: Ipv4Addr, port: u16) -> io::Result<Socket> {
    let socket = unbound(interface)?;
    socket.bind(&SocketAddr::from((address, port)).into())?;
    Ok(socket)
}

fn unbound(interface: &str) -> io::Result<Socket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::IPV4, kind, Some(Protocol::UDP))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    // The address may come a moment later than the socket, or go and come back.
    integer_option(&socket, libc::IPPROTO_IP, libc::IP_FREEBIND, 1)?;
    enlarge_buffers(&socket);
    Ok(socket)
}

/// Why the sockets could not be opened, and what to do.
pub fn explain(uplink: &str, interface: &str, error: &io::Error) -> String {
    let why = match error.raw_os_error() {
        Some(libc::ENODEV) => {
            format!("there is no WireGuard interface {interface}; it is made before the table")
        }
        Some(libc::EADDRINUSE) => {
            format!("another program listens on its UDP ports; see `ss -ulpn` for {interface}")
        }
        Some(libc::EPERM) => "permission denied; run as root or with CAP_NET_RAW".to_owned(),
        _ => format!("{error} (interface {interface})"),
    };
    format!("Cannot open the sockets of uplink {uplink}: {why}")
}

/// Puts the headers back that the socket took off: IPv4 without options (RFC 791 §3.1) and UDP
/// (RFC 768). The kernel has checked both. Returns the length of the whole.
pub fn rebuild(
    room: &mut [u8],
    payload: &[u8],
    from: SocketAddr,
    to: Ipv4Addr,
    port: u16,
    ecn: Ecn,
) -> Option<usize> {
    let SocketAddr::V4(from) = from else {
        return None;
    };
    let total = payload.len() + HEADERS;
    let length = u16::try_from(total).ok()?;
    let (headers, rest) = room.get_mut(..total)?.split_at_mut(HEADERS);
    rest.copy_from_slice(payload);
    headers.fill(0);
    headers[..2].copy_from_slice(&[0x45, ecn.bits()]);
    headers[2..4].copy_from_slice(&length.to_be_bytes());
    headers[6] = 0x40; // do not fragment
    headers[8] = 255; // as every router of ours sends it; a tunnel is one hop
    headers[9] = libc::IPPROTO_UDP as u8;
    headers[12..16].copy_from_slice(&from.ip().octets());
    headers[16..20].copy_from_slice(&to.octets());
    let checksum = header_checksum(&headers[..20]);
    headers[10..12].copy_from_slice(&checksum.to_be_bytes());
    headers[20..22].copy_from_slice(&from.port().to_be_bytes());
    headers[22..24].copy_from_slice(&port.to_be_bytes());
    headers[24..26].copy_from_slice(&(length - 20).to_be_bytes());
    Some(total) // checksum 0: none, as the sender may leave it (RFC 768)
}

fn header_checksum(header: &[u8]) -> u16 {
    let sum = header.chunks_exact(2).fold(0u32, |sum, pair| {
        sum + u32::from(u16::from_be_bytes([pair[0], pair[1]]))
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_to_a_flows_port_is_not_kept() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let from = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let arrives = |socket: &Socket| {
            let to = socket.local_addr().unwrap().as_socket().unwrap();
            from.send_to(b"hello", to).unwrap(); // has arrived when the call returns
            socket.recv(&mut [std::mem::MaybeUninit::uninit(); 8])
        };
        let open = |open: fn(&str, Ipv4Addr, u16) -> io::Result<Socket>| {
            open("lo", Ipv4Addr::LOCALHOST, 0).unwrap()
        };
        assert_eq!(arrives(&open(bound)).unwrap(), 5);
        let error = arrives(&open(sending)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn an_interface_that_comes_back_is_listened_to_by_as_many_threads() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let thread = std::thread::spawn(|| {
            // SAFETY: moves this thread alone to a new network namespace, gone with it.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            let ip = |command: &str| {
                let status = std::process::Command::new("ip")
                    .args(command.split(' '))
                    .status();
                assert!(status.unwrap().success(), "ip {command}");
            };
            let polls = [Poll::new().unwrap(), Poll::new().unwrap()];
            let address = Ipv4Addr::new(100, 96, 0, 8);
            for ports in [[(6635, 2), (862, 1)], [(6635, 1), (862, 1)]] {
                ip("link add wg0 type veth peer name wg1");
                let sockets = InnerSockets::open("wg0", address, &ports).unwrap();
                sockets.register(&polls).unwrap();
                let again = InnerSockets::open("wg0", address, &ports).err().unwrap();
                assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
                let seen = |sockets: &InnerSockets| -> Vec<_> {
                    let ports = sockets.ports();
                    ports.iter().map(|port| (port.port, port.lane)).collect()
                };
                let before = seen(&sockets);
                ip("link delete wg0");
                ip("link add wg0 type veth peer name wg1");
                sockets.rebind_device(&polls).unwrap();
                assert_eq!(seen(&sockets), before);
                for port in sockets.ports().iter() {
                    assert_eq!(port.socket.device().unwrap().unwrap(), b"wg0");
                }
                ip("link delete wg0");
            }
        });
        thread.join().unwrap();
    }

    #[test]
    fn headers_come_back() {
        let mut room = [0xff; 64];
        let from = "100.96.0.8:50000".parse().unwrap();
        let length = rebuild(
            &mut room,
            b"hello",
            from,
            Ipv4Addr::new(100, 96, 0, 16),
            6635,
            Ecn::NotEct,
        );
        assert_eq!(length, Some(33));
        // Identification 0 and no UDP checksum.
        let wanted = [
            0x45, 0, 0, 33, 0, 0, 0x40, 0, 255, 17, 0xb2, 0xf3, 100, 96, 0, 8, 100, 96, 0,
            16, //
            0xc3, 0x50, 0x19, 0xeb, 0, 13, 0, 0, b'h', b'e', b'l', b'l', b'o',
        ];
        assert_eq!(
            header_checksum(&wanted[..20]),
            0,
            "a header with its checksum sums to zero"
        );
        assert_eq!(room[..33], wanted);
        assert_eq!(room[33], 0xff);
        assert_eq!(
            rebuild(&mut room, &[0; 37], from, Ipv4Addr::LOCALHOST, 1, Ecn::Ce),
            None
        );
    }
}
