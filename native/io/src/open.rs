//! Opens what a table wants and nobody has open yet. What was opened closes by itself when dropped.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use labelway_boundary::{self as boundary, Table};

use crate::outer::OuterSockets;
use crate::shared::Shared;
use crate::tun::Tun;
use crate::uplink::{Ports, Uplink};
use crate::world::World;

/// An uplink, and the sockets on another device that it is to take.
pub type Moved = (Arc<Uplink>, OuterSockets);

pub fn uplinks(
    uapi_folder: &Path,
    table: &Table,
    before: Option<&World>,
    shared: &Shared,
    problems: &mut Vec<String>,
) -> (Vec<Arc<Uplink>>, Vec<Moved>) {
    let mut names = HashSet::new();
    let (mut uplinks, mut moved) = (Vec::new(), Vec::new());
    for wanted in &table.uplinks {
        if !names.insert(&wanted.interface) {
            problems.push(format!(
                "Two uplinks have the interface {}",
                wanted.interface
            ));
            continue;
        }
        let open =
            before.and_then(|before| before.uplinks.iter().find(|uplink| uplink.serves(wanted)));
        let opened = match open {
            Some(uplink) => uplink.moved(wanted, &shared.underlay).map(|sockets| {
                moved.extend(sockets.map(|sockets| (uplink.clone(), sockets)));
                uplink.clone()
            }),
            None => open_uplink(uapi_folder, wanted, shared),
        };
        match opened {
            Ok(uplink) => uplinks.push(uplink),
            Err(problem) => problems.push(problem),
        }
    }
    (uplinks, moved)
}

fn open_uplink(
    uapi_folder: &Path,
    wanted: &boundary::Uplink,
    shared: &Shared,
) -> Result<Arc<Uplink>, String> {
    let uplink = Uplink::open(wanted, uapi_folder, shared.underlay.len())?;
    let mut watched = uplink.register(&shared.underlay);
    if let Ports::Embedded(embedded) = &uplink.ports {
        let listener = embedded.listener.load();
        watched = watched.and_then(|()| shared.control.add(listener.as_fd(), listener.token));
    }
    watched.map_err(|error| format!("Cannot watch uplink {}: {error}", wanted.key))?;
    Ok(Arc::new(uplink))
}
pub fn tuns(
    table: &Table,
    before: Option<&World>,
    shared: &Shared,
    problems: &mut Vec<String>,
) -> Vec<Arc<Tun>> {
    let mut tuns: Vec<Arc<Tun>> = Vec::new();
    for wanted in &table.segments {
        if tuns.iter().any(|tun| tun.name == wanted.tun) {
            problems.push(format!("Two segments have the TUN {}", wanted.tun));
            continue;
        }
        let open = before.and_then(|before| {
            let mut open = before.segments.iter().map(|segment| &segment.tun);
            open.find(|tun| tun.name == wanted.tun && !tun.lost.load(Ordering::Relaxed))
        });
        if let Some(tun) = open {
            tuns.push(tun.clone());
            continue;
        }
        let (queues, writers) = (shared.ingress.len(), shared.underlay.len());
        let opened = Tun::create(&wanted.tun, wanted.mtu, queues, writers).and_then(|tun| {
            let mut each = tun.queues().iter().zip(&shared.ingress);
            let watched = each.try_for_each(|(queue, poll)| poll.add(queue.as_fd(), queue.token));
            watched.map_err(|error| format!("Cannot watch TUN {}: {error}", wanted.tun))?;
            Ok(tun)
        });
        match opened {
            Ok(tun) => tuns.push(Arc::new(tun)),
            Err(problem) => problems.push(problem),
        }
    }
    tuns
}

/// Sets another MTU on those TUNs that stay; all of them or, as far as the system lets us, none.
pub fn resize(
    table: &Table,
    before: Option<&World>,
    tuns: &[Arc<Tun>],
    problems: &mut Vec<String>,
) {
    let Some(before) = before else { return };
    let mut done: Vec<(&Tun, u32)> = Vec::new();
    for (wanted, tun) in table.segments.iter().zip(tuns) {
        let index = before
            .segments
            .iter()
            .position(|segment| Arc::ptr_eq(&segment.tun, tun));
        let Some(index) = index else { continue };
        let mtu = before.table.segments[index].mtu;
        if mtu == wanted.mtu {
            continue;
        }
        match tun.set_mtu(wanted.mtu) {
            Ok(()) => done.push((tun, mtu)),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        for (tun, mtu) in done {
            let _ = tun.set_mtu(mtu);
        }
    }
}
