//! State for those who ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use labelway_boundary::{AdjacencyState, LabelState, ListState, SegmentState, Snapshot};
use labelway_wireguard::DropReason as WireguardDrop;

use crate::shared::Shared;
use crate::uplink::{Ports, Uplink};
use crate::world::World;

/// What embedded devices that are gone had dropped: counters never go back.
#[derive(Default)]
pub struct RetiredDrops(BTreeMap<&'static str, u64>);

impl RetiredDrops {
    pub fn keep_of_gone(&mut self, before: &World, after: &World) {
        for uplink in &before.uplinks {
            if !after.uplinks.iter().any(|kept| Arc::ptr_eq(kept, uplink)) {
                add_wireguard(uplink, &mut self.0);
            }
        }
    }
}

pub fn snapshot(shared: &Shared, retired: &RetiredDrops) -> Snapshot {
    let world = shared.world.load();
    let world = world.as_deref();
    Snapshot {
        generation: world.map(|world| world.table.generation.clone()),
        uptime_millis: shared.now().as_millis() as u64,
        adjacencies: world
            .map(|world| adjacencies(shared, world))
            .unwrap_or_default(),
        lists: world.map(|world| lists(shared, world)).unwrap_or_default(),
        segments: world.map(segments).unwrap_or_default(),
        drops: drops(shared, world, retired),
        swaps: shared.swaps.load(Ordering::Relaxed),
    }
}

pub fn labels(world: &World) -> Vec<LabelState> {
    let states = world
        .table
        .labels
        .iter()
        .zip(&world.labels)
        .map(|(entry, hits)| LabelState {
            label: entry.label,
            packets: hits.packets(),
            bytes: hits.bytes(),
        });
    states.collect()
}

fn adjacencies(shared: &Shared, world: &World) -> Vec<AdjacencyState> {
    let now = shared.now();
    let states = world.table.adjacencies.iter().zip(&world.adjacencies);
    let states = states.map(|(wanted, adjacency)| AdjacencyState {
        key: wanted.key.clone(),
        quality: adjacency.prober.quality(now),
        remote_generation: adjacency
            .remote_generation
            .lock()
            .map(|generation| format!("{:016x}", u64::from_be_bytes(generation))),
        tx_packets: adjacency.sent.packets(),
        tx_bytes: adjacency.sent.bytes(),
        rx_packets: adjacency.received.packets(),
        rx_bytes: adjacency.received.bytes(),
    });
    states.collect()
}

fn lists(shared: &Shared, world: &World) -> Vec<ListState> {
    let now = shared.now();
    let states = world
        .table
        .lists
        .iter()
        .zip(&world.lists)
        .map(|(wanted, list)| {
            // Without labels it is the adjacency, and is as good as that.
            let adjacency = &world.adjacencies[wanted.adjacency as usize];
            let prober = list.prober.as_ref().unwrap_or(&adjacency.prober);
            ListState {
                key: wanted.key.clone(),
                quality: prober.quality(now),
                tx_packets: list.sent.packets(),
                tx_bytes: list.sent.bytes(),
            }
        });
    states.collect()
}

fn segments(world: &World) -> Vec<SegmentState> {
    let states = world
        .table
        .segments
        .iter()
        .zip(&world.segments)
        .map(|(wanted, segment)| SegmentState {
            name: wanted.name.clone(),
            ingress_packets: segment.ingress.packets(),
            ingress_bytes: segment.ingress.bytes(),
            egress_packets: segment.egress.packets(),
            egress_bytes: segment.egress.bytes(),
        });
    states.collect()
}

fn drops(shared: &Shared, world: Option<&World>, retired: &RetiredDrops) -> BTreeMap<String, u64> {
    let mut sum: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (name, count) in shared.drops.iter().flat_map(|drops| drops.read()) {
        *sum.entry(name).or_default() += count;
    }
    for reason in WireguardDrop::ALL {
        sum.insert(reason.name(), 0);
    }
    sum.insert("engine-fault", shared.faults.load(Ordering::Relaxed));
    for (name, count) in &retired.0 {
        *sum.entry(name).or_default() += count;
    }
    for uplink in world.map(|world| &world.uplinks[..]).unwrap_or_default() {
        add_wireguard(uplink, &mut sum);
    }
    sum.into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

fn add_wireguard(uplink: &Uplink, sum: &mut BTreeMap<&'static str, u64>) {
    let Ports::Embedded(embedded) = &uplink.ports else {
        return;
    };
    for reason in WireguardDrop::ALL {
        *sum.entry(reason.name()).or_default() += embedded.device.drops(*reason);
    }
}
