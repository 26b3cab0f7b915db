//! An engine with several threads of each direction: a hub with two and two, and its neighbours in
//! another network namespace.

mod common;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::*;
use labelway_boundary::*;

const NEIGHBOURS: usize = 8;
const FLOWS: usize = 6;
/// Packets of a flow in one run.
const PACKETS: u64 = 400;
/// Packets on their way in one direction, at most: no buffer on the way is that small.
const UNDER_WAY: u64 = 300;
const TWO_AND_TWO: ThreadCounts = ThreadCounts {
    ingress: 2,
    underlay: 2,
};
const HUB_LAN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

#[test]
fn two_threads_of_each_direction() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: network namespaces need root");
        return;
    }
    let folder = std::env::temp_dir().join(format!("lw-threads-{}", std::process::id()));
    let (near, far) = (Namespace::new(), Namespace::new());
    let lab = Lab { near, far };
    lab.join();
    lab.prepare();
    let descriptors = descriptors();
    let neighbours: Arc<Vec<Member>> = {
        let folder = folder.clone();
        lab.far.run(move || {
            let start = |number| Member::start(number, NEIGHBOURS, None, &folder);
            Arc::new((1..=NEIGHBOURS).map(start).collect())
        })
    };
    let hub = {
        let folder = folder.clone();
        lab.near
            .run(move || Arc::new(Member::start(HUB, NEIGHBOURS, Some(TWO_AND_TWO), &folder)))
    };
    wait("all adjacencies up", || hub.is_up());
    wait("theirs too", || neighbours.iter().all(Member::is_up));
    lab.route();

    spread(&hub, &neighbours);
    every_flow_keeps_its_order(&lab, &hub);
    and_while_tables_are_swapped(&lab, &hub);
    counters_of_threads_outlive_what_they_counted(&lab, &hub);
    a_device_that_comes_back_is_shared_again(&lab, &hub, &neighbours);
    a_port_in_use_is_refused(&lab, &hub);

    lab.near.run(move || drop(Arc::into_inner(hub).unwrap()));
    lab.far
        .run(move || drop(Arc::into_inner(neighbours).unwrap()));
    assert_eq!(self::descriptors(), descriptors);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    std::fs::remove_dir(&folder).unwrap();
    let devices = lab
        .near
        .run(|| std::fs::read_to_string("/proc/thread-self/net/dev").unwrap());
    assert!(!devices.contains("lws"), "{devices}");
}

struct Lab {
    near: Namespace,
    far: Namespace,
}

impl Lab {
    fn join(&self) {
        let far = self.far.thread;
        self.near.ip(&format!(
            "link add wan type veth peer name wan netns {far}
             link set wan up
             addr add {HUB_OUTER}/24 dev wan"
        ));
        self.far
            .ip(&format!("link set wan up\naddr add {FAR_OUTER}/24 dev wan"));
    }

    fn prepare(&self) {
        for (namespace, members) in [(&self.near, HUB..=HUB), (&self.far, 1..=NEIGHBOURS)] {
            namespace.ip("link set lo up");
            for member in members {
                namespace.ip(&format!("addr add {}/32 dev lo", host(member)));
            }
            namespace.run(|| {
                for name in ["all", "default"] {
                    let switch = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
                    std::fs::write(switch, "0").unwrap();
                }
            });
        }
    }

    /// What a LAN sends to another goes into the TUN.
    fn route(&self) {
        for number in 1..=NEIGHBOURS {
            self.near.ip(&format!(
                "route add 10.{number}.0.0/24 dev lws0 src {HUB_LAN}"
            ));
            self.far.ip(&format!(
                "rule add from {} table {number}
                 route add default dev lws{number} table {number}",
                host(number)
            ));
        }
    }

    /// Sends [`PACKETS`] of each flow in both directions at once. All arrive, in order.
    fn exchange(&self, hub: &Member) {
        let hosts = || (1..=NEIGHBOURS).map(host);
        let out = hosts().map(|to| (HUB_LAN, to)).collect();
        let back = hosts().map(|from| (from, HUB_LAN)).collect();
        let out = Run::start(&self.near, &self.far, out);
        let back = Run::start(&self.far, &self.near, back);
        for run in [out, back] {
            let end = Instant::now() + Duration::from_secs(30);
            while run.received.load(Ordering::Relaxed) < run.all {
                assert!(
                    Instant::now() < end,
                    "{} of {} arrived, {:?}",
                    run.received.load(Ordering::Relaxed),
                    run.all,
                    hub.engine.snapshot().drops
                );
                std::thread::sleep(Duration::from_millis(1));
            }
            // Their ports are free again.
            run.receivers
                .into_iter()
                .for_each(|receiver| receiver.join().unwrap());
            assert_eq!(run.disordered.load(Ordering::Relaxed), 0);
        }
    }
}

