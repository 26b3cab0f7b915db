//! State for those who ask.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use labelway_boundary::{
    AdjacencyState, LabelState, ListState, Looks, Measured, SegmentState, Snapshot, ThreadState,
};
use labelway_measure::Scratch;
use labelway_wire::LABEL_BYTES;
use labelway_wireguard::DropReason as WireguardDrop;

use crate::counters::Traffic;
use crate::probe::What;
use crate::shared::Shared;
use crate::threads::{Thread, Threads};
use crate::uplink::{Ports, Uplink};
use crate::world::World;

/// What was counted by parts that are gone: counters that sum over parts never go back.
#[derive(Default)]
pub struct Retired {
    /// Of embedded devices.
    drops: BTreeMap<&'static str, u64>,
    /// Packets and bytes taken by each thread, from segments and adjacencies.
    taken: Vec<(u64, u64)>,
}

impl Retired {
    /// Keeps the drops of what has no place in the next world. Gives the counters of what was taken
    /// there, to be kept when nobody counts any more.
    pub fn part_with(&mut self, before: &World, after: &World) -> Vec<Traffic> {
        for uplink in &before.uplinks {
            if !after.uplinks.iter().any(|kept| Arc::ptr_eq(kept, uplink)) {
                add_wireguard(uplink, &mut self.drops);
            }
        }
        let kept: HashSet<_> = taken(after).map(Traffic::identity).collect();
        let gone = taken(before).filter(|traffic| !kept.contains(&traffic.identity()));
        gone.cloned().collect()
    }

    pub fn keep(&mut self, threads: &Threads, gone: &[Traffic]) {
        self.taken.resize(threads.count(), (0, 0));
        for thread in threads.all() {
            let before = self.taken[thread.slot];
            self.taken[thread.slot] = sum(gone.iter(), thread, before);
        }
    }
}

/// Counters of what threads take: ingress threads from segments, underlay threads from adjacencies.
fn taken(world: &World) -> impl Iterator<Item = &Traffic> {
    let segments = world.segments.iter().map(|segment| &segment.ingress);
    segments.chain(
        world
            .adjacencies
            .iter()
            .map(|adjacency| &adjacency.received),
    )
}

fn sum<'t>(
    counters: impl Iterator<Item = &'t Traffic>,
    thread: Thread,
    before: (u64, u64),
) -> (u64, u64) {
    counters.fold(before, |(packets, bytes), traffic| {
        let (more, more_bytes) = traffic.of(thread);
        (packets + more, bytes + more_bytes)
    })
}

pub fn snapshot(shared: &Shared, retired: &Retired) -> Snapshot {
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
        threads: threads(shared, world, retired),
        drops: drops(shared, world, retired),
        swaps: shared.swaps.load(Ordering::Relaxed),
    }
}

pub fn looks(shared: &Shared) -> Looks {
    let (world, now) = (shared.world.load(), shared.now());
    let mut scratch = Scratch::new();
    let targets = world.as_deref().into_iter().flat_map(|world| {
        let targets = world.targets.iter();
        targets.map(move |target| (target.key(world), &target.prober))
    });
    Looks {
        uptime_millis: now.as_millis() as u64,
        looks: targets
            .filter_map(|(key, prober)| prober.look(key, now, &mut scratch))
            .collect(),
        reported: world
            .as_deref()
            .map(|world| world.asking.take())
            .unwrap_or_default(),
    }
}

pub fn measured(shared: &Shared) -> Vec<Measured> {
    let (world, now) = (shared.world.load(), shared.now());
    let mut scratch = Scratch::new();
    let Some(world) = world.as_deref() else {
        return Vec::new();
    };
    let targets = world.targets.iter();
    targets
        .map(|target| {
            let key = target.key(world);
            let measured = target.prober.measured(key, now, &mut scratch);
            let mtu = match target.what {
                // Less the service label, which is the whole stack there.
                What::Adjacency(_) => measured.mtu.map(|mtu| mtu - LABEL_BYTES as u16),
                What::List(_) => measured.mtu,
            };
            Measured { mtu, ..measured }
        })
        .collect()
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
    let mut scratch = Scratch::new();
    let states = world.table.adjacencies.iter().zip(&world.adjacencies);
    let states = states.map(|(wanted, adjacency)| AdjacencyState {
        key: wanted.key.clone(),
        quality: adjacency.prober.quality(now, &mut scratch),
        bfd: adjacency.bfd.state(),
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
    let mut scratch = Scratch::new();
    let states =
        world
            .table
            .lists
            .iter()
            .zip(&world.lists)
            .enumerate()
            .map(|(index, (wanted, list))| {
                // Without labels it is the adjacency, and is as good as that.
                let adjacency = &world.adjacencies[wanted.adjacency as usize];
                let prober = list.prober.as_ref().unwrap_or(&adjacency.prober);
                ListState {
                    key: wanted.key.clone(),
                    quality: prober.quality(now, &mut scratch),
                    suspect: world.live.is_suspect(index),
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

fn threads(shared: &Shared, world: Option<&World>, retired: &Retired) -> Vec<ThreadState> {
    let states = shared.threads.all().map(|thread| {
        let before = retired.taken.get(thread.slot).copied().unwrap_or_default();
        let counters = world.into_iter().flat_map(taken);
        let (packets, bytes) = sum(counters, thread, before);
        ThreadState {
            name: shared.threads.name(thread),
            direction: thread.direction,
            number: thread.number as u32,
            packets,
            bytes,
        }
    });
    states.collect()
}

fn drops(shared: &Shared, world: Option<&World>, retired: &Retired) -> BTreeMap<String, u64> {
    let mut sum: BTreeMap<&'static str, u64> = BTreeMap::new();
    for (name, count) in shared.all_drops().iter().flat_map(|drops| drops.read()) {
        *sum.entry(name).or_default() += count;
    }
    for reason in WireguardDrop::ALL {
        sum.insert(reason.name(), 0);
    }
    sum.insert("engine-fault", shared.faults.load(Ordering::Relaxed));
    for (name, count) in &retired.drops {
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
