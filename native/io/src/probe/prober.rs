//! Sessions within the table: what is due, what came back, what it means for the paths.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use labelway_boundary::{Liveness, Look, Measured, Quality, Window};
use labelway_forward::{DropReason, HEADROOM, LocalDatagram, Packet, encapsulate_local};
use labelway_measure::{Scratch, SessionKey};
use labelway_wire::stamp::{Role, SessionName};
use labelway_wire::{Ipv4, Udp, port};
use parking_lot::Mutex;

use super::STAMP_PORTS;
use super::direct::Counters;
use super::liveness::{Change, Judge, Replied, Session};
use super::message::{
    Answer, Answering, Asking, read_answer, read_probe, seal, timestamp, write_answer, write_probe,
};
use super::{ask, bfd, names, sizing, suspect};
use crate::counters::IoDrop;
use crate::world::{Adjacency, World};

/// One session; it outlives the tables under its key.
pub struct Prober {
    pub ssid: u16,
    pub(super) session: Mutex<Session>,
}

/// What a session probes, by index into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Adjacency(usize),
    List(usize),
}

pub struct Target {
    pub what: What,
    pub prober: Arc<Prober>,
}

impl Prober {
    pub fn new(ssid: u16, judge: Judge, now: Duration) -> Self {
        Prober {
            ssid,
            session: Mutex::new(Session::new(judge, now)),
        }
    }

    pub fn quality(&self, now: Duration, scratch: &mut Scratch) -> Quality {
        self.session.lock().quality(now, scratch)
    }

    pub fn look(&self, key: &str, now: Duration, scratch: &mut Scratch) -> Option<Look> {
        self.session.lock().look(key, now, scratch)
    }

    pub fn measured(&self, key: &str, now: Duration, scratch: &mut Scratch) -> Measured {
        self.session.lock().measured(key, now, scratch)
    }

    pub fn minute(&self, now: Duration, scratch: &mut Scratch) -> Window {
        self.session.lock().minute(now, scratch)
    }

    /// As found by probing; none while it is not.
    pub fn mtu(&self) -> Option<u16> {
        let session = self.session.lock();
        session.sizing.as_ref().and_then(sizing::Sizing::mtu)
    }

    pub fn is_pending(&self, now: Duration) -> bool {
        self.session.lock().is_pending(now)
    }
}

/// What a session's probes take.
pub struct Way<'w> {
    /// The first, or only, adjacency.
    pub adjacency: usize,
    pub labels: &'w [u32],
    /// Of the answers.
    pub return_labels: &'w [u32],
}

impl Target {
    pub fn way<'w>(&self, world: &'w World) -> Way<'w> {
        match self.what {
            What::Adjacency(adjacency) => Way {
                adjacency,
                labels: &[],
                return_labels: &[],
            },
            What::List(index) => {
                let list = &world.table.lists[index];
                Way {
                    adjacency: list.adjacency as usize,
                    labels: &list.labels,
                    return_labels: &list.return_labels,
                }
            }
        }
    }

    /// The key that the table has it under.
    pub fn key<'w>(&self, world: &'w World) -> &'w str {
        match self.what {
            What::Adjacency(index) => &world.table.adjacencies[index].key,
            What::List(index) => &world.table.lists[index].key,
        }
    }
}

/// Gives up what is overdue; to be called every few milliseconds.
pub fn handle_tick(world: &World, target: &Target, now: Duration) {
    let mut session = target.prober.session.lock();
    if let Some(change) = session.handle_timeout(&world.timers, now) {
        publish(world, target.what, change);
    }
    // Also what was found before this table came.
    let mtu = session.sizing.as_ref().and_then(sizing::Sizing::mtu);
    match target.what {
        What::Adjacency(index) => world.fib.set_adjacency_mtu(index, mtu),
        What::List(index) => world.fib.set_list_mtu(index, mtu),
    }
}

/// Makes a session's next probe: the packet to send lies in `slot`. The pool's buffers are far
/// larger than any probe.
pub fn write_due(
    world: &World,
    target: &Target,
    class: u8,
    slot: &mut [u8],
    now: Duration,
) -> Result<(usize, Range<usize>), DropReason> {
    let sent = timestamp();
    let sequence = target.prober.session.lock().handle_sent(now, sent, class);
    suspect::handle_sent(world, target.what, sequence);
    let Way {
        adjacency,
        labels,
        return_labels,
    } = target.way(world);
    let ssid = target.prober.ssid;
    let name = names::of_target(world, target);
    let key = world.authentication.load().for_probe(&name);
    let key = key.as_ref();
    let payload = &mut slot[HEADROOM..];
    let asking = Asking {
        session: ssid,
        sequence,
        sent,
        generation: world.generation,
        class,
        // A list's packets are not told from others' behind the first hop.
        carried: match target.what {
            What::Adjacency(index) => Some(world.adjacencies[index].sent.packets() as u32),
            What::List(_) => None,
        },
        return_labels,
    };
    let mut length = write_probe(payload, &asking, key).ok_or(DropReason::NoHeadroom)?;
    length += ask::write_question(world, target, &mut payload[length..], now);
    length = seal(payload, length, sequence, key).ok_or(DropReason::NoHeadroom)?;
    let datagram = LocalDatagram {
        source: name.sender,
        destination: name.reflector,
        source_port: name.sender_port,
        destination_port: STAMP_PORTS.reflector,
        class,
        whole: false,
    };
    let mut packet = Packet::new(slot, length);
    encapsulate_local(&world.fib, adjacency, labels, &datagram, &mut packet)?;
    Ok((adjacency, packet.range()))
}

