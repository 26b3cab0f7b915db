//! What offloads cost a packet: `cargo bench -p labelway-offload`.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use labelway_offload::{Coalescer, Opened, Segments, VnetHeader, open};
use labelway_wire::checksum::Sum;
use labelway_wire::{Ipv4Header, protocol};

/// The payload of a packet of 1,448 bytes with TCP timestamps.
const SIZE: usize = 1396;
const HEADERS: usize = 20 + 32;

/// A super-packet of `packets` packets from the kernel, its header, and how it is cut.
fn super_packet(packets: usize) -> (Vec<u8>, Segments) {
    let payload = (0..packets * SIZE).map(|index| (index / 251) as u8);
    let length = 32 + packets * SIZE;
    let ip = Ipv4Header {
        traffic_class: 0,
        identification: 7,
        dont_fragment: true,
        ttl: 64,
        protocol: protocol::TCP,
        source: [10, 1, 0, 5].into(),
        destination: [10, 2, 0, 5].into(),
    };
    let mut packet = ip.encode(length as u16).unwrap().to_vec();
    packet.extend([
        0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 9, 0, 0, 0, 5, 0x80, 0x10, 1, 0,
    ]);
    let pseudo = Sum::pseudo_v4(ip.source, ip.destination, protocol::TCP, length as u16);
    packet.extend((!pseudo.finish()).to_be_bytes());
    packet.extend([0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
    packet.extend(payload);
    let header = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: VnetHeader::GSO_TCPV4,
        hdr_len: HEADERS as u16,
        gso_size: SIZE as u16,
        csum_start: 20,
        csum_offset: 16,
    };
    let Ok(Opened::Super(segments)) = open(header, &mut packet) else {
        panic!("a super-packet");
    };
    (packet, segments)
}

fn checksum(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    let bytes = vec![0xa5; 65_536];
    for length in [20, 1448, 65_536] {
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("{length} bytes"), |bencher| {
            bencher.iter(|| Sum::default().bytes(black_box(&bytes[..length])).finish());
        });
    }
    let mut to = vec![0; 1448];
    group.throughput(Throughput::Bytes(1448));
    group.bench_function("1448 bytes, copied", |bencher| {
        bencher.iter(|| {
            Sum::default()
                .copy(black_box(&bytes[..1448]), black_box(&mut to))
                .finish()
        });
    });
    group.finish();
}

/// The time of one element is that of one packet.
fn segment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segment");
    let (packet, segments) = super_packet(46);
    group.throughput(Throughput::Elements(46));
    let mut out = vec![0; 2048];
    group.bench_function("46 × 1,448 bytes of TCP, into one buffer", |bencher| {
        bencher.iter(|| {
            for index in 0..segments.count() {
                segments.write(index, black_box(&packet), black_box(&mut out));
            }
        });
    });
    let mut arena = vec![0; 46 * 2048];
    group.bench_function("46 × 1,448 bytes of TCP, side by side", |bencher| {
        bencher.iter(|| {
            for (index, out) in arena.chunks_exact_mut(2048).enumerate() {
                segments.write(index, black_box(&packet), black_box(out));
            }
        });
    });
    group.finish();
}

/// The time of one element is that of one packet.
fn coalesce(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("coalesce");
    group.throughput(Throughput::Elements(46));
    let (packet, segments) = super_packet(46);
    let packets: Vec<Vec<u8>> = (0..46)
        .map(|index| {
            let mut out = vec![0; segments.length(index)];
            segments.write(index, &packet, &mut out);
            out
        })
        .collect();
    let mut coalescer = Coalescer::with_capacity(256);
    group.bench_function("46 × 1,448 bytes of TCP", |bencher| {
        bencher.iter_batched_ref(
            || packets[0].clone(),
            |first| {
                coalescer.clear();
                for (id, packet) in packets.iter().enumerate() {
                    coalescer.offer(id as u32, black_box(packet));
                }
                for group in coalescer.groups() {
                    assert_eq!(group.count(), 46);
                    black_box(group.finish(first));
                }
            },
            BatchSize::SmallInput,
        );
    });
    // 46 flows, each with an acknowledgement: nothing to merge, everything to look at.
    let strangers: Vec<Vec<u8>> = (0..46)
        .map(|index| {
            let mut packet = packets[0][..HEADERS].to_vec();
            packet[2..4].copy_from_slice(&(HEADERS as u16).to_be_bytes());
            packet[10..12].fill(0);
            let checksum = Sum::default().bytes(&packet[..20]).finish();
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
            packet[20] = index;
            packet
        })
        .collect();
    group.bench_function("46 acknowledgements of 46 flows", |bencher| {
        bencher.iter(|| {
            coalescer.clear();
            for (id, packet) in strangers.iter().enumerate() {
                coalescer.offer(id as u32, black_box(packet));
            }
            assert_eq!(coalescer.groups().len(), 46);
        });
    });
    group.finish();
}

criterion_group!(benches, checksum, segment, coalesce);
criterion_main!(benches);
