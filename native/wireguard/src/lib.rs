//! The embedded WireGuard device, without I/O: no sockets, no threads, no clock of its own.
//!
//! A [`Device`] is configured by the userspace protocol that `wg` speaks ([`Device::uapi`]) and
//! publishes its peers as one immutable [`Peers`] table, loaded once a batch:
//!
//! ```no_run
//! # use labelway_wireguard::*;
//! # fn datagrams() -> Vec<(std::net::SocketAddr, Vec<u8>)> { vec![] }
//! # fn send(_: &[u8], _: std::net::SocketAddr) {}
//! # let device = Device::new("lw-0-fibre");
//! # let mut out = vec![0; 65_535];
//! // Underlay thread, for each batch of datagrams:
//! let (now, peers) = (Now::read(), device.peers());
//! let mut receiver = peers.receiver();
//! for (from, mut datagram) in datagrams() {
//!     match receiver.receive(now, from, &mut datagram, &mut out) {
//!         Received::Packet { peer, packet } => drop((peer, &datagram[packet])), // switch it
//!         Received::Reply(reply) => send(&out[..reply.len], reply.to),
//!         Received::Nothing | Received::Dropped(_) => {}
//!     }
//!     while let Some(queued) = receiver.flush(now, &mut out) {
//!         send(&out[..queued.len], queued.to);
//!     }
//! }
//! drop(receiver);
//! // The same thread, every 100–250 ms:
//! peers.update_timers(now, &mut out, |datagram, to| send(datagram, to));
//! // Any thread, for a run of packets to the same peer:
//! # let key = PublicKey::from_bytes([0; 32]);
//! if let Some(peer) = peers.by_key(&key) {
//!     let mut buffer = [0; HEADER + 1420 + TAG];
//!     let packet = HEADER..HEADER + 1001;
//!     if let Some(mut sealer) = peer.seal_run(now, 1) {
//!         if let Some(datagram) = sealer.seal(&mut buffer, packet, 1420) {
//!             send(&buffer[datagram], sealer.to());
//!         }
//!     } else if let Sent::Datagram(sent) = peer.wait(now, &buffer[packet], 1420, &mut out) {
//!         send(&out[..sent.len], sent.to); // a handshake initiation, for example
//!     }
//! }
//! ```
//!
//! # What a packet costs
//!
//! Nothing is allocated or copied for a data packet, and no lock is taken for one. A peer's
//! sessions and its endpoint are one immutable value behind a pointer that a run of packets loads
//! once. A [`Sealer`] reserves message numbers for the run by one atomic operation; a [`Receiver`]
//! keeps the session's replay window, which senders never touch. What passed is told to the peer's
//! timers by atomics at the end of the run. A peer's lock is for handshakes, timers, packets that
//! wait for a session, configuration, and an endpoint that changes.
//!
//! # Secrets
//!
//! Wiped when no longer needed: private and preshared keys, wherever this crate keeps them;
//! ephemeral keys; session keys, in ring's memory too. Not wiped: snow's chaining key and the
//! handshake's cipher keys, which are gone with the handshake but stay in freed memory, and copies
//! that the compiler made on the stack.

mod activity;
mod allowed_ips;
mod config;
mod cookie;
mod device;
mod drops;
pub mod fuzz;
#[cfg(test)]
mod golden;
mod handshake;
mod key;
mod message;
mod negotiate;
mod now;
mod peer;
mod peers;
mod receiver;
mod replay;
mod session;
mod state;
mod timers;
mod uapi;

pub use device::{Device, Errno, SocketChange};
pub use drops::DropReason;
pub use key::PublicKey;
pub use now::Now;
pub use peer::{Datagram, Peer, PeerId, Sealer, Sent};
pub use peers::Peers;
pub use receiver::{Received, Receiver};
pub use uapi::{MAX_REQUEST_BYTES, request_length};

/// In front of the inner packet: type, receiver's index and message number, bytes.
pub const HEADER: usize = 16;

/// Behind the inner packet and its padding: the authentication tag, bytes.
pub const TAG: usize = 16;

/// What encryption adds to a padded packet, bytes.
pub const DATA_OVERHEAD: usize = HEADER + TAG;

/// Every output buffer holds at least this much: the size of a handshake initiation, bytes.
pub const MIN_OUTPUT: usize = 148;
