//! What sessions measured, as it crosses the boundary.

use std::time::Duration;

use labelway_boundary::{ClassMeasured, Look, Measured, Quality, RoundTrip, Window};
use labelway_measure::{Counts, Scratch, Summary, Window as Span};

use super::liveness::{Session, Told};
use super::sizing::Sizing;

/// Probes that a snapshot looks back on, a minute at most.
const RECENT: usize = 100;

impl Session {
    pub fn quality(&self, now: Duration, scratch: &mut Scratch) -> Quality {
        let summary = self.meter.summary_of_last(RECENT, now, scratch);
        Quality {
            state: self.state,
            state_millis: millis(now.saturating_sub(self.since)),
            downs: self.downs,
            rtt_micros: summary
                .round_trips
                .map(|round_trips| round_trips.p50_micros),
            jitter_micros: summary.jitter.map(|jitter| jitter.mean_micros),
            loss: summary.counts.loss().unwrap_or(0.0),
            probes_sent: self.sent,
            probes_answered: self.answered,
            mtu: self.sizing.as_ref().and_then(Sizing::mtu),
        }
    }

    /// None if there is no news: no probe whose fate was settled since the last look, and the state
    /// is what it was.
    pub fn look(&mut self, key: &str, now: Duration, scratch: &mut Scratch) -> Option<Look> {
        let since = self.meter.look(now, scratch);
        let changed = (self.state, self.downs) != (self.told.state, self.told.downs);
        if since.is_none() && !changed {
            return None;
        }
        let span = now.saturating_sub(self.told.at);
        self.told = Told {
            at: now,
            state: self.state,
            downs: self.downs,
        };
        let mut recent = |span: Span| {
            let summary = self.meter.summary(span, now, scratch);
            window(&summary, span.width())
        };
        Some(Look {
            key: key.to_owned(),
            state: self.state,
            state_millis: millis(now.saturating_sub(self.since)),
            downs: self.downs,
            ten_seconds: recent(Span::TenSeconds),
            minute: recent(Span::Minute),
            since: window(&since.unwrap_or_default(), span),
            carried: self.direct.take(),
        })
    }

    pub fn minute(&self, now: Duration, scratch: &mut Scratch) -> Window {
        let minute = Span::Minute;
        window(&self.meter.summary(minute, now, scratch), minute.width())
    }

    /// The MTU is as [`Quality`]'s.
    pub fn measured(&self, key: &str, now: Duration, scratch: &mut Scratch) -> Measured {
        let classes = self.meter.classes();
        let minute = Span::Minute;
        Measured {
            key: key.to_owned(),
            windows: Span::ALL
                .map(|span| window(&self.meter.summary(span, now, scratch), span.width()))
                .to_vec(),
            classes: (0..8u8)
                .filter(|class| classes & 1 << class != 0)
                .map(|class| {
                    let summary = self.meter.summary_of_class(class, minute, now, scratch);
                    let minute = window(&summary, minute.width());
                    ClassMeasured { class, minute }
                })
                .collect(),
            mtu: self.sizing.as_ref().and_then(Sizing::mtu),
        }
    }
}

fn window(summary: &Summary, span: Duration) -> Window {
    let counts = &summary.counts;
    let (lost_forward, lost_return) = directions(counts).unzip();
    Window {
        span_millis: millis(span),
        sent: counts.sent - counts.waiting,
        answered: counts.answered,
        lost_forward,
        lost_return,
        late: counts.late,
        copies_forward: counts.forward_copies,
        copies_return: counts.return_copies,
        reordered_forward: counts.forward_reordered,
        reordered_return: counts.return_reordered,
        round_trip: summary.round_trips.map(|round_trips| RoundTrip {
            min: round_trips.min_micros,
            mean: round_trips.mean_micros,
            p50: round_trips.p50_micros,
            p95: round_trips.p95_micros,
            p99: round_trips.p99_micros,
            max: round_trips.max_micros,
        }),
        jitter_micros: summary.jitter.map(|jitter| jitter.mean_micros),
    }
}

