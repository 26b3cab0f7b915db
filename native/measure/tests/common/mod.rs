//! A path with a stateful reflector at its end, on a simulated clock, and what truly became of each
//! probe. Not every test uses all of it.
#![allow(dead_code)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use labelway_measure::{PathMeter, Reflector, Reply};
use labelway_wire::stamp::Timestamp;

/// SplitMix64: seeded, the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 ≤ x < 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// One direction.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    pub delay_micros: u64,
    /// Uniform, on top of the delay; reorders where it exceeds the interval.
    pub spread_micros: u64,
    pub loss: f64,
    /// Bursts: mean length of a run of losses (Gilbert); 0 for independent losses.
    pub burst: f64,
    pub copies: f64,
    lost_before: bool,
}

impl Way {
    pub fn new(delay_micros: u64) -> Self {
        Way {
            delay_micros,
            spread_micros: 0,
            loss: 0.0,
            burst: 0.0,
            copies: 0.0,
            lost_before: false,
        }
    }

    fn loses(&mut self, random: &mut Random) -> bool {
        let probability = match self.burst {
            burst if burst > 0.0 && self.lost_before => 1.0 - 1.0 / burst,
            // Balanced, so that the share of losses is `loss` in the long run.
            burst if burst > 0.0 => self.loss / (1.0 - self.loss) / burst,
            _ => self.loss,
        };
        self.lost_before = random.chance(probability);
        self.lost_before
    }

    fn delay(&self, random: &mut Random) -> u64 {
        self.delay_micros + (random.unit() * self.spread_micros as f64) as u64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    Answered { round_trip_micros: u64 },
    LostForward,
    LostReturn,
}

/// What became of a probe.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    pub sent_micros: u64,
    pub class: u8,
    pub truth: Truth,
    pub reflected: Option<u32>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    AtReflector {
        probe: usize,
    },
    Back {
        probe: usize,
        reply: [u64; 4],
        round_trip: u64,
    },
}

pub struct Simulation {
    pub meter: PathMeter,
    pub random: Random,
    pub forward: Way,
    pub back: Way,
    pub now_micros: u64,
    pub events: Vec<Event>,
    pub wait: Duration,
    /// Of the reflector: its counter and how far its clock is off.
    pub counter: u32,
    pub clock_offset_micros: u64,
    pub stateless: bool,
    first: u32,
    under_way: BinaryHeap<Reverse<(u64, u64, Arrival)>>,
    order: u64,
}

pub fn at(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

impl Simulation {
    pub fn new(seed: u64, forward: Way, back: Way) -> Self {
        Self::starting_at(seed, forward, back, 0, Reflector::Counts)
    }

    pub fn starting_at(
        seed: u64,
        forward: Way,
        back: Way,
        first: u32,
        reflector: Reflector,
    ) -> Self {
        Simulation {
            meter: PathMeter::starting_at(first, reflector),
            random: Random(seed),
            forward,
            back,
            now_micros: 0,
            events: vec![],
            wait: Duration::from_millis(500),
            counter: 0,
            clock_offset_micros: 77_777_777_777,
            stateless: false,
            first,
            under_way: BinaryHeap::new(),
            order: 0,
        }
    }

    /// Probes every `interval` until `count` have gone.
    pub fn run(&mut self, count: usize, interval_micros: u64) {
        for _ in 0..count {
            self.send(0);
            self.advance(interval_micros);
        }
    }

    pub fn send(&mut self, class: u8) {
        let probe = self.events.len();
        let t1 = Timestamp::from_unix(at(self.now_micros + 5_000_000_000));
        let sequence = self.meter.handle_sent(at(self.now_micros), t1, class);
        assert_eq!(sequence, self.first.wrapping_add(probe as u32));
        self.events.push(Event {
            sent_micros: self.now_micros,
            class,
            truth: Truth::LostForward,
            reflected: None,
        });
        let copies = 1 + usize::from(self.random.chance(self.forward.copies));
        if !self.forward.loses(&mut self.random) {
            for _ in 0..copies {
                let arrives = self.now_micros + self.forward.delay(&mut self.random);
                self.put(arrives, Arrival::AtReflector { probe });
            }
        }
    }

    /// Lets time pass, in steps of at most 10 ms.
    pub fn advance(&mut self, micros: u64) {
        let end = self.now_micros + micros;
        while self.now_micros < end {
            let step = end.min(self.now_micros + 10_000);
            while let Some(Reverse((due, _, _))) = self.under_way.peek() {
                if *due > step {
                    break;
                }
                if let Some(Reverse((due, _, arrival))) = self.under_way.pop() {
                    self.now_micros = due;
                    self.arrive(arrival);
                }
            }
            self.now_micros = step;
            self.meter.handle_timeout(at(step), self.wait);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::AtReflector { probe } => {
                let residence = 250;
                let number = if self.stateless {
                    self.first.wrapping_add(probe as u32)
                } else {
                    self.counter
                };
                self.counter = self.counter.wrapping_add(1);
                let event = &mut self.events[probe];
                if event.reflected.is_none() {
                    event.reflected = Some(number);
                    event.truth = Truth::LostReturn;
                }
                let there = self.now_micros - event.sent_micros;
                let sent = event.sent_micros + 5_000_000_000;
                let t2 = self.now_micros + self.clock_offset_micros;
                if self.back.loses(&mut self.random) {
                    return;
                }
                let copies = 1 + usize::from(self.random.chance(self.back.copies));
                for _ in 0..copies {
                    let delay = self.back.delay(&mut self.random);
                    let reply = [u64::from(number), sent, t2, t2 + residence];
                    let round_trip = there + delay;
                    let due = self.now_micros + residence + delay;
                    self.put(
                        due,
                        Arrival::Back {
                            probe,
                            reply,
                            round_trip,
                        },
                    );
                }
            }
            Arrival::Back {
                probe,
                reply,
                round_trip,
            } => {
                let stamp = |micros| Timestamp::from_unix(at(micros));
                let reply = Reply {
                    sender_sequence: self.first.wrapping_add(probe as u32),
                    reflector_sequence: reply[0] as u32,
                    sent: stamp(reply[1]),
                    received: stamp(reply[2]),
                    sent_back: stamp(reply[3]),
                };
                self.meter.handle_reply(&reply, at(self.now_micros));
                let event = &mut self.events[probe];
                if !matches!(event.truth, Truth::Answered { .. }) {
                    event.truth = Truth::Answered {
                        round_trip_micros: round_trip,
                    };
                }
            }
        }
    }

    fn put(&mut self, due: u64, arrival: Arrival) {
        self.order += 1;
        self.under_way.push(Reverse((due, self.order, arrival)));
    }
}
