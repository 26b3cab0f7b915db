//! Against the kernel: what it hands over through a TUN with offloads is cut into right packets, and
//! what we put together arrives at a socket. As root only, in a network namespace of its own.

mod support;

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

use labelway_offload::{Coalescer, Opened, VNET_HEADER, VnetHeader, open};
use support::*;

/// linux/if_tun.h
const TUNSETOFFLOAD: libc::Ioctl = 0x4004_54d0;
const TUN_F_CSUM: libc::c_ulong = 0x01;
const TUN_F_TSO4: libc::c_ulong = 0x02;
const TUN_F_TSO6: libc::c_ulong = 0x04;
const TUN_F_TSO_ECN: libc::c_ulong = 0x08;
const TUN_F_USO4: libc::c_ulong = 0x20;
const TUN_F_USO6: libc::c_ulong = 0x40;

const NAME: &str = "lwoffload";
const PATIENCE: Duration = Duration::from_secs(5);

struct Tun(File);

impl Tun {
    fn new() -> Tun {
        let file = File::options()
            .read(true)
            .write(true)
            .open("/dev/net/tun")
            .unwrap();
        // SAFETY: an ifreq is plain bytes and integers, for which all zeroes is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(NAME.bytes()) {
            *to = from as libc::c_char;
        }
        let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        request.ifr_ifru.ifru_flags = flags as libc::c_short;
        let offloads =
            TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 | TUN_F_USO6;
        let descriptor = file.as_raw_fd();
        // SAFETY: TUNSETIFF reads and writes one ifreq, which lives across the call; TUNSETOFFLOAD
        // takes a number; F_SETFL takes flags.
        unsafe {
            assert_eq!(libc::ioctl(descriptor, libc::TUNSETIFF, &mut request), 0);
            assert_eq!(libc::ioctl(descriptor, TUNSETOFFLOAD, offloads), 0);
            assert_eq!(libc::fcntl(descriptor, libc::F_SETFL, libc::O_NONBLOCK), 0);
        }
        for line in [
            format!("link set {NAME} mtu 1500 up"),
            format!("address add 10.1.0.5/24 dev {NAME}"),
            format!("address add fd00::5/64 dev {NAME} nodad"),
        ] {
            let status = Command::new("ip").args(line.split(' ')).status().unwrap();
            assert!(status.success(), "ip {line}");
        }
        Tun(file)
    }

    /// The next packets of that protocol: what one read gives, cut and checked.
    fn read(&mut self, protocol: u8) -> (VnetHeader, Vec<Vec<u8>>) {
        let mut room = vec![0; VNET_HEADER + 65_535];
        let until = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < until, "the kernel sends nothing");
            let length = match (&self.0).read(&mut room) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            let header = VnetHeader::decode(&room).unwrap();
            let packet = &mut room[VNET_HEADER..length];
            if layout(packet).2 != protocol {
                continue;
            }
            let packets = match open(header, packet).expect("the kernel is understood") {
                Opened::Single => vec![packet.to_vec()],
                Opened::Super(segments) => (0..segments.count())
                    .map(|index| {
                        let mut out = vec![0; segments.length(index)];
                        segments.write(index, packet, &mut out);
                        out
                    })
                    .collect(),
            };
            assert!(
                packets
                    .iter()
                    .all(|packet| is_right(packet) && packet.len() <= 1500)
            );
            return (header, packets);
        }
    }

    /// Writes packets as few super-packets as they make; returns how many that is.
    fn write(&mut self, packets: &[Vec<u8>]) -> usize {
        let mut coalescer = Coalescer::with_capacity(256);
        for (id, packet) in packets.iter().enumerate() {
            assert!(coalescer.offer(id as u32, packet));
        }
        for group in coalescer.groups() {
            let mut first = packets[group.first() as usize].clone();
            let header = group.finish(&mut first).encode();
            let mut pieces = vec![IoSlice::new(&header), IoSlice::new(&first)];
            pieces.extend(
                group
                    .ids()
                    .skip(1)
                    .map(|id| IoSlice::new(&packets[id as usize][group.headers()..])),
            );
            let written = self.0.write_vectored(&pieces).unwrap();
            assert_eq!(written, VNET_HEADER + group.length());
        }
        coalescer.groups().len()
    }
}

