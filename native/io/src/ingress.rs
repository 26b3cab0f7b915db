//! The ingress thread: from the segments' TUNs onto label stacks.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use labelway_forward::{Outcome, TokenBucket, ingress};
use labelway_wireguard::Now;

use crate::batch::{BATCH, SLOT};
use crate::counters::{IoDrop, Thread};
use crate::poll::{Events, WAKE};
use crate::pool::{Pool, Queued};
use crate::shared::{Counting, Shared, context, run_ahead_of_others, to_lan};
use crate::transmit::Transmitter;
use crate::world::World;

/// Batches from one TUN before the others have their turn.
const TURN: usize = 4;

pub fn run(shared: &Shared) {
    run_ahead_of_others();
    let mut ingress = Ingress {
        shared,
        pool: Pool::new(),
        queue: Vec::with_capacity(BATCH),
        transmitter: Transmitter::new(Thread::Ingress),
        icmp: TokenBucket::default(),
    };
    let mut events = Events::with_capacity(64);
    while !shared.is_stopping() {
        shared
            .ingress
            .wait(&mut events)
            .expect("the epoll instance stays open");
        let world = shared.world.load();
        for token in events.tokens() {
            if token == WAKE {
                shared.ingress.drain_waker();
            } else if let Some(world) = world.as_deref()
                && let Some(&segment) = world.by_tun.get(&token)
            {
                ingress.take_turn(world, segment);
            }
        }
    }
}

struct Ingress<'s> {
    shared: &'s Shared,
    pool: Pool,
    queue: Vec<Queued>,
    transmitter: Transmitter,
    icmp: TokenBucket,
}

impl Ingress<'_> {
    fn take_turn(&mut self, world: &World, segment: usize) {
        for _ in 0..TURN {
            if !self.batch(world, segment) {
                return;
            }
        }
    }

    /// Forwards up to [`BATCH`] packets; false when no more were waiting.
    fn batch(&mut self, world: &World, segment: usize) -> bool {
        let drops = self.shared.drops(Thread::Ingress);
        let now = Now::read();
        let mut counting = Counting {
            thread: Thread::Ingress,
            world,
            drops,
        };
        let mut context = context(&mut counting, &mut self.icmp, self.shared.now());
        let port = &world.segments[segment];
        let mut more = true;
        for slot in 0..BATCH {
            let length = match port.tun.read(&mut self.pool.room(slot)[..SLOT]) {
                Ok(length) => length,
                Err(error) => {
                    self.explain_read(world, segment, &error);
                    more = false;
                    break;
                }
            };
            port.ingress.add(Thread::Ingress, length);
            let mut packet = self.pool.packet(slot, length);
            match ingress(&mut context, segment, &mut packet) {
                Outcome::Send { adjacency } => {
                    self.queue.push(Queued {
                        adjacency,
                        slot,
                        range: packet.range(),
                    });
                }
                Outcome::Fragments(mut fragments) => {
                    let adjacency = fragments.adjacency();
                    while fragments.next(&mut packet) {
                        let piece = packet.bytes_mut();
                        self.transmitter
                            .send_piece(world, drops, now, adjacency, piece);
                    }
                }
                Outcome::ToTun { segment } | Outcome::Deliver { segment } => {
                    to_lan(world, drops, segment, packet.bytes());
                }
                Outcome::Drop(_) | Outcome::Local { .. } => {}
            }
        }
        self.transmitter
            .send_queue(world, drops, now, &mut self.pool, &mut self.queue);
        more
    }

    fn explain_read(&self, world: &World, segment: usize, error: &io::Error) {
        if matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
        ) {
            return;
        }
        // The device is gone: it would be told as readable for ever.
        let tun = &world.segments[segment].tun;
        self.shared.ingress.remove(tun.as_fd());
        tun.lost.store(true, Ordering::Relaxed);
        self.shared.drops(Thread::Ingress).io(IoDrop::TunRefused);
    }
}
