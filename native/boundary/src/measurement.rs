//! What probes told of paths: news for who selects, whole windows for who asks, and how often to
//! probe.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
#[cfg(test)]
use ts_rs::TS;

use crate::Liveness;

/// News of paths since the looks before: only of those of which there is any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Looks {
    pub uptime_millis: u64,
    pub looks: Vec<Look>,
    /// What other sites told of their adjacencies, when they were asked.
    pub reported: Vec<ReportedAdjacency>,
}

/// One adjacency or segment list. A list without labels is its adjacency and has the same key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Look {
    pub key: String,
    pub state: Liveness,
    /// How long it has been in this state.
    pub state_millis: u64,
    /// Times it went down.
    pub downs: u64,
    /// Probes whose fate was settled since the last look, each in one look only.
    pub since: Window,
    /// Probes sent in the last 10 s.
    pub ten_seconds: Window,
    /// Probes sent in the last minute.
    pub minute: Window,
    /// Real packets since the last look, counted by both ends; null where they cannot be told
    /// apart from those of other paths (more than one hop) or nobody has answered meanwhile.
    pub carried: Option<Carried>,
}

/// Packets that went into an adjacency and came out of it, customers' and others alike, between two
/// answers of the neighbour (direct measurement, RFC 8972 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Carried {
    pub span_millis: u32,
    pub forward_sent: u64,
    pub forward_lost: u64,
    pub return_sent: u64,
    pub return_lost: u64,
}

/// Probes of one path over a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Window {
    pub span_millis: u64,
    /// Without those that are still waited for.
    pub sent: u64,
    pub answered: u64,
    /// Of the sent, those that the reflector never saw; null: it does not tell.
    pub lost_forward: Option<u64>,
    /// Of the reflected, those whose answer was lost; null as above.
    pub lost_return: Option<u64>,
    /// Answered after they had been given up.
    pub late: u64,
    /// Copies that the way there and the way back made.
    pub copies_forward: u64,
    pub copies_return: u64,
    /// Overtaken on the way there and on the way back (RFC 4737 §3.3).
    pub reordered_forward: u64,
    pub reordered_return: u64,
    /// Null without an answer.
    pub round_trip: Option<RoundTrip>,
    /// Mean difference of successive round trips, µs; null without two of them.
    pub jitter_micros: Option<u32>,
}

/// Round trips in µs, without the time in the reflector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct RoundTrip {
    pub min: u32,
    pub mean: u32,
    pub p50: u32,
    pub p95: u32,
    pub p99: u32,
    pub max: u32,
}

/// Everything that is known of one adjacency or segment list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Measured {
    pub key: String,
    /// Of 1 s, 10 s, 1 min, 15 min and 24 h.
    pub windows: Vec<Window>,
    /// The last minute of each class that was probed, ascending.
    pub classes: Vec<ClassMeasured>,
    /// Largest customer packet, bytes, that was found to cross it in one piece, every hop of a list;
    /// null while it is not known.
    pub mtu: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct ClassMeasured {
    /// TC of the label stack (RFC 5462), 0–7.
    pub class: u8,
    pub minute: Window,
}

/// How often paths are to be probed, until told otherwise: what is not named is a candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct Probing {
    pub paths: Vec<ProbedPath>,
    /// Keys of adjacencies whose far end is asked for what it measures on its own.
    #[serde(default)]
    pub asked: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct ProbedPath {
    /// Of a segment list or an adjacency; a key that the table does not know is passed over.
    pub key: String,
    pub rank: ProbeRank,
    /// Classes (TC) that travel on it, bit 0 for TC 0; each has its turn. 0 is taken as 1.
    pub classes: u8,
}

/// How much a path matters; the order is the priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "kebab-case")]
pub enum ProbeRank {
    /// In use, and whether it still does what it has to hangs in the balance: as fast as is allowed.
    Closest,
    /// In use by those who may lose little, or about to come back.
    Closer,
    /// Carries traffic, or backs up what does.
    InUse,
    /// May be chosen next.
    Candidate,
    /// Only to be noticed when it got better.
    Rest,
}

/// Which mode of STAMP (RFC 8762 §4.2) is sent and taken. Two that stand beside each other here
/// understand each other in both directions, so that a network can go from one end to the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase")]
pub enum ProbeAuthentication {
    /// The unauthenticated mode alone.
    #[default]
    None,
    /// Unauthenticated probes are sent, both are taken.
    Accept,
    /// Authenticated probes are sent, both are taken.
    Prefer,
    /// The authenticated mode alone.
    Require,
}

/// An adjacency as its own site measured it over a minute, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct ReportedAdjacency {
    /// SID of the site that told it.
    pub site: u16,
    /// Tunnel addresses of its end and of the far end.
    pub local: Ipv4Addr,
    pub remote: Ipv4Addr,
    pub is_up: bool,
    /// Median; null: not known, as for the others.
    pub round_trip_micros: Option<u32>,
    pub jitter_micros: Option<u32>,
    /// Shares, 0–1.
    pub lost_forward: Option<f32>,
    pub lost_return: Option<f32>,
    /// Bytes of label stack and customer packet, found by probing.
    pub mtu: Option<u16>,
}
