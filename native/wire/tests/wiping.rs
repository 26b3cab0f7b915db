//! Memory that is given back holds nothing that was made of a key of authenticated STAMP.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use labelway_wire::stamp::{AuthenticationKey, NetworkKey, Role, SessionName};

struct Looking;

/// Bytes that are not 0 in what was given back last.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Looking {
    // SAFETY: as GlobalAlloc wants it of the caller. Zeroed, so that all of it may be looked at.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: as GlobalAlloc wants it of the caller.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: within the block, which nobody else uses any more. Padding of what was in it may
        // have no value for the compiler, hence volatile.
        let left = (0..layout.size()).filter(|at| unsafe { pointer.add(*at).read_volatile() } != 0);
        LEFT.store(left.count(), Ordering::Relaxed);
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static LOOK: Looking = Looking;

/// What is left of it when it is dropped.
fn left_of<T>(value: T) -> usize {
    let boxed = Box::new(value);
    drop(boxed);
    LEFT.load(Ordering::Relaxed)
}

#[test]
fn keys_are_wiped() {
    assert_eq!(left_of([7u8; 64]), 64, "the allocator looks");
    let network = NetworkKey::new(b"a key as long as the hash itself");
    let name = SessionName {
        sender: Ipv4Addr::new(10, 255, 0, 1),
        reflector: Ipv4Addr::new(10, 255, 0, 3),
        sender_port: 49862,
        session: 7,
    };
    assert_eq!(left_of(network.session(&name, Role::Probe)), 0);
    assert_eq!(left_of(network), 0);
    assert_eq!(left_of(AuthenticationKey::new(&[7; 32]).unwrap()), 0);
}
