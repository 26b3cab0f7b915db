//! A reflector's own sequence numbers (RFC 8762 §4.3, stateful): one counter a session, bounded, and
//! shared out fairly among the neighbours that sessions come from.
//!
//! Whoever may send probes can invent sessions. Where all places are taken, a new session takes that
//! of the least recently probed session of the neighbour that has the most: a flood costs its own
//! neighbour alone, and each of `n` neighbours keeps a place in `n` whatever the others do. A session
//! that lost its place is counted from 0 again, which its sender takes for a reflector that began
//! anew, not for losses.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Who sends a session's probes, and which way they come: who is not on that way cannot move the
/// session's numbers, whatever he writes into his own. A sender that begins anew takes other
/// identifiers or finds its counter further on; both are told apart from a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// SID of the site that the probes arrive from.
    pub neighbour: u32,
    pub source: Ipv4Addr,
    pub source_port: u16,
    /// STAMP session identifier (RFC 8972 §3).
    pub session: u16,
}

/// Sessions without a probe for so long are forgotten (RFC 5357 §4.2, REFWAIT).
const IDLE: Duration = Duration::from_secs(900);

/// No slot.
const NONE: u32 = u32::MAX;

/// Counters of the sessions that a reflector answers. Once it has all its places it allocates no
/// more, and a probe costs a look-up, whether its session is known or takes another's place.
#[derive(Debug)]
pub struct Sessions {
    limit: usize,
    slots: Vec<Slot>,
    /// First slot of those that are not in use, chained as those of one hash are.
    free: u32,
    /// First slot by hash.
    heads: Box<[u32]>,
    hasher: RandomState,
    neighbours: HashMap<u32, Neighbour>,
    /// No neighbour has more sessions.
    most: u32,
    /// No session is idle before it.
    look_again: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: SessionKey,
    next: u32,
    last: Duration,
    /// The next slot of the same hash.
    chained: u32,
    /// Of the same neighbour, by the last probe.
    newer: u32,
    older: u32,
}

/// One's sessions, from the one that was probed last to the one that was not for the longest.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    count: u32,
    newest: u32,
    oldest: u32,
}

impl Sessions {
    /// 1,000 sites with 4 paths, one session each for the path and for its MTU, twice over: 1 MB.
    pub const USUAL_LIMIT: usize = 16_384;

