//! The incoming label map (RFC 3031 §3.11).

use std::collections::HashMap;

use labelway_boundary as boundary;
use labelway_wire::Label;

const PAGE: usize = 1024;
const EMPTY: u32 = u32::MAX;

/// Label → entry in two loads: pages of 1,024 labels, present where a label is. As quick as one
/// dense array of 2^20, without its 4 MB in every generation.
#[derive(Debug)]
pub(crate) struct LabelMap {
    pages: Vec<Option<Box<[u32; PAGE]>>>,
    entries: Vec<LabelEntry>,
    /// Distinct sets of accepted adjacencies, a bit each, `words` words a set; most labels share
    /// one of a few.
    accept: Vec<u64>,
    words: usize,
    /// Of all entries that forward: those of one lie together, the preferred one first.
    others: Vec<Other>,
    /// Of all hops that push more than one label: those of one lie together, outermost first.
    labels: Vec<Label>,
}

/// Half a cache line, and never two halves of two: it is all that a packet in transit reads.
#[derive(Debug)]
#[repr(align(32))]
pub(crate) struct LabelEntry {
    accept: u32,
    pub(crate) action: LabelAction,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum LabelAction {
    Deliver(u32),
    Pop,
    Forward(Forward),
}

/// Where to: a ranked list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forward {
    pub(crate) first: Hop,
    others: u32,
    others_end: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Hop {
    pub(crate) adjacency: u32,
    pushed: Pushed,
}

/// A hop that is taken where those before it are down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Other {
    pub(crate) hop: Hop,
    pub(crate) repair: bool,
}

/// What takes the place of the label that was popped. One label is nearly always all.
#[derive(Debug, Clone, Copy)]
enum Pushed {
    None,
    One(Label),
    Many { at: u32, depth: u8 },
}

impl LabelMap {
    /// From a table that was checked.
    pub(crate) fn new(entries: &[boundary::LabelEntry], adjacencies: usize) -> Self {
        let mut map = Self {
            pages: (0..=(Label::MAX as usize) / PAGE).map(|_| None).collect(),
            entries: Vec::with_capacity(entries.len()),
            accept: Vec::new(),
            words: adjacencies.div_ceil(64),
            others: Vec::new(),
            labels: Vec::new(),
        };
        let mut known: HashMap<&[u32], u32> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let next = known.len() as u32;
            let accept = *known.entry(&entry.accept).or_insert_with(|| {
                map.accept(&entry.accept);
                next
            });
            let action = map.action(&entry.action);
            map.entries.push(LabelEntry { accept, action });
            let label = entry.label as usize;
            if let Some(page) = map.pages.get_mut(label / PAGE) {
                page.get_or_insert_with(|| Box::new([EMPTY; PAGE]))[label % PAGE] = index as u32;
            }
        }
        map
    }

    #[inline]
    pub(crate) fn find(&self, label: Label) -> Option<(usize, &LabelEntry)> {
        let label = label.value() as usize;
        let index = self.pages.get(label / PAGE)?.as_ref()?[label % PAGE] as usize;
        self.entries.get(index).map(|entry| (index, entry))
    }

    #[inline]
    pub(crate) fn accepts(&self, entry: &LabelEntry, adjacency: usize) -> bool {
        let word = adjacency / 64;
        word < self.words
            && self
                .accept
                .get(entry.accept as usize * self.words + word)
                .is_some_and(|bits| bits >> (adjacency % 64) & 1 == 1)
    }

    /// The hops that come after the first.
    #[inline]
    pub(crate) fn others(&self, forward: &Forward) -> &[Other] {
        self.others
            .get(forward.others as usize..forward.others_end as usize)
            .unwrap_or_default()
    }

    /// What a hop pushes in the place of the label that was popped, outermost first.
    #[inline]
    pub(crate) fn pushed<'a>(&'a self, hop: &'a Hop) -> &'a [Label] {
        match &hop.pushed {
            Pushed::None => &[],
            Pushed::One(label) => std::slice::from_ref(label),
            Pushed::Many { at, depth } => self
                .labels
                .get(*at as usize..*at as usize + usize::from(*depth))
                .unwrap_or_default(),
        }
    }

    fn accept(&mut self, indices: &[u32]) {
        let start = self.accept.len();
        self.accept.resize(start + self.words, 0);
        for index in indices {
            if let Some(word) = self.accept.get_mut(start + *index as usize / 64) {
                *word |= 1 << (index % 64);
            }
        }
    }

    fn action(&mut self, action: &boundary::LabelAction) -> LabelAction {
        match action {
            boundary::LabelAction::Deliver(segment) => LabelAction::Deliver(*segment),
            boundary::LabelAction::Pop => LabelAction::Pop,
            boundary::LabelAction::Forward(hops) => {
                let others = self.others.len() as u32;
                let mut hops = hops.iter();
                let first = hops.next().map(|hop| self.hop(hop));
                for wanted in hops {
                    let hop = self.hop(wanted);
                    self.others.push(Other {
                        hop,
                        repair: wanted.repair,
                    });
                }
                let others_end = self.others.len() as u32;
                match first {
                    Some(first) => LabelAction::Forward(Forward {
                        first,
                        others,
                        others_end,
                    }),
                    None => LabelAction::Pop,
                }
            }
        }
    }

    fn hop(&mut self, hop: &boundary::Hop) -> Hop {
        let labels = labels(&hop.labels);
        let pushed = match *labels {
            [] => Pushed::None,
            [label] => Pushed::One(label),
            _ => Pushed::Many {
                at: self.labels.len() as u32,
                depth: labels.len() as u8,
            },
        };
        if labels.len() > 1 {
            self.labels.extend(&labels);
        }
        Hop {
            adjacency: hop.adjacency,
            pushed,
        }
    }
}

/// Labels that were checked to have 20 bits.
pub(crate) fn labels(values: &[u32]) -> Box<[Label]> {
    values
        .iter()
        .filter_map(|value| Label::new(*value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_half_a_cache_line() {
        assert_eq!(std::mem::size_of::<LabelEntry>(), 32);
    }
}
