//! What the first underlay thread does from time to time: probes, WireGuard's timers, devices that
//! come and go.

use labelway_wireguard::Now;

use super::Underlay;
use crate::probe;
use crate::transmit::Queued;
use crate::uplink::Ports;
use crate::world::World;

/// WireGuard's timers are looked at every 100 ms.
const TICKS_A_WIREGUARD_ROUND: u64 = 10;
/// Devices that went away are looked for every second.
const TICKS_A_DEVICE_ROUND: u64 = 100;

impl Underlay<'_> {
    /// What is due; to be called every [`super::TICK_PERIOD`], with the number of times so far.
    pub(super) fn tick(&mut self, world: &World, ticks: u64) {
        self.probe(world);
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

    fn probe(&mut self, world: &World) {
        let batch = self.batch(world);
        for target in &world.targets {
            self.make_room(batch);
            match probe::handle_tick(world, target, self.memory.slot(), batch.elapsed) {
                Ok(Some((adjacency, range))) => {
                    let place = self.memory.take(range);
                    self.queue.push(Queued { adjacency, place });
                }
                Ok(None) => {}
                Err(reason) => batch.drops.forward(reason),
            }
        }
        self.finish(batch);
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
