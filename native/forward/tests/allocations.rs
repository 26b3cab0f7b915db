//! Forwarding allocates nothing.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use labelway_boundary::TtlModel;
use labelway_forward::{
    FlowCache, HEADROOM, LocalDatagram, Outcome, Packet, encapsulate_local, ingress, switch,
};
use support::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came; the counter is a plain thread-local
// without a destructor, so that touching it allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is passed on.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }
    // SAFETY: as above.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a thousand runs over one buffer.
fn allocations(bytes: &[u8], mut run: impl FnMut(&mut Packet<'_>)) -> usize {
    let mut buffer = vec![0; HEADROOM + 70_000];
    let before = ALLOCATIONS.with(Cell::get);
    for _ in 0..1000 {
        buffer[HEADROOM..HEADROOM + bytes.len()].copy_from_slice(bytes);
        run(&mut Packet::new(&mut buffer, bytes.len()));
    }
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn no_packet_allocates() {
    assert_eq!(
        allocations(&[], |packet| drop(packet.bytes().len().to_string())),
        1000,
        "is counted"
    );
    let router = Router::new(table(TtlModel::Uniform));
    let mut icmp = labelway_forward::TokenBucket::new(u32::MAX, u32::MAX);
    let mut now = std::time::Duration::ZERO;
    let mut count = ();
    let mut flows = FlowCache::default();
    let mut context = move || {
        now += std::time::Duration::from_millis(1);
        now
    };
    let mut ingress_of = |packet: &mut Packet<'_>| {
        let mut context = labelway_forward::Context {
            fib: &router.fib,
            live: &router.live,
            icmp: &mut icmp,
            now: context(),
            count: &mut count,
        };
        ingress(&mut context, &mut flows, 0, packet)
    };
    let (here, there) = ([10, 1, 0, 5], [10, 2, 0, 5]);
    let plain = v4(here, there, 6, 64, &syn(1460));
    let voice = patched(
        v4(here, there, 17, 64, &udp(1, 2, &[0; 1000])),
        &[(1, 46 << 2)],
    );
    let big = v4(here, there, 17, 64, &udp(1, 2, &[0; 1500]));
    let pieces = patched(big.clone(), &[(6, 0)]);
    let old = v4(here, there, 17, 1, &udp(1, 2, b""));
    let nowhere = v4(here, [9, 9, 9, 9], 17, 64, b"");
    let lost = v4(here, [224, 0, 0, 5], 17, 64, b"");
    for (bytes, expected) in [
        (&plain, "Send"),
        (&voice, "Send"),
        (&big, "ToTun"),
        (&old, "ToTun"),
        (&nowhere, "ToTun"),
        (&lost, "Drop"),
    ] {
        let counted = allocations(bytes, |packet| match (expected, ingress_of(packet)) {
            ("Send", Outcome::Send { .. }) | ("ToTun", Outcome::ToTun { .. }) => {}
            ("Drop", Outcome::Drop(_)) => {}
            (_, other) => panic!("{expected}: {other:?}"),
        });
        assert_eq!(counted, 0, "{expected}");
    }
    let counted = allocations(&pieces, |packet| {
        let Outcome::Fragments(mut fragments) = ingress_of(packet) else {
            panic!()
        };
        assert!(fragments.next(packet) && fragments.next(packet) && !fragments.next(packet));
    });
    assert_eq!(counted, 0, "fragments");

    let mut router = Router::new(table(TtlModel::Uniform));
    let transit = stack(&[
        (16001, 0, false, 9),
        (16003, 0, false, 9),
        (28001, 0, true, 9),
    ]);
    let transit = from_neighbour(&router.table, 0, &transit);
    let customer = v4(there, here, 6, 60, &syn(1460));
    let egress = [stack(&[(28001, 0, true, 9)]), customer].concat();
    let egress = from_neighbour(&router.table, 0, &egress);
    // Room for the counters of this test, which are vectors.
    router.count.labels.reserve(10_000);
    router.count.drops.reserve(10_000);
    let counted = allocations(&transit, |packet| {
        let outcome = switch(&mut router.context(), 0, packet);
        assert!(matches!(outcome, Outcome::Send { .. }));
    });
    assert_eq!(counted, 0, "transit");
    let expired = [stack(&[(16003, 0, false, 1), (28001, 0, true, 9)]), big].concat();
    let expired = from_neighbour(&router.table, 0, &expired);
    let counted = allocations(&expired, |packet| {
        router.now += std::time::Duration::from_millis(1);
        let outcome = switch(&mut router.context(), 0, packet);
        assert!(matches!(outcome, Outcome::Send { .. }), "{outcome:?}");
    });
    assert_eq!(counted, 0, "an error in transit");
    let counted = allocations(&egress, |packet| {
        let outcome = switch(&mut router.context(), 0, packet);
        assert!(matches!(outcome, Outcome::Deliver { .. }));
    });
    assert_eq!(counted, 0, "egress");
    let datagram = LocalDatagram {
        source: [10, 255, 0, 1].into(),
        destination: [10, 255, 0, 3].into(),
        source_port: 50001,
        destination_port: 862,
        class: 0,
        whole: false,
    };
    let counted = allocations(&[0; 44], |packet| {
        encapsulate_local(&router.fib, 0, &[16003, 16005], &datagram, packet).unwrap();
    });
    assert_eq!(counted, 0, "probes");
}
