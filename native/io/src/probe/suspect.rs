//! Segment lists that pass something which seems dead from here.
//!
//! BFD sees within 150 ms that a neighbour, or one uplink of it, answers over none of our
//! adjacencies. A list that passes there further on finds out by its own probes, in half a second or
//! more. Meanwhile it is *suspect*: used where nothing else is usable, and probed at once. It may be
//! innocent, for the neighbour may be dead to us alone: an answer to a probe that went out since
//! acquits it, until something else on its way fails.
//!
//! An adjacency that is down is no evidence while every other one over the same uplink of ours is
//! down too: then that uplink is what failed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use labelway_boundary::{Adjacency, Liveness, SegmentList, Table, UplinkEnd};
use labelway_forward::Live;
use parking_lot::Mutex;

use super::prober::What;
use crate::world::World;

/// Probes that a list gets at once, one a tick: one may be lost.
const PROBES_AT_ONCE: u8 = 3;
/// Lists that start with one tick. Of a thousand that pass one site, each is probed within 0.2 s,
/// with 15,000 probes a second at most.
const LISTS_A_TICK: u32 = 50;
const TICK: Duration = Duration::from_millis(10);
/// What a list may pass of that adjacencies of ours lead to: a bit each.
const MOST_PLACES: usize = u64::BITS as usize;

/// Who may be seen dead, and which lists pass there. Made for each table.
pub struct Places {
    /// Own uplink of each adjacency.
    uplinks: Vec<u32>,
    /// For each place, the adjacencies that lead to it.
    adjacencies: Vec<Vec<u32>>,
    /// For each list, the places that it passes.
    lists: Vec<Vec<u32>>,
    /// Flips of the liveness when it was last looked at.
    seen: AtomicU64,
}

/// A site, or one uplink of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Site(u32),
    Uplink(UplinkEnd),
}

/// What is held against one list; it outlives the tables under the list's key.
#[derive(Default)]
pub struct Suspicion(Mutex<Case>);

#[derive(Default)]
struct Case {
    /// A bit for each of the list's places that seems dead.
    dead: u64,
    suspect: bool,
    /// Sequence number of the first probe that went out since.
    first_sent: Option<u32>,
    probes_left: u8,
    next_probe: Duration,
}

impl Places {
    pub fn new(table: &Table) -> Self {
        Self::of(&table.adjacencies, &table.lists)
    }

    fn of(own: &[Adjacency], lists: &[SegmentList]) -> Self {
        let mut numbers: HashMap<Place, u32> = HashMap::new();
        let mut adjacencies: Vec<Vec<u32>> = Vec::new();
        for (index, adjacency) in (0..).zip(own) {
            let end = UplinkEnd {
                site: adjacency.remote_site,
                uplink: adjacency.remote_uplink,
            };
            for place in [Place::Site(end.site), Place::Uplink(end)] {
                let number = *numbers.entry(place).or_insert(adjacencies.len() as u32);
                match adjacencies.get_mut(number as usize) {
                    Some(known) => known.push(index),
                    None => adjacencies.push(vec![index]),
                }
            }
        }
        let lists = lists.iter().map(|list| {
            let mut places: Vec<u32> = Vec::new();
            for end in &list.ends {
                for place in [Place::Site(end.site), Place::Uplink(*end)] {
                    let known = numbers.get(&place).copied();
                    places.extend(known.filter(|number| !places.contains(number)));
                }
            }
            places.truncate(MOST_PLACES);
            places
        });
        Places {
            uplinks: own.iter().map(|one| one.uplink).collect(),
            lists: lists.collect(),
            adjacencies,
            seen: AtomicU64::new(u64::MAX),
        }
    }

    /// Whether each place seems dead, by the adjacencies as they are.
    fn dead(&self, state: impl Fn(usize) -> Liveness) -> Vec<bool> {
        let states: Vec<Liveness> = (0..self.uplinks.len()).map(state).collect();
        let is_alive = |uplink: u32| {
            let mut states = self.uplinks.iter().zip(&states);
            states.any(|(own, state)| *own == uplink && *state == Liveness::Up)
        };
        let uplinks = self.uplinks.iter().max().map_or(0, |last| last + 1);
        let alive: Vec<bool> = (0..uplinks).map(is_alive).collect();
        let is_dead = |adjacencies: &Vec<u32>| {
            let mut evidence = false;
            adjacencies.iter().all(|adjacency| {
                let adjacency = *adjacency as usize;
                evidence |= alive[self.uplinks[adjacency] as usize];
                states[adjacency] == Liveness::Down
            }) && evidence
        };
        self.adjacencies.iter().map(is_dead).collect()
    }
}

