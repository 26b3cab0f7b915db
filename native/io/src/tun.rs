//! TUN devices: where customer packets come from and go to.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::AtomicBool;

use crate::ids;
use crate::poll::Token;

const CLONE_DEVICE: &str = "/dev/net/tun";

/// Refuse a name that exists, rather than attach to somebody else's device (linux/if_tun.h).
const IFF_TUN_EXCL: libc::c_int = 0x8000;

/// The end that this request names reads nothing from now on, but still writes (linux/if_tun.h).
const IFF_DETACH_QUEUE: libc::c_int = 0x0400;

/// What the kernel may leave to us (linux/if_tun.h): checksums, cutting TCP up, also with ECN, and,
/// since Linux 6.2, UDP.
const OFFLOAD_TCP: libc::c_uint = 0x01 | 0x02 | 0x04 | 0x08;
const OFFLOAD_UDP: libc::c_uint = 0x20 | 0x40;

/// Why nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// No packet is waiting.
    Empty,
    /// The kernel has no virtio-net header for this packet and threw it away; the next one may be
    /// waiting.
    Indescribable,
    /// Somebody removed the device.
    Gone,
}

impl Unread {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Unread::Empty,
            // From tun_put_user (drivers/net/tun.c); a device that is gone gives EBADFD or EFAULT.
            io::ErrorKind::InvalidInput => Unread::Indescribable,
            _ => Unread::Gone,
        }
    }
}

/// One TUN device, up, without addresses. It is gone when this is dropped.
///
/// With several ingress threads it has a queue for each. The kernel puts a packet on the queue that
/// the hash of its addresses, protocol and ports says, the same for both directions of a flow
/// (`tun_automq_select_queue`), so a flow stays with one thread. It would learn another queue from
/// what is written to that one, and move a flow to it while packets still wait on the first; so
/// nothing is written to a queue that is read: the writing ends are detached, which learn nothing
/// (`tun_get_user`).
pub struct Tun {
    queues: Box<[Queue]>,
    /// For each underlay thread; none where there is one queue, which cannot be mistaken.
    writers: Box<[File]>,
    pub name: String,
    /// Somebody removed the device under us; the next table makes it anew.
    pub lost: AtomicBool,
    /// Whether the kernel takes UDP super-packets from us.
    pub takes_udp_super_packets: bool,
}

impl Tun {
    /// Creates the device with so many queues, sets its MTU and brings it up. So many threads
    /// write what comes from neighbours.
    pub fn create(name: &str, mtu: u32, queues: usize, writers: usize) -> Result<Self, String> {
        let several = if queues > 1 { libc::IFF_MULTI_QUEUE } else { 0 };
        let attached = |exclusive| -> Result<File, String> {
            let file = open().map_err(|error| explain_open(name, &error))?;
            attach(&file, name, several | exclusive)
                .map_err(|error| explain_attach(name, &error))?;
            Ok(file)
        };
        let queue = |number| {
            let file = attached(if number == 0 { IFF_TUN_EXCL } else { 0 })?;
            let token = ids::next();
            Ok(Queue { file, token })
        };
        let writer = |_| {
            let file = attached(0)?;
            detach(&file).map_err(|error| format!("Cannot detach a queue of {name}: {error}"))?;
            Ok(file)
        };
        let queues: Box<[Queue]> = (0..queues).map(queue).collect::<Result<_, String>>()?;
        let writers = if queues.len() > 1 { writers } else { 0 };
        let writers = (0..writers).map(writer).collect::<Result<_, String>>()?;
        // It holds for the device.
        let file = &queues[0].file;
        let takes_udp_super_packets = offload(file, OFFLOAD_TCP | OFFLOAD_UDP)
            .map(|()| true)
            .or_else(|_| offload(file, OFFLOAD_TCP).map(|()| false))
            .map_err(|error| format!("Cannot have {name} carry super-packets: {error}"))?;
        let tun = Tun {
            queues,
            writers,
            name: name.to_owned(),
            lost: AtomicBool::new(false),
            takes_udp_super_packets,
        };
        tun.set_mtu(mtu)?;
        tun.accept_own_errors();
        tun.bring_up()?;
        Ok(tun)
    }

