//! How this router's sessions are named in their probes, whatever way answers come back.

use std::net::Ipv4Addr;

use labelway_wire::stamp::SessionName;

use super::STAMP_PORTS;
use super::prober::{Target, What};
use crate::world::World;

pub fn of_target(world: &World, target: &Target) -> SessionName {
    let session = target.prober.ssid;
    match target.what {
        What::Adjacency(index) => SessionName {
            sender_port: STAMP_PORTS.sender,
            ..of_sized(world, index, session)
        },
        What::List(index) => {
            let list = &world.table.lists[index];
            SessionName {
                sender: own_address(world, list.adjacency as usize),
                reflector: list.probe_address,
                sender_port: STAMP_PORTS.sender,
                session,
            }
        }
    }
}

/// The padded probes of an adjacency, which have its session's identifier.
pub fn of_sized(world: &World, adjacency: usize, session: u16) -> SessionName {
    let wanted = &world.table.adjacencies[adjacency];
    SessionName {
        sender: world.table.uplinks[wanted.uplink as usize].tunnel_address,
        reflector: wanted.remote_address,
        sender_port: STAMP_PORTS.sized,
        session,
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
