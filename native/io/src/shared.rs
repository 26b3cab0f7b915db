//! What the engine and its threads hold in common.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use labelway_boundary::Direction;
use labelway_forward::{Context, Count, DropReason, TokenBucket};
use labelway_offload::VnetHeader;

use crate::counters::{Drops, IoDrop};
use crate::poll::Poll;
use crate::probe::{Authentication, Named};
use crate::threads::{Thread, Threads};
use crate::world::World;

pub struct Shared {
    /// None before the first table.
    pub world: ArcSwapOption<World>,
    /// What is to be probed how often; none while nobody has told.
    pub probing: ArcSwapOption<Named>,
    /// Outlives tables, and is there before the first.
    pub authentication: Arc<ArcSwap<Authentication>>,
    pub started: Instant,
    pub stopping: AtomicBool,
    pub swaps: AtomicU64,
    pub threads: Threads,
    /// One a thread of each direction.
    pub ingress: Box<[Poll]>,
    pub underlay: Box<[Poll]>,
    pub control: Poll,
    drops: Box<[Drops]>,
    /// Times that a thread failed and was started again.
    pub faults: AtomicU64,
}

impl Shared {
    pub fn new(threads: Threads) -> std::io::Result<Self> {
        let polls = |direction| -> std::io::Result<Box<[Poll]>> {
            (0..threads.of(direction)).map(|_| Poll::new()).collect()
        };
        Ok(Shared {
            world: ArcSwapOption::empty(),
            probing: ArcSwapOption::empty(),
            authentication: Arc::default(),
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            swaps: AtomicU64::new(0),
            ingress: polls(Direction::Ingress)?,
            underlay: polls(Direction::Underlay)?,
            control: Poll::new()?,
            drops: threads.all().map(|_| Drops::default()).collect(),
            threads,
            faults: AtomicU64::new(0),
        })
    }

    /// Time since the engine started: the `now` of everything that is ours.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub fn drops(&self, thread: Thread) -> &Drops {
        &self.drops[thread.slot]
    }

    /// What each thread dropped.
    pub fn all_drops(&self) -> &[Drops] {
        &self.drops
    }

    /// What a thread that moves packets waits with.
    pub fn poll(&self, thread: Thread) -> &Poll {
        match thread.direction {
            Direction::Ingress => &self.ingress[thread.number],
            Direction::Underlay => &self.underlay[thread.number],
        }
    }

    /// For the ICMP errors of one thread: those of a direction keep the limit together.
    pub fn icmp_limit(&self, thread: Thread) -> TokenBucket {
        TokenBucket::icmp_shared_by(self.threads.of(thread.direction) as u32)
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let polls = self.ingress.iter().chain(&self.underlay);
        for poll in polls.chain([&self.control]) {
            poll.wake();
        }
    }
}

/// Counts for one thread into the world's counters.
pub struct Counting<'a> {
    thread: Thread,
    world: &'a World,
    drops: &'a Drops,
    /// The list that the last packet went onto.
    pub list: Option<usize>,
}

impl<'a> Counting<'a> {
    pub fn new(thread: Thread, world: &'a World, drops: &'a Drops) -> Self {
        Counting {
            thread,
            world,
            drops,
            list: None,
        }
    }
}

impl Count for Counting<'_> {
    fn label(&mut self, entry: usize, bytes: usize) {
        self.world.labels[entry].add(self.thread, bytes);
    }

    fn list(&mut self, list: usize, bytes: usize) {
        self.list = Some(list);
        self.world.lists[list].sent.add(self.thread, bytes);
    }

    fn dropped(&mut self, reason: DropReason) {
        self.drops.forward(reason);
    }
}

pub fn context<'a, 'c>(
    counting: &'a mut Counting<'c>,
    icmp: &'a mut TokenBucket,
    now: Duration,
) -> Context<'a, Counting<'c>> {
    Context {
        fib: &counting.world.fib,
        live: &counting.world.live,
        icmp,
        now,
        count: counting,
    }
}

/// Writes one packet to a segment's LAN: an error that a host is told.
pub fn to_lan(world: &World, drops: &Drops, thread: Thread, segment: usize, packet: &[u8]) {
    let header = VnetHeader::NONE.encode();
    let parts = [IoSlice::new(&header), IoSlice::new(packet)];
    if world.segments[segment]
        .tun
        .write(thread.lane, &parts)
        .is_err()
    {
        drops.io(IoDrop::TunRefused);
    }
}

/// Names and runs one of the engine's threads. A panic in it is counted, and it starts afresh: a
/// router that has met one bad packet still has to forward the others.
pub fn spawn(
    shared: &Arc<Shared>,
    name: &str,
    body: impl Fn(&Shared) + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let shared = shared.clone();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            block_signals();
            while !shared.is_stopping() {
                let run = std::panic::AssertUnwindSafe(|| body(&shared));
                if std::panic::catch_unwind(run).is_err() {
                    shared.faults.fetch_add(1, Ordering::Relaxed);
                    // A fault that comes back at once must not take the whole processor.
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        })
}

/// Packets go before the program's own bookkeeping, as they do in a kernel. Called by the threads
/// that move them; not being allowed to costs delay only.
pub fn run_ahead_of_others() {
    const NICENESS: i32 = -10;
    // On Linux the calling thread's alone.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Signals are for the threads of the program around us.
fn block_signals() {
    // SAFETY: the set is filled before it is used; the call changes this thread's mask alone.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_moves_packets_runs_ahead() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let before = rustix::process::getpriority_process(None).unwrap();
        let thread = std::thread::spawn(|| {
            run_ahead_of_others();
            rustix::process::getpriority_process(None).unwrap()
        });
        assert_eq!(thread.join().unwrap(), -10);
        assert_eq!(rustix::process::getpriority_process(None), Ok(before));
    }

    #[test]
    fn a_thread_that_fails_is_counted_and_starts_afresh() {
        let shared = Arc::new(Shared::new(Threads::for_processors(1)).unwrap());
        let thread = spawn(&shared, "lw-test", |shared| {
            if shared.faults.load(Ordering::Relaxed) < 2 {
                panic!("on purpose");
            }
            let mut events = crate::poll::Events::with_capacity(1);
            shared.control.wait(&mut events).unwrap();
        });
        let end = Instant::now() + Duration::from_secs(10);
        while shared.faults.load(Ordering::Relaxed) < 2 {
            assert!(Instant::now() < end, "it never failed");
            std::thread::sleep(Duration::from_millis(1));
        }
        shared.stop();
        thread.unwrap().join().unwrap();
        assert_eq!(shared.faults.load(Ordering::Relaxed), 2);
    }
}
