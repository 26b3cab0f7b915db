//! What a data packet costs above ring's cipher: `cargo bench -p labelway-wireguard`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::*;
use labelway_wireguard::*;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

const INNER: usize = 1400;
const PADDED: usize = 1408;
const SLOT: usize = HEADER + PADDED + TAG;
const RUN: usize = 64;
const ROUNDS: usize = 500;
const SAMPLES: usize = 15;

fn main() {
    let pair = Pair::connected();
    let packet = ipv4(pair.a.inner, pair.b.inner, &[1; INNER - 20]);
    let at = HEADER..HEADER + INNER;
    let mut slots = vec![[0; SLOT]; RUN];
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32]).unwrap());
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    let (senders, receivers) = (pair.a.device.peers(), pair.b.device.peers());
    let peer = senders.by_key(&pair.b.key()).unwrap();
    let now = pair.clock.0;

    let mut best = [[Duration::MAX; 2]; 3];
    for _ in 0..SAMPLES {
        let mut took = [[Duration::ZERO; 2]; 3];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let mut tags = [[0; TAG]; RUN];
            for (slot, tag) in slots.iter_mut().zip(&mut tags) {
                let plain = &mut slot[HEADER..HEADER + PADDED];
                let sealed = key.seal_in_place_separate_tag(nonce(), Aad::empty(), plain);
                tag.copy_from_slice(sealed.unwrap().as_ref());
            }
            took[0][0] += start.elapsed();
            for (slot, tag) in slots.iter_mut().zip(&tags) {
                slot[HEADER + PADDED..].copy_from_slice(tag);
            }
            let start = Instant::now();
            for slot in &mut slots {
                let opened = key.open_in_place(nonce(), Aad::empty(), &mut slot[HEADER..]);
                black_box(opened.unwrap().len());
            }
            took[0][1] += start.elapsed();
            for (kind, run) in [(1, RUN), (2, 1)] {
                slots
                    .iter_mut()
                    .for_each(|slot| slot[at.clone()].copy_from_slice(&packet));
                let start = Instant::now();
                for run in slots.chunks_mut(run) {
                    let mut sealer = peer.seal_run(now, run.len()).unwrap();
                    for slot in run {
                        black_box(sealer.seal(slot, at.clone(), PADDED).unwrap());
                    }
                }
                took[kind][0] += start.elapsed();
                let start = Instant::now();
                for run in slots.chunks_mut(run) {
                    let mut receiver = receivers.receiver();
                    for slot in run {
                        let received = receiver.receive(now, pair.a.address, slot, &mut []);
                        assert!(matches!(received, Received::Packet { .. }));
                    }
                }
                took[kind][1] += start.elapsed();
            }
        }
        for (best, took) in best.iter_mut().flatten().zip(took.iter().flatten()) {
            *best = (*best).min(*took / (ROUNDS * RUN) as u32);
        }
    }
    for (name, [seal, open]) in ["ring alone", "runs of 64", "runs of 1"].iter().zip(best) {
        println!("{name:<10}  seal {seal:?}, open {open:?} a packet of {INNER} bytes");
    }
}
