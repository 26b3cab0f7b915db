use super::*;
use labelway_boundary::Quality;
use labelway_measure::Scratch;

const MS: Duration = Duration::from_millis(1);
const TIMERS: Timers = Timers {
    interval: Duration::from_millis(100),
    down_after: 5,
    up_after: 10,
};

/// A way with a fixed round trip that can be cut.
struct Way {
    session: Session,
    now: Duration,
    rtt: Duration,
    cut: bool,
    under_way: Vec<(Duration, Reply)>,
    reflected: u32,
    changes: Vec<(u64, Change)>,
}

impl Way {
    fn new(rtt: Duration) -> Self {
        let session = Session::new(Judge::Probes, Duration::ZERO);
        Way {
            session,
            now: Duration::ZERO,
            rtt,
            cut: false,
            under_way: vec![],
            reflected: 0,
            changes: vec![],
        }
    }

    /// A probe, and what would answer it.
    fn send(&mut self) -> Reply {
        let sent = Timestamp::from_unix(self.now);
        let sequence = self.session.handle_sent(self.now, sent, 0);
        self.reflected += u32::from(!self.cut);
        Reply {
            sender_sequence: sequence,
            reflector_sequence: self.reflected.wrapping_sub(1),
            sent,
            received: sent,
            sent_back: sent,
        }
    }

    fn quality(&self) -> Quality {
        self.session.quality(self.now, &mut Scratch::new())
    }

    fn run(&mut self, millis: u32) {
        for _ in 0..millis / 10 {
            if self.now.as_millis().is_multiple_of(100) {
                let reply = self.send();
                if !self.cut {
                    self.under_way.push((self.now + self.rtt, reply));
                }
            }
            self.now += MS * 10;
            let now = self.now;
            let (due, later) = self.under_way.drain(..).partition(|(at, _)| *at <= now);
            self.under_way = later;
            let due: Vec<(Duration, Reply)> = due;
            let at = now.as_millis() as u64;
            if !self.cut {
                for (_, reply) in due {
                    let Replied::Taken(change) = self.session.handle_reply(&reply, &TIMERS, now)
                    else {
                        continue;
                    };
                    self.changes.extend(change.map(|change| (at, change)));
                }
            }
            let change = self.session.handle_timeout(&TIMERS, now);
            self.changes.extend(change.map(|change| (at, change)));
        }
    }
}

#[test]
fn up_at_the_first_reply() {
    let mut way = Way::new(MS * 30);
    assert_eq!(way.session.state, Liveness::Unknown);
    way.run(1000);
    assert_eq!(way.changes, [(30, Change::Up)]);
    let quality = way.quality();
    assert_eq!(
        (quality.rtt_micros, quality.jitter_micros),
        (Some(30_000), Some(0))
    );
    assert_eq!(
        (quality.loss, quality.downs, quality.state_millis),
        (0.0, 0, 970)
    );
    assert_eq!((quality.probes_sent, quality.probes_answered), (10, 10));
}

#[test]
fn down_within_a_second_and_up_again_after_ten_replies() {
    let mut way = Way::new(MS * 100);
    way.run(3000);
    way.cut = true;
    way.run(1000);
    assert_eq!(way.changes.len(), 2, "{:?}", way.changes);
    let (at, change) = way.changes[1];
    assert_eq!(change, Change::Down);
    assert!(at > 3400 && at < 4000, "{at}");
    way.run(2000);
    way.cut = false;
    way.under_way.clear();
    way.run(900);
    assert_eq!(
        way.session.state,
        Liveness::Down,
        "eight replies are not enough"
    );
    way.run(400);
    assert_eq!(way.changes.len(), 3);
    let (at, change) = way.changes[2];
    // The cut's last probe is given up at 6200, when the first two replies are in already: ten
    // in a row are counted from there.
    assert_eq!((at, change), (6200 + 1000, Change::Up));
    assert_eq!(way.quality().downs, 1);
}

#[test]
fn what_bfd_judges_is_as_bfd_says() {
    let mut way = Way::new(MS * 30);
    way.session.judge = Judge::Bfd;
    way.run(1000);
    assert_eq!(way.session.state, Liveness::Unknown, "replies only measure");
    let told = way.session.follow(Change::Up, way.now);
    assert_eq!(told, Some(Change::Up));
    assert_eq!(way.session.follow(Change::Up, way.now), None, "only once");
    way.cut = true;
    way.run(3000);
    assert_eq!(way.session.state, Liveness::Up, "nor does their absence");
    let told = way.session.follow(Change::Down, way.now);
    assert_eq!(told, Some(Change::Down));
    assert_eq!(way.quality().downs, 1);
    let mut fresh = Session::new(Judge::Bfd, Duration::ZERO);
    assert_eq!(fresh.follow(Change::Down, MS), None, "it was never up");
    fresh.handle_sent(Duration::ZERO, Timestamp(1), 0);
    let verdict = fresh.handle_timeout(&TIMERS, FIRST_VERDICT);
    assert_eq!(verdict, Some(Change::Down), "but not unknown for ever");
}

