//! The control thread: answers `wg` on the userspace sockets, and sees links go down.

use std::os::fd::AsFd;

use labelway_wireguard::Now;

use crate::carrier::{ASK_EVERY, Devices, Links};
use crate::poll::{Events, Timer, Token, WAKE};
use crate::probe;
use crate::shared::Shared;
use crate::uapi::Client;
use crate::uplink::{Embedded, Ports, Uplink};
use crate::world::World;

struct Connection {
    client: Client,
    /// Name of the interface that it asks about; it may be gone by now.
    interface: String,
}

/// No client's: those are numbered from above it.
const LINKS: Token = 1;
const ASK: Token = 2;

pub fn run(shared: &Shared) {
    // Without it, probes find out what is down, only later.
    let links = Links::open()
        .ok()
        .filter(|links| shared.control.add(links.as_fd(), LINKS).is_ok());
    let asking = Timer::every(ASK_EVERY)
        .ok()
        .filter(|timer| shared.control.add(timer.as_fd(), ASK).is_ok());
    let mut devices = Devices::open();
    let mut connections: Vec<Connection> = Vec::new();
    let mut events = Events::with_capacity(64);
    while !shared.is_stopping() {
        shared
            .control
            .wait(&mut events)
            .expect("the epoll instance stays open");
        for token in events.tokens() {
            if token == WAKE {
                shared.control.drain_waker();
            } else if token == LINKS {
                if let Some(links) = &links {
                    links.drain();
                }
                follow_links(shared, &mut devices);
            } else if token == ASK {
                if let Some(timer) = &asking {
                    timer.drain();
                }
                follow_links(shared, &mut devices);
            } else if let Some(at) = connections.iter().position(|c| c.client.token == token) {
                if !serve(shared, &mut connections[at]) {
                    connections.swap_remove(at);
                }
            } else {
                accept(shared, token, &mut connections);
            }
        }
    }
}

/// What leaves by a device that has no carrier any more goes another way now.
fn follow_links(shared: &Shared, devices: &mut Devices) {
    let world = shared.world.load();
    let Some(world) = world.as_deref() else {
        return;
    };
    for (index, uplink) in world.table.uplinks.iter().enumerate() {
        if devices.has_stopped(&uplink.device) {
            probe::handle_link_down(world, index, shared.now());
        }
    }
}

fn serve(shared: &Shared, connection: &mut Connection) -> bool {
    // Not held longer than needed: a waiting client must not keep an old world alive.
    let Some(world) = shared.world.load_full() else {
        return false;
    };
    let Some((uplink, embedded)) = embedded(&world, |e| e.interface == connection.interface) else {
        return false;
    };
    connection.client.serve(|request| {
        embedded.device.uapi(Now::read(), request, |change| {
            uplink.change_sockets(change, &shared.underlay)
        })
    })
}

fn accept(shared: &Shared, token: Token, connections: &mut Vec<Connection>) {
    let world = shared.world.load();
    let Some(world) = world.as_deref() else {
        return;
    };
    let listens = |uplink: &Uplink| match &uplink.ports {
        Ports::Embedded(embedded) => embedded.listener.load().token == token,
        Ports::Kernel { .. } => false,
    };
    let Some((uplink, embedded)) = embedded(world, listens) else {
        return;
    };
    let listener = embedded.listener.load();
    while let Some(client) = listener.accept() {
        if shared.control.add(client.as_fd(), client.token).is_ok() {
            connections.push(Connection {
                client,
                interface: uplink.interface.clone(),
            });
        }
    }
}

fn embedded(world: &World, which: impl Fn(&Uplink) -> bool) -> Option<(&Uplink, &Embedded)> {
    let uplink = world.uplinks.iter().find(|uplink| which(uplink))?;
    match &uplink.ports {
        Ports::Embedded(embedded) => Some((uplink, embedded)),
        Ports::Kernel { .. } => None,
    }
}
