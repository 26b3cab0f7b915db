//! How often each session probes: by what it is for, within a budget for all of them.

use std::collections::HashMap;
use std::time::Duration;

use labelway_boundary::{ProbeRank, ProbedPath, Probing};
use labelway_forward::ENCAPSULATION_BYTES;
use labelway_measure::{Budget, Intervals, Path, PathId, Rank, Schedule};
use labelway_wire::LABEL_BYTES;
use labelway_wire::stamp::{
    AUTHENTICATED_STAMP_BYTES, STAMP_BYTES, class_of_service_len, direct_measurement_len,
    generation_len, hmac_len, return_path_len,
};

use super::prober::{Target, Way, What};
use super::sizing;
use crate::world::World;

/// What is to be probed how often, by key.
pub type Named = HashMap<String, ProbedPath>;

/// What all sessions of this router may take. 10,000 packets and 5 Mbit a second are meant for a
/// gateway among 1,000 sites with 4 paths to each; half of them are for the probes of the others,
/// which it answers, and a tenth for what may go at once after a pause.
const BUDGET: Budget = Budget {
    packets_per_second: 4_500,
    bits_per_second: 2_250_000,
};
/// In so many parts the ranks of sessions are looked at: all in 100 ms with a tick of 10 ms, and no
/// packet waits long for thousands of them.
const PARTS: usize = 10;
/// A list is in use for so long after a customer's packet went onto it.
const IN_USE: Duration = Duration::from_secs(1);

/// Decides when which session probes. Randomness is handed in.
pub struct Pacing {
    schedule: Schedule,
    /// By STAMP session identifier, which outlives tables.
    paced: HashMap<u16, Paced>,
    sessions: HashMap<PathId, u16>,
    round: u64,
    /// The part of the round that is next.
    part: usize,
    /// Where the search for a sized probe begins: among what is in use, and among all.
    next_size: [usize; 2],
    /// Whether what is in use had the last turn.
    in_use_had: bool,
}

struct Paced {
    id: PathId,
    path: Path,
    /// The last round that it was part of.
    round: u64,
    /// Customers' packets so far, and when they last became more.
    carried: u64,
    carried_at: Option<Duration>,
}

/// What a session's rank follows from.
struct Standing<'a> {
    is_adjacency: bool,
    named: Option<&'a ProbedPath>,
    /// Nobody has named anything yet.
    untold: bool,
    carries: bool,
    is_pending: bool,
}

impl Pacing {
    /// `interval` is that of what is in use.
    pub fn new(interval: Duration, now: Duration) -> Self {
        Pacing {
            schedule: Schedule::new(intervals(interval), BUDGET, now),
            paced: HashMap::new(),
            sessions: HashMap::new(),
            round: 0,
            part: 0,
            next_size: [0; 2],
            in_use_had: false,
        }
    }

    /// Follows the table and what has changed with its sessions: a part of them with each call, all
    /// within a round. To be called with every tick; tells when a round is complete.
    pub fn follow(
        &mut self,
        world: &World,
        named: Option<&Named>,
        now: Duration,
        random: &mut dyn FnMut() -> u32,
    ) -> bool {
        self.schedule.configure(intervals(world.timers.interval));
        let sealed = world.authentication.load().sends();
        let part = world.targets.iter().skip(self.part).step_by(PARTS);
        for target in part {
            let named_one = named.and_then(|named| named.get(target.key(world)));
            // 0 is taken as TC 0 alone.
            let classes = named_one.map_or(1, |named| named.classes.max(1));
            let (carried, bytes) = describe(world, target, classes, sealed);
            let carries = self.carries(target.prober.ssid, carried, now);
            let rank = rank(&Standing {
                is_adjacency: matches!(target.what, What::Adjacency(_)),
                named: named_one,
                untold: named.is_none(),
                carries,
                is_pending: target.prober.is_pending(now),
            });
            let path = Path {
                rank,
                bytes,
                classes,
            };
            self.pace(target.prober.ssid, path, carried, now, random);
        }
        self.part = (self.part + 1) % PARTS;
        let complete = self.part == 0;
        if complete {
            self.end_round();
        }
        complete
    }

    /// The next session that is due, by its identifier, and the class that it probes; none for now.
    pub fn poll(&mut self, now: Duration, random: &mut dyn FnMut() -> u32) -> Option<(u16, u8)> {
        let due = self.schedule.poll(now, random)?;
        let session = self.sessions.get(&due.path)?;
        Some((*session, due.class))
    }

    /// How long nothing is due of what has to go between two ticks; none: the next tick will do.
    pub fn rest(&mut self, now: Duration) -> Option<Duration> {
        if !self.schedule.is_urgent() {
            return None;
        }
        let next = self.schedule.next_timeout()?;
        Some(next.saturating_sub(now))
    }

