//! Nothing allocates after set-up.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use labelway_offload::{Coalescer, Opened, open};
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

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn no_packet_allocates() {
    assert_eq!(allocations(|| drop(vec![0; 9])), 1, "is counted");
    let flows: Vec<_> = (0..100)
        .map(|port| {
            let protocol = if port % 2 == 0 { TCP } else { UDP };
            let spec = Spec::new(port % 3 == 0, protocol, vec![]);
            (Spec { port, ..spec }, 50)
        })
        .collect();
    let changes = [
        Change::None,
        Change::Flags(PSH),
        Change::Plain("fragment"),
        Change::Plain("bad checksum"),
        Change::Plain("ttl"),
    ];
    // By turns one packet of each of 100 flows, and 20 of one.
    let events: Vec<_> = (0..256)
        .map(|number| {
            let flow = if number < 100 { number } else { number / 20 };
            let changed = number % 9 == 0;
            (
                flow,
                if changed {
                    changes[number / 9 % 4]
                } else {
                    Change::None
                },
            )
        })
        .collect();
    let (mut packets, _) = traffic(&flows, &events);
    let mut out = vec![0; 2048];
    let mut whole = vec![0; 65_536];
    let mut coalescer = Coalescer::with_capacity(256);
    let mut merged = 0;
    let counted = allocations(|| {
        for _ in 0..20 {
            coalescer.clear();
            for (id, packet) in packets.iter().enumerate() {
                assert!(coalescer.offer(id as u32, packet));
            }
            assert!(!coalescer.offer(256, &[]));
            for group in coalescer.groups() {
                let header = group.finish(&mut packets[group.first() as usize]);
                let mut length = 0;
                for (number, id) in group.ids().enumerate() {
                    let packet = &packets[id as usize];
                    let piece = &packet[if number == 0 { 0 } else { group.headers() }..];
                    whole[length..length + piece.len()].copy_from_slice(piece);
                    length += piece.len();
                }
                if let Ok(Opened::Super(segments)) = open(header, &mut whole[..length]) {
                    for index in 0..segments.count() {
                        segments.write(index, &whole, &mut out);
                    }
                    segments.write(0, &whole, &mut packets[group.first() as usize]);
                    merged += 1;
                }
            }
        }
    });
    assert_eq!(counted, 0);
    assert!(merged >= 20 * 5, "{merged} were merged");
}
