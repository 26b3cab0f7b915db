//! Memory that is given back holds no private and no preshared key.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use common::*;

/// The keys of this test: one byte, 32 times. No other memory looks like that.
const KEYS: [u8; 3] = [0xa1, 0xa2, 0xa3];

struct Looking;

static LOOKING: AtomicBool = AtomicBool::new(false);
static FOUND: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is left to the system's allocator.
unsafe impl GlobalAlloc for Looking {
    // SAFETY: as GlobalAlloc wants it of the caller. Zeroed, so that all of it may be looked at.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    // SAFETY: as GlobalAlloc wants it of the caller.
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if LOOKING.load(Ordering::Relaxed) {
            let (mut last, mut times) = (0, 0);
            for at in 0..layout.size() {
                // SAFETY: within the block, which nobody else uses any more. Padding of what was in
                // it may have no value for the compiler, hence volatile.
                let byte = unsafe { pointer.add(at).read_volatile() };
                times = if byte == last { times + 1 } else { 1 };
                last = byte;
                if times == 32 && KEYS.contains(&byte) {
                    FOUND.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        // SAFETY: passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static LOOK: Looking = Looking;

#[test]
fn keys_are_wiped() {
    LOOKING.store(true, Ordering::Relaxed);
    drop(vec![KEYS[0]; 40]);
    assert_eq!(FOUND.swap(0, Ordering::Relaxed), 1, "the allocator looks");

    let mut pair = Pair::new();
    for (end, key) in [(&mut pair.a, KEYS[0]), (&mut pair.b, KEYS[1])] {
        end.private = [key; 32];
        end.set(&format!("private_key={}\n", hex(&end.private)));
    }
    for (end, other) in [(&pair.a, &pair.b), (&pair.b, &pair.a)] {
        let psk = format!("preshared_key={}\n", hex(&[KEYS[2]; 32]));
        end.set(&format!(
            "replace_peers=true\n{}{psk}",
            end.lines_for(other)
        ));
        // More peers: what holds them grows and moves.
        for n in 1..20 {
            let key = hex(public([n; 32]).as_bytes());
            end.set(&format!("public_key={key}\n{psk}"));
        }
    }
    let packet = ipv4(pair.a.inner, pair.b.inner, b"x");
    assert_eq!(pair.a_to_b(&packet), vec![packet.clone()]);
    pair.clock.advance(Duration::from_secs(180));
    assert_eq!(pair.a_to_b(&packet), vec![packet.clone()]);
    pair.clock.advance(Duration::from_secs(180));
    // A handshake that nobody answers, and one by other keys.
    pair.a.send(pair.clock, &pair.b.key(), &packet).unwrap();
    assert!(pair.a.get("private_key")[0].starts_with("a1a1"));
    for end in [&pair.a, &pair.b] {
        end.set(&format!("private_key={}\n", hex(&[9; 32])));
        end.set("replace_peers=true\n");
    }
    drop(pair);
    assert_eq!(FOUND.load(Ordering::Relaxed), 0);
}
