//! One uplink as it is open: an embedded WireGuard device with its sockets, or sockets through a
//! WireGuard interface of the kernel's.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::{ArcSwap, Guard};
use labelway_boundary as boundary;
use labelway_wireguard::{Device, Peers, SocketChange};

use crate::inner::{self, InnerSockets};
use crate::outer::{self, OuterSockets, device_index};
use crate::poll::{Poll, Token};
use crate::probe::STAMP_PORTS;
use crate::uapi::Listener;

/// UDP port of MPLS-in-UDP (RFC 7510 §6).
pub const MPLS_PORT: u16 = 6635;

pub struct Uplink {
    pub interface: String,
    pub ports: Ports,
    /// Index of the device that the sockets are bound to.
    index: AtomicU32,
}

pub enum Ports {
    Embedded(Embedded),
    Kernel {
        sockets: InnerSockets,
        address: std::net::Ipv4Addr,
    },
}

pub struct Embedded {
    pub device: Device,
    pub sockets: ArcSwap<OuterSockets>,
    pub listener: ArcSwap<Listener>,
}

impl Embedded {
    /// Peers and sockets that belong together. A request that changes both puts the sockets in
    /// place first, so the peers are loaded first: a new peer's handshake then never leaves by an
    /// old socket, where its answer would be lost and the next try is 5 s away.
    pub fn load(&self) -> (Guard<Arc<Peers>>, Arc<OuterSockets>) {
        let peers = self.device.peers();
        (peers, self.sockets.load_full())
    }
}

impl Uplink {
    /// With sockets for so many underlay threads.
    pub fn open(
        uplink: &boundary::Uplink,
        uapi_folder: &Path,
        lanes: usize,
    ) -> Result<Self, String> {
        let interface = uplink.interface.clone();
        let (ports, index) = match uplink.backend {
            boundary::Backend::Embedded => {
                let sockets = open_outer(uplink, 0, 0, lanes)?;
                let device = Device::new(&interface);
                device.listening(sockets.port);
                let listener = ArcSwap::from_pointee(Listener::bind(uapi_folder, &interface)?);
                let index = sockets.index;
                let sockets = ArcSwap::from_pointee(sockets);
                (
                    Ports::Embedded(Embedded {
                        device,
                        sockets,
                        listener,
                    }),
                    index,
                )
            }
            boundary::Backend::Kernel => {
                let address = uplink.tunnel_address;
                // Probes and BFD are one thread's; labelled packets, each flow with its own source port,
                // are all threads'.
                let ports = [
                    (MPLS_PORT, lanes),
                    (STAMP_PORTS.reflector, 1),
                    (STAMP_PORTS.sender, 1),
                    (labelway_bfd::PORT, 1),
                ];
                let sockets = InnerSockets::open(&interface, address, &ports)
                    .map_err(|error| inner::explain(&uplink.key, &interface, &error))?;
                let index = device_index(&interface).unwrap_or(0);
                (Ports::Kernel { sockets, address }, index)
            }
        };
        let index = AtomicU32::new(index);
        Ok(Uplink {
            interface,
            ports,
            index,
        })
    }

    /// Whether this, as it is open, can serve the wanted one; the device of an embedded one may
    /// differ, see [`Uplink::moved`].
    pub fn serves(&self, wanted: &boundary::Uplink) -> bool {
        self.interface == wanted.interface
            && match (&self.ports, wanted.backend) {
                (Ports::Embedded(_), boundary::Backend::Embedded) => true,
                (Ports::Kernel { address, .. }, boundary::Backend::Kernel) => {
                    *address == wanted.tunnel_address
                }
                _ => false,
            }
    }

    /// Sockets on another device for an embedded uplink, where the wanted device is another; to be
    /// put in place by [`Uplink::replace`]. The port, the mark and all sessions stay.
    pub fn moved(
        &self,
        wanted: &boundary::Uplink,
        polls: &[Poll],
    ) -> Result<Option<OuterSockets>, String> {
        let Ports::Embedded(embedded) = &self.ports else {
            return Ok(None);
        };
        let now = embedded.sockets.load();
        if now.device == wanted.device {
            return Ok(None);
        }
        let sockets = open_outer(wanted, now.port, now.mark(), polls.len())?;
        register(&sockets, polls)
            .map_err(|error| format!("Cannot watch uplink {}: {error}", wanted.key))?;
        Ok(Some(sockets))
    }

    /// Puts other sockets, registered already, in the place of those in use.
    pub fn replace(&self, sockets: OuterSockets) {
        let Ports::Embedded(embedded) = &self.ports else {
            return;
        };
        self.index.store(sockets.index, Ordering::Relaxed);
        embedded.sockets.store(Arc::new(sockets));
    }

    /// Lets each underlay thread wait for what this uplink receives for it.
    pub fn register(&self, polls: &[Poll]) -> std::io::Result<()> {
        match &self.ports {
            Ports::Embedded(embedded) => register(&embedded.sockets.load(), polls),
            Ports::Kernel { sockets, .. } => sockets.register(polls),
        }
    }

    pub fn owns(&self, token: Token) -> bool {
        match &self.ports {
            Ports::Embedded(embedded) => embedded
                .sockets
                .load()
                .all()
                .any(|(_, known)| known == token),
            Ports::Kernel { sockets, .. } => sockets.ports().iter().any(|port| port.token == token),
        }
    }

    /// Makes the userspace protocol's socket anew when somebody removed its file: without it `wg`
    /// could not configure the interface any more.
    pub fn follow_listener(&self, poll: &Poll) {
        let Ports::Embedded(embedded) = &self.ports else {
            return;
        };
        if embedded.listener.load().is_reachable() {
            return;
        }
        // Where it fails, the next round tries again.
        if let Ok(listener) = embedded.listener.load().again()
            && poll.add(listener.as_fd(), listener.token).is_ok()
        {
            embedded.listener.store(Arc::new(listener));
        }
    }