    /// At least one, at most 2^31.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, 1 << 31);
        Sessions {
            limit,
            slots: Vec::new(),
            free: NONE,
            heads: vec![NONE; limit.next_power_of_two()].into(),
            hasher: RandomState::new(),
            neighbours: HashMap::new(),
            most: 0,
            look_again: Duration::ZERO,
        }
    }

    /// Number of the answer to a probe of this session.
    pub fn number(&mut self, key: SessionKey, now: Duration) -> u32 {
        let head = self.head(&key);
        if let Some(at) = self.find(head, &key) {
            self.detach(at);
            self.attach(at);
            let slot = &mut self.slots[at as usize];
            // Idle for so long, it may have been forgotten: the same whether it was or not.
            if now.saturating_sub(slot.last) >= IDLE {
                slot.next = 0;
            }
            let number = slot.next;
            (slot.next, slot.last) = (number.wrapping_add(1), now);
            return number;
        }
        let at = self.place(key.neighbour, now);
        let slot = Slot {
            key,
            next: 1,
            last: now,
            chained: self.heads[head],
            newer: NONE,
            older: NONE,
        };
        match self.slots.get_mut(at as usize) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        self.heads[head] = at;
        self.attach(at);
        0
    }

    pub fn len(&self) -> usize {
        let counts = self.neighbours.values();
        counts.map(|neighbour| neighbour.count as usize).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.neighbours.is_empty()
    }

    /// A slot for one more session of this neighbour.
    fn place(&mut self, neighbour: u32, now: Duration) -> u32 {
        if self.free == NONE && self.slots.len() >= self.limit {
            self.forget_idle(now);
            if self.free == NONE {
                let oldest = self.oldest_of_the_most(neighbour);
                self.forget(oldest);
            }
        }
        match self.free {
            NONE => self.slots.len() as u32,
            free => {
                self.free = self.slots[free as usize].chained;
                free
            }
        }
    }

    /// Neighbours are looked through only where one that has less takes from one that has more,
    /// which makes them more alike: a flood does not go on doing it.
    fn oldest_of_the_most(&mut self, neighbour: u32) -> u32 {
        let own = self.neighbours.get(&neighbour);
        if let Some(own) = own.filter(|own| own.count >= self.most) {
            return own.oldest;
        }
        // Alike but for the asking one, the smaller number: the same whatever the order is.
        let rank = |id: u32, count: u32| (count, id == neighbour, std::cmp::Reverse(id));
        let all = self.neighbours.iter();
        let most = all.max_by_key(|&(&id, known)| rank(id, known.count));
        let (count, oldest) = most.map_or((0, NONE), |(_, known)| (known.count, known.oldest));
        self.most = count;
        oldest
    }

    /// At most once until the oldest can be idle.
    fn forget_idle(&mut self, now: Duration) {
        if now < self.look_again {
            return;
        }
        let mut neighbours: Vec<u32> = self.neighbours.keys().copied().collect();
        neighbours.sort_unstable();
        let mut oldest_probe = now;
        for neighbour in neighbours {
            while let Some(known) = self.neighbours.get(&neighbour) {
                let (oldest, last) = (known.oldest, self.slots[known.oldest as usize].last);
                if now.saturating_sub(last) < IDLE {
                    oldest_probe = oldest_probe.min(last);
                    break;
                }
                self.forget(oldest);
            }
        }
        self.look_again = oldest_probe + IDLE;
    }

    fn forget(&mut self, at: u32) {
        self.detach(at);
        let head = self.head(&self.slots[at as usize].key);
        let behind = self.slots[at as usize].chained;
        if self.heads[head] == at {
            self.heads[head] = behind;
        } else {
            let mut before = self.heads[head];
            while self.slots[before as usize].chained != at {
                before = self.slots[before as usize].chained;
            }
            self.slots[before as usize].chained = behind;
        }
        self.slots[at as usize].chained = self.free;
        self.free = at;
    }

    fn head(&self, key: &SessionKey) -> usize {
        self.hasher.hash_one(key) as usize & (self.heads.len() - 1)
    }

    fn find(&self, head: usize, key: &SessionKey) -> Option<u32> {
        let mut at = self.heads[head];
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.key == *key {
                return Some(at);
            }
            at = slot.chained;
        }
        None
    }

    /// Becomes the newest of its neighbour's.
    fn attach(&mut self, at: u32) {
        let neighbour = self.slots[at as usize].key.neighbour;
        let known = self.neighbours.entry(neighbour).or_insert(Neighbour {
            count: 0,
            newest: NONE,
            oldest: NONE,
        });
        let before = std::mem::replace(&mut known.newest, at);
        if before == NONE {
            known.oldest = at;
        }
        known.count += 1;
        self.most = self.most.max(known.count);
        if let Some(before) = self.slots.get_mut(before as usize) {
            before.newer = at;
        }
        let slot = &mut self.slots[at as usize];
        (slot.older, slot.newer) = (before, NONE);
    }

    fn detach(&mut self, at: u32) {
        let Slot {
            key, newer, older, ..
        } = self.slots[at as usize];
        if let Some(newer) = self.slots.get_mut(newer as usize) {
            newer.older = older;
        }
        if let Some(older) = self.slots.get_mut(older as usize) {
            older.newer = newer;
        }
        let Some(known) = self.neighbours.get_mut(&key.neighbour) else {
            return;
        };
        known.count -= 1;
        if known.newest == at {
            known.newest = older;
        }
        if known.oldest == at {
            known.oldest = newer;
        }
        if known.count == 0 {
            self.neighbours.remove(&key.neighbour);
        }
    }
}

#[cfg(test)]
mod tests;
