//! Trains through the kernel's loopback.

use std::net::UdpSocket;
use std::os::fd::AsFd;

use super::*;
use crate::receive::{MESSAGE_BYTES, MESSAGES, Receiver, accept_trains, tell_ecn};

fn destination(to: SocketAddr) -> Destination {
    let ecn = Ecn::NotEct;
    Destination { to, ecn }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Sends datagrams of these sizes, each filled with its number, and tells the sizes of what
/// arrives, a vector for each message.
fn cross(sizes: &[usize], alone: bool, trains: bool) -> Vec<Vec<usize>> {
    let (from, to) = (socket(), socket());
    if trains {
        accept_trains(&socket2::SockRef::from(&to)).unwrap();
    }
    let mut memory = Vec::new();
    let mut sender = Sender::new();
    for (number, size) in sizes.iter().enumerate() {
        let start = memory.len() + 3; // they need not touch
        memory.resize(start, 0xff);
        memory.resize(start + size, number as u8);
        sender.push(
            start..start + size,
            destination(to.local_addr().unwrap()),
            alone,
        );
    }
    let v4 = from.as_fd();
    assert!(sender.flush(&memory, v4, None, |error| panic!("{error}")));
    assert!(sender.is_empty());
    let mut receiver = Receiver::new();
    let mut room = vec![0; MESSAGES * MESSAGE_BYTES];
    let (mut seen, mut messages) = (0, Vec::new());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while seen < sizes.len() {
        assert!(std::time::Instant::now() < end, "only {seen} arrived");
        let Ok(count) = receiver.receive(to.as_fd(), &mut room) else {
            std::thread::yield_now();
            continue;
        };
        for index in 0..count {
            let train = receiver.train(index).unwrap();
            assert_eq!(train.from, from.local_addr().unwrap());
            let datagrams = train.datagrams().map(|range| {
                assert_eq!(room[range.clone()], vec![seen as u8; range.len()]);
                seen += 1;
                range.len()
            });
            messages.push(datagrams.collect());
        }
    }
    messages
}

#[test]
fn datagrams_of_a_size_cross_as_one_train() {
    let sizes = [[1400; 40].as_slice(), &[900]].concat();
    assert_eq!(cross(&sizes, false, true).concat(), sizes);
    assert_eq!(cross(&sizes, false, true).len(), 1);
    // Nobody has to receive trains, and what is alone is none.
    let each: Vec<_> = sizes.iter().map(|size| vec![*size]).collect();
    assert_eq!(cross(&sizes, false, false), each);
    assert_eq!(cross(&sizes[..5], true, true), each[..5]);
}

#[test]
fn a_train_ends_where_it_has_to() {
    let sizes = [700, 700, 800, 800, 100, 100, 900];
    let trains = [vec![700, 700], vec![800, 800, 100], vec![100], vec![900]];
    assert_eq!(cross(&sizes, false, true), trains);
    // 64 datagrams, and 64 KiB.
    let counts = |sizes: &[usize]| {
        let trains = cross(sizes, false, true);
        trains.iter().map(Vec::len).collect::<Vec<_>>()
    };
    assert_eq!(counts(&[10; 130]), [64, 64, 2]);
    assert_eq!(counts(&[1400; 50]), [46, 4]);
}

#[test]
fn what_is_refused_does_not_hold_up_the_next() {
    let (from, to) = (socket(), socket());
    let memory = [42; 100];
    let mut sender = Sender::new();
    let nowhere = destination("0.0.0.0:0".parse().unwrap());
    sender.push(0..10, destination("[::1]:9".parse().unwrap()), false); // no socket for it
    sender.push(0..10, nowhere, false); // refused by the kernel
    sender.push(0..10, nowhere, false);
    sender.push(0..1, destination(to.local_addr().unwrap()), false);
    let mut refused = 0;
    sender.flush(&memory, from.as_fd(), None, |_| refused += 1);
    assert_eq!(refused, 3, "each datagram is counted");
    let mut receiver = Receiver::new();
    let mut room = vec![0; MESSAGE_BYTES];
    assert_eq!(receiver.receive(to.as_fd(), &mut room).unwrap(), 1);
    assert_eq!(receiver.train(0).unwrap().range, 0..1);
}

#[test]
fn the_ecn_field_crosses_in_both_families() {
    for (from, to, domain) in [
        ("127.0.0.1:0", "127.0.0.1:0", socket2::Domain::IPV4),
        ("[::1]:0", "[::1]:0", socket2::Domain::IPV6),
    ] {
        let from = UdpSocket::bind(from).unwrap();
        let to = UdpSocket::bind(to).unwrap();
        to.set_nonblocking(true).unwrap();
        accept_trains(&socket2::SockRef::from(&to)).unwrap();
        tell_ecn(&socket2::SockRef::from(&to), domain).unwrap();
        let mut sender = Sender::new();
        let fields = [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce];
        for ecn in fields {
            let to = to.local_addr().unwrap();
            sender.push(0..100, Destination { to, ecn }, false);
            sender.push(0..100, Destination { to, ecn }, false);
        }
        let socket = from.as_fd();
        sender.flush(&[7; 100], socket, Some(socket), |error| panic!("{error}"));
        let mut receiver = Receiver::new();
        let mut room = vec![0; MESSAGES * MESSAGE_BYTES];
        let mut seen = Vec::new();
        let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while seen.len() < 4 && std::time::Instant::now() < end {
            let count = receiver.receive(to.as_fd(), &mut room).unwrap_or(0);
            for index in 0..count {
                let train = receiver.train(index).unwrap();
                assert_eq!(train.datagrams().count(), 2);
                seen.push(train.ecn);
            }
        }
        assert_eq!(seen, fields);
    }
}

/// Datagrams larger than the device's MTU leave as fragments, but not as a train.
#[test]
fn a_train_of_large_datagrams_goes_one_by_one() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let thread = std::thread::spawn(|| {
        // SAFETY: moves this thread alone to a new network namespace, gone with it.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        let up = "ip link set lo mtu 1400 up".split(' ').skip(1);
        let status = std::process::Command::new("ip").args(up).status();
        assert!(status.unwrap().success());
        cross(&[2000; 5], false, true)
    });
    assert_eq!(thread.join().unwrap(), vec![vec![2000]; 5]);
}
