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
//! Keys that this crate holds are wiped when dropped, and so are boringtun's private keys; its
//! copies of preshared keys and its session keys are not.
//!
//! After the handshake nothing on a packet's way allocates. A peer's lock is taken once for a run
//! of packets, in both directions.

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