/// Runs in a network namespace that is gone with the thread.
fn in_namespace(run: impl FnOnce(&mut Tun) + Send + 'static) {
    // SAFETY: a plain question.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    let thread = std::thread::spawn(|| {
        // SAFETY: moves this thread alone to a new network namespace.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        run(&mut Tun::new());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn addresses(v6: bool) -> (IpAddr, IpAddr) {
    if v6 {
        ("fd00::5".parse().unwrap(), "fd00::c8".parse().unwrap())
    } else {
        ("10.1.0.5".parse().unwrap(), "10.1.0.200".parse().unwrap())
    }
}

/// A packet from the other end to the kernel's.
struct Peer {
    v6: bool,
    protocol: u8,
    ports: [u16; 2],
    sequence: u32,
    acknowledgment: u32,
    identification: u16,
}

impl Peer {
    fn packet(&mut self, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut spec = Spec::new(self.v6, self.protocol, payload.to_vec());
        spec.sequence = self.sequence;
        spec.acknowledgment = self.acknowledgment;
        spec.identification = self.identification;
        spec.flags = flags;
        spec.window = 0xffff;
        spec.tcp_options = options.to_vec();
        let mut packet = spec.encode();
        let (v6, upper, _) = layout(&packet);
        let (here, there) = addresses(v6);
        let at = if v6 { 8 } else { 12 };
        let bytes = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let both = [bytes(there), bytes(here)].concat();
        packet[at..at + both.len()].copy_from_slice(&both);
        packet[upper..upper + 2].copy_from_slice(&self.ports[0].to_be_bytes());
        packet[upper + 2..upper + 4].copy_from_slice(&self.ports[1].to_be_bytes());
        complete(&mut packet);
        self.identification = self.identification.wrapping_add(1);
        let counted = payload.len() as u32 + u32::from(flags & SYN != 0);
        self.sequence = self.sequence.wrapping_add(counted);
        packet
    }
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7 + at / 1021) as u8).collect()
}

fn sequence(packet: &[u8], at: usize) -> u32 {
    let upper = layout(packet).1;
    (be16(packet, upper + at) as u32) << 16 | be16(packet, upper + at + 2) as u32
}

fn flags(packet: &[u8]) -> u8 {
    packet[layout(packet).1 + 13]
}

/// A connection from the kernel's end, established.
fn connect(tun: &mut Tun, v6: bool) -> (TcpStream, Peer) {
    let (_, there) = addresses(v6);
    let address = SocketAddr::new(there, 443);
    std::thread::scope(|scope| {
        // In the namespace of the thread that starts it.
        let connecting = scope.spawn(move || TcpStream::connect_timeout(&address, PATIENCE));
        let (_, syn) = tun.read(TCP);
        let syn = &syn[0];
        assert_eq!(flags(syn) & SYN, SYN);
        let mut peer = Peer {
            v6,
            protocol: TCP,
            ports: [443, be16(syn, layout(syn).1) as u16],
            sequence: 0xffff_f000,
            acknowledgment: sequence(syn, 4).wrapping_add(1),
            identification: 0xfff0,
        };
        // MSS 1,400, window scale 7; ECN if it is asked for.
        let echo = if flags(syn) & (ECE | CWR) != 0 {
            ECE
        } else {
            0
        };
        let answer = peer.packet(SYN | ACK | echo, &[2, 4, 5, 120, 1, 3, 3, 7], &[]);
        tun.write(&[answer]);
        (connecting.join().unwrap().unwrap(), peer)
    })
}