    /// A session of which a sized probe is due and within the budget: in turn what is in use, so that
    /// thousands of others do not keep it waiting, and whatever there is. To be asked once a round: of
    /// all sizes together ten a second, a twentieth of the budget.
    pub fn poll_size<'w>(&mut self, world: &'w World, now: Duration) -> Option<&'w Target> {
        self.in_use_had = !self.in_use_had;
        let in_use = match self.in_use_had {
            true => self.due_size(world, true, now),
            false => None,
        };
        let due = in_use.or_else(|| self.due_size(world, false, now))?;
        self.next_size[usize::from(in_use.is_none())] = due + 1;
        let target = &world.targets[due];
        let adjacency = target.way(world).adjacency;
        // At most: the answer is small.
        let sealed = world.authentication.load().sends();
        let bytes = world.adjacencies[adjacency].room as u32 + describe(world, target, 1, sealed).1;
        self.schedule.take(bytes, now).then_some(target)
    }

    fn due_size(&self, world: &World, in_use: bool, now: Duration) -> Option<usize> {
        let count = world.targets.len();
        let first = self.next_size[usize::from(!in_use)];
        let mut all = (0..count).map(|step| (first + step) % count);
        all.find(|index| {
            let target = &world.targets[*index];
            (!in_use || self.is_in_use(target)) && sizing::is_due(world, target, now)
        })
    }

    fn is_in_use(&self, target: &Target) -> bool {
        let paced = self.paced.get(&target.prober.ssid);
        paced.is_some_and(|paced| paced.path.rank <= Rank::InUse)
    }

    fn carries(&mut self, session: u16, carried: u64, now: Duration) -> bool {
        let Some(paced) = self.paced.get_mut(&session) else {
            return false;
        };
        if carried != paced.carried {
            paced.carried = carried;
            paced.carried_at = Some(now);
        }
        paced
            .carried_at
            .is_some_and(|at| now.saturating_sub(at) < IN_USE)
    }

    fn pace(
        &mut self,
        session: u16,
        path: Path,
        carried: u64,
        now: Duration,
        random: &mut dyn FnMut() -> u32,
    ) {
        if let Some(paced) = self.paced.get_mut(&session) {
            paced.round = self.round;
            paced.path = path;
            self.schedule.update(paced.id, path, now, random);
            return;
        }
        let id = self.schedule.insert(path, now, random);
        self.sessions.insert(id, session);
        let paced = Paced {
            id,
            path,
            round: self.round,
            carried,
            carried_at: None,
        };
        self.paced.insert(session, paced);
    }

    /// Gives up the sessions that the table has no more. One that was passed over because the table
    /// changed within the round comes with the next.
    fn end_round(&mut self) {
        self.paced.retain(|_, paced| {
            let stays = paced.round + 1 >= self.round;
            if !stays {
                self.schedule.remove(paced.id);
                self.sessions.remove(&paced.id);
            }
            stays
        });
        self.round += 1;
    }
}

/// The names of what is to be probed.
pub fn by_key(probing: Probing) -> Named {
    let paths = probing.paths.into_iter();
    paths.map(|path| (path.key.clone(), path)).collect()
}

/// At 100 ms: five misses of what is in use are seen within a second, a candidate has two probes a
/// second, and the rest is looked at every 5 s.
fn intervals(interval: Duration) -> Intervals {
    let usual = Intervals::default();
    Intervals {
        closest: usual.closest.min(interval),
        closer: usual.closer.min(interval),
        in_use: interval,
        candidate: interval * 5,
        rest: interval * 50,
    }
}

fn rank(standing: &Standing<'_>) -> Rank {
    let wanted = match standing.named.map(|named| named.rank) {
        Some(ProbeRank::Closest) => Rank::Closest,
        Some(ProbeRank::Closer) => Rank::Closer,
        Some(ProbeRank::InUse) => Rank::InUse,
        Some(ProbeRank::Candidate) => Rank::Candidate,
        Some(ProbeRank::Rest) => Rank::Rest,
        None if standing.untold => Rank::InUse,
        None => Rank::Candidate,
    };
    // Whoever may be sent over an adjacency has to know early that it fails; so has a list's user.
    let matters = standing.is_adjacency || standing.carries || standing.is_pending;
    if matters {
        wanted.min(Rank::InUse)
    } else {
        wanted
    }
}

/// The customers' packets that went a session's way, and the bytes that a probe and its answer take
/// on the underlay.
fn describe(world: &World, target: &Target, classes: u8, sealed: bool) -> (u64, u32) {
    let Way {
        labels,
        return_labels,
        ..
    } = target.way(world);
    let carried = match target.what {
        What::Adjacency(_) => 0,
        What::List(index) => world.lists[index].sent.packets(),
    };
    let bytes = probe_bytes(labels.len(), return_labels.len(), classes, sealed);
    (carried, bytes)
}

/// With all headers, the outer one as IPv6. `sealed`: in authenticated mode.
fn probe_bytes(labels: usize, return_labels: usize, classes: u8, sealed: bool) -> u32 {
    const INNER: usize = 20 + 8;
    const OUTER: usize = 40 + 8 + 32;
    const WIREGUARD_PADDING: usize = 16;
    let labelled = |labels: usize| match labels {
        0 => 0,
        labels => ENCAPSULATION_BYTES + (labels + 1) * LABEL_BYTES,
    };
    let asks = if return_labels == 0 {
        0
    } else {
        return_path_len(return_labels)
    };
    // Where counters are compared, that is on adjacencies.
    let carried = if labels == 0 {
        direct_measurement_len()
    } else {
        0
    };
    let class = if classes == 1 {
        0
    } else {
        class_of_service_len()
    };
    let stamp = if sealed {
        AUTHENTICATED_STAMP_BYTES + hmac_len()
    } else {
        STAMP_BYTES
    };
    let packet = INNER + stamp + generation_len() + class + carried;
    let probe = (labelled(labels) + packet + asks).next_multiple_of(WIREGUARD_PADDING);
    let answer = (labelled(return_labels) + packet).next_multiple_of(WIREGUARD_PADDING);
    (2 * OUTER + probe + answer) as u32
}

#[cfg(test)]
mod tests;
