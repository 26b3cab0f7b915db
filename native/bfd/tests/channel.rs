//! Two sessions over a channel that loses, delays, duplicates and reorders, in virtual time.

mod network;
mod support;

use labelway_bfd::{Diagnostic, Discriminator, Session, Settings, State};
use network::{A, B, CLEAR, CUT, Channel, Network};
use proptest::prelude::*;
use support::millis;

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
        // A sequence whose Polls were lost takes its time, and the last change waits for it.
        network.run(millis(60_000));
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

/// A round trip in which a dozen Polls leave, each with a Final of its own.
#[test]
fn finals_under_way_do_not_end_the_next_sequence() {
    let settings = |tx: u32, rx: u32| Settings::new(tx * 1000, rx * 1000, 1).unwrap();
    let channel = |delay_millis| Channel {
        delay_millis,
        ..CLEAR
    };
    for pause in 0..250 {
        let begin = [settings(10, 10), settings(120, 58)];
        let mut network = Network::new(begin, [channel(72), channel(34)], pause);
        assert!(network.run_until(millis(2000), Network::are_up));
        let before = network.changes.len();
        network.sessions[B].configure(settings(10, 10));
        network.run(millis(pause));
        network.sessions[A].configure(settings(120, 58));
        network.run(millis(3000));
        assert_eq!(&network.changes[before..], &[], "{pause}");
        network
            .agree([settings(120, 58), settings(10, 10)])
            .unwrap();
    }
}