/// The host of a member's LAN.
fn host(number: usize) -> Ipv4Addr {
    match number {
        HUB => HUB_LAN,
        _ => Ipv4Addr::new(10, number as u8, 0, 9),
    }
}

/// Flows in one direction.
struct Run {
    all: u64,
    received: Arc<AtomicU64>,
    /// Packets that came behind a later one of their flow, or twice.
    disordered: Arc<AtomicU64>,
    receivers: Vec<JoinHandle<()>>,
}

impl Run {
    fn start(from: &Namespace, to: &Namespace, pairs: Vec<(Ipv4Addr, Ipv4Addr)>) -> Self {
        let all = (pairs.len() * FLOWS) as u64 * PACKETS;
        let mut run = Run {
            all,
            received: Arc::default(),
            disordered: Arc::default(),
            receivers: vec![],
        };
        let mut hosts: Vec<_> = pairs.iter().map(|(_, host)| *host).collect();
        hosts.dedup();
        for host in hosts {
            let socket = to.run(move || UdpSocket::bind((host, 9)).unwrap());
            let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(1 << 20);
            let (received, disordered) = (run.received.clone(), run.disordered.clone());
            let receive = move || receive(&socket, all, &received, &disordered);
            run.receivers.push(std::thread::spawn(receive));
        }
        let received = run.received.clone();
        from.run(move || {
            let socket = |(from, to), flow| {
                let socket = UdpSocket::bind((from, 4000 + flow as u16)).unwrap();
                (socket, SocketAddr::from((to, 9)))
            };
            let sockets = pairs.iter().enumerate();
            let sockets: Vec<_> = sockets
                .flat_map(|(at, pair)| (0..FLOWS).map(move |flow| socket(*pair, at * FLOWS + flow)))
                .collect();
            std::thread::spawn(move || send(&sockets, &received));
        });
        run
    }
}

fn send(sockets: &[(UdpSocket, SocketAddr)], received: &AtomicU64) {
    let mut sent = 0;
    for number in 0..PACKETS {
        for (at, (socket, to)) in sockets.iter().enumerate() {
            let mut payload = vec![0; 40 + (number as usize * 37 + at * 101) % 1200];
            payload[..8].copy_from_slice(&number.to_le_bytes());
            while sent - received.load(Ordering::Relaxed) > UNDER_WAY {
                std::thread::yield_now();
            }
            socket.send_to(&payload, to).unwrap();
            sent += 1;
        }
    }
}

