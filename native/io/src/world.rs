//! Everything that the threads look at for one batch, swapped as one pointer.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use labelway_boundary::Table;
use labelway_forward::{Fib, Live};
use labelway_measure::Sessions;
use labelway_wireguard::PublicKey;
use parking_lot::Mutex;

use crate::counters::Traffic;
use crate::poll::Token;
use crate::probe::{Asking, Authentication, Bfd, Places, Prober, Suspicion, Target, Timers};
use crate::tun::Tun;
use crate::uplink::Uplink;

/// One generation of the table with what it needs open. Parts that outlive it are shared with the
/// next one: devices by name, counters and sessions by key.
pub struct World {
    pub table: Table,
    pub fib: Fib,
    pub live: Live,
    /// The table's generation as it goes into probes.
    pub generation: [u8; 8],
    pub timers: Timers,
    pub uplinks: Vec<Arc<Uplink>>,
    pub adjacencies: Vec<Adjacency>,
    /// For each uplink: which adjacency a peer is.
    pub by_peer: Vec<HashMap<PublicKey, usize>>,
    pub segments: Vec<Segment>,
    pub by_tun: HashMap<Token, usize>,
    pub lists: Vec<List>,
    /// What lists pass that adjacencies lead to as well.
    pub places: Places,
    /// In the order of the table's labels.
    pub labels: Vec<Traffic>,
    pub targets: Vec<Target>,
    /// STAMP session identifier → index into `targets`.
    pub by_ssid: HashMap<u16, usize>,
    /// Whose probes this router answers.
    pub reflector: Arc<Mutex<Sessions>>,
    pub asking: Arc<Asking>,
    pub authentication: Arc<ArcSwap<Authentication>>,
}

pub struct Adjacency {
    pub uplink: usize,
    pub peer: PublicKey,
    /// Bytes of an inner packet, header included, that WireGuard may pad up to.
    pub room: usize,
    pub sent: Traffic,
    pub received: Traffic,
    pub prober: Arc<Prober>,
    pub bfd: Arc<Bfd>,
    pub remote_generation: Arc<Mutex<Option<[u8; 8]>>>,
}

pub struct Segment {
    pub tun: Arc<Tun>,
    pub ingress: Traffic,
    pub egress: Traffic,
}

pub struct List {
    pub sent: Traffic,
    /// None where the list pushes no labels: it is as its adjacency is.
    pub prober: Option<Arc<Prober>>,
    pub suspicion: Arc<Suspicion>,
}

impl World {
    /// The uplink that a socket's token belongs to.
    pub fn uplink_of(&self, token: Token) -> Option<usize> {
        self.uplinks.iter().position(|uplink| uplink.owns(token))
    }
}
