//! BFD (RFC 5880) on each adjacency: whether it is alive, found out within a few packets.
//!
//! A session decides about its adjacency alone; what lies behind the neighbour is for the probes of
//! segment lists. `now` is the time since the engine started.

use std::ops::Range;
use std::time::Duration;

use labelway_bfd::{
    CONTROL_BYTES, Change as Told, Diagnostic, Discriminator, PORT, SOURCE_PORTS, Session,
    Settings, State, Status,
};
use labelway_boundary::{BfdSessionState, BfdState, BfdTimers};
use labelway_forward::{DropReason, HEADROOM, LocalDatagram, Packet, encapsulate_local};
use parking_lot::Mutex;

use super::liveness::{Change, Timers};
use crate::world::World;

/// One session; it outlives the tables under its adjacency's key.
pub struct Bfd {
    source_port: u16,
    state: Mutex<Following>,
}

/// The session, and the adjacency that follows it.
struct Following {
    session: Session,
    /// Packets of any kind that had come from the neighbour when that was last looked at.
    heard: u64,
    comeback: Comeback,
}

/// When an adjacency is up again after its session is. At once, unless it keeps failing: then each
/// time twice as long after the session, as RFC 5882 §3.2 would have the flaps of a session damped.
#[derive(Default)]
struct Comeback {
    /// The adjacency is up since then.
    up_since: Option<Duration>,
    /// Times in a row that it failed soon after it had come up.
    failures: u32,
    /// The session is up again, and the adjacency will be from then on.
    up_at: Option<Duration>,
}

/// Up for so long, an adjacency has not failed soon.
const STEADY: Duration = Duration::from_secs(10);
const LONGEST_HOLD: Duration = Duration::from_secs(60);

impl Bfd {
    /// `number` is no other session's at the time.
    pub fn new(number: u16, timers: &BfdTimers, now: Duration) -> Self {
        let ports = SOURCE_PORTS.end() - SOURCE_PORTS.start() + 1;
        let discriminator = Discriminator::new(fastrand::u32(1..)).expect("1 and above");
        Bfd {
            source_port: SOURCE_PORTS.start() + number % ports,
            state: Mutex::new(Following {
                session: Session::new(discriminator, settings(timers), now),
                heard: 0,
                comeback: Comeback::default(),
            }),
        }
    }

    pub fn configure(&self, timers: &BfdTimers) {
        self.state.lock().session.configure(settings(timers));
    }

    /// The link below is gone: nothing is to be waited for.
    pub fn handle_link_down(&self, now: Duration) {
        let mut following = self.state.lock();
        if following.session.state() == State::Down {
            return; // told again of what is known
        }
        following.comeback.handle_down(now);
        // Through AdminDown, so that both ends begin anew when the link is back.
        following.session.disable(Diagnostic::PATH_DOWN, now);
        following.session.enable(now);
    }

    /// When [`handle_due`] has something to do; none: not before a packet comes.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let following = self.state.lock();
        match (following.session.poll_timeout(), following.comeback.up_at) {
            (Some(session), Some(up)) => Some(session.min(up)),
            (one, other) => one.or(other),
        }
    }

    pub fn state(&self) -> BfdState {
        let following = self.state.lock();
        let Status {
            state,
            diagnostic,
            remote,
            transmit_micros,
            detection,
            sent,
            received,
            ..
        } = following.session.status();
        BfdState {
            state: name(state),
            diagnostic: diagnostic.code(),
            remote_state: name(remote.state),
            remote_diagnostic: remote.diagnostic.code(),
            transmit_micros,
            detection_micros: detection.as_micros() as u64,
            sent,
            received,
            discarded: following.session.discards().iter().map(|(_, n)| n).sum(),
        }
    }
}

/// What a change of the session's means for the adjacency.
fn follow(comeback: &mut Comeback, told: Told, timers: &Timers, now: Duration) -> Option<Change> {
    match (told.from, told.to) {
        (_, State::Up) => comeback.handle_up(timers.interval * timers.up_after, now),
        (State::Up, _) => Some(comeback.handle_down(now)),
        _ => None,
    }
}

impl Comeback {
    fn handle_up(&mut self, hold: Duration, now: Duration) -> Option<Change> {
        self.up_at = Some(match self.failures {
            0 => now,
            failures => now + (hold * 2u32.pow((failures - 1).min(16))).min(LONGEST_HOLD),
        });
        self.handle_timeout(now)
    }

    fn handle_timeout(&mut self, now: Duration) -> Option<Change> {
        if self.up_at.is_none_or(|at| at > now) {
            return None;
        }
        self.up_at = None;
        self.up_since = Some(now);
        Some(Change::Up)
    }

    /// One that fails while it waits to come back has not been steady either.
    fn handle_down(&mut self, now: Duration) -> Change {
        let steady = |since| now.saturating_sub(since) >= STEADY;
        match (self.up_since.take(), self.up_at.take()) {
            (None, None) => {} // it was down already
            (Some(since), _) if steady(since) => self.failures = 0,
            _ => self.failures = self.failures.saturating_add(1),
        }
        Change::Down
    }
}

/// What became of a timeout.
pub struct Due {
    /// The packet to send, in the slot.
    pub packet: Option<Range<usize>>,
    pub change: Option<Change>,
}