/// Until all have come, whoever took them.
fn receive(socket: &UdpSocket, all: u64, received: &AtomicU64, disordered: &AtomicU64) {
    socket
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut expected: HashMap<SocketAddr, u64> = HashMap::new();
    let mut room = [0; 2000];
    while received.load(Ordering::Relaxed) < all {
        let Ok((_, from)) = socket.recv_from(&mut room) else {
            continue;
        };
        let number = u64::from_le_bytes(room[..8].try_into().unwrap());
        let next = expected.entry(from).or_default();
        if number < *next {
            disordered.fetch_add(1, Ordering::Relaxed);
        }
        *next = number + 1;
        received.fetch_add(1, Ordering::Relaxed);
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Which thread a neighbour meets is the kernel's choice by its address and port: moves one to other
/// ports until both have some, which is nearly always so at once.
fn spread(hub: &Member, neighbours: &[Member]) {
    for port in 0..64 {
        let before = hub.taken(Direction::Underlay);
        assert_eq!(before.len(), 2);
        std::thread::sleep(Duration::from_millis(100)); // five probes of each
        let after = hub.taken(Direction::Underlay);
        if after
            .iter()
            .zip(&before)
            .all(|(after, before)| after > before)
        {
            return;
        }
        neighbours[0].set(&format!("listen_port={}\n", 52_000 + port));
        wait("the moved one is up", || neighbours[0].is_up());
    }
    panic!(
        "one thread has all of them: {:?}",
        hub.taken(Direction::Underlay)
    );
}

fn every_flow_keeps_its_order(lab: &Lab, hub: &Member) {
    let before = hub.engine.snapshot();
    lab.exchange(hub);
    let after = hub.engine.snapshot();
    println!("{:?}", after.threads);
    let names: Vec<_> = after
        .threads
        .iter()
        .map(|thread| &thread.name[..])
        .collect();
    let wanted = [
        "lw-ingress-0",
        "lw-ingress-1",
        "lw-underlay-0",
        "lw-underlay-1",
    ];
    assert_eq!(names, wanted);
    let all = (NEIGHBOURS * FLOWS) as u64 * PACKETS;
    for (thread, before) in after.threads.iter().zip(&before.threads) {
        let share = thread.packets - before.packets;
        assert!(share >= all / 20, "{thread:?} took {share} of {all}");
    }
    let taken = hub.taken(Direction::Ingress).iter().sum::<u64>();
    assert_eq!(taken, after.segments[0].ingress_packets);
    let (sent, came) = (&after.segments[0], &before.segments[0]);
    assert_eq!(sent.ingress_packets - came.ingress_packets, all);
    assert_eq!(sent.egress_packets - came.egress_packets, all);
    for reason in [
        "uplink-busy",
        "tun-refused",
        "wireguard-replayed",
        "engine-fault",
    ] {
        assert_eq!(after.drops[reason], before.drops[reason], "{reason}");
    }
}

fn and_while_tables_are_swapped(lab: &Lab, hub: &Arc<Member>) {
    let swapping = {
        let hub = hub.clone();
        lab.near.run(move || {
            std::thread::spawn(move || {
                for generation in 2..40 {
                    let mut table = table(HUB, NEIGHBOURS);
                    table.generation = format!("{generation:016x}");
                    hub.engine.apply(&table).unwrap();
                    std::thread::sleep(Duration::from_millis(10));
                }
            })
        })
    };
    lab.exchange(hub);
    swapping.join().unwrap();
}

fn counters_of_threads_outlive_what_they_counted(lab: &Lab, hub: &Arc<Member>) {
    let sum = |hub: &Member| hub.taken(Direction::Underlay).iter().sum::<u64>();
    let before = sum(hub);
    let apply = |neighbours| {
        let hub = hub.clone();
        lab.near
            .run(move || hub.engine.apply(&table(HUB, neighbours)).unwrap());
    };
    apply(1);
    assert_eq!(hub.engine.snapshot().adjacencies.len(), 1);
    assert!(sum(hub) >= before);
    apply(NEIGHBOURS);
    assert!(sum(hub) >= before);
    let hub = hub.clone();
    wait("all are up again", || hub.is_up());
}

/// The kernel takes sockets that are bound to another device out of their group.
fn a_device_that_comes_back_is_shared_again(lab: &Lab, hub: &Member, neighbours: &[Member]) {
    let downs = |hub: &Member| hub.engine.snapshot().adjacencies[0].quality.downs;
    let before = downs(hub);
    lab.near.ip("link delete wan");
    wait("down", || downs(hub) > before);
    lab.join();
    wait("up again", || {
        hub.is_up() && neighbours.iter().all(Member::is_up)
    });
    spread(hub, neighbours);
    lab.exchange(hub);
}

fn a_port_in_use_is_refused(lab: &Lab, hub: &Arc<Member>) {
    let taken = lab.near.run(|| {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        // Even one that would share its port.
        socket.set_reuse_port(true).unwrap();
        socket
            .bind(&SocketAddr::from(([0, 0, 0, 0], 53_000)).into())
            .unwrap();
        socket
    });
    let path = std::env::temp_dir().join(format!("lw-threads-{}/lw0.sock", std::process::id()));
    let mut wg = std::os::unix::net::UnixStream::connect(path).unwrap();
    std::io::Write::write_all(&mut wg, b"set=1\nlisten_port=53000\n\n").unwrap();
    let mut answer = [0; 11];
    std::io::Read::read_exact(&mut wg, &mut answer).unwrap();
    assert_eq!(
        answer,
        format!("errno=-{}\n\n", libc::EADDRINUSE).as_bytes()
    );
    drop(taken);
    assert!(hub.is_up());
}
