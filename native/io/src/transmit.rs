//! Out by an uplink: encrypts runs of packets where they lie, and sends them in trains.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use labelway_wire::{Ecn, ecn};
use labelway_wireguard::{Now, Peer, Sent, TAG};
use socket2::Socket;

use crate::counters::{Drops, IoDrop};
use crate::inner::HEADERS;
use crate::memory::{LARGEST, Memory, Place};
use crate::outer::OuterSockets;
use crate::send::{DATAGRAMS, Destination, Sender};
use crate::threads::Thread;
use crate::uplink::{MPLS_PORT, Ports, Uplink};
use crate::world::{Adjacency, World};

/// A packet that is to be sent over an adjacency.
pub struct Queued {
    pub adjacency: usize,
    pub place: Place,
}

/// One a thread. What is handed to it is sent at the latest by [`Transmitter::flush`]; until then
/// the memory that it lies in must not change.
pub struct Transmitter {
    thread: Thread,
    sender: Sender,
    target: Option<Target>,
    /// For what WireGuard has to say by itself.
    scratch: Box<[u8]>,
}

/// Whose sockets the collected datagrams go out by. Held, so that a swap does not close them.
enum Target {
    Outer(Arc<OuterSockets>),
    /// Inner packets that somebody else encrypts, each with its header.
    Whole(Arc<Uplink>),
    /// The same of one flow, without their headers: the socket makes them.
    Flow(Arc<Socket>),
}

/// From so many packets of one flow on they get a socket of their own: making it costs as much as
/// they do.
const BULK: usize = 8;

/// What every step is handed.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    pub world: &'a World,
    pub drops: &'a Drops,
    pub now: Now,
    /// The same in time since the engine started.
    pub elapsed: Duration,
}

impl Transmitter {
    pub fn new(thread: Thread) -> Self {
        Transmitter {
            thread,
            sender: Sender::new(),
            target: None,
            scratch: vec![0; LARGEST].into_boxed_slice(),
        }
    }

    /// Encrypts all of the queue, in order, and empties it.
    pub fn take_queue(&mut self, batch: Batch<'_>, memory: &mut Memory, queue: &mut Vec<Queued>) {
        for run in queue.chunk_by(|a, b| a.adjacency == b.adjacency) {
            for part in run.chunks(DATAGRAMS) {
                self.take_run(batch, memory, part);
            }
        }
        queue.clear();
    }

    /// Sends what was collected: the memory may change again.
    pub fn flush(&mut self, drops: &Drops, memory: &Memory) {
        let refused = |error: &std::io::Error| drops.io(IoDrop::of_send(error));
        match self.target.take() {
            _ if self.sender.is_empty() => {}
            Some(Target::Outer(sockets)) => {
                // All send from the same port; each thread by the sockets that are its own.
                let pair = &sockets.pairs()[self.thread.lane];
                let v6 = pair.v6.as_ref().map(|socket| socket.as_fd());
                let bytes = memory.bytes();
                if !self.sender.flush(bytes, pair.v4.as_fd(), v6, refused) {
                    sockets.takes_trains.store(false, Ordering::Relaxed);
                }
            }
            Some(Target::Whole(uplink)) => {
                if let Ports::Kernel { sockets, .. } = &uplink.ports {
                    let bytes = memory.bytes();
                    self.sender.flush(bytes, sockets.raw.as_fd(), None, refused);
                }
            }
            Some(Target::Flow(socket)) => {
                let bytes = memory.bytes();
                self.sender.flush(bytes, socket.as_fd(), None, refused);
            }
            None => {}
        }
    }

    /// At most [`DATAGRAMS`] packets, all for one adjacency.
    fn take_run(&mut self, batch: Batch<'_>, memory: &mut Memory, run: &[Queued]) {
        let Batch { world, drops, .. } = batch;
        let index = run[0].adjacency;
        let adjacency = &world.adjacencies[index];
        let uplink = &world.uplinks[adjacency.uplink];
        match &uplink.ports {
            Ports::Embedded(embedded) => {
                let (peers, sockets) = embedded.load();
                let Some(peer) = peers.by_key(&adjacency.peer) else {
                    run.iter().for_each(|_| drops.io(IoDrop::NoPeer));
                    return;
                };
                let same = |target: &Target| matches!(target, Target::Outer(aimed) if Arc::ptr_eq(aimed, &sockets));
                self.aim(drops, memory, run.len(), same, || {
                    Target::Outer(sockets.clone())
                });
                self.seal(batch, memory, peer, &sockets, adjacency, run);
            }
            Ports::Kernel { sockets, .. } => {
                let address = world.table.adjacencies[index].remote_address;
                let bytes = |queued: &Queued| &memory.bytes()[queued.place.packet.clone()];
                for like in run.chunk_by(|a, b| ports(bytes(a)) == ports(bytes(b))) {
                    let (source_port, port) = ports(bytes(&like[0]));
                    let bulk = like.len() >= BULK && port == MPLS_PORT;
                    match bulk.then(|| sockets.of_flow(source_port)).flatten() {
                        Some(socket) => self.take_flow(drops, memory, socket, address, like),
                        None => self.take_whole(drops, memory, uplink, address, like),
                    }
                }
                let bytes = run.iter().map(|queued| queued.place.packet.len()).sum();
                adjacency.sent.add_many(self.thread, run.len(), bytes);
            }
        }
    }

