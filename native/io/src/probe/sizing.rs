//! The largest packet that crosses an adjacency in one piece (RFC 8899): padded probes, which the
//! underlay may not fragment.
//!
//! A session of its own beside the adjacency's, told by its sender's port: what is lost for its size
//! says nothing of the way. Only on adjacencies, and by our own sockets: what a router on the way of
//! a list sends on, and what another WireGuard sends, may be fragmented, and every size would pass.

use std::ops::Range;
use std::time::Duration;

use labelway_boundary::{Backend, Liveness, Table};
use labelway_forward::{DropReason, HEADROOM, LocalDatagram, Packet, encapsulate_local};
use labelway_measure::{BASE_SIZE, PathMtu, Phase, SizedProbe};
use labelway_wire::stamp::Timestamp;

use super::message::{Asking, pad_probe, read_answer, seal, timestamp, write_probe};
use super::prober::{LocalOutcome, What};
use super::{STAMP_PORTS, names};
use crate::counters::IoDrop;
use crate::world::World;

/// One adjacency's search. Sizes are as an adjacency's MTU counts: label stack and customer packet,
/// or a datagram of ours without its headers, which are as long as those around a label stack.
pub struct Sizing {
    search: PathMtu,
    /// The last probe: only who has seen it knows its timestamp.
    last: Option<(SizedProbe, Timestamp)>,
}

impl Sizing {
    pub fn new(max: u16, now: Duration) -> Self {
        Sizing {
            search: PathMtu::new(max, now),
            last: None,
        }
    }

    /// What passes; none while nothing is known, or not even the base size does.
    pub fn mtu(&self) -> Option<u16> {
        let known = matches!(self.search.phase(), Phase::Search | Phase::Complete);
        self.search.size().filter(|_| known)
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

/// The largest size to look for on an adjacency; none where none is looked for.
pub fn largest(table: &Table, adjacency: usize) -> Option<u16> {
    let wanted = &table.adjacencies[adjacency];
    let is_ours = table.uplinks[wanted.uplink as usize].backend == Backend::Embedded;
    let max = u16::try_from(wanted.mtu).ok()?;
    (is_ours && max >= BASE_SIZE).then_some(max)
}

/// Whether a sized probe is due on an adjacency.
pub fn is_due(world: &World, adjacency: usize, now: Duration) -> bool {
    let Some(max) = largest(&world.table, adjacency) else {
        return false;
    };
    let mut session = world.adjacencies[adjacency].prober.session.lock();
    if session.state != Liveness::Up {
        return false;
    }
    let sizing = session.sizing.get_or_insert_with(|| Sizing::new(max, now));
    sizing.search.handle_max(max, now);
    sizing.search.is_due(now)
}

/// Makes the sized probe that is due: the packet to send lies in `slot`.
pub fn write_due(
    world: &World,
    adjacency: usize,
    slot: &mut [u8],
    now: Duration,
) -> Result<Option<Range<usize>>, DropReason> {
    let prober = &world.adjacencies[adjacency].prober;
    let sent = timestamp();
    let mut session = prober.session.lock();
    let Some(sizing) = &mut session.sizing else {
        return Ok(None);
    };
    let Some(probe) = sizing.search.poll(now) else {
        return Ok(None);
    };
    sizing.last = Some((probe, sent));
    drop(session);
    let asking = Asking {
        session: prober.ssid,
        sequence: probe.token,
        sent,
        generation: world.generation,
        class: 0,
        carried: None,
        return_labels: &[],
    };
    let name = names::of_sized(world, adjacency, prober.ssid);
    let key = world.authentication.load().for_probe(&name);
    let key = key.as_ref();
    let payload = &mut slot[HEADROOM..];
    let length = write_probe(payload, &asking, key)
        .and_then(|length| seal(payload, length, asking.sequence, key))
        .and_then(|length| pad_probe(payload, length, probe.size.into()))
        .ok_or(DropReason::NoHeadroom)?;
    let datagram = LocalDatagram {
        source: name.sender,
        destination: name.reflector,
        source_port: name.sender_port,
        destination_port: STAMP_PORTS.reflector,
        class: 0,
    };
    let mut packet = Packet::new(slot, length);
    encapsulate_local(&world.fib, adjacency, &[], &datagram, &mut packet)?;
    Ok(Some(packet.range()))
}

/// An answer to a sized probe that came by adjacency `from`.
pub fn take_answer(
    world: &World,
    from: usize,
    labelled: bool,
    payload: &[u8],
    now: Duration,
) -> LocalOutcome {
    let authentication = world.authentication.load();
    let name = |session| Ok(names::of_sized(world, from, session));
    let answer = match authentication.open_answer(payload, name) {
        Ok(opened) => read_answer(&opened.packet, opened.tlvs),
        Err(reason) => return LocalOutcome::Drop(reason),
    };
    let target = world.by_ssid.get(&answer.session);
    let own = target.is_some_and(|index| world.targets[*index].what == What::Adjacency(from));
    let mut session = world.adjacencies[from].prober.session.lock();
    let (token, sent) = (answer.reply.sender_sequence, answer.reply.sent);
    let known = !labelled
        && own
        && session
            .sizing
            .as_mut()
            .is_some_and(|sizing| sizing.handle_answer(token, sent, now));
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
        let mut sizing = Sizing::new(1392, Duration::ZERO);
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
        assert_eq!(found(1279), None);
    }
}
