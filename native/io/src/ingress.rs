//! An ingress thread: from the segments' TUNs onto label stacks.

use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use labelway_forward::{FlowCache, HEADROOM, Outcome, Packet, TokenBucket, ingress};
use labelway_offload::{Opened, Segments, VNET_HEADER, VnetHeader};
use labelway_wireguard::Now;

use crate::burst;
use crate::counters::IoDrop;
use crate::memory::{LARGEST, Memory, Place, lay, room_for};
use crate::poll::{Events, WAKE};
use crate::shared::{Counting, Shared, context, run_ahead_of_others, to_lan};
use crate::threads::Thread;
use crate::transmit::{Batch, Queued, Transmitter};
use crate::tun::Unread;
use crate::world::World;

/// Reads a turn from one TUN before the others have theirs, and before what was read is sent.
const READS: usize = 64;

/// Bytes where packets get their labels and are encrypted: what 64 KiB from a LAN become, and as
/// much again. The second-level cache holds it.
const ARENA: usize = 192 << 10;

/// Packets that are labelled before they are encrypted: they are still in the first-level cache.
const RUN: usize = 16;

/// Bytes that the pieces of one packet may need beyond its own.
const PIECES: usize = 16 << 10;

pub fn run(shared: &Shared, thread: Thread) {
    let poll = shared.poll(thread);
    run_ahead_of_others();
    let mut ingress = Ingress {
        shared,
        thread,
        read: vec![0; VNET_HEADER + 65_536].into_boxed_slice(),
        memory: Memory::new(ARENA, 0),
        at: 0,
        queue: Vec::with_capacity(RUN * 8),
        transmitter: Transmitter::new(thread),
        flows: FlowCache::default(),
        icmp: shared.icmp_limit(thread),
    };
    let mut events = Events::with_capacity(64);
    while !shared.is_stopping() {
        poll.wait(&mut events)
            .expect("the epoll instance stays open");
        let world = shared.world.load();
        for token in events.tokens() {
            if token == WAKE {
                poll.drain_waker();
            } else if let Some(world) = world.as_deref()
                && let Some(&segment) = world.by_tun.get(&token)
            {
                ingress.turn(world, segment);
            }
        }
    }
}

struct Ingress<'s> {
    shared: &'s Shared,
    thread: Thread,
    /// What a TUN gave: a virtio-net header and a packet.
    read: Box<[u8]>,
    memory: Memory,
    /// Where the free part of the memory begins.
    at: usize,
    /// Labelled, not yet encrypted.
    queue: Vec<Queued>,
    transmitter: Transmitter,
    flows: FlowCache,
    icmp: TokenBucket,
}

