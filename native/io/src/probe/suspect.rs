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
/// What a list may pass: a bit each.
const MOST_PLACES: usize = u64::BITS as usize;
/// A place that no adjacency of ours leads to: it never seems dead.
const NOWHERE: u32 = u32::MAX;

/// Who may be seen dead, and which lists pass there. Made for each table.
pub struct Places {
    /// Own uplink of each adjacency.
    uplinks: Vec<u32>,
    /// For each place, the adjacencies that lead to it.
    adjacencies: Vec<Vec<u32>>,
    /// For each list, the places that it passes, in its own order: where one has no number
    /// ([`NOWHERE`]), the others keep theirs whichever adjacencies there are.
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
    /// A bit for each of the list's places that seems dead. What a list passes follows from its key,
    /// so a bit means the same in the next table, whatever its order is and whatever else it has.
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
            let mut places: Vec<Place> = Vec::new();
            for end in &list.ends {
                for place in [Place::Site(end.site), Place::Uplink(*end)] {
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
            }
            places.truncate(MOST_PLACES);
            let number = |place| numbers.get(place).copied().unwrap_or(NOWHERE);
            places.iter().map(number).collect()
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

    /// A bit for each of the list's places that is among the dead.
    fn bits(&self, list: usize, dead: &[bool]) -> u64 {
        let is_dead = |place: &u32| dead.get(*place as usize) == Some(&true);
        let places = self.lists[list].iter().rev();
        places.fold(0, |bits, place| bits << 1 | u64::from(is_dead(place)))
    }

    /// Looks again at every list, where an adjacency may have changed since this was asked last.
    fn review<'s>(
        &self,
        live: &Live,
        suspicions: impl Iterator<Item = &'s Suspicion>,
        now: Duration,
    ) {
        let flips = live.flips();
        if self.seen.swap(flips, Ordering::Relaxed) == flips {
            return;
        }
        let dead = self.dead(|index| live.adjacency(index));
        let mut started = 0;
        for (index, suspicion) in suspicions.enumerate().take(self.lists.len()) {
            let bits = self.bits(index, &dead);
            suspicion.change(live, index, |case| {
                let before = case.probes_left;
                case.review(bits, now + TICK * (started / LISTS_A_TICK));
                started += u32::from(case.probes_left > before);
            });
        }
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
    let suspicions = world.lists.iter().map(|list| &*list.suspicion);
    world.places.review(&world.live, suspicions, now);
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
mod tests;
