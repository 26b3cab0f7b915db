//! The underlay thread: from the uplinks' sockets to the next hop or a LAN; probes; timers.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use labelway_forward::{Outcome, TokenBucket, switch};
use labelway_wireguard::{MIN_OUTPUT, Now, Peer, Received};

use crate::batch::{BATCH, Receiver};
use crate::counters::{IoDrop, Thread};
use crate::inner::{self, InnerPort};
use crate::outer::OuterSockets;
use crate::poll::{Events, Timer, Token, WAKE};
use crate::pool::{Pool, Queued};
use crate::probe::{self, LocalOutcome};
use crate::shared::{Counting, Shared, context, run_ahead_of_others, to_lan};
use crate::transmit::Transmitter;
use crate::uplink::{Embedded, Ports};
use crate::world::World;

const TICK: Token = 1;
/// How finely probes are spread over their interval, and how exactly they are sent.
const TICK_PERIOD: Duration = Duration::from_millis(10);
/// WireGuard's timers are looked at every 100 ms.
const TICKS_A_WIREGUARD_ROUND: u64 = 10;
/// Devices that went away are looked for every second.
const TICKS_A_DEVICE_ROUND: u64 = 100;
/// Batches from one socket before the others have their turn.
const TURN: usize = 4;

pub fn run(shared: &Shared) {
    run_ahead_of_others();
    let timer = Timer::every(TICK_PERIOD).expect("a timer can be made");
    shared
        .underlay
        .add(timer.as_fd(), TICK)
        .expect("the epoll instance stays open");
    let mut underlay = Underlay {
        shared,
        receiver: Receiver::new(0),
        pool: Pool::new(),
        scratch: vec![0; crate::batch::SLOT].into_boxed_slice(),
        arrived: Vec::with_capacity(BATCH),
        queue: Vec::with_capacity(BATCH),
        transmitter: Transmitter::new(Thread::Underlay),
        icmp: TokenBucket::default(),
    };
    let mut events = Events::with_capacity(64);
    let mut ticks = 0;
    while !shared.is_stopping() {
        shared
            .underlay
            .wait(&mut events)
            .expect("the epoll instance stays open");
        let world = shared.world.load();
        for token in events.tokens() {
            match token {
                WAKE => shared.underlay.drain_waker(),
                TICK => {
                    timer.drain();
                    ticks += 1;
                    if let Some(world) = world.as_deref() {
                        underlay.tick(world, ticks);
                    }
                }
                _ => {
                    if let Some(world) = world.as_deref() {
                        underlay.readable(world, token);
                    }
                }
            }
        }
    }
}

struct Underlay<'s> {
    shared: &'s Shared,
    receiver: Receiver,
    pool: Pool,
    /// For what WireGuard has to say by itself.
    scratch: Box<[u8]>,
    arrived: Vec<Arrived>,
    queue: Vec<Queued>,
    transmitter: Transmitter,
    icmp: TokenBucket,
}

/// An inner packet in a slot of the pool.
struct Arrived {
    from: usize,
    slot: usize,
    length: usize,
}

