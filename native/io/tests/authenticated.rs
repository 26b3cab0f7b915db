//! Two engines whose probes carry codes, and what becomes of them where the two disagree.

mod common;

use std::time::{Duration, Instant};

use common::*;
use labelway_boundary::ProbeAuthentication::{self, Accept, None as Without, Prefer, Require};

const KEY: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];
const NEIGHBOURS: usize = 1;

#[test]
fn probes_of_two_engines() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: network namespaces need root");
        return;
    }
    let folder = std::env::temp_dir().join(format!("lw-authenticated-{}", std::process::id()));
    let (near, far) = (Namespace::new(), Namespace::new());
    let thread = far.thread;
    near.ip(&format!(
        "link set lo up
         link add wan type veth peer name wan netns {thread}
         link set wan up
         addr add {HUB_OUTER}/24 dev wan"
    ));
    far.ip(&format!(
        "link set lo up\nlink set wan up\naddr add {FAR_OUTER}/24 dev wan"
    ));
    let start = |namespace: &Namespace, number| {
        let folder = folder.clone();
        namespace.run(move || Member::start(number, NEIGHBOURS, None, &folder))
    };
    let pair = [start(&near, HUB), start(&far, 1)];
    wait("both up", || pair.iter().all(Member::is_up));

    both_ends_agree(&pair);
    modes_side_by_side_lose_nothing(&pair);
    modes_that_exclude_each_other_answer_nothing(&pair);
    another_key_answers_nothing(&pair);

    let [hub, member] = pair;
    near.run(move || drop(hub));
    far.run(move || drop(member));
    std::fs::remove_dir(&folder).unwrap();
}

fn both_ends_agree(pair: &[Member; 2]) {
    set(&pair[0], Require, &KEY);
    set(&pair[1], Require, &KEY);
    settle();
    let before = refused(pair);
    assert!(gains(pair), "both are answered");
    // Padded probes, answered as well.
    wait("the MTU is found", || {
        pair.iter().all(|m| mtu(m) == Some(1392))
    });
    // Pages of reports ride on probes and answers.
    let asked = vec!["wan>s1.wan".to_owned()];
    pair[0].engine.probe(labelway_boundary::Probing {
        paths: vec![],
        asked,
    });
    wait("a page of a report", || {
        !pair[0].engine.looks().reported.is_empty()
    });
    // Counters of real packets are compared.
    wait("counters", || {
        let looks = pair[0].engine.looks().looks;
        looks.iter().any(|look| look.carried.is_some())
    });
    assert_eq!(refused(pair), before, "nothing is refused");
}

/// From one end of the modes to the other and back, one router after the other.
fn modes_side_by_side_lose_nothing(pair: &[Member; 2]) {
    let before = refused(pair);
    let lost = lost(pair);
    for mode in [Prefer, Accept, Without, Accept, Prefer, Require] {
        for member in pair {
            set(member, mode, &KEY);
            assert!(gains(pair), "{mode:?} at s{}", member.number);
        }
    }
    // A key in place of another.
    for keys in [[KEY, OTHER], [OTHER, KEY]] {
        for member in pair {
            set(member, Require, keys.as_flattened());
            assert!(gains(pair));
        }
    }
    for member in pair {
        set(member, Require, &OTHER);
        assert!(gains(pair));
    }
    assert_eq!(refused(pair), before);
    assert_eq!(self::lost(pair), lost, "no probe was lost for it");
    for member in pair {
        set(member, Require, &KEY);
    }
    settle();
}

fn modes_that_exclude_each_other_answer_nothing(pair: &[Member; 2]) {
    let [hub, member] = pair;
    for (mode, other) in [(Without, Require), (Accept, Require), (Without, Prefer)] {
        set(hub, mode, &KEY);
        set(member, other, &KEY);
        settle();
        let before = refused(pair);
        assert!(!gains(pair), "{mode:?} and {other:?}");
        let after = refused(pair);
        assert!(after.0 > before.0, "counted as of the other mode");
        assert_eq!(after.1, before.1);
    }
}

fn another_key_answers_nothing(pair: &[Member; 2]) {
    let [hub, member] = pair;
    set(hub, Require, &KEY);
    set(member, Require, &OTHER);
    settle();
    let (before, answered) = (refused(pair), pair.each_ref().map(answered));
    std::thread::sleep(Duration::from_millis(500));
    let after = refused(pair);
    assert_eq!(pair.each_ref().map(self::answered), answered);
    assert_eq!(after.0, before.0);
    assert!(after.1 > before.1 + 10, "counted as a wrong code");
    // BFD decides about the adjacency.
    assert!(hub.is_up() && member.is_up());
    set(member, Require, &KEY);
    settle();
    assert!(gains(pair));
}

fn set(member: &Member, mode: ProbeAuthentication, keys: &[u8]) {
    member.engine.authenticate(mode, keys).unwrap();
}

/// Longer than what is under way takes.
fn settle() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Whether both are answered for a while.
fn gains(pair: &[Member; 2]) -> bool {
    let before = pair.each_ref().map(answered);
    let end = Instant::now() + Duration::from_millis(500);
    loop {
        let now = pair.each_ref().map(answered);
        if (0..2).all(|at| now[at] > before[at] + 3) {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn answered(member: &Member) -> u64 {
    member.engine.snapshot().adjacencies[0]
        .quality
        .probes_answered
}

/// Ordinary probes of the last minute.
fn lost(pair: &[Member; 2]) -> u64 {
    let of = |member: &Member| {
        let minute = &member.engine.measured()[0].windows[2];
        minute.sent - minute.answered
    };
    pair.iter().map(of).sum()
}

fn mtu(member: &Member) -> Option<u16> {
    member.engine.snapshot().adjacencies[0].quality.mtu
}

/// Packets of the other mode, and with a wrong code, at both.
fn refused(pair: &[Member; 2]) -> (u64, u64) {
    let drops = pair.each_ref().map(|member| member.engine.snapshot().drops);
    let sum = |reason| drops.iter().map(|drops| drops[reason]).sum();
    (sum("probe-other-mode"), sum("probe-wrong-code"))
}