    /// One an ingress thread.
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    pub fn set_mtu(&self, mtu: u32) -> Result<(), String> {
        let mut request = request(&self.name);
        request.ifr_ifru.ifru_mtu = mtu as libc::c_int;
        configure(libc::SIOCSIFMTU, &mut request)
            .map_err(|error| format!("Cannot set the MTU of {} to {mtu}: {error}", self.name))
    }

    /// Our ICMP errors come from the loopback address, which this machine has: the kernel would drop
    /// them as forged on their way to the LAN. Not being allowed to costs those errors only.
    fn accept_own_errors(&self) {
        let switch = format!("/proc/sys/net/ipv4/conf/{}/accept_local", self.name);
        let _ = std::fs::write(switch, "1");
    }

    fn bring_up(&self) -> Result<(), String> {
        let mut request = request(&self.name);
        configure(libc::SIOCGIFFLAGS, &mut request)
            .and_then(|()| {
                // SAFETY: SIOCGIFFLAGS has just filled this member of the union.
                let flags = unsafe { request.ifr_ifru.ifru_flags };
                request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
                configure(libc::SIOCSIFFLAGS, &mut request)
            })
            .map_err(|error| format!("Cannot bring {} up: {error}", self.name))
    }

    /// A virtio-net header and one packet or super-packet in parts, whole or not at all. `lane`: the
    /// number of an underlay thread.
    pub fn write(&self, lane: usize, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut file = self.writers.get(lane).unwrap_or(&self.queues[0].file);
        file.write_vectored(parts).map(drop)
    }
}

/// What one ingress thread reads of a TUN device.
pub struct Queue {
    file: File,
    pub token: Token,
}

impl Queue {
    /// The bytes of a virtio-net header and one packet or super-packet.
    pub fn read(&self, room: &mut [u8]) -> Result<usize, Unread> {
        (&self.file).read(room).map_err(|error| Unread::of(&error))
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn open() -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(CLONE_DEVICE)
}

/// An interface request for the device of that name; longer names were refused with the table.
fn request(name: &str) -> libc::ifreq {
    // SAFETY: an ifreq is plain bytes and integers, for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let room = libc::IFNAMSIZ - 1;
    for (to, from) in request.ifr_name[..room].iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request
}

fn attach(file: &File, name: &str, more: libc::c_int) -> io::Result<()> {
    let mut request = request(name);
    let flags = libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR | more;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives across the call; the descriptor is
    // open.
    let status = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &mut request) };
    if status < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn detach(file: &File) -> io::Result<()> {
    let mut request = request("");
    request.ifr_ifru.ifru_flags = IFF_DETACH_QUEUE as libc::c_short;
    // SAFETY: TUNSETQUEUE reads one ifreq, which lives across the call; the descriptor is open.
    let status = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETQUEUE as _, &mut request) };
    if status < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn offload(file: &File, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes an integer; the descriptor is open.
    let status = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETOFFLOAD as _, flags) };
    if status < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn configure(operation: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    // Any socket takes interface requests; it names the network namespace.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    // SAFETY: the interface requests used here (MTU, flags) read and write one ifreq, which lives
    // across the call.
    let status = unsafe { libc::ioctl(socket.as_raw_fd(), operation, request) };
    if status < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn explain_open(name: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => {
            "it does not exist; load the module with `modprobe tun`, or give the container the \
             device /dev/net/tun"
        }
        io::ErrorKind::PermissionDenied => {
            "permission denied; run as root or with CAP_NET_ADMIN, and in a container allow the \
             device"
        }
        _ => return format!("Cannot create TUN {name}: cannot open {CLONE_DEVICE}: {error}"),
    };
    format!("Cannot create TUN {name}: cannot open {CLONE_DEVICE}: {why}")
}

