//! Forwarding allocates nothing: two engines in a network namespace of their own, 10,000 packets
//! from one LAN to the other and probes in both modes, and an allocator that counts for the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use labelway_boundary::*;
use labelway_io::Engine;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as GlobalAlloc wants it of the caller.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as GlobalAlloc wants it of the caller.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Key pairs for this test alone; `wg pubkey` agrees.
const PRIVATE: [&str; 2] = [
    "77076d0a7318a57d3c16c17251b26645df4c2f92ebc0992ac177fba51db92c2a",
    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
];
const PUBLIC: [&str; 2] = [
    "f8a9535a2d2ff605e8e144d54f4ef5c62313a2055dbb21fddd3fd9c299eb015d",
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
];
const PORTS: [u16; 2] = [51820, 51821];
const PACKETS: u64 = 10_000;
/// Sent before the other side has to have taken them: nothing may overflow on the way.
const BURST: u64 = 50;

#[test]
fn nothing_is_allocated_for_a_packet() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: network namespaces need root");
        return;
    }
    // SAFETY: moves this thread alone, and those that it starts, to a new network namespace.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
    ip("link set lo up");
    let folder = std::env::temp_dir().join(format!("lw-allocations-{}", std::process::id()));
    let engines = [0, 1].map(|me| start(me, &folder));
    ip("addr add 10.0.0.1/32 dev lo");
    ip("route add 10.1.0.0/24 dev lws0 src 10.0.0.1");
    let [_, far] = &engines;
    wait(|| {
        engines
            .iter()
            .all(|e| e.snapshot().adjacencies[0].quality.state == Liveness::Up)
    });

    let socket = UdpSocket::bind("10.0.0.1:4000").unwrap();
    let delivered = || far.snapshot().segments[0].egress_packets;
    let send = |count: u64| {
        for _ in 0..count {
            socket
                .send_to(&[7; 1000], (Ipv4Addr::new(10, 1, 0, 9), 9))
                .unwrap();
        }
    };
    send(BURST);
    wait(|| delivered() == BURST);
    // Probes go on meanwhile, without codes and then with them.
    let mut sent = BURST;
    for mode in [ProbeAuthentication::None, ProbeAuthentication::Require] {
        for engine in &engines {
            engine.authenticate(mode, &[7; 32]).unwrap();
        }
        let probes = || far.snapshot().adjacencies[0].quality.probes_answered;
        let (probed, end) = (probes(), sent + PACKETS);
        let mut allocations = 0;
        while sent < end {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            send(BURST);
            std::thread::sleep(Duration::from_millis(5));
            allocations += ALLOCATIONS.load(Ordering::Relaxed) - before;
            sent += BURST;
            wait(|| delivered() == sent); // looking at it allocates, and is not counted
        }
        let probes = probes() - probed;
        println!("{allocations} allocations for {PACKETS} packets and {probes} probes, {mode:?}");
        assert!(probes > 20, "{probes} probes were answered");
        // Not quite none: a handshake may fall into it.
        assert!(
            allocations < 100,
            "{allocations} allocations for {PACKETS} packets"
        );
    }
    drop(engines);
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    std::fs::remove_dir(&folder).unwrap();
}

fn start(me: usize, folder: &Path) -> Engine {
    let uapi_folder = folder.to_string_lossy().into_owned();
    let engine = Engine::new(EngineConfig {
        uapi_folder,
        threads: None,
    })
    .unwrap();
    engine.apply(&table(me)).unwrap();
    let other = 1 - me;
    let request = format!(
        "set=1\nprivate_key={}\nlisten_port={}\npublic_key={}\nendpoint=127.0.0.1:{}\n\
         allowed_ip={}/32\n\n",
        PRIVATE[me],
        PORTS[me],
        PUBLIC[other],
        PORTS[other],
        address(other)
    );
    let mut wg = UnixStream::connect(folder.join(format!("lw{me}.sock"))).unwrap();
    wg.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 9];
    wg.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"errno=0\n\n");
    engine
}

fn address(who: usize) -> Ipv4Addr {
    Ipv4Addr::new(100, 96, 0, who as u8 + 1)
}

/// LAN 10.0.0.0/24 at the first, 10.1.0.0/24 at the second, one adjacency between them.
fn table(me: usize) -> Table {
    let other = 1 - me;
    let key: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&PUBLIC[other][at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    let lan = |who: usize| format!("10.{who}.0.0/24").parse().unwrap();
    Table {
        generation: "0000000000000001".into(),
        site: Site {
            name: "x".into(),
            sid: me as u32 + 1,
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
            interface: format!("lw{me}"),
            backend: Backend::Embedded,
            device: "lo".into(),
            tunnel_address: address(me),
        }],
        adjacencies: vec![Adjacency {
            key: "wan>x.wan".into(),
            uplink: 0,
            remote_key: STANDARD.encode(key),
            remote_address: address(other),
            remote_site: other as u32 + 1,
            remote_uplink: 0,
            mtu: 1392,
        }],
        segments: vec![Segment {
            name: "office".into(),
            number: 1,
            service_label: 28001,
            tun: format!("lws{me}"),
            mtu: 1384,
            local: vec![lan(me)],
            routes: vec![Route {
                prefix: lan(other),
                steering: 0,
            }],
            steerings: vec![Steering {
                rules: vec![],
                fallback: Verdict::in_order(vec![0]),
            }],
        }],
        labels: vec![LabelEntry {
            label: 28001,
            accept: vec![0],
            action: LabelAction::Deliver(0),
        }],
        paths: vec![labelway_boundary::Path {
            key: "wan>x.wan".into(),
            egress: other as u32 + 1,
            lists: vec![0],
        }],
        lists: vec![SegmentList {
            key: "wan>x.wan".into(),
            weight: 1,
            adjacency: 0,
            labels: vec![],
            return_labels: vec![],
            ends: vec![],
            probe_address: address(other),
            mtu: 1388,
        }],
    }
}

fn ip(arguments: &str) {
    let status = Command::new("ip")
        .args(arguments.split(' '))
        .status()
        .unwrap();
    assert!(status.success(), "ip {arguments}");
}

#[track_caller]
fn wait(done: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "it never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}
