//! How this router's sessions are named in their probes, whatever way answers come back.

use std::net::Ipv4Addr;

use labelway_wire::stamp::SessionName;

use super::STAMP_PORTS;
use super::prober::{Target, What};
use crate::world::World;

pub fn of_target(world: &World, target: &Target) -> SessionName {
    let (sender, reflector) = match target.what {
        What::Adjacency(index) => {
            let wanted = &world.table.adjacencies[index];
            let uplink = &world.table.uplinks[wanted.uplink as usize];
            (uplink.tunnel_address, wanted.remote_address)
        }
        What::List(index) => {
            let list = &world.table.lists[index];
            let sender = own_address(world, list.adjacency as usize);
            (sender, list.probe_address)
        }
    };
    SessionName {
        sender,
        reflector,
        sender_port: STAMP_PORTS.sender,
        session: target.prober.ssid,
    }
}

/// Its padded probes, which have the session's identifier.
pub fn of_sized(world: &World, target: &Target) -> SessionName {
    SessionName {
        sender_port: STAMP_PORTS.sized,
        ..of_target(world, target)
    }
}

/// What an answer is sent to: the loopback, or the tunnel address of a site without one.
fn own_address(world: &World, adjacency: usize) -> Ipv4Addr {
    let uplink = world.adjacencies[adjacency].uplink;
    world
        .table
        .site
        .loopback4
        .unwrap_or(world.table.uplinks[uplink].tunnel_address)
}
