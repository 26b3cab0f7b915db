//! From a table to a world: what stays is shared, what is new is opened, or nothing at all is done.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use labelway_boundary::{self as boundary, Table};
use labelway_forward::{ENCAPSULATION_BYTES, Fib, Live};
use labelway_measure::Sessions as Answered;
use labelway_wireguard::PublicKey;
use parking_lot::Mutex;

use crate::counters::Traffic;
use crate::open::{self, Moved};
use crate::probe::{Bfd, Judge, Places, Prober, Target, Timers, What};
use crate::shared::Shared;
use crate::tun::Tun;
use crate::world::{Adjacency, List, Segment, World};

pub struct Builder {
    uapi_folder: PathBuf,
    next_ssid: u16,
    next_bfd: u16,
}

/// A world that is ready to be used, and the sockets that uplinks on another device take then.
pub struct Built {
    pub world: World,
    pub moved: Vec<Moved>,
}

impl Builder {
    pub fn new(uapi_folder: PathBuf) -> Self {
        Builder {
            uapi_folder,
            next_ssid: 0,
            next_bfd: 0,
        }
    }

    /// What was opened closes again by itself when something fails.
    pub fn build(
        &mut self,
        table: &Table,
        before: Option<&World>,
        shared: &Shared,
    ) -> Result<Built, Vec<String>> {
        let fib = Fib::compile(table)?;
        let generation = parse_generation(&table.generation).map_err(|problem| vec![problem])?;
        let adjacency_count = table.adjacencies.len();
        let probed = adjacency_count + table.lists.iter().filter(|l| is_probed(l)).count();
        if probed >= usize::from(u16::MAX) {
            return Err(vec![format!(
                "Cannot probe {probed} adjacencies and segment lists: at most 65534 fit the STAMP \
                 session identifier"
            )]);
        }
        let mut problems = Vec::new();
        let (uplinks, moved) =
            open::uplinks(&self.uapi_folder, table, before, shared, &mut problems);
        let tuns = open::tuns(table, before, shared, &mut problems);
        if problems.is_empty() {
            open::resize(table, before, &tuns, &mut problems);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let timers = Timers::from(&table.probe);
        let mut sessions = Sessions::new(self, before, shared.now());
        let slots = shared.threads.count();
        let adjacencies = adjacencies(table, before, &mut sessions, slots)?;
        let lists = lists(table, before, &mut sessions, slots);
        let targets = targets(&adjacencies, &lists);
        let world = World {
            fib,
            live: Live::next(before.map(|before| &before.live), table),
            generation,
            timers,
            by_peer: by_peer(uplinks.len(), &adjacencies),
            uplinks,
            by_tun: tuns
                .iter()
                .enumerate()
                .flat_map(|(index, tun)| tun.queues().iter().map(move |queue| (queue.token, index)))
                .collect(),
            segments: segments(table, before, tuns, slots),
            by_ssid: targets
                .iter()
                .enumerate()
                .map(|(at, t)| (t.prober.ssid, at))
                .collect(),
            labels: label_counters(table, before, slots),
            adjacencies,
            lists,
            places: Places::new(table),
            targets,
            table: table.clone(),
            reflector: before.map_or_else(reflector, |before| before.reflector.clone()),
            asking: before.map_or_else(Arc::default, |before| before.asking.clone()),
            authentication: shared.authentication.clone(),
        };
        Ok(Built { world, moved })
    }
}

/// Keeps sessions by key and names new ones.
struct Sessions<'b> {
    builder: &'b mut Builder,
    taken: HashSet<u16>,
    now: Duration,
}

impl<'b> Sessions<'b> {
    fn new(builder: &'b mut Builder, before: Option<&World>, now: Duration) -> Self {
        let targets = before.map(|before| &before.targets[..]).unwrap_or_default();
        let taken = targets.iter().map(|target| target.prober.ssid).collect();
        Sessions {
            builder,
            taken,
            now,
        }
    }

    fn start(&mut self, judge: Judge) -> Arc<Prober> {
        loop {
            // Not 0, which is for senders that do not use it (RFC 8972 §3).
            self.builder.next_ssid = self.builder.next_ssid.wrapping_add(1).max(1);
            if self.taken.insert(self.builder.next_ssid) {
                break;
            }
        }
        Arc::new(Prober::new(self.builder.next_ssid, judge, self.now))
    }

    /// Source ports repeat after 16,384 sessions: they are told apart by the adjacency that they
    /// come over.
    fn start_bfd(&mut self, timers: &boundary::BfdTimers) -> Arc<Bfd> {
        self.builder.next_bfd = self.builder.next_bfd.wrapping_add(1);
        Arc::new(Bfd::new(self.builder.next_bfd, timers, self.now))
    }
}

