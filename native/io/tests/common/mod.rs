//! A hub and its neighbours, each an engine: tables, keys, namespaces.
#![allow(dead_code)] // each test file uses its own part

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use labelway_boundary::*;
use labelway_io::Engine;
use x25519_dalek::{PublicKey, StaticSecret};

/// Member 0 is the hub. Its LAN is 10.0.0.0/24, that of neighbour `n` 10.n.0.0/24.
pub const HUB: usize = 0;

/// Outer addresses of the hub and of all its neighbours.
pub const HUB_OUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub const FAR_OUTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// A thread in a network namespace of its own, which is gone with it.
pub struct Namespace {
    jobs: Sender<Box<dyn FnOnce() + Send>>,
    /// By which `ip link` finds it.
    pub thread: u32,
}

impl Namespace {
    pub fn new() -> Self {
        let (jobs, work) = channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            // SAFETY: moves this thread alone, and those that it starts, to a new namespace.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            // SAFETY: no arguments, no failure.
            tell.send(unsafe { libc::gettid() } as u32).unwrap();
            work.into_iter().for_each(|job| job());
        });
        Namespace {
            jobs,
            thread: told.recv().unwrap(),
        }
    }

    /// Threads and programs that the job starts are in the namespace too.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = channel();
        let job = move || {
            let _ = tell.send(job());
        };
        self.jobs.send(Box::new(job)).unwrap();
        told.recv().expect("the job ends well")
    }

    pub fn ip(&self, lines: &str) {
        let lines = lines.to_owned();
        self.run(move || ip(&lines));
    }
}

pub struct Member {
    pub engine: Engine,
    pub number: usize,
    folder: PathBuf,
}

impl Member {
    /// An engine with a table of the hub and so many neighbours, and its peers; where it runs is
    /// up to the caller.
    pub fn start(
        number: usize,
        neighbours: usize,
        threads: Option<ThreadCounts>,
        folder: &Path,
    ) -> Self {
        let uapi_folder = folder.to_string_lossy().into_owned();
        let engine = Engine::new(EngineConfig {
            uapi_folder,
            threads,
        })
        .unwrap();
        engine.apply(&table(number, neighbours)).unwrap();
        let member = Member {
            engine,
            number,
            folder: folder.to_owned(),
        };
        let secret: String = private(number).iter().map(|b| format!("{b:02x}")).collect();
        let mut request = format!("private_key={secret}\nlisten_port={}\n", port(number));
        for peer in peers(number, neighbours) {
            let key: String = public(peer).iter().map(|b| format!("{b:02x}")).collect();
            let outer = if peer == HUB { HUB_OUTER } else { FAR_OUTER };
            let inner = inner(peer);
            request += &format!(
                "public_key={key}\nendpoint={outer}:{}\nallowed_ip={inner}/32\n",
                port(peer)
            );
        }
        member.set(&request);
        member
    }

    /// Lines, each with its end, of a set request of the userspace protocol.
    pub fn set(&self, lines: &str) {
        let path = self.folder.join(format!("lw{}.sock", self.number));
        let mut wg = UnixStream::connect(path).unwrap();
        wg.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        wg.write_all(format!("set=1\n{lines}\n").as_bytes())
            .unwrap();
        let mut answer = [0; 9];
        wg.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"errno=0\n\n", "{lines}");
    }

    pub fn is_up(&self) -> bool {
        let adjacencies = self.engine.snapshot().adjacencies;
        adjacencies.iter().all(|a| a.quality.state == Liveness::Up)
    }

    /// Packets that each thread of a direction has taken.
    pub fn taken(&self, direction: Direction) -> Vec<u64> {
        let threads = self.engine.snapshot().threads.into_iter();
        let threads = threads.filter(|thread| thread.direction == direction);
        threads.map(|thread| thread.packets).collect()
    }
}

fn peers(number: usize, neighbours: usize) -> std::ops::RangeInclusive<usize> {
    if number == HUB {
        1..=neighbours
    } else {
        HUB..=HUB
    }
}

fn private(number: usize) -> [u8; 32] {
    [number as u8 + 1; 32]
}

fn public(number: usize) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(private(number))).to_bytes()
}

fn port(number: usize) -> u16 {
    51820 + number as u16
}

fn inner(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(100, 96, 0, number as u8 + 1)
}

/// One adjacency to each peer, one segment with a TUN `lwsN`.
pub fn table(number: usize, neighbours: usize) -> Table {
    let lan = |who: usize| format!("10.{who}.0.0/24").parse().unwrap();
    let key = |peer: usize| format!("wan>s{peer}.wan");
    let peers: Vec<_> = peers(number, neighbours).collect();
    let adjacency = |&peer: &usize| Adjacency {
        key: key(peer),
        uplink: 0,
        remote_key: STANDARD.encode(public(peer)),
        remote_address: inner(peer),
        remote_site: peer as u32 + 1,
        remote_uplink: 0,
        mtu: 1392,
    };
    let list = |(index, &peer): (usize, &usize)| SegmentList {
        key: key(peer),
        weight: 1,
        adjacency: index as u32,
        labels: vec![],
        return_labels: vec![],
        ends: vec![],
        probe_address: inner(peer),
        mtu: 1388,
    };
    let path = |(index, &peer): (usize, &usize)| labelway_boundary::Path {
        key: key(peer),
        egress: peer as u32 + 1,
        lists: vec![index as u32],
    };
    let route = |(index, &peer): (usize, &usize)| Route {
        prefix: lan(peer),
        steering: index as u32,
    };
    let steering = |index: usize| Steering {
        rules: vec![],
        fallback: Verdict::in_order(vec![index as u32]),
    };
    Table {
        generation: "0000000000000001".into(),
        site: Site {
            name: format!("s{number}"),
            sid: number as u32 + 1,
            loopback4: None,
            loopback6: None,
        },
        ttl: TtlModel::Pipe,
        probe: ProbeTimers {
            interval_millis: 20,
            down_after: 50,
            up_after: 1,
        },
        bfd: labelway_boundary::BfdTimers::default(),
        uplinks: vec![Uplink {
            key: "wan".into(),
            interface: format!("lw{number}"),
            backend: Backend::Embedded,
            device: "wan".into(),
            tunnel_address: inner(number),
        }],
        adjacencies: peers.iter().map(adjacency).collect(),
        segments: vec![Segment {
            name: "office".into(),
            number: 1,
            service_label: 28001,
            tun: format!("lws{number}"),
            mtu: 1384,
            local: vec![lan(number)],
            routes: peers.iter().enumerate().map(route).collect(),
            steerings: (0..peers.len()).map(steering).collect(),
        }],
        labels: vec![LabelEntry {
            label: 28001,
            accept: (0..peers.len() as u32).collect(),
            action: LabelAction::Deliver(0),
        }],
        paths: peers.iter().enumerate().map(path).collect(),
        lists: peers.iter().enumerate().map(list).collect(),
    }
}

/// Every command on a line; `ip` is left out.
pub fn ip(lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let status = Command::new("ip").args(line.split(' ')).status().unwrap();
        assert!(status.success(), "ip {line}");
    }
}

#[track_caller]
pub fn wait(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
