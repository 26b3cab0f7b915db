//! What is known of MTUs beyond the table: what probes found to cross in one piece (RFC 8899),
//! changed while packets flow.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use labelway_wire::LABEL_BYTES;

/// IPv6 sends packets of this size wherever it is let (RFC 8200 §5), and takes no notice of who
/// wants smaller ones: they go, and the underlay may take them apart.
const ALWAYS: usize = 1280;

/// Bytes; 0: not known. Relaxed throughout: each stands for itself.
#[derive(Debug, Default)]
pub(crate) struct Found(AtomicU16);

impl Found {
    pub(crate) fn get(&self) -> Option<usize> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            bytes => Some(bytes.into()),
        }
    }

    /// Whether that was a change.
    pub(crate) fn set(&self, bytes: Option<u16>) -> bool {
        let bytes = bytes.unwrap_or(0);
        // Written where it differs alone: other threads read what lies beside it.
        let changes = self.0.load(Ordering::Relaxed) != bytes;
        if changes {
            self.0.store(bytes, Ordering::Relaxed);
        }
        changes
    }
}

/// The largest customer packet that a list takes: never more than the table says.
#[derive(Debug)]
pub(crate) struct ListMtu {
    configured: usize,
    found: Found,
    now: AtomicUsize,
}

impl ListMtu {
    pub(crate) fn new(configured: usize) -> Self {
        ListMtu {
            configured,
            found: Found::default(),
            now: AtomicUsize::new(configured),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn set_found(&self, bytes: Option<u16>) -> bool {
        self.found.set(bytes)
    }

    /// `first` is what was found of the first adjacency, below which the list has so many labels.
    pub(crate) fn renew(&self, first: &Found, labels: usize) {
        let stack = (labels + 1) * LABEL_BYTES;
        let first = first.get().map(|bytes| bytes.saturating_sub(stack));
        let found = [self.found.get(), first].into_iter().flatten().min();
        let now = found.map_or(self.configured, |found| {
            self.configured.min(found.max(ALWAYS))
        });
        self.now.store(now, Ordering::Relaxed);
    }
}
