//! The only part with sockets, devices and threads: it runs the packets through
//! `labelway-forward` and `labelway-wireguard`.
//!
//! Three kinds of threads: *ingress* reads the segments' TUNs, *underlay* the uplinks' sockets (and
//! the first one keeps WireGuard's timers and the probes), *control* answers `wg`. There are one of
//! each, or with more than two processors several of the first two, which part the flows among them
//! ([`threads`]). They look at one [`world::World`]
//! for a batch, which [`Engine::apply`] swaps; nothing on a packet's way allocates or formats, and
//! no lock is taken for a packet. A packet stays where it was received until it is sent
//! ([`memory`]): sockets give and take trains of datagrams ([`receive`], [`send`]), TUNs give and
//! take super-packets ([`burst`], [`deliver`]).

mod build;
mod burst;
mod carrier;
mod congestion;
mod control;
mod counters;
mod deliver;
mod engine;
mod ids;
mod ingress;
mod inner;
mod memory;
mod open;
mod outer;
mod overruns;
mod poll;
mod probe;
mod receive;
mod send;
mod shared;
mod snapshot;
mod threads;
mod transmit;
mod tun;
mod uapi;
mod underlay;
mod uplink;
mod world;

pub use engine::Engine;
pub use labelway_boundary::EngineConfig;
