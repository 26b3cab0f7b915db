//! When packets leave, what they say of the intervals, and when silence is noticed.

mod support;

use labelway_bfd::{Sequence, Session, Settings, State, TTL};
use support::{Peer, drain, hear, in_state, millis, now, with_settings};

fn settings(tx_millis: u32, rx_millis: u32, mult: u8) -> Settings {
    Settings::new(tx_millis * 1000, rx_millis * 1000, mult).unwrap()
}

/// When the next packet is due, in milliseconds from now on.
fn due(session: &Session) -> Option<u128> {
    Some((session.poll_timeout()?.checked_sub(now())?).as_millis())
}

fn up() -> Peer {
    Peer::in_state(State::Up)
}

#[test]
fn the_first_packet_is_due_at_once_and_the_rest_are_slow() {
    let mut session = Session::new(support::OURS, Settings::default(), now());
    assert_eq!(session.poll_timeout(), Some(millis(0)));
    let packet = session.handle_timeout(now(), u32::MAX).packet.unwrap();
    assert_eq!(
        (packet.state, packet.sequence),
        (State::Down, Sequence::None)
    );
    assert_eq!(packet.your_discriminator, None);
    assert_eq!(
        (packet.desired_min_tx_micros, packet.required_min_rx_micros),
        (1_000_000, 50_000)
    );
    assert_eq!(due(&session), Some(999));
    let early = session.handle_timeout(now() + millis(999), u32::MAX);
    assert_eq!((early.packet, early.change), (None, None));
    assert!(
        session
            .handle_timeout(now() + millis(1000), 0)
            .packet
            .is_some()
    );
    assert_eq!(due(&session), Some(1750));
}

#[test]
fn the_slower_of_both_sets_the_pace() {
    for (tx, rx, expected) in [(50, 50, 50), (50, 300, 300), (400, 300, 400)] {
        let mut session = with_settings(settings(tx, 50, 3), State::Up);
        hear(
            &mut session,
            Peer {
                rx_millis: rx,
                detect_mult: 255,
                ..up()
            },
            now(),
        );
        drain(&mut session, now());
        assert_eq!(session.status().transmit_micros, Some(expected * 1000));
        // With the least jitter there is.
        assert_eq!(due(&session), Some(u128::from(expected) * 3 / 4));
    }
}

#[test]
fn a_neighbour_that_wants_no_packets_gets_answers_and_news_only() {
    let mut session = in_state(State::Up);
    hear(
        &mut session,
        Peer {
            rx_millis: 0,
            ..up()
        },
        now(),
    );
    assert_eq!(session.status().transmit_micros, None);
    assert_eq!(due(&session), Some(150), "the Detection Time");
    hear(
        &mut session,
        Peer {
            rx_millis: 0,
            sequence: Sequence::Poll,
            ..up()
        },
        now(),
    );
    assert_eq!(drain(&mut session, now())[0].sequence, Sequence::Final);
    session.configure(settings(50, 50, 4));
    assert_eq!(drain(&mut session, now()).len(), 1);
    assert_eq!(due(&session), Some(150));
}

#[test]
fn a_neighbour_in_demand_mode_gets_no_periodic_packets_while_both_are_up() {
    let mut session = in_state(State::Up);
    hear(
        &mut session,
        Peer {
            demand: true,
            ..up()
        },
        now(),
    );
    assert_eq!(session.status().transmit_micros, None);
    // But a Poll Sequence, until it has its Final (§6.6).
    session.configure(settings(100, 50, 3));
    assert_eq!(drain(&mut session, now())[0].sequence, Sequence::Poll);
    let again = now() + millis(49);
    assert_eq!(
        drain(&mut session, again)[0].sequence,
        Sequence::Poll,
        "the interval is the old"
    );
    hear(
        &mut session,
        Peer {
            demand: true,
            sequence: Sequence::Final,
            ..up()
        },
        again,
    );
    assert_eq!(session.status().transmit_micros, None);
    // Its own packets are still to come: the demand is for ours only.
    assert_eq!(due(&session), Some(49 + 150));
    // Not of a system that is not Up (§6.8.6).
    hear(
        &mut session,
        Peer {
            demand: true,
            ..Peer::in_state(State::Init)
        },
        again,
    );
    assert_eq!(session.status().transmit_micros, Some(100_000));
    assert!(
        session
            .receive(
                &Peer {
                    demand: true,
                    ..Peer::in_state(State::Down)
                }
                .encode(),
                TTL,
                again
            )
            .is_ok()
    );
    assert_eq!(session.status().transmit_micros, Some(1_000_000));
}

#[test]
fn detection_goes_by_the_neighbours_multiplier_and_the_slower_of_both() {
    for (rx, tx, mult, expected) in [
        (50, 50, 3, 150),
        (300, 50, 3, 900),
        (50, 300, 5, 1500),
        (10, 10, 1, 10),
    ] {
        let mut session = with_settings(settings(50, rx, 7), State::Up);
        hear(
            &mut session,
            Peer {
                tx_millis: tx,
                detect_mult: mult,
                ..up()
            },
            now(),
        );
        assert_eq!(session.status().detection, millis(expected));
        let mut at = now();
        let change = loop {
            at = session.poll_timeout().unwrap().max(at);
            if let Some(change) = session.handle_timeout(at, 0).change {
                break change;
            }
        };
        assert_eq!((at - now(), change.to), (millis(expected), State::Down));
    }
}

