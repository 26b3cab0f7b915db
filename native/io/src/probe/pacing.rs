//! How often each session probes: by what it is for, within a budget for all of them.

use std::collections::HashMap;
use std::time::Duration;

use labelway_boundary::{ProbeRank, ProbedPath, Probing};
use labelway_forward::ENCAPSULATION_BYTES;
use labelway_measure::{Budget, Intervals, Path, PathId, Rank, Schedule};
use labelway_wire::LABEL_BYTES;
use labelway_wire::stamp::{
    STAMP_BYTES, class_of_service_len, direct_measurement_len, generation_len, return_path_len,
};

use super::prober::{Target, What};
use super::sizing::is_due as is_size_due;
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
/// Ranks of sessions are looked at as often.
const ROUND: Duration = Duration::from_millis(100);
/// A list is in use for so long after a customer's packet went onto it.
const IN_USE: Duration = Duration::from_secs(1);

/// Decides when which session probes. Randomness is handed in.
pub struct Pacing {
    schedule: Schedule,
    /// By STAMP session identifier, which outlives tables.
    paced: HashMap<u16, Paced>,
    sessions: HashMap<PathId, u16>,
    round: u64,
    next_round: Duration,
    /// Where the search for an adjacency with a sized probe begins.
    next_size: usize,
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
            next_round: now,
            next_size: 0,
        }
    }

    /// Follows the table and what has changed with its sessions, if it is time to; tells whether.
    pub fn follow(
        &mut self,
        world: &World,
        named: Option<&Named>,
        now: Duration,
        random: &mut dyn FnMut() -> u32,
    ) -> bool {
        if now < self.next_round {
            return false;
        }
        self.next_round = now + ROUND;
        self.round += 1;
        self.schedule.configure(intervals(world.timers.interval));
        for target in &world.targets {
            let named_one = named.and_then(|named| named.get(target.key(world)));
            // 0 is taken as TC 0 alone.
            let classes = named_one.map_or(1, |named| named.classes.max(1));
            let (carried, bytes) = describe(world, target, classes);
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
        self.end_round();
        true
    }

    /// An adjacency on which a sized probe is due and within the budget; in turn. To be asked once a
    /// round: of all sizes together ten a second, a twentieth of the budget.
    pub fn poll_size(&mut self, world: &World, now: Duration) -> Option<usize> {
        let count = world.adjacencies.len();
        let mut all = (0..count).map(|step| (self.next_size + step) % count);
        let due = all.find(|adjacency| is_size_due(world, *adjacency, now))?;
        self.next_size = due + 1;
        // At most: the answer is small.
        let bytes = world.adjacencies[due].room as u32 + probe_bytes(0, 0, 1);
        self.schedule.take(bytes, now).then_some(due)
    }

    /// The next session that is due, by its identifier, and the class that it probes; none for now.
    pub fn poll(&mut self, now: Duration, random: &mut dyn FnMut() -> u32) -> Option<(u16, u8)> {
        let due = self.schedule.poll(now, random)?;
        let session = self.sessions.get(&due.path)?;
        Some((*session, due.class))
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

    /// Sessions that the table has no more.
    fn end_round(&mut self) {
        self.paced.retain(|_, paced| {
            let stays = paced.round == self.round;
            if !stays {
                self.schedule.remove(paced.id);
                self.sessions.remove(&paced.id);
            }
            stays
        });
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
    const CLOSER: Duration = Duration::from_millis(10);
    Intervals {
        closer: CLOSER.min(interval),
        in_use: interval,
        candidate: interval * 5,
        rest: interval * 50,
    }
}

fn rank(standing: &Standing<'_>) -> Rank {
    let wanted = match standing.named.map(|named| named.rank) {
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
fn describe(world: &World, target: &Target, classes: u8) -> (u64, u32) {
    match target.what {
        What::Adjacency(_) => (0, probe_bytes(0, 0, classes)),
        What::List(index) => {
            let list = &world.table.lists[index];
            let bytes = probe_bytes(list.labels.len(), list.return_labels.len(), classes);
            (world.lists[index].sent.packets(), bytes)
        }
    }
}

/// With all headers, the outer one as IPv6.
fn probe_bytes(labels: usize, return_labels: usize, classes: u8) -> u32 {
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
    let packet = INNER + STAMP_BYTES + generation_len() + class + carried;
    let probe = (labelled(labels) + packet + asks).next_multiple_of(WIREGUARD_PADDING);
    let answer = (labelled(return_labels) + packet).next_multiple_of(WIREGUARD_PADDING);
    (2 * OUTER + probe + answer) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn standing() -> Standing<'static> {
        Standing {
            is_adjacency: false,
            named: None,
            untold: false,
            carries: false,
            is_pending: false,
        }
    }

    #[test]
    fn what_matters_is_probed_as_if_in_use() {
        let named = |rank| ProbedPath {
            key: "a".into(),
            rank,
            classes: 0,
        };
        let (rest, closer) = (named(ProbeRank::Rest), named(ProbeRank::Closer));
        assert_eq!(rank(&standing()), Rank::Candidate);
        let untold = Standing {
            untold: true,
            ..standing()
        };
        assert_eq!(rank(&untold), Rank::InUse);
        let of_rest = || Standing {
            named: Some(&rest),
            ..standing()
        };
        assert_eq!(rank(&of_rest()), Rank::Rest);
        for matters in [
            Standing {
                is_adjacency: true,
                ..of_rest()
            },
            Standing {
                carries: true,
                ..of_rest()
            },
            Standing {
                is_pending: true,
                ..of_rest()
            },
        ] {
            assert_eq!(rank(&matters), Rank::InUse);
        }
        let of_closer = Standing {
            named: Some(&closer),
            is_adjacency: true,
            ..standing()
        };
        assert_eq!(rank(&of_closer), Rank::Closer);
    }

    #[test]
    fn a_list_is_in_use_for_a_second_after_a_packet() {
        let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
        let path = Path {
            rank: Rank::Rest,
            bytes: probe_bytes(2, 2, 1),
            classes: 1,
        };
        assert!(!pacing.carries(7, 5, Duration::ZERO));
        pacing.pace(7, path, 5, Duration::ZERO, &mut || 0);
        assert!(!pacing.carries(7, 5, MS), "what went before says nothing");
        assert!(pacing.carries(7, 6, MS * 100));
        assert!(pacing.carries(7, 6, MS * 1099));
        assert!(!pacing.carries(7, 6, MS * 1100));
    }

    #[test]
    fn sizes_are_those_on_the_wire() {
        // 40 + 8 + 32 and 84 + 16 bytes padded to 112, both ways.
        assert_eq!(probe_bytes(0, 0, 1), 2 * (80 + 112));
        // 28 + 3 labels + 84 + a return path of 2 labels = 140; back without it = 124.
        assert_eq!(probe_bytes(2, 2, 1), 80 + 144 + 80 + 128);
        // And 8 bytes for the class: 148 and 132.
        assert_eq!(probe_bytes(2, 2, 1 << 5), 80 + 160 + 80 + 144);
    }

    /// 1,000 sites with 4 paths each, probed from one gateway for a minute; the 999 others probe it
    /// as much.
    #[test]
    fn a_large_network_keeps_to_the_budget() {
        let mut random = fastrand::Rng::with_seed(4);
        let mut random = || random.u32(..);
        let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
        pacing.round = 1;
        let bytes = [
            probe_bytes(0, 0, 1),
            probe_bytes(1, 1, 1),
            probe_bytes(2, 2, 1),
            probe_bytes(3, 3, 1),
        ];
        for session in 0..4000u16 {
            let rank = match session {
                0..4 => Rank::Closer,
                4..400 => Rank::InUse,
                400..2000 => Rank::Candidate,
                _ => Rank::Rest,
            };
            let path = Path {
                rank,
                bytes: bytes[usize::from(session % 4)],
                classes: 1,
            };
            pacing.pace(session, path, 0, Duration::ZERO, &mut random);
        }
        let mut seconds = [(0u64, 0u64); 60];
        let mut probes = vec![0u32; 4000];
        for tick in 0..6000u32 {
            let second = &mut seconds[tick as usize / 100];
            while let Some((session, _)) = pacing.poll(MS * 10 * tick, &mut random) {
                probes[usize::from(session)] += 1;
                second.0 += 2;
                second.1 += u64::from(bytes[usize::from(session % 4)]) * 8;
            }
        }
        for (packets, bits) in &seconds[1..] {
            assert!(
                packets * 2 <= 10_000,
                "{packets} packets and as many of others"
            );
            assert!(bits * 2 <= 5_000_000, "{bits} bits and as many of others");
        }
        let mean: u64 = seconds.iter().map(|(_, bits)| bits).sum::<u64>() / 60;
        assert!(mean * 2 > 4_000_000, "{mean} bit/s: the budget is used");
        let least = |sessions: std::ops::Range<usize>| probes[sessions].iter().min().copied();
        let of = [
            least(0..4),
            least(4..400),
            least(400..2000),
            least(2000..4000),
        ];
        assert!(of.is_sorted_by(|more, less| more > less), "{of:?}");
        assert!(of[3] > Some(0), "nobody is forgotten");
    }

    #[test]
    fn what_the_table_has_no_more_is_probed_no_more() {
        let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
        let path = Path {
            rank: Rank::InUse,
            bytes: 400,
            classes: 1,
        };
        for round in 0..2 {
            pacing.round = round;
            pacing.pace(1, path, 0, Duration::ZERO, &mut || 0);
            if round == 0 {
                pacing.pace(2, path, 0, Duration::ZERO, &mut || 0);
            }
            pacing.end_round();
        }
        let due: Vec<_> = std::iter::from_fn(|| pacing.poll(MS, &mut || 0)).collect();
        assert_eq!(due, [(1, 0)]);
    }
}
