//! The engine: told whole tables, asked for state.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use labelway_boundary::{
    Direction, EngineConfig, LabelState, Looks, Measured, ProbeAuthentication, Probing, Snapshot,
    Table,
};
use parking_lot::Mutex;

use crate::build::Builder;
use crate::probe;
use crate::shared::{Shared, spawn};
use crate::snapshot::{Retired, labels, looks, measured, snapshot};
use crate::threads::Threads;
use crate::world::World;
use crate::{control, ingress, underlay};

/// How long a thread may hold on to an old table. A batch takes well under a millisecond.
const QUIESCENCE: Duration = Duration::from_secs(2);

/// The running packet half. Dropping it stops it: threads are joined, devices and sockets gone.
pub struct Engine {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    state: Mutex<State>,
}

struct State {
    builder: Builder,
    retired: Retired,
    /// Worlds that a thread had not let go in time.
    lingering: Vec<Arc<World>>,
}

impl Engine {
    /// Starts the threads; they wait for the first table.
    pub fn new(config: EngineConfig) -> Result<Self, Vec<String>> {
        let fail = |error: std::io::Error| vec![format!("Cannot start the engine: {error}")];
        #[cfg(feature = "plain")]
        eprintln!(
            "This library is for the benchmark alone: customers' IPv4 packets go without labels, \
             policies are not looked at, and segments are not kept apart."
        );
        let threads = Threads::new(config.threads)?;
        let shared = Arc::new(Shared::new(threads).map_err(fail)?);
        let state = State {
            builder: Builder::new(config.uapi_folder.into()),
            retired: Retired::default(),
            lingering: Vec::new(),
        };
        let mut engine = Engine {
            shared,
            threads: Vec::with_capacity(threads.count() + 1),
            state: Mutex::new(state),
        };
        // On failure, dropping the engine stops the threads that run already.
        for thread in threads.all() {
            let body = match thread.direction {
                Direction::Ingress => ingress::run,
                Direction::Underlay => underlay::run,
            };
            let name = threads.name(thread);
            let body = move |shared: &Shared| body(shared, thread);
            engine
                .threads
                .push(spawn(&engine.shared, &name, body).map_err(fail)?);
        }
        engine
            .threads
            .push(spawn(&engine.shared, "lw-control", control::run).map_err(fail)?);
        Ok(engine)
    }

    /// Swaps a table in: opens what is new, keeps what stays, closes what is gone before it
    /// returns. If anything fails, everything is as before, and all that is wrong is told.
    pub fn apply(&self, table: &Table) -> Result<(), Vec<String>> {
        let mut state = self.state.lock();
        let before = self.shared.world.load_full();
        let built = state
            .builder
            .build(table, before.as_deref(), &self.shared)?;
        let world = Arc::new(built.world);
        self.shared.world.store(Some(world.clone()));
        self.shared.swaps.fetch_add(1, Ordering::Relaxed);
        for (uplink, sockets) in built.moved {
            uplink.replace(sockets);
        }
        if let Some(before) = before {
            let gone = state.retired.part_with(&before, &world);
            state.retire(before);
            state.retired.keep(&self.shared.threads, &gone);
        }
        Ok(())
    }

    pub fn snapshot(&self) -> Snapshot {
        let state = self.state.lock();
        snapshot(&self.shared, &state.retired)
    }

    /// Hits by label, in the order of the table's labels.
    pub fn labels(&self) -> Vec<LabelState> {
        self.shared
            .world
            .load()
            .as_deref()
            .map(labels)
            .unwrap_or_default()
    }

    /// News of the probed paths since the last call: for one consumer.
    pub fn looks(&self) -> Looks {
        looks(&self.shared)
    }

    /// Every window of every probed path.
    pub fn measured(&self) -> Vec<Measured> {
        measured(&self.shared)
    }

    /// How often paths are probed from now on. Before the first time all are as if in use.
    pub fn probe(&self, probing: Probing) {
        if let Some(world) = self.shared.world.load().as_deref() {
            world.asking.set(world, probing.asked.iter().cloned());
        }
        let named = probe::by_key(probing);
        self.shared.probing.store(Some(Arc::new(named)));
    }

    /// In which mode probes are sent and taken from now on: before the first time, the
    /// unauthenticated one alone. Keys lie one behind the other, that to send with first.
    pub fn authenticate(&self, mode: ProbeAuthentication, keys: &[u8]) -> Result<(), Vec<String>> {
        let authentication = probe::Authentication::new(mode, keys)?;
        self.shared.authentication.store(Arc::new(authentication));
        Ok(())
    }

    /// As dropping it.
    pub fn close(self) {}
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.stop();
        for thread in self.threads.drain(..) {
            // A panic in a thread is caught and counted there.
            let _ = thread.join();
        }
        self.state.lock().lingering.clear();
        // The last reference: closes every device and socket, and unlinks the latter's files.
        self.shared.world.store(None);
    }
}

impl State {
    /// Waits until no thread looks at an old world any more, then closes what it alone held.
    fn retire(&mut self, before: Arc<World>) {
        let end = Instant::now() + QUIESCENCE;
        self.lingering.push(before);
        loop {
            self.lingering.retain(|world| Arc::strong_count(world) > 1);
            if self.lingering.is_empty() || Instant::now() > end {
                return;
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}
