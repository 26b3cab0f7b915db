//! An underlay thread: from the uplinks' sockets to the next hop or a LAN. The first one has the
//! timers too: probes, WireGuard's, devices that come and go.

mod rounds;

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use labelway_forward::{HEADROOM, Outcome, TokenBucket, switch};
use labelway_wireguard::{Now, Peer, Received, Receiver};

use crate::congestion::combine_ecn;
use crate::counters::IoDrop;
use crate::deliver::Deliverer;
use crate::inner::{self, InnerPort};
use crate::memory::{LARGEST, Memory, Place};
use crate::outer::OuterSockets;
use crate::poll::{Events, Token, WAKE};
use crate::probe::{self, LocalOutcome};
use crate::receive::{self, MESSAGE_BYTES, MESSAGES, Train};
use crate::shared::{Counting, Shared, context, run_ahead_of_others, to_lan};
use crate::threads::Thread;
use crate::transmit::{Batch, Queued, Transmitter};
use crate::uplink::{Embedded, Ports};
use crate::world::World;
use rounds::Rounds;

/// Batches from one socket before the others have their turn.
const TURN: usize = 4;
/// Packets that are decrypted before they are switched, and switched before they are encrypted:
/// they are still in the first-level cache.
const RUN: usize = 16;
/// Buffers for what does not stay where it came: probes, errors, packets that grow.
const SLOTS: usize = 2 * RUN;

pub fn run(shared: &Shared, thread: Thread) {
    run_ahead_of_others();
    let poll = shared.poll(thread);
    let mut rounds = (thread.number == 0).then(|| Rounds::new(poll));
    let mut underlay = Underlay {
        shared,
        thread,
        receiver: receive::Receiver::new(),
        memory: Memory::new(MESSAGES * MESSAGE_BYTES, SLOTS),
        scratch: vec![0; LARGEST].into_boxed_slice(),
        arrived: Vec::with_capacity(RUN),
        queue: Vec::with_capacity(SLOTS),
        transmitter: Transmitter::new(thread),
        deliverer: Deliverer::new(thread),
        icmp: shared.icmp_limit(thread),
        bfd_is_due: false,
    };
    let mut events = Events::with_capacity(64);
    while !shared.is_stopping() {
        poll.wait(&mut events)
            .expect("the epoll instance stays open");
        let world = shared.world.load();
        for token in events.tokens() {
            if token == WAKE {
                poll.drain_waker();
            } else if let Some(world) = world.as_deref() {
                underlay.readable(world, token);
            }
        }
        // After what has arrived: a thread that was held up would take what waits in its sockets
        // for missing.
        if let Some(rounds) = &mut rounds {
            rounds.handle(&mut underlay, world.as_deref(), events.tokens());
        } else if underlay.bfd_is_due
            && let Some(world) = world.as_deref()
        {
            underlay.bfd(world);
        }
    }
}

struct Underlay<'s> {
    shared: &'s Shared,
    thread: Thread,
    receiver: receive::Receiver,
    /// What came from a socket, and slots.
    memory: Memory,
    /// For what WireGuard has to say by itself.
    scratch: Box<[u8]>,
    arrived: Vec<Arrived>,
    /// Switched, not yet encrypted.
    queue: Vec<Queued>,
    transmitter: Transmitter,
    deliverer: Deliverer,
    icmp: TokenBucket,
    /// A neighbour is to be told something at once.
    bfd_is_due: bool,
}

/// A decrypted inner packet.
struct Arrived {
    from: usize,
    place: Place,
}

impl<'s> Underlay<'s> {
    fn readable(&mut self, world: &World, token: Token) {
        let Some(index) = world.uplink_of(token) else {
            return;
        };
        match &world.uplinks[index].ports {
            Ports::Embedded(embedded) => {
                let sockets = embedded.sockets.load_full();
                for (socket, known) in sockets.all() {
                    if known == token {
                        self.take_outer_turn(world, index, embedded, &sockets, socket.as_fd());
                    }
                }
            }
            Ports::Kernel { sockets, .. } => {
                for port in sockets.ports().iter().filter(|port| port.token == token) {
                    self.take_inner_turn(world, index, port);
                }
            }
        }
    }

