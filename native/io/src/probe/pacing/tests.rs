use super::*;

const MS: Duration = Duration::from_millis(1);

fn standing() -> Standing<'static> {
    Standing {
        is_adjacency: false,
        named: None,
        untold: false,
        carries: false,
        is_pending: false,
    }
}

#[test]
fn what_matters_is_probed_as_if_in_use() {
    let named = |rank| ProbedPath {
        key: "a".into(),
        rank,
        classes: 0,
    };
    let (rest, closer) = (named(ProbeRank::Rest), named(ProbeRank::Closer));
    assert_eq!(rank(&standing()), Rank::Candidate);
    let untold = Standing {
        untold: true,
        ..standing()
    };
    assert_eq!(rank(&untold), Rank::InUse);
    let of_rest = || Standing {
        named: Some(&rest),
        ..standing()
    };
    assert_eq!(rank(&of_rest()), Rank::Rest);
    for matters in [
        Standing {
            is_adjacency: true,
            ..of_rest()
        },
        Standing {
            carries: true,
            ..of_rest()
        },
        Standing {
            is_pending: true,
            ..of_rest()
        },
    ] {
        assert_eq!(rank(&matters), Rank::InUse);
    }
    let of_closer = Standing {
        named: Some(&closer),
        is_adjacency: true,
        ..standing()
    };
    assert_eq!(rank(&of_closer), Rank::Closer);
}

#[test]
fn a_list_is_in_use_for_a_second_after_a_packet() {
    let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
    let path = Path {
        rank: Rank::Rest,
        bytes: probe_bytes(2, 2, 1, false),
        classes: 1,
    };
    assert!(!pacing.carries(7, 5, Duration::ZERO));
    pacing.pace(7, path, 5, Duration::ZERO, &mut || 0);
    assert!(!pacing.carries(7, 5, MS), "what went before says nothing");
    assert!(pacing.carries(7, 6, MS * 100));
    assert!(pacing.carries(7, 6, MS * 1099));
    assert!(!pacing.carries(7, 6, MS * 1100));
}

#[test]
fn sizes_are_those_on_the_wire() {
    // 40 + 8 + 32 and 84 + 16 bytes padded to 112, both ways.
    assert_eq!(probe_bytes(0, 0, 1, false), 2 * (80 + 112));
    // 28 + 3 labels + 84 + a return path of 2 labels = 140; back without it = 124.
    assert_eq!(probe_bytes(2, 2, 1, false), 80 + 144 + 80 + 128);
    // And 8 bytes for the class: 148 and 132.
    assert_eq!(probe_bytes(2, 2, 1 << 5, false), 80 + 160 + 80 + 144);
    // 68 more for the layout and 20 for the code of the TLVs: 188 padded to 192, both ways.
    assert_eq!(probe_bytes(0, 0, 1, true), 2 * (80 + 192));
}

/// 1,000 sites with 4 paths each, probed from one gateway for a minute; the 999 others probe it
/// as much.
#[test]
fn a_large_network_keeps_to_the_budget() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut random = || random.u32(..);
    let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
    let bytes = [
        probe_bytes(0, 0, 1, false),
        probe_bytes(1, 1, 1, false),
        probe_bytes(2, 2, 1, false),
        probe_bytes(3, 3, 1, false),
    ];
    for session in 0..4000u16 {
        let rank = match session {
            0 => Rank::Closest,
            1..4 => Rank::Closer,
            4..400 => Rank::InUse,
            400..2000 => Rank::Candidate,
            _ => Rank::Rest,
        };
        let path = Path {
            rank,
            bytes: bytes[usize::from(session % 4)],
            classes: 1,
        };
        pacing.pace(session, path, 0, Duration::ZERO, &mut random);
    }
    let mut seconds = [(0u64, 0u64); 60];
    let mut probes = vec![0u32; 4000];
    for tick in 0..6000u32 {
        let second = &mut seconds[tick as usize / 100];
        while let Some((session, _)) = pacing.poll(MS * 10 * tick, &mut random) {
            probes[usize::from(session)] += 1;
            second.0 += 2;
            second.1 += u64::from(bytes[usize::from(session % 4)]) * 8;
        }
    }
    for (packets, bits) in &seconds[1..] {
        assert!(
            packets * 2 <= 10_000,
            "{packets} packets and as many of others"
        );
        assert!(bits * 2 <= 5_000_000, "{bits} bits and as many of others");
    }
    let mean: u64 = seconds.iter().map(|(_, bits)| bits).sum::<u64>() / 60;
    assert!(mean * 2 > 4_000_000, "{mean} bit/s: the budget is used");
    let least = |sessions: std::ops::Range<usize>| probes[sessions].iter().min().copied();
    let of = [
        least(0..1),
        least(1..4),
        least(4..400),
        least(400..2000),
        least(2000..4000),
    ];
    assert!(of.is_sorted_by(|more, less| more > less), "{of:?}");
    assert!(of[4] > Some(0), "nobody is forgotten");
}

/// A path that needs more probes than there are ticks has them between the ticks, as long as it does.
#[test]
fn what_is_in_doubt_does_not_wait_for_ticks() {
    let mut random = fastrand::Rng::with_seed(5);
    let mut random = || random.u32(..);
    let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
    let path = |rank| Path {
        rank,
        bytes: probe_bytes(2, 2, 1, false),
        classes: 1,
    };
    let mut now = Duration::ZERO;
    pacing.pace(1, path(Rank::Closer), 0, now, &mut random);
    pacing.pace(2, path(Rank::InUse), 0, now, &mut random);
    assert_eq!(pacing.rest(now), None);
    pacing.pace(1, path(Rank::Closest), 0, now, &mut random);
    let mut probes = [0; 2];
    while now < MS * 2_000 {
        now += pacing.rest(now).expect("not before it is settled").max(MS);
        while let Some((session, _)) = pacing.poll(now, &mut random) {
            probes[usize::from(session) - 1] += 1;
        }
    }
    assert!((950..=1050).contains(&probes[0]), "{probes:?}");
    assert!((18..=22).contains(&probes[1]), "{probes:?}");
    pacing.pace(1, path(Rank::Closer), 0, now, &mut random);
    assert_eq!(pacing.rest(now), None);
}

#[test]
fn what_the_table_has_no_more_is_probed_no_more() {
    let mut pacing = Pacing::new(MS * 100, Duration::ZERO);
    let path = Path {
        rank: Rank::InUse,
        bytes: 400,
        classes: 1,
    };
    for round in 0..3 {
        pacing.pace(1, path, 0, Duration::ZERO, &mut || 0);
        if round == 0 {
            pacing.pace(2, path, 0, Duration::ZERO, &mut || 0);
        }
        pacing.end_round();
    }
    let due: Vec<_> = std::iter::from_fn(|| pacing.poll(MS, &mut || 0)).collect();
    assert_eq!(due, [(1, 0)]);
}
