//! Two sessions over a channel that loses, delays, duplicates and reorders, in virtual time.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use labelway_bfd::{
    CONTROL_BYTES, Change, Diagnostic, Discriminator, Session, Settings, State, TTL,
};
use proptest::prelude::*;
use support::millis;

const A: usize = 0;
const B: usize = 1;

/// What one direction does to packets.
#[derive(Debug, Clone, Copy)]
struct Channel {
    delay_millis: u64,
    /// Added to some packets, so that they arrive out of order.
    jitter_millis: u64,
    loss_percent: u64,
    /// Losses in a row at most, after which one gets through.
    most_in_row: u32,
    duplicate_percent: u64,
}

const CUT: Channel = Channel {
    loss_percent: 100,
    most_in_row: u32::MAX,
    ..CLEAR
};

const CLEAR: Channel = Channel {
    delay_millis: 5,
    jitter_millis: 0,
    loss_percent: 0,
    most_in_row: 0,
    duplicate_percent: 0,
};

struct Network {
    now: Duration,
    sessions: [Session; 2],
    /// By who sends.
    channels: [Channel; 2],
    lost_in_row: [u32; 2],
    /// By arrival and number: who receives what.
    under_way: BTreeMap<(Duration, u64), (usize, [u8; CONTROL_BYTES])>,
    number: u64,
    last_received: [Duration; 2],
    changes: Vec<(Duration, usize, Change)>,
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
    fn new(settings: [Settings; 2], channels: [Channel; 2], seed: u64) -> Self {
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

    fn run(&mut self, duration: Duration) {
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

    fn run_until(&mut self, most: Duration, done: impl Fn(&Self) -> bool) -> bool {
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

    fn are_up(&self) -> bool {
        self.sessions
            .iter()
            .all(|session| session.state() == State::Up)
    }

    /// Up, and every change of intervals is confirmed.
    fn are_settled(&self) -> bool {
        self.are_up()
            && self
                .sessions
                .iter()
                .all(|session| !session.status().polling)
    }

    /// Both go by what the settings of both make.
    fn agree(&self, settings: [Settings; 2]) -> Result<(), TestCaseError> {
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

fn any_settings() -> impl Strategy<Value = Settings> {
    // Also slower than the slow rate.
    let interval = || prop_oneof![10u32..400, 900u32..1500];
    (interval(), interval(), 1u8..6)
        .prop_map(|(tx, rx, mult)| Settings::new(tx * 1000, rx * 1000, mult).unwrap())
}

/// Jitter beyond what Detection Times bear, copies, and losses in a row that end sessions.
fn rough() -> impl Strategy<Value = Channel> {
    (0u64..40, 0u64..40, 0u64..30, 0u64..30).prop_map(|(delay, jitter, loss, duplicate)| Channel {
        delay_millis: delay,
        jitter_millis: jitter,
        loss_percent: loss,
        most_in_row: u32::MAX,
        duplicate_percent: duplicate,
    })
}

/// Never more losses in a row than `most`, and nothing overtaken.
fn bounded(most: u8) -> impl Strategy<Value = Channel> {
    (0u64..80, 0u64..100, 0u64..30).prop_map(move |(delay, loss, duplicate)| Channel {
        delay_millis: delay,
        jitter_millis: 0,
        loss_percent: loss,
        most_in_row: most.into(),
        duplicate_percent: duplicate,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn both_come_up_and_agree_when_a_rough_channel_calms_down(
        settings in [any_settings(), any_settings()],
        channels in [rough(), rough()],
        seed: u64,
    ) {
        let mut network = Network::new(settings, channels, seed);
        network.run(millis(20_000));
        network.channels = [CLEAR; 2];
        // Whatever state they are in: a slow packet each, and the exchange; down and up again.
        prop_assert!(network.run_until(millis(12_000), Network::are_settled), "{:?}", network.sessions);
        network.run(millis(3000));
        prop_assert!(network.are_settled());
        network.agree(settings)?;
    }

    #[test]
    fn a_clear_channel_is_up_in_one_and_a_half_round_trips(
        settings in [any_settings(), any_settings()],
        delay in 0u64..200,
        seed: u64,
    ) {
        let channel = Channel { delay_millis: delay, ..CLEAR };
        let mut network = Network::new(settings, [channel; 2], seed);
        network.run(millis(3 * delay));
        prop_assert!(network.are_up());
        // Both polls: each needs an answer, and the first may wait for a periodic packet.
        network.run(millis(3 * delay + 3000));
        network.agree(settings)?;
    }

    /// The multiplier is kept to the packet: one less may be missing in a row, for ever, whatever
    /// is configured meanwhile.
    #[test]
    fn nothing_flaps_below_the_multiplier(
        (mult, channels) in (1u8..6).prop_flat_map(|mult| (Just(mult), [bounded(mult - 1), bounded(mult - 1)])),
        intervals in prop::collection::vec(([10u32..400, 10u32..400], 0usize..2, 1u64..3000), 2..12),
        seed: u64,
    ) {
        let settings = |[tx, rx]: [u32; 2]| Settings::new(tx * 1000, rx * 1000, mult).unwrap();
        let mut now = [settings(intervals[0].0), settings(intervals[1].0)];
        let mut network = Network::new(now, channels, seed);
        prop_assert!(network.run_until(millis(60_000), Network::are_up));
        let before = network.changes.len();
        for (intervals, who, pause) in intervals {
            now[who] = settings(intervals);
            network.sessions[who].configure(now[who]);
            network.run(millis(pause));
        }
        network.channels = channels.map(|channel| Channel { loss_percent: 0, ..channel });
        network.run(millis(10_000));
        prop_assert_eq!(&network.changes[before..], &[]);
        network.agree(now)?;
    }

    #[test]
    fn a_cut_is_seen_within_the_detection_time(
        settings in [any_settings(), any_settings()],
        both: bool,
        delay in 0u64..50,
        pause in 0u64..1000,
        seed: u64,
    ) {
        let channel = Channel { delay_millis: delay, ..CLEAR };
        let mut network = Network::new(settings, [channel; 2], seed);
        prop_assert!(network.run_until(millis(10_000), Network::are_settled));
        network.run(millis(3000 + pause));
        network.agree(settings)?;
        let before = network.changes.len();
        let detection = network.sessions.each_ref().map(|session| session.status().detection);
        let cut_at = network.now;
        network.channels[A] = CUT;
        if both {
            network.channels[B] = CUT;
        }
        network.run(detection[A].max(detection[B]) + millis(2 * delay));
        let changes = &network.changes[before..];
        let seen = |who: usize| changes.iter().find(|(_, at, _)| *at == who).copied();
        // That the Detection Time has passed since the last packet to the microsecond, the network
        // checks itself.
        let (at, _, change) = seen(B).unwrap();
        prop_assert_eq!((change.to, change.diagnostic), (State::Down, Diagnostic::DETECTION_TIME_EXPIRED));
        prop_assert!(at <= cut_at + millis(delay) + detection[B]);
        let (at_a, _, change) = seen(A).unwrap();
        if both {
            prop_assert!(at_a <= cut_at + millis(delay) + detection[A]);
        } else {
            // Told by the other, at once.
            prop_assert_eq!(change.diagnostic, Diagnostic::NEIGHBOR_SIGNALED_DOWN);
            prop_assert_eq!(at_a, at + millis(delay));
        }
    }
}

#[test]
fn one_missing_more_than_that_is_the_end() {
    let settings = [Settings::default(); 2];
    let mut network = Network::new(settings, [CLEAR; 2], 7);
    assert!(network.run_until(millis(2000), Network::are_settled));
    network.run(millis(1000));
    network.channels[A] = CUT;
    let lost = |network: &Network| network.lost_in_row[A];
    network.run_until(millis(1000), |network| lost(network) == 3);
    network.run_until(millis(1000), |network| lost(network) == 4);
    // 75–100 % each: the fourth leaves after 150 ms at least, and by then it is over.
    assert_eq!(network.sessions[B].state(), State::Down);
}

#[test]
fn a_neighbour_that_began_anew_is_taken_up_within_its_own_exchange() {
    let settings = [Settings::default(); 2];
    let mut network = Network::new(settings, [CLEAR; 2], 3);
    assert!(network.run_until(millis(2000), Network::are_settled));
    network.run(millis(1000));
    let now = network.now;
    network.sessions[A] = Session::new(Discriminator::new(33).unwrap(), settings[A], now);
    network.run(millis(20));
    let (_, _, change) = network
        .changes
        .iter()
        .rfind(|(at, who, change)| *at > now && *who == B && change.to == State::Down)
        .unwrap();
    assert_eq!(change.diagnostic, Diagnostic::NEIGHBOR_SIGNALED_DOWN);
    assert!(network.are_up());
}

#[test]
fn admin_down_is_told_at_once_and_undone() {
    let mut network = Network::new([Settings::default(); 2], [CLEAR; 2], 5);
    assert!(network.run_until(millis(2000), Network::are_settled));
    let now = network.now;
    network.sessions[A].disable(Diagnostic::ADMINISTRATIVELY_DOWN, now);
    network.run(millis(5));
    let status = network.sessions[B].status();
    assert_eq!(
        (status.state, status.remote.state),
        (State::Down, State::AdminDown)
    );
    assert_eq!(status.diagnostic, Diagnostic::NEIGHBOR_SIGNALED_DOWN);
    assert_eq!(status.remote.diagnostic, Diagnostic::ADMINISTRATIVELY_DOWN);
    network.run(millis(60_000));
    assert_eq!(network.sessions[B].state(), State::Down);
    let now = network.now;
    network.sessions[A].enable(now);
    network.run(millis(15));
    assert!(network.are_up());
}