/// The kernel sends a megabyte; we cut, check, and acknowledge it. With ECN, one packet is said to
/// have met congestion, which the kernel answers with CWR.
fn kernel_sends(tun: &mut Tun, v6: bool) {
    std::fs::write("/proc/sys/net/ipv4/tcp_ecn", "1").unwrap();
    let (mut stream, mut peer) = connect(tun, v6);
    let sent = pattern(1_000_000);
    let copy = sent.clone();
    let writer = std::thread::spawn(move || stream.write_all(&copy).map(|()| stream));
    let mut received: Vec<u8> = Vec::new();
    let (mut supers, mut reduced, mut identification) = (0, 0, None);
    while received.len() < sent.len() {
        let (header, packets) = tun.read(TCP);
        let is_super = header.gso_type != 0;
        if is_super {
            assert_eq!(header.gso_type & 0x7f, if v6 { 4 } else { 1 });
            supers += usize::from(packets.len() > 1);
        }
        for (index, packet) in packets.iter().enumerate() {
            let payload = &packet[headers(packet)..];
            if payload.is_empty() {
                continue;
            }
            assert_eq!(sequence(packet, 4), peer.acknowledgment, "in order");
            assert!(index + 1 == packets.len() || payload.len() == 1400);
            if flags(packet) & CWR != 0 {
                assert_eq!(index, 0, "CWR once");
                reduced += 1;
            }
            assert!(flags(packet) & PSH == 0 || index + 1 == packets.len());
            if !v6 && index > 0 {
                let next = identification.unwrap_or(0) as u16;
                assert_eq!(be16(packet, 4) as u16, next.wrapping_add(1));
            }
            identification = Some(be16(packet, 4));
            peer.acknowledgment = peer.acknowledgment.wrapping_add(payload.len() as u32);
            received.extend(payload);
        }
        let echo = if reduced == 0 && received.len() > 50_000 {
            ECE
        } else {
            0
        };
        let acknowledgment = peer.packet(ACK | echo, &[], &[]);
        tun.write(&[acknowledgment]);
    }
    assert!(received == sent);
    assert!(
        supers > 10 && reduced > 0,
        "{supers} super-packets, CWR {reduced} times"
    );
    drop(writer.join().unwrap().unwrap());
}

#[test]
fn tcp_from_the_kernel() {
    for v6 in [false, true] {
        in_namespace(move |tun| kernel_sends(tun, v6));
    }
}

#[test]
fn tcp_to_the_kernel() {
    for v6 in [false, true] {
        in_namespace(move |tun| {
            let (mut stream, mut peer) = connect(tun, v6);
            // The sequence number wraps, and so does the identification.
            let sent = pattern(50_000);
            let mut packets: Vec<_> = sent
                .chunks(1400)
                .map(|piece| peer.packet(ACK, &[], piece))
                .collect();
            let (_, upper, _) = layout(&packets[0]);
            packets.last_mut().unwrap()[upper + 13] |= PSH;
            complete(packets.last_mut().unwrap());
            assert_eq!(tun.write(&packets), 1);
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut received = vec![0; sent.len()];
            stream.read_exact(&mut received).unwrap();
            assert!(received == sent);
        });
    }
}

fn set_udp_option(socket: &UdpSocket, option: libc::c_int, value: libc::c_int) {
    // SAFETY: the option's value is an int, which lives across the call.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    assert_eq!(status, 0);
}

#[test]
fn udp_from_the_kernel() {
    for v6 in [false, true] {
        in_namespace(move |tun| {
            let (here, there) = addresses(v6);
            let socket = UdpSocket::bind((here, 0)).unwrap();
            set_udp_option(&socket, libc::UDP_SEGMENT, 1200);
            let sent = pattern(30_300);
            socket.send_to(&sent, (there, 4433)).unwrap();
            let (header, packets) = tun.read(UDP);
            assert_eq!(
                (header.gso_type, header.gso_size),
                (VnetHeader::GSO_UDP_L4, 1200)
            );
            let sizes: Vec<_> = packets.iter().map(|one| one.len() - headers(one)).collect();
            assert_eq!(sizes, [&[1200; 25][..], &[300]].concat());
            let received: Vec<_> = packets.iter().map(|one| &one[headers(one)..]).collect();
            assert!(received.concat() == sent);
        });
    }
}

#[test]
fn udp_to_the_kernel() {
    for v6 in [false, true] {
        in_namespace(move |tun| {
            let socket = UdpSocket::bind((addresses(v6).0, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut peer = Peer {
                v6,
                protocol: UDP,
                ports: [4433, socket.local_addr().unwrap().port()],
                sequence: 0,
                acknowledgment: 0,
                identification: 0xfff0,
            };
            let sent = pattern(40 * 1000 + 10);
            let mut burst = || -> Vec<_> {
                let pieces = sent.chunks(1000);
                pieces.map(|piece| peer.packet(0, &[], piece)).collect()
            };
            let mut room = vec![0; 65_535];
            assert_eq!(tun.write(&burst()), 1);
            for piece in sent.chunks(1000) {
                let length = socket.recv(&mut room).unwrap();
                assert!(&room[..length] == piece, "datagram by datagram");
            }
            // A socket that takes them whole shows that they came whole.
            set_udp_option(&socket, libc::UDP_GRO, 1);
            assert_eq!(tun.write(&burst()), 1);
            let length = socket.recv(&mut room).unwrap();
            assert!(room[..length] == sent, "{length} bytes at once");
        });
    }
}