/// What became of a datagram for this router.
pub enum LocalOutcome {
    /// The packet now is an answer, to be sent over this adjacency.
    Answer {
        adjacency: usize,
        range: Range<usize>,
    },
    Taken,
    /// A BFD session has something to say at once.
    BfdIsDue,
    Drop(IoDrop),
}

/// A datagram for this router that came by adjacency `from`: reflects a probe, takes in an answer or
/// a BFD packet.
pub fn handle_local(
    world: &World,
    from: usize,
    labelled: bool,
    packet: Packet<'_>,
    now: Duration,
) -> LocalOutcome {
    let malformed = LocalOutcome::Drop(IoDrop::ProbeMalformed);
    let Ok(ip) = Ipv4::decode(packet.bytes()) else {
        return malformed;
    };
    let Ok(udp) = Udp::decode(&ip) else {
        return malformed;
    };
    if udp.destination_port() == port::BFD {
        let Some(taken) = bfd::handle_packet(world, from, udp.payload(), ip.ttl(), now) else {
            return LocalOutcome::Drop(IoDrop::BfdDiscarded);
        };
        if let Some(change) = taken.change {
            publish_adjacency(world, from, change, now);
        }
        return match taken.is_due {
            true => LocalOutcome::BfdIsDue,
            false => LocalOutcome::Taken,
        };
    }
    if udp.source_port() == STAMP_PORTS.reflector {
        let source = labelled.then_some(ip.source());
        return match udp.destination_port() {
            port if port == STAMP_PORTS.sender => {
                take_answer(world, from, source, udp.payload(), now)
            }
            port if port == STAMP_PORTS.sized => {
                sizing::take_answer(world, from, source, udp.payload(), now)
            }
            _ => malformed,
        };
    }
    let name = |session| SessionName {
        sender: ip.source(),
        reflector: ip.destination(),
        sender_port: udp.source_port(),
        session,
    };
    let authentication = world.authentication.load();
    let opened = match authentication.open_probe(udp.payload(), |session| Ok(name(session))) {
        Ok(opened) => opened,
        Err(reason) => return LocalOutcome::Drop(reason),
    };
    let key = opened
        .key
        .map(|key| key.session(&name(opened.packet.session), Role::Answer));
    let key = key.as_ref();
    let Some(probe) = read_probe(opened.packet, opened.tlvs) else {
        return malformed;
    };
    let received = timestamp();
    let session = SessionKey {
        neighbour: world.table.adjacencies[from].remote_site,
        source: ip.source(),
        source_port: udp.source_port(),
        session: probe.packet.session,
    };
    // One number for every probe that came, so that the sender can tell where the others were lost.
    let number = world.reflector.lock().number(session, now);
    let answering = Answering {
        sequence: number,
        received,
        ttl: ip.ttl(),
        dscp: ip.dscp(),
        ecn: ip.ecn().bits(),
        generation: world.generation,
        carried: (!labelled).then(|| {
            let Adjacency { received, sent, .. } = &world.adjacencies[from];
            (received.packets() as u32, sent.packets() as u32)
        }),
    };
    let datagram = LocalDatagram {
        source: ip.destination(),
        destination: ip.source(),
        source_port: STAMP_PORTS.reflector,
        destination_port: udp.source_port(),
        class: probe.class(),
        whole: false,
    };
    if !labelled && let Some(generation) = probe.generation {
        *world.adjacencies[from].remote_generation.lock() = Some(generation);
    }
    // Bare, it is the neighbour itself who asks.
    let question = probe.question.filter(|_| !labelled);
    let slot = packet.into_buffer();
    let payload = &mut slot[HEADROOM..];
    let Some(mut length) = write_answer(payload, &probe, &answering, key) else {
        return malformed;
    };
    if let Some(question) = question {
        length += ask::write_page(world, question, &mut payload[length..], now);
    }
    let Some(length) = seal(payload, length, number, key) else {
        return malformed;
    };
    // Back over the adjacency that it came by, under the labels that the sender asks for: the
    // neighbour's acceptance check decides whether they may pass there (RFC 9503 §4.1.3).
    let labels = if labelled {
        probe.return_labels.as_slice()
    } else {
        &[]
    };
    let mut packet = Packet::new(slot, length);
    match encapsulate_local(&world.fib, from, labels, &datagram, &mut packet) {
        Ok(()) => LocalOutcome::Answer {
            adjacency: from,
            range: packet.range(),
        },
        Err(_) => malformed,
    }
}