fn explain_attach(name: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EBUSY | libc::EINVAL | libc::EEXIST) => format!(
            "Cannot create TUN {name}: a device of this name exists (EBUSY); \
             stop what made it, or remove it with `ip link delete {name}`"
        ),
        Some(libc::EPERM) => format!(
            "Cannot create TUN {name}: permission denied; run as root or with CAP_NET_ADMIN"
        ),
        _ => format!("Cannot create TUN {name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_takes_errors_from_its_own_address() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let thread = std::thread::spawn(|| {
            // SAFETY: moves this thread alone to a new network namespace, gone with it.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            let tun = Tun::create("lws1-test", 1400, 1, 1).unwrap();
            let switch = "/proc/sys/net/ipv4/conf/lws1-test/accept_local";
            let value = std::fs::read_to_string(switch).unwrap();
            drop(tun);
            value
        });
        assert_eq!(thread.join().unwrap().trim(), "1");
    }

    /// A flow stays on its queue, whatever is written of its other direction meanwhile.
    #[test]
    fn what_is_written_moves_no_flow_to_another_queue() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let thread = std::thread::spawn(|| {
            // SAFETY: moves this thread alone to a new network namespace, gone with it.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            let tun = Tun::create("lws1-test", 1400, 4, 2).unwrap();
            let run = |command: &str| {
                let ip = std::process::Command::new("ip")
                    .args(command.split(' '))
                    .status();
                assert!(ip.unwrap().success(), "ip {command}");
            };
            run("addr add 10.0.0.1/24 dev lws1-test");
            let sockets: Vec<_> = (0..32)
                .map(|_| std::net::UdpSocket::bind("10.0.0.1:0").unwrap())
                .collect();
            let mut room = [0; 2000];
            let mut queue_of = |socket: &std::net::UdpSocket| {
                socket.send_to(b"hello", "10.0.0.9:9").unwrap();
                let mut found = None;
                for (number, queue) in tun.queues().iter().enumerate() {
                    // The kernel has things of its own to say, in IPv6.
                    while queue.read(&mut room).is_ok() {
                        if room[labelway_offload::VNET_HEADER] == 0x45 {
                            found = Some(number);
                        }
                    }
                }
                found.unwrap()
            };
            let mut queues = || sockets.iter().map(&mut queue_of).collect::<Vec<_>>();
            let before = queues();
            for socket in &sockets {
                let port = socket.local_addr().unwrap().port();
                let mut packet = [0; 33];
                packet[..4].copy_from_slice(&[0x45, 0, 0, 33]);
                packet[8..10].copy_from_slice(&[64, 17]);
                packet[12..20].copy_from_slice(&[10, 0, 0, 9, 10, 0, 0, 1]);
                packet[21] = 9;
                packet[22..24].copy_from_slice(&port.to_be_bytes());
                packet[25] = 13;
                for lane in [0, 1] {
                    let header = [0; labelway_offload::VNET_HEADER];
                    let parts = [IoSlice::new(&header), IoSlice::new(&packet)];
                    tun.write(lane, &parts).unwrap();
                }
            }
            (before, queues())
        });
        let (before, after) = thread.join().unwrap();
        assert_eq!(before, after);
        let used: std::collections::HashSet<_> = before.iter().collect();
        assert!(used.len() > 2, "{before:?}");
    }

    /// One packet that cannot be described must not cost the segment its device.
    #[test]
    fn a_device_is_gone_only_when_the_kernel_says_so() {
        let of = |errno| Unread::of(&io::Error::from_raw_os_error(errno));
        assert_eq!([libc::EAGAIN, libc::EINTR].map(of), [Unread::Empty; 2]);
        assert_eq!(of(libc::EINVAL), Unread::Indescribable);
        let gone = [libc::EBADFD, libc::EFAULT, libc::ENODEV].map(of);
        assert_eq!(gone, [Unread::Gone; 3]);
    }

    #[test]
    fn messages_say_what_to_do() {
        let missing = explain_open("lws1-a", &io::Error::from_raw_os_error(libc::ENOENT));
        assert!(missing.contains("modprobe tun"), "{missing}");
        let denied = explain_open("lws1-a", &io::Error::from_raw_os_error(libc::EACCES));
        assert!(denied.contains("CAP_NET_ADMIN"), "{denied}");
        let busy = explain_attach("lws1-a", &io::Error::from_raw_os_error(libc::EBUSY));
        assert!(
            busy.contains("lws1-a: a device of this name exists"),
            "{busy}"
        );
    }
}
