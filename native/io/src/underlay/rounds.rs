//! What the first underlay thread does from time to time: probes, BFD, WireGuard's timers, devices
//! that come and go.

use std::os::fd::AsFd;
use std::time::Duration;

use labelway_wireguard::Now;

use super::Underlay;
use crate::counters::IoDrop;
use crate::outer::Fragmentation;
use crate::overruns::Overruns;
use crate::poll::{Poll, Timer, Token};
use crate::probe::{self, Pacing, Target};
use crate::transmit::{Batch, Queued};
use crate::uplink::Ports;
use crate::world::World;

const TICK: Token = 1;
const BFD: Token = 2;
const PROBE: Token = 3;
/// How finely most probes are spread in time. BFD sessions that are new are found with a tick, too.
const TICK_PERIOD: Duration = Duration::from_millis(10);
/// BFD sessions are looked at no more often, all together: their intervals are 10 ms at least.
const BFD_REST: Duration = Duration::from_millis(1);
/// Probes between two ticks, where a path needs more of them: not one by one.
const PROBE_REST: Duration = Duration::from_millis(1);
/// WireGuard's timers are looked at every 100 ms.
const TICKS_A_WIREGUARD_ROUND: u64 = 10;
/// Devices that went away are looked for every second.
const TICKS_A_DEVICE_ROUND: u64 = 100;

/// The timers of the thread that has them.
pub(super) struct Rounds {
    tick: Timer,
    bfd: Timer,
    probe: Timer,
    ticks: u64,
    overruns: Overruns,
    /// None before the first table.
    pacing: Option<Pacing>,
}

impl Rounds {
    pub(super) fn new(poll: &Poll) -> Self {
        let tick = Timer::every(TICK_PERIOD).expect("a timer can be made");
        let bfd = Timer::once().expect("a timer can be made");
        let probe = Timer::once().expect("a timer can be made");
        for (timer, token) in [(&tick, TICK), (&bfd, BFD), (&probe, PROBE)] {
            poll.add(timer.as_fd(), token)
                .expect("the epoll instance stays open");
        }
        Rounds {
            tick,
            bfd,
            probe,
            ticks: 0,
            overruns: Overruns::default(),
            pacing: None,
        }
    }

    /// Does what is due by those of the events that are timers'.
    pub(super) fn handle(
        &mut self,
        underlay: &mut Underlay<'_>,
        world: Option<&World>,
        events: impl Iterator<Item = Token>,
    ) {
        let (mut ticked, mut bfd_due, mut probes_due) = (false, underlay.bfd_is_due, false);
        for token in events {
            match token {
                TICK => ticked = true,
                BFD => {
                    self.bfd.drain();
                    bfd_due = true;
                }
                PROBE => {
                    self.probe.drain();
                    probes_due = true;
                }
                _ => {}
            }
        }
        if ticked {
            self.tick.drain();
            self.ticks += 1;
        }
        let Some(world) = world else { return };
        if (ticked || bfd_due)
            && let Some(after) = underlay.bfd(world)
        {
            self.bfd.set(after.max(BFD_REST));
        }
        if ticked {
            let pacing = self
                .pacing
                .get_or_insert_with(|| Pacing::new(world.timers.interval, underlay.shared.now()));
            underlay.tick(world, pacing, self.ticks);
            if self.ticks.is_multiple_of(TICKS_A_DEVICE_ROUND) {
                underlay.count_overruns(world, &mut self.overruns);
            }
        }
        if (ticked || probes_due)
            && let Some(pacing) = &mut self.pacing
        {
            // A tick has sent what was due with the rest.
            if !ticked {
                underlay.send_due(world, pacing);
            }
            if let Some(rest) = pacing.rest(underlay.shared.now()) {
                self.probe.set(rest.max(PROBE_REST));
            }
        }
    }
}