impl Underlay<'_> {
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
                for port in sockets.ports.iter().filter(|port| port.token == token) {
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
            let Ok(count) = self.receiver.receive(socket) else {
                return;
            };
            self.decrypt(world, uplink, embedded, sockets, count);
            self.forward(world);
            if count < BATCH {
                return;
            }
        }
    }

    fn decrypt(
        &mut self,
        world: &World,
        uplink: usize,
        embedded: &Embedded,
        sockets: &Arc<OuterSockets>,
        count: usize,
    ) {
        let drops = self.shared.drops(Thread::Underlay);
        let now = Now::read();
        let peers = embedded.device.peers();
        let mut receiver = peers.receiver();
        let mut last: Option<(&Arc<Peer>, Option<usize>)> = None;
        for slot in 0..count {
            let Some(datagram) = self.receiver.datagram(slot) else {
                drops.io(IoDrop::Oversized);
                continue;
            };
            let bytes = &mut datagram.slot[datagram.start..];
            let room = self.pool.room(slot);
            match receiver.receive(now, datagram.from, bytes, &mut self.scratch) {
                Received::Packet { peer, packet } => {
                    let len = packet.len();
                    room[..len].copy_from_slice(&bytes[packet]);
                    let from = match last {
                        Some((known, from)) if Arc::ptr_eq(known, peer) => from,
                        _ => world.by_peer[uplink].get(peer.public_key()).copied(),
                    };
                    last = Some((peer, from));
                    match from {
                        Some(from) => self.arrived.push(Arrived {
                            from,
                            slot,
                            length: len,
                        }),
                        None => drops.io(IoDrop::UnknownNeighbour),
                    }
                }
                Received::Reply(reply) => {
                    let reply_bytes = &self.scratch[..reply.len];
                    self.transmitter
                        .send_datagram(sockets, drops, reply_bytes, reply.to);
                }
                Received::Nothing | Received::Dropped(_) => {}
            }
            while let Some(waited) = receiver.flush(now, &mut self.scratch) {
                let bytes = &self.scratch[..waited.len];
                self.transmitter
                    .send_datagram(sockets, drops, bytes, waited.to);
            }
        }
        drop(receiver);
        self.transmitter.flush(drops);
    }

    /// Inner packets come without their header from a socket; the switch gets the whole.
    fn take_inner_turn(&mut self, world: &World, uplink: usize, port: &InnerPort) {
        let drops = self.shared.drops(Thread::Underlay);
        let to = world.table.uplinks[uplink].tunnel_address;
        for _ in 0..TURN {
            let Ok(count) = self.receiver.receive(port.socket.as_fd()) else {
                return;
            };
            for slot in 0..count {
                let Some(datagram) = self.receiver.datagram(slot) else {
                    drops.io(IoDrop::Oversized);
                    continue;
                };
                let payload = &datagram.slot[datagram.start..];
                let room = self.pool.room(slot);
                let Some(length) = inner::rebuild(room, payload, datagram.from, to, port.port)
                else {
                    drops.io(IoDrop::Oversized);
                    continue;
                };
                let from = match datagram.from.ip() {
                    std::net::IpAddr::V4(from) => world.fib.adjacency_of(uplink, from),
                    std::net::IpAddr::V6(_) => None,
                };
                match from {
                    Some(from) => self.arrived.push(Arrived { from, slot, length }),
                    None => drops.io(IoDrop::UnknownNeighbour),
                }
            }
            self.forward(world);
            if count < BATCH {
                return;
            }
        }
    }

    /// Switches everything that has arrived.
    fn forward(&mut self, world: &World) {
        let drops = self.shared.drops(Thread::Underlay);
        let elapsed = self.shared.now();
        let mut counting = Counting {
            thread: Thread::Underlay,
            world,
            drops,
        };
        let mut context = context(&mut counting, &mut self.icmp, elapsed);
        for Arrived { from, slot, length } in self.arrived.drain(..) {
            world.adjacencies[from]
                .received
                .add(Thread::Underlay, length);
            let mut packet = self.pool.packet(slot, length);
            match switch(&mut context, from, &mut packet) {
                Outcome::Send { adjacency } => {
                    self.queue.push(Queued {
                        adjacency,
                        slot,
                        range: packet.range(),
                    });
                }
                Outcome::Deliver { segment } => {
                    if to_lan(world, drops, segment, packet.bytes()) {
                        world.segments[segment]
                            .egress
                            .add(Thread::Underlay, packet.len());
                    }
                }
                Outcome::ToTun { segment } => {
                    to_lan(world, drops, segment, packet.bytes());
                }
                Outcome::Fragments(mut fragments) => {
                    let adjacency = fragments.adjacency();
                    while fragments.next(&mut packet) {
                        let piece = packet.bytes_mut();
                        self.transmitter
                            .send_piece(world, drops, Now::read(), adjacency, piece);
                    }
                }
                Outcome::Local { labelled } => {
                    match probe::handle_local(world, from, labelled, packet, elapsed) {
                        LocalOutcome::Answer { adjacency, range } => {
                            self.queue.push(Queued {
                                adjacency,
                                slot,
                                range,
                            });
                        }
                        LocalOutcome::Taken => {}
                        LocalOutcome::Drop(reason) => drops.io(reason),
                    }
                }
                Outcome::Drop(_) => {}
            }
        }
        let now = Now::read();
        self.transmitter
            .send_queue(world, drops, now, &mut self.pool, &mut self.queue);
    }

    fn tick(&mut self, world: &World, ticks: u64) {
        self.probe(world);
        if ticks.is_multiple_of(TICKS_A_WIREGUARD_ROUND) {
            self.wireguard_timers(world);
        }
        if ticks.is_multiple_of(TICKS_A_DEVICE_ROUND) {
            for uplink in &world.uplinks {
                uplink.follow_device();
                uplink.follow_listener(&self.shared.control);
            }
        }
    }

    fn probe(&mut self, world: &World) {
        let drops = self.shared.drops(Thread::Underlay);
        let now = self.shared.now();
        for target in &world.targets {
            if self.queue.len() == BATCH {
                self.send_queue(world);
            }
            let slot = self.queue.len();
            match probe::handle_tick(world, target, self.pool.slot(slot), now) {
                Ok(Some((adjacency, range))) => {
                    self.queue.push(Queued {
                        adjacency,
                        slot,
                        range,
                    });
                }
                Ok(None) => {}
                Err(reason) => drops.forward(reason),
            }
        }
        self.send_queue(world);
    }

    fn send_queue(&mut self, world: &World) {
        let drops = self.shared.drops(Thread::Underlay);
        let (pool, queue) = (&mut self.pool, &mut self.queue);
        self.transmitter
            .send_queue(world, drops, Now::read(), pool, queue);
    }

    fn wireguard_timers(&mut self, world: &World) {
        const { assert!(crate::batch::SLOT >= MIN_OUTPUT) };
        let drops = self.shared.drops(Thread::Underlay);
        let now = Now::read();
        for uplink in &world.uplinks {
            let Ports::Embedded(embedded) = &uplink.ports else {
                continue;
            };
            let (peers, sockets) = embedded.load();
            let transmitter = &mut self.transmitter;
            peers.update_timers(now, &mut self.scratch, |datagram, to| {
                transmitter.send_datagram(&sockets, drops, datagram, to);
            });
            transmitter.flush(drops);
        }
    }
}