    /// Binds to the device anew if it came, or went away and came back. To be called every second.
    pub fn follow_device(&self, polls: &[Poll]) {
        let sockets;
        let name = match &self.ports {
            Ports::Embedded(embedded) => {
                sockets = embedded.sockets.load();
                &sockets.device
            }
            Ports::Kernel { .. } => &self.interface,
        };
        let Some(index) = device_index(name) else {
            return;
        };
        if index == self.index.load(Ordering::Relaxed) {
            return;
        }
        let bound = match &self.ports {
            Ports::Embedded(embedded) => rebind_outer(embedded, index, polls),
            Ports::Kernel { sockets, .. } => sockets.rebind_device(polls).map(|()| index),
        };
        // Where it fails, the next round tries again.
        if let Ok(index) = bound {
            self.index.store(index, Ordering::Relaxed);
        }
    }

    /// What a request of the userspace protocol wants of the sockets: all of it or nothing.
    pub fn change_sockets(&self, change: SocketChange, polls: &[Poll]) -> Result<u16, i32> {
        let Ports::Embedded(embedded) = &self.ports else {
            return Err(libc::EINVAL);
        };
        let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        let now = embedded.sockets.load_full();
        let mark = change.fwmark.unwrap_or(now.mark());
        match change.listen_port {
            Some(port) if port != now.port => {
                let opened = OuterSockets::open(&now.device, port, mark, polls.len());
                let sockets = opened.map_err(errno)?;
                let port = sockets.port;
                register(&sockets, polls).map_err(errno)?;
                self.replace(sockets);
                Ok(port)
            }
            _ => {
                now.set_mark(mark).map_err(errno)?;
                Ok(now.port)
            }
        }
    }
}

fn open_outer(
    uplink: &boundary::Uplink,
    port: u16,
    mark: u32,
    lanes: usize,
) -> Result<OuterSockets, String> {
    OuterSockets::open(&uplink.device, port, mark, lanes)
        .map_err(|error| outer::explain(&uplink.key, &uplink.device, port, &error))
}

/// Each pair with the thread that it is for.
fn register(sockets: &OuterSockets, polls: &[Poll]) -> std::io::Result<()> {
    for (pair, poll) in sockets.pairs().iter().zip(polls) {
        for (socket, token) in pair.all() {
            poll.add(socket.as_fd(), token)?;
        }
    }
    Ok(())
}

/// Sockets that are bound to another device leave their SO_REUSEPORT group, so where there are
/// several of a kind, new ones take their place. The device's index is `index` or, if it changed
/// meanwhile, as it is told.
fn rebind_outer(embedded: &Embedded, index: u32, polls: &[Poll]) -> std::io::Result<u32> {
    let now = embedded.sockets.load_full();
    if now.pairs().len() == 1 {
        return now.rebind_device().map(|()| index);
    }
    let sockets = now.again()?;
    let index = sockets.index;
    register(&sockets, polls)?;
    let before = embedded.sockets.compare_and_swap(&now, Arc::new(sockets));
    if Arc::ptr_eq(&before, &now) {
        Ok(index)
    } else {
        // Others took their place meanwhile, and are bound to the device as it was then.
        Err(std::io::ErrorKind::Interrupted.into())
    }
}

#[cfg(test)]
mod tests {
    use labelway_wireguard::Now;
    use parking_lot::Mutex;

    use super::*;

    /// Each request adds a peer and moves the sockets to another port. Whoever sees the peer has to
    /// see the port too.
    #[test]
    fn a_new_peer_is_never_seen_with_old_sockets() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = std::env::temp_dir().join(format!("lw-uplink-{}", std::process::id()));
        let wanted = boundary::Uplink {
            key: "fibre".into(),
            interface: "lw-0-test".into(),
            backend: boundary::Backend::Embedded,
            device: "lo".into(),
            tunnel_address: [100, 96, 0, 8].into(),
        };
        let uplink = Uplink::open(&wanted, &folder, 1).unwrap();
        let Ports::Embedded(embedded) = &uplink.ports else {
            panic!("it is embedded")
        };
        let polls = [Poll::new().unwrap()];
        const ROUNDS: usize = 300;
        let first_token = |sockets: &OuterSockets| sockets.all().next().unwrap().1;
        // Tokens ascend: these are the sockets that belong to the first peer, the second, …
        let versions = Mutex::new(Vec::with_capacity(ROUNDS));
        let change = |change: SocketChange| {
            let bound = uplink.change_sockets(change, &polls)?;
            versions.lock().push(first_token(&embedded.sockets.load()));
            Ok(bound)
        };
        let ports = [0; 2].map(|port| OuterSockets::open("lo", port, 0, 1).unwrap().port);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                for round in 1..=ROUNDS {
                    let (key, port) = (format!("{round:064x}"), ports[round % 2]);
                    let request = format!("set=1\nlisten_port={port}\npublic_key={key}\n\n");
                    let ask = || {
                        embedded
                            .device
                            .uapi(Now::read(), request.as_bytes(), change)
                    };
                    // Refused while the reader still holds the sockets before the last ones.
                    while *ask() != "errno=0\n\n" {}
                }
            });
            while !asking.is_finished() {
                let (peers, sockets) = embedded.load();
                if let Some(last) = peers.iter().len().checked_sub(1) {
                    assert!(
                        first_token(&sockets) >= versions.lock()[last],
                        "peer {last}"
                    );
                }
            }
            asking.join().unwrap();
        });
        assert_eq!(embedded.load().0.iter().len(), ROUNDS);
        drop(uplink);
        std::fs::remove_dir(folder).unwrap();
    }
}
