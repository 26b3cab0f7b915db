//! What crosses between the two halves: the forwarding table going down, the state coming up.
//!
//! These types are the single source of the boundary. `src/model/boundary.ts` is generated from
//! them (`deno task boundary`), and a test fails when it is stale. Everything is JSON: it crosses
//! when the configuration or a ranking changes and when somebody asks, never with a packet.
//!
//! Positions: `uplink`, `adjacency`, `segment`, `path` and `list` numbers are indices into the
//! vectors of the same [`Table`]. Identity across two tables is the `key`: state (liveness,
//! measurements, counters, flow placement) of an entry with the same key survives a swap.

mod measurement;
mod snapshot;
mod table;
#[cfg(test)]
mod typescript;

pub use measurement::*;
pub use snapshot::*;
pub use table::*;
