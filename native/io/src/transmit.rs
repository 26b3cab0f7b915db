//! Out by an uplink: encrypts runs of packets and sends them in batches.

use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::AsFd;
use std::sync::Arc;

use labelway_wireguard::{HEADER, Now, Peer, Sealer, Sent};

use crate::batch::{BATCH, Sender};
use crate::counters::{Drops, IoDrop, Thread};
use crate::outer::OuterSockets;
use crate::pool::{Pool, Queued, group};
use crate::uplink::{Ports, Uplink};
use crate::world::{Adjacency, World};

/// One a thread. What is handed to it is sent at the latest by [`Transmitter::flush`].
pub struct Transmitter {
    thread: Thread,
    sender: Sender,
    target: Option<Target>,
}

/// Whose sockets the collected datagrams go out by. Held, so that a swap does not close them.
enum Target {
    Outer(Arc<OuterSockets>),
    Inner(Arc<Uplink>),
}

/// Packets for one adjacency, lent one by one.
trait Run {
    fn len(&self) -> usize;
    /// A packet of the returned length, and what WireGuard may pad behind it.
    fn packet(&mut self, index: usize, room: usize) -> (&mut [u8], usize);
}

struct FromPool<'a> {
    pool: &'a mut Pool,
    queue: &'a [Queued],
}

impl Run for FromPool<'_> {
    fn len(&self) -> usize {
        self.queue.len()
    }

    fn packet(&mut self, index: usize, room: usize) -> (&mut [u8], usize) {
        let queued = &self.queue[index];
        let length = queued.range.len();
        let slot = &mut self.pool.slot(queued.slot)[queued.range.start..];
        let end = room.clamp(length, slot.len());
        (&mut slot[..end], length)
    }
}

/// What lies behind the piece is still needed: nothing is padded.
struct Piece<'a>(&'a mut [u8]);

impl Run for Piece<'_> {
    fn len(&self) -> usize {
        1
    }

    fn packet(&mut self, _: usize, _: usize) -> (&mut [u8], usize) {
        let length = self.0.len();
        (self.0, length)
    }
}

impl Transmitter {
    pub fn new(thread: Thread) -> Self {
        Transmitter {
            thread,
            sender: Sender::new(),
            target: None,
        }
    }

    /// Sends all of the queue and empties it.
    pub fn send_queue(
        &mut self,
        world: &World,
        drops: &Drops,
        now: Now,
        pool: &mut Pool,
        queue: &mut Vec<Queued>,
    ) {
        group(queue);
        for run in queue.chunk_by(|a, b| a.adjacency == b.adjacency) {
            let adjacency = run[0].adjacency;
            self.send_run(world, drops, now, adjacency, FromPool { pool, queue: run });
        }
        queue.clear();
        self.flush(drops);
    }

    /// One packet whose buffer is free again on return.
    pub fn send_piece(
        &mut self,
        world: &World,
        drops: &Drops,
        now: Now,
        adjacency: usize,
        piece: &mut [u8],
    ) {
        self.send_run(world, drops, now, adjacency, Piece(piece));
    }

    /// A datagram that is complete already: a handshake, a keepalive.
    pub fn send_datagram(
        &mut self,
        sockets: &Arc<OuterSockets>,
        drops: &Drops,
        datagram: &[u8],
        to: SocketAddr,
    ) {
        self.aim_outer(sockets, 1, drops);
        self.sender.room()[..datagram.len()].copy_from_slice(datagram);
        self.sender.push(datagram.len(), to);
    }

    pub fn flush(&mut self, drops: &Drops) {
        let refused = |error: std::io::Error| drops.io(IoDrop::of_send(&error));
        match self.target.take() {
            _ if self.sender.is_empty() => {}
            Some(Target::Outer(sockets)) => {
                let v6 = sockets.v6.as_ref().map(|socket| socket.as_fd());
                self.sender.flush(sockets.v4.as_fd(), v6, refused);
            }
            Some(Target::Inner(uplink)) => {
                if let Ports::Kernel { sockets, .. } = &uplink.ports {
                    self.sender.flush(sockets.raw.as_fd(), None, refused);
                }
            }
            None => {}
        }
    }

    /// Takes the peer's session once for the whole run, for which room is made before.
    fn send_run(
        &mut self,
        world: &World,
        drops: &Drops,
        now: Now,
        adjacency: usize,
        mut run: impl Run,
    ) {
        let index = adjacency;
        let adjacency = &world.adjacencies[index];
        let uplink = &world.uplinks[adjacency.uplink];
        match &uplink.ports {
            Ports::Embedded(embedded) => {
                let (peers, sockets) = embedded.load();
                self.aim_outer(&sockets, run.len(), drops);
                let Some(peer) = peers.by_key(&adjacency.peer) else {
                    (0..run.len()).for_each(|_| drops.io(IoDrop::NoPeer));
                    return;
                };
                let mut sealer = peer.seal_run(now, run.len());
                for index in 0..run.len() {
                    let (packet, length) = run.packet(index, adjacency.room);
                    let (sealer, packet) = (sealer.as_mut(), &packet[..length]);
                    self.encrypt(drops, adjacency, peer, sealer, now, packet);
                }
            }
            Ports::Kernel { .. } => {
                self.aim_inner(uplink, run.len(), drops);
                let to = world.table.adjacencies[index].remote_address;
                let to = SocketAddr::V4(SocketAddrV4::new(to, 0));
                for index in 0..run.len() {
                    let (packet, length) = run.packet(index, adjacency.room);
                    let Some(room) = self.sender.room().get_mut(..length) else {
                        drops.io(IoDrop::Oversized);
                        continue;
                    };
                    room.copy_from_slice(&packet[..length]);
                    self.sender.push(length, to);
                    adjacency.sent.add(self.thread, length);
                }
            }
        }
    }

    fn encrypt(
        &mut self,
        drops: &Drops,
        adjacency: &Adjacency,
        peer: &Peer,
        sealer: Option<&mut Sealer<'_>>,
        now: Now,
        packet: &[u8],
    ) {
        let room = self.sender.room();
        let Some(sealer) = sealer else {
            match peer.wait(now, packet, adjacency.room, room) {
                Sent::Datagram(datagram) => self.sender.push(datagram.len, datagram.to),
                // It goes when the handshake is through, or is counted if it never is.
                Sent::Queued => {}
                Sent::Dropped(_) => return,
            }
            adjacency.sent.add(self.thread, packet.len());
            return;
        };
        let at = HEADER..HEADER + packet.len();
        let Some(place) = room.get_mut(at.clone()) else {
            drops.io(IoDrop::Oversized);
            return;
        };
        place.copy_from_slice(packet);
        if let Some(datagram) = sealer.seal(room, at, adjacency.room) {
            self.sender.push(datagram.len(), sealer.to());
            adjacency.sent.add(self.thread, packet.len());
        }
    }

    fn aim_outer(&mut self, sockets: &Arc<OuterSockets>, packets: usize, drops: &Drops) {
        let same =
            matches!(&self.target, Some(Target::Outer(aimed)) if Arc::ptr_eq(aimed, sockets));
        if !same || self.sender.len() + packets > BATCH {
            self.flush(drops);
            self.target = Some(Target::Outer(sockets.clone()));
        }
    }

    fn aim_inner(&mut self, uplink: &Arc<Uplink>, packets: usize, drops: &Drops) {
        let same = matches!(&self.target, Some(Target::Inner(aimed)) if Arc::ptr_eq(aimed, uplink));
        if !same || self.sender.len() + packets > BATCH {
            self.flush(drops);
            self.target = Some(Target::Inner(uplink.clone()));
        }
    }
}
