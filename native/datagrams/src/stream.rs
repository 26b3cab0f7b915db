//! An even stream one way: when was each datagram sent, and how long did it take?

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::config::{Config, Stream};
use crate::flood::{receiver, sender};
use crate::namespace::inside;

/// How long the last datagram may be under way.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Streamed {
    /// When it began: µs since the epoch, by the clock that the rest of the system reads.
    pub started_micros: u64,
    /// µs after the start, for each datagram in the order of sending.
    pub sent_micros: Vec<u64>,
    /// µs one way, for the same datagrams; null: it never arrived. Both ends have one clock.
    pub delay_micros: Vec<Option<u64>>,
    /// Arrived more than once.
    pub duplicates: u64,
    /// Arrived after one that was sent later.
    pub overtaken: u64,
}

pub fn run(config: &Config, stream: &Stream) -> Result<Streamed, String> {
    let far = inside(&config.to, || {
        receiver(config.listen()).map_err(|error| format!("Cannot listen: {error}"))
    })?;
    let near = inside(&config.from, || {
        sender(config.target())
            .map_err(|error| format!("Cannot send to {}: {error}", config.target()))
    })?;
    let over = AtomicBool::new(false);
    let started_micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|error| error.to_string())?
        .as_micros() as u64;
    let start = Instant::now();
    thread::scope(|scope| {
        let taking = scope.spawn(|| take(&far, config.bytes, start, stream.count, &over));
        let sent_micros = send(&near, config.bytes, stream, start);
        thread::sleep(PATIENCE);
        over.store(true, Relaxed);
        let taken = taking.join().expect("the receiver does not panic");
        let delay_micros = (taken.arrived_micros.iter().zip(&sent_micros))
            .map(|(arrived, sent)| arrived.map(|arrived| arrived.saturating_sub(*sent)))
            .collect();
        Ok(Streamed {
            started_micros,
            sent_micros,
            delay_micros,
            duplicates: taken.duplicates,
            overtaken: taken.overtaken,
        })
    })
}

/// Sends each datagram at its time; one whose turn came late goes at once. What cannot be sent
/// (no route, a full queue) is lost, as it is for an application.
fn send(socket: &UdpSocket, bytes: usize, stream: &Stream, start: Instant) -> Vec<u64> {
    let mut datagram = vec![0; bytes];
    let interval = Duration::from_micros(stream.interval_micros);
    (0..stream.count)
        .map(|number| {
            let due = start + interval * number;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            datagram[..8].copy_from_slice(&u64::from(number).to_be_bytes());
            let sent = micros(start);
            let _ = socket.send(&datagram);
            sent
        })
        .collect()
}

struct Taken {
    arrived_micros: Vec<Option<u64>>,
    duplicates: u64,
    overtaken: u64,
}

fn take(socket: &UdpSocket, bytes: usize, start: Instant, count: u32, over: &AtomicBool) -> Taken {
    let mut datagram = vec![0; bytes];
    let mut taken = Taken {
        arrived_micros: vec![None; count as usize],
        duplicates: 0,
        overtaken: 0,
    };
    let mut latest = 0;
    while !over.load(Relaxed) {
        let Ok(length) = socket.recv(&mut datagram) else {
            continue;
        };
        let arrived = micros(start);
        let number = datagram[..length]
            .first_chunk()
            .map(|number| u64::from_be_bytes(*number));
        let place = number.and_then(|number| usize::try_from(number).ok());
        let Some(place) = place.filter(|place| *place < count as usize) else {
            continue; // not one of ours
        };
        if taken.arrived_micros[place].is_some() {
            taken.duplicates += 1;
            continue;
        }
        taken.arrived_micros[place] = Some(arrived);
        if place < latest {
            taken.overtaken += 1;
        }
        latest = latest.max(place);
    }
    taken
}

fn micros(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_datagram_is_told_with_its_time() {
        // Entering a namespace, even its own, needs a privilege.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let here = std::path::PathBuf::from("/proc/self/ns/net");
        let stream = Stream {
            count: 100,
            interval_micros: 1000,
        };
        let config = Config {
            from: here.clone(),
            to: here,
            address: "127.0.0.1".parse().unwrap(),
            port: 47_114,
            bytes: 64,
            task: crate::config::Task::Stream(stream),
        };
        let crate::config::Task::Stream(stream) = &config.task else {
            unreachable!("it was just made");
        };
        let told = run(&config, stream).unwrap();
        assert_eq!((told.duplicates, told.overtaken), (0, 0));
        assert_eq!(told.delay_micros.iter().flatten().count(), 100);
        for (number, sent) in told.sent_micros.iter().enumerate() {
            assert!(*sent >= number as u64 * 1000, "never before its time");
        }
    }

    #[test]
    fn what_comes_twice_or_late_is_counted_apart() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        from.connect(socket.local_addr().unwrap()).unwrap();
        for number in [0u64, 2, 1, 1, 9] {
            from.send(&number.to_be_bytes()).unwrap();
        }
        from.send(b"short").unwrap();
        let over = AtomicBool::new(false);
        let taken = thread::scope(|scope| {
            let taking = scope.spawn(|| take(&socket, 8, Instant::now(), 4, &over));
            thread::sleep(Duration::from_millis(100));
            over.store(true, Relaxed);
            taking.join().unwrap()
        });
        assert_eq!((taken.duplicates, taken.overtaken), (1, 1));
        let arrived: Vec<bool> = taken.arrived_micros.iter().map(Option::is_some).collect();
        assert_eq!(arrived, [true, true, true, false]);
    }
}