/// Whose probe was answered over adjacency `from`; none if that cannot be. `source` is the answering
/// router's address where the answer came labelled; a bare one is from the neighbour itself.
pub(super) fn answered_by(
    world: &World,
    from: usize,
    source: Option<Ipv4Addr>,
    session: u16,
) -> Option<&Target> {
    let target = &world.targets[*world.by_ssid.get(&session)?];
    let may_answer = match target.what {
        // A neighbour cannot answer for another one.
        What::Adjacency(index) => source.is_none() && index == from,
        // Nor anybody but the egress, by the way that the list begins with, for a list. The last
        // hop may have taken the stack off, so that the answer comes bare.
        What::List(index) => {
            let list = &world.table.lists[index];
            let adjacencies = &world.table.adjacencies;
            let site = |adjacency: usize| adjacencies[adjacency].remote_site;
            site(from) == site(list.adjacency as usize)
                && source.is_none_or(|source| source == list.probe_address)
        }
    };
    may_answer.then_some(target)
}

/// What may be believed of an answer to one of the probes that `name` names.
pub(super) fn open_answer<'a>(
    world: &World,
    payload: &'a [u8],
    name: fn(&World, &Target) -> SessionName,
) -> Result<Answer<'a>, IoDrop> {
    let authentication = world.authentication.load();
    let opened = authentication.open_answer(payload, |session| {
        let target = world.by_ssid.get(&session).ok_or(IoDrop::ProbeStale)?;
        Ok(name(world, &world.targets[*target]))
    })?;
    Ok(read_answer(&opened.packet, opened.tlvs))
}

/// `source` as in [`answered_by`].
fn take_answer(
    world: &World,
    from: usize,
    source: Option<Ipv4Addr>,
    payload: &[u8],
    now: Duration,
) -> LocalOutcome {
    let answer = match open_answer(world, payload, names::of_target) {
        Ok(answer) => answer,
        Err(reason) => return LocalOutcome::Drop(reason),
    };
    let stale = LocalOutcome::Drop(IoDrop::ProbeStale);
    let Some(target) = answered_by(world, from, source, answer.session) else {
        return stale;
    };
    if let (What::Adjacency(_), Some(generation)) = (target.what, answer.generation) {
        *world.adjacencies[from].remote_generation.lock() = Some(generation);
    }
    let mut session = target.prober.session.lock();
    match session.handle_reply(&answer.reply, &world.timers, now) {
        Replied::Stale => return stale,
        Replied::Taken(None) => {}
        Replied::Taken(Some(change)) => publish(world, target.what, change),
    }
    if let (What::Adjacency(index), Some(exchanged)) = (target.what, answer.carried) {
        let received = world.adjacencies[index].received.packets() as u32;
        let counters = Counters {
            exchanged,
            received,
        };
        let sequence = answer.reply.sender_sequence;
        session.direct.handle_answer(sequence, counters, now);
    }
    if let (What::Adjacency(index), Some(report)) = (target.what, answer.report) {
        ask::take_page(world, index, report, now);
    }
    suspect::handle_answer(world, target.what, answer.reply.sender_sequence);
    LocalOutcome::Taken
}

/// The device of an uplink has no carrier: every adjacency over it is down, at once.
pub fn handle_link_down(world: &World, uplink: usize, now: Duration) {
    for (index, adjacency) in world.adjacencies.iter().enumerate() {
        if adjacency.uplink != uplink {
            continue;
        }
        adjacency.bfd.handle_link_down(now);
        publish_adjacency(world, index, Change::Down, now);
    }
}

/// BFD, or the link below it, has judged an adjacency.
pub fn publish_adjacency(world: &World, index: usize, change: Change, now: Duration) {
    let mut session = world.adjacencies[index].prober.session.lock();
    if let Some(change) = session.follow(change, now) {
        publish(world, What::Adjacency(index), change);
    }
}

/// The switch sees it with its next packet.
fn publish(world: &World, what: What, change: Change) {
    let state = match change {
        Change::Up => Liveness::Up,
        Change::Down => Liveness::Down,
    };
    match what {
        What::Adjacency(index) => world.live.set_adjacency(index, state),
        What::List(index) => world.live.set_list(index, state),
    }
}