impl Ingress<'_> {
    fn turn(&mut self, world: &World, segment: usize) {
        let batch = Batch {
            world,
            drops: self.shared.drops(self.thread),
            now: Now::read(),
            elapsed: self.shared.now(),
        };
        let queue = &world.segments[segment].tun.queues()[self.thread.number];
        for _ in 0..READS {
            match queue.read(&mut self.read) {
                Ok(length) => self.take(batch, segment, length),
                Err(Unread::Empty) => break,
                Err(Unread::Indescribable) => batch.drops.io(IoDrop::TunMalformed),
                Err(Unread::Gone) => {
                    self.lose(world, segment);
                    break;
                }
            }
        }
        self.send(batch);
    }

    /// Forwards what was read.
    fn take(&mut self, batch: Batch<'_>, segment: usize, length: usize) {
        let traffic = &batch.world.segments[segment].ingress;
        let (header, packet) = self.read[..length].split_at_mut(VNET_HEADER.min(length));
        let opened =
            VnetHeader::decode(header).and_then(|header| labelway_offload::open(header, packet));
        match opened {
            Ok(Opened::Single) => {
                traffic.add(self.thread, packet.len());
                let length = packet.len();
                self.single(batch, segment, length, |packet, room| {
                    room.copy_from_slice(&packet[..room.len()]);
                });
            }
            Ok(Opened::Super(segments)) => {
                let packets = segments.count();
                let bytes = (0..packets).map(|index| segments.length(index)).sum();
                traffic.add_many(self.thread, packets, bytes);
                self.run_of_like(batch, segment, &segments);
            }
            Err(_) => batch.drops.io(IoDrop::TunMalformed),
        }
    }

    /// A super-packet: its first packet goes all the way, and if that is simply onto a list, the
    /// others go after it. They differ in nothing that the way depends on.
    fn run_of_like(&mut self, batch: Batch<'_>, segment: usize, segments: &Segments) {
        let may_follow = burst::may_follow(&self.read[VNET_HEADER..]);
        let first = self.single(batch, segment, segments.length(0), |packet, room| {
            segments.write(0, packet, room);
        });
        match first {
            Some(first) if may_follow => self.follow(batch, segments, &first),
            _ => {
                for index in 1..segments.count() {
                    self.single(batch, segment, segments.length(index), |packet, room| {
                        segments.write(index, packet, room);
                    });
                }
            }
        }
    }

    /// Sends packets 1 and up the way of packet 0.
    fn follow(&mut self, batch: Batch<'_>, segments: &Segments, first: &Labelled) {
        let mut prefix = [0; HEADROOM];
        let prefix = &mut prefix[..first.prefix.len()];
        prefix.copy_from_slice(&self.memory.bytes()[first.prefix.clone()]);
        segments.set_ttl(&mut self.read[VNET_HEADER..], first.ttl);
        let (mut packets, mut bytes) = (0, 0);
        for index in 1..segments.count() {
            let length = segments.length(index);
            let at = self.make_room(batch, room_for(prefix.len() + length, 0));
            let place = lay(at, prefix.len() + length, 0);
            let whole = &mut self.memory.bytes_mut()[place.packet.clone()];
            let read = &self.read[VNET_HEADER..];
            if !burst::write_like(prefix, segments, index, read, whole) {
                batch.drops.io(IoDrop::Oversized);
                continue;
            }
            packets += 1;
            bytes += length;
            self.at = place.limit;
            let adjacency = first.adjacency;
            self.queue.push(Queued { adjacency, place });
        }
        let sent = &batch.world.lists[first.list].sent;
        sent.add_many(self.thread, packets, bytes);
    }

    /// Forwards one packet of `length` bytes, which `fill` writes from what was read. Tells what
    /// was done if it went onto a list as one packet; it is not encrypted yet.
    fn single(
        &mut self,
        batch: Batch<'_>,
        segment: usize,
        length: usize,
        fill: impl FnOnce(&[u8], &mut [u8]),
    ) -> Option<Labelled> {
        let Batch { world, drops, .. } = batch;
        if length > LARGEST {
            drops.io(IoDrop::Oversized);
            return None;
        }
        let at = self.make_room(batch, room_for(length, HEADROOM) + length + PIECES);
        let place = lay(at, length, HEADROOM);
        let base = place.packet.start - HEADROOM;
        let (front, behind) = self.memory.bytes_mut().split_at_mut(place.limit);
        let room = &mut front[base..place.packet.end];
        fill(&self.read[VNET_HEADER..], &mut room[HEADROOM..]);
        let mut counting = Counting::new(self.thread, world, drops);
        let mut packet = Packet::new(room, length);
        let mut context = context(&mut counting, &mut self.icmp, batch.elapsed);
        match ingress(&mut context, &mut self.flows, segment, &mut packet) {
            Outcome::Send { adjacency } => {
                let range = packet.range();
                let ttl = burst::ttl(&packet.bytes()[HEADROOM - range.start..]);
                self.at = place.limit;
                let packet = base + range.start..base + range.end;
                let limit = place.limit;
                let labelled = Labelled {
                    adjacency,
                    list: counting.list?,
                    ttl,
                    prefix: packet.start..place.packet.start,
                };
                self.queue.push(Queued {
                    adjacency,
                    place: Place { packet, limit },
                });
                return Some(labelled);
            }
            Outcome::Fragments(mut fragments) => {
                let adjacency = fragments.adjacency();
                let mut end = 0;
                while fragments.next(&mut packet) {
                    let piece = packet.bytes();
                    let copy = lay(end, piece.len(), 0);
                    let Some(room) = behind.get_mut(copy.packet.clone()) else {
                        drops.io(IoDrop::Oversized);
                        continue;
                    };
                    room.copy_from_slice(piece);
                    end = copy.limit;
                    let (from, limit) = (place.limit, place.limit + copy.limit);
                    let packet = from + copy.packet.start..from + copy.packet.end;
                    self.queue.push(Queued {
                        adjacency,
                        place: Place { packet, limit },
                    });
                }
                self.at = place.limit + end;
            }
            Outcome::ToTun { segment } | Outcome::Deliver { segment } => {
                to_lan(world, drops, self.thread, segment, packet.bytes());
            }
            Outcome::Drop(_) | Outcome::Local { .. } => {}
        }
        None
    }

    /// Where the next packet can be laid, with this many bytes; encrypts and sends what is in the
    /// way.
    fn make_room(&mut self, batch: Batch<'_>, bytes: usize) -> usize {
        if self.queue.len() >= RUN {
            self.encrypt(batch);
        }
        if self.at + bytes > ARENA {
            self.send(batch);
        }
        self.at
    }

    fn encrypt(&mut self, batch: Batch<'_>) {
        self.transmitter
            .take_queue(batch, &mut self.memory, &mut self.queue);
    }

    fn send(&mut self, batch: Batch<'_>) {
        self.encrypt(batch);
        self.transmitter.flush(batch.drops, &self.memory);
        self.at = 0;
    }

    fn lose(&self, world: &World, segment: usize) {
        // It would be told as readable for ever.
        let tun = &world.segments[segment].tun;
        let queue = &tun.queues()[self.thread.number];
        self.shared.poll(self.thread).remove(queue.as_fd());
        tun.lost.store(true, Ordering::Relaxed);
        self.shared.drops(self.thread).io(IoDrop::TunRefused);
    }
}

/// A packet that was put onto a list.
struct Labelled {
    adjacency: usize,
    list: usize,
    /// The customer's, as it leaves.
    ttl: u8,
    /// What is in front of the customer's packet, in the memory.
    prefix: Range<usize>,
}