/// Does what is due of an adjacency's session, a packet at most; to be called again while it gave
/// one. `slot` is far larger than any control packet.
pub fn handle_due(
    world: &World,
    index: usize,
    slot: &mut [u8],
    now: Duration,
) -> Result<Due, DropReason> {
    let adjacency = &world.adjacencies[index];
    let mut following = adjacency.bfd.state.lock();
    let heard = adjacency.received.packets();
    if heard != following.heard {
        following.heard = heard;
        following.session.heard(now);
    }
    let mut change = following.comeback.handle_timeout(now);
    let is_due = following.session.poll_timeout().is_some_and(|at| at <= now);
    if !is_due {
        return Ok(Due {
            packet: None,
            change,
        });
    }
    let step = following.session.handle_timeout(now, fastrand::u32(..));
    if let Some(told) = step.change {
        change = follow(&mut following.comeback, told, &world.timers, now).or(change);
    }
    let packet = step.packet.map(|packet| packet.encode());
    let source_port = adjacency.bfd.source_port;
    drop(following);
    let packet = packet
        .map(|packet| write(world, index, source_port, &packet, slot))
        .transpose()?;
    Ok(Due { packet, change })
}

/// What became of a control packet.
pub struct Taken {
    pub change: Option<Change>,
    /// [`handle_due`] has something to send at once.
    pub is_due: bool,
}

/// A control packet that came by adjacency `index`; none: it was discarded, and counted in the
/// session.
pub fn handle_packet(
    world: &World,
    index: usize,
    payload: &[u8],
    ttl: u8,
    now: Duration,
) -> Option<Taken> {
    let adjacency = &world.adjacencies[index];
    let mut following = adjacency.bfd.state.lock();
    let told = following.session.receive(payload, ttl, now).ok()?;
    Some(Taken {
        change: told.and_then(|told| follow(&mut following.comeback, told, &world.timers, now)),
        is_due: following.session.poll_timeout() == Some(Duration::ZERO),
    })
}

fn write(
    world: &World,
    index: usize,
    source_port: u16,
    control: &[u8; CONTROL_BYTES],
    slot: &mut [u8],
) -> Result<Range<usize>, DropReason> {
    let wanted = &world.table.adjacencies[index];
    slot[HEADROOM..HEADROOM + CONTROL_BYTES].copy_from_slice(control);
    let datagram = LocalDatagram {
        source: world.table.uplinks[wanted.uplink as usize].tunnel_address,
        destination: wanted.remote_address,
        source_port,
        destination_port: PORT,
        class: 0,
        whole: false,
    };
    let mut packet = Packet::new(slot, CONTROL_BYTES);
    encapsulate_local(&world.fib, index, &[], &datagram, &mut packet)?;
    Ok(packet.range())
}

/// Out of range, which the control half never hands over: as by default.
fn settings(timers: &BfdTimers) -> Settings {
    let interval = timers.interval_micros;
    Settings::new(interval, interval, timers.multiplier).unwrap_or_default()
}

fn name(state: State) -> BfdSessionState {
    match state {
        State::AdminDown => BfdSessionState::AdminDown,
        State::Down => BfdSessionState::Down,
        State::Init => BfdSessionState::Init,
        State::Up => BfdSessionState::Up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_way_that_was_steady_comes_back_at_once() {
        let mut comeback = Comeback::default();
        assert_eq!(comeback.handle_up(SECOND, SECOND), Some(Change::Up));
        assert_eq!(comeback.handle_down(SECOND * 12), Change::Down);
        assert_eq!(comeback.handle_up(SECOND, SECOND * 13), Some(Change::Up));
    }

    #[test]
    fn one_that_keeps_failing_waits_longer_each_time() {
        let mut comeback = Comeback::default();
        let mut now = SECOND;
        comeback.handle_up(SECOND, now);
        for hold in [1, 2, 4, 8, 16, 32, 60, 60] {
            now += SECOND;
            comeback.handle_down(now);
            assert_eq!(comeback.handle_up(SECOND, now), None);
            now += SECOND * hold - Duration::from_nanos(1);
            assert_eq!(comeback.handle_timeout(now), None, "{hold} s");
            now += Duration::from_nanos(1);
            assert_eq!(comeback.handle_timeout(now), Some(Change::Up), "{hold} s");
        }
        now += STEADY;
        comeback.handle_down(now);
        assert_eq!(
            comeback.handle_up(SECOND, now),
            Some(Change::Up),
            "forgiven"
        );
    }

    #[test]
    fn one_that_fails_while_it_waits_has_failed_again() {
        let mut comeback = Comeback::default();
        comeback.handle_up(SECOND, SECOND);
        for _ in 0..3 {
            comeback.handle_down(SECOND * 2);
            assert_eq!(comeback.handle_up(SECOND, SECOND * 2), None);
        }
        assert_eq!(comeback.up_at, Some(SECOND * 2 + SECOND * 4));
        assert_eq!(comeback.handle_timeout(SECOND * 5), None);
        comeback.handle_down(SECOND * 5);
        comeback.handle_down(SECOND * 5);
        assert_eq!(comeback.failures, 4, "down is down");
    }

    #[test]
    fn timers_out_of_range_are_as_by_default() {
        let timers = BfdTimers {
            interval_micros: 1,
            multiplier: 0,
        };
        assert_eq!(settings(&timers), Settings::default());
        assert_eq!(settings(&BfdTimers::default()), Settings::default());
    }
}