#[test]
fn a_poll_is_answered_at_once_and_does_not_move_the_periodic_packets() {
    let mut session = in_state(State::Up);
    let before = due(&session);
    let at = now() + millis(20);
    hear(
        &mut session,
        Peer {
            sequence: Sequence::Poll,
            ..up()
        },
        at,
    );
    hear(
        &mut session,
        Peer {
            sequence: Sequence::Poll,
            ..up()
        },
        at,
    );
    let answers = drain(&mut session, at);
    assert_eq!(
        answers
            .iter()
            .map(|packet| packet.sequence)
            .collect::<Vec<_>>(),
        [Sequence::Final]
    );
    assert_eq!(due(&session), before);
}

#[test]
fn going_up_polls_until_the_final() {
    let mut session = in_state(State::Init);
    session
        .receive(&Peer::in_state(State::Init).encode(), TTL, now())
        .unwrap();
    let packet = drain(&mut session, now()).remove(0);
    assert_eq!((packet.state, packet.sequence), (State::Up, Sequence::Poll));
    assert_eq!(packet.desired_min_tx_micros, 50_000);
    let again = drain(&mut session, now() + millis(38)).remove(0);
    assert_eq!(again.sequence, Sequence::Poll);
    hear(
        &mut session,
        Peer {
            sequence: Sequence::Final,
            ..up()
        },
        now() + millis(40),
    );
    let after = drain(&mut session, now() + millis(80)).remove(0);
    assert_eq!(after.sequence, Sequence::None);
}

#[test]
fn sending_more_rarely_begins_with_the_final() {
    let mut session = in_state(State::Up);
    drain(&mut session, now() + millis(40));
    session.configure(settings(300, 50, 3));
    let at = now() + millis(41);
    let poll = drain(&mut session, at).remove(0);
    assert_eq!(
        (poll.sequence, poll.desired_min_tx_micros),
        (Sequence::Poll, 300_000)
    );
    assert_eq!(session.status().transmit_micros, Some(50_000));
    hear(
        &mut session,
        Peer {
            sequence: Sequence::Final,
            ..up()
        },
        at,
    );
    assert_eq!(session.status().transmit_micros, Some(300_000));
}

#[test]
fn expecting_packets_more_often_begins_with_the_final() {
    let mut session = with_settings(settings(50, 300, 3), State::Up);
    session.configure(settings(50, 50, 3));
    let poll = drain(&mut session, now()).remove(0);
    assert_eq!(
        (poll.sequence, poll.required_min_rx_micros),
        (Sequence::Poll, 50_000)
    );
    assert_eq!(session.status().detection, millis(900));
    hear(
        &mut session,
        Peer {
            sequence: Sequence::Final,
            ..up()
        },
        now(),
    );
    assert_eq!(session.status().detection, millis(150));
}

#[test]
fn a_neighbour_that_wants_more_gets_it_at_once() {
    let mut session = in_state(State::Up);
    hear(
        &mut session,
        Peer {
            rx_millis: 1000,
            ..up()
        },
        now(),
    );
    let sent = now() + millis(40);
    hear(
        &mut session,
        Peer {
            rx_millis: 1000,
            ..up()
        },
        sent,
    );
    assert!(due(&session).unwrap() > 140);
    // §6.8.3: no longer than the new interval since the last packet, which has passed already.
    let at = now() + millis(140);
    hear(
        &mut session,
        Peer {
            rx_millis: 50,
            ..up()
        },
        at,
    );
    assert!(session.poll_timeout().unwrap() <= at);
    assert_eq!(drain(&mut session, at).len(), 1);
}

#[test]
fn a_thread_that_was_held_up_sends_one_packet_not_all_that_it_missed() {
    let mut session = in_state(State::Up);
    hear(
        &mut session,
        Peer {
            detect_mult: 255,
            ..up()
        },
        now(),
    );
    assert_eq!(drain(&mut session, now() + millis(2000)).len(), 1);
}

#[test]
fn a_neighbour_that_is_heard_again_is_told_at_once() {
    let mut session = in_state(State::Down);
    assert!(due(&session).is_some_and(|wait| wait >= 250), "a slow one");
    session.heard(now() + millis(100));
    assert_eq!(session.poll_timeout(), Some(millis(0)));
    assert_eq!(drain(&mut session, now() + millis(100)).len(), 1);
    // As long as it goes on talking, the pace is the slow one.
    for at in (200..1000).step_by(100) {
        session.heard(now() + millis(at));
        assert!(session.poll_timeout() > Some(now() + millis(at)), "{at} ms");
        if session.poll_timeout() <= Some(now() + millis(at + 100)) {
            drain(&mut session, now() + millis(at + 100));
        }
    }
    session.heard(now() + millis(1150));
    assert_eq!(session.poll_timeout(), Some(millis(0)), "silent for 250 ms");
}

#[test]
fn what_else_is_heard_changes_nothing_for_who_is_not_down() {
    for state in [State::AdminDown, State::Init, State::Up] {
        let mut session = in_state(state);
        let before = session.poll_timeout().unwrap();
        session.heard(now() + millis(10));
        let after = session.poll_timeout().unwrap();
        assert!(after >= before, "{state:?}");
    }
}

#[test]
fn a_packet_of_its_own_is_no_second_news() {
    let mut session = in_state(State::Down);
    hear(&mut session, Peer::in_state(State::Up), now() + millis(400));
    drain(&mut session, now() + millis(400));
    session.heard(now() + millis(401));
    assert!(session.poll_timeout() > Some(now() + millis(401)));
}
