//! One uplink as it is open: an embedded WireGuard device with its sockets, or sockets through a
//! WireGuard interface of the kernel's.

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwap;
use labelway_boundary as boundary;
use labelway_wireguard::{Device, SocketChange};

use crate::inner::{self, InnerSockets};
use crate::outer::{self, OuterSockets, device_index};
use crate::poll::{Poll, Token};
use crate::probe::STAMP_PORTS;
use crate::uapi::Listener;

/// UDP port of MPLS-in-UDP (RFC 7510 §6).
const MPLS_PORT: u16 = 6635;

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
    pub listener: Listener,
}

impl Uplink {
    pub fn open(uplink: &boundary::Uplink, uapi_folder: &Path) -> Result<Self, String> {
        let interface = uplink.interface.clone();
        let (ports, device) = match uplink.backend {
            boundary::Backend::Embedded => {
                let sockets = open_outer(uplink, 0, 0)?;
                let device = Device::new(&interface);
                device.listening(sockets.port);
                let listener = Listener::bind(uapi_folder, &interface)?;
                let sockets = ArcSwap::from_pointee(sockets);
                (
                    Ports::Embedded(Embedded {
                        device,
                        sockets,
                        listener,
                    }),
                    &uplink.device,
                )
            }
            boundary::Backend::Kernel => {
                let address = uplink.tunnel_address;
                let ports = [MPLS_PORT, STAMP_PORTS.reflector, STAMP_PORTS.sender];
                let sockets = InnerSockets::open(&interface, address, &ports)
                    .map_err(|error| inner::explain(&uplink.key, &interface, &error))?;
                (Ports::Kernel { sockets, address }, &uplink.interface)
            }
        };
        let index = AtomicU32::new(device_index(device).unwrap_or(0));
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
        poll: &Poll,
    ) -> Result<Option<OuterSockets>, String> {
        let Ports::Embedded(embedded) = &self.ports else {
            return Ok(None);
        };
        let now = embedded.sockets.load();
        if now.device == wanted.device {
            return Ok(None);
        }
        let sockets = open_outer(wanted, now.port, now.mark())?;
        register(&sockets, poll)
            .map_err(|error| format!("Cannot watch uplink {}: {error}", wanted.key))?;
        Ok(Some(sockets))
    }

    /// Puts other sockets, registered already, in the place of those in use.
    pub fn replace(&self, sockets: OuterSockets) {
        let Ports::Embedded(embedded) = &self.ports else {
            return;
        };
        self.index.store(
            device_index(&sockets.device).unwrap_or(0),
            Ordering::Relaxed,
        );
        embedded.sockets.store(Arc::new(sockets));
    }

    /// Lets the underlay thread wait for what this uplink receives.
    pub fn register(&self, poll: &Poll) -> std::io::Result<()> {
        match &self.ports {
            Ports::Embedded(embedded) => register(&embedded.sockets.load(), poll),
            Ports::Kernel { sockets, .. } => sockets
                .ports
                .iter()
                .try_for_each(|port| poll.add(port.socket.as_fd(), port.token)),
        }
    }

    pub fn owns(&self, token: Token) -> bool {
        match &self.ports {
            Ports::Embedded(embedded) => embedded
                .sockets
                .load()
                .all()
                .any(|(_, known)| known == token),
            Ports::Kernel { sockets, .. } => sockets.ports.iter().any(|port| port.token == token),
        }
    }

    /// Binds to the device anew if it went away and came back. To be called every second.
    pub fn follow_device(&self) {
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
            Ports::Embedded(embedded) => embedded.sockets.load().rebind_device(),
            Ports::Kernel { sockets, .. } => sockets.rebind_device(&self.interface),
        };
        if bound.is_ok() {
            self.index.store(index, Ordering::Relaxed);
        }
    }

    /// What a request of the userspace protocol wants of the sockets: all of it or nothing.
    pub fn change_sockets(&self, change: SocketChange, poll: &Poll) -> Result<u16, i32> {
        let Ports::Embedded(embedded) = &self.ports else {
            return Err(libc::EINVAL);
        };
        let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        let now = embedded.sockets.load_full();
        let mark = change.fwmark.unwrap_or(now.mark());
        match change.listen_port {
            Some(port) if port != now.port => {
                let sockets = OuterSockets::open(&now.device, port, mark).map_err(errno)?;
                let port = sockets.port;
                register(&sockets, poll).map_err(errno)?;
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

fn open_outer(uplink: &boundary::Uplink, port: u16, mark: u32) -> Result<OuterSockets, String> {
    OuterSockets::open(&uplink.device, port, mark)
        .map_err(|error| outer::explain(&uplink.key, &uplink.device, port, &error))
}

fn register(sockets: &OuterSockets, poll: &Poll) -> std::io::Result<()> {
    sockets
        .all()
        .try_for_each(|(socket, token)| poll.add(socket.as_fd(), token))
}
