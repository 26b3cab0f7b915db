//! The control thread: answers `wg` on the userspace sockets.

use std::os::fd::AsFd;

use labelway_wireguard::Now;

use crate::poll::{Events, Token, WAKE};
use crate::shared::Shared;
use crate::uapi::Client;
use crate::uplink::{Embedded, Ports, Uplink};
use crate::world::World;

struct Connection {
    client: Client,
    /// Name of the interface that it asks about; it may be gone by now.
    interface: String,
}

pub fn run(shared: &Shared) {
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
