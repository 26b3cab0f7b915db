//! After the handshake, no packet allocates.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use labelway_wireguard::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator; counting allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn data_packets_allocate_nothing() {
    let pair = Pair::connected();
    let before = ALLOCATIONS.get();
    drop(Box::new(1));
    assert_eq!(ALLOCATIONS.get(), before + 1, "the counter counts");

    const ROOM: usize = 1420;
    const SLOT: usize = HEADER + ROOM + TAG;
    let packet = ipv4(pair.a.inner, pair.b.inner, &[1; 1380]);
    let at = HEADER..HEADER + packet.len();
    let mut slots = vec![[0; SLOT]; 32];
    let mut out = vec![0; MIN_OUTPUT];
    let to = pair.b.key();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        let (senders, receivers) = (pair.a.device.peers(), pair.b.device.peers());
        let peer = senders.by_key(&to).unwrap();
        let mut sealer = peer.seal_run(pair.clock.0, slots.len()).expect("a session");
        let mut receiver = receivers.receiver();
        for slot in &mut slots {
            slot[at.clone()].copy_from_slice(&packet);
            assert_eq!(
                sealer.seal(slot, at.clone(), ROOM),
                Some(0..HEADER + 1408 + TAG)
            );
            let datagram = &mut slot[..HEADER + 1408 + TAG];
            let received = receiver.receive(pair.clock.0, pair.a.address, datagram, &mut out);
            assert!(matches!(received, Received::Packet { packet, .. } if packet == at));
            assert!(receiver.flush(pair.clock.0, &mut out).is_none());
            assert_eq!(slot[at.clone()], packet);
        }
        drop(sealer);
        drop(receiver);
        senders.update_timers(pair.clock.0, &mut out, |_, _| panic!("nothing is due"));
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