#[test]
fn never_answered_is_unknown_then_down() {
    let mut way = Way::new(MS * 30);
    way.cut = true;
    way.run(1900);
    assert_eq!(way.session.state, Liveness::Unknown);
    way.run(200);
    assert_eq!(way.changes, [(2000, Change::Down)]);
    way.cut = false;
    way.run(200);
    assert_eq!(
        way.session.state,
        Liveness::Up,
        "the first reply ever counts at once"
    );
    assert_eq!(
        way.quality().loss,
        0.0,
        "what met nobody was not lost on the way"
    );
}

#[test]
fn nothing_sent_gives_no_verdict() {
    let mut session = Session::new(Judge::Probes, Duration::ZERO);
    assert_eq!(session.handle_timeout(&TIMERS, MS * 60_000), None);
    assert_eq!(session.state, Liveness::Unknown);
}

#[test]
fn a_long_way_stays_up() {
    let mut way = Way::new(MS * 700);
    way.run(10_000);
    assert_eq!(way.changes, [(700, Change::Up)]);
    assert_eq!(way.quality().loss, 0.0);
}

#[test]
fn replies_that_waited_for_a_session_do_not_count() {
    let mut way = Way::new(MS * 20);
    way.run(1000);
    way.cut = true;
    way.run(10_000);
    let now = way.now;
    // WireGuard keeps packets until its handshake is through, then sends them all.
    for sequence in 10..80 {
        let sent = Timestamp::from_unix(MS * 100 * sequence);
        let reply = Reply {
            sender_sequence: sequence,
            reflector_sequence: sequence,
            sent,
            received: sent,
            sent_back: sent,
        };
        let replied = way.session.handle_reply(&reply, &TIMERS, now);
        assert_eq!(replied, Replied::Stale);
    }
    assert_eq!(way.session.state, Liveness::Down);
    assert_eq!(
        way.quality().rtt_micros,
        None,
        "nothing came in ten seconds"
    );
}

#[test]
fn single_losses_do_not_bring_it_down() {
    let mut way = Way::new(MS * 20);
    way.run(1000);
    for _ in 0..20 {
        way.cut = true;
        way.run(400);
        way.cut = false;
        way.run(100);
    }
    assert_eq!(way.quality().downs, 0);
    assert!((way.quality().loss - 0.8).abs() < 0.05);
}

#[test]
fn copies_of_a_reply_do_not_bring_it_up() {
    let mut way = Way::new(MS * 20);
    way.run(1000);
    way.cut = true;
    way.run(2000);
    assert_eq!(way.session.state, Liveness::Down);
    let reply = way.send();
    for _ in 0..20 {
        let replied = way.session.handle_reply(&reply, &TIMERS, way.now);
        assert_eq!(replied, Replied::Taken(None));
    }
    assert_eq!(way.session.state, Liveness::Down);
}

#[test]
fn an_answer_has_to_know_the_probe() {
    let mut way = Way::new(MS * 20);
    let reply = way.send();
    for wrong in [
        Reply {
            sent: Timestamp(reply.sent.0 + 1),
            ..reply
        },
        Reply {
            sender_sequence: 1,
            ..reply
        },
    ] {
        let replied = way.session.handle_reply(&wrong, &TIMERS, MS);
        assert_eq!(replied, Replied::Stale, "{wrong:?}");
    }
    let replied = way.session.handle_reply(&reply, &TIMERS, MS);
    assert_eq!(replied, Replied::Taken(Some(Change::Up)));
}

#[test]
fn what_hangs_in_the_balance_is_pending() {
    let mut way = Way::new(MS * 20);
    assert!(way.session.is_pending(way.now), "not known yet");
    way.run(1000);
    assert!(!way.session.is_pending(way.now));
    way.cut = true;
    way.run(500);
    assert!(way.session.is_pending(way.now), "misses");
    way.run(60_000);
    assert_eq!(way.session.state, Liveness::Down);
    assert!(way.session.is_pending(way.now), "it may come back at once");
    way.run(10_000);
    assert!(!way.session.is_pending(way.now));
}

/// What docs/measurement.md counts with, beside what the meter allocates.
#[test]
fn a_session_stays_small() {
    assert!(size_of::<Session>() <= 2048, "{}", size_of::<Session>());
}

/// Five probes that go every 2 ms are missing after a hiccup of 10 ms.
#[test]
fn a_hiccup_does_not_make_dead_what_is_probed_often() {
    let timers = &TIMERS;
    let down_after = |hiccup: u32| {
        let mut way = Way::new(MS);
        let mut changes = vec![];
        for index in 0..500 {
            way.now = MS * 2 * index;
            let reply = way.send();
            let lost = index >= 100 && index < 100 + hiccup / 2;
            let change = if lost {
                None
            } else {
                match way.session.handle_reply(&reply, timers, way.now + MS) {
                    Replied::Taken(change) => change,
                    Replied::Stale => panic!("it answers a probe"),
                }
            };
            changes.extend(change);
            // With the engine's ticks, so that several are missed at once.
            if index % 5 == 0 {
                changes.extend(way.session.handle_timeout(timers, way.now + MS));
            }
        }
        changes
    };
    for hiccup in [10, 20, 100] {
        assert_eq!(down_after(hiccup), [Change::Up], "{hiccup} ms");
    }
    // Long enough that the first answer behind it does not come before those within it are missed.
    assert_eq!(down_after(400), [Change::Up, Change::Down, Change::Up]);
}
