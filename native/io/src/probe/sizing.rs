//! The largest packet that crosses an adjacency, or the whole way of a segment list, in one piece
//! (RFC 8899): padded probes, which the underlay may not fragment.
//!
//! A session of its own beside the ordinary one, told by its sender's port: what is lost for its size
//! says nothing of the way. The first hop is by our own sockets, with DF; each router further on sends
//! such a probe on only where it knows from probes of its own that the size crosses (see
//! `LocalDatagram::whole`). Who leaves the sending to another WireGuard, which fragments, knows
//! nothing: what begins over or passes such an adjacency has no MTU.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use labelway_boundary::{Backend, Liveness, Table};
use labelway_forward::{
    DropReason, ENCAPSULATION_BYTES, HEADROOM, LocalDatagram, Packet, encapsulate_local,
};
use labelway_measure::{PathMtu, SizedProbe};
use labelway_wire::LABEL_BYTES;
use labelway_wire::stamp::Timestamp;

use super::message::{Asking, pad_probe, seal, timestamp, write_probe};
use super::prober::{LocalOutcome, Target, Way, What, answered_by, open_answer};
use super::{STAMP_PORTS, names};
use crate::counters::IoDrop;
use crate::world::World;

/// What an adjacency over IPv6's least MTU carries (RFC 8200 §5), which everything has to pass: IPv6,
/// UDP and WireGuard, IPv4 and UDP within less.
const LEAST: u16 = 1280 - (40 + 8 + 32) - ENCAPSULATION_BYTES as u16;
/// IPv4 and UDP headers of a probe.
const HEADERS: usize = ENCAPSULATION_BYTES;

/// One search. Sizes are as the table's MTUs count: on an adjacency label stack and customer packet,
/// or a datagram of ours without its headers, which are as long as those around a label stack; on a
/// list the customer packet, in whose place the probe is with its headers.
pub struct Sizing {
    search: PathMtu,
    /// The last probe: only who has seen it knows its timestamp.
    last: Option<(SizedProbe, Timestamp)>,
}

impl Sizing {
    fn new(sizes: &Sizes, now: Duration) -> Self {
        Sizing {
            search: PathMtu::new(sizes.base, sizes.max, now),
            last: None,
        }
    }

    /// What passes; none while nothing is known, or not even the base size does.
    pub fn mtu(&self) -> Option<u16> {
        self.search.settled()
    }

    /// `alive` is when the last ordinary probe that was answered had been sent.
    pub fn handle_timeout(&mut self, alive: Option<Duration>, now: Duration) {
        self.search.handle_timeout(alive, now);
    }

    fn handle_answer(&mut self, token: u32, sent: Timestamp, now: Duration) -> bool {
        match self.last {
            Some((probe, stamp)) if probe.token == token && stamp == sent => {
                self.search.handle_answer(probe, now);
                true
            }
            _ => false,
        }
    }
}

/// What a search begins with, and where it ends.
struct Sizes {
    base: u16,
    max: u16,
}

/// None where nothing is looked for.
fn sizes(table: &Table, what: What) -> Option<Sizes> {
    let (adjacency, max, stack) = match what {
        What::Adjacency(index) => (index, table.adjacencies[index].mtu, 0),
        What::List(index) => {
            let list = &table.lists[index];
            let stack = (list.labels.len() + 1) * LABEL_BYTES;
            (list.adjacency as usize, list.mtu, stack)
        }
    };
    let uplink = table.adjacencies[adjacency].uplink as usize;
    let is_ours = table.uplinks[uplink].backend == Backend::Embedded;
    let base = LEAST.saturating_sub(u16::try_from(stack).ok()?);
    let max = u16::try_from(max).ok()?;
    (is_ours && max >= base).then_some(Sizes { base, max })
}

/// Whether a sized probe is due.
pub fn is_due(world: &World, target: &Target, now: Duration) -> bool {
    let Some(sizes) = sizes(&world.table, target.what) else {
        return false;
    };
    let mut session = target.prober.session.lock();
    if session.state != Liveness::Up {
        return false;
    }
    let sizing = session
        .sizing
        .get_or_insert_with(|| Sizing::new(&sizes, now));
    sizing.search.handle_max(sizes.max, now);
    sizing.search.is_due(now)
}

