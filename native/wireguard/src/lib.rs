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
//! // Underlay thread, for each batch of datagrams:
//! let (now, peers) = (Now::read(), device.peers());
//! let (mut out, mut more) = (vec![0; 65_535], vec![0; 65_535]);
//! let mut receiver = peers.receiver(); // holds the lock of the last peer: drop it before sending
//! for (from, datagram) in datagrams() {
//!     match receiver.receive(now, from, &datagram, &mut out) {
//!         Received::Packet { peer, len } => drop((peer, &out[..len])), // collect it
//!         Received::Reply(reply) => send(&out[..reply.len], reply.to),
//!         Received::Nothing | Received::Dropped(_) => {}
//!     }
//!     while let Some(queued) = receiver.flush(now, &mut more) {
//!         send(&more[..queued.len], queued.to);
//!     }
//! }
//! drop(receiver);
//! // The same thread, every 100–250 ms:
//! peers.update_timers(now, &mut out, |datagram, to| send(datagram, to));
//! // Any thread, for a run of packets to the same peer:
//! # let key = PublicKey::from_bytes([0; 32]);
//! if let Some(peer) = peers.by_key(&key) {
//!     let mut locked = peer.lock();
//!     let (mut packet, len) = ([0u8; 1500], 1001); // the slice's end limits the padding
//!     if let Sent::Datagram(datagram) = locked.send(now, &mut packet, len, &mut out) {
//!         send(&out[..datagram.len], datagram.to);
//!     }
//! }
//! ```
//!
//! Keys that this crate holds are wiped when dropped, and so are boringtun's private keys; its
//! copies of preshared keys and its session keys are not.
//!
//! After the handshake nothing on a packet's way allocates. A peer's lock is taken once for a run
//! of packets, in both directions.

mod allowed_ips;
mod config;
mod device;
mod drops;
pub mod fuzz;
mod key;
mod now;
mod peer;
mod peers;
mod receiver;
mod state;
mod uapi;

pub use device::{Device, Errno, SocketChange};
pub use drops::DropReason;
pub use key::PublicKey;
pub use now::Now;
pub use peer::{Datagram, LockedPeer, Peer, PeerId, Sent};
pub use peers::Peers;
pub use receiver::{Received, Receiver};
pub use uapi::{MAX_REQUEST_BYTES, request_length};

/// What encryption adds to a padded packet: header 16 bytes, authentication tag 16 bytes.
pub const DATA_OVERHEAD: usize = 32;

/// Every output buffer holds at least this much: the size of a handshake initiation, bytes.
pub const MIN_OUTPUT: usize = 148;
