//! The whole table of RFC 5880 §6.8.6, and what each transition tells the neighbour.

mod support;

use std::time::Duration;

use labelway_bfd::{Diagnostic, Discard, Sequence, State, TTL};
use support::{Peer, THEIRS, drain, in_state, now};

use State::{AdminDown, Down, Init, Up};

#[test]
fn every_state_under_every_received_state() {
    // From, received, to.
    let table = [
        (AdminDown, AdminDown, AdminDown),
        (AdminDown, Down, AdminDown),
        (AdminDown, Init, AdminDown),
        (AdminDown, Up, AdminDown),
        (Down, AdminDown, Down),
        (Down, Down, Init),
        (Down, Init, Up),
        (Down, Up, Down),
        (Init, AdminDown, Down),
        (Init, Down, Init),
        (Init, Init, Up),
        (Init, Up, Up),
        (Up, AdminDown, Down),
        (Up, Down, Down),
        (Up, Init, Up),
        (Up, Up, Up),
    ];
    for (from, received, to) in table {
        let mut session = in_state(from);
        let before = session.status();
        let peer = Peer {
            diagnostic: Diagnostic::PATH_DOWN,
            ..Peer::in_state(received)
        };
        let change = session.receive(&peer.encode(), TTL, now()).unwrap();
        let case = format!("{from} receives {received}");
        assert_eq!(session.state(), to, "{case}");
        assert_eq!(change.is_some(), from != to, "{case}");
        if let Some(change) = change {
            let expected = match to {
                Down => Diagnostic::NEIGHBOR_SIGNALED_DOWN,
                Up => Diagnostic::NONE,
                _ => before.diagnostic,
            };
            assert_eq!(
                (change.from, change.to, change.diagnostic),
                (from, to, expected),
                "{case}"
            );
            assert_eq!(change.remote.state, received, "{case}");
            assert_eq!(change.remote.diagnostic, Diagnostic::PATH_DOWN, "{case}");
            // The news go out at once.
            assert_eq!(session.poll_timeout(), Some(Duration::ZERO), "{case}");
            let packet = session.handle_timeout(now(), 0).packet.unwrap();
            assert_eq!((packet.state, packet.diagnostic), (to, expected), "{case}");
        }
        assert_eq!(
            session.status().downs,
            u64::from(from == Up && to == Down),
            "{case}"
        );
    }
}

#[test]
fn silence_ends_init_and_up_only() {
    for from in State::ALL {
        let mut session = in_state(from);
        let received = session.receive(&Peer::keeping(from).encode(), TTL, now());
        assert_eq!(received, Ok(None));
        drain(&mut session, now());
        let expiry = now() + session.status().detection;
        assert_eq!(session.status().detection, Duration::from_millis(150));
        let early = session.handle_timeout(expiry - Duration::from_micros(1), 0);
        assert_eq!((early.change, session.state()), (None, from));
        assert_eq!(session.status().remote_discriminator, Some(THEIRS));
        let change = session.handle_timeout(expiry, 0).change;
        match from {
            Init | Up => {
                let change = change.unwrap();
                assert_eq!((change.from, change.to), (from, Down));
                assert_eq!(change.diagnostic, Diagnostic::DETECTION_TIME_EXPIRED);
            }
            Down | AdminDown => assert_eq!(change, None),
        }
        // §6.8.1: in any state.
        assert_eq!(session.status().remote_discriminator, None, "{from}");
        drain(&mut session, expiry);
        // No more than the slow packets is left to do.
        assert!(session.poll_timeout().unwrap() >= expiry + Duration::from_millis(700));
    }
}

#[test]
fn admin_down_is_entered_from_anywhere_told_and_left_by_order_only() {
    for from in State::ALL {
        let mut session = in_state(from);
        let change = session.disable(Diagnostic::ADMINISTRATIVELY_DOWN, now());
        assert_eq!(change.is_some(), from != AdminDown);
        let step = session.handle_timeout(now(), 0);
        if from != AdminDown {
            let packet = step.packet.unwrap();
            assert_eq!(
                (packet.state, packet.diagnostic),
                (AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN)
            );
            assert!(packet.desired_min_tx_micros >= 1_000_000);
        }
        for received in State::ALL {
            let polled = Peer {
                sequence: Sequence::Poll,
                ..Peer::in_state(received)
            };
            assert_eq!(session.receive(&polled.encode(), TTL, now()), Ok(None));
            let answer = session.handle_timeout(now(), 0).packet.unwrap();
            assert_eq!(
                (answer.state, answer.sequence),
                (AdminDown, Sequence::Final)
            );
        }
        // Reminders.
        drain(&mut session, now());
        let next = session.poll_timeout().unwrap();
        assert!(next > now(), "{from}: {next:?}");
        let change = session.enable(now()).unwrap();
        assert_eq!((change.from, change.to), (AdminDown, Down));
        assert_eq!(session.enable(now()), None);
    }
}

#[test]
fn why_it_went_down_can_be_read_until_it_is_up() {
    let mut session = in_state(Up);
    session
        .receive(&Peer::in_state(Down).encode(), TTL, now())
        .unwrap();
    session
        .receive(&Peer::in_state(Down).encode(), TTL, now())
        .unwrap();
    assert_eq!(session.state(), Init);
    assert_eq!(
        session.status().diagnostic,
        Diagnostic::NEIGHBOR_SIGNALED_DOWN
    );
    session
        .receive(&Peer::in_state(Init).encode(), TTL, now())
        .unwrap();
    assert_eq!(
        (session.state(), session.status().diagnostic),
        (Up, Diagnostic::NONE)
    );
}

#[test]
fn what_is_discarded_is_counted_and_changes_nothing() {
    let mut session = in_state(Up);
    let before = session.status();
    let good = Peer::in_state(Down).encode();
    let stranger = Peer {
        yours: 77,
        ..Peer::in_state(Down)
    }
    .encode();
    let mut authenticated = [good.as_slice(), &[0; 4]].concat();
    (authenticated[1], authenticated[3]) = (authenticated[1] | 4, 28);
    // For another session and authenticated: the first rule that is broken counts.
    let mut both = authenticated.clone();
    both[11] = 77;
    let cases: [(&[u8], u8, Discard); 7] = [
        (&good, 254, Discard::TimeToLive),
        (&[], 0, Discard::TimeToLive),
        (&[], TTL, Discard::Truncated),
        (&good[..23], TTL, Discard::Truncated),
        (&stranger, TTL, Discard::UnknownSession),
        (&authenticated, TTL, Discard::Authentication),
        (&both, TTL, Discard::UnknownSession),
    ];
    for (payload, ttl, reason) in cases {
        assert_eq!(session.receive(payload, ttl, now()), Err(reason));
        assert_eq!(session.status(), before);
    }
    let counted: Vec<_> = session
        .discards()
        .iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(
        counted,
        [
            (Discard::TimeToLive, 2),
            (Discard::Truncated, 2),
            (Discard::UnknownSession, 2),
            (Discard::Authentication, 1)
        ]
    );
    // One for whoever sits there goes through: the neighbour has begun anew.
    let anew = Peer {
        yours: 0,
        mine: 99,
        ..Peer::in_state(Down)
    };
    assert!(
        session
            .receive(&anew.encode(), TTL, now())
            .unwrap()
            .is_some()
    );
    assert_eq!(session.status().remote_discriminator.unwrap().get(), 99);
}