    fn take_whole(
        &mut self,
        drops: &Drops,
        memory: &Memory,
        uplink: &Arc<Uplink>,
        address: Ipv4Addr,
        packets: &[Queued],
    ) {
        let same =
            |target: &Target| matches!(target, Target::Whole(aimed) if Arc::ptr_eq(aimed, uplink));
        self.aim(drops, memory, packets.len(), same, || {
            Target::Whole(uplink.clone())
        });
        let to = SocketAddr::V4(SocketAddrV4::new(address, 0));
        let ecn = Ecn::NotEct; // the packet brings its own along
        for Queued { place, .. } in packets {
            let destination = Destination { to, ecn };
            self.sender.push(place.packet.clone(), destination, true);
        }
    }

    fn take_flow(
        &mut self,
        drops: &Drops,
        memory: &Memory,
        socket: Arc<Socket>,
        address: Ipv4Addr,
        packets: &[Queued],
    ) {
        let same =
            |target: &Target| matches!(target, Target::Flow(aimed) if Arc::ptr_eq(aimed, &socket));
        self.aim(drops, memory, packets.len(), same, || {
            Target::Flow(socket.clone())
        });
        let to = SocketAddr::V4(SocketAddrV4::new(address, MPLS_PORT));
        for Queued { place, .. } in packets {
            let packet = place.packet.clone();
            let ecn = Ecn::of(memory.bytes()[packet.start + 1]);
            let destination = Destination { to, ecn };
            let payload = packet.start + HEADERS..packet.end;
            self.sender.push(payload, destination, false);
        }
    }

    fn seal(
        &mut self,
        batch: Batch<'_>,
        memory: &mut Memory,
        peer: &Peer,
        sockets: &OuterSockets,
        adjacency: &Adjacency,
        run: &[Queued],
    ) {
        let Some(mut sealer) = peer.seal_run(batch.now, run.len()) else {
            for Queued { place, .. } in run {
                self.wait(batch, memory, peer, sockets, adjacency, place);
            }
            return;
        };
        let to = sealer.to();
        let alone = !sockets.takes_trains.load(Ordering::Relaxed);
        let (mut packets, mut bytes) = (0, 0);
        for Queued { place, .. } in run {
            let packet = place.packet.clone();
            // Padding ends where the tunnel's MTU does, and where another packet's bytes begin.
            let room = adjacency.room.min(place.limit - TAG - packet.start);
            let length = packet.len();
            // The class stays inside, congestion is told to both (RFC 6040 §4.1).
            let ecn = ecn::encapsulate(Ecn::of(memory.bytes()[packet.start + 1]));
            if let Some(datagram) = sealer.seal(memory.bytes_mut(), packet, room) {
                let destination = Destination { to, ecn };
                self.sender.push(datagram, destination, alone);
                packets += 1;
                bytes += length;
            }
        }
        adjacency.sent.add_many(self.thread, packets, bytes);
    }

    /// There is no session yet: a copy goes when the handshake is through, or is counted if it
    /// never is.
    fn wait(
        &mut self,
        batch: Batch<'_>,
        memory: &Memory,
        peer: &Peer,
        sockets: &OuterSockets,
        adjacency: &Adjacency,
        place: &Place,
    ) {
        let packet = &memory.bytes()[place.packet.clone()];
        match peer.wait(batch.now, packet, adjacency.room, &mut self.scratch) {
            Sent::Datagram(datagram) => {
                let bytes = &self.scratch[..datagram.len];
                sockets.send(batch.drops, bytes, datagram.to);
            }
            Sent::Queued => {}
            Sent::Dropped(_) => return,
        }
        adjacency.sent.add(self.thread, packet.len());
    }

    /// Makes room for so many packets to one target.
    fn aim(
        &mut self,
        drops: &Drops,
        memory: &Memory,
        packets: usize,
        same: impl FnOnce(&Target) -> bool,
        target: impl FnOnce() -> Target,
    ) {
        if !self.target.as_ref().is_some_and(same) || self.sender.room() < packets {
            self.flush(drops, memory);
            self.target = Some(target());
        }
    }
}

/// Source and destination port of an inner packet, whose IPv4 header is ours and has no options.
fn ports(packet: &[u8]) -> (u16, u16) {
    let port = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    (port(20), port(22))
}
