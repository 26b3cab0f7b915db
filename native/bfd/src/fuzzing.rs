//! Body of the fuzz target `bfd` (`native/fuzz`), here so that `cargo test` runs it too.
#![doc(hidden)]

use std::time::Duration;

use crate::{CONTROL_BYTES, Diagnostic, Discriminator, Session, Settings, State, TTL};

/// Any sequence of packets, timeouts and orders. Each step takes a byte that says which, and what
/// it needs from the bytes behind it; `now` only grows.
///
/// # Panics
/// When something that must hold does not.
pub fn session(bytes: &[u8]) {
    let own = Discriminator::MIN;
    let mut now = Duration::ZERO;
    let mut session = Session::new(own, Settings::default(), now);
    let mut rest = bytes;
    while let Some((&step, behind)) = rest.split_first() {
        rest = behind;
        match step % 6 {
            0 | 1 => {
                let (payload, behind) = rest.split_at(rest.len().min(CONTROL_BYTES));
                rest = behind;
                let mut payload = payload.to_vec();
                // Bytes at random hardly ever are a packet for this session.
                if step % 6 == 1 && payload.len() == CONTROL_BYTES {
                    (payload[0], payload[3]) = (1 << 5, CONTROL_BYTES as u8);
                    payload[8..12].copy_from_slice(&own.get().to_be_bytes());
                }
                let before = session.status();
                let verdict = session.receive(&payload, TTL, now);
                let after = session.status();
                match verdict {
                    Err(_) => assert_eq!(before, after, "what is discarded changes nothing"),
                    Ok(change) => assert_eq!(change.is_some(), before.state != after.state),
                }
            }
            2 => {
                now += Duration::from_millis(u64::from(step));
                drain(&mut session, now, u32::from(step) << 24);
            }
            3 => {
                // To whatever is next.
                now = session.poll_timeout().unwrap_or(now).max(now);
                drain(&mut session, now, u32::MAX);
            }
            4 => {
                let disabled = session.state() == State::AdminDown;
                match disabled {
                    true => session.enable(now),
                    false => session.disable(Diagnostic::ADMINISTRATIVELY_DOWN, now),
                };
            }
            _ => {
                let interval = u32::from(step) * 10_000 + 10_000;
                if let Ok(settings) = Settings::new(interval, 500_000 - interval / 10, step | 1) {
                    session.configure(settings);
                }
            }
        }
        let status = session.status();
        // §6.8.3.
        let slow = status
            .transmit_micros
            .is_none_or(|micros| micros >= 1_000_000);
        assert!(slow || session.state() == State::Up);
    }
}

/// All that is due; there is an end to it.
fn drain(session: &mut Session, now: Duration, random: u32) {
    for _ in 0..4 {
        if session.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        if let Some(packet) = session.handle_timeout(now, random).packet {
            assert_eq!(packet.state, session.state());
            assert!(packet.state == State::Up || packet.desired_min_tx_micros >= 1_000_000);
        }
    }
    panic!("due without end: {session:?}");
}