    fn take_outer_turn(
        &mut self,
        world: &World,
        uplink: usize,
        embedded: &Embedded,
        sockets: &Arc<OuterSockets>,
        socket: BorrowedFd<'_>,
    ) {
        for _ in 0..TURN {
            // An error is the socket's past, not a datagram: the device went down, for example.
            let Ok(count) = self.receiver.receive(socket, self.memory.front()) else {
                return;
            };
            let batch = self.batch(world);
            let peers = embedded.device.peers();
            let mut receiver = peers.receiver();
            let mut last = None;
            for index in 0..count {
                let Some(train) = self.receiver.train(index) else {
                    batch.drops.io(IoDrop::Oversized);
                    continue;
                };
                for datagram in train.datagrams() {
                    self.open(
                        batch,
                        uplink,
                        sockets,
                        &mut receiver,
                        &mut last,
                        &train,
                        datagram,
                    );
                    if self.arrived.len() == RUN {
                        self.forward(batch);
                    }
                }
                self.forward(batch);
            }
            drop(receiver);
            self.finish(batch);
            if count < MESSAGES {
                return;
            }
        }
    }

    /// Decrypts a datagram where it is.
    #[expect(clippy::too_many_arguments)]
    fn open<'t>(
        &mut self,
        batch: Batch<'_>,
        uplink: usize,
        sockets: &Arc<OuterSockets>,
        receiver: &mut Receiver<'t>,
        last: &mut Option<(&'t Arc<Peer>, Option<usize>)>,
        train: &Train,
        datagram: Range<usize>,
    ) {
        let Batch {
            world, drops, now, ..
        } = batch;
        let bytes = &mut self.memory.bytes_mut()[datagram.clone()];
        match receiver.receive(now, train.from, bytes, &mut self.scratch) {
            Received::Packet { peer, packet } => {
                let from = match last {
                    Some((known, from)) if Arc::ptr_eq(known, peer) => *from,
                    _ => world.by_peer[uplink].get(peer.public_key()).copied(),
                };
                *last = Some((peer, from));
                let Some(from) = from else {
                    drops.io(IoDrop::UnknownNeighbour);
                    return;
                };
                let packet = datagram.start + packet.start..datagram.start + packet.end;
                if !combine_ecn(train.ecn, &mut self.memory.bytes_mut()[packet.clone()]) {
                    drops.io(IoDrop::CongestionUntold);
                    return;
                }
                let limit = datagram.end;
                let place = Place { packet, limit };
                self.arrived.push(Arrived { from, place });
            }
            Received::Reply(reply) => sockets.send(drops, &self.scratch[..reply.len], reply.to),
            Received::Nothing | Received::Dropped(_) => {}
        }
        while let Some(waited) = receiver.flush(now, &mut self.scratch) {
            sockets.send(drops, &self.scratch[..waited.len], waited.to);
        }
    }

    /// Inner packets come without their header from a socket; the switch gets the whole.
    fn take_inner_turn(&mut self, world: &World, uplink: usize, port: &InnerPort) {
        let to = world.table.uplinks[uplink].tunnel_address;
        for _ in 0..TURN {
            let Ok(count) = self
                .receiver
                .receive(port.socket.as_fd(), self.memory.front())
            else {
                return;
            };
            let batch = self.batch(world);
            for index in 0..count {
                let Some(train) = self.receiver.train(index) else {
                    batch.drops.io(IoDrop::Oversized);
                    continue;
                };
                let from = match train.from.ip() {
                    std::net::IpAddr::V4(from) => world.fib.adjacency_of(uplink, from),
                    std::net::IpAddr::V6(_) => None,
                };
                let Some(from) = from else {
                    batch.drops.io(IoDrop::UnknownNeighbour);
                    continue;
                };
                for datagram in train.datagrams() {
                    self.make_room(batch);
                    let (front, slot) = self.memory.front_and_slot();
                    let room = &mut slot[HEADROOM..];
                    let payload = &front[datagram];
                    match inner::rebuild(room, payload, train.from, to, port.port, train.ecn) {
                        None => batch.drops.io(IoDrop::Oversized),
                        Some(length) => {
                            let place = self.memory.take(HEADROOM..HEADROOM + length);
                            self.switch(batch, from, place);
                        }
                    }
                }
            }
            self.finish(batch);
            if count < MESSAGES {
                return;
            }
        }
    }