/// Losses there and back. What nothing tells apart is shared out as the rest is; none where that is
/// most of it.
fn directions(counts: &Counts) -> Option<(u64, u64)> {
    let known = counts.lost_forward + counts.lost_return;
    let unknown = counts.lost_unknown();
    if unknown > known {
        return None;
    }
    let rounded = unknown * counts.lost_forward + known / 2;
    let more = rounded.checked_div(known).unwrap_or(0);
    let forward = counts.lost_forward + more;
    Some((forward, counts.lost - forward))
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::liveness::{Judge, Timers};
    use labelway_boundary::Liveness;
    use labelway_measure::Reply;
    use labelway_wire::stamp::Timestamp;

    const MS: Duration = Duration::from_millis(1);
    const TIMERS: Timers = Timers {
        interval: Duration::from_millis(100),
        down_after: 5,
        up_after: 10,
    };

    #[test]
    fn what_nothing_tells_apart_is_shared_out() {
        let of = |lost, lost_forward, lost_return| {
            directions(&Counts {
                sent: 100,
                lost,
                lost_forward,
                lost_return,
                ..Counts::default()
            })
        };
        assert_eq!(of(0, 0, 0), Some((0, 0)));
        assert_eq!(of(9, 6, 3), Some((6, 3)));
        assert_eq!(of(12, 6, 3), Some((8, 4)));
        assert_eq!(of(5, 2, 0), None);
    }

    /// Looks of any rhythm together tell of each probe exactly once, lost ones included.
    #[test]
    fn each_probe_is_in_one_look() {
        let mut session = Session::new(Judge::Probes, Duration::ZERO);
        let scratch = &mut Scratch::new();
        let (mut sent, mut answered, mut forward, mut back) = (0, 0, 0, 0);
        let mut reflected = 0;
        for index in 0..3000u32 {
            let now = MS * 100 * index;
            let stamp = Timestamp::from_unix(now);
            let sequence = session.handle_sent(now, stamp, 0);
            // The reflector sees four of five; of its answers every seventh is lost.
            if index < 2950 && index % 5 != 3 {
                let reply = Reply {
                    sender_sequence: sequence,
                    reflector_sequence: reflected,
                    sent: stamp,
                    received: stamp,
                    sent_back: stamp,
                };
                reflected += 1;
                if reflected % 7 != 0 {
                    session.handle_reply(&reply, &TIMERS, now + MS * 30);
                }
            }
            session.handle_timeout(&TIMERS, now + MS * 50);
            if index % 13 == 0
                && let Some(look) = session.look("a", now + MS * 60, scratch)
            {
                sent += look.since.sent;
                answered += look.since.answered;
                forward += look.since.lost_forward.unwrap_or(0);
                back += look.since.lost_return.unwrap_or(0);
            }
        }
        let look = session.look("a", MS * 310_000, scratch).unwrap();
        assert_eq!(look.state, Liveness::Down);
        assert_eq!(look.since.lost_forward, None, "the end is silence");
        let (sent, answered) = (sent + look.since.sent, answered + look.since.answered);
        assert_eq!(session.look("a", MS * 310_100, scratch), None, "no news");
        // Those that are given up by then; the rest waits.
        let waiting = session.meter.summary(Span::Minute, MS * 310_100, scratch);
        assert_eq!(sent, 3000 - waiting.counts.waiting);
        assert_eq!(answered, session.answered);
        assert!(forward.abs_diff(590) < 5, "{forward}");
        assert!(back.abs_diff(337) < 5, "{back}");
    }

    #[test]
    fn a_change_of_state_is_news() {
        let mut session = Session::new(Judge::Bfd, Duration::ZERO);
        let scratch = &mut Scratch::new();
        assert_eq!(session.look("a", MS, scratch), None);
        session.follow(crate::probe::liveness::Change::Up, MS * 5);
        let look = session.look("a", MS * 10, scratch).unwrap();
        assert_eq!((look.state, look.state_millis), (Liveness::Up, 5));
        assert_eq!((look.since.sent, look.since.span_millis), (0, 10));
        assert_eq!(session.look("a", MS * 20, scratch), None);
    }
}
