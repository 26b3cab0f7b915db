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
    /// Distinct sets of accepted adjacencies, a bit each; most labels share one of a few.
    accept: Vec<Box<[u64]>>,
}

#[derive(Debug)]
pub(crate) struct LabelEntry {
    accept: u32,
    pub(crate) action: LabelAction,
}

#[derive(Debug)]
pub(crate) enum LabelAction {
    Deliver(usize),
    Pop,
    Forward(Box<[Hop]>),
}

#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) adjacency: usize,
    pub(crate) labels: Box<[Label]>,
}

impl LabelMap {
    /// From a table that was checked.
    pub(crate) fn new(entries: &[boundary::LabelEntry], adjacencies: usize) -> Self {
        let mut map = Self {
            pages: (0..=(Label::MAX as usize) / PAGE).map(|_| None).collect(),
            entries: Vec::with_capacity(entries.len()),
            accept: Vec::new(),
        };
        let mut known: HashMap<&[u32], u32> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let accept = *known.entry(&entry.accept).or_insert_with(|| {
                map.accept.push(bits(&entry.accept, adjacencies));
                map.accept.len() as u32 - 1
            });
            map.entries.push(LabelEntry {
                accept,
                action: action(&entry.action),
            });
            let label = entry.label as usize;
            if let Some(page) = map.pages.get_mut(label / PAGE) {
                page.get_or_insert_with(|| Box::new([EMPTY; PAGE]))[label % PAGE] = index as u32;
            }
        }
        map
    }

    pub(crate) fn find(&self, label: Label) -> Option<(usize, &LabelEntry)> {
        let label = label.value() as usize;
        let index = self.pages.get(label / PAGE)?.as_ref()?[label % PAGE] as usize;
        self.entries.get(index).map(|entry| (index, entry))
    }

    pub(crate) fn accepts(&self, entry: &LabelEntry, adjacency: usize) -> bool {
        self.accept
            .get(entry.accept as usize)
            .and_then(|bits| bits.get(adjacency / 64))
            .is_some_and(|word| word >> (adjacency % 64) & 1 == 1)
    }
}

fn bits(indices: &[u32], size: usize) -> Box<[u64]> {
    let mut bits = vec![0; size.div_ceil(64)];
    for index in indices {
        if let Some(word) = bits.get_mut(*index as usize / 64) {
            *word |= 1 << (index % 64);
        }
    }
    bits.into()
}

fn action(action: &boundary::LabelAction) -> LabelAction {
    match action {
        boundary::LabelAction::Deliver(segment) => LabelAction::Deliver(*segment as usize),
        boundary::LabelAction::Pop => LabelAction::Pop,
        boundary::LabelAction::Forward(hops) => LabelAction::Forward(
            hops.iter()
                .map(|hop| Hop {
                    adjacency: hop.adjacency as usize,
                    labels: labels(&hop.labels),
                })
                .collect(),
        ),
    }
}

/// Labels that were checked to have 20 bits.
pub(crate) fn labels(values: &[u32]) -> Box<[Label]> {
    values
        .iter()
        .filter_map(|value| Label::new(*value))
        .collect()
}