impl Case {
    /// `dead`: a bit for each of the list's places. Whatever is new there makes it suspect.
    fn review(&mut self, dead: u64, first_probe: Duration) {
        let is_new = dead & !self.dead != 0;
        self.dead = dead;
        if is_new {
            self.suspect = true;
            self.first_sent = None;
            self.probes_left = PROBES_AT_ONCE;
            self.next_probe = first_probe;
        } else if dead == 0 {
            self.suspect = false;
        }
    }

    /// Whether a probe is to go out beside those that go anyway.
    fn is_due(&mut self, now: Duration) -> bool {
        let is_due = self.suspect && self.probes_left > 0 && self.next_probe <= now;
        if is_due {
            self.probes_left -= 1;
        }
        is_due
    }

    fn handle_sent(&mut self, sequence: u32) {
        if self.suspect {
            self.first_sent.get_or_insert(sequence);
        }
    }

    /// An answer to that probe. Sequence numbers wrap.
    fn handle_answer(&mut self, sequence: u32) {
        let is_since = |first: u32| sequence.wrapping_sub(first) as i32 >= 0;
        if self.first_sent.is_some_and(is_since) {
            self.suspect = false;
        }
    }
}

impl Suspicion {
    /// Changes the case, and lets the switch know.
    fn change(&self, live: &Live, list: usize, change: impl FnOnce(&mut Case)) {
        let mut case = self.0.lock();
        change(&mut case);
        live.set_suspect(list, case.suspect);
    }
}

/// Looks again at everybody, where an adjacency may have changed; to be called with each tick, by one
/// thread alone.
pub fn review(world: &World, now: Duration) {
    let flips = world.live.flips();
    if world.places.seen.swap(flips, Ordering::Relaxed) == flips {
        return;
    }
    let dead = world.places.dead(|index| world.live.adjacency(index));
    let mut started = 0;
    for (index, (places, list)) in world.places.lists.iter().zip(&world.lists).enumerate() {
        let bits = places.iter().rev().fold(0, |bits, place| {
            bits << 1 | u64::from(dead[*place as usize])
        });
        list.suspicion.change(&world.live, index, |case| {
            let before = case.probes_left;
            case.review(bits, now + TICK * (started / LISTS_A_TICK));
            started += u32::from(case.probes_left > before);
        });
    }
}

/// Whether a probe of a suspect list is due, beside those that go anyway.
pub fn is_due(world: &World, what: What, now: Duration) -> bool {
    case(world, what).is_some_and(|case| case.lock().is_due(now))
}

/// A probe goes out.
pub fn handle_sent(world: &World, what: What, sequence: u32) {
    if let Some(case) = case(world, what) {
        case.lock().handle_sent(sequence);
    }
}

/// The answer to a probe came.
pub fn handle_answer(world: &World, what: What, sequence: u32) {
    if let What::List(index) = what {
        let suspicion = &world.lists[index].suspicion;
        suspicion.change(&world.live, index, |case| case.handle_answer(sequence));
    }
}

