//! What the probes found out, flipped while packets flow.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use labelway_boundary::{Liveness, Table};

use crate::identity::Identity;

type State = Arc<AtomicU8>;

/// One byte an adjacency and a segment list. Two generations of a table share the byte of an entry
/// with the same key, so that no verdict is lost while one replaces the other.
#[derive(Debug, Default)]
pub struct Live {
    identity: Identity,
    /// Flips so far, in this and the other generations that it shares bytes with.
    flips: Arc<AtomicU64>,
    adjacencies: States,
    lists: States,
}

#[derive(Debug, Default)]
struct States {
    by_index: Vec<State>,
    by_key: HashMap<String, State>,
}

/// Which states a decision was made by: equal ones gave equal answers to every question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch {
    live: Identity,
    flips: u64,
}

impl Live {
    /// State for each entry of the table: that of `before` where the key is known there, otherwise
    /// unknown.
    pub fn next(before: Option<&Live>, table: &Table) -> Live {
        Live {
            identity: Identity::default(),
            flips: before.map(|live| live.flips.clone()).unwrap_or_default(),
            adjacencies: States::next(
                before.map(|live| &live.adjacencies),
                table.adjacencies.iter().map(|adjacency| &adjacency.key),
            ),
            lists: States::next(
                before.map(|live| &live.lists),
                table.lists.iter().map(|list| &list.key),
            ),
        }
    }

    pub fn adjacency(&self, index: usize) -> Liveness {
        self.adjacencies.read(index)
    }

    pub fn set_adjacency(&self, index: usize, state: Liveness) {
        self.note(self.adjacencies.write(index, state));
    }

    /// What the list's own probe says. A list that pushes no labels has none: it is as its
    /// adjacency is, and this is not looked at.
    pub fn list(&self, index: usize) -> Liveness {
        self.lists.read(index)
    }

    pub fn set_list(&self, index: usize, state: Liveness) {
        self.note(self.lists.write(index, state));
    }

    /// Whether something that the list passes seems dead from here.
    pub fn is_suspect(&self, index: usize) -> bool {
        self.lists.is_suspect(index)
    }

    /// A list that is up and suspect is used where nothing else is usable. What its own probe says
    /// stays as it is.
    pub fn set_suspect(&self, index: usize, suspect: bool) {
        self.note(self.lists.suspect(index, suspect));
    }

    /// Changes so far; equal numbers: no state has changed meanwhile.
    pub fn flips(&self) -> u64 {
        // Acquire: with a number of flips come the states that those flips wrote.
        self.flips.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn adjacency_is_up(&self, index: usize) -> bool {
        self.adjacencies.is_up(index)
    }

    #[inline]
    pub(crate) fn list_is_up(&self, index: usize) -> bool {
        self.lists.is_up(index)
    }

    /// To be asked before the states that a decision is made by.
    #[inline]
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch {
            live: self.identity,
            flips: self.flips(),
        }
    }

    fn note(&self, changed: bool) {
        if changed {
            // Release, and after the state: whoever decides by the state as it was does so under
            // the number as it was.
            self.flips.fetch_add(1, Ordering::Release);
        }
    }
}

impl States {
    fn next<'a>(before: Option<&States>, keys: impl Iterator<Item = &'a String>) -> States {
        let mut states = States::default();
        for key in keys {
            let state = before
                .and_then(|before| before.by_key.get(key).cloned())
                .unwrap_or_else(|| Arc::new(AtomicU8::new(UNKNOWN)));
            states.by_index.push(state.clone());
            states.by_key.insert(key.clone(), state);
        }
        states
    }

    // Relaxed throughout: each byte stands for itself, and flips order themselves by their number.
    fn read(&self, index: usize) -> Liveness {
        match self.byte(index).map(|byte| byte & !SUSPECT) {
            Some(UP) => Liveness::Up,
            Some(DOWN) => Liveness::Down,
            _ => Liveness::Unknown,
        }
    }

    /// Also where it is suspect.
    #[inline]
    fn is_up(&self, index: usize) -> bool {
        self.byte(index).is_some_and(|byte| byte & !SUSPECT == UP)
    }

    fn is_suspect(&self, index: usize) -> bool {
        self.byte(index).is_some_and(|byte| byte & SUSPECT != 0)
    }

    #[inline]
    fn byte(&self, index: usize) -> Option<u8> {
        self.by_index
            .get(index)
            .map(|byte| byte.load(Ordering::Relaxed))
    }

    /// Whether that was a change.
    fn write(&self, index: usize, state: Liveness) -> bool {
        let value = match state {
            Liveness::Unknown => UNKNOWN,
            Liveness::Up => UP,
            Liveness::Down => DOWN,
        };
        self.change(index, |byte| byte & SUSPECT | value)
    }

    fn suspect(&self, index: usize, suspect: bool) -> bool {
        self.change(index, |byte| match suspect {
            true => byte | SUSPECT,
            false => byte & !SUSPECT,
        })
    }

    fn change(&self, index: usize, change: impl Fn(u8) -> u8) -> bool {
        self.by_index.get(index).is_some_and(|byte| {
            let change = |byte| Some(change(byte));
            byte.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
                .is_ok_and(|before| change(before) != Some(before))
        })
    }
}

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;
/// Beside the state of a list.
const SUSPECT: u8 = 4;
