//! Sends at a rate and counts what arrives, in the same window of time at both ends.

use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::batch::{BATCH, Batch, enlarge_receive_buffer};
use crate::config::{Config, Flood};
use crate::namespace::inside;

/// Calls a second that the sender aims at, so that slow rates come evenly and fast ones in batches.
const CALLS_A_SECOND: u64 = 4000;
/// A sender that had no turn catches up with this much and forgets the rest: no bursts.
const MOST_BEHIND: Duration = Duration::from_millis(5);
/// How soon the receiver sees that it is over.
const LOOK_UP: Duration = Duration::from_millis(50);
/// So many calls in a row that send nothing: it will not get better.
const MOST_ERRORS: u32 = 1000;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flooded {
    /// Datagrams that left the sender in the window, and that the receiver got.
    pub sent: u64,
    pub received: u64,
    /// Length of the window.
    pub seconds: f64,
}

#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    received: AtomicU64,
    over: AtomicBool,
}

pub fn run(config: &Config, flood: &Flood) -> Result<Flooded, String> {
    let receiver = inside(&config.to, || {
        receiver(config.listen()).map_err(|error| format!("Cannot listen: {error}"))
    })?;
    let senders = inside(&config.from, || {
        (0..flood.flows)
            .map(|flow| sender(target(config.target(), flow * flood.stride)))
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| format!("Cannot send to {}: {error}", config.target()))
    })?;
    let shared = Shared::default();
    thread::scope(|scope| {
        let counting = scope.spawn(|| count(&receiver, config.bytes, &shared));
        let sending = scope.spawn(|| send(&senders, config.bytes, flood.rate, &shared));
        thread::sleep(Duration::from_millis(flood.settle_millis));
        let start = Instant::now();
        let before = (shared.sent.load(Relaxed), shared.received.load(Relaxed));
        thread::sleep(Duration::from_millis(flood.millis));
        let seconds = start.elapsed().as_secs_f64();
        let after = (shared.sent.load(Relaxed), shared.received.load(Relaxed));
        shared.over.store(true, Relaxed);
        sending.join().expect("the sender does not panic")?;
        counting.join().expect("the receiver does not panic")?;
        Ok(Flooded {
            sent: after.0 - before.0,
            received: after.1 - before.1,
            seconds,
        })
    })
}

/// Its calls come back after [`LOOK_UP`] at the latest.
pub fn receiver(address: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    enlarge_receive_buffer(&socket)?;
    socket.set_read_timeout(Some(LOOK_UP))?;
    Ok(socket)
}

pub fn sender(target: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(target)?;
    Ok(socket)
}

fn target(first: SocketAddrV4, more: u32) -> SocketAddrV4 {
    SocketAddrV4::new((u32::from(*first.ip()) + more).into(), first.port())
}

fn count(socket: &UdpSocket, bytes: usize, shared: &Shared) -> Result<(), String> {
    let mut batch = Batch::new(bytes);
    while !shared.over.load(Relaxed) {
        match batch.receive(socket) {
            Ok(count) => {
                shared.received.fetch_add(count as u64, Relaxed);
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(format!("Cannot receive: {error}")),
        }
    }
    Ok(())
}

fn send(
    sockets: &[UdpSocket],
    bytes: usize,
    rate: Option<u64>,
    shared: &Shared,
) -> Result<(), String> {
    let mut batch = Batch::new(bytes);
    let per_call = rate.map_or(BATCH as u64, |rate| {
        (rate / CALLS_A_SECOND).clamp(1, BATCH as u64)
    });
    let interval = rate.map(|rate| Duration::from_secs_f64(per_call as f64 / rate as f64));
    let mut due = Instant::now();
    let (mut number, mut errors) = (0, 0);
    for socket in sockets.iter().cycle() {
        if shared.over.load(Relaxed) {
            break;
        }
        match batch.send(socket, number, per_call as usize) {
            Ok(count) => {
                errors = 0;
                number += count as u64;
                shared.sent.fetch_add(count as u64, Relaxed);
            }
            // A full queue, or an ICMP error that tells the path's MTU: the next one may pass.
            Err(_) if errors < MOST_ERRORS => errors += 1,
            Err(error) => return Err(format!("Cannot send: {error}")),
        }
        if let Some(interval) = interval {
            due = wait(due + interval);
        }
    }
    Ok(())
}

/// Until then, or not at all where it is over; answers when that was to be.
fn wait(due: Instant) -> Instant {
    let now = Instant::now();
    match due.checked_duration_since(now) {
        Some(early) => {
            thread::sleep(early);
            due
        }
        None => due.max(now.checked_sub(MOST_BEHIND).unwrap_or(now)),
    }
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionRefused | Interrupted | TimedOut | WouldBlock
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_go_to_addresses_a_stride_apart() {
        let first = "172.16.0.255:9".parse().unwrap();
        assert_eq!(target(first, 16), "172.16.1.15:9".parse().unwrap());
    }

    #[test]
    fn a_sender_that_is_late_forgets_what_is_long_past() {
        let now = Instant::now();
        let Some(past) = now.checked_sub(Duration::from_secs(1)) else {
            return;
        };
        assert!(wait(past) >= now.checked_sub(MOST_BEHIND).unwrap());
        let soon = now + Duration::from_millis(2);
        assert_eq!(wait(soon), soon);
        assert!(Instant::now() >= soon);
    }

    #[test]
    fn what_is_sent_at_a_rate_is_what_arrives() {
        let here = std::path::PathBuf::from("/proc/self/ns/net");
        let config = Config {
            from: here.clone(),
            to: here,
            address: "127.0.0.1".parse().unwrap(),
            port: 47_113,
            bytes: 100,
            task: crate::config::Task::Echo(crate::config::Echo {
                count: 1,
                interval_micros: 1,
                most_millis: None,
            }),
        };
        let flood = Flood {
            rate: Some(20_000),
            millis: 300,
            settle_millis: 50,
            flows: 3,
            stride: 0,
        };
        // Entering a namespace, even its own, needs a privilege.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let Flooded {
            sent,
            received,
            seconds,
        } = run(&config, &flood).unwrap();
        let rate = received as f64 / seconds;
        // A busy machine may send less, never more.
        assert!(rate > 2_000.0 && rate < 23_000.0, "{rate} a second");
        assert!(sent.abs_diff(received) < sent / 10, "{sent} and {received}");
    }
}