fn adjacencies(
    table: &Table,
    before: Option<&World>,
    sessions: &mut Sessions<'_>,
    slots: usize,
) -> Result<Vec<Adjacency>, Vec<String>> {
    let count = || Traffic::new(slots, table.adjacencies.len());
    let known: HashMap<&str, &Adjacency> = before.map_or_else(HashMap::new, |before| {
        let keys = before
            .table
            .adjacencies
            .iter()
            .map(|adjacency| adjacency.key.as_str());
        keys.zip(&before.adjacencies).collect()
    });
    let build = |wanted: &boundary::Adjacency| {
        let known = known.get(wanted.key.as_str());
        let peer = PublicKey::from_base64(&wanted.remote_key).ok_or_else(|| {
            vec![format!(
                "Adjacency {} has no public key: {:?}",
                wanted.key, wanted.remote_key
            )]
        })?;
        Ok(Adjacency {
            uplink: wanted.uplink as usize,
            peer,
            room: wanted.mtu as usize + ENCAPSULATION_BYTES,
            sent: known.map_or_else(count, |known| known.sent.clone()),
            received: known.map_or_else(count, |known| known.received.clone()),
            prober: match known {
                Some(known) => known.prober.clone(),
                None => sessions.start(Judge::Bfd),
            },
            bfd: match known {
                Some(known) => {
                    known.bfd.configure(&table.bfd);
                    known.bfd.clone()
                }
                None => sessions.start_bfd(&table.bfd),
            },
            remote_generation: known
                .map(|known| known.remote_generation.clone())
                .unwrap_or_default(),
        })
    };
    table.adjacencies.iter().map(build).collect()
}

fn lists(
    table: &Table,
    before: Option<&World>,
    sessions: &mut Sessions<'_>,
    slots: usize,
) -> Vec<List> {
    let count = || Traffic::new(slots, table.lists.len());
    let known: HashMap<&str, &List> = before.map_or_else(HashMap::new, |before| {
        let keys = before.table.lists.iter().map(|list| list.key.as_str());
        keys.zip(&before.lists).collect()
    });
    let build = |wanted: &boundary::SegmentList| {
        let known = known.get(wanted.key.as_str());
        List {
            sent: known.map_or_else(count, |known| known.sent.clone()),
            prober: is_probed(wanted).then(|| {
                known
                    .and_then(|known| known.prober.clone())
                    .unwrap_or_else(|| sessions.start(Judge::Probes))
            }),
            suspicion: known
                .map(|known| known.suspicion.clone())
                .unwrap_or_default(),
        }
    };
    table.lists.iter().map(build).collect()
}

/// A list without labels is one adjacency, which is probed already.
fn is_probed(list: &boundary::SegmentList) -> bool {
    !list.labels.is_empty()
}

fn targets(adjacencies: &[Adjacency], lists: &[List]) -> Vec<Target> {
    let adjacencies = adjacencies
        .iter()
        .enumerate()
        .map(|(index, adjacency)| Target {
            what: What::Adjacency(index),
            prober: adjacency.prober.clone(),
        });
    let lists = lists.iter().enumerate().filter_map(|(index, list)| {
        let prober = list.prober.clone()?;
        Some(Target {
            what: What::List(index),
            prober,
        })
    });
    adjacencies.chain(lists).collect()
}

fn reflector() -> Arc<Mutex<Answered>> {
    Arc::new(Mutex::new(Answered::new(Answered::USUAL_LIMIT)))
}

fn by_peer(uplinks: usize, adjacencies: &[Adjacency]) -> Vec<HashMap<PublicKey, usize>> {
    let mut by_peer = vec![HashMap::new(); uplinks];
    for (index, adjacency) in adjacencies.iter().enumerate() {
        by_peer[adjacency.uplink].insert(adjacency.peer, index);
    }
    by_peer
}

fn segments(
    table: &Table,
    before: Option<&World>,
    tuns: Vec<Arc<Tun>>,
    slots: usize,
) -> Vec<Segment> {
    let count = || Traffic::new(slots, table.segments.len());
    let known: HashMap<&str, &Segment> = before.map_or_else(HashMap::new, |before| {
        let names = before
            .table
            .segments
            .iter()
            .map(|segment| segment.name.as_str());
        names.zip(&before.segments).collect()
    });
    let build = |(wanted, tun): (&boundary::Segment, Arc<Tun>)| {
        let known = known.get(wanted.name.as_str());
        Segment {
            tun,
            ingress: known.map_or_else(count, |known| known.ingress.clone()),
            egress: known.map_or_else(count, |known| known.egress.clone()),
        }
    };
    table.segments.iter().zip(tuns).map(build).collect()
}

fn label_counters(table: &Table, before: Option<&World>, slots: usize) -> Vec<Traffic> {
    let count = || Traffic::new(slots, table.labels.len());
    let counter = |label: u32| {
        let before = before?;
        let index = before
            .table
            .labels
            .binary_search_by_key(&label, |entry| entry.label)
            .ok()?;
        Some(before.labels[index].clone())
    };
    table
        .labels
        .iter()
        .map(|entry| counter(entry.label).unwrap_or_else(count))
        .collect()
}

fn parse_generation(text: &str) -> Result<[u8; 8], String> {
    let digits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    match u64::from_str_radix(text, 16) {
        Ok(number) if digits => Ok(number.to_be_bytes()),
        _ => Err(format!(
            "The table's generation is {text:?}: 16 lower-case hexadecimal digits are meant"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations() {
        assert_eq!(
            parse_generation("0123456789abcdef"),
            Ok(0x0123_4567_89ab_cdefu64.to_be_bytes())
        );
        for wrong in [
            "",
            "0123456789ABCDEF",
            "+123456789abcdef",
            "0123456789abcde",
            "é23456789abcde",
        ] {
            assert!(parse_generation(wrong).is_err(), "{wrong}");
        }
    }
}
