use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECOND: Duration = Duration::from_secs(1);

fn of(neighbour: u32, session: u16) -> SessionKey {
    SessionKey {
        neighbour,
        source: Ipv4Addr::new(100, 96, 0, 1),
        source_port: 49862,
        session,
    }
}

fn key(session: u16) -> SessionKey {
    of(1, session)
}

#[test]
fn where_all_is_taken_the_idle_go_before_others() {
    let mut sessions = Sessions::new(2);
    assert_eq!(sessions.number(key(1), SECOND), 0);
    assert_eq!(sessions.number(of(2, 2), SECOND * 500), 0);
    assert_eq!(sessions.number(key(1), SECOND * 900), 1);
    assert_eq!(sessions.number(of(2, 3), SECOND * 1399), 0);
    assert_eq!(
        sessions.number(key(1), SECOND * 1399),
        2,
        "the other's own made room"
    );
    assert_eq!(sessions.number(of(3, 1), SECOND * 2299), 0);
    assert_eq!(sessions.len(), 1, "both were idle");
}

/// 200,000 sessions that one neighbour invents, in all their fields, while two others go on.
#[test]
fn a_flood_costs_its_own_neighbour_alone() {
    let mut sessions = Sessions::new(Sessions::USUAL_LIMIT);
    let mut probes = 0;
    let mut allocated = 0;
    for invented in 0..200_000u32 {
        let now = Duration::from_micros(100) * invented;
        let flood = SessionKey {
            neighbour: 9,
            source: Ipv4Addr::from(invented >> 8),
            source_port: invented as u16,
            session: (invented / 3) as u16,
        };
        sessions.number(flood, now);
        // It writes what it knows of others' sessions into its own, too.
        sessions.number(of(9, 1), now);
        if invented % 1000 == 0 {
            assert_eq!(sessions.number(of(1, 1), now), probes, "one that was there");
            probes += 1;
            let new = invented as u16;
            assert_eq!(sessions.number(of(2, new), now), 0, "a new one");
            assert_eq!(sessions.number(of(2, new), now), 1, "and it stays");
        }
        assert!(sessions.len() <= Sessions::USUAL_LIMIT);
        if invented == 100_000 {
            allocated = sessions.slots.capacity();
        }
    }
    assert_eq!(sessions.len(), Sessions::USUAL_LIMIT);
    assert_eq!(sessions.slots.capacity(), allocated);
    let bytes = size_of::<Slot>() * allocated + size_of_val(&*sessions.heads);
    assert!(bytes < 1 << 20, "{bytes}");
    assert_eq!(
        sessions.number(of(9, 1), SECOND * 20),
        200_000,
        "what it probes goes on, too"
    );
}

#[test]
fn two_floods_share_what_there_is() {
    let mut sessions = Sessions::new(64);
    for neighbour in [1, 2, 3] {
        for invented in 0..1000 {
            sessions.number(of(neighbour, invented), SECOND);
        }
    }
    let counts = |sessions: &Sessions| {
        let mut counts: Vec<u32> = sessions.neighbours.values().map(|n| n.count).collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(counts(&sessions), [21, 21, 22]);
    assert_eq!(sessions.number(of(4, 1), SECOND), 0);
    assert_eq!(sessions.number(of(4, 1), SECOND), 1);
    assert_eq!(counts(&sessions), [1, 21, 21, 21]);
}

/// One neighbour's sessions in the order of their last probe, the oldest first.
type Reference = BTreeMap<u32, Vec<(u16, u32, Duration)>>;

/// The same by looking at everything.
fn reference_number(
    all: &mut Reference,
    limit: usize,
    neighbour: u32,
    session: u16,
    now: Duration,
) -> u32 {
    let mut next = 0;
    if let Some(own) = all.get_mut(&neighbour)
        && let Some(at) = own.iter().position(|(known, ..)| *known == session)
    {
        let (_, counted, last) = own.remove(at);
        next = if now - last >= IDLE { 0 } else { counted };
        own.push((session, next + 1, now));
        return next;
    }
    if all.values().map(Vec::len).sum::<usize>() >= limit {
        for own in all.values_mut() {
            own.retain(|(_, _, last)| now - *last < IDLE);
        }
    }
    if all.values().map(Vec::len).sum::<usize>() >= limit {
        let rank = |id: u32, own: &Vec<_>| (own.len(), id == neighbour, std::cmp::Reverse(id));
        let most = all.iter_mut().max_by_key(|(id, own)| rank(**id, own));
        most.unwrap().1.remove(0);
    }
    all.entry(neighbour)
        .or_default()
        .push((session, next + 1, now));
    next
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_session_counts_for_itself(
        steps in prop::collection::vec((0u32..4, 0u16..6, 0u64..400), 1..300),
        limit in 1usize..12,
    ) {
        let mut sessions = Sessions::new(limit);
        let mut reference = Reference::new();
        let mut now = Duration::ZERO;
        for (neighbour, session, pause) in steps {
            now += Duration::from_secs(pause);
            let expected = reference_number(&mut reference, limit, neighbour, session, now);
            prop_assert_eq!(sessions.number(of(neighbour, session), now), expected);
            prop_assert!(sessions.len() <= limit);
        }
    }

    /// Whatever the others do: who has no more than his part keeps all of it.
    #[test]
    fn a_part_is_kept(
        own in 1u16..5,
        others in prop::collection::vec((1u32..4, any::<u16>()), 0..400),
    ) {
        let mut sessions = Sessions::new(16);
        for session in 0..own.min(4) {
            sessions.number(of(0, session), SECOND);
        }
        for (neighbour, session) in others {
            sessions.number(of(neighbour, session), SECOND);
        }
        for session in 0..own.min(4) {
            prop_assert_eq!(sessions.number(of(0, session), SECOND), 1);
        }
    }
}
