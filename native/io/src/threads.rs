//! How many threads move packets, and which one of them somebody is.
//!
//! Each direction has threads of its own: *ingress* from the LANs, *underlay* from the neighbours.
//! A flow is never taken by two of them at a time, so none waits for another to keep its order.

use labelway_boundary::{Direction, ThreadCounts};

/// Most threads of one direction. The kernel gives a TUN at most 256 queues.
pub const MOST: usize = 64;

/// Most threads of one direction that are run unasked: each has buffers of some megabytes, and
/// beyond this nobody has measured what they gain.
const MOST_UNASKED: usize = 8;

/// How many threads move packets, in each direction at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    ingress: usize,
    underlay: usize,
}

/// One thread that moves packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thread {
    pub direction: Direction,
    /// Among those of its direction, from 0.
    pub number: usize,
    /// Which of an uplink's sockets and of a TUN's writing ends it uses: that of the underlay thread
    /// with this number.
    pub lane: usize,
    /// Among all that count, from 0.
    pub slot: usize,
    /// Of all that count.
    pub slots: usize,
}

impl Threads {
    /// One of each on up to two processors; more share them, the underlay threads ahead: a transit
    /// site has no other work.
    pub fn for_processors(processors: usize) -> Self {
        let share = |processors: usize| processors.clamp(1, MOST_UNASKED);
        Threads {
            ingress: share(processors / 2),
            underlay: share(processors.div_ceil(2)),
        }
    }

    /// What is asked for or, if nothing is, what fits the processors that this process may use: by
    /// its affinity, and by the quota of its control group. All that is wrong is told.
    pub fn new(wanted: Option<ThreadCounts>) -> Result<Self, Vec<String>> {
        let Some(wanted) = wanted else {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            return Ok(Self::for_processors(processors));
        };
        let wrong = |name, count: u32| {
            let possible = (1..=MOST).contains(&(count as usize));
            (!possible).then(|| {
                format!(
                    "Cannot start the engine with {count} {name} threads: 1 to {MOST} are possible"
                )
            })
        };
        let problems = [
            wrong("ingress", wanted.ingress),
            wrong("underlay", wanted.underlay),
        ];
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Threads {
            ingress: wanted.ingress as usize,
            underlay: wanted.underlay as usize,
        })
    }

    pub fn of(&self, direction: Direction) -> usize {
        match direction {
            Direction::Ingress => self.ingress,
            Direction::Underlay => self.underlay,
        }
    }

    pub fn all(&self) -> impl Iterator<Item = Thread> {
        let Threads { ingress, underlay } = *self;
        let ingress_threads = (0..ingress).map(|number| (Direction::Ingress, number, number));
        let underlay_threads =
            (0..underlay).map(move |number| (Direction::Underlay, number, ingress + number));
        ingress_threads
            .chain(underlay_threads)
            .map(move |(direction, number, slot)| Thread {
                direction,
                number,
                lane: number % underlay,
                slot,
                slots: ingress + underlay,
            })
    }

    pub fn count(&self) -> usize {
        self.ingress + self.underlay
    }

    /// As `top -H` and `ps -L` show it; the number only where there is another.
    pub fn name(&self, thread: Thread) -> String {
        let direction = match thread.direction {
            Direction::Ingress => "lw-ingress",
            Direction::Underlay => "lw-underlay",
        };
        match self.of(thread.direction) {
            1 => direction.to_owned(),
            _ => format!("{direction}-{}", thread.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(ingress: u32, underlay: u32) -> Option<ThreadCounts> {
        Some(ThreadCounts { ingress, underlay })
    }

    #[test]
    fn more_than_two_processors_are_shared() {
        let counts = |processors| {
            let threads = Threads::for_processors(processors);
            (threads.ingress, threads.underlay)
        };
        assert_eq!([0, 1, 2].map(counts), [(1, 1); 3]);
        assert_eq!([3, 4, 5, 8].map(counts), [(1, 2), (2, 2), (2, 3), (4, 4)]);
        assert_eq!([16, 128].map(counts), [(8, 8); 2]);
    }

    #[test]
    fn what_is_asked_for_is_run_or_refused() {
        let threads = Threads::new(counts(3, 64)).unwrap();
        assert_eq!((threads.ingress, threads.underlay), (3, 64));
        assert_eq!(
            Threads::new(counts(0, 65)).unwrap_err(),
            [
                "Cannot start the engine with 0 ingress threads: 1 to 64 are possible",
                "Cannot start the engine with 65 underlay threads: 1 to 64 are possible",
            ]
        );
    }

    #[test]
    fn each_has_its_own_slot_and_name_and_a_lane_that_there_is() {
        for (ingress, underlay) in [(1, 1), (3, 2), (2, 3), (1, 4)] {
            let threads = Threads::new(counts(ingress, underlay)).unwrap();
            let all: Vec<_> = threads.all().collect();
            assert_eq!(all.len(), threads.count());
            let names: std::collections::HashSet<_> =
                all.iter().map(|thread| threads.name(*thread)).collect();
            assert_eq!(names.len(), all.len());
            // What the kernel keeps of a thread's name.
            assert!(names.iter().all(|name| name.len() <= 15), "{names:?}");
            for (slot, thread) in all.iter().enumerate() {
                assert_eq!((thread.slot, thread.slots), (slot, all.len()));
                assert!(thread.lane < underlay as usize);
                if thread.direction == Direction::Underlay {
                    assert_eq!(thread.lane, thread.number);
                }
            }
        }
        let threads = Threads::new(counts(1, 2)).unwrap();
        let names: Vec<_> = threads.all().map(|thread| threads.name(thread)).collect();
        assert_eq!(names, ["lw-ingress", "lw-underlay-0", "lw-underlay-1"]);
    }
}