/// Makes the sized probe that is due: the packet to send over the adjacency lies in `slot`.
pub fn write_due(
    world: &World,
    target: &Target,
    slot: &mut [u8],
    now: Duration,
) -> Result<Option<(usize, Range<usize>)>, DropReason> {
    let sent = timestamp();
    let mut session = target.prober.session.lock();
    let Some(sizing) = &mut session.sizing else {
        return Ok(None);
    };
    let Some(probe) = sizing.search.poll(now) else {
        return Ok(None);
    };
    sizing.last = Some((probe, sent));
    drop(session);
    let Way {
        adjacency,
        labels,
        return_labels,
    } = target.way(world);
    let size = match target.what {
        What::Adjacency(_) => probe.size.into(),
        What::List(_) => usize::from(probe.size).saturating_sub(HEADERS),
    };
    let asking = Asking {
        session: target.prober.ssid,
        sequence: probe.token,
        sent,
        generation: world.generation,
        class: 0,
        carried: None,
        return_labels,
    };
    let name = names::of_sized(world, target);
    let key = world.authentication.load().for_probe(&name);
    let key = key.as_ref();
    let payload = &mut slot[HEADROOM..];
    let length = write_probe(payload, &asking, key)
        .and_then(|length| seal(payload, length, asking.sequence, key))
        .and_then(|length| pad_probe(payload, length, size))
        .ok_or(DropReason::NoHeadroom)?;
    let datagram = LocalDatagram {
        source: name.sender,
        destination: name.reflector,
        source_port: name.sender_port,
        destination_port: STAMP_PORTS.reflector,
        class: 0,
        whole: true,
    };
    let mut packet = Packet::new(slot, length);
    encapsulate_local(&world.fib, adjacency, labels, &datagram, &mut packet)?;
    Ok(Some((adjacency, packet.range())))
}

/// An answer to a sized probe that came by adjacency `from`; `source` as in [`answered_by`].
pub fn take_answer(
    world: &World,
    from: usize,
    source: Option<Ipv4Addr>,
    payload: &[u8],
    now: Duration,
) -> LocalOutcome {
    let answer = match open_answer(world, payload, names::of_sized) {
        Ok(answer) => answer,
        Err(reason) => return LocalOutcome::Drop(reason),
    };
    let known = answered_by(world, from, source, answer.session).is_some_and(|target| {
        let mut session = target.prober.session.lock();
        let (token, sent) = (answer.reply.sender_sequence, answer.reply.sent);
        let sizing = session.sizing.as_mut();
        sizing.is_some_and(|sizing| sizing.handle_answer(token, sent, now))
    });
    match known {
        true => LocalOutcome::Taken,
        false => LocalOutcome::Drop(IoDrop::ProbeStale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A way that carries up to so much; tells what is found of it after a minute.
    fn found(carries: u16) -> Option<u16> {
        let sizes = Sizes {
            base: LEAST,
            max: 1392,
        };
        let mut sizing = Sizing::new(&sizes, Duration::ZERO);
        for tick in 0..600 {
            let now = MS * 100 * tick;
            sizing.handle_timeout(Some(now), now);
            let Some(probe) = sizing.search.poll(now) else {
                continue;
            };
            let sent = Timestamp(u64::from(tick) + 7);
            sizing.last = Some((probe, sent));
            assert!(
                !sizing.handle_answer(probe.token, Timestamp(1), now),
                "forged"
            );
            if probe.size <= carries {
                assert!(sizing.handle_answer(probe.token, sent, now));
            }
        }
        sizing.mtu()
    }

    #[test]
    fn what_passes_is_found() {
        assert_eq!(found(1500), Some(1392));
        let found_1312 = found(1312).unwrap();
        assert!((1304..=1312).contains(&found_1312), "{found_1312}");
        let found_1279 = found(1279).unwrap();
        assert!((1271..=1279).contains(&found_1279), "{found_1279}");
        assert_eq!(found(LEAST), Some(LEAST));
        assert_eq!(found(LEAST - 1), None);
    }
}