fn case(world: &World, what: What) -> Option<&Mutex<Case>> {
    match what {
        What::Adjacency(_) => None,
        What::List(index) => Some(&world.lists[index].suspicion.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Liveness::{Down, Unknown, Up};

    const MS: Duration = Duration::from_millis(1);

    /// Own uplinks 0 and 1. Hub (site 9) has uplinks 0 and 1, far (site 8) has 0: by each of ours.
    fn places(lists: &[&[(u32, u32)]]) -> Places {
        let adjacencies = [(0, 9, 0), (1, 9, 1), (0, 8, 0), (1, 8, 0)];
        places_of(&adjacencies, lists)
    }

    fn places_of(adjacencies: &[(u32, u32, u32)], lists: &[&[(u32, u32)]]) -> Places {
        let adjacency = |(index, &(uplink, site, remote)): (usize, &(u32, u32, u32))| Adjacency {
            key: format!("{index}"),
            uplink,
            remote_key: String::new(),
            remote_address: [100, 96, 0, 1].into(),
            remote_site: site,
            remote_uplink: remote,
            mtu: 1400,
        };
        let list = |(index, ends): (usize, &&[(u32, u32)])| SegmentList {
            key: format!("{index}"),
            weight: 1,
            adjacency: 0,
            labels: vec![16],
            return_labels: vec![],
            probe_address: [10, 255, 0, 1].into(),
            mtu: 1300,
            ends: ends
                .iter()
                .map(|&(site, uplink)| UplinkEnd { site, uplink })
                .collect(),
        };
        let adjacencies: Vec<_> = adjacencies.iter().enumerate().map(adjacency).collect();
        let lists: Vec<_> = lists.iter().enumerate().map(list).collect();
        Places::of(&adjacencies, &lists)
    }

    /// Which lists pass something dead.
    fn blamed(places: &Places, states: &[Liveness]) -> Vec<bool> {
        let dead = places.dead(|index| states[index]);
        let is_blamed = |list: &Vec<u32>| list.iter().any(|place| dead[*place as usize]);
        places.lists.iter().map(is_blamed).collect()
    }

    #[test]
    fn who_answers_over_none_of_our_adjacencies_seems_dead() {
        let places = places(&[&[(9, 0), (9, 0), (7, 0)], &[(9, 1)], &[(8, 0)], &[(7, 0)]]);
        let none = [false; 4];
        assert_eq!(blamed(&places, &[Up; 4]), none);
        assert_eq!(
            blamed(&places, &[Down, Up, Up, Up]),
            [true, false, false, false],
            "one uplink of the hub's"
        );
        assert_eq!(
            blamed(&places, &[Down, Down, Up, Up]),
            [true, true, false, false],
            "the hub"
        );
        assert_eq!(blamed(&places, &[Up, Up, Down, Up]), none, "over the other");
        assert_eq!(
            blamed(&places, &[Up, Up, Down, Down]),
            [false, false, true, false]
        );
    }

    #[test]
    fn an_uplink_of_ours_that_failed_is_no_evidence() {
        let places = places(&[&[(9, 0)], &[(9, 1)], &[(8, 0)]]);
        assert_eq!(blamed(&places, &[Down, Up, Down, Up]), [false; 3]);
        assert_eq!(blamed(&places, &[Down; 4]), [false; 3]);
        assert_eq!(
            blamed(&places, &[Down, Up, Down, Down]),
            [false, false, true],
            "but the other is"
        );
    }

    #[test]
    fn what_was_never_heard_of_is_not_dead() {
        let places = places(&[&[(9, 0)], &[(8, 0)]]);
        assert_eq!(blamed(&places, &[Unknown, Up, Up, Up]), [false; 2]);
    }

    #[test]
    fn a_site_is_dead_where_all_uplinks_that_we_reach_are() {
        let places = places_of(&[(0, 9, 0), (0, 8, 0)], &[&[(9, 5)], &[(9, 0)]]);
        assert_eq!(blamed(&places, &[Down, Up]), [true, true]);
    }

    fn suspect(dead: u64) -> Case {
        let mut case = Case::default();
        case.review(dead, MS);
        case
    }

    #[test]
    fn a_suspect_is_probed_at_once_and_no_more_than_it_takes() {
        let mut case = suspect(1);
        assert!(!case.is_due(Duration::ZERO), "not its turn yet");
        let due: Vec<bool> = (1..6).map(|tick| case.is_due(MS * 10 * tick)).collect();
        assert_eq!(due, [true, true, true, false, false]);
        assert!(!Case::default().is_due(MS), "nothing is held against it");
    }

    #[test]
    fn an_answer_to_a_probe_sent_since_acquits() {
        let mut case = suspect(1);
        case.handle_answer(u32::MAX);
        assert!(case.suspect, "sent before");
        case.handle_sent(u32::MAX);
        case.handle_sent(0);
        case.handle_answer(u32::MAX - 1);
        assert!(case.suspect, "sent before");
        case.handle_answer(0);
        assert!(!case.suspect);
        case.review(1, MS);
        assert!(!case.suspect, "nothing new");
        case.review(3, MS);
        assert!(case.suspect && case.is_due(MS), "something else failed");
        case.handle_answer(0);
        assert!(case.suspect, "that was about the former");
    }

    #[test]
    fn it_ends_with_its_reason() {
        let mut case = suspect(2);
        case.handle_sent(7);
        case.review(0, MS);
        assert!(!case.suspect && !case.is_due(MS));
        case.review(2, MS);
        assert!(case.suspect, "it failed again");
        case.handle_answer(7);
        assert!(case.suspect, "and what was sent before tells nothing");
    }
}
