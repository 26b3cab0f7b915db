//! What the engine tells: live state and counters, read when asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
#[cfg(test)]
use ts_rs::TS;

/// Handed over once, when the engine starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    /// Folder of the WireGuard userspace sockets, normally `/var/run/wireguard`.
    pub uapi_folder: String,
    /// Threads that move packets; null: as fits the processors that this process may use.
    pub threads: Option<ThreadCounts>,
}

/// How many threads move packets in each direction, 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(deny_unknown_fields)]
pub struct ThreadCounts {
    /// Read the LANs.
    pub ingress: u32,
    /// Read the uplinks.
    pub underlay: u32,
}

/// State of everything at one instant. All counters count since the engine started or, for an
/// entry that appeared later, since its key did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Snapshot {
    /// Generation of the table in use; null before the first.
    pub generation: Option<String>,
    pub uptime_millis: u64,
    pub adjacencies: Vec<AdjacencyState>,
    pub lists: Vec<ListState>,
    pub segments: Vec<SegmentState>,
    /// The threads that move packets.
    pub threads: Vec<ThreadState>,
    /// Packets dropped, by reason; reasons never seen are present with 0.
    #[cfg_attr(test, ts(type = "Record<string, number>"))]
    pub drops: BTreeMap<String, u64>,
    /// Table swaps so far.
    pub swaps: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// No verdict yet: never answered and not yet given up.
    Unknown,
    Up,
    Down,
}

/// What the probes of the last window (100 of them) measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct Quality {
    pub state: Liveness,
    /// How long it has been in this state.
    pub state_millis: u64,
    /// Times it went down.
    pub downs: u64,
    /// Median round trip of the window; null without a reply in it.
    pub rtt_micros: Option<u32>,
    /// Mean difference of successive round trips (RFC 3550 style, of the window).
    pub jitter_micros: Option<u32>,
    /// Share of probes in the window that got no reply, 0–1.
    pub loss: f64,
    pub probes_sent: u64,
    pub probes_answered: u64,
    /// What was found to cross in one piece, bytes: the largest label stack plus customer packet of an
    /// adjacency (and of a list without labels, which is as its adjacency is), the largest customer
    /// packet of a list with labels; null while it is not known.
    pub mtu: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct AdjacencyState {
    pub key: String,
    pub quality: Quality,
    pub bfd: BfdState,
    /// Generation that the neighbour runs, as its last reply told.
    pub remote_generation: Option<String>,
    /// Inner packets, labelled ones and probes.
    pub tx_packets: u64,
    pub tx_bytes: u64,
    pub rx_packets: u64,
    pub rx_bytes: u64,
}

/// A BFD session (RFC 5880 §6.8.1), which decides whether its adjacency is up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct BfdState {
    pub state: BfdSessionState,
    /// Why it is not up, as we tell the neighbour (RFC 5880 §4.1); 0: no reason.
    pub diagnostic: u8,
    /// As the neighbour last told.
    pub remote_state: BfdSessionState,
    pub remote_diagnostic: u8,
    /// Between our packets, before jitter; null while the neighbour wants none.
    pub transmit_micros: Option<u32>,
    /// Without a packet for so long it is down.
    pub detection_micros: u64,
    pub sent: u64,
    pub received: u64,
    /// Discarded as RFC 5880 §6.8.6 has it, for whatever reason.
    pub discarded: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase")]
pub enum BfdSessionState {
    AdminDown,
    Down,
    Init,
    Up,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct ListState {
    pub key: String,
    pub quality: Quality,
    /// Something that it passes seems dead from here: it is used where nothing else is usable.
    pub suspect: bool,
    /// Customer packets and bytes that this router put on the list.
    pub tx_packets: u64,
    pub tx_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct SegmentState {
    pub name: String,
    /// From the LAN into the overlay.
    pub ingress_packets: u64,
    pub ingress_bytes: u64,
    /// From the overlay to the LAN.
    pub egress_packets: u64,
    pub egress_bytes: u64,
}

/// Where a thread takes packets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The segments' LANs.
    Ingress,
    /// The neighbours.
    Underlay,
}

/// What one of the threads that move packets has taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct ThreadState {
    /// As the system shows it, e.g. `lw-underlay-1`.
    pub name: String,
    pub direction: Direction,
    /// Among those of its direction, from 0.
    pub number: u32,
    /// From LANs, or decrypted from neighbours (probes included).
    pub packets: u64,
    pub bytes: u64,
}

/// Hits of one label of the ILM, in the order of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(TS))]
pub struct LabelState {
    pub label: u32,
    pub packets: u64,
    pub bytes: u64,
}
