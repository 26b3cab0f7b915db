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

    let mut packet = ipv4(pair.a.inner, pair.b.inner, &[1; 1400]);
    let len = packet.len();
    packet.resize(len + 16, 0);
    let (mut wire, mut inner) = (vec![0; 2000], vec![0; 2000]);
    let to = pair.b.key();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        let peers = pair.a.device.peers();
        let mut locked = peers.by_key(&to).unwrap().lock();
        let others = pair.b.device.peers();
        let mut receiver = others.receiver();
        for _ in 0..32 {
            let Sent::Datagram(sent) = locked.send(pair.clock.0, &mut packet, len, &mut wire)
            else {
                panic!("not sent")
            };
            let datagram = &wire[..sent.len];
            let received = receiver.receive(pair.clock.0, pair.a.address, datagram, &mut inner);
            assert!(matches!(received, Received::Packet { len: got, .. } if got == len));
            assert!(receiver.flush(pair.clock.0, &mut inner).is_none());
        }
    }
    assert_eq!(ALLOCATIONS.get(), before);
}
