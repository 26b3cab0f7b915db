//! Round trips of single datagrams.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::config::{Config, Echo};
use crate::namespace::inside;

/// A reply that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_UP: Duration = Duration::from_millis(50);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Echoed {
    pub lost: u32,
    /// Of those that came back, in the order in which they were sent.
    pub rtt_micros: Vec<f64>,
}

pub fn run(config: &Config, echo: &Echo) -> Result<Echoed, String> {
    let say = |what: &'static str| move |error: io::Error| format!("Cannot {what}: {error}");
    let far = inside(&config.to, || {
        let socket = UdpSocket::bind(config.listen()).map_err(say("listen"))?;
        socket
            .set_read_timeout(Some(LOOK_UP))
            .map_err(say("listen"))?;
        Ok(socket)
    })?;
    let near = inside(&config.from, || {
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(say("send"))?;
        socket.connect(config.target()).map_err(say("send"))?;
        socket
            .set_read_timeout(Some(PATIENCE))
            .map_err(say("send"))?;
        Ok(socket)
    })?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| answer(&far, config.bytes, &over));
        let echoed = ask(&near, config.bytes, echo);
        over.store(true, Relaxed);
        echoed.map_err(say("ask"))
    })
}

fn answer(socket: &UdpSocket, bytes: usize, over: &AtomicBool) {
    let mut datagram = vec![0; bytes];
    while !over.load(Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut datagram) {
            // What cannot be sent back is lost, and the other side sees that.
            let _ = socket.send_to(&datagram[..length], from);
        }
    }
}

fn ask(socket: &UdpSocket, bytes: usize, echo: &Echo) -> io::Result<Echoed> {
    let mut datagram = vec![0; bytes];
    let mut reply = vec![0; bytes];
    let mut echoed = Echoed {
        lost: 0,
        rtt_micros: Vec::with_capacity(echo.count as usize),
    };
    let most = echo
        .most_millis
        .map_or(Duration::MAX, Duration::from_millis);
    let start = Instant::now();
    for number in 0..u64::from(echo.count) {
        if start.elapsed() > most {
            break;
        }
        datagram[..8].copy_from_slice(&number.to_be_bytes());
        let sent = Instant::now();
        socket.send(&datagram)?;
        loop {
            match socket.recv(&mut reply) {
                // One that came too late for its own turn.
                Ok(_) if reply[..8] != datagram[..8] => {}
                Ok(_) => {
                    let micros = sent.elapsed().as_secs_f64() * 1e6;
                    echoed.rtt_micros.push((micros * 10.0).round() / 10.0);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    echoed.lost += 1;
                    break;
                }
            }
        }
        thread::sleep(Duration::from_micros(echo.interval_micros));
    }
    Ok(echoed)
}
