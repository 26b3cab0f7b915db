//! What the probes found out, flipped while packets flow.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use labelway_boundary::{Liveness, Table};

type State = Arc<AtomicU8>;

/// One byte an adjacency and a segment list. Two generations of a table share the byte of an entry
/// with the same key, so that no verdict is lost while one replaces the other.
#[derive(Debug, Default)]
pub struct Live {
    adjacencies: States,
    lists: States,
}

#[derive(Debug, Default)]
struct States {
    by_index: Vec<State>,
    by_key: HashMap<String, State>,
}

impl Live {
    /// State for each entry of the table: that of `before` where the key is known there, otherwise
    /// unknown.
    pub fn next(before: Option<&Live>, table: &Table) -> Live {
        Live {
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
        self.adjacencies.write(index, state);
    }

    /// What the list's own probe says. A list that pushes no labels has none: it is as its
    /// adjacency is, and this is not looked at.
    pub fn list(&self, index: usize) -> Liveness {
        self.lists.read(index)
    }

    pub fn set_list(&self, index: usize, state: Liveness) {
        self.lists.write(index, state);
    }

    pub(crate) fn adjacency_is_up(&self, index: usize) -> bool {
        self.adjacency(index) == Liveness::Up
    }

    pub(crate) fn list_is_up(&self, index: usize) -> bool {
        self.list(index) == Liveness::Up
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

    // Relaxed throughout: each byte stands for itself and orders nothing else.
    fn read(&self, index: usize) -> Liveness {
        match self
            .by_index
            .get(index)
            .map(|state| state.load(Ordering::Relaxed))
        {
            Some(UP) => Liveness::Up,
            Some(DOWN) => Liveness::Down,
            _ => Liveness::Unknown,
        }
    }

    fn write(&self, index: usize, state: Liveness) {
        if let Some(byte) = self.by_index.get(index) {
            let value = match state {
                Liveness::Unknown => UNKNOWN,
                Liveness::Up => UP,
                Liveness::Down => DOWN,
            };
            byte.store(value, Ordering::Relaxed);
        }
    }
}

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;
