//! Asking neighbours what they measure on their adjacencies, and telling them what we do: a question
//! rides on a probe of the adjacency to them, its answer on the answer.

use std::collections::HashSet;
use std::time::Duration;

use labelway_boundary::{Liveness, ReportedAdjacency};
use labelway_measure::{ENTRIES, Reports, Scratch, Told};
use labelway_wire::stamp::{Report, ReportEntry, encode_report, encode_report_request};
use parking_lot::Mutex;

use super::prober::{Target, What};
use crate::world::World;

/// Between two answers: each takes the sums of up to [`ENTRIES`] sessions, on a thread that has
/// packets to forward.
const REST: Duration = Duration::from_millis(50);

/// What outlives tables.
#[derive(Default)]
pub struct Asking(Mutex<State>);

#[derive(Default)]
struct State {
    /// Keys of adjacencies whose far end is asked.
    asked: HashSet<String>,
    reports: Reports,
    answer_not_before: Duration,
}

impl Asking {
    /// From now on these are asked.
    pub fn set(&self, world: &World, keys: impl IntoIterator<Item = String>) {
        let mut state = self.0.lock();
        state.asked = keys.into_iter().collect();
        let sites: HashSet<u16> = world
            .table
            .adjacencies
            .iter()
            .filter(|adjacency| state.asked.contains(&adjacency.key))
            .filter_map(|adjacency| u16::try_from(adjacency.remote_site).ok())
            .collect();
        state.reports.keep(|site| sites.contains(&site));
    }

    /// What was told since it was taken last.
    pub fn take(&self) -> Vec<ReportedAdjacency> {
        let told = |Told { site, entry }: Told| ReportedAdjacency {
            site,
            local: entry.local,
            remote: entry.remote,
            is_up: entry.is_up,
            round_trip_micros: entry.round_trip_micros,
            jitter_micros: entry.jitter_micros,
            lost_forward: entry.lost_forward,
            lost_return: entry.lost_return,
            mtu: entry.mtu,
        };
        self.0.lock().reports.take().map(told).collect()
    }
}

/// Puts the question behind a probe in `out`, if it is the far end's turn; tells its length.
pub fn write_question(world: &World, target: &Target, out: &mut [u8], now: Duration) -> usize {
    let What::Adjacency(index) = target.what else {
        return 0;
    };
    let adjacency = &world.table.adjacencies[index];
    let mut state = world.asking.0.lock();
    let is_up = world.live.adjacency(index) == Liveness::Up;
    if !is_up || !state.asked.contains(&adjacency.key) {
        return 0;
    }
    let page = site(adjacency.remote_site).and_then(|site| state.reports.ask(site, now));
    page.and_then(|page| encode_report_request(page, ENTRIES, out).ok())
        .unwrap_or(0)
}

/// Puts a page behind an answer in `out`; tells its length. Without entries where there is no time
/// for them.
pub fn write_page(
    world: &World,
    (page, room): (u16, usize),
    out: &mut [u8],
    now: Duration,
) -> usize {
    let room = room.min(ENTRIES);
    let mut entries = Vec::new();
    let mut pages = 0;
    if is_time(world, now) {
        let count = world.table.adjacencies.len();
        pages = u16::try_from(count.div_ceil(ENTRIES)).unwrap_or(u16::MAX);
        let mut scratch = Scratch::new();
        let first = usize::from(page) * ENTRIES;
        entries.extend(
            (first..count)
                .take(room)
                .map(|index| entry(world, index, now, &mut scratch)),
        );
    }
    encode_report(page, pages, room, &entries, out).unwrap_or(0)
}

fn is_time(world: &World, now: Duration) -> bool {
    let mut state = world.asking.0.lock();
    let is_time = now >= state.answer_not_before;
    if is_time {
        state.answer_not_before = now + REST;
    }
    is_time
}

fn entry(world: &World, index: usize, now: Duration, scratch: &mut Scratch) -> ReportEntry {
    let adjacency = &world.table.adjacencies[index];
    let prober = &world.adjacencies[index].prober;
    let minute = prober.minute(now, scratch);
    let share = |part: Option<u64>, whole: u64| {
        part.filter(|_| whole > 0)
            .map(|part| part as f32 / whole as f32)
    };
    let reached = minute.sent - minute.lost_forward.unwrap_or(0).min(minute.sent);
    ReportEntry {
        local: world.table.uplinks[adjacency.uplink as usize].tunnel_address,
        remote: adjacency.remote_address,
        is_up: world.live.adjacency(index) == Liveness::Up,
        round_trip_micros: minute.round_trip.map(|trip| trip.p50),
        jitter_micros: minute.jitter_micros,
        lost_forward: share(minute.lost_forward, minute.sent),
        lost_return: share(minute.lost_return, reached),
        mtu: prober.mtu(),
    }
}

/// Takes the page that came with an answer over this adjacency.
pub fn take_page(world: &World, adjacency: usize, report: Report<'_>, now: Duration) {
    if let Some(site) = site(world.table.adjacencies[adjacency].remote_site) {
        let mut state = world.asking.0.lock();
        state.reports.handle_report(site, report, now);
    }
}

fn site(sid: u32) -> Option<u16> {
    u16::try_from(sid).ok()
}
