//! A peer's timers (WireGuard paper §6): what is due is found by comparing times with now.

use std::time::Duration;

use crate::MIN_OUTPUT;
use crate::drops::DropReason;
use crate::negotiate::{REKEY_TIMEOUT, WIPE_AFTER};
use crate::now::Now;
use crate::peer::{Datagram, Sessions};
use crate::state::Locked;

/// WireGuard paper §6.1, §6.5.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// WireGuard paper §6.4: so long a handshake is tried.
const REKEY_ATTEMPT_TIME: Duration = Duration::from_secs(90);

impl Locked<'_> {
    /// Does what is due and returns the next datagram to send, until there is none. `out` holds at
    /// least a full datagram.
    pub fn next_due(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        if out.len() < MIN_OUTPUT {
            return None;
        }
        self.wipe(now);
        self.flush(now, out)
            .or_else(|| self.retry(now, out))
            .or_else(|| self.renew(now, out))
            .or_else(|| self.keep_alive(now, out))
    }

    fn wipe(&mut self, now: Now) {
        let handshakes = &mut self.state.handshakes;
        if handshakes
            .wipe_at
            .take_if(|at| now.monotonic >= *at)
            .is_some()
        {
            handshakes.initiator = None;
            let sessions = self.sessions();
            self.publish(Sessions {
                current: None,
                previous: None,
                next: None,
                ..sessions
            });
        }
    }

    fn retry(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        let handshakes = &mut self.state.handshakes;
        handshakes.retry_at.take_if(|at| now.monotonic >= *at)?;
        let wanted = handshakes.wanted.unwrap_or(now.monotonic);
        if now.monotonic.saturating_duration_since(wanted) < REKEY_ATTEMPT_TIME {
            return self.initiate(now, true, out);
        }
        // No end for ever: the next packet to send starts another try.
        handshakes.wanted = None;
        handshakes.wipe_at.get_or_insert(now.monotonic + WIPE_AFTER);
        self.peer.activity.forget_unacknowledged();
        self.drop_queue(DropReason::NoAnswer);
        None
    }

    /// A handshake that the data path asked for (§6.2), or that unanswered data calls for (§6.5).
    fn renew(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        let (peer, handshakes) = (self.peer, &mut self.state.handshakes);
        let (activity, sessions) = (&peer.activity, peer.sessions.load());
        let current = sessions.current.as_ref();
        let after = KEEPALIVE_TIMEOUT + REKEY_TIMEOUT + handshakes.jitter;
        // Each is asked, so that none is left over for later. What was asked while a handshake was
        // under way may be about a session that has been replaced.
        let ending = activity.take_ending()
            && !handshakes.told_of_ending
            && current.is_some_and(|session| session.is_ending(now.monotonic));
        handshakes.told_of_ending |= ending;
        let renewal = activity.take_renewal()
            && current.is_some_and(|session| session.is_due_for_renewal(now.monotonic));
        let unanswered = activity.take_unanswered(now.monotonic, after);
        let due = renewal || ending || unanswered;
        due.then(|| self.initiate(now, false, out)).flatten()
    }

    /// Passive: data was received and nothing sent since. Persistent: so long after anything
    /// authentic, for ever.
    fn keep_alive(&mut self, now: Now, out: &mut [u8]) -> Option<Datagram> {
        let activity = &self.peer.activity;
        let passive = activity.take_unacknowledged(now.monotonic, KEEPALIVE_TIMEOUT);
        let interval = self.keepalive();
        let persistent = !interval.is_zero()
            && (std::mem::take(&mut self.state.keep_alive_at_once)
                || activity.is_quiet(now.monotonic, interval));
        if !passive && !persistent {
            return None;
        }
        let sent = self
            .seal(now, &[], 0, out)
            .or_else(|| self.initiate(now, false, out));
        if passive {
            self.peer.activity.expect_more(now.monotonic);
        }
        sent
    }
}