impl Underlay<'_> {
    /// Does what is due of every BFD session; tells how long nothing is.
    pub(super) fn bfd(&mut self, world: &World) -> Option<Duration> {
        /// An answer and a packet of its own; what is more has time.
        const PACKETS_AT_ONCE: usize = 3;
        self.bfd_is_due = false;
        let batch = self.batch(world);
        let mut next: Option<Duration> = None;
        for (index, adjacency) in world.adjacencies.iter().enumerate() {
            for _ in 0..PACKETS_AT_ONCE {
                self.make_room(batch);
                let slot = self.memory.slot();
                match probe::handle_bfd_due(world, index, slot, batch.elapsed) {
                    Ok(due) => {
                        if let Some(change) = due.change {
                            probe::publish_adjacency(world, index, change, batch.elapsed);
                        }
                        let Some(range) = due.packet else { break };
                        let place = self.memory.take(range);
                        self.queue.push(Queued {
                            adjacency: index,
                            place,
                        });
                    }
                    Err(reason) => {
                        batch.drops.forward(reason);
                        break;
                    }
                }
            }
            let timeout = adjacency.bfd.poll_timeout();
            next = match (next, timeout) {
                (Some(next), Some(timeout)) => Some(next.min(timeout)),
                (one, other) => one.or(other),
            };
        }
        // At once, so that no packet goes from what is dead to what passes there as well.
        probe::review_suspicions(world, batch.elapsed);
        self.finish(batch);
        next.map(|next| next.saturating_sub(batch.elapsed))
    }

    /// What else is due; to be called every [`TICK_PERIOD`], with the number of times so far.
    fn tick(&mut self, world: &World, pacing: &mut Pacing, ticks: u64) {
        self.probe(world, pacing);
        if ticks.is_multiple_of(TICKS_A_WIREGUARD_ROUND) {
            self.wireguard_timers(world);
        }
        if ticks.is_multiple_of(TICKS_A_DEVICE_ROUND) {
            for uplink in &world.uplinks {
                uplink.follow_device(&self.shared.underlay);
                uplink.follow_listener(&self.shared.control);
            }
        }
    }

    fn count_overruns(&self, world: &World, overruns: &mut Overruns) {
        let mut more = 0;
        for uplink in &world.uplinks {
            match &uplink.ports {
                Ports::Embedded(embedded) => {
                    for (socket, token) in embedded.sockets.load().all() {
                        more += overruns.more(socket.as_fd(), token);
                    }
                }
                Ports::Kernel { sockets, .. } => {
                    for port in sockets.ports().iter() {
                        more += overruns.more(port.socket.as_fd(), port.token);
                    }
                }
            }
        }
        overruns.end_round();
        let drops = self.shared.drops(self.thread);
        drops.io_many(IoDrop::UplinkOverrun, more);
    }

    fn probe(&mut self, world: &World, pacing: &mut Pacing) {
        let batch = self.batch(world);
        let now = batch.elapsed;
        probe::review_suspicions(world, now);
        for target in &world.targets {
            probe::handle_tick(world, target, now);
            if probe::is_due_as_suspect(world, target.what, now) {
                self.send_probe(world, target, 0, batch);
            }
        }
        let mut random = || fastrand::u32(..);
        let named = self.shared.probing.load();
        let rounded = pacing.follow(world, named.as_deref(), now, &mut random);
        self.send_due(world, pacing);
        if rounded && let Some(target) = pacing.poll_size(world, now) {
            self.probe_size(batch, target);
        }
    }

    /// Sends the probes whose time has come.
    fn send_due(&mut self, world: &World, pacing: &mut Pacing) {
        let batch = self.batch(world);
        let mut random = || fastrand::u32(..);
        while let Some((session, class)) = pacing.poll(batch.elapsed, &mut random) {
            // One that the table has no more is dropped with the next round.
            if let Some(target) = world.by_ssid.get(&session) {
                self.send_probe(world, &world.targets[*target], class, batch);
            }
        }
        self.finish(batch);
    }

    /// Sends a padded probe that may not be fragmented.
    fn probe_size(&mut self, batch: Batch<'_>, target: &Target) {
        let world = batch.world;
        let slot = self.memory.slot();
        match probe::write_size_due(world, target, slot, batch.elapsed) {
            Ok(Some((adjacency, range))) => {
                let uplink = world.adjacencies[adjacency].uplink;
                let Ports::Embedded(embedded) = &world.uplinks[uplink].ports else {
                    return;
                };
                let sockets = embedded.sockets.load_full();
                let place = self.memory.take(range);
                self.queue.push(Queued { adjacency, place });
                // For some microseconds; another thread's datagrams that leave by the same sockets
                // then are not fragmented either.
                sockets.set_fragmentation(self.thread.lane, Fragmentation::Forbidden);
                self.finish(batch);
                sockets.set_fragmentation(self.thread.lane, Fragmentation::Allowed);
            }
            Ok(None) => {}
            Err(reason) => batch.drops.forward(reason),
        }
    }

    fn send_probe(&mut self, world: &World, target: &Target, class: u8, batch: Batch<'_>) {
        self.make_room(batch);
        let slot = self.memory.slot();
        match probe::write_due(world, target, class, slot, batch.elapsed) {
            Ok((adjacency, range)) => {
                let place = self.memory.take(range);
                self.queue.push(Queued { adjacency, place });
            }
            Err(reason) => batch.drops.forward(reason),
        }
    }

    fn wireguard_timers(&mut self, world: &World) {
        let drops = self.shared.drops(self.thread);
        let now = Now::read();
        for uplink in &world.uplinks {
            let Ports::Embedded(embedded) = &uplink.ports else {
                continue;
            };
            let (peers, sockets) = embedded.load();
            peers.update_timers(now, &mut self.scratch, |datagram, to| {
                sockets.send(drops, datagram, to);
            });
        }
    }
}