    /// Switches what has arrived, and encrypts what goes on.
    fn forward(&mut self, batch: Batch<'_>) {
        for index in 0..self.arrived.len() {
            let Arrived { from, ref place } = self.arrived[index];
            let place = place.clone();
            self.make_room(batch);
            self.switch(batch, from, place);
        }
        self.arrived.clear();
        self.encrypt(batch);
    }

    fn switch(&mut self, batch: Batch<'_>, from: usize, place: Place) {
        let Batch {
            world,
            drops,
            elapsed,
            ..
        } = batch;
        let received = &world.adjacencies[from].received;
        received.add(self.thread, place.packet.len());
        let mut counting = Counting::new(self.thread, world, drops);
        let mut context = context(&mut counting, &mut self.icmp, elapsed);
        let mut packet = self.memory.packet(&place);
        let outcome = switch(&mut context, from, &mut packet);
        let (moved, range) = (packet.moved(), packet.range());
        let place = self.memory.settle(place, moved, range);
        match outcome {
            Outcome::Send { adjacency } => self.queue.push(Queued { adjacency, place }),
            Outcome::Deliver { segment } => {
                let memory = self.memory.bytes_mut();
                self.deliverer
                    .push(world, drops, memory, segment, place.packet);
            }
            Outcome::ToTun { segment } => {
                to_lan(
                    world,
                    drops,
                    self.thread,
                    segment,
                    &self.memory.bytes()[place.packet],
                );
            }
            Outcome::Local { labelled } => {
                let Some(packet) = self.memory.copy(&place) else {
                    drops.io(IoDrop::Oversized);
                    return;
                };
                match probe::handle_local(world, from, labelled, packet, elapsed) {
                    LocalOutcome::Answer { adjacency, range } => {
                        let place = self.memory.take(range);
                        self.queue.push(Queued { adjacency, place });
                    }
                    LocalOutcome::Taken => {}
                    LocalOutcome::BfdIsDue => self.bfd_is_due = true,
                    LocalOutcome::Drop(reason) => drops.io(reason),
                }
            }
            // Errors about packets in transit are never fragmented (RFC 1812 §4.3.2.3): too small.
            Outcome::Fragments(_) => drops.io(IoDrop::Oversized),
            Outcome::Drop(_) => {}
        }
    }

    /// Room for what switching one more packet may take.
    fn make_room(&mut self, batch: Batch<'_>) {
        const SLOTS_A_PACKET: usize = 2;
        if self.memory.free() < SLOTS_A_PACKET {
            self.finish(batch);
        }
    }

    fn encrypt(&mut self, batch: Batch<'_>) {
        self.transmitter
            .take_queue(batch, &mut self.memory, &mut self.queue);
    }

    /// Sends and delivers everything; the memory is free again.
    fn finish(&mut self, batch: Batch<'_>) {
        self.encrypt(batch);
        self.transmitter.flush(batch.drops, &self.memory);
        self.deliverer
            .flush(batch.world, batch.drops, self.memory.bytes_mut());
        self.memory.reclaim();
    }

    fn batch<'w>(&self, world: &'w World) -> Batch<'w>
    where
        's: 'w,
    {
        Batch {
            world,
            drops: self.shared.drops(self.thread),
            now: Now::read(),
            elapsed: self.shared.now(),
        }
    }
}
