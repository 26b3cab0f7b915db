//! A reflector's own sequence numbers (RFC 8762 §4.3, stateful): one counter a session, bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Who sends a session's probes. A sender that begins anew takes other identifiers or finds its
/// counter further on; both are told apart from a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub source: IpAddr,
    pub source_port: u16,
    /// STAMP session identifier (RFC 8972 §3).
    pub session: u16,
}

/// Sessions without a probe for so long are forgotten (RFC 5357 §4.2, REFWAIT).
const IDLE: Duration = Duration::from_secs(900);

/// Counters of the sessions that a reflector answers.
#[derive(Debug)]
pub struct Sessions {
    limit: usize,
    counters: HashMap<SessionKey, Counter>,
    /// No session is idle before it.
    look_again: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    next: u32,
    last: Duration,
}

impl Sessions {
    /// 1,000 sites with 4 paths, one session each for the path and for its MTU, twice over: 1 MB.
    pub const USUAL_LIMIT: usize = 16_384;

    pub fn new(limit: usize) -> Self {
        Sessions {
            limit,
            counters: HashMap::new(),
            look_again: Duration::ZERO,
        }
    }

    /// Number of the answer to a probe of this session. None when all places are taken by sessions
    /// that are probed: such a probe is better left unanswered than answered with a number that
    /// means another thing.
    pub fn number(&mut self, key: SessionKey, now: Duration) -> Option<u32> {
        if let Some(counter) = self.counters.get_mut(&key) {
            // Idle for so long, it may have been forgotten: the same whether it was or not.
            if now.saturating_sub(counter.last) >= IDLE {
                counter.next = 0;
            }
            let number = counter.next;
            (counter.next, counter.last) = (number.wrapping_add(1), now);
            return Some(number);
        }
        if self.counters.len() >= self.limit {
            self.forget_idle(now);
        }
        if self.counters.len() >= self.limit {
            return None;
        }
        self.counters.insert(key, Counter { next: 1, last: now });
        Some(0)
    }

    pub fn len(&self) -> usize {
        self.counters.len()
    }

    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// At most once until the oldest can be idle, so that a flood of new sessions costs little.
    fn forget_idle(&mut self, now: Duration) {
        if now < self.look_again {
            return;
        }
        self.counters
            .retain(|_, counter| now.saturating_sub(counter.last) < IDLE);
        let oldest = self.counters.values().map(|counter| counter.last).min();
        self.look_again = oldest.unwrap_or(now) + IDLE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    fn key(session: u16) -> SessionKey {
        SessionKey {
            source: Ipv4Addr::new(100, 96, 0, 1).into(),
            source_port: 49862,
            session,
        }
    }

    #[test]
    fn full_is_full_until_one_is_idle() {
        let mut sessions = Sessions::new(2);
        let second = Duration::from_secs(1);
        assert_eq!(sessions.number(key(1), second), Some(0));
        assert_eq!(sessions.number(key(2), second * 500), Some(0));
        assert_eq!(sessions.number(key(3), second * 900), None);
        assert_eq!(sessions.number(key(1), second * 900), Some(1));
        assert_eq!(sessions.number(key(3), second * 1399), None);
        assert_eq!(
            sessions.number(key(3), second * 1400),
            Some(0),
            "the second was idle"
        );
        assert_eq!(sessions.len(), 2);
    }

    proptest! {
        /// Against a map that forgets at once.
        #[test]
        fn every_session_counts_for_itself(steps in prop::collection::vec((0u16..6, 0u64..400), 1..200), limit in 1usize..6) {
            let mut sessions = Sessions::new(limit);
            let mut reference: BTreeMap<u16, (u32, Duration)> = BTreeMap::new();
            let mut now = Duration::ZERO;
            for (session, pause) in steps {
                now += Duration::from_secs(pause);
                reference.retain(|_, (_, last)| now - *last < IDLE);
                let expected = if reference.contains_key(&session) || reference.len() < limit {
                    let (next, last) = reference.entry(session).or_insert((0, now));
                    *last = now;
                    *next += 1;
                    Some(*next - 1)
                } else {
                    None
                };
                let number = sessions.number(key(session), now);
                prop_assert_eq!(number, expected);
                prop_assert!(sessions.len() <= limit);
            }
        }
    }
}
