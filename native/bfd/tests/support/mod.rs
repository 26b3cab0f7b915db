//! A neighbour whose packets say whatever a test wants, and sessions in any state.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::num::NonZeroU8;
use std::time::Duration;

use labelway_bfd::{
    ControlPacket, Diagnostic, Discriminator, Sequence, Session, Settings, State, TTL,
};

pub const OURS: Discriminator = Discriminator::new(0x0a0b_0c0d).unwrap();
pub const THEIRS: Discriminator = Discriminator::new(0x0102_0304).unwrap();

/// When tests begin: not zero, which stands for "at once".
pub fn now() -> Duration {
    Duration::from_secs(100)
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A packet of the neighbour's, 50 ms × 3.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub state: State,
    pub diagnostic: Diagnostic,
    pub sequence: Sequence,
    pub detect_mult: u8,
    pub mine: u32,
    /// Zero for none.
    pub yours: u32,
    pub tx_millis: u32,
    pub rx_millis: u32,
    pub demand: bool,
}

impl Peer {
    pub fn in_state(state: State) -> Self {
        Peer {
            state,
            diagnostic: Diagnostic::NONE,
            sequence: Sequence::None,
            detect_mult: 3,
            mine: THEIRS.get(),
            yours: OURS.get(),
            tx_millis: 50,
            rx_millis: 50,
            demand: false,
        }
    }

    /// One that leaves a session in `state`.
    pub fn keeping(state: State) -> Self {
        Self::in_state(match state {
            State::Init => State::Down,
            State::Down | State::Up | State::AdminDown => State::Up,
        })
    }

    pub fn encode(&self) -> Vec<u8> {
        let packet = ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            sequence: self.sequence,
            detect_mult: NonZeroU8::new(self.detect_mult).unwrap(),
            my_discriminator: Discriminator::new(self.mine).unwrap(),
            your_discriminator: Discriminator::new(self.yours),
            desired_min_tx_micros: self.tx_millis * 1000,
            required_min_rx_micros: self.rx_millis * 1000,
        };
        let mut bytes = packet.encode().to_vec();
        bytes[1] |= u8::from(self.demand) << 1;
        bytes
    }
}

/// A session of 50 ms × 3 with nothing left to send at [`now`].
pub fn in_state(state: State) -> Session {
    with_settings(Settings::default(), state)
}

pub fn with_settings(settings: Settings, state: State) -> Session {
    let mut session = Session::new(OURS, settings, now());
    let said: &[State] = match state {
        State::Down | State::AdminDown => &[],
        State::Init => &[State::Down],
        State::Up => &[State::Down, State::Init],
    };
    for state in said {
        session
            .receive(&Peer::in_state(*state).encode(), TTL, now())
            .unwrap();
    }
    if state == State::AdminDown {
        session.disable(Diagnostic::ADMINISTRATIVELY_DOWN, now());
    }
    assert_eq!(session.state(), state);
    drain(&mut session, now());
    if session.status().polling {
        hear(
            &mut session,
            Peer {
                sequence: Sequence::Final,
                ..Peer::in_state(State::Up)
            },
            now(),
        );
        hear(&mut session, Peer::in_state(State::Up), now());
    }
    session
}

/// Hands over a packet that changes no state.
pub fn hear(session: &mut Session, peer: Peer, at: Duration) {
    assert_eq!(session.receive(&peer.encode(), TTL, at), Ok(None));
}

/// Everything that is due, with the shortest jitter.
pub fn drain(session: &mut Session, at: Duration) -> Vec<ControlPacket> {
    let mut sent = vec![];
    while session.poll_timeout().is_some_and(|due| due <= at) {
        sent.extend(session.handle_timeout(at, 0).packet);
        assert!(sent.len() < 5, "{sent:?}");
    }
    sent
}
