//! Two sessions and what lies between them, in virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use labelway_bfd::{
    CONTROL_BYTES, Change, Diagnostic, Discriminator, Session, Settings, State, TTL,
};
use proptest::prelude::*;

use super::support::millis;

pub const A: usize = 0;
pub const B: usize = 1;

/// What one direction does to packets.
#[derive(Debug, Clone, Copy)]
pub struct Channel {
    pub delay_millis: u64,
    /// Added to some packets, so that they arrive out of order.
    pub jitter_millis: u64,
    pub loss_percent: u64,
    /// Losses in a row at most, after which one gets through.
    pub most_in_row: u32,
    pub duplicate_percent: u64,
}

pub const CUT: Channel = Channel {
    loss_percent: 100,
    most_in_row: u32::MAX,
    ..CLEAR
};

pub const CLEAR: Channel = Channel {
    delay_millis: 5,
    jitter_millis: 0,
    loss_percent: 0,
    most_in_row: 0,
    duplicate_percent: 0,
};

pub struct Network {
    pub now: Duration,
    pub sessions: [Session; 2],
    /// By who sends.
    pub channels: [Channel; 2],
    pub lost_in_row: [u32; 2],
    /// By arrival and number: who receives what.
    under_way: BTreeMap<(Duration, u64), (usize, [u8; CONTROL_BYTES])>,
    number: u64,
    last_received: [Duration; 2],
    pub changes: Vec<(Duration, usize, Change)>,
    random: Random,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl Network {
    pub fn new(settings: [Settings; 2], channels: [Channel; 2], seed: u64) -> Self {
        let session = |discriminator, settings| {
            let discriminator = Discriminator::new(discriminator).unwrap();
            Session::new(discriminator, settings, Duration::ZERO)
        };
        Network {
            now: Duration::ZERO,
            sessions: [session(11, settings[A]), session(22, settings[B])],
            channels,
            lost_in_row: [0; 2],
            under_way: BTreeMap::new(),
            number: 0,
            last_received: [Duration::ZERO; 2],
            changes: vec![],
            random: Random(seed),
        }
    }

    pub fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let timeouts = self.sessions.iter().filter_map(Session::poll_timeout);
            let Some(next) = timeouts.chain(arrival).min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            self.deliver();
            for who in [A, B] {
                self.handle_timeouts(who);
            }
        }
        self.now = end;
    }

    pub fn run_until(&mut self, most: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + most;
        while self.now < end && !done(self) {
            self.run(millis(1));
        }
        done(self)
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.under_way.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let (to, bytes) = entry.remove();
            let change = self.sessions[to]
                .receive(&bytes, TTL, self.now)
                .unwrap_or_default();
            self.last_received[to] = self.now;
            self.changes
                .extend(change.map(|change| (self.now, to, change)));
        }
    }

    fn handle_timeouts(&mut self, who: usize) {
        while self.sessions[who]
            .poll_timeout()
            .is_some_and(|at| at <= self.now)
        {
            let detection = self.sessions[who].status().detection;
            let random = self.random.next() as u32;
            let step = self.sessions[who].handle_timeout(self.now, random);
            if let Some(change) = step.change {
                // Neither sooner nor, with a timer that is on time, later.
                assert_eq!(change.diagnostic, Diagnostic::DETECTION_TIME_EXPIRED);
                assert_eq!(self.now, self.last_received[who] + detection);
                self.changes.push((self.now, who, change));
            }
            if let Some(packet) = step.packet {
                self.send(who, packet.encode());
            }
        }
    }

    fn send(&mut self, from: usize, bytes: [u8; CONTROL_BYTES]) {
        let channel = self.channels[from];
        if self.lost_in_row[from] < channel.most_in_row
            && self.random.below(100) < channel.loss_percent
        {
            self.lost_in_row[from] += 1;
            return;
        }
        self.lost_in_row[from] = 0;
        let copies = 1 + u64::from(self.random.below(100) < channel.duplicate_percent);
        for _ in 0..copies {
            let late = match self.random.below(4) {
                0 => self.random.below(channel.jitter_millis + 1),
                _ => 0,
            };
            let arrival = self.now + millis(channel.delay_millis + late);
            self.number += 1;
            self.under_way
                .insert((arrival, self.number), (1 - from, bytes));
        }
    }

    pub fn are_up(&self) -> bool {
        self.sessions
            .iter()
            .all(|session| session.state() == State::Up)
    }

    /// Up, and every change of intervals is confirmed.
    pub fn are_settled(&self) -> bool {
        self.are_up()
            && self
                .sessions
                .iter()
                .all(|session| !session.status().polling)
    }

    /// Both go by what the settings of both make.
    pub fn agree(&self, settings: [Settings; 2]) -> Result<(), TestCaseError> {
        for (own, other) in [(A, B), (B, A)] {
            let status = self.sessions[own].status();
            let transmit = settings[own]
                .desired_min_tx_micros()
                .max(settings[other].required_min_rx_micros());
            let expect = settings[own]
                .required_min_rx_micros()
                .max(settings[other].desired_min_tx_micros());
            let mult = u32::from(settings[other].detect_mult().get());
            prop_assert_eq!(status.transmit_micros, Some(transmit));
            prop_assert_eq!(
                status.detection,
                Duration::from_micros(expect.into()) * mult
            );
        }
        Ok(())
    }
}
